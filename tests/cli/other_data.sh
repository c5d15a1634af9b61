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
expect 0 '"k": 3, "temperature": 0, "top1_k200_t01": null' "$SIMCLR" eval "$run" "$scratch/sheets" --json # a bank of 3
expect 0 '(k=3, cosine)' "$SIMCLR" eval "$run" "$scratch/sheets"
grep -q "(k=3, T=0.1)" "$scratch/out" || fail "eval: the weighted k is not that of the bank"
tiny "$scratch/few" "$scratch/sheets" steps=1 batch=4 data.image_size=32
check_exit "training on four images" 0 $?
grep -q "^before  *k-NN(3, cosine)" "$scratch/err" || fail "before: another k than that of the bank"
grep -q "^epoch .*k-NN(3, cosine).*k-NN(3, T=0.1)" "$scratch/err" || fail "epoch: another k"
tiny "$scratch/wide" "$scratch/sheets" steps=1 batch=64 data.image_size=32
grep -q "^loss  *from 1.95 (" "$scratch/err" || fail "the ceiling is not ln 7, that of four images"
grep -q "^warning: train.batch: 64, but there are 4 images" "$scratch/err" || fail "batch 64 of 4 images: no warning"
same_state "the learning rate of batch=64 of 4 images" "$scratch/wide" "$scratch/few"
tiny "$scratch/wide" "$scratch/sheets" steps=2 batch=64 data.image_size=32
check_exit "a batch of more images than there are, resumed" 0 $?

# What cannot be read is left out of the rows, and said.
echo "no picture" > "$scratch/sheets/a/bad.png"
expect 0 '"count": 4' "$SIMCLR" embed "$run" "$scratch/sheets" -o "$scratch/f.npy" --json
grep -q "^warning: 1 of 5 images.*bad.png" "$scratch/err" || fail "the skipped image is not said"
grep -q bad.png "$scratch/f.files.tsv" && fail "an unreadable image has a row"

# Names that are no words, and labels of any length, keep the table's rows and columns.
odd="$scratch/names/an"$'\n'"ant"$'\033'"[31m"
mkdir -p "$odd" "$scratch/names/bee"
cp "$scratch/sheets/a/1.png" "$odd/1.png"
cp "$scratch/sheets/a/2.png" "$scratch/names/bee/2.png"
expect 0 '  an\x0aant\x1b[31m' "$SIMCLR" data info "$scratch/names"
expect 0 '"count": 2' "$SIMCLR" embed "$run" "$scratch/names" -o "$scratch/f.npy" --json
[ "$(cut -f1,3,4 "$scratch/f.files.tsv" | sed 1d)" = "$(printf '0\tan\\x0aant\\x1b[31m\ttrain\n1\tbee\ttrain')" ] ||
    { fail "f.files.tsv of odd names:"; cat -v "$scratch/f.files.tsv"; }
for length in 6000 30000; do
    label=$(head -c $length /dev/zero | tr '\0' x)
    printf '%s\t%s\n' "$scratch/sheets/a/1.png" "$label" "$scratch/sheets/a/2.png" b > "$scratch/long.tsv"
    expect 0 '"count": 2' "$SIMCLR" embed "$run" "list:$scratch/long.tsv" -o "$scratch/f.npy" --json
    [ "$(sed -n 2p "$scratch/f.files.tsv" | cut -f3)" = "$label" ] || fail "a label of $length bytes is not whole"
    [ "$(wc -l < "$scratch/f.files.tsv")" -eq 3 ] || fail "a label of $length bytes: not 3 lines"
done

# The same command resumes, and a new limit of steps is in config.yaml.
"$SIMCLR" train shapes:64 width=0.125 batch=16 epochs=1 steps=3 projector.layers=32 threads=2 \
    -o "$run" > "$scratch/out" 2> "$scratch/err"
check_exit "resume without image_size" 0 $?
grep -q "resume .* at step 2" "$scratch/err" || fail "not resumed"
grep -q "steps: 3 " "$run/config.yaml" || fail "config.yaml is of the first command"
verified "$run"

