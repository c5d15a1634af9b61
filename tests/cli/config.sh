#!/bin/bash
# SPDX-License-Identifier: MIT
# Configuration by preset, file, environment and command line; YAML out and in again.
. "$(dirname "$0")/common_config.sh"
golden=$(dirname "$0")/../golden

expect 0 "lr: 0.06  # from: default" "$SIMCLR" config --yaml
expect 0 "lr: 0.03  # from: preset" "$SIMCLR" config --yaml --preset cifar10
printf 'optim:\n  lr: 0.2\n' > "$scratch/a.yaml"
expect 0 "lr: 0.2  # from: file" "$SIMCLR" config --yaml --preset cifar10 -c "$scratch/a.yaml"
expect 0 "lr: 0.2  # from: file" "$SIMCLR" config --yaml -c "$scratch/a.yaml" --preset cifar10
expect 0 "lr: 0.3  # from: env" env SIMCLR_LR=0.3 "$SIMCLR" config --yaml -c "$scratch/a.yaml"
expect 0 "lr: 0.3  # from: env" env SIMCLR_OPTIM_LR=0.3 "$SIMCLR" config --yaml
for arguments in "lr=0.4" "optim.lr=0.4" "--lr 0.4" "--lr=0.4" "--optim.lr 0.4"; do
    expect 0 "lr: 0.4  # from: cli" env SIMCLR_LR=0.3 "$SIMCLR" config --yaml $arguments \
        --preset cifar10 -c "$scratch/a.yaml"
    expect 0 "lr: 0.4  # from: cli" env SIMCLR_LR=0.3 "$SIMCLR" config --yaml \
        -c "$scratch/a.yaml" --preset cifar10 $arguments
done
expect 0 "image_size: 48  # from: cli" "$SIMCLR" config --yaml --image-size 48
expect 0 "nesterov: true  # from: cli" "$SIMCLR" config --yaml --optim.nesterov
expect 0 "[0.1, 0.9]  # from: cli" "$SIMCLR" config --yaml views.crop_scale=0.1,0.9

# What it writes, it reads: the same values.
"$SIMCLR" config --yaml --preset photos lr=0.123 "data.dataset=folder:/tmp/it's" > "$scratch/b.yaml"
"$SIMCLR" config --yaml -c "$scratch/b.yaml" > "$scratch/c.yaml" || failures=1
if ! diff <(sed 's/  # from.*//' "$scratch/b.yaml") <(sed 's/  # from.*//' "$scratch/c.yaml"); then
    echo "FAILED: round trip"
    failures=1
fi

# The tutorial's file, unchanged, with its repairs on screen.
expect 0 "repaired: colour jitter on both views" "$SIMCLR" config --yaml \
    -c "$golden/tutorial_base.yaml"
expect 0 "epochs: 150  # from: file" "$SIMCLR" config --yaml -c "$golden/tutorial_base.yaml"
expect 0 "kept as shipped: data.shuffle=false" "$SIMCLR" config --yaml --as-shipped \
    -c "$golden/tutorial_base.yaml"

for json in "config --json" "presets --json" "presets tiny --json" "doctor --json"; do
    expect 0 "{" "$SIMCLR" $json
    if have python3; then
        python3 -m json.tool < "$scratch/out" > /dev/null || { echo "FAILED: $json"; failures=1; }
    fi
done
expect 0 "optim.trust_coefficient" "$SIMCLR" config optim
expect 0 "default" "$SIMCLR" config --markdown
finish
