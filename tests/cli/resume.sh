#!/bin/bash
# SPDX-License-Identifier: MIT
# Killed, stopped, damaged or contested: the same command ends at the bytes of an uninterrupted run.
. "$(dirname "$0")/common_train.sh"
whole=$scratch/whole
RANDOM=${SIMCLR_TEST_SEED:-$(date +%s)}
echo "seed ${SIMCLR_TEST_SEED:-of the clock}: first random number $RANDOM"

# start RUN [key=value ...]: in the background; its id in $child, what it says in $messages.
messages=$scratch/err
start()
{
    local run=$1
    shift
    "$SIMCLR" train $tiny_settings train.checkpoint_steps=1 -o "$run" "$@" \
        > "$scratch/out" 2> "$messages" < /dev/null &
    child=$!
}

# until_step RUN STEP: waits for that line of metrics.jsonl, or the end of the process.
until_step()
{
    while kill -0 "$child" 2> /dev/null; do
        grep -q "^{\"step\": $2, \"epoch\"" "$1/metrics.jsonl" 2> /dev/null && return
        sleep 0.02
    done
}

end() # SIGNAL: the exit code in $got
{
    kill -"$1" "$child" 2> /dev/null
    wait "$child" 2> /dev/null
    got=$?
}

again() # WHAT RUN [key=value ...]: the same command to the end, and as if nothing had happened
{
    local what=$1 run=$2
    shift 2
    tiny "$run" train.checkpoint_steps=1 "$@"
    check_exit "$what: restart" 0 $?
    same_state "$what" "$run" "$whole"
    same_metrics "$what" "$run" "$whole"
    cmp -s "$run/model.safetensors" "$whole/model.safetensors" ||
        fail "$what: model.safetensors differs or is missing"
    grep -q '"phase": "finished", "step": 20' "$run/STATUS.json" || fail "$what: STATUS.json"
    [ "$(results)" = "$found" ] || fail "$what: reports $(results), not $found"
}

results() # the last loss and the evaluations, those before the first step included
{
    grep -o '^k-NN top-1.*\|loss .*' "$scratch/out"
}

began=$(date +%s%N)
tiny "$whole" train.checkpoint_steps=1
check_exit "uninterrupted" 0 $?
took=$((($(date +%s%N) - began) / 1000000)) # ms
found=$(results)
[[ $found == *raw*untrained*trained* ]] || fail "the result line lacks: $found"
[ "$(losses "$whole" | grep -vc eval)" -eq 20 ] || fail "metrics.jsonl has not 20 training lines"

start "$scratch/kill"
until_step "$scratch/kill" 11
end KILL
[ "$got" -eq 137 ] || fail "SIGKILL: exit $got"
again "killed at step 11" "$scratch/kill"
grep -q "^resume .* at step 1[0-9]" "$scratch/err" || fail "the resume is not announced"

# SIGTERM: the state is saved and said.
start "$scratch/term"
until_step "$scratch/term" 5
end TERM
check_exit "SIGTERM" 75 "$got"
one_error "the same command goes on"
grep -q '"phase": "interrupted"' "$scratch/term/STATUS.json" || fail "SIGTERM: STATUS.json"
grep -q '"exit": 75' "$scratch/term/STATUS.json" || fail "SIGTERM: no exit code in STATUS.json"
verified "$scratch/term"
again "SIGTERM" "$scratch/term"

# TensorBoard drops what older event files have from the step of a START on: the evaluation at the step where
# the run went on is to stay.
check_start()
{
    have python3 || return 0
    python3 - "$1" "$2" << 'EOF' || fail "the newest event file does not begin after step $2"
import glob, os, sys
data = open(max(glob.glob(sys.argv[1] + "/**/events.out.tfevents.*", recursive=True), key=os.path.getmtime), "rb").read()
first = int.from_bytes(data[:8], "little") + 16 # the version
start = data[first + 12 :]
at = start.index(b"\x10") + 1 # Event.step, a varint, after wall_time of 9 bytes
assert start[0] == 0x09 and at == 10 and start[at] == int(sys.argv[2]) + 1, start[:16]
EOF
}
check_start "$scratch/term" "$(sed -n 's/^resume .* at step \([0-9]*\).*/\1/p' "$scratch/err" | head -1)"

# SIGHUP, the end of the terminal, does the same; under nohup it is not heard.
start "$scratch/hup"
until_step "$scratch/hup" 3
end HUP
check_exit "SIGHUP" 75 "$got"
grep -q '"phase": "interrupted"' "$scratch/hup/STATUS.json" || fail "SIGHUP: STATUS.json"
again "SIGHUP" "$scratch/hup"
(trap '' HUP && exec "$SIMCLR" train $tiny_settings train.checkpoint_steps=1 -o "$scratch/nohup") \
    > "$scratch/out" 2> "$scratch/err" < /dev/null &
