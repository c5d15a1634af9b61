#!/bin/bash
# SPDX-License-Identifier: MIT
# A run whose image size and stem were chosen by its data is used on images of other sizes, some of
# them unreadable.
. "$(dirname "$0")/common_train.sh"
run=$scratch/run

"$SIMCLR" train shapes:64 width=0.125 batch=16 epochs=1 steps=2 projector.layers=32 threads=2 \
    -o "$run" > "$scratch/out" 2> "$scratch/err"
check_exit "training without image_size" 0 $?
grep -q "image_size: 32 " "$run/config.yaml" || fail "config.yaml does not hold the image size"

expect 0 "written" "$SIMCLR" export "$run" -o "$scratch/a.safetensors"
cmp "$scratch/a.safetensors" "$run/model.safetensors" || fail "export differs from the run's file"

# Contact sheets serve as images: wider than shapes, and of two heights.
for class in a b; do
    mkdir -p "$scratch/sheets/$class"
    for rows in 1 2; do
        "$SIMCLR" views shapes:60 -q -n $rows -o "$scratch/sheets/$class/$rows.png" > "$scratch/out"
    done
done
expect 0 '"count": 4' "$SIMCLR" embed "$run" "$scratch/sheets" -o "$scratch/f.npy" --json
expect 0 '"n_train": 3, "n_test": 1' "$SIMCLR" eval "$run" "$scratch/sheets" --json
tiny "$scratch/few" "$scratch/sheets" steps=1 batch=4 data.image_size=32
check_exit "training on four images" 0 $?

# What cannot be read is left out of the rows, and said.
echo "no picture" > "$scratch/sheets/a/bad.png"
expect 0 '"count": 4' "$SIMCLR" embed "$run" "$scratch/sheets" -o "$scratch/f.npy" --json
grep -q "^warning: 1 of 5 images.*bad.png" "$scratch/err" || fail "the skipped image is not said"
grep -q bad.png "$scratch/files.tsv" && fail "an unreadable image has a row"

# The same command resumes, and a new limit of steps is in config.yaml.
"$SIMCLR" train shapes:64 width=0.125 batch=16 epochs=1 steps=3 projector.layers=32 threads=2 \
    -o "$run" > "$scratch/out" 2> "$scratch/err"
check_exit "resume without image_size" 0 $?
grep -q "resume .* at step 2" "$scratch/err" || fail "not resumed"
grep -q "steps: 3 " "$run/config.yaml" || fail "config.yaml is of the first command"
verified "$run"
finish
