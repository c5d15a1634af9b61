# SPDX-License-Identifier: MIT
#
# gpu_parts.py - the parts of bench/gpu.  Each takes the bench, a directory to write to, and the seconds
# to leave to the parts after it.
import hashlib
import json
import os
import pathlib
import sys

from gpu_bench import Peer, here, output_of, python, say, simclr, take_turns

# An epoch of CIFAR-10 (50,000 images, two views, ResNet-18, bf16) on an H200 at 790 TFLOP/s and 4.3 TB/s,
# each kernel at the larger of its work's and its bytes' time, the statistics of batch norm and their
# gradients' sums within the convolutions: gpu-design.md, section 2.  An estimate, not a measurement.
ROOFLINE_H200_S = 0.65
PHOTO_SIDE, PHOTOS = 256, 256
KERNELS_S = 200
FEW_STEPS = ["--preset", "tiny", "data.dataset=shapes:512", "batch=64"]


def machine(bench):
    text = bench.run([simclr, "doctor", "--json"], "doctor", 60)
    if text is None:
        sys.exit(1)
    doctor = bench.result["doctor"] = json.loads(text)
    bench.result["commit"] = output_of("git", "-C", str(here), "rev-parse", "HEAD")
    gpu = doctor.get("gpu", "none")
    print("gpu:", gpu)
    if not bench.cpu and gpu.startswith("none"):
        say("nothing was measured")
        sys.exit(77)


def visible(device):
    """CUDA_VISIBLE_DEVICES that leaves cuda:N alone, as number 0."""
    number = device.partition(":")[2] or "0"
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return number if seen is None else ",".join(seen.split(",")[int(number):int(number) + 1])


def kernels(bench, scratch, after):
    checks = bench.result["checks"]
    harness = pathlib.Path(simclr).resolve().parent / "tests" / "kernelcheck_gpu"
    if bench.cpu:
        checks["kernels"] = "left out: the processor's are checked by ctest"
        return
    if not harness.exists():
        bench.judge("kernels", f"no {harness}")
        return
    # Most of it is cuDNN's search for plans.
    text = bench.run([str(harness)], "kernels", KERNELS_S,
                     {"CUDA_VISIBLE_DEVICES": visible(bench.args.device)}, reserve=after)
    checks.setdefault("kernels", "ok" if text is not None else "FAILED")
    bench.result["kernels"] = (text or "").splitlines()


def trained(bench, out, name, graphs):
    """SHA-256 of the weights after a few steps."""
    command = [simclr, "train", *FEW_STEPS, "steps=12", "-o", str(out), *bench.device]
    if bench.run(command, f"determinism, {name}", 90, {"SIMCLR_CUDA_GRAPHS": graphs}) is None:
        return None
    return hashlib.sha256((out / "checkpoints/last/model.safetensors").read_bytes()).hexdigest()


def note_of(bench, graphs):
    """What the device says of such steps: why they were not recorded, or None."""
    command = [simclr, "bench", "step", *FEW_STEPS, "--repeat", "2", "--json", *bench.device]
    text = bench.run(command, f"recording, {graphs}", 60, {"SIMCLR_CUDA_GRAPHS": graphs})
    return json.loads(text)["note"] if text is not None else "it did not run"


def determinism(bench, scratch, after):
    """The same bytes twice, and without recording; and steps are recorded unless that is switched off."""
    graphs = {"first": "on", "second": "on", **({} if bench.cpu else {"not recorded": "off"})}
    runs = {name: trained(bench, scratch / name, name, graphs[name]) for name in graphs}
    differ = "the weights differ" if len(set(runs.values())) > 1 else ""
    bench.judge("determinism", "a run failed" if None in runs.values() else differ)
    bench.result["weights"] = runs
    if not bench.cpu:
        unseen = "" if note_of(bench, "off") else "SIMCLR_CUDA_GRAPHS=off has no effect"
        bench.judge("recording", note_of(bench, "on") or unseen)


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
