#!/bin/bash
# SPDX-License-Identifier: MIT
# wide.sh BUILD: in the code that nvcc makes, kernels that take 16 bytes at once (elem_wide in elem.cuh; gemm)
# read and write the device's memory 16 bytes at once, but for the sums that they write and what widen_kernel
# reads; take no words of two bfloat16 apart; and ask for several rows before they use the first, where they
# are meant to.  PTX alone: ptxas makes no wide accesses of narrow ones.
set -eu
build=$1
source=$(cd "$(dirname "$0")/../.." && pwd)
nvcc=$(sed -n 's/^SIMCLR_NVCC:FILEPATH=//p' "$build/CMakeCache.txt")
ls "$build"/cuda/*.ptxas >/dev/null 2>&1 && [ -x "$nvcc" ] ||
    { echo "SKIPPED: this build has no kernels for GPUs"; exit 77; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$source/src/backend/cuda"
grep -lE 'elem_wide|gemm_kernel' ./*.cu | xargs -P "$(nproc)" -I FILE \
    "$nvcc" -std=c++17 -O3 -I"$source/src" -I"$source/include" -arch=compute_80 -ptx FILE -odir "$out"
status=0
cat "$out"/*.ptx | awk '
    function fail(what) { if (!bad[kernel ": " what]++) failures++ }
    /\.entry/ {
        kernel = $0; sub(/.*\.entry /, "", kernel); sub(/\(.*/, "", kernel)
        wide = kernel ~ /gemm_kernel|Li[48]E/
        sums = kernel ~ /channel_sums_kernel|moments_kernel|gemm_kernel/
        ahead = sums || kernel ~ /(affine|backward|bias|sum)_kernel/
        kernels += wide; computes = reads = 0
    }
    wide && /ld\.global/ {
        if (/\.v4\./) { reads++; if (ahead && computes) fail("reads after it has begun to compute") }
        else if (kernel !~ /widen_kernel|gemm_kernel/) fail("reads of less than 16 bytes")
    }
    wide && /st\.global/ && !/\.v4\./ && !sums { fail("writes of less than 16 bytes") }
    wide && /mov\.b32.*\{ *%rs/ { fail("words taken apart into numbers of 16 bits") }
    wide && /(add|sub|mul|fma|setp)[a-z.]*\.f32/ { computes = 1 }
    wide && /^}/ { if (!reads && kernel !~ /widen_kernel/) fail("no read of 16 bytes"); wide = 0 }
    END {
        for (what in bad) print "FAILED: " bad[what] " times " what
        print kernels + 0 " kernels"
        exit failures > 0 || kernels == 0
    }' >"$out/report" || status=1
sort "$out/report" | { c++filt 2>/dev/null || cat; }
exit $status
