#!/bin/bash
# SPDX-License-Identifier: MIT
# What a person sees: status lines fit the terminal and are wiped before anything else is said.
. "$(dirname "$0")/common_train.sh"
command -v python3 > /dev/null || skip "no python3, whose pty module is the terminal"

# on_terminal COLUMNS COMMAND...: what the terminal receives, in $scratch/seen; the exit code.
on_terminal()
{
    python3 - "$scratch/seen" "$@" << 'PY'
import fcntl, os, pty, struct, sys, termios
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[2]), 0, 0))
    os.execvp(sys.argv[3], sys.argv[3:])
seen = b""
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError: # the other side is closed
        break
    if not part:
        break
    seen += part
open(sys.argv[1], "wb").write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
}

# check_lines COLUMNS FRAGMENT: of $scratch/seen.  A status line is "\r", text, "\033[K"; one has FRAGMENT.
check_lines()
{
    python3 - "$scratch/seen" "$@" << 'PY' || fail "a terminal of $1 columns shows: $(tail -3 "$scratch/seen" | cat -v)"
import re, sys
text, columns, passing = open(sys.argv[1], "rb").read().decode(), int(sys.argv[2]), []
for line in text.replace("\r\n", "\n").split("\n"):
    pieces = line.split("\r")
    passing += [re.sub("\033\\[[0-9]*[mK]", "", p) for p in pieces[:-1]]
    assert len(pieces) == 1 or pieces[-1].startswith("\033[K"), line
assert all(len(p) < columns for p in passing), max(passing, key=len)
assert any(sys.argv[3] in p for p in passing), "no status line with " + sys.argv[3]
PY
}

export TERM=xterm
unset LC_CTYPE LANG
train="$SIMCLR train $tiny_settings"
for columns in 80 20; do
    LC_ALL=C.UTF-8 on_terminal $columns $train -o "$scratch/run$columns"
    check_exit "on $columns columns" 0 $?
    check_lines $columns "epoch 3/10"
    grep -qa 'k-NN top-1: raw' "$scratch/seen" || fail "no result on $columns columns"
done
LC_ALL=C.UTF-8 on_terminal 80 "$SIMCLR" embed "$scratch/run80" -o "$scratch/f.npy"
check_exit "embed on a terminal" 0 $?
check_lines 80 "128/128 images"

# An error begins at the start of a line, too.
LC_ALL=C.UTF-8 on_terminal 70 $train projector.out_dim=1 train.strict=true -o "$scratch/flat"
check_exit "an error on a terminal" 6 $?
check_lines 70 "|█"
grep -qa "train.strict is set" "$scratch/seen" || fail "no error is seen"

# Other character sets get ASCII, terminals without escape sequences what a file gets.
LC_ALL=C on_terminal 80 $train -o "$scratch/ascii"
check_exit "LC_ALL=C" 0 $?
check_lines 80 "|#"
[ -z "$(LC_ALL=C tr -d '\0-\177' < "$scratch/seen")" ] || fail "LC_ALL=C: more than ASCII"
TERM=dumb on_terminal 80 $train -o "$scratch/dumb"
check_exit "TERM=dumb" 0 $?
grep -qa $'\033' "$scratch/seen" && fail "TERM=dumb: escape sequences"
sed 's/\r$//' "$scratch/seen" | grep -qa $'\r' && fail "TERM=dumb: lines are overwritten"
finish
