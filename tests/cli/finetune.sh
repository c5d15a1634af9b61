#!/bin/bash
# SPDX-License-Identifier: MIT
# simclr eval --protocol finetune: what it says, what it keeps and leaves alone, and what it refuses.
. "$(dirname "$0")/common_train.sh"
run=$scratch/run
tiny "$run" steps=4
check_exit "a run" 0 $?

# tune [ARGUMENT ...]: two epochs, in seconds
tune()
{
    "$SIMCLR" eval "$run" --protocol finetune finetune.epochs=2 finetune.batch=32 "$@"
}

all_hashes() # of the run's files, but for the lock
{
    (cd "$run" && find . -type f ! -name lock | sort | xargs sha256sum)
}

before=$(all_hashes)
expect 0 '"protocol": "finetune"' tune --json --baselines --save "$scratch/fine.safetensors"
for key in top1 top5 validation_top1 n_val lr epochs batch untrained_top1 labels n_train n_test checkpoint seconds; do
    grep -q "\"$key\": [0-9]" "$scratch/out" || { fail "no \"$key\" in:"; cat "$scratch/out"; }
done
grep -q '"n_val": 13, "lr": 0.2, "epochs": 2, "batch": 29,.*"n_train": 128, "n_test": 21, "checkpoint": 4' "$scratch/out" ||
    { fail "the numbers of images and steps"; cat "$scratch/out"; }
grep -q raw_pixels "$scratch/out" && fail "raw pixels cannot be fine-tuned"
for text in "fine-tuning: 115 images of 10 classes, 13 held out; 2 epochs of 4 steps, 29 images a step" \
    "fine-tuning: epoch 2/2, lr 0.2: loss " "of 13 held-out images" \
    "saved     $scratch/fine.safetensors: encoder and classifier of 10 classes" "untrained encoder: epoch 2/2"; do
    grep -qF -- "$text" "$scratch/err" || { fail "not said: $text"; cat "$scratch/err"; }
done
[ "$(all_hashes)" = "$before" ] || fail "fine-tuning changes the run"

# The file is torchvision's with a classifier; an import passes that over.
expect 0 "fc.weight" "$SIMCLR" inspect "$scratch/fine.safetensors"
grep -q "projector" "$scratch/out" && fail "a projector in the fine-tuned weights"
expect 0 "step 0" "$SIMCLR" import "$scratch/fine.safetensors" -o "$scratch/import"

# The same bytes for any number of threads; others than the encoder that it began with.
expect 0 "finetune top-1" tune threads=1 --save "$scratch/one.safetensors"
grep -qE "^finetune top-5 [0-9.]+ %$" "$scratch/out" || fail "no top-5 of ten classes"
grep -qE "^finetune top-1 [0-9.]+ % \(lr 0.2, 2 epochs; [0-9.]+ % of 13 held-out images\)$" "$scratch/out" ||
    { fail "the line of top-1"; cat "$scratch/out"; }
cmp "$scratch/one.safetensors" "$scratch/fine.safetensors" || fail "1 thread: other weights"
expect 0 "" "$SIMCLR" export "$run" -o "$scratch/encoder.safetensors"
cmp -s <(tail -c 4096 "$scratch/encoder.safetensors") <(tail -c 4096 "$scratch/one.safetensors") &&
    fail "the encoder was not tuned"

# It begins with the run's encoder: a rate of 0 gives that back, and its features (without statistics of batches).
group="model.norm=groupnorm model.norm_groups=4"
tiny "$scratch/group" $group steps=4
expect 0 "" "$SIMCLR" eval "$scratch/group" --protocol finetune finetune.lr=0 finetune.epochs=1 --save "$scratch/same.safetensors"
expect 0 "" "$SIMCLR" import "$scratch/same.safetensors" -o "$scratch/group_again" precision=fp32
for of in group group_again; do
    expect 0 "" "$SIMCLR" embed "$scratch/$of" shapes:60 -o "$scratch/$of.npy"
done
cmp "$scratch/group.npy" "$scratch/group_again.npy" || fail "it does not begin with the run's encoder"

# A run that has learnt nothing is its own baseline; colours and blur of its views are left out.
for jitter in 0 0.8; do
    tiny "$scratch/new_$jitter" $group steps=1 lr=0 views.jitter_prob=$jitter views.grayscale=$jitter views.blur_prob=$jitter \
        views.solarize_prob=$jitter
    expect 0 "" "$SIMCLR" eval "$scratch/new_$jitter" --protocol finetune finetune.lr=0.5 finetune.epochs=3 --json \
        --baselines --save "$scratch/new_$jitter.safetensors"
    diff <(sed -n 's/^fine-tuning: epoch//p' "$scratch/err") <(sed -n 's/^untrained encoder: epoch//p' "$scratch/err") ||
        fail "the baseline begins elsewhere"
done
cmp "$scratch/new_0.safetensors" "$scratch/new_0.8.safetensors" || fail "fine-tuning takes other views than crop and flip"

