# SPDX-License-Identifier: MIT
#
# gpu_tables.py - the tables of bench/gpu.
import statistics

from gpu_parts import AIM_H200_S, ROOFLINE_H200_S

COMPARED = """
Of both a step is: images that lie in the device's memory, two views of each made there (crop 0.2 to 1, flip,
jitter 0.4 0.4 0.4 0.1, grey 0.1, no blur), ResNet channels-last, head D-1024-128, NT-Xent at 0.5, SGD.
Not alike: ours resamples as PIL does, PyTorch's from four neighbours; each of our steps is waited for and
timed by the host's clock, PyTorch's are queued and timed by the GPU's events."""


TITLES = {"step": "step of {batch} images", "fp32": "step of {batch} images, fp32",
          "resnet50": "ResNet-50 at 224 px, {batch} images", "knn": "k-NN, 10,000 in 50,000 x 512"}
MOST_FAILURES = 40


def print_checks(checks):
    print(f"{'check':<24} verdict")
    for name, verdict in checks.items():
        print(f"{name:<24} {verdict}")


def print_kernels(bench):
    """What the harness says of cases that failed, and at its end."""
    for run in bench.result["runs"]:
        if run["name"].startswith("kernels "):
            lines = run["stdout"].splitlines()
            failures = [line for line in lines if line.startswith("FAIL")]
            print(f"{run['name']}, {run['seconds']:.0f} s: {len(failures)} failures")
            print("\n".join([*failures[:MOST_FAILURES], *lines[-3:], *run["stderr"].splitlines()[-3:]]))


def ours_of(name):
    """The case of ours that a peer's is compared with."""
    words = name.split()
    return " ".join(["simclr", words[1], *(["resnet50"] if "resnet50" in words else [])])


def print_notes(case):
    if case["last"].get("note"):
        print(f"  {case['last']['note']}")
    if case["last"].get("compiled", "no") != "no":
        skipped = case.get("graphs_skipped", [])
        print(f"  {case.get('graphs_recorded', 0)} CUDA graphs recorded, {len(skipped)} skipped",
              *skipped[:1])


def print_turns(bench, title, names, batch):
    """batch 0: no steps, only times."""
    cases = bench.result["cases"]
    print(f"\n{title:<36} {'n':>3} {'median ms':>10} {'range':>19} {'views/s':>10} {'s/50k':>7} "
          f"{'x ours':>7}")
    for name in names:
        ms = cases[name]["rounds"]
        if not ms:
            print(f"{name:<36} not measured")
            continue
        median = statistics.median(ms)
        mine = cases.get(ours_of(name), {}).get("rounds")
        ratio = median / statistics.median(mine) if mine else None
        cases[name].update(n=len(ms), median_ms=median)
        bench.result["ratios"][name] = ratio
        print(f"{name:<36} {len(ms):>3} {median:>10.2f} {min(ms):>9.2f} -{max(ms):>8.2f} ", end="")
        if batch:
            cases[name].update(views_per_s=2e3 * batch / median, s_per_50k=median * 50 / batch)
            print(f"{cases[name]['views_per_s']:>10.0f} {cases[name]['s_per_50k']:>7.2f} ", end="")
        else:
            print(f"{'-':>10} {'-':>7} ", end="")
        print(f"{ratio:>7.2f}" if ratio else f"{'-':>7}")
        print_notes(cases[name])


def cell(value, width, digits, scale=1.0):
    return f"{'-':>{width}}" if value is None else f"{value * scale:>{width}.{digits}f}"


