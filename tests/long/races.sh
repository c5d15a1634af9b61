#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/long/races.sh [OP ...] - what ThreadSanitizer says of the CUDA kernels, run on the processor: accesses
# by threads of a block without a barrier in between.  (Of those by two blocks it misses most; the emulator's
# two orders of blocks show them.)  Shared memory is NaN when a block begins.  OP as in kernelcheck --op; without one all kernels, NT-Xent, updates, k-NN and views.
cd "$(dirname "$0")/../.." || exit 1
command -v clang++ > /dev/null || { echo "SKIPPED: clang++ is not installed"; exit 77; }
kernels="act add avgpool batchnorm bias channel conv2d dropout gemm global groupnorm map maxpool norm_fold reflect"
stages="ntxent update nearest views"
[ $# -eq 0 ] || { kernels=$*; stages=; }
log=$(mktemp) failures=0
trap 'rm -f "$log"' EXIT
# By default a race is told once for all that have its stack.
export TSAN_OPTIONS=suppress_equal_stacks=0:suppress_equal_addresses=0:halt_on_error=1 SHARED=

# races NAME COMMAND...
races()
{
    local name=$1
    shift
    if "$@" > "$log" 2>&1; then
        printf '%-10s no race; %s\n' "$name" "$(tail -n 1 "$log")"
    else
        failures=$((failures + 1))
        echo "FAILED: $name"
        grep -A 8 'WARNING: ThreadSanitizer' "$log" || tail -n 5 "$log"
    fi
}

# shellcheck disable=SC2086
{ cmake --preset races && cmake --build build-races --target kernelcheck_cuda ${stages:+$(printf 'cuda_%s ' $stages)}; } \
    > "$log" 2>&1 || { tail -n 20 "$log"; exit 1; }
for op in $kernels; do
    races "$op" build-races/tests/kernelcheck_cuda --op "$op"
done
for stage in $stages; do
    races "$stage" "build-races/tests/cuda_$stage"
done
echo "$failures failed"
[ $failures -eq 0 ]
