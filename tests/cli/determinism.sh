#!/bin/bash
# SPDX-License-Identifier: MIT
# The same 20 steps with 1, 2, 3 and again 1 threads, on each engine: the same bytes.
. "$(dirname "$0")/common_train.sh"

run_threads() # ENGINE THREADS NAME
{
    (
        [ "$1" != default ] && export SIMCLR_CPU=$1
        tiny "$scratch/$1-$3" "threads=$2" "data.workers=$2"
    )
    check_exit "$1, $2 threads" 0 $?
}

engines="default base"
native=$("$SIMCLR" doctor | sed -n 's/^engine: *\([a-z0-9]*\).*/\1/p')
# The default is the best of these; the ones below it are tested by name.
[ "$native" = avx512 ] && engines="$engines avx2"
echo "engines: $engines (default is $native)"
for engine in $engines; do
    run_threads "$engine" 1 a
    for threads in 2 3; do
        run_threads "$engine" $threads $threads
        same_state "$engine, $threads threads" "$scratch/$engine-$threads" "$scratch/$engine-a"
        same_metrics "$engine, $threads threads" "$scratch/$engine-$threads" "$scratch/$engine-a"
    done
    run_threads "$engine" 1 b
    same_state "$engine, again" "$scratch/$engine-b" "$scratch/$engine-a"
    cmp -s "$scratch/$engine-b/model.safetensors" "$scratch/$engine-2/model.safetensors" ||
        fail "$engine: model.safetensors differs"
    grep -q '"step": 20' "$scratch/$engine-a/checkpoints/last/state.json" ||
        fail "$engine: the last checkpoint is not of step 20"
done

# And the seed matters.
tiny "$scratch/other" seed=2
check_exit "another seed" 0 $?
cmp -s "$scratch/other/model.safetensors" "$scratch/default-a/model.safetensors" &&
    fail "seed=2 gives the same model as seed=1"
finish