# The bank never holds the images that it is asked for: on raw pixels one neighbour does not know it all.
for split in all test; do
    tiny "$scratch/split_$split" data.dataset=shapes:120 steps=1 eval.knn_k=1 eval.max_train=0 \
        eval.max_test=0 data.split=$split
    check_exit "data.split=$split" 0 $?
    grep -q '"raw_pixels_top1": 100' "$scratch/split_$split/metrics.jsonl" &&
        fail "data.split=$split: the test images are in their own bank"
    grep -q '"n_train": 120, "n_test": 20' "$scratch/split_$split/metrics.jsonl" ||
        fail "data.split=$split: not measured against the training images"
done

# A folder with images that have no labels beside train/, learnt from, but no part of the k-NN.
for class in a b; do
    mkdir -p "$scratch/extra/train/$class" "$scratch/extra/unlabeled"
    for n in 1 2 3; do
        "$SIMCLR" views shapes:60 -q -n $n train.seed=$n -o "$scratch/extra/train/$class/$n.png" > "$scratch/out"
        cp "$scratch/extra/train/$class/$n.png" "$scratch/extra/unlabeled/$class$n.png"
        printf '%s\t%s\n' "extra/train/$class/$n.png" $class >> "$scratch/part.txt"
    done
done
tiny "$scratch/unlabelled" "$scratch/extra" steps=1 batch=4 data.image_size=32
check_exit "train/ and unlabeled/" 0 $?
grep -q ": 12 images (train+unlabeled)" "$scratch/err" || fail "not of 12 images"
grep -q '"n_train": 5, "n_test": 1' "$scratch/unlabelled/metrics.jsonl" || fail "k-NN not on train/"
mkdir "$scratch/extra/test" # of one class alone: no labels
cp "$scratch/extra/unlabeled/a1.png" "$scratch/extra/test/"
tiny "$scratch/unlabelled_test" "$scratch/extra" steps=1 batch=4 data.image_size=32
check_exit "test/ without labels" 0 $?
grep -q "^warning: .*the test images have no labels" "$scratch/err" || fail "test/ without labels: no warning"

# A list some of whose lines have no label.
ls "$scratch/extra/unlabeled" | sed 's,^,extra/unlabeled/,' >> "$scratch/part.txt"
tiny "$scratch/part" "list:$scratch/part.txt" steps=1 batch=4 data.image_size=32
check_exit "a list with labels for some" 0 $?
grep -q '"n_train": 5, "n_test": 1' "$scratch/part/metrics.jsonl" || fail "k-NN not on the labelled lines"
expect 0 '"n_train": 5, "n_test": 1' "$SIMCLR" eval "$scratch/part" --json
sed -n '1p;7,8p' "$scratch/part.txt" > "$scratch/one.txt"
expect 3 "1 image with a label" "$SIMCLR" eval "$scratch/part" "list:$scratch/one.txt"
cut -f1 "$scratch/part.txt" > "$scratch/none.txt"
tiny "$scratch/none" "list:$scratch/none.txt" steps=1 batch=4 data.image_size=32
check_exit "a list without labels" 0 $?
grep -q knn_top1 "$scratch/none/metrics.jsonl" && fail "k-NN without labels"

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
expect 0 "7 images" "$SIMCLR" data verify $large data.max_bad=0.2
grep -q "^$scratch/large/bad.png	" "$scratch/out" || fail "data verify passes over a damaged picture"
expect 3 "1 of 8 images cannot be read" "$SIMCLR" data verify $large
# Without DATA, the sheet of views is of the data set that is configured.
expect 3 "/nonexistent" "$SIMCLR" views data.dataset=/nonexistent -o "$scratch/v.png"
expect 3 "/nonexistent" env SIMCLR_DATA_DATASET=/nonexistent "$SIMCLR" views -o "$scratch/v.png"
expect 3 'no split "unlabeled"' "$SIMCLR" views shapes:60 data.split=unlabeled -o "$scratch/v.png"
tiny "$scratch/many" $large
check_exit "more than max_bad" 3 $?
one_error "bad.png"
finish