def print_profile(bench):
    found = bench.result.get("profile")
    if found is None:
        return
    print(f"\n{'kernel':<24} {'shape':<24} {'calls':>5} {'ms':>9} {'%':>5} {'TFLOP/s':>8} {'% peak':>6} "
          f"{'GB/s':>8} {'% copy':>6}")
    for row in found["rows"]:
        print(f"{row['name']:<24} {row['shape']:<24} {row['calls'] or '-':>5} {row['ms']:>9.3f} "
              f"{row['share']:>5.1f} {cell(row['gflop_per_s'], 8, 2, 1e-3)} "
              f"{cell(row['percent_of_peak'], 6, 0)} {cell(row['gb_per_s'], 8, 0)} "
              f"{cell(row['percent_of_copy'], 6, 0)}")
    print(f"step of {bench.args.batch} images: {found['step_ms']:.2f} ms, n={found['n']}, {found['device']}, "
          f"{found['precision']}; ceilings: convolutions {found['conv_peak_gflop_per_s'] / 1e3:.2f} TFLOP/s, "
          f"gemm {found['gemm_peak_gflop_per_s'] / 1e3:.2f}, copy {found['copy_gb_per_s']:.0f} GB/s")
    if found["training_step_ms"] is not None:
        print(f"each kernel was waited for: the rows sum to more than a step in training, "
              f"{found['training_step_ms']:.2f} ms")
    if found.get("note"):
        print(f"  {found['note']}")


def print_train(bench):
    found = bench.result.get("train")
    if found is None or not found["images_per_s"]:
        return
    rates = found["images_per_s"]
    found.update(n=len(rates), median=statistics.median(rates), s_per_50k=5e4 / statistics.median(rates))
    print(f"\nsimclr train, {found['data']}, {bench.args.batch} a step, bf16: "
          f"{found['s_per_50k']:.3f} s per 50,000, {found['median']:.0f} images/s "
          f"({min(rates):.0f} - {max(rates):.0f}, n={len(rates)})")
    print(f"  {found['engine']}")
    if "H200" in bench.result["doctor"].get("gpu", ""):
        print(f"aim of the H200: {AIM_H200_S:.2f} s, roofline, estimated: {ROOFLINE_H200_S:.2f} s")


def print_epoch(bench):
    epoch = bench.result.get("epoch")
    if epoch is None:
        return
    print(f"\nepoch of CIFAR-10, 50,000 images in batches of {bench.args.batch}, bf16, by the profile: "
          f"{epoch['s']:.2f} s; the limits of the profile's rows sum to {epoch['limits_s']:.2f} s, "
          f"{100 * epoch['limits_share']:.0f} % of it")
    if "roofline_s" in epoch:
        print(f"roofline of the H200, estimated (790 TFLOP/s, 4.3 TB/s, batch norm's sums within the "
              f"convolutions): {epoch['roofline_s']:.2f} s, {100 * epoch['roofline_share']:.0f} % of it")


def print_naive(bench):
    one = bench.result.get("naive")
    if one is None:
        return
    print(f"\ntorchvision's loader, {one['workers']} workers, PIL, fp32: {one['images']} images in "
          f"{one['epoch_s']:.2f} s, {one['s_per_50k']:.2f} s per 50,000")


def print_cases(bench, part):
    names = [name for name, case in bench.result["cases"].items() if case["part"] == part]
    if names:
        batch = bench.result["cases"][names[0]].get("batch", bench.args.batch)
        print_turns(bench, TITLES[part].format(batch=batch), names, 0 if part == "knn" else batch)


def print_part(bench, part):
    """What this part has found, at once: the run may not come to its end."""
    news = {name: verdict for name, verdict in bench.result["checks"].items() if name not in bench.told}
    bench.told.update(news)
    if news:
        print_checks(news)
    if part == "step":
        print(COMPARED)
    if part in TITLES:
        print_cases(bench, part)
    own = {"kernels": [print_kernels], "train": [print_train], "profile": [print_profile, print_epoch],
           "naive": [print_naive]}
    for table in own.get(part, []):
        table(bench)
    print(flush=True)


def print_summary(bench):
    print_checks(bench.result["checks"])
    for part in TITLES:
        print_cases(bench, part)
    for table in [print_train, print_epoch, print_naive]:
        table(bench)
    for name in bench.failed:
        print("FAILED:", name)
