#!/bin/bash
# SPDX-License-Identifier: MIT
# simclr bench profile: the table, and the JSON object whose shares sum to a whole.
. "$(dirname "$0")/common_train.sh"

settings="--preset tiny data.dataset=shapes:100 train.batch=16 threads=2"
for precision in fp32 bf16; do
    expect 0 "largest remaining gap: " "$SIMCLR" bench profile --repeat 3 --precision $precision $settings
    grep -q '^conv2d_backward_weight *3x3/1 8->8 @8 *4 ' "$scratch/out" ||
        fail "$precision: no row of the weight gradient of layer1's four convolutions"
    for row in gemm channel_affine batchnorm_sums views optimiser "everything else"; do
        grep -q "^$row " "$scratch/out" || fail "$precision: no row '$row'"
    done
    [ "$(tail -1 "$scratch/out" | cut -d: -f1)" = "largest remaining gap" ] ||
        fail "$precision: the gap is not the last line"
done

# One step: no medians, which on a busy machine leave out what disturbed a row.
expect 0 '"what": "profile"' "$SIMCLR" bench profile --json --repeat 1 $settings
if have python3; then
    python3 -c 'import json, sys
share = sum(r["share"] for r in json.load(open(sys.argv[1]))["rows"])
sys.exit(0 if 99.9 < share < 100.1 else "shares sum to %g" % share)' "$scratch/out" || fail "the sum of shares"
fi
expect 0 '"what": "profile"' "$SIMCLR" bench profile --json --repeat 5 --precision fp32 $settings
check_json()
{
    have python3 || return 0
    python3 - "$scratch/out" << 'EOF'
import json, sys
p = json.load(open(sys.argv[1]))
rows = p["rows"]
assert p["n"] == 5 and p["threads"] == 2 and p["precision"] == "fp32"
assert p["device"] == "cpu" and p["training_step_ms"] is None
assert [r["ms"] for r in rows] == sorted((r["ms"] for r in rows), reverse=True)
known = [r for r in rows if r["limit_ms"] is not None]
assert p["gap"] == max(known, key=lambda r: r["ms"] - r["limit_ms"])
assert {r["name"] for r in rows if r["limit_ms"] is None} == {"views", "everything else"}
for r in known:
    product = r["name"] == "gemm" or r["name"].startswith("conv2d")
    assert (r["gflop_per_s"] is not None) == (r["percent_of_peak"] is not None) == product, r
    assert (r["gb_per_s"] is not None) == (r["percent_of_copy"] is not None) == (not product), r
    assert bool(r["shape"]) == r["name"].startswith("conv2d"), r
# 3x3/1 8->8 @8, four times, 32 views: 2 n p q k c r s
conv = next(r for r in rows if r["name"] == "conv2d_forward" and r["shape"] == "3x3/1 8->8 @8")
flops = conv["gflop_per_s"] * 1e9 * conv["ms"] / 1e3
assert conv["calls"] == 4 and abs(flops / (4 * 2 * 32 * 8 * 8 * 8 * 8 * 9) - 1) < 1e-4, flops
EOF
}
check_json || fail "the JSON object"

# 260 images: every other step has four of them, where that is asked for.
step_sizes()
{
    expect 0 '"what": "step"' "$SIMCLR" bench step --json --repeat 8 $settings data.dataset=shapes:260 \
        train.batch=256 "$@"
    sed 's/.*ms_list": .//; s/].*//' "$scratch/out" | tr -d ' ' | tr ',' '\n' | sort -g |
        awk '{ ms[NR] = $1 } END { print ms[1] < ms[6] / 4 ? "two" : "one" }'
}
[ "$(step_sizes)" = one ] || fail "bench step: batches are not whole"
[ "$(step_sizes data.drop_last=false)" = two ] || fail "bench step: data.drop_last=false has no effect"

expect 0 "optimiser" "$SIMCLR" bench profile --repeat 1 $settings train.batch=200 optim.name=lars
expect 2 "bench profil: expected step, profile, views or knn" "$SIMCLR" bench profil $settings
expect 2 "lrr" "$SIMCLR" bench profile lrr=1
finish
