#!/bin/bash
# SPDX-License-Identifier: MIT
# The directory of a run: claimed, swept, never made of somebody's own files; file systems that lack things.
. "$(dirname "$0")/common_train.sh"
program=$(realpath "$SIMCLR")
two="$tiny_settings eval.max_train=32 steps=2"

# Two that start together without -o train in two directories.
mkdir "$scratch/together"
(cd "$scratch/together" && "$program" train $two > out1 2> err1 < /dev/null) &
one=$!
(cd "$scratch/together" && "$program" train $two > out2 2> err2 < /dev/null)
check_exit "the second of two" 0 $?
wait $one
check_exit "the first of two" 0 $?
[ "$(ls -d "$scratch"/together/runs/*-[12]/model.safetensors | wc -l)" -eq 2 ] ||
    fail "two that start together: $(ls "$scratch/together/runs")"
(cd "$scratch/together" && "$program" train $two data.dataset=/nowhere > out1 2> err1 < /dev/null)
check_exit "no data" 3 $?
[ "$(ls -d "$scratch"/together/runs/* | wc -l)" -eq 2 ] || fail "no data, and yet a run's directory"
mkdir "$scratch/nothing"
(cd "$scratch/nothing" && "$program" train $two data.dataset=/nowhere > /dev/null 2>&1 < /dev/null)
[ -e "$scratch/nothing/runs" ] && fail "no data, and yet runs/"

# Somebody's own config.yaml is not replaced, by a run or an import; the program's own is.
mkdir "$scratch/own"
printf 'train:\n  seed: 3 # mine\n' > "$scratch/own/config.yaml"
cp "$scratch/own/config.yaml" "$scratch/mine"
tiny "$scratch/own" -c "$scratch/own/config.yaml" steps=2
check_exit "a config.yaml of somebody's" 2 $?
one_error "$scratch/own/config.yaml: a run would replace this file"
model=$(ls "$scratch"/together/runs/*-1/model.safetensors)
"$SIMCLR" import "$model" -o "$scratch/own" > "$scratch/out" 2> "$scratch/err"
check_exit "import beside a config.yaml of somebody's" 2 $?
one_error "$scratch/own/config.yaml: a run would replace this file"
cmp "$scratch/own/config.yaml" "$scratch/mine" || fail "somebody's config.yaml was replaced"
[ "$(ls "$scratch/own")" = config.yaml ] || fail "a refused run leaves $(ls "$scratch/own")"
"$SIMCLR" config --yaml $two > "$scratch/own/config.yaml"
tiny "$scratch/own" -c "$scratch/own/config.yaml" steps=2
check_exit "a config.yaml of the program's" 0 $?
printf 'train:\n  seed: 0\n' > "$scratch/own/config.yaml"
tiny "$scratch/own" steps=3
check_exit "a run whose config.yaml was written over" 0 $?

# What killed writers left goes, what a living one writes and what only looks so stays.
dead=$(bash -c 'echo $$')
touch "$scratch/own/.tmp-$dead-0" "$scratch/own/projector/.tmp-$dead-12" "$scratch/own/.tmp-$$-0" \
    "$scratch/own/.tmp-$dead-0.txt"
tiny "$scratch/own" steps=4
check_exit "beside leftovers" 0 $?
[ "$(cd "$scratch/own" && ls -d .tmp* projector/.tmp* 2> /dev/null)" = "$(printf '%s\n' ".tmp-$$-0" ".tmp-$dead-0.txt" | sort)" ] ||
    fail "leftovers: $(cd "$scratch/own" && ls -d .tmp* projector/.tmp*)"

# A limit on the size of files is an error with a text, not the end by a signal.
(ulimit -f 100 && "$SIMCLR" export "$scratch/own" -o "$scratch/large.safetensors" > "$scratch/out" 2> "$scratch/err")
check_exit "ulimit -f" 4 $?
one_error "limit on the size of a file"

# Without symbolic links there is no `last`, one warning, and nothing else is different.
if have cc && printf '%s\n' '#include <errno.h>' \
    'int symlink(const char *a, const char *b) { (void)a, (void)b; errno = EPERM; return -1; }' |
    cc -x c -shared -fPIC -o "$scratch/nolinks.so" - && LD_PRELOAD=$scratch/nolinks.so "$SIMCLR" --version > /dev/null; then
    for steps in 2 4; do
        LD_PRELOAD=$scratch/nolinks.so tiny "$scratch/fat" train.checkpoint_steps=1 steps=$steps
        check_exit "no symbolic links, $steps steps" 0 $?
        [ "$(grep -c '^warning: .*no symbolic links' "$scratch/err")" -eq 1 ] || fail "not one warning of links"
        verified "$scratch/fat"
    done
    grep -q "^resume .* at step 2" "$scratch/err" || fail "not resumed without symbolic links"
    [ -e "$scratch/fat/checkpoints/last" ] && fail "symlink() was not replaced"
else
    left_out "no program without symlink()"
fi
finish
