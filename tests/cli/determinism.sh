#!/bin/bash
# SPDX-License-Identifier: MIT
# The same steps with 1, 2, 3, 4 and again 1 threads, on each engine in both precisions: the same
# bytes.  20 steps in fp32, 5 in bf16, which takes long where it is emulated.  With
# SIMCLR_TEST_RACES set, by ThreadSanitizer's build, which is slow and sees races in any run: 5 steps
# with 1 and 3 threads.
# label: slow
. "$(dirname "$0")/common_train.sh"

run_threads() # ENGINE PRECISION THREADS NAME
{
    (
        [ "$1" != default ] && export SIMCLR_CPU=$1
        tiny "$scratch/$1-$2-$4" "precision=$2" "steps=${steps[$2]}" "threads=$3" "data.workers=$3"
    )
    check_exit "$1 $2, $3 threads" 0 $?
}

same_for_any_threads() # ENGINE PRECISION
{
    local what="$1 $2" run=$scratch/$1-$2
    run_threads "$1" "$2" 1 a
    for threads in $teams; do
        run_threads "$1" "$2" $threads $threads
        same_state "$what, $threads threads" "$run-$threads" "$run-a"
        same_metrics "$what, $threads threads" "$run-$threads" "$run-a"
    done
    if [ -z "${SIMCLR_TEST_RACES:-}" ]; then
        run_threads "$1" "$2" 1 b
        same_state "$what, again" "$run-b" "$run-a"
        cmp -s "$run-b/model.safetensors" "$run-2/model.safetensors" ||
            fail "$what: model.safetensors differs"
    fi
    grep -q "\"step\": ${steps[$2]}" "$run-a/checkpoints/last/state.json" ||
        fail "$what: the last checkpoint is not of step ${steps[$2]}"
}

declare -A steps=([fp32]=20 [bf16]=5)
teams="2 3 4"
if [ -n "${SIMCLR_TEST_RACES:-}" ]; then
    steps[fp32]=5
    teams=3
fi
engines="default base"
native=$("$SIMCLR" doctor | sed -n 's/^engine: *\([a-z0-9]*\).*/\1/p')
# The default is the best of these; the ones below it are tested by name.
[ "$native" = avx512 ] && engines="$engines avx2"
bf16=$("$SIMCLR" doctor | sed -n 's/^precision bf16: *\([a-z0-9]*\).*/\1/p')
case $bf16 in
amx) engines="$engines avx512 avx512bf16" ;;
avx512bf16) engines="$engines avx512" ;;
esac
echo "engines: $engines (default is $native, in bf16 $bf16)"
for engine in $engines; do
    same_for_any_threads "$engine" fp32
    same_for_any_threads "$engine" bf16
done

# And the seed matters.
tiny "$scratch/other" seed=2
check_exit "another seed" 0 $?
cmp -s "$scratch/other/model.safetensors" "$scratch/default-fp32-a/model.safetensors" &&
    fail "seed=2 gives the same model as seed=1"
finish
