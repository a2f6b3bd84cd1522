"""Where the time of a workload goes: `perf` on our contender, and each sample put down to a part of the core.

An optimized build with symbols (build/profile) stands in for the installed native engine. A sample's address is
resolved to the chain of functions that were inlined there, and counts for the first part in `PARTS` that one of them
belongs to.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from benchmarks.measure import NotMeasured, contender, ready
from benchmarks.products import build
from benchmarks.workloads import WORKLOADS

SECONDS = 6.0  # of rounds, at least
FREQUENCY = 2000  # samples a second and thread

# What a chain of inlined functions is part of: file and function, as "file:function", searched in this order.
PARTS = {
    "waiting for the other thread": r"threads\.cpp:",
    "optimizer": r"(optimizers|update|penalties)\.hpp:",
    "loss": r"losses\.hpp:|:(evaluate_block|evaluate_loss|weighted_sum|rows_to_lanes|lanes_to_rows)\b",
    "gather": r"gather\.hpp:|:gather_examples\b|:turn_examples\b",
    "random numbers": r"random\.hpp:",
    "normalization": r"normalization\.hpp:",
    "dropout": r"dropout\.hpp:",
    "activation": r"(activations|rectifiers|prelu|parametric|maxout)\.hpp:",
    "embedding and learnt scale": r"(periodic|embedding|scale)\.hpp:",
    "transposition": r":(transpose|transpose_square)\b",
    "product: scores and input gradient": r":(product|product_tile)\b",
    "product: weight gradient": r":(gradient_block|gradient_tile|turned_gradient|turned_gradient_tile)\b",
    "other products": r"(gemm|dense)\.hpp:",
}


def main(words: list[str]) -> int:
    """Profile a workload with a number of threads, 1 unless said, and print the table."""
    if not words or words[0] not in WORKLOADS or len(words) > 2 or not all(word in "1234" for word in words[1:]):
        print(f"usage: python -m benchmarks profile {'|'.join(WORKLOADS)} [THREADS]", file=sys.stderr)
        return 2
    name, threads = words[0], int(words[1]) if len(words) > 1 else 1
    try:
        shares, seconds = profile(name, threads)
    except NotMeasured as error:
        print(f"No profile: {error}", file=sys.stderr)
        return 1
    print(f"{name}, {threads} thread{'s' if threads > 1 else ''}, {sum(shares.values())} samples, {seconds:.1f} s\n")
    print("| part | share |\n|---|---|")
    for part, count in shares.most_common():
        print(f"| {part} | {count / sum(shares.values()):.1%} |")
    return 0


def profile(name: str, threads: int) -> tuple[Counter[str], float]:
    """The number of samples in each part, while rounds ran for so many seconds."""
    perf = shutil.which("perf")
    if not perf:
        raise NotMeasured("perf was not found (Debian: apt-get install linux-perf)")
    if not shutil.which("addr2line"):
        raise NotMeasured("addr2line was not found (Debian: apt-get install binutils)")
    options = ["-DCMAKE_BUILD_TYPE=RelWithDebInfo", f"-DPython_EXECUTABLE={sys.executable}"]
    module = build("profile", "_native", *options)
    data = module.parent / f"{name}-{threads}.perf"
    with ready([contender("pellucid", name, threads, "--native", str(module))]) as workers:
        if not workers:
            raise NotMeasured("our contender did not start")
        workers[0].ask("round")  # the team has come together
        base = base_of(workers[0].process.pid, module)
        command = [perf, "record", "--quiet", "-F", str(FREQUENCY), "-p", str(workers[0].process.pid), "-o", str(data)]
        recorder = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)
        seconds = 0.0
        while seconds < SECONDS and recorder.poll() is None:
            seconds += workers[0].ask("round")["seconds"]
        recorder.send_signal(signal.SIGINT)
        _, errors = recorder.communicate()
    if not data.exists() or not seconds:
        raise NotMeasured(f"perf could not record: {errors.strip()[-300:]}")
    return classify(perf, data, module, base), seconds


def classify(perf: str, data: Path, module: Path, base: int) -> Counter[str]:
    """The part of each sample of a recording. `base` is where the module lay in memory."""
    command = [perf, "script", "-i", str(data), "-F", "ip,sym,dso"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    inside, shares = Counter[int](), Counter[str]()
    for line in listing.splitlines():
        sample = re.match(r"\s*([0-9a-f]+) .*\(([^()]*)\)\s*$", line)
        if not sample:
            continue
        library = Path(sample[2]).name
        if library == module.name:
            inside[int(sample[1], 16) - base] += 1
        elif "python" in library.lower():
            shares["Python"] += 1
        elif "kernel" in library:
            shares["operating system"] += 1
        else:
            shares["other libraries"] += 1
    for address, chain in chains(module, list(inside)).items():
        part = next((part for part, pattern in PARTS.items() if re.search(pattern, chain)), "the rest of the core")
        shares[part] += inside[address]
    return shares


def chains(module: Path, addresses: list[int]) -> dict[int, str]:
    """The functions that are inlined at each address, innermost first, as lines "file:function"."""
    command = ["addr2line", "-a", "-i", "-f", "-C", "-e", str(module)]
    places = "\n".join(map(hex, addresses))
    answer = subprocess.run(command, input=places, check=True, capture_output=True, text=True).stdout
    found: dict[int, str] = {}
    for address, block in zip(addresses, re.split(r"^0x[0-9a-f]+\n", answer, flags=re.M)[1:], strict=True):
        lines = block.splitlines()
        names = [function.split("<")[0].split("(")[0].split("::")[-1].split(" ")[-1] for function in lines[::2]]
        files = [Path(place.rsplit(":", 1)[0]).name for place in lines[1::2]]
        found[address] = "\n".join(f"{file}:{name}" for file, name in zip(files, names, strict=True))
    return found


def base_of(process: int, module: Path) -> int:
    """Where a module begins in the memory of a process."""
    for line in Path(f"/proc/{process}/maps").read_text().splitlines():
        span, _, offset, _, _, *path = line.split(maxsplit=5)
        if path == [str(module)] and int(offset, 16) == 0:
            return int(span.split("-")[0], 16)
    raise NotMeasured(f"the process has not loaded {module}")
