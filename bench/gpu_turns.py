# SPDX-License-Identifier: MIT
#
# gpu_turns.py - of bench/gpu: PyTorch as a process that is asked for steps, and turns with it.
import json
import os
import re
import select
import signal
import statistics
import subprocess
import time

from gpu_bench import here, python, say, signal_group, simclr


def steps_of_ours(bench, name, settings, steps, reserve, slow=False):
    command = [simclr, "bench", "step", "--repeat", str(steps), "--json", *settings, *bench.device]
    return lambda: bench.run(command, name, 120, reserve=reserve, slow=slow)


class Peer:
    """A process of torch_gpu_step.py, which is asked for some steps at a time.  It starts when it is first
    asked, so that nobody is timed while it compiles, and gets half of what time is left for that."""

    def __init__(self, bench, name, steps, reserve, options):
        self.bench, self.name, self.steps, self.reserve = bench, name, steps, reserve
        self.command = [python, str(here / "torch_gpu_step.py"), "--device", bench.args.device, *options]
        self.log = bench.scratch / f"{name}.log"
        self.process, self.begin = None, 0
        bench.peers.append(self)

    def start(self):
        """Its log says what PyTorch recorded as CUDA graphs and what not."""
        say(f"{self.name}: setting up")
        self.begin = time.monotonic()
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                start_new_session=True, env={**os.environ, "TORCH_LOGS": "perf_hints,cudagraphs"})

    def __call__(self):
        if self.process is None:
            self.start()
            if self.ask(1, 0.5) is None:
                return None
        return self.ask(self.steps, 1)

    def ask(self, steps, share):
        """Its answer, a line of JSON, or None; in this share of the time that is left."""
        seconds = max(1.0, share * (self.bench.left() - self.reserve))
        try:
            self.process.stdin.write(f"{steps}\n")
            self.process.stdin.flush()
        except OSError:
            pass  # it has ended, and so has what it writes
        answered = select.select([self.process.stdout], [], [], seconds)[0]
        line = self.process.stdout.readline() if answered else ""
        if not answered:
            self.bench.out_of_time(self.name, seconds)
        elif line == "":
            say(f"{self.name}: ended: {self.log.read_text(errors='replace').strip()[-600:]}")
            self.bench.failed.append(self.name)
        if line == "":
            self.close()
        return line or None

    def close(self):
        """Together with the processes that compile for it."""
        if self.process is None or self.process.returncode is not None:
            return
        ended = self.process.poll()
        signal_group(self.process, signal.SIGKILL)
        self.process.wait()
        log = self.log.read_text(errors="replace")
        self.bench.keep(self.name, self.command, ended, time.monotonic() - self.begin, "", log)
        case = self.bench.result["cases"].get(self.name, {})
        graphs = [line for line in log.splitlines() if re.search("cuda ?graph", line, re.IGNORECASE)]
        case["graphs_skipped"] = [line for line in graphs if re.search("skip", line, re.IGNORECASE)]
        case["graphs_recorded"] = sum("Recording function" in line for line in graphs)


def take_turns(bench, part, cases, rounds, reserve):
    """cases: {name: function that answers with a line of JSON}, ours first and those that compile last: what
    they take for it does not take the first round from the others.  Every other round backwards, so that
    nobody always follows the same one.  Without ours the others are not timed.
    result["cases"][name]["rounds"] gets each turn's median, ms."""
    for name in cases:
        bench.result["cases"][name] = {"part": part, "rounds": []}
    for number in range(rounds):
        for name in list(cases) if number % 2 == 0 else list(cases)[::-1]:
            if bench.left() - reserve < 10:
                say("no time is left for more rounds")
                return
            say(f"round {number + 1} of {rounds}, {name}")
            answer = cases[name]()
            if answer is None:
                del cases[name]
                if name.startswith("simclr"):
                    say(f"{part}: PyTorch alone is not timed")
                    return
                continue
            one = json.loads(answer)
            case = bench.result["cases"][name]
            case["rounds"].append(statistics.median(one["ms_list"]))
            case["last"] = {key: value for key, value in one.items() if key != "ms_list"}
