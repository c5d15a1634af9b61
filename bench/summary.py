# SPDX-License-Identifier: MIT
#
# summary.py NAME ms|rss LOG JSON [RATIO=PEER/OURS ...] - the table of bench/run, and its JSON file.
# LOG has a case, a tab and a JSON object per line.  A ratio is the peer's median over ours, with the
# range of the ratios of single rounds.  Needs nothing but Python itself.
import json
import os
import platform
import statistics
import sys

name, metric, log, target = sys.argv[1:5]
wanted = [r.split("=") for r in sys.argv[5:]]
unit = {"ms": "ms", "rss": "MB"}[metric]


def processor():
    try:
        with open("/proc/cpuinfo") as f:
            return next(line.split(":", 1)[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


values, versions = {}, {}
with open(log) as f:
    for line in f:
        case, text = line.rstrip("\n").split("\t", 1)
        one = json.loads(text)
        new = one["ms_list"] if metric == "ms" else [one["peak_rss_mb"]]
        values.setdefault(case, []).append(statistics.median(new))
        versions[case] = one.get("version", "")

cases = {}
print(f"{name}: {processor()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
print(f"{'case':<22} {'n':>3} {'median ' + unit:>12} {'min':>10} {'max':>10}  version")
for case, v in values.items():
    cases[case] = {"n": len(v), "median": statistics.median(v), "min": min(v), "max": max(v),
                   "values": v, "unit": unit, "version": versions[case]}
    print(f"{case:<22} {len(v):>3} {statistics.median(v):>12.1f} {min(v):>10.1f} {max(v):>10.1f}"
          f"  {versions[case]}")

ratios, spread = {}, {}
for key, pair in wanted:
    peer, ours = pair.split("/")
    if peer not in cases or ours not in cases:
        print(f"ratio {key}: not measured")
        continue
    single = [p / o for p, o in zip(values[peer], values[ours])]
    ratios[key] = cases[peer]["median"] / cases[ours]["median"]
    spread[key] = [min(single), max(single)]
    print(f"ratio {key}: {ratios[key]:.2f}  ({min(single):.2f} .. {max(single):.2f})")

if target:
    result = {"name": name, "metric": metric, "machine": processor(), "cpus": os.cpu_count(),
              "cases": cases, "ratios": ratios, "ratio_spread": spread}
    with open(target + ".tmp", "w") as f:
        json.dump(result, f, indent=2)
        f.write("\n")
    os.replace(target + ".tmp", target)
sys.exit(0 if ratios else 1)
