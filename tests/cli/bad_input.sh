#!/bin/bash
# SPDX-License-Identifier: MIT
# Wrong input: the exit code of simclr.h's table, one error line that names the thing, and the last
# checkpoint of the run unharmed.
. "$(dirname "$0")/common_train.sh"
run=$scratch/run

# refuse EXIT FRAGMENT COMMAND...
refuse()
{
    local code=$1 fragment=$2 got
    shift 2
    "$@" > "$scratch/out" 2> "$scratch/err" < /dev/null
    got=$?
    check_exit "$*" "$code" $got
    one_error "$fragment"
    [ -s "$scratch/out" ] && fail "$*: wrote to stdout"
    verified "$run"
}

tiny "$run" steps=2
check_exit "2 steps" 0 $?
before=$(hashes "$run")
train="$SIMCLR train $tiny_settings -o $run"

refuse 2 "unknown command 'trian'; did you mean 'train'?" "$SIMCLR" trian
refuse 2 "unknown key 'temprature'; did you mean 'temperature'?" $train temprature=1
refuse 2 "optim.lr: 'fast' is not a number" $train lr=fast
refuse 2 "train.batch" $train batch=0
refuse 2 "optim.lr" $train optim.lr=nan
refuse 2 "unknown preset" "$SIMCLR" train --preset nothing -o "$run"

# YAML: broken, of a wrong type, with an unknown key, missing.
printf 'optim:\n  lr: [0.1\n' > "$scratch/broken.yaml"
refuse 2 "broken.yaml" $train -c "$scratch/broken.yaml"
printf 'optim:\n\tlr: 0.1\n' > "$scratch/tab.yaml"
refuse 2 "tab.yaml:2" $train -c "$scratch/tab.yaml"
printf 'optim:\n  lr: quick\n' > "$scratch/type.yaml"
refuse 2 "type.yaml:2" $train -c "$scratch/type.yaml"
printf 'optim:\n  rl: 0.1\n' > "$scratch/key.yaml"
refuse 2 "optim.rl" $train -c "$scratch/key.yaml"
refuse 2 "absent.yaml" $train -c "$scratch/absent.yaml"
head -c 3000 /dev/urandom > "$scratch/noise.yaml"
refuse 2 "noise.yaml" $train -c "$scratch/noise.yaml"

# Data: missing, empty, not images, cut short.
refuse 3 "$scratch/nowhere" $train "$scratch/nowhere"
refuse 3 "$scratch/nowhere" $train "folder:$scratch/nowhere"
refuse 3 "$scratch/nowhere" $train "cifar10:$scratch/nowhere"
mkdir "$scratch/empty"
refuse 3 "$scratch/empty" $train "$scratch/empty"
refuse 3 "$scratch/empty" $train "cifar10:$scratch/empty"
mkdir "$scratch/text"
echo "no picture" > "$scratch/text/a.png"
refuse 3 "$scratch/text" $train "$scratch/text"
mkdir "$scratch/cifar"
for n in 1 2 3 4 5; do
    truncate -s 30730000 "$scratch/cifar/data_batch_$n.bin" # sparse: 10000 records of zeros
done
truncate -s 30730000 "$scratch/cifar/test_batch.bin"
truncate -s 30729000 "$scratch/cifar/data_batch_3.bin"
refuse 3 "$scratch/cifar/data_batch_3.bin: 30729000 bytes" $train "cifar10:$scratch/cifar"
refuse 3 "data_batch_3.bin" "$SIMCLR" data verify "cifar10:$scratch/cifar"
rm "$scratch/cifar/data_batch_3.bin"
refuse 3 "data_batch_3.bin" $train "cifar10:$scratch/cifar"

