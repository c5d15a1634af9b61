#!/bin/bash
# SPDX-License-Identifier: MIT
# All commands in a row: train, eval, embed, views, export, import, and training from the import.
. "$(dirname "$0")/common_train.sh"
run=$scratch/run

is_png()
{
    [ "$(head -c 8 "$1" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ] || fail "$1 is not a PNG"
}

# keys FILE KEY...: a JSON object with these keys
keys()
{
    local file=$1
    shift
    if have python3; then
        python3 -m json.tool "$file" > /dev/null || fail "$file is not JSON"
    fi
    for key in "$@"; do
        grep -q "\"$key\": " "$file" || { fail "no \"$key\" in:"; cat "$file"; }
    done
}

expect 0 '"step": 20' "$SIMCLR" train $tiny_settings -o "$run" --json
keys "$scratch/out" run step epoch loss knn_top1 raw_pixels_top1 untrained_top1
for file in config.yaml STATUS.json metrics.jsonl skipped.tsv model.safetensors \
    projector_config.pbtxt; do
    [ -s "$run/$file" ] || fail "no $file in the run"
done
ls "$run"/events.out.tfevents.* > /dev/null || fail "no TensorBoard events"
for picture in views latent curves; do
    is_png "$run/$picture.png"
done

expect 0 "" "$SIMCLR" eval "$run" --baselines --json
keys "$scratch/out" protocol top1 n_train n_test checkpoint seconds k temperature top1_k200_t01 labels \
    raw_pixels_top1 untrained_top1
expect 0 '"checkpoint": 20' "$SIMCLR" eval "$run" --protocol linear --json
keys "$scratch/out" protocol top1 top5 n_train n_test checkpoint seconds validation_top1 n_val folds l2
expect 0 "by 5-fold cross-validation" "$SIMCLR" eval "$run" --protocol linear
grep -q "^linear top-5 " "$scratch/out" || fail "no top-5 of ten classes"
expect 0 "k-NN top-1" "$SIMCLR" eval "$run"

# A share of the labels, for both protocols; what is no share is not taken for one.
train=$(sed -n 's/^images  *\([0-9]*\) train,.*/\1/p' "$scratch/out")
[ "$train" -gt 100 ] || fail "the training's limit of 64 images holds for eval: $train"
for protocol in knn linear; do
    expect 0 '"labels": 0.25' "$SIMCLR" eval "$run" --protocol $protocol --labels 25% --json
    part=$(sed -n 's/.*"n_train": \([0-9]*\),.*/\1/p' "$scratch/out")
    [ $((4 * part)) -ge $((train - 20)) ] && [ $((4 * part)) -le $((train + 20)) ] ||
        fail "$protocol: $part of $train images are no quarter"
    expect 0 "(25 % of the labels)" "$SIMCLR" eval "$run" --protocol $protocol --labels 0.25
    for share in 2 1x 0.1x 0 -0.1 nan 0x1p-1 1%% % ""; do
        expect 2 "--labels '$share'" "$SIMCLR" eval "$run" --protocol $protocol --labels "$share"
    done
done

# Settings of an evaluation win over the run's, from the command line and the environment; others are
# refused.
expect 0 '"k": 3, "temperature": 0' "$SIMCLR" eval "$run" --json eval.knn_k=3
expect 0 '"k": 4, "temperature": 0.07' env SIMCLR_EVAL_KNN_K=4 "$SIMCLR" eval "$run" --json \
    --eval.knn-temperature 0.07
expect 0 "(k=9, T=0.07), " env SIMCLR_EVAL_KNN_K=4 SIMCLR_LR=x "$SIMCLR" eval "$run" eval.knn_k=9 \
    eval.knn_temperature=0.07
expect 0 '"n_train": 40, "n_test": 9' "$SIMCLR" eval "$run" --json eval.max_train=40 eval.max_test=9 \
    threads=1 eval.batch=5
expect 0 '"top1_k200_t01": null' "$SIMCLR" eval "$run" --json eval.max_train=40
expect 0 "(k=40, T=0.1)" "$SIMCLR" eval "$run" eval.max_train=40
expect 2 "optim.lr: the run's own settings say what it is" "$SIMCLR" eval "$run" lr=1
expect 2 "eval.every: the run's own" "$SIMCLR" eval "$run" --eval.every 1
expect 2 "train.device: cuda:" env SIMCLR_CUDA=off "$SIMCLR" eval "$run" device=cuda:0

# Features: 128 rows of 64 numbers, in NumPy's format.
expect 0 '"count": 128' "$SIMCLR" embed "$run" -o "$scratch/features.npy" --json \
    --plot "$scratch/map.png" --method pca
is_png "$scratch/map.png"
head -c 128 "$scratch/features.npy" | grep -aqF "'shape': (128, 64)" || fail "shape of the .npy"
[ "$(stat -c %s "$scratch/features.npy")" -eq $((128 + 128 * 64 * 4)) ] || fail "size of the .npy"
[ "$(wc -l < "$scratch/files.tsv")" -eq 129 ] || fail "files.tsv has not 1 + 128 lines"
cp "$scratch/files.tsv" "$scratch/files1.tsv"
expect 0 "$scratch/test.files.tsv: path, label" "$SIMCLR" embed "$run" --split test -o "$scratch/test.npy"
cmp "$scratch/files.tsv" "$scratch/files1.tsv" || fail "the rows of test.npy are in files.tsv"
[ "$(cut -f4 "$scratch/test.files.tsv" | sort -u | tr '\n' ' ')" = "split test " ] || fail "test.files.tsv"
expect 0 "float32, shape (128, 64)" "$SIMCLR" inspect "$scratch/features.npy"
cp "$scratch/features.npy" "$scratch/features1.npy"
expect 0 "" "$SIMCLR" embed "$run" -o "$scratch/features.npy"
cmp "$scratch/features.npy" "$scratch/features1.npy" || fail "the same features twice differ"

# The map is of the images whose features are written; -v writes every line of progress.
expect 0 "" "$SIMCLR" embed "$run" -v -o "$scratch/features.npy" --plot "$scratch/map.png" --method pca
[ "$(grep -c "^embedding  128/128 images" "$scratch/err")" -eq 2 ] || fail "the map is of other images"
cp -a "$run" "$scratch/by_50"
sed -i 's/^  batch: 256 .*/  batch: 50/' "$scratch/by_50/config.yaml"
expect 0 "" "$SIMCLR" embed "$scratch/by_50" -v -o "$scratch/features.npy"
grep -q "^embedding  50/128 images" "$scratch/err" || fail "eval.batch is not heeded"
cmp "$scratch/features.npy" "$scratch/features1.npy" || fail "eval.batch changes the features"

# Export, import, export: the same tensors.
expect 0 "written" "$SIMCLR" export "$run" -o "$scratch/a.safetensors"
expect 0 "layer4.1.bn2.running_var" "$SIMCLR" inspect "$scratch/a.safetensors"
grep -q projector "$scratch/out" && fail "projector in the encoder's export"
expect 0 "written" "$SIMCLR" export "$run" --projector -o "$scratch/p.safetensors"
expect 0 "projector.0.weight" "$SIMCLR" inspect "$scratch/p.safetensors"
cmp "$scratch/p.safetensors" "$run/checkpoints/last/model.safetensors" || fail "export and checkpoint"
expect 0 "step 0" "$SIMCLR" import "$scratch/a.safetensors" -o "$scratch/import" --preset tiny
expect 0 "written" "$SIMCLR" export "$scratch/import" -o "$scratch/b.safetensors"

# The bytes behind the header, whose length is in the first 8 bytes.
tensors()
{
    tail -c +$(($(od -An -tu8 -N 8 "$1") + 9)) "$1"
}
cmp <(tensors "$scratch/a.safetensors") <(tensors "$scratch/b.safetensors") ||
    fail "export, import, export: other tensors"
cmp <(tensors "$scratch/a.safetensors") <(tensors "$run/model.safetensors") ||
    fail "export differs from the run's model.safetensors"
diff <("$SIMCLR" inspect "$scratch/a.safetensors") <("$SIMCLR" inspect "$scratch/b.safetensors") ||
    fail "export, import, export: other names or shapes"

# Every format, by its name and by what the file is called; the same run gives the same bytes.
simclr=$(realpath "$SIMCLR")
for format in safetensors pth onnx npz; do
    (cd "$scratch" && "$simclr" export run --format $format > out) || fail "export --format $format"
    grep -q "^model.$format: written" "$scratch/out" || fail "the file of --format $format"
    expect 0 "written" "$SIMCLR" export "$run" -o "$scratch/other.$format"
    cmp "$scratch/model.$format" "$scratch/other.$format" || fail "$format by name and by extension"
    expect 0 "written" "$SIMCLR" export "$run" --projector -o "$scratch/other.$format"
    [ "$(wc -c < "$scratch/other.$format")" -gt "$(wc -c < "$scratch/model.$format")" ] ||
        fail "$format with the projector"
    expect 0 "written" "$SIMCLR" export "$run" --format $format -o "$scratch/named.bin"
    cmp "$scratch/model.$format" "$scratch/named.bin" || fail "--format $format and another extension"
done
expect 0 "written" "$SIMCLR" export "$run" -o "$scratch/other.pt"
cmp "$scratch/model.pth" "$scratch/other.pt" || fail ".pt is not .pth"
grep -qa "model.arch" "$scratch/model.onnx" || fail "onnx without the settings"
if have python3; then
    for file in model.pth model.npz other.npz; do
        expect 0 "Done testing" python3 -m zipfile -t "$scratch/$file"
        [ "$(wc -l < "$scratch/out")" -eq 1 ] || fail "$file: $(head -1 "$scratch/out")"
    done
fi

expect 0 "every hash is right" "$SIMCLR" inspect "$run" --verify
expect 0 "every hash is right" "$SIMCLR" inspect "$scratch/import" --verify
expect 0 "every hash is right" "$SIMCLR" inspect "$run/checkpoints/last" --verify
expect 2 "neither a run" "$SIMCLR" inspect "$scratch"

# Without a preset: depth, width and stem are recognised; a run of the cifar stem exports as well.
tiny "$scratch/cifar" steps=2 model.stem=auto model.stem_kernel=0
check_exit "stem=auto" 0 $?
expect 0 "written" "$SIMCLR" export "$scratch/cifar" -o "$scratch/c.safetensors"
expect 0 "step 0" "$SIMCLR" import "$scratch/c.safetensors" -o "$scratch/import2"
expect 0 "written" "$SIMCLR" export "$scratch/import2" -o "$scratch/d.safetensors"
cmp <(tensors "$scratch/c.safetensors") <(tensors "$scratch/d.safetensors") || fail "cifar stem"

# prefixed FILE NAMES PREFIX OUT: PREFIX before each tensor's name that begins with NAMES.
prefixed()
{
    local length header i
    length=$(od -An -tu8 -N 8 "$1" | tr -d ' ')
    header=$(tail -c +9 "$1" | head -c "$length" | sed "s/\"\($2\)/\"$3\1/g")
    {
        for ((i = 0; i < 8; i++)); do
            printf "\\x$(printf %02x $((${#header} >> 8 * i & 255)))"
        done
        printf %s "$header"
        tail -c +$((9 + length)) "$1"
    } > "$4"
}

# What wraps the names of others is taken away: where all have it, or all but a projector.
encoder='conv1\.\|bn1\.\|layer[1-4]\.' head='projector\.[0-9]'
for prefix in encoder. backbone. module. model. module.encoder.; do
    for names in "$encoder\|$head" "$encoder"; do
        prefixed "$scratch/p.safetensors" "$names" $prefix "$scratch/wrapped.safetensors"
        rm -rf "$scratch/wrapped"
        expect 0 "read without their prefix $prefix" "$SIMCLR" import "$scratch/wrapped.safetensors" -o "$scratch/wrapped"
        cmp "$scratch/wrapped/checkpoints/last/model.safetensors" "$scratch/p.safetensors" ||
            fail "$prefix of $names: other tensors"
    done
done
prefixed "$scratch/p.safetensors" "$encoder" other. "$scratch/wrapped.safetensors"
expect 7 "no conv1.weight" "$SIMCLR" import "$scratch/wrapped.safetensors" -o "$scratch/other"
prefixed "$scratch/p.safetensors" 'layer[1-4]\.' encoder. "$scratch/wrapped.safetensors"
expect 7 "missing layer1.0.conv1.weight" "$SIMCLR" import "$scratch/wrapped.safetensors" -o "$scratch/other"
printf 'PK\3\4\0\0\10\10\0\0archive/data.pkl' > "$scratch/torch.pth"
expect 7 "a file of torch.save, not safetensors" "$SIMCLR" import "$scratch/torch.pth" -o "$scratch/other"

# The file says which function its tensors are: an import gives the features of the run, byte for byte.
# same_function WHAT [key=value ...]: of a run with these settings.
same_function()
{
    local what=$1 of=$scratch/of
    shift
    rm -rf "$of" "$of.import"
    tiny "$of" data.dataset=shapes:60 steps=1 eval.max_train=16 "$@"
    check_exit "a run with $what" 0 $?
    expect 0 "written" "$SIMCLR" export "$of" --projector -o "$of.safetensors"
    expect 0 "step 0" "$SIMCLR" import "$of.safetensors" -o "$of.import" precision=fp32
    grep -q warning "$scratch/err" && { fail "$what: a warning"; cat "$scratch/err"; }
    expect 0 "" "$SIMCLR" embed "$of" shapes:60 -o "$scratch/run.npy"
    expect 0 "" "$SIMCLR" embed "$of.import" shapes:60 -o "$scratch/imported.npy"
    cmp "$scratch/run.npy" "$scratch/imported.npy" || fail "$what: the import is another function"
    expect 0 "written" "$SIMCLR" export "$of.import" --projector -o "$of.again.safetensors"
    cmp "$of.safetensors" "$of.again.safetensors" || fail "$what: export, import, export differ"
}
same_function "the preset tiny"
same_function "the stem auto" model.stem=auto model.stem_kernel=0
same_function "gelu" model.activation=gelu
same_function "a slope" model.activation=leaky_relu model.activation_alpha=0.3
same_function "strides" model.stem=cifar model.strides=1,2,1,2,2,2
same_function "dilations" model.dilations=1,1,2,1 model.padding=reflect model.strides=1,1,1,2,2,1
same_function "width 0.3" width=0.3
same_function "groups" model.norm=groupnorm model.norm_groups=4 model.last_pool=max
same_function "another pool" model.down=avgpool model.pool_kernel=5 model.out_channels=24
same_function "cifar10's pixels" views.normalize=cifar10
same_function "own pixels" views.normalize=own views.mean=0.4,0.5,0.6 views.std=0.2,0.3,0.25
same_function "grey, another size" data.channels=1 data.image_size=24
same_function "a projector" projector.layers=24,40 projector.norm=batchnorm projector.last_norm=true

# What was given wins, and where the file says otherwise, that is said.
expect 0 "model.activation is relu in the file, but gelu was given and is used" \
    "$SIMCLR" import "$scratch/p.safetensors" -o "$scratch/gelu" model.activation=gelu
grep -q "activation: gelu .*cli" "$scratch/gelu/config.yaml" || fail "the activation given is not used"
expect 0 "model.stem is imagenet in the file, but cifar was given and is used" \
    "$SIMCLR" import "$scratch/p.safetensors" -o "$scratch/stem" model.stem=cifar
grep -q "strides: \[\]" "$scratch/stem/config.yaml" || fail "strides of the stem that was replaced"
expect 0 "the projector of the file is left out and starts anew" \
    "$SIMCLR" import "$scratch/p.safetensors" -o "$scratch/head" projector.out_dim=16

# Training goes on from imported weights.
tiny "$scratch/import"
check_exit "training from an import" 0 $?
grep -q "resume .* at step 0" "$scratch/err" || fail "the import is not taken up"
losses "$scratch/import" | grep -v eval | head -1 > "$scratch/imported"
losses "$run" | grep -v eval | head -1 > "$scratch/fresh"
cmp -s "$scratch/imported" "$scratch/fresh" && fail "the imported weights are not used"
verified "$scratch/import"

expect 0 "its two views" "$SIMCLR" views shapes:60 -o "$scratch/v.png" -n 4
is_png "$scratch/v.png"

# The time of an evaluation, here as long as many steps, is none of the steps after it.  A machine that others
# use may be as slow by chance, but not three times.
rate() # STEP: images/s of that line of metrics.jsonl, a whole number
{
    sed -n "s/^{\"step\": $1, \"epoch\".*\"images_per_s\": \([0-9]*\).*/\1/p" "$scratch/rate/metrics.jsonl"
}
for attempt in 1 2 3; do
    rm -rf "$scratch/rate"
    tiny "$scratch/rate" data.dataset=shapes:1536 data.split=test batch=4 epochs=2 steps=66 eval.every=1 eval.max_train=1536 \
        eval.batch=1 # to take its time
    check_exit "an evaluation between epochs, attempt $attempt" 0 $?
    before_it=$(rate 64)
    after_it=$(rate 65)
    [ "${after_it:-0}" -le $((before_it / 3)) ] || break
done
[ "${after_it:-0}" -gt $((before_it / 3)) ] ||
    fail "$after_it images/s after an evaluation, $before_it before it"

# A folder of photographs, all sizes, labelled by their directories.
photos=${SHARED:-/nonexistent}/photos/train
if [ -d "$photos" ]; then
    for class in $(ls "$photos" | head -3); do
        mkdir -p "$scratch/photos/$class"
        for file in $(ls "$photos/$class" | head -8); do
            ln -s "$photos/$class/$file" "$scratch/photos/$class/"
        done
    done
    expect 0 "24 images" "$SIMCLR" data info "$scratch/photos"
    tiny "$scratch/folder" "$scratch/photos" steps=2 batch=8 data.image_size=32
    check_exit "a folder of photographs" 0 $?
    expect 0 '"count": 24' "$SIMCLR" embed "$scratch/folder" -o "$scratch/features.npy" --json
    tiny "$scratch/grey" "$scratch/photos" steps=2 batch=8 data.image_size=32 data.channels=1
    check_exit "grey photographs" 0 $?
else
    left_out "no photos in SHARED=${SHARED:-}"
fi
finish
