# SPDX-License-Identifier: MIT
#
# gpu_bench.py - what the parts of bench/gpu share: commands with a time limit, PyTorch as a process that
# is asked for steps, turns, and the result.
import json
import os
import pathlib
import select
import signal
import statistics
import subprocess
import sys
import time

here = pathlib.Path(__file__).resolve().parent
simclr = os.environ.get("SIMCLR", str(here.parent / "build" / "simclr"))
python = os.environ.get("PYTHON", "python3")

# Where pip's wheel of cuDNN is, as PyTorch brings it.
FIND_CUDNN = """
import importlib.util, os
try:
    wheel = importlib.util.find_spec("nvidia.cudnn")
except ImportError:
    wheel = None
places = wheel.submodule_search_locations if wheel else []
print(":".join(os.path.join(place, "lib") for place in places))
"""


def say(text):
    print(f"bench/gpu: {text}", file=sys.stderr, flush=True)


def output_of(*command):
    """Standard output of what may fail or not be there: then ""."""
    try:
        return subprocess.run(command, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL).stdout.strip()
    except OSError:
        return ""


def settle_environment(scratch):
    """Of all that is run: plans of convolutions are searched anew and can be kept, whatever the home
    directory holds; and cuDNN is found."""
    os.environ["XDG_CACHE_HOME"] = str(scratch)
    cudnn = "" if "SIMCLR_CUDA_LIBS" in os.environ else output_of(python, "-c", FIND_CUDNN)
    if cudnn:
        os.environ["SIMCLR_CUDA_LIBS"] = cudnn


class Bench:
    def __init__(self, args):
        self.args = args
        self.cpu = args.device == "cpu"
        if self.cpu:
            args.batch, args.rounds, args.steps, args.quick = min(args.batch, 16), 1, 1, True
        self.deadline = time.monotonic() + 60 * args.minutes
        self.device = [] if self.cpu else [f"device={args.device}"]
        self.result = {"device": args.device, "checks": {}, "cases": {}, "ratios": {}}
        self.failed, self.peers, self.has_torch = [], [], None

    def left(self):
        return max(1.0, self.deadline - time.monotonic())

    def has_time(self, name, seconds):
        if self.left() >= seconds:
            return True
        say(f"{name}: no time is left for it")
        self.result["checks"][name] = "left out: no time"
        return False

    def judge(self, name, fault):
        """The verdict of a check; fault "": none was found."""
        self.result["checks"][name] = f"FAILED: {fault}" if fault else "ok"
        if fault:
            self.failed.append(name)

    def out_of_time(self, name, seconds):
        say(f"{name}: not done after {seconds:.0f} s, which is all that it gets")
        self.result["checks"][name] = f"left out: not done after {seconds:.0f} s"

    def run(self, command, name, limit, env=None, reserve=0):
        """Its standard output, or None; a failure is told and remembered.  It may take `limit` seconds, or
        less where it would not leave `reserve`; that is no failure."""
        allowed = min(max(1.0, self.left() - reserve), limit)
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  timeout=allowed, env={**os.environ, **(env or {})})
        except subprocess.TimeoutExpired:
            if allowed < limit:
                self.out_of_time(name, allowed)
                return None
            say(f"{name}: not done after {limit:.0f} s")
        except OSError as error:
            say(f"{name}: {error}")
        else:
            if done.returncode == 0:
                return done.stdout
            say(f"{name}: exit {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}")
        self.failed.append(name)
        return None

    def torch(self):
        """Whether PyTorch is there."""
        if self.has_torch is None:
            try:
                done = subprocess.run([python, str(here / "peer_check.py"), "step"],
                                      stderr=subprocess.PIPE, text=True)
                self.has_torch, why = done.returncode == 0, done.stderr.strip()
            except OSError as error:
                self.has_torch, why = False, error
            if not self.has_torch:
                say(why)
                self.result["checks"]["PyTorch"] = "not there"
        return self.has_torch

    def steps_of_ours(self, name, settings, steps, reserve):
        command = [simclr, "bench", "step", "--repeat", str(steps), "--json", *settings, *self.device]
        return lambda: self.run(command, name, 120, reserve=reserve)

    def close(self):
        while self.peers:
            self.peers.pop().close()

    def store(self):
        self.result["failed"] = self.failed
        if self.args.json:
            pathlib.Path(self.args.json).write_text(json.dumps(self.result, indent=1) + "\n")
        for name in self.failed:
            print("FAILED:", name)


class Peer:
    """A process of torch_gpu_step.py, which is asked for some steps at a time.  It starts when it is first
    asked, so that nobody is timed while it compiles, and gets half of what time is left for that."""

    def __init__(self, bench, name, steps, reserve, options):
        self.bench, self.name, self.steps, self.reserve = bench, name, steps, reserve
        self.command = [python, str(here / "torch_gpu_step.py"), "--device", bench.args.device, *options]
        self.process = None
        bench.peers.append(self)

    def __call__(self):
        if self.process is None:
            say(f"{self.name}: setting up")
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            text=True, start_new_session=True)
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
            say(f"{self.name}: ended")
            self.bench.failed.append(self.name)
        if line == "":
            self.close()
        return line or None

    def close(self):
        """Together with the processes that compile for it."""
        if self.process is not None and self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def take_turns(bench, cases, rounds, reserve):
    """cases: {name: function that answers with a line of JSON}, those that compile last: what they take
    for it does not take the first round from the others.  Every other round backwards, so that nobody
    always follows the same one.  result["cases"][name]["rounds"] gets each turn's median, ms."""
    for name in cases:
        bench.result["cases"][name] = {"rounds": []}
    for number in range(rounds):
        for name in list(cases) if number % 2 == 0 else list(cases)[::-1]:
            if bench.left() - reserve < 10:
                say("no time is left for more rounds")
                return
            say(f"round {number + 1} of {rounds}, {name}")
            answer = cases[name]()
            if answer is None:
                del cases[name]
                continue
            one = json.loads(answer)
            case = bench.result["cases"][name]
            case["rounds"].append(statistics.median(one["ms_list"]))
            case["last"] = {key: value for key, value in one.items() if key != "ms_list"}
