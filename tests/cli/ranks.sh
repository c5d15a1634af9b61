#!/bin/bash
# SPDX-License-Identifier: MIT
# label: slow
# Several processes, one training: mpirun trains, stops, goes on, fails as one.
. "$(dirname "$0")/common_train.sh"
command -v mpirun > /dev/null || skip "no mpirun"
[ -e "$(dirname "$SIMCLR")/libsimclr_mpi.so" ] || skip "no libsimclr_mpi.so: built without MPI"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none # needs what some containers forbid
mpirun --oversubscribe -n 2 true > "$scratch/out" 2>&1 || skip "mpirun -n 2 true fails: $(grep -m1 . "$scratch/out")"
ranks="mpirun --oversubscribe -n"

# together N RUN [key=value ...]: as tiny, with N processes
together()
{
    local n=$1 run=$2
    shift 2
    timeout 120 $ranks "$n" "$SIMCLR" train $tiny_settings threads=1 train.checkpoint_steps=1 -o "$run" "$@" \
        > "$scratch/out" 2> "$scratch/err" < /dev/null
}

tiny "$scratch/one" train.checkpoint_steps=1
together 2 "$scratch/two"
check_exit "2 processes" 0 $?
grep -q "^processes 2 " "$scratch/err" || fail "the processes are not announced"
[ "$(grep -c "^data " "$scratch/err")" -eq 1 ] || fail "more than one process speaks"
[ "$(grep -c "k-NN top-1" "$scratch/out")" -eq 1 ] || fail "not one result"
[ "$(ls -d "$scratch"/two/events.out.tfevents.* | wc -l)" -eq 1 ] || fail "not one event file"
grep -q '"phase": "finished", "step": 20' "$scratch/two/STATUS.json" || fail "STATUS.json"
verified "$scratch/two"
# The loss of the first step is that of one process but for the order of sums: to six digits.
first() { sed -n 's/^{"step": 1, .*"loss": \([0-9.]\{6\}\).*/\1/p' "$1/metrics.jsonl"; }
[ -n "$(first "$scratch/two")" ] && [ "$(first "$scratch/two")" = "$(first "$scratch/one")" ] ||
    fail "the first loss is $(first "$scratch/two"), of one process $(first "$scratch/one")"
together 2 "$scratch/again"
same_state "2 processes again" "$scratch/again" "$scratch/two"
same_metrics "2 processes again" "$scratch/again" "$scratch/two"

# interrupted SIGNAL RUN: signals one of two processes that have done 5 of 20 steps; true where that was in time.
interrupted()
{
    # Of one that ends Open MPI kills the others after a second, which is short where others share the machine.
    timeout 120 $ranks 2 --mca odls_base_sigkill_timeout 5 "$SIMCLR" train $tiny_settings threads=1 \
        train.checkpoint_steps=1 -o "$2" > "$scratch/out" 2> "$scratch/err" < /dev/null &
    local child=$!
    while kill -0 $child 2> /dev/null && ! grep -q '^{"step": 5,' "$2/metrics.jsonl" 2> /dev/null; do
        sleep 0.02
    done
    pkill "-$1" -f -n -- "-o $2\$" # the newest
    ! wait $child
}

# Stopped: all save, once, and go on to the same bytes; so after a kill of any of them.
for how in TERM KILL; do
    for attempt in 1 2 3 4; do
        run=$scratch/$how$attempt
        interrupted $how "$run" && break
    done
    [ "$attempt" -lt 4 ] || fail "SIG$how: three runs ended before it"
    [ $how = KILL ] || grep -q '"phase": "interrupted"' "$run/STATUS.json" || fail "SIG$how: STATUS.json"
    [ $how = KILL ] || one_error "the same command goes on"
    together 2 "$run"
    check_exit "after SIG$how" 0 $?
    grep -q "^resume .* at step" "$scratch/err" || fail "SIG$how: not resumed"
    same_state "SIG$how" "$run" "$scratch/two"
    same_metrics "SIG$how" "$run" "$scratch/two"
done

# A finished run is left as it is; another number of processes may go on with a run.
together 2 "$scratch/two"
check_exit "finished already" 0 $?
grep -q "is finished" "$scratch/err" || fail "a finished run is not called so"
together 2 "$scratch/more" steps=10
together 3 "$scratch/more"
check_exit "3 processes go on" 0 $?
verified "$scratch/more"

# Without -o one directory is made.
program=$(realpath "$SIMCLR")
(cd "$scratch" && timeout 120 $ranks 2 "$program" train $tiny_settings threads=1 steps=1) \
    > "$scratch/out" 2> "$scratch/err" < /dev/null
check_exit "without -o" 0 $?
[ "$(ls "$scratch/runs" | wc -l)" -eq 1 ] || fail "runs/ has $(ls "$scratch/runs")"

# What all of them meet is told once.
together 2 "$scratch/nan" lr=1e9 optim.name=sgd
check_exit "not finite" 6 $?
[ "$(grep -c "is not finite" "$scratch/err")" -eq 1 ] || fail "an error of all is told more than once"
together 2 "$scratch/gpu" device=cuda:0
one_error "several processes train on processors"
SIMCLR_MPI=$scratch/none.so together 2 "$scratch/none"
grep -q "2 processes were started together (OMPI_COMM_WORLD_SIZE), but they cannot be connected" "$scratch/err" ||
    fail "a plug-in that is not there"
SIMCLR_MPI=none.so together 2 "$scratch/none"
grep -q "neither a path nor off" "$scratch/err" || fail "SIMCLR_MPI=none.so"
[ -e "$scratch/none" ] && fail "a run of those that cannot be connected"
SIMCLR_MPI=off timeout 60 $ranks 2 "$SIMCLR" doctor 2>&1 | grep -q "switched off by SIMCLR_MPI" || fail "doctor"
"$SIMCLR" doctor | grep -q "^mpi: Open MPI\|^mpi: MPICH" || fail "doctor does not name MPI"
finish
