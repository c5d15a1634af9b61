#!/bin/bash
# SPDX-License-Identifier: MIT
# faults.sh BUILD: kernelcheck_gpu names the case in which a kernel fails or a signal comes, has told by then
# what it found, and takes page-locked memory where managed memory is refused.  Seen on the emulated device.
set -eu
harness=$1/tests/faked_kernels
export SIMCLR_CUDA=$1/tests/libplugin_on_cpu.so
[ -x "$harness" ] || { echo "SKIPPED: this build has no faked_kernels"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}

# The whole harness waits thousands of times; this is somewhere in its midst.
status=0
SIMCLR_TEST_FAULT=400 "$harness" --op gemm > "$scratch/out" 2> "$scratch/err" || status=$?
[ "$status" = 2 ] || fail "exit status $status, not 2, of a kernel's fault"
grep -qE '^kernelcheck: gemm .+ \(cuda, (fp32|bf16)\): a kernel failed: an illegal address$' "$scratch/err" ||
    fail "the case is not named: $(cat "$scratch/err")"

# It is line by line that it tells, into a file too.
for signal in SEGV BUS TERM; do
    "$harness" --op conv2d > "$scratch/out" 2> "$scratch/err" &
    for _ in $(seq 300); do
        grep -q '^conv2d' "$scratch/out" && break
        sleep 0.1
    done
    grep -q '^conv2d' "$scratch/out" || fail "nothing is told while it runs"
    kill -"$signal" $!
    status=0
    wait $! 2> "$scratch/shell" || status=$?
    [ "$status" = $((128 + $(kill -l "$signal"))) ] || fail "exit status $status after SIG$signal"
    grep -qE '^kernelcheck: ended by a signal in conv2d.* \(.+, (fp32|bf16)\)$' "$scratch/err" ||
        fail "the case of SIG$signal is not named: $(cat "$scratch/err")"
done

SIMCLR_TEST_UNMANAGED=1 "$harness" --op add > "$scratch/out" || fail "without managed memory"
[ "$(grep -c '^no managed memory here (error 801): page-locked' "$scratch/out")" = 1 ] ||
    fail "page-locked memory is not told, once: $(cat "$scratch/out")"
