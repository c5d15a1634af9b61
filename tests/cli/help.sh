#!/bin/bash
# SPDX-License-Identifier: MIT
# Help of the program and of every command; --version; completion.
. "$(dirname "$0")/common_config.sh"

expect 2 "usage:" "$SIMCLR"
expect 0 "usage:" "$SIMCLR" --help
expect 0 "usage:" "$SIMCLR" help
expect 0 "simclr 0." "$SIMCLR" --version
commands=$("$SIMCLR" help | sed -n 's/^  \([a-z]*\)  *[A-Z].*/\1/p')
files=$(ls "$(dirname "$0")"/../../cli/cmd_*.c | wc -l)
[ "$(echo "$commands" | wc -l)" -ge "$files" ] ||
    { echo "FAILED: $files files of commands, but help lists: $commands"; failures=1; }
for command in $commands; do
    expect 0 "usage: simclr $command" "$SIMCLR" help "$command"
    expect 0 "usage: simclr $command" "$SIMCLR" "$command" --help
    expect 0 "examples:" "$SIMCLR" "$command" -h
    expect 2 "unknown option '--no-such-option-at-all'" "$SIMCLR" "$command" --no-such-option-at-all
    for shell in bash zsh; do
        expect 0 "        $command) words='" "$SIMCLR" completion $shell
    done
    expect 0 " -a $command -d " "$SIMCLR" completion fish
done
expect 2 "unknown command 'nonsense'" "$SIMCLR" help nonsense

# The man page names what is read from the environment, and every exit code of simclr.h.
root=$(cd "$(dirname "$0")/../.." && pwd)
"$SIMCLR" help --man | sed -n '/^\.SH ENVIRONMENT/,$p' > "$scratch/ends"
names=$(grep -rhoE 'getenv\("[A-Z_]+"\)' "$root/src" "$root/cli" | sed 's/.*"\(.*\)".*/\1/' | sort -u)
codes=$(sed -n '/SIMCLR_E_/s/.*exit \([0-9][0-9]*\).*/\1/p' "$root/include/simclr.h" | sort -nu)
[ "$(echo "$names" | wc -l)" -ge 8 ] || { echo "FAILED: only '$names' read"; failures=1; }
[ "$(echo "$codes" | wc -l)" -ge 9 ] || { echo "FAILED: only '$codes' as exit codes"; failures=1; }
for name in $names; do
    grep -qE "^.fB(.*, )?$name(,|.fR)" "$scratch/ends" ||
        { echo "FAILED: $name is not in the man page"; failures=1; }
done
for code in $codes; do
    grep -q "^.fB$code.fR" "$scratch/ends" ||
        { echo "FAILED: exit code $code is not in the man page"; failures=1; }
done

"$SIMCLR" completion bash > "$scratch/complete.bash"
expect 0 "" bash -n "$scratch/complete.bash"
complete_words()
{
    bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _simclr 2>/dev/null
             printf "%s\n" "${COMPREPLY[@]}"' - "$scratch/complete.bash" "$@"
}
expect 0 "presets" complete_words simclr pre
expect 0 "temperature=" complete_words simclr config tem
expect 0 "cifar10-cpu" complete_words simclr config --preset cifar10-
expect 0 "--yaml" complete_words simclr config --y

# No colour without a terminal or with NO_COLOR; colour when forced.
escape=$(printf '\033')
"$SIMCLR" help | grep -q "$escape" && { echo "FAILED: colour into a pipe"; failures=1; }
CLICOLOR_FORCE=1 "$SIMCLR" help | grep -q "$escape" || { echo "FAILED: no colour"; failures=1; }
NO_COLOR=1 CLICOLOR_FORCE=1 "$SIMCLR" help | grep -q "$escape" &&
    { echo "FAILED: colour with NO_COLOR"; failures=1; }
finish
