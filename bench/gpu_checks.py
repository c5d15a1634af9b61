# SPDX-License-Identifier: MIT
#
# gpu_checks.py - the parts of bench/gpu that judge.  Each takes the bench and the seconds to leave to the
# parts after it.
import hashlib
import json
import os
import pathlib

from gpu_bench import here, output_of, say, simclr

KERNELS_S = 150
FEW_STEPS = ["--preset", "tiny", "data.dataset=shapes:512", "batch=64", "eval.max_train=64",
             "eval.max_test=64"]

# Steps whose losses two devices must share.  SiLU and average pooling: where ReLU or a maximum may fall the
# other way after a last bit, losses part by 1e-3 within eight steps.
SMOOTH = [*FEW_STEPS, "steps=6", "lr=0.02", "optim.weight_decay=0.1", "temperature=0.5",
          "views.blur_prob=0.5", "views.solarize_prob=0.2", "projector.norm=batchnorm",
          "model.activation=silu", "projector.activation=silu", "model.down=avgpool"]
# By how much loss and norm of the gradient of a step may differ, as parts of the processor's in fp32.
# fp32 is summed in another order: 4e-7 and 1e-5 at most among the processor's kernels and four seeds.  bf16
# rounds maps to 8 bits: 3e-3 and 8e-2.
TOLERANCE = {"fp32": {"loss": 1e-5, "gradient_norm": 3e-4}, "bf16": {"loss": 1e-2, "gradient_norm": 0.2}}


def machine(bench):
    """What it is; the exit status with which nothing else is tried, or 0."""
    text = bench.run([simclr, "doctor", "--json"], "doctor", 60)
    if text is None:
        return 1
    doctor = bench.result["doctor"] = json.loads(text)
    bench.result["commit"] = output_of("git", "-C", str(here), "rev-parse", "HEAD")
    gpu = doctor.get("gpu", "none")
    print("gpu:", gpu, flush=True)
    if not bench.cpu and gpu.startswith("none"):
        say("nothing was measured")
        return 77
    return 0


def visible(device):
    """CUDA_VISIBLE_DEVICES that leaves cuda:N alone, as number 0."""
    number = device.partition(":")[2] or "0"
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return number if seen is None else ",".join(seen.split(",")[int(number):int(number) + 1])


def kernels(bench, after):
    """Most of it is cuDNN's search for plans, above all in fp32."""
    checks = bench.result["checks"]
    harness = pathlib.Path(simclr).resolve().parent / "tests" / "kernelcheck_gpu"
    if bench.cpu:
        checks["kernels"] = "left out: the processor's are checked by ctest"
        return
    if not harness.exists():
        bench.judge("kernels", f"no {harness}")
        return
    end = bench.left() - KERNELS_S
    for precision in ["bf16", "fp32"]:
        name = f"kernels {precision}"
        text = bench.run([str(harness), "--precision", precision], name, max(1.0, bench.left() - end),
                         {"CUDA_VISIBLE_DEVICES": visible(bench.args.device)}, reserve=after, slow=True)
        checks.setdefault(name, "ok" if text is not None else "FAILED")


def trained(bench, name, graphs):
    """SHA-256 of the weights after a few steps."""
    out = bench.scratch / name
    command = [simclr, "train", *FEW_STEPS, "steps=10", "-o", str(out), *bench.device]
    if bench.run(command, f"determinism, {name}", 90, {"SIMCLR_CUDA_GRAPHS": graphs}) is None:
        return None
    return hashlib.sha256((out / "checkpoints/last/model.safetensors").read_bytes()).hexdigest()


def note_of(bench, graphs):
    """What the device says of such steps: why they were not recorded, or None."""
    command = [simclr, "bench", "step", *FEW_STEPS, "--repeat", "2", "--json", *bench.device]
    text = bench.run(command, f"recording, {graphs}", 60, {"SIMCLR_CUDA_GRAPHS": graphs})
    return json.loads(text)["note"] if text is not None else "it did not run"


def metrics_of(bench, name, device, precision):
    """Of each smooth step what metrics.jsonl says; [] where it did not run."""
    out = bench.scratch / name
    command = [simclr, "train", *SMOOTH, f"precision={precision}", f"device={device}", "-o", str(out)]
    if bench.run(command, name, 90) is None:
        return []
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if "loss" in line]


def difference(want, got, tolerance):
    """What is wrong with these steps; "": nothing."""
    if not want or len(want) != len(got):
        return "a run failed"
    for name, most in tolerance.items():
        for mine, other in zip(got, want):
            off = abs(mine[name] - other[name]) / abs(other[name])
            if not off <= most:
                return (f"step {mine['step']}: {name} {mine[name]:.7g}, the processor's {other[name]:.7g}: "
                        f"{off:.1e} of it, {most:.0e} allowed")
    return ""


def same_steps(bench):
    """The processor's losses, by whole steps: views, network, loss, update."""
    want = metrics_of(bench, "steps of the processor", "cpu", "fp32")
    found = bench.result["steps"] = {"processor": want}
    for precision, tolerance in TOLERANCE.items():
        name = f"steps {precision}"
        found[name] = metrics_of(bench, name, bench.args.device, precision)
        bench.judge(name, difference(want, found[name], tolerance))


def determinism(bench, after):
    """The same bytes twice, and without recording; steps are recorded unless that is switched off; and they
    are the processor's steps."""
    graphs = {"first": "on", "second": "on", **({} if bench.cpu else {"not recorded": "off"})}
    runs = {name: trained(bench, name, graphs[name]) for name in graphs}
    differ = "the weights differ" if len(set(runs.values())) > 1 else ""
    bench.judge("determinism", "a run failed" if None in runs.values() else differ)
    bench.result["weights"] = runs
    if not bench.cpu:
        unseen = "" if note_of(bench, "off") else "SIMCLR_CUDA_GRAPHS=off has no effect"
        bench.judge("recording", note_of(bench, "on") or unseen)
    same_steps(bench)