child=$!
until_step "$scratch/nohup" 3
end HUP
check_exit "SIGHUP under nohup" 0 "$got"

# A reader that goes away, and closed descriptors: the run is not harmed, its files hold nothing else.
"$SIMCLR" train $tiny_settings train.checkpoint_steps=1 -o "$scratch/pipe" 2>&1 < /dev/null |
    head -2 > "$scratch/out"
check_exit "2>&1 | head -2" 4 "${PIPESTATUS[0]}" # nobody has read the result
same_state "2>&1 | head -2" "$scratch/pipe" "$whole"
"$SIMCLR" train $tiny_settings train.checkpoint_steps=1 -o "$scratch/closed" < /dev/null >&- 2>&-
check_exit "closed descriptors" 4 $?
for name in pipe closed; do
    same_state "$name" "$scratch/$name" "$whole"
    same_metrics "$name" "$scratch/$name" "$whole"
    grep -qv '^{' "$scratch/$name/metrics.jsonl" && fail "$name: messages in metrics.jsonl"
    grep -q '"phase": "finished", "step": 20' "$scratch/$name/STATUS.json" || fail "$name: STATUS.json"
done
grep -qvx '[0-9]*' "$scratch/closed/lock" && fail "messages in the lock"

# Without -o the program chose the directory: only with it does the same command mean that run.
program=$(realpath "$SIMCLR")
(cd "$scratch" && exec "$program" train $tiny_settings train.checkpoint_steps=1) \
    > "$scratch/out" 2> "$scratch/err" < /dev/null &
child=$!
chosen=runs/$(date +%Y-%m-%d)-1
until_step "$scratch/$chosen" 3
end TERM
check_exit "SIGTERM without -o" 75 "$got"
grep -q "^run  *$chosen; " "$scratch/err" || fail "the chosen directory is not said at the start"
one_error "saved in $chosen; the same command with -o $chosen goes on"
again "SIGTERM without -o" "$scratch/$chosen"

# The second Ctrl-C does not wait; what was saved is whole.
start "$scratch/twice" width=1 batch=512 # steps so long that the second comes within one
until_step "$scratch/twice" 2
kill -INT "$child"
sleep 0.05
end INT
check_exit "SIGINT twice" 130 "$got"
verified "$scratch/twice"

# Without checkpoints by step, the signal alone saves.
"$SIMCLR" train $tiny_settings -o "$scratch/int" > "$scratch/out" 2> "$scratch/err" < /dev/null &
child=$!
until_step "$scratch/int" 3
end TERM
check_exit "SIGTERM without checkpoint_steps" 75 "$got"
tiny "$scratch/int"
same_state "SIGTERM without checkpoint_steps" "$scratch/int" "$whole"

# Five kills at random times, before the first step and within saving and evaluation as well.
kills=0
while [ $kills -lt 5 ]; do
    start "$scratch/random"
    sleep "$(printf '%d.%03d' $((wait = RANDOM % took, wait / 1000)) $((wait % 1000)))"
    end KILL
    kills=$((kills + 1))
    echo "kill $kills: exit $got, $(ls "$scratch/random/checkpoints" 2> /dev/null | tr '\n' ' ')"
done
again "5 kills" "$scratch/random"

# Killed between the first evaluation and the first checkpoint: that evaluation is not written twice.
cp -a "$whole" "$scratch/early"
rm -r "$scratch/early/checkpoints"
sed -i '/^{"step": 0,/!d' "$scratch/early/metrics.jsonl"
again "killed before the first checkpoint" "$scratch/early"

# Killed between the last checkpoint and the last evaluation: that is made up for.
cp -a "$whole" "$scratch/late"
rm "$scratch/late/model.safetensors" "$scratch/late/curves.png" "$scratch/late/latent.png"
sed -i '/^{"step": 20, "eval"/d' "$scratch/late/metrics.jsonl"
echo '{"phase": "training", "step": 0, "pid": 1, "exit": null}' > "$scratch/late/STATUS.json"
again "killed before the last evaluation" "$scratch/late"
[ -s "$scratch/late/latent.png" ] && [ -s "$scratch/late/curves.png" ] || fail "no pictures"

# A finished run is left as it is.
tiny "$whole" train.checkpoint_steps=1
check_exit "finished already" 0 $?
[ "$(results)" = "$found" ] || fail "a finished run reports $(results)"
grep -q "is finished" "$scratch/err" || fail "a finished run is not called so"
[ "$(losses "$whole" | grep -c '^20 ')" -eq 2 ] || fail "a finished run was evaluated again"

