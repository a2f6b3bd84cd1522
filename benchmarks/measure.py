"""Measuring: contenders in turn, medians and ratios, and what the machine is."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent


class Worker:
    """A contender in a process of its own. It sleeps while others run."""

    def __init__(self, name: str, workload: str, threads: int) -> None:
        self.label = f"{name}, {threads} thread{'s' if threads > 1 else ''}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, workload, str(threads)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.seconds: list[float] = []
        self.ask(None)

    def ask(self, question: str | None) -> dict[str, float]:
        """Send a question and wait for the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        if question is not None:
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.label} ended: {self.process.stderr.read()[-2000:]}")
        answer: dict[str, float] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def in_turn(functions: dict[str, Callable[[], object]], rounds: int, clock: Callable[[], float]) -> dict[str, float]:
    """Median seconds of each function, called one after the other, `rounds` times, after one round of warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(rounds + 1):
        for name, function in functions.items():
            began = clock()
            function()
            if number:
                seconds[name].append(clock() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}


def processes_in_turn(commands: dict[str, Sequence[str]], rounds: int) -> dict[str, float]:
    """Median wall seconds of whole processes, in turn, after one round of warm-up."""
    import time

    def run(command: Sequence[str]) -> Callable[[], object]:
        return lambda: subprocess.run(command, check=True, capture_output=True, cwd=ROOT)

    return in_turn({name: run(command) for name, command in commands.items()}, rounds, time.perf_counter)


def peak_memory(code: str) -> float:
    """The largest resident size, in MB, of a Python process that runs `code`."""
    tail = """
import re, sys
print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024, file=sys.stderr)
"""  # not ru_maxrss: a child inherits its parent's
    done = subprocess.run([sys.executable, "-c", code + tail], check=True, capture_output=True, text=True, cwd=ROOT)
    return float(done.stderr.strip().splitlines()[-1])


def machine() -> str:
    """Date, processor, cores and versions, in one sentence."""
    processor = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = [line.split(":", 1)[1].strip() for line in information.read_text().splitlines() if "model name" in line]
        processor = names[0] if names else processor
    packages = ("pellucid", "numpy", "torch", "jax", "onnxruntime", "scikit-learn")
    installed = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    versions = [f"{package} {installed[package]}" for package in packages if package in installed]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    return f"Measured {today} on {processor}, {cores} cores, Python {platform.python_version()}; {', '.join(versions)}."
