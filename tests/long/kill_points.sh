#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/long/kill_points.sh [STRIDE [FIRST]] - SIGKILL on the way into every STRIDE-th call (1) of one short
# run by which the main thread changes files, from the FIRST (1) on; each killed run is gone on with and must
# end at the bytes of one that was never killed.  kills.sh hits moments at random and misses the short ones;
# this one misses none, between two calls as well: what a file holds changes by these calls alone.
# Needs strace.  With SIMCLR=build-asan/simclr undefined behaviour on the way back is found as well.
. "$(dirname "$0")/../cli/common_train.sh"
stride=${1:-1}
point=${2:-1}
command -v strace > /dev/null || skip "no strace"
calls=write,pwrite64,writev,rename,mkdir,unlink,unlinkat,symlink,ftruncate,fsync
settings="steps=3 train.checkpoint_steps=1"
tiny "$scratch/whole" $settings
check_exit "uninterrupted" 0 $?
first=$point
while [ $failures -eq 0 ]; do
    # LeakSanitizer cannot look into a traced process, and a killed one has no leaks.
    ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null -e "trace=$calls" -e "inject=$calls:signal=KILL:when=$point" \
        "$SIMCLR" train $tiny_settings $settings -o "$scratch/run" > "$scratch/out" 2> "$scratch/err" < /dev/null &
    wait $! 2> /dev/null # as a job, so that the shell does not tell of each kill
    got=$?
    [ $got -eq 0 ] && break
    check_exit "point $point" 137 $got
    tiny "$scratch/run" $settings
    check_exit "point $point: restart" 0 $?
    same_state "point $point" "$scratch/run" "$scratch/whole"
    same_metrics "point $point" "$scratch/run" "$scratch/whole"
    cmp -s "$scratch/run/model.safetensors" "$scratch/whole/model.safetensors" ||
        fail "point $point: model.safetensors"
    rm -rf "$scratch/run"
    point=$((point + stride))
done
echo "killed on the way into every ${stride}. of $((point - 1)) calls, from $first on: $failures failures"
finish
