#!/bin/bash
# SPDX-License-Identifier: MIT
# docs/man/simclr.1 and docs/config.md are what the tables say.  --update writes them.
. "$(dirname "$0")/common_config.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)

compare()
{
    local file=$1
    shift
    "$SIMCLR" "$@" > "$scratch/new" || { failures=1; return; }
    if [ "$update" = yes ]; then
        mkdir -p "$(dirname "$root/$file")"
        cp "$scratch/new" "$root/$file"
    elif ! diff -u "$root/$file" "$scratch/new" | head -20; then
        failures=1
    fi
    cmp -s "$root/$file" "$scratch/new" ||
        { echo "FAILED: $file is stale; run tests/cli/generated.sh --update"; failures=1; }
}

update=no
[ "${1:-}" = --update ] && update=yes
compare docs/man/simclr.1 help --man
compare docs/config.md config --markdown
if have groff; then
    groff -man -Tutf8 -ww "$root/docs/man/simclr.1" > "$scratch/page" 2> "$scratch/warnings"
    [ -s "$scratch/warnings" ] && { head "$scratch/warnings"; failures=1; }
fi
finish
