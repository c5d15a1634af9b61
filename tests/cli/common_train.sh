# SPDX-License-Identifier: MIT
# Sourced by the tests that train: a run of seconds, and what must hold of every run.
. "$(dirname "${BASH_SOURCE[0]}")/common_config.sh"

# tiny RUN [key=value ...]: 20 steps of 16 images, in fp32 on every machine; messages in $scratch/out and err.
tiny_settings="--preset tiny data.dataset=shapes:128 train.batch=16 epochs=10 steps=20 threads=2 precision=fp32
               train.log_every=1 eval.max_train=64 eval.max_test=16"
tiny()
{
    local run=$1
    shift
    "$SIMCLR" train $tiny_settings -o "$run" "$@" > "$scratch/out" 2> "$scratch/err" < /dev/null
}

fail()
{
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# check_exit WHAT EXPECTED GOT
check_exit()
{
    [ "$2" -eq "$3" ] && return
    fail "$1: exit $3, expected $2"
    tail -5 "$scratch/err" | sed 's/^/  | /'
}

# The hashes of all files of the newest checkpoint, without the directory's name.
hashes()
{
    (cd "$1/checkpoints/last/" && sha256sum -- *)
}

# same_state WHAT RUN REFERENCE: the newest checkpoints are equal byte for byte.
same_state()
{
    diff <(hashes "$3") <(hashes "$2") > "$scratch/diff" && [ -s "$3/checkpoints/last/MANIFEST" ] &&
        return
    fail "$1: other bytes than $3"
    sed 's/^/  | /' "$scratch/diff"
}

# Steps and losses of metrics.jsonl, a line each; evaluations as "step eval accuracy".
losses()
{
    sed -n -e 's/^{"step": \([0-9]*\), "epoch": [^,]*, "loss": \([^,]*\),.*/\1 \2/p' \
        -e 's/^{"step": \([0-9]*\), "eval": 1,.*"knn_top1": \([^,}]*\).*/\1 eval \2/p' \
        "$1/metrics.jsonl"
}

# All lines of metrics.jsonl, without what the clock says.
figures()
{
    sed 's/, "images_per_s": [^,]*, "data_wait": [^,}]*//' "$1/metrics.jsonl"
}

# same_metrics WHAT RUN REFERENCE
same_metrics()
{
    diff <(figures "$3") <(figures "$2") > "$scratch/diff" && return
    fail "$1: other lines in metrics.jsonl than $3"
    sed 's/^/  | /' "$scratch/diff" | head -10
}

verified()
{
    "$SIMCLR" inspect "$1" --verify > "$scratch/inspect" 2>&1 &&
        grep -q "every hash is right" "$scratch/inspect" && return
    fail "$1: the last checkpoint does not verify"
    tail -3 "$scratch/inspect" | sed 's/^/  | /'
}

# one_error FRAGMENT: exactly one error line of the program, and it names the thing.
one_error()
{
    local lines
    lines=$(grep -c '^simclr[ a-z]*: ' "$scratch/err")
    [ "$lines" -eq 1 ] || { fail "$lines error lines for '$1'"; cat "$scratch/err"; }
    grep '^simclr[ a-z]*: ' "$scratch/err" | grep -qF -- "$1" ||
        { fail "the error does not name '$1'"; tail -3 "$scratch/err" | sed 's/^/  | /'; }
}

# skip WHY: exit 77, loudly.
skip()
{
    echo "SKIPPED: $(basename "$0"): $*"
    exit 77
}
