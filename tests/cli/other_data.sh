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
tiny "$scratch/wide" "$scratch/sheets" steps=1 batch=64 data.image_size=32
grep -q "^loss  *from 1.95 (" "$scratch/err" || fail "the ceiling is not ln 7, that of four images"

# What cannot be read is left out of the rows, and said.
echo "no picture" > "$scratch/sheets/a/bad.png"
expect 0 '"count": 4' "$SIMCLR" embed "$run" "$scratch/sheets" -o "$scratch/f.npy" --json
grep -q "^warning: 1 of 5 images.*bad.png" "$scratch/err" || fail "the skipped image is not said"
grep -q bad.png "$scratch/files.tsv" && fail "an unreadable image has a row"

# Names that are no words, and labels of any length, keep the table's rows and columns.
odd="$scratch/names/an"$'\n'"ant"$'\033'"[31m"
mkdir -p "$odd" "$scratch/names/bee"
cp "$scratch/sheets/a/1.png" "$odd/1.png"
cp "$scratch/sheets/a/2.png" "$scratch/names/bee/2.png"
expect 0 '  an\x0aant\x1b[31m' "$SIMCLR" data info "$scratch/names"
expect 0 '"count": 2' "$SIMCLR" embed "$run" "$scratch/names" -o "$scratch/f.npy" --json
[ "$(cut -f1,3,4 "$scratch/files.tsv" | sed 1d)" = "$(printf '0\tan\\x0aant\\x1b[31m\ttrain\n1\tbee\ttrain')" ] ||
    { fail "files.tsv of odd names:"; cat -v "$scratch/files.tsv"; }
for length in 6000 30000; do
    label=$(head -c $length /dev/zero | tr '\0' x)
    printf '%s\t%s\n' "$scratch/sheets/a/1.png" "$label" "$scratch/sheets/a/2.png" b > "$scratch/long.tsv"
    expect 0 '"count": 2' "$SIMCLR" embed "$run" "list:$scratch/long.tsv" -o "$scratch/f.npy" --json
    [ "$(sed -n 2p "$scratch/files.tsv" | cut -f3)" = "$label" ] || fail "a label of $length bytes is not whole"
    [ "$(wc -l < "$scratch/files.tsv")" -eq 3 ] || fail "a label of $length bytes: not 3 lines"
done

# The same command resumes, and a new limit of steps is in config.yaml.
"$SIMCLR" train shapes:64 width=0.125 batch=16 epochs=1 steps=3 projector.layers=32 threads=2 \
    -o "$run" > "$scratch/out" 2> "$scratch/err"
check_exit "resume without image_size" 0 $?
grep -q "resume .* at step 2" "$scratch/err" || fail "not resumed"
grep -q "steps: 3 " "$run/config.yaml" || fail "config.yaml is of the first command"
verified "$run"


# Pictures that are decoded when they are needed: one that turns out to be damaged inside is passed
# over by the sheet of views, the training and the evaluation alike, up to data.max_bad.
mkdir "$scratch/large"
for n in 1 2 3 4 5 6 7; do
    "$SIMCLR" views shapes:60 -q -n 60 image_size=$((60 + n)) -o "$scratch/large/$n.png" \
        > "$scratch/out"
done
cp "$scratch/large/1.png" "$scratch/large/bad.png"
printf 'damage' | dd of="$scratch/large/bad.png" bs=1 conv=notrunc status=none \
    seek=$(($(stat -c %s "$scratch/large/1.png") / 2))
large="$scratch/large batch=4 epochs=2 steps=0 data.image_size=32 data.memory_limit=1"
tiny "$scratch/demand" $large data.max_bad=0.2
check_exit "one of 8 pictures damaged" 0 $?
grep -q "8 images (train), 0 classes, 0 skipped" "$scratch/err" || fail "decoded at the start"
[ "$(sed 1d "$scratch/demand/skipped.tsv" | cut -f1)" = "$scratch/large/bad.png" ] ||
    fail "skipped.tsv does not name bad.png alone"
expect 0 "" "$SIMCLR" views $large data.max_bad=0.2 -o "$scratch/v.png"
expect 0 '"count": 7' "$SIMCLR" embed "$scratch/demand" -o "$scratch/f.npy" --json
grep -q "^warning: 1 of 8 images.*bad.png" "$scratch/err" || fail "the damaged picture is not said"
tiny "$scratch/many" $large
check_exit "more than max_bad" 3 $?
one_error "bad.png"
finish
