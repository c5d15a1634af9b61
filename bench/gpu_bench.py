# SPDX-License-Identifier: MIT
#
# gpu_bench.py - what the parts of bench/gpu share: commands with a time limit, PyTorch as a process that
# is asked for steps, turns, and the result.
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

here = pathlib.Path(__file__).resolve().parent
simclr = os.environ.get("SIMCLR", str(here.parent / "build" / "simclr"))
python = os.environ.get("PYTHON", "python3")


def say(text):
    print(f"bench/gpu: {text}", file=sys.stderr, flush=True)


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

    def out_of_time(self, name, seconds):
        say(f"{name}: not done after {seconds:.0f} s, and no time is left")
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
            done = subprocess.run([python, str(here / "peer_check.py"), "step"],
                                  stderr=subprocess.PIPE, text=True)
            self.has_torch = done.returncode == 0
            if not self.has_torch:
                say(done.stderr.strip())
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
    """A process of torch_gpu_step.py, which is asked for some steps at a time."""

    def __init__(self, bench, name, steps, reserve, options):
        self.bench, self.name, self.steps = bench, name, steps
        self.seconds, self.killed = max(1.0, bench.left() - reserve), False
        command = [python, str(here / "torch_gpu_step.py"), "--device", bench.args.device, *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.timer = threading.Timer(self.seconds, self.kill)
        self.timer.daemon = True
        self.timer.start()
        bench.peers.append(self)

    def kill(self):
        self.killed = True
        self.process.kill()

    def __call__(self, steps=None):
        try:
            self.process.stdin.write(f"{steps or self.steps}\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except OSError:
            line = ""
        if line == "" and self.killed:
            self.bench.out_of_time(self.name, self.seconds)
        elif line == "":
            say(f"{self.name}: ended")
            self.bench.failed.append(self.name)
        return line or None

    def close(self):
        self.timer.cancel()
        self.process.kill()
        self.process.wait()


def take_turns(bench, cases, rounds, reserve):
    """cases: {name: function that answers with a line of JSON}.  Every other round backwards, so that
    nobody always follows the same one.  result["cases"][name]["rounds"] gets each turn's median, ms."""
    for name in cases:
        bench.result["cases"][name] = {"rounds": []}
    for name, peer in list(cases.items()):  # nobody is timed while another compiles
        if isinstance(peer, Peer) and peer(1) is None:
            del cases[name]
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
