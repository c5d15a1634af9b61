# SPDX-License-Identifier: MIT
#
# gpu_parts.py - the parts of bench/gpu.  Each takes the bench, a directory to write to, and the seconds
# to leave to the parts after it.
import hashlib
import json
import os
import pathlib
import subprocess
import sys

from gpu_bench import Peer, here, python, say, simclr, take_turns

# An epoch of CIFAR-10 (50,000 images, two views, ResNet-18, bf16) on an H200 at 790 TFLOP/s and 4.3 TB/s,
# each kernel at the larger of its work's and its bytes' time, the statistics of batch norm and their
# gradients' sums within the convolutions: gpu-design.md, section 2.  An estimate, not a measurement.
ROOFLINE_H200_S = 0.65
PHOTO_SIDE, PHOTOS = 256, 256
KERNELS_S = 200


def machine(bench):
    doctor = json.loads(bench.run([simclr, "doctor", "--json"], "doctor", 60) or "{}")
    bench.result["doctor"] = doctor
    commit = subprocess.run(["git", "-C", str(here), "rev-parse", "HEAD"], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    bench.result["commit"] = commit.stdout.strip()
    gpu = doctor.get("gpu", "none")
    print("gpu:", gpu)
    if not bench.cpu and gpu.startswith("none"):
        say("nothing was measured")
        sys.exit(77)


def kernels(bench, scratch, after):
    checks = bench.result["checks"]
    harness = pathlib.Path(simclr).resolve().parent / "tests" / "kernelcheck_gpu"
    if bench.cpu or not harness.exists():
        checks["kernels"] = "left out: the processor's are checked by ctest" if bench.cpu else "not there"
        return
    # Most of it is cuDNN's search for plans, which a second run does not repeat.
    text = bench.run([str(harness)], "kernels", KERNELS_S, reserve=after)
    checks.setdefault("kernels", "ok" if text is not None else "FAILED")
    bench.result["kernels"] = (text or "").splitlines()


def trained(bench, out, name, env=None):
    """SHA-256 of the weights after a few steps."""
    command = [simclr, "train", "shapes:512", "--preset", "tiny", "steps=12", "batch=64", "-o",
               str(out), *bench.device]
    if bench.run(command, f"determinism, {name}", 90, env) is None:
        return None
    return hashlib.sha256((out / "checkpoints/last/model.safetensors").read_bytes()).hexdigest()


def determinism(bench, scratch, after):
    runs = {name: trained(bench, scratch / name, name) for name in ("first", "second")}
    if not bench.cpu:
        runs["not recorded"] = trained(bench, scratch / "not recorded", "not recorded",
                                       {"SIMCLR_CUDA_GRAPHS": "off"})
    same = len(set(runs.values())) == 1 and None not in runs.values()
    bench.result["checks"]["determinism"] = "ok" if same else "FAILED"
    bench.result["weights"] = runs
    if not same:
        bench.failed.append("determinism")


def steps(bench, scratch, after):
    """CIFAR's ResNet-18, in bf16 and fp32."""
    args, cases = bench.args, {}
    precisions = ["bf16"] if bench.cpu else ["bf16", "fp32"]
    for precision in precisions:
        name = f"simclr {precision}"
        settings = ["--batch", str(args.batch), "--precision", precision]
        cases[name] = bench.steps_of_ours(name, settings, args.steps, after)
    peers = [(precision, "no") for precision in precisions]
    peers += [] if args.quick else [("bf16", args.compiled)]
    for precision, compiled in peers if bench.torch() else []:
        name = f"torch {precision} {'eager' if compiled == 'no' else compiled}"
        options = ["--batch", str(args.batch), "--precision", precision, "--compiled", compiled]
        options += ["--images", "64", "--warmup", "1"] if bench.cpu else []
        cases[name] = Peer(bench, name, args.steps, after, options)
    take_turns(bench, cases, args.rounds, after)
    bench.close()


def write_photos(folder):
    """PPM files of random bytes: nothing needs to be installed to write them."""
    folder.mkdir()
    for i in range(PHOTOS):
        pixels = os.urandom(PHOTO_SIDE * PHOTO_SIDE * 3)
        (folder / f"{i:03}.ppm").write_bytes(b"P6\n%d %d\n255\n" % (PHOTO_SIDE, PHOTO_SIDE) + pixels)


def resnet50(bench, scratch, after):
    """ResNet-50 at 224 px in bf16."""
    batch, rounds, count = (2, 1, 1) if bench.cpu else (128, 3, 10)
    folder, cases = scratch / "photos", {}
    write_photos(folder)
    name = "simclr bf16 resnet50"
    settings = [f"data.dataset=folder:{folder}", "arch=resnet50", "image_size=224", "--batch", str(batch),
                "--precision", "bf16"]
    cases[name] = bench.steps_of_ours(name, settings, count, after)
    if bench.torch():
        compiled = "no" if bench.args.quick else bench.args.compiled
        name = f"torch bf16 resnet50 {'eager' if compiled == 'no' else compiled}"
        options = ["--network", "resnet50", "--batch", str(batch), "--compiled", compiled,
                   *(["--images", "4", "--warmup", "0"] if bench.cpu else ["--images", "4096"])]
        cases[name] = Peer(bench, name, count, after, options)
    take_turns(bench, cases, rounds, after)
    bench.close()
    for case in bench.result["cases"]:
        if "resnet50" in case:
            bench.result["cases"][case]["batch"] = batch


def profile(bench, scratch, after):
    """Where our step's time goes; and how far an epoch is from what its kernels' limits add up to."""
    repeat = 1 if bench.cpu else 5
    command = [simclr, "bench", "profile", "--batch", str(bench.args.batch), "--precision", "bf16",
               "--repeat", str(repeat), "--json", *bench.device]
    text = bench.run(command, "profile", 90, reserve=after)
    if text is None:
        return
    found = bench.result["profile"] = json.loads(text)
    step_ms = found["training_step_ms"] or found["step_ms"]
    epoch = step_ms * 50 / bench.args.batch
    limits = sum(row["limit_ms"] or 0 for row in found["rows"]) * 50 / bench.args.batch
    bench.result["epoch"] = {"s": epoch, "limits_s": limits, "limits_share": limits / epoch}
    if "H200" in bench.result["doctor"].get("gpu", ""):
        bench.result["epoch"].update(roofline_s=ROOFLINE_H200_S, roofline_share=ROOFLINE_H200_S / epoch)


def knn(bench, scratch, after):
    """10,000 queries in a bank of 50,000 x 512."""
    repeat = 1 if bench.cpu else 3
    command = [simclr, "bench", "knn", "--repeat", str(repeat), "--json", *bench.device]
    cases = {"simclr knn": lambda: bench.run(command, "simclr knn", 120, reserve=after)}
    if bench.torch():
        peer = [python, str(here / "peer_knn.py"), "torch", "--device", bench.args.device,
                "--threads", str(os.cpu_count())]
        cases["torch knn"] = lambda: bench.run(peer, "torch knn", 120, reserve=after)
    take_turns(bench, cases, 1 if bench.cpu else 3, after)


def naive(bench, scratch, after):
    if not bench.torch():
        return
    little = ["--images", "64", "--workers", "2"] if bench.cpu else []
    command = [python, str(here / "torch_naive_epoch.py"), "--device", bench.args.device, "--batch",
               str(bench.args.batch), *little]
    text = bench.run(command, "naive", 120, reserve=after)
    if text is not None:
        bench.result["naive"] = json.loads(text)
