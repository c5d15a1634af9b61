#!/bin/bash
# SPDX-License-Identifier: MIT
# Wrong command lines: exit 2, one clear text, nothing on stdout.
. "$(dirname "$0")/common_config.sh"

expect 2 "unknown command 'confg'; did you mean 'config'?" "$SIMCLR" confg
expect 2 "unknown command 'xyzzyxyzzy'; 'simclr help' lists all" "$SIMCLR" xyzzyxyzzy
expect 2 "did you mean '--yaml'?" "$SIMCLR" config --yml
expect 2 "did you mean '--epochs'?" "$SIMCLR" config --epoch 3
expect 2 "unknown option '-Z'" "$SIMCLR" config -Z
expect 2 "--yaml takes no value" "$SIMCLR" config --yaml=1
expect 2 "--preset needs a value" "$SIMCLR" config --preset
expect 2 "-c needs a value" "$SIMCLR" config -c
expect 2 "--lr needs a value" "$SIMCLR" config --lr
expect 2 "one argument too many" "$SIMCLR" config optim model
expect 2 "too few arguments" "$SIMCLR" completion
expect 2 "is not bash, zsh or fish" "$SIMCLR" completion tcsh
expect 2 "one argument too many" "$SIMCLR" doctor all
expect 2 "unknown key 'lrr'; did you mean 'lr'?" "$SIMCLR" config lrr=1
expect 2 "optim.lr: 'abc' is not a number" "$SIMCLR" config --yaml lr=abc
[ -s "$scratch/out" ] && { echo "FAILED: stdout is not empty"; failures=1; }
expect 2 "optim.lr" "$SIMCLR" config --yaml lr=abc batch=0 # all at once
expect 2 "train.batch" "$SIMCLR" config --yaml lr=abc batch=0
expect 2 "unknown preset 'tny'; did you mean 'tiny'?" "$SIMCLR" config --preset tny
expect 2 "unknown preset" "$SIMCLR" presets nothing-like-it
expect 2 "fp16' is not offered; use auto, fp32 or bf16" "$SIMCLR" config precision=fp16
expect 2 "gpu' is not known; use auto, cpu, cuda or cuda:N" "$SIMCLR" config --device gpu
for device in cuda cuda:7; do
    expect 2 "train.device: $device: switched off by SIMCLR_CUDA; use device=cpu" \
        env SIMCLR_CUDA=off "$SIMCLR" train shapes --preset tiny device=$device -o "$scratch/no-gpu"
    expect 2 "train.device: $device: switched off by SIMCLR_CUDA; use device=cpu" \
        env SIMCLR_CUDA=off "$SIMCLR" bench knn --repeat 1 device=$device
done
[ -e "$scratch/no-gpu" ] && { echo "FAILED: a run was begun without its device"; failures=1; }
expect 2 "no key or group 'nothing'" "$SIMCLR" config nothing
expect 2 "nonexistent.yaml" "$SIMCLR" config --yaml -c /nonexistent.yaml
expect 2 "SIMCLR_LR: optim.lr: 'x' is not a number" env SIMCLR_LR=x "$SIMCLR" config --yaml
expect 4 "" bash -c "'$SIMCLR' config >&-"
expect 2 "the run's directory has no name" "$SIMCLR" train shapes --preset tiny -o ""
if [ -w /dev/full ]; then
    expect 4 "stdout" bash -c "'$SIMCLR' config > /dev/full"
fi
finish
