# SPDX-License-Identifier: MIT
#
# gpu_bench.py - what the parts of bench/gpu share: commands with a time limit, what they wrote, the result.
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import traceback

here = pathlib.Path(__file__).resolve().parent
KEPT, GRACE_S = 200_000, 5  # characters of what a process wrote; for what it tells when its time is up
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


def settle_environment(scratch, plans):
    """Of all that is run: plans of convolutions are those of the file `plans`, or searched anew, and can be
    kept, whatever the home directory holds; and cuDNN is found."""
    os.environ["XDG_CACHE_HOME"] = str(scratch)
    if plans:
        (scratch / "simclr").mkdir()
        given = pathlib.Path(plans)
        if given.suffix == ".json":
            for name, text in json.loads(given.read_text())["plans"].items():
                (scratch / "simclr" / pathlib.Path(name).name).write_text(text)
        else:
            shutil.copy(given, scratch / "simclr")
    cudnn = "" if "SIMCLR_CUDA_LIBS" in os.environ else output_of(python, "-c", FIND_CUDNN)
    if cudnn:
        os.environ["SIMCLR_CUDA_LIBS"] = cudnn


def kept(text):
    """The beginning and the end of it, where it is long."""
    half = KEPT // 2
    return text if len(text) <= KEPT else f"{text[:half]}\n[...]\n{text[-half:]}"


def signal_group(process, number):
    """It, and the processes that it has started."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def outputs_of(process, seconds):
    """Both of its outputs, and whether it ended in that time.  Else it may tell where it was."""
    try:
        return *process.communicate(timeout=seconds), True
    except subprocess.TimeoutExpired:
        signal_group(process, signal.SIGTERM)
    try:
        return *process.communicate(timeout=GRACE_S), False
    except subprocess.TimeoutExpired:
        signal_group(process, signal.SIGKILL)
    return *process.communicate(), False


class Bench:
    def __init__(self, args, scratch):
        self.args, self.scratch = args, scratch
        self.cpu = args.device == "cpu"
        if self.cpu:
            args.batch, args.rounds, args.steps, args.quick = min(args.batch, 16), 1, 1, True
        self.deadline = time.monotonic() + 60 * args.minutes
        self.device = [f"device={args.device}"]
        self.result = {"device": args.device, "checks": {}, "cases": {}, "ratios": {}, "runs": [],
                       "tracebacks": {}}
        self.failed, self.peers, self.told, self.has_torch = [], [], set(), None

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

    def attempt(self, name, function, *arguments):
        """What goes wrong in it does not keep the others from being tried."""
        try:
            function(*arguments)
        except Exception:
            trace = self.result["tracebacks"][name] = traceback.format_exc()
            say(f"{name}: {trace}")
            self.judge(name, trace.strip().splitlines()[-1])

    def out_of_time(self, name, seconds):
        say(f"{name}: not done after {seconds:.0f} s, which is all that it gets")
        self.result["checks"][name] = f"left out: not done after {seconds:.0f} s"

    def keep(self, name, command, status, seconds, out, err):
        """What a process wrote, for who reads the result."""
        self.result["runs"].append({
            "name": name, "command": command, "status": status, "seconds": round(seconds, 2),
            "stdout": kept(out), "stderr": kept(err)})

    def run(self, command, name, limit, env=None, reserve=0, slow=False):
        """Its standard output, or None; a failure is told and remembered.  It may take `limit` seconds, or
        less where it would not leave `reserve`; to take more is no failure then, nor where it may be slow."""
        allowed = min(max(1.0, self.left() - reserve), limit)
        begin = time.monotonic()
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                       errors="replace", env={**os.environ, **(env or {})},
                                       start_new_session=True)
        except OSError as error:
            say(f"{name}: {error}")
            self.failed.append(name)
            return None
        try:
            out, err, in_time = outputs_of(process, allowed)
        except BaseException:
            signal_group(process, signal.SIGKILL)
            raise
        self.keep(name, command, process.returncode, time.monotonic() - begin, out, err)
        if in_time and process.returncode == 0:
            return out
        if not in_time and (slow or allowed < limit):
            self.out_of_time(name, allowed)
            return None
        ended = f"exit {process.returncode}" if in_time else f"not done after {limit:.0f} s"
        say(f"{name}: {ended}: {(err or out).strip()[-600:]}")
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

    def close(self):
        while self.peers:
            self.peers.pop().close()

    def store(self):
        """The result as far as it goes, and with it the plans that were chosen."""
        self.result["failed"] = self.failed
        self.result["plans"] = {
            file.name: file.read_text() for file in (self.scratch / "simclr").glob("plans-*.txt")}
        if self.args.json:
            target = pathlib.Path(self.args.json)
            written = target.with_name(target.name + ".tmp")
            written.write_text(json.dumps(self.result, indent=1) + "\n")
            os.replace(written, target)
