#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs that end before they are done: what they learnt is saved, what they passed over is listed.
. "$(dirname "$0")/common_train.sh"

# until_step RUN STEP: waits for that line of metrics.jsonl, or the end of the process.
until_step()
{
    while kill -0 "$child" 2> /dev/null; do
        grep -q "^{\"step\": $2, \"epoch\"" "$1/metrics.jsonl" 2> /dev/null && return
        sleep 0.02
    done
}

start() # RUN [key=value ...]: in the background
{
    local run=$1
    shift
    "$SIMCLR" train $tiny_settings -o "$run" "$@" > "$scratch/out" 2> "$scratch/err" < /dev/null &
    child=$!
}

# Pictures that do not fit into data.memory_limit, one of which is damaged while the run reads them.
mkdir "$scratch/pictures"
for n in 1 2 3 4 5 6; do
    "$SIMCLR" views shapes:60 -q -n 12 image_size=66 train.seed=$n -o "$scratch/pictures/$n.png" > /dev/null
done
settings="$scratch/pictures batch=2 data.image_size=32 data.memory_limit=1 epochs=60 steps=60"
picture=$scratch/pictures/3.png
cp -p "$picture" "$scratch/whole.png"
tiny "$scratch/whole" $settings
check_exit "nothing damaged" 0 $?

start "$scratch/data" $settings
until_step "$scratch/data" 4
truncate -s 3000 "$picture"
wait "$child"
check_exit "over data.max_bad" 3 $?
one_error "max_bad"
one_error "is saved in $scratch/data"
step=$(sed -n 's/^simclr.*the state after \([0-9]*\) steps.*/\1/p' "$scratch/err")
[ "${step:-0}" -ge 4 ] || fail "saved at step '$step', not at 4 or later"
[ -d "$scratch/data/checkpoints/step-$(printf %08d "${step:-0}")" ] || fail "no checkpoint of step $step"
verified "$scratch/data"
grep -q '3.png' "$scratch/data/skipped.tsv" || fail "skipped.tsv of a failed run lacks 3.png"
cp -p "$scratch/whole.png" "$picture"
tiny "$scratch/data" $settings
check_exit "the picture repaired" 0 $?
grep -q "^resume .* at step $step\$" "$scratch/err" || fail "not resumed at step $step"
same_state "the picture repaired" "$scratch/data" "$scratch/whole"
same_metrics "the picture repaired" "$scratch/data" "$scratch/whole"

start "$scratch/stopped" $settings data.max_bad=1 epochs=1000 steps=0
until_step "$scratch/stopped" 4
truncate -s 3000 "$picture"
until_step "$scratch/stopped" $(($(losses "$scratch/stopped" | grep -vc eval) + 12)) # 4 epochs later
kill -TERM "$child"
wait "$child"
check_exit "stopped" 75 $?
grep -q '3.png' "$scratch/stopped/skipped.tsv" || fail "skipped.tsv of a stopped run lacks 3.png"
cp -p "$scratch/whole.png" "$picture"

# z of one number has one direction only.  The step of the collapse is saved; the run may go on.
flat="projector.out_dim=1 steps=10"
tiny "$scratch/flat" $flat train.strict=true
check_exit "train.strict" 6 $?
one_error "go on with train.strict=false"
one_error "the state after 3 steps is saved in $scratch/flat"
verified "$scratch/flat"
tiny "$scratch/flat" $flat
check_exit "train.strict=false" 0 $?
grep -q "^resume .* at step 3\$" "$scratch/err" || fail "not resumed at step 3"
tiny "$scratch/flat_whole" $flat
same_state "after a collapse" "$scratch/flat" "$scratch/flat_whole"
same_metrics "after a collapse" "$scratch/flat" "$scratch/flat_whole"
finish
