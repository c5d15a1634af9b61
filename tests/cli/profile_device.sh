#!/bin/bash
# SPDX-License-Identifier: MIT
# simclr bench with a device, here the emulated one of tests/cuda: the profile's table and JSON object.
# label: slow
. "$(dirname "$0")/common_train.sh"

SIMCLR_CUDA=$(cd "$(dirname "$SIMCLR")" && pwd)/tests/libplugin_on_cpu.so
export SIMCLR_CUDA
[ -e "$SIMCLR_CUDA" ] || { echo "SKIPPED: no $SIMCLR_CUDA in this build"; exit 77; }

settings="--preset tiny data.dataset=shapes:100 image_size=8 model.width=0.125 train.batch=8 threads=2
          device=cuda"
expect 0 "step: median " "$SIMCLR" bench step --repeat 2 $settings
expect 0 '"note": null' "$SIMCLR" bench step --json --repeat 1 $settings
queued="steps are queued kernel by kernel: SIMCLR_CUDA_GRAPHS is off"
for what in step profile; do
    expect 0 '"note": "'"$queued"'"' env SIMCLR_CUDA_GRAPHS=off "$SIMCLR" bench $what --json --repeat 1 $settings
    expect 0 "$queued" env SIMCLR_CUDA_GRAPHS=off "$SIMCLR" bench $what --repeat 1 $settings
done
for precision in fp32 bf16; do
    expect 0 "cuda:0, on the processor: each kernel was waited for, so that the sum above is larger" \
        "$SIMCLR" bench profile --repeat 1 precision=$precision $settings
    for row in views ntxent_forward ntxent_backward optimiser upload zero "everything else"; do
        [ "$(grep -c "^$row " "$scratch/out")" -eq 1 ] || fail "$precision: no row '$row', or several"
    done
done

expect 0 '"what": "profile"' "$SIMCLR" bench profile --json --repeat 2 $settings
check_json()
{
    have python3 || return 0
    python3 - "$scratch/out" << 'EOF'
import json, sys
p = json.load(open(sys.argv[1]))
rows = {r["name"]: r for r in p["rows"]}
assert p["device"] == "cuda:0, on the processor" and p["engine"] == "cuda" and p["precision"] == "bf16"
assert p["training_step_ms"] > 0 and p["step_ms"] > 0 and p["note"] is None
for limit in "conv_peak_gflop_per_s", "gemm_peak_gflop_per_s", "copy_gb_per_s":
    assert p[limit] > 0, limit
without = {name for name, r in rows.items() if r["limit_ms"] is None}
assert without == {"upload", "everything else"}, without
assert rows["ntxent_forward"]["gflop_per_s"] > 0 and rows["zero"]["gb_per_s"] > 0
# SGD reads gradient and weight twice and the momentum once, and writes weight and momentum.
assert abs(rows["optimiser"]["gb_per_s"] * rows["optimiser"]["ms"] /
           (rows["zero"]["gb_per_s"] * rows["zero"]["ms"]) - 6) < 1e-3
EOF
}
check_json || fail "the JSON object"
finish
