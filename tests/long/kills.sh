#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/long/kills.sh [N] - N times SIGKILL (1000) at a random moment of a training run that saves every
# step; after each the newest checkpoint must verify, and every run that comes to its end must have the
# bytes of one that was never killed.  A run that finished is begun anew.
. "$(dirname "$0")/../cli/common_train.sh"
count=${1:-1000}
RANDOM=${SIMCLR_TEST_SEED:-$$}
settings="train.checkpoint_steps=1 train.log_every=1"
began=$(date +%s%N)
tiny "$scratch/whole" $settings
check_exit "uninterrupted" 0 $?
took=$((($(date +%s%N) - began) / 1000000)) # ms
kills=0 finished=0 resumed=0
while [ $kills -lt "$count" ] && [ $failures -eq 0 ]; do
    "$SIMCLR" train $tiny_settings $settings -o "$scratch/run" > "$scratch/out" 2> "$scratch/err" < /dev/null &
    child=$!
    wait=$((RANDOM % (took * 3 / 4) + 1))
    sleep "$(printf '%d.%03d' $((wait / 1000)) $((wait % 1000)))"
    kill -KILL "$child" 2> /dev/null
    wait "$child" 2> /dev/null
    if [ $? -eq 137 ]; then
        kills=$((kills + 1))
        [ -e "$scratch/run/checkpoints/last" ] && { resumed=$((resumed + 1)); verified "$scratch/run"; }
        continue
    fi
    finished=$((finished + 1))
    same_state "run $finished" "$scratch/run" "$scratch/whole"
    same_metrics "run $finished" "$scratch/run" "$scratch/whole"
    cmp -s "$scratch/run/model.safetensors" "$scratch/whole/model.safetensors" || fail "model.safetensors"
    rm -rf "$scratch/run"
done
echo "$kills kills, $resumed with a checkpoint to go on from, $finished runs finished, $failures failures"
finish
