# SPDX-License-Identifier: MIT
#
# gpu_parts.py - the parts of bench/gpu that measure.  Each takes the bench and the seconds to leave to the
# parts after it.
import json
import os

from gpu_bench import here, python, simclr
from gpu_turns import Peer, steps_of_ours, take_turns

# An epoch of CIFAR-10 (50,000 images, two views, ResNet-18, bf16) on an H200 at 790 TFLOP/s and 4.3 TB/s,
# each kernel at the larger of its work's and its bytes' time, the statistics of batch norm and their
# gradients' sums within the convolutions: gpu-design.md, section 2.  An estimate, not a measurement.
ROOFLINE_H200_S = 0.65
AIM_H200_S = 0.85  # what simclr train is to take for it
PHOTO_SIDE, PHOTOS = 256, 256
CIFAR_FILES = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
CIFAR_RECORDS, CIFAR_PLANES = 10000, 3072


def name_of_peer(precision, compiled, network=""):
    how = "eager" if compiled == "no" else compiled
    return " ".join(word for word in ["torch", precision, network, how] if word)


def cifar_steps(bench, part, precision, peers, counts, after):
    """A turn of each is counts["steps"]; peers: whether and how each is compiled."""
    name, cases = f"simclr {precision}", {}
    settings = ["--batch", str(bench.args.batch), "--precision", precision]
    slow = precision == "fp32"
    cases[name] = steps_of_ours(bench, name, settings, counts["steps"], after, slow)
    for compiled in peers if bench.torch() else []:
        name = name_of_peer(precision, compiled)
        options = ["--batch", str(bench.args.batch), "--precision", precision, "--compiled", compiled,
                   "--warmup", str(counts["warmup"]), *(["--images", "64"] if bench.cpu else [])]
        cases[name] = Peer(bench, name, counts["steps"], after, options)
    take_turns(bench, part, cases, counts["rounds"], after)


def step(bench, after):
    """CIFAR's ResNet-18 in bf16."""
    args = bench.args
    counts = {"steps": args.steps, "rounds": args.rounds, "warmup": 1 if bench.cpu else 10}
    cifar_steps(bench, "step", "bf16", ["no"] if args.quick else ["no", args.compiled], counts, after)


def fp32(bench, after):
    """The same in fp32, by few steps."""
    counts = {"steps": 1 if bench.cpu else 3, "rounds": 1, "warmup": 1 if bench.cpu else 3}
    cifar_steps(bench, "fp32", "fp32", ["no"], counts, after)


def write_photos(folder):
    """PPM files of random bytes: nothing needs to be installed to write them."""
    folder.mkdir()
    for i in range(PHOTOS):
        pixels = os.urandom(PHOTO_SIDE * PHOTO_SIDE * 3)
        (folder / f"{i:03}.ppm").write_bytes(b"P6\n%d %d\n255\n" % (PHOTO_SIDE, PHOTO_SIDE) + pixels)


def write_cifar(folder):
    """CIFAR-10's files with random labels and pixels."""
    folder.mkdir()
    for name in CIFAR_FILES:
        with open(folder / name, "wb") as file:
            for label in os.urandom(CIFAR_RECORDS):
                file.write(bytes([label % 10]) + os.urandom(CIFAR_PLANES))


def train(bench, after):
    """simclr train, with its log every ten steps: images a second by metrics.jsonl, which looks at the clock
    each half second.  The first two epochs choose plans and record; evaluations are as small as they can be,
    in batches for which there are plans, and do not count."""
    args, out, folder = bench.args, bench.scratch / "train", bench.scratch / "cifar"
    epochs, most = (1, ["steps=2"]) if bench.cpu else (8, [])
    few = 2 * args.batch
    write_cifar(folder)
    command = [simclr, "train", "--preset", "cifar10", f"data.dataset=cifar10:{folder}", "precision=bf16",
               f"batch={args.batch}", f"epochs={epochs}", "eval.every=0", f"eval.max_train={few}",
               f"eval.max_test={few}", f"eval.batch={few}", *most, "-o", str(out), *bench.device]
    if bench.run(command, "train", 90, reserve=after) is None:
        return
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    rates = [line["images_per_s"] for line in lines if "loss" in line and (bench.cpu or line["epoch"] > 2)]
    told = bench.result["runs"][-1]["stderr"].splitlines()
    bench.result["train"] = {
        "images_per_s": [rate for rate, before in zip(rates, [0, *rates]) if rate != before],
        "data": "50,000 images of CIFAR-10's files with random pixels",
        "engine": " ".join(line for line in told if line.startswith("engine"))}


def resnet50(bench, after):
    """ResNet-50 at 224 px in bf16."""
    batch, rounds, count = (2, 1, 1) if bench.cpu else (128, 3, 10)
    folder, cases = bench.scratch / "photos", {}
    write_photos(folder)
    name = "simclr bf16 resnet50"
    settings = [f"data.dataset=folder:{folder}", "arch=resnet50", "image_size=224", "--batch", str(batch),
                "--precision", "bf16"]
    cases[name] = steps_of_ours(bench, name, settings, count, after)
    peers = ["no"] if bench.args.quick else ["no", bench.args.compiled]
    for compiled in peers if bench.torch() else []:
        name = name_of_peer("bf16", compiled, "resnet50")
        options = ["--network", "resnet50", "--batch", str(batch), "--compiled", compiled,
                   *(["--images", "4", "--warmup", "0"] if bench.cpu else ["--images", "4096"])]
        cases[name] = Peer(bench, name, count, after, options)
    names = list(cases)
    take_turns(bench, "resnet50", cases, rounds, after)
    for name in names:
        bench.result["cases"][name]["batch"] = batch


def profile(bench, after):
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


def knn(bench, after):
    """10,000 queries in a bank of 50,000 x 512."""
    repeat = 1 if bench.cpu else 3
    command = [simclr, "bench", "knn", "--repeat", str(repeat), "--json", *bench.device]
    cases = {"simclr knn": lambda: bench.run(command, "simclr knn", 120, reserve=after)}
    if bench.torch():
        peer = [python, str(here / "peer_knn.py"), "torch", "--device", bench.args.device,
                "--threads", str(os.cpu_count())]
        cases["torch knn"] = lambda: bench.run(peer, "torch knn", 120, reserve=after)
    take_turns(bench, "knn", cases, 1 if bench.cpu else 3, after)


def naive(bench, after):
    """An epoch as torchvision's loader feeds it."""
    if not bench.torch():
        return
    little = ["--images", "64", "--workers", "2"] if bench.cpu else []
    command = [python, str(here / "torch_naive_epoch.py"), "--device", bench.args.device, "--batch",
               str(bench.args.batch), *little]
    text = bench.run(command, "naive", 120, reserve=after, slow=True)
    if text is not None:
        bench.result["naive"] = json.loads(text)