# Other settings or images are refused, by name.
cp -a "$scratch/term" "$scratch/other"
for change in lr=0.5 seed=9 temperature=0.3 batch=8 precision=bf16; do
    tiny "$scratch/other" "$change" train.checkpoint_steps=1
    check_exit "resume with $change" 2 $?
    one_error "${change%%=*}"
done
tiny "$scratch/other" data.dataset=shapes:64
check_exit "resume with other images" 2 $?
one_error "$scratch/other"
# What changes no number may change, nor how the path of the images is typed.
mkdir -p "$scratch/images"
for n in 1 2 3 4; do
    "$SIMCLR" views shapes:60 -q -n 1 train.seed=$n -o "$scratch/images/$n.png" > "$scratch/out"
done
for slash in "" /; do
    tiny "$scratch/place" "$scratch/images$slash" batch=4 data.image_size=32 epochs=2 train.checkpoint_steps=1 \
        steps=$((1 + ${#slash}))
    check_exit "images as '$scratch/images$slash'" 0 $?
done
grep -q "^resume .* at step 1" "$scratch/err" || fail "not resumed from images$slash"
# A damaged picture is dropped at the start only where all are read there.
at=$(($(stat -c %s "$scratch/images/1.png") / 2))
printf 'damage' | dd of="$scratch/images/1.png" bs=1 seek=$at conv=notrunc status=none
"$SIMCLR" views shapes:60 -q -n 60 image_size=66 -o "$scratch/images/5.png" > "$scratch/out" # over 1 MiB
large="$scratch/images batch=2 data.image_size=32 data.max_bad=0.5 steps=1"
tiny "$scratch/dropped" $large
check_exit "a damaged picture" 0 $?
tiny "$scratch/dropped" $large data.memory_limit=1
check_exit "resume with another memory_limit" 2 $?
one_error "data.memory_limit"
one_error "skipped.tsv"
tiny "$scratch/other" threads=1 train.checkpoint_steps=1 train.keep=3
check_exit "resume with other threads" 0 $?

# One process at a time.
messages=$scratch/first_err
start "$scratch/busy" epochs=1000 steps=0
until_step "$scratch/busy" 1
first=$child
tiny "$scratch/busy" epochs=1000 steps=0 train.checkpoint_steps=1
check_exit "second process" 4 $?
one_error "in use by process $first"
# Others read meanwhile, without a word of damage, and the training goes on.
for n in $(seq 15); do
    "$SIMCLR" export "$scratch/busy" -o "$scratch/read.safetensors" > "$scratch/out" 2> "$scratch/err"
    check_exit "export while training, $n" 0 $?
    [ -s "$scratch/err" ] && fail "export while training: $(tail -1 "$scratch/err")"
done
"$SIMCLR" eval "$scratch/busy" > "$scratch/out" 2> "$scratch/err"
check_exit "eval while training" 0 $?
kill -0 "$first" || fail "the training ended while others read: $(tail -1 "$messages")"
child=$first
end TERM
check_exit "the first of two processes" 75 "$got"
messages=$scratch/err

# One flipped bit in the newest checkpoint: set aside, and on from the one before.
for part in model.safetensors optim.safetensors state.json; do
    damaged=$scratch/flip-$part
    start "$damaged"
    until_step "$damaged" 7
    end KILL
    newest=$(ls -d "$damaged"/checkpoints/step-???????? | tail -1)
    [ "$(ls -d "$damaged"/checkpoints/step-???????? | wc -l)" -ge 2 ] || fail "no second checkpoint"
    at=$(($(stat -c %s "$newest/$part") / 2))
    byte=$(od -An -tu1 -j $at -N 1 "$newest/$part")
    printf "\\$(printf %o $((byte ^ 4)))" | dd of="$newest/$part" bs=1 seek=$at conv=notrunc status=none
    again "flipped bit in $part" "$damaged"
    [ -d "$newest.corrupt" ] || fail "$part: no $(basename "$newest").corrupt"
    grep -q "^warning: .*$(basename "$newest").*set aside" "$scratch/err" || fail "$part: no warning"
done

# The same in bf16: weights and slots are fp32, nothing is lost on their way through the files.
in_fp32=$whole/model.safetensors
whole=$scratch/whole_bf16
tiny "$whole" train.checkpoint_steps=1 precision=bf16
check_exit "bf16" 0 $?
grep -q "^engine .*, bf16, " "$scratch/err" || fail "the engine line does not say bf16"
found=$(results)
cmp -s "$whole/model.safetensors" "$in_fp32" && fail "precision=bf16 gives the model of fp32"
start "$scratch/bf16" precision=bf16
until_step "$scratch/bf16" 11
end KILL
[ "$got" -eq 137 ] || fail "bf16, SIGKILL: exit $got"
again "bf16, killed at step 11" "$scratch/bf16" precision=bf16
finish