# Not a run, not a model.
refuse 3 "$scratch/nowhere" "$SIMCLR" eval "$scratch/nowhere"
refuse 3 "$scratch/empty" "$SIMCLR" embed "$scratch/empty"
refuse 2 "protocol" "$SIMCLR" eval "$run" --protocol guess
head -c 4096 /dev/urandom > "$scratch/noise.safetensors"
refuse 7 "noise.safetensors" "$SIMCLR" import "$scratch/noise.safetensors" -o "$scratch/imported"
head -c 100000 "$run/model.safetensors" > "$scratch/cut.safetensors"
refuse 7 "cut.safetensors" "$SIMCLR" import "$scratch/cut.safetensors" -o "$scratch/imported"
refuse 7 "conv1.weight" "$SIMCLR" import "$run/model.safetensors" -o "$scratch/imported" width=0.5
refuse 2 "$run" "$SIMCLR" import "$run/model.safetensors" -o "$run"

# Settings in the file that no configuration could hold, or that its tensors do not bear out.
"$SIMCLR" export "$run" --projector -o "$scratch/whole.safetensors" > /dev/null
# forge FROM TO: the same file but for its settings; a TO that is shorter is followed by blanks.
forge()
{
    printf -v blanks '%*s' $((${#1} - ${#2})) ''
    LC_ALL=C sed "s/$1/$2$blanks/" "$scratch/whole.safetensors" > "$scratch/forged.safetensors"
    cmp -s "$scratch/whole.safetensors" "$scratch/forged.safetensors" && fail "nothing forged: $1"
}
import="$SIMCLR import $scratch/forged.safetensors -o $scratch/imported"
forge '"model.width":"0.125"' '"model.width":"99"'
refuse 7 "forged.safetensors: metadata: model.width: '99' is too large" $import
forge '"model.width":"0.125"' '"model.width":"4"'
refuse 7 "forged.safetensors: 100 tensors do not fit this model" $import
forge '"model.norm":"batchnorm"' '"model.norm":"Norman"'
refuse 7 "metadata: model.norm: 'Norman' is not known" $import
forge '"model.strides":".2, 2, 1, 2, 2, 2."' '"model.strides":"[2, 2]"'
refuse 7 "metadata: model.strides: has 2 numbers" $import
forge '"data.image_size":"32"' '"data.image_size":"1"'
refuse 7 "metadata: data.image_size: 1 is below 8 px" $import
forge '"projector.layers":".32.","projector.out_dim":"32"' '"projector.layers":"65536, 65536"'
expect 0 "the projector of the file is left out" "$SIMCLR" import "$scratch/forged.safetensors" \
    -o "$scratch/small"
forge '"projector.last_norm":"false"' '"projector.lost_norm":"1"'
expect 0 "step 0" "$SIMCLR" import "$scratch/forged.safetensors" -o "$scratch/unknown"
refuse 4 "cannot be" "$SIMCLR" export "$run" -o /proc/nowhere/model.safetensors
refuse 4 "cannot be" "$SIMCLR" export "$run" -o /proc/nowhere/model.pth
refuse 4 "cannot be" "$SIMCLR" export "$run" -o /proc/nowhere/model.onnx
refuse 2 "format 'hdf5' is not known; use safetensors, pth, onnx or npz" \
    "$SIMCLR" export "$run" --format hdf5 -o "$scratch/imported"
refuse 2 "imported: its name tells no format; use --format safetensors, pth, onnx or npz" \
    "$SIMCLR" export "$run" -o "$scratch/imported"
refuse 2 "imported.tar: its name tells no format" "$SIMCLR" export "$run" -o "$scratch/imported.tar"
refuse 2 "model: its name tells no format" "$SIMCLR" export "$run" -o "$scratch/a.npz/model"
[ -e "$scratch/imported" ] && fail "a refused import leaves a directory"

[ "$before" = "$(hashes "$run")" ] || fail "refused commands changed the run"

# Numbers that run away: exit 6 and the checkpoint before them stays.
run=$scratch/nan
tiny "$run" lr=1000 optim.lr_scaling=none optim.weight_decay=1 epochs=100 steps=0 \
    train.checkpoint_steps=1
check_exit "lr=1000" 6 $?
one_error "the loss is not finite"
verified "$run"
grep -q '"phase": "failed"' "$run/STATUS.json" && grep -q '"exit": 6' "$run/STATUS.json" ||
    fail "STATUS.json does not tell of exit 6"
finish
