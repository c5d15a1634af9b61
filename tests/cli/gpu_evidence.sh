#!/bin/bash
# SPDX-License-Identifier: MIT
# bench/gpu: what a part has found stays when it or another part fails, hangs or is ended.  Seen with programs
# that are made up.
. "$(dirname "$0")/common_config.sh"
have python3 || exit 0
bench=$(cd "$(dirname "$0")/../../bench" && pwd)
mkdir -p "$scratch/build/tests"
export SIMCLR=$scratch/build/simclr PYTHON=$scratch/python XDG_CACHE_HOME=/nonexistent MARK=$scratch/mark

cat > "$SIMCLR" <<'END'
#!/bin/sh
mkdir -p "$XDG_CACHE_HOME/simclr"
echo choice >> "$XDG_CACHE_HOME/simclr/plans-x.txt"
case "$1 $2" in
doctor*) echo '{"gpu": "made up"}' ;;
"bench profile") echo "no object" ;;
"bench step") [ -n "${GOOD-}" ] || { echo "boom" >&2; exit 5; }; echo '{"ms_list": [5.0, 7.0, 6.0]}' ;;
"bench knn") echo '{"ms_list": [5.0]}' ;;
esac
END
cat > "$PYTHON" <<'END'
#!/bin/sh
case $1 in
*peer_knn.py) echo '{"ms_list": [10.0]}' ;;
*torch_gpu_step.py)
    touch "$MARK"
    case "$*" in *reduce-overhead*)
        echo "[__$TORCH_LOGS] Recording function=CompiledFunction, mode=forward, cuda_graph_id=0" >&2
        echo "skipping cudagraphs due to a made-up reason" >&2
        how=reduce-overhead ;;
    esac
    while read -r _; do echo '{"ms_list": [12.0], "compiled": "'"${how:-no}"'"}'; done ;;
esac
END
harness=$scratch/build/tests/kernelcheck_gpu
cat > "$harness" <<'END'
#!/bin/sh
echo "FAIL gemm 3x4"
echo "a fault in gemm" >&2
exit 1
END
chmod 755 "$SIMCLR" "$PYTHON" "$harness"

# One part after the other, each of which ends in its own way.
gpu() {
    expect "$1" "$2" "$bench/gpu" --json "$scratch/gpu.json" "${@:3}"
}
told() {
    grep -qF -- "$1" "$scratch/out" "$scratch/err" || { echo "FAILED: not told: $1"; failures=$((failures + 1)); }
}
gpu 2 "nothing: expected some of determinism,step," --parts knn,nothing
gpu 1 "FAILED: profile" --parts step,profile,kernels,knn
told "boom"
told "PyTorch alone is not timed"
told "FAIL gemm 3x4"
told "    2.00"
[ ! -e "$MARK" ] || { echo "FAILED: PyTorch was started without a step of ours"; failures=$((failures + 1)); }
cat > "$scratch/look.py" <<'END'
import json
import sys
result = json.load(open(sys.argv[1]))
assert "JSONDecodeError" in result["tracebacks"]["profile"], result["tracebacks"]
runs = {run["name"]: run for run in result["runs"]}
assert runs["kernels bf16"]["stdout"] == "FAIL gemm 3x4\n" and runs["kernels bf16"]["status"] == 1
assert runs["kernels fp32"]["stderr"] == "a fault in gemm\n"
assert result["checks"]["kernels bf16"] == "FAILED"
assert result["cases"]["torch knn"]["rounds"] == [10.0] * 3
print(len(result["plans"]["plans-x.txt"].splitlines()), "choices")
END
expect 0 "6 choices" python3 "$scratch/look.py" "$scratch/gpu.json"

# Turns, and what the compiled peer recorded.
GOOD=1 gpu 0 "  1 CUDA graphs recorded, 1 skipped skipping cudagraphs due to a made-up reason" --parts step,resnet50
told "torch bf16 eager                       7      12.00"
told "torch bf16 resnet50 eager              3      12.00"
told "torch bf16 resnet50 reduce-overhead    3      12.00"

# The plans of one run serve the next, from its result or as a file.
gpu 0 "simclr knn" --parts knn --plans "$scratch/gpu.json"
printf 'choice\nchoice\n' > "$scratch/plans-x.txt"
cp "$scratch/gpu.json" "$scratch/second.json"
gpu 0 "simclr knn" --parts knn --plans "$scratch/plans-x.txt"
cat > "$scratch/count.py" <<'END'
import json
import sys
print(*(len(json.load(open(name))["plans"]["plans-x.txt"].splitlines()) for name in sys.argv[1:]))
END
expect 0 "15 6" python3 "$scratch/count.py" "$scratch/second.json" "$scratch/gpu.json"

# A process whose time is up may still tell where it was; and what it wrote until then is kept.
cat > "$scratch/hang.py" <<'END'
import pathlib
import sys
import types
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from gpu_bench import Bench
bench = Bench(types.SimpleNamespace(device="cuda", minutes=1), pathlib.Path(sys.argv[2]))
hanging = ["sh", "-c", "trap 'echo in gemm >&2; exit 3' TERM; echo seed 1; sleep 60 & wait"]
assert bench.run(hanging, "hanging", 0.5) is None and bench.failed == ["hanging"]
assert bench.run(hanging, "slow", 0.5, slow=True) is None and bench.failed == ["hanging"]
assert bench.run(["sh", "-c", "yes"], "much", 0.5, slow=True) is None
for run in bench.result["runs"][:2]:
    assert (run["stdout"], run["stderr"], run["status"]) == ("seed 1\n", "in gemm\n", 3), run
assert 200_000 <= len(bench.result["runs"][2]["stdout"]) < 200_100
END
expect 0 "hanging: not done after" python3 "$scratch/hang.py" "$bench" "$scratch"

# Who is ended stores what is known, and ends what it has started.
cat > "$harness" <<'END'
#!/bin/sh
echo $$ > "$MARK"
exec sleep 60
END
rm "$scratch/gpu.json"
"$bench/gpu" --json "$scratch/gpu.json" --parts step,kernels > "$scratch/out" 2>&1 &
for _ in $(seq 300); do
    [ ! -s "$MARK" ] || break
    sleep 0.1
done
kill $!
wait $!
expect 1 "No such process" kill -0 "$(cat "$MARK")"
expect 0 "" grep -q "boom" "$scratch/gpu.json"
finish
