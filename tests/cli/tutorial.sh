#!/bin/bash
# SPDX-License-Identifier: MIT
# The tutorial's configuration file trains as it is; what was repaired in it is said.
. "$(dirname "$0")/common_train.sh"
file=$(dirname "$0")/../golden/tutorial_base.yaml
small="width=0.125 model.out_channels=64 projector.layers=32 steps=2 batch=8"

"$SIMCLR" train -c "$file" shapes:64 $small -o "$scratch/run" > "$scratch/out" 2> "$scratch/err"
check_exit "the tutorial's file" 0 $?
[ "$(grep -c 'repaired: ' "$scratch/err")" -ge 3 ] || { fail "too few repairs said"; cat "$scratch/err"; }
grep -q "repaired: colour jitter on both views" "$scratch/err" || fail "jitter is not mentioned"
grep -q "^optim:" "$scratch/run/config.yaml" && grep -q "name: adam .*file" "$scratch/run/config.yaml" ||
    { fail "adam does not come from the file"; grep -A2 ^optim "$scratch/run/config.yaml"; }
grep -q "batch: 8 .*cli" "$scratch/run/config.yaml" || fail "the command line does not win"
verified "$scratch/run"
expect 0 "" "$SIMCLR" eval "$scratch/run" --json

# Its own settings back from the run's config.yaml: the same state, nothing left to repair.
"$SIMCLR" train -c "$scratch/run/config.yaml" -o "$scratch/again" > "$scratch/out" 2> "$scratch/err"
check_exit "config.yaml of that run" 0 $?
grep -q "repaired" "$scratch/err" && fail "a repaired file is repaired again"
same_state "config.yaml of that run" "$scratch/again" "$scratch/run"

"$SIMCLR" train -c "$file" --as-shipped shapes:64 $small -o "$scratch/shipped" \
    > "$scratch/out" 2> "$scratch/err"
check_exit "--as-shipped" 0 $?
grep -q "kept as shipped: " "$scratch/err" || fail "--as-shipped says nothing"

# CIFAR's own size, on which the tutorial crashed: refused before any data is read, with the size of
# every stage.
"$SIMCLR" train -c "$file" cifar10:/nonexistent image_size=32 -o "$scratch/native" \
    > "$scratch/out" 2> "$scratch/err"
check_exit "image_size=32" 2 $?
one_error "(sizes: input 32x32, conv1 16x16, pool 8x8, layer1 4x4, layer2 2x2, layer3 1x1,"
grep -q "zero padding" "$scratch/err" || fail "no way out is said"
[ -e "$scratch/native" ] && fail "a refused run leaves a directory"
finish
