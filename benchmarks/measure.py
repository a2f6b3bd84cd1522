"""Measuring: contenders in turn, medians and ratios, and what the machine is."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import select
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
LONGEST_WAIT = 300.0  # seconds for an answer


class NotMeasured(RuntimeError):
    """Something that a measurement needs is missing or failed; the message says what."""


class Worker:
    """A program that answers each line it reads with a line of JSON, and sleeps while others run.

    It is started at once; `is_ready` waits until it is ready. One that may use a single thread gets a single core.
    """

    def __init__(
        self, label: str, command: Sequence[str], threads: int, variables: dict[str, str] | None = None
    ) -> None:
        self.label, self.threads = label, threads
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  (a pipe would fill up)
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | (variables or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        if threads == 1 and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.process.pid, {min(os.sched_getaffinity(0))})
        self.seconds: list[float] = []

    def is_ready(self) -> bool:
        """Wait for the line that says that it is ready; where it ends instead, say why."""
        try:
            self._answer()
        except NotMeasured as error:
            print(f"left out: {error}", file=sys.stderr, flush=True)
            return False
        return True

    def ask(self, question: str) -> dict[str, float]:
        """Send a question and wait for the answer."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # why it ended is said below
        return self._answer()

    def _answer(self) -> dict[str, float]:
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], LONGEST_WAIT)
        line = self.process.stdout.readline() if readable else ""
        if not line:
            self.errors.seek(0)
            reason = self.errors.read().strip().splitlines()[-1:] or ["without a word"]
            raise NotMeasured(f"{self.label} {'ended' if readable else 'gave no answer'}: {reason[0][:300]}")
        answer: dict[str, float] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()
        self.errors.close()


def contender(name: str, workload: str, threads: int, *options: str) -> Worker:
    """A contender (benchmarks/worker.py) in a process of its own."""
    label = f"{name}, {threads} thread{'s' if threads > 1 else ''}"
    command = [sys.executable, "-m", "benchmarks.worker", name, workload, str(threads), *options]
    return Worker(label, command, threads)


@contextmanager
def ready(workers: list[Worker]) -> Iterator[list[Worker]]:
    """Those of the workers that get ready, side by side; of the others is said why. All end with the context."""
    try:
        yield [worker for worker in workers if worker.is_ready()]
    finally:
        for worker in workers:
            worker.close()


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
    packages = ("pellucid", "numpy", "torch", "jax", "onnxruntime", "scikit-learn", "pytabkit", "mkl")
    installed = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    versions = [f"{package} {installed[package]}" for package in packages if package in installed]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    return f"Measured {today} on {processor}, {cores} cores, Python {platform.python_version()}; {', '.join(versions)}."
