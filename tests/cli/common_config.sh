# SPDX-License-Identifier: MIT
# Sourced by help.sh, usage.sh, config.sh and generated.sh: expect EXIT FRAGMENT COMMAND...
SIMCLR=${SIMCLR:-build/simclr}
failures=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for name in $(env | sed -n 's/^\(SIMCLR_[A-Z0-9_]*\)=.*/\1/p'); do
    case $name in SIMCLR_SOURCE | SIMCLR_TEST_*) ;; *) unset "$name" ;; esac
done
unset CLICOLOR_FORCE

# Runs the command; its exit code and a fixed string in stdout and stderr together must match.
expect()
{
    local code=$1 fragment=$2 got
    shift 2
    "$@" > "$scratch/out" 2> "$scratch/err" < /dev/null
    got=$?
    if [ "$got" -ne "$code" ] || ! { cat "$scratch/out" "$scratch/err"; echo; } | grep -qF -- "$fragment"; then
        echo "FAILED: $*"
        echo "  exit $got, expected $code; text, expected '$fragment':"
        cat "$scratch/out" "$scratch/err" | head -20 | sed 's/^/  | /'
        failures=$((failures + 1))
    fi
}

# left_out WHAT: a part of the test that is not done here; ./bootstrap check counts it as a skip.
left_out()
{
    echo "*** SKIPPED $(basename "$0"): $* ***"
}

# have TOOL: whether it is installed; where not, what it would check is left out.
have()
{
    command -v "$1" > /dev/null || { left_out "no $1"; return 1; }
}

finish()
{
    [ "$failures" -eq 0 ] || echo "$failures failed"
    [ "$failures" -eq 0 ]
}