# Of several rates one is chosen; a share of the labels; all of them; limits; keys from the environment.
expect 0 "lr 0.3: loss" tune finetune.lr=0,0.3
grep -q "epoch 2/2, lr 0: loss" "$scratch/err" || fail "the first of two rates is not tried"
expect 0 '"labels": 0.25, "n_train": 3' tune --json --labels 25%
expect 0 "(25 % of the labels)" tune --labels 0.25
expect 0 '"validation_top1": null, "n_val": 0' tune --json finetune.held_out=0
expect 0 "(lr 0.2, 2 epochs)" tune finetune.held_out=0
expect 0 '"n_train": 40, "n_test": 9' tune --json eval.max_train=40 eval.max_test=9
expect 0 '"epochs": 1' env SIMCLR_FINETUNE_EPOCHS=1 "$SIMCLR" eval "$run" --protocol finetune --json
expect 0 "fine-tuning runs on the processor" env SIMCLR_CUDA=off "$SIMCLR" eval "$run" --protocol finetune \
    device=cuda:0 finetune.epochs=1

# It learns: from an encoder of 20 steps, of which a linear classifier makes little.
# Of five seeds the least difference was 23 points (n = 1 each).
tiny "$scratch/learns" data.dataset=shapes:600 epochs=2
check_exit "a run to be tuned" 0 $?
top1() # PROTOCOL [key=value ...]: whole per cent
{
    "$SIMCLR" eval "$scratch/learns" --json --protocol "$@" 2> "$scratch/err" | sed 's/.*"top1": \([0-9]*\).*/\1/'
}
linear=$(top1 linear)
tuned=$(top1 finetune finetune.lr=0.5 finetune.epochs=15)
[ "${tuned:-0}" -ge $((${linear:-100} + 10)) ] || fail "fine-tuned $tuned %, linear $linear %"

# Without a test split every tenth labelled image is held out, as for the other protocols.
mkdir -p "$scratch/classes/a" "$scratch/classes/b"
for i in 0 1 2 3 4 5 6 7 8 9; do
    for class in a b; do
        { printf 'P6 16 16 255\n'; head -c 768 /dev/zero | tr '\0' "$i"; } > "$scratch/classes/$class/$i.ppm"
    done
done
expect 0 '"top5": null' tune "$scratch/classes" --json
grep -q '"n_train": 18, "n_test": 2' "$scratch/out" || { fail "every tenth"; cat "$scratch/out"; }

# Refused, with nothing written.
refused()
{
    local text=$1
    shift
    expect 2 "$text" tune "$@" --save "$scratch/none.safetensors"
    [ -e "$scratch/none.safetensors" ] && fail "$text: a file was written"
}
refused "finetune.lr: '-1' has an entry that is too small" finetune.lr=-1
refused "finetune.lr: ''" finetune.lr=
refused "finetune.lr: 'fast'" finetune.lr=fast
refused "finetune.batch: '1'" finetune.batch=1
refused "finetune.held_out: '0.6'" finetune.held_out=0.6
refused "finetune.weight_decay: '2'" finetune.weight_decay=2
refused "did you mean 'finetune.epochs'" finetune.epoch=2
refused "2 rates, and with finetune.held_out=0" finetune.lr=0.1,0.2 finetune.held_out=0
refused "optim.lr: the run's own settings" lr=1
expect 2 "expected knn, linear or finetune" "$SIMCLR" eval "$run" --protocol finetuned
for protocol in knn linear; do
    expect 2 "the protocol $protocol makes no new weights" "$SIMCLR" eval "$run" --protocol $protocol \
        --save "$scratch/none.safetensors"
done
mkdir "$scratch/unlabelled"
cp "$scratch/classes/a/"*.ppm "$scratch/unlabelled"
expect 3 "none of 10 images has a label" tune "$scratch/unlabelled"
printf 'classes/a/%d.ppm\ta\n' 0 1 2 3 > "$scratch/one.txt"
expect 3 "at least 2 classes" tune "list:$scratch/one.txt"
printf 'classes/a/0.ppm\ta\nclasses/b/0.ppm\tb\nclasses/b/1.ppm\tb\n' > "$scratch/few.txt"
expect 3 "2 labelled images; 1 held out" tune "list:$scratch/few.txt"

# A place that cannot be written is found before anything is learnt.
expect 4 "nowhere" tune --save "$scratch/nowhere/fine.safetensors"
grep -q "fine-tuning:" "$scratch/err" && fail "the place of --save is looked at too late"

# A signal ends it, and leaves nothing.
"$SIMCLR" eval "$run" --protocol finetune finetune.epochs=100000 --save "$scratch/none.safetensors" \
    > "$scratch/out" 2> "$scratch/err" < /dev/null &
child=$!
for _ in $(seq 400); do
    grep -q "^epoch" "$scratch/err" && break
    sleep 0.05
done
kill -TERM $child
wait $child
check_exit "a signal" 75 $?
one_error "interrupted while fine-tuning"
[ -z "$(find "$scratch" -maxdepth 1 -name '*none.safetensors*')" ] || fail "a signal leaves files"
finish
