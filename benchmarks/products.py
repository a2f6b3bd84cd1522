"""G: every matrix product of W1 to W5, ours beside OpenBLAS and MKL; and a step's time over that of its products.

The program that multiplies is benchmarks/native/main.cpp, built here. The same program calls all three in a loop, so
none pays for Python. Ours have their operands in panels, the layout in which the engine keeps parameters and
activations from the first step to the last; the libraries have theirs row by row, as NumPy and PyTorch keep them.
"""

from __future__ import annotations

import importlib.metadata
import math
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks import training
from benchmarks.measure import ROOT, NotMeasured, Worker, ready
from benchmarks.workloads import WORKLOADS, Workload, rows_of

Row = tuple[str, ...]

LARGE = 10_000_000  # multiplications of a product that counts as large
TEAM = 6_000_000  # multiplications of a step from which the engine takes more than one thread (native/module.cpp)
WANTED = {False: 1.0, True: 0.95}
WANTED_OF_FLOOR = {"W1": "≤ 1.35", "W3": "≤ 1.35", "W4": "≤ 1.15"}
WORKLOADS_OF_PRODUCTS = ("W1", "W2", "W3", "W4", "W5")  # W0 is no matter of matrices; W5N's products are W5's
PAUSE = 0.05  # in which the threads of the one before fall asleep, which wait awake for more work


@dataclass(frozen=True)
class Product:
    """One product of a dense layer: XW, XᵀdY (the gradient of W), or dY Wᵀ (the gradient of X)."""

    kind: str
    rows: int
    inputs: int
    outputs: int

    @property
    def multiplications(self) -> int:
        return self.rows * self.inputs * self.outputs

    @property
    def is_large(self) -> bool:
        return self.multiplications >= LARGE

    def __str__(self) -> str:
        names = {"scores": "X W", "weight_gradient": "Xᵀ dY", "input_gradient": "dY Wᵀ"}
        return f"{names[self.kind]}, {self.rows} rows, {self.inputs} → {self.outputs}"


def products_of(workload: Workload) -> Counter[Product]:
    """The products of one step, and how often each occurs. Nobody asks for the gradient of the network's inputs."""
    rows = workload.batch or rows_of(workload)
    count: Counter[Product] = Counter()
    for number, (inputs, outputs) in enumerate(zip(workload.sizes[:-1], workload.sizes[1:], strict=True)):
        for kind in ("scores", "weight_gradient", "input_gradient")[: 3 if number else 2]:
            count[Product(kind, rows, inputs, outputs)] += 1
    return count


@cache
def program() -> Path:
    """The program that multiplies, built where it is not up to date."""
    return build("products", "core_products", "-DPELLUCID_CORE_BENCHMARKS=ON")


def build(folder: str, target: str, *options: str) -> Path:
    """A target of CMakeLists.txt, built in a folder of build/."""
    cmake = shutil.which("cmake") or shutil.which("cmake", path=str(Path(sys.executable).parent))
    if not cmake:
        raise NotMeasured("cmake was not found")
    where = ROOT / "build" / folder
    for command in (
        [cmake, "-S", str(ROOT), "-B", str(where), *options],
        [cmake, "--build", str(where), "--target", target, "--parallel", "2"],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise NotMeasured(f"{target} could not be built: {(done.stderr or done.stdout).strip()[-500:]}")
    built = sorted(where.glob(f"{target}*"))
    built = [path for path in built if path.is_file()]
    if not built:
        raise NotMeasured(f"{target} was not built: cmake found no C++20 compiler, or lacks what it needs")
    return built[0]


def libraries() -> dict[str, tuple[str, str, str]]:
    """The libraries that are here: path, the name of cblas_sgemm, the bits of its integers."""
    found = {}
    for distribution, pattern, name in (
        ("numpy", "libscipy_openblas64_", "OpenBLAS"),
        ("mkl", "libmkl_rt.so", "MKL"),
    ):
        try:
            files = importlib.metadata.files(distribution) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        paths = [str(Path(file.locate()).resolve()) for file in files if file.name.startswith(pattern)]
        symbol, bits = ("scipy_cblas_sgemm64_", "64") if name == "OpenBLAS" else ("cblas_sgemm", "32")
        if paths:
            found[name] = (paths[0], symbol, bits)
    return found


def takes_team(workload: Workload) -> bool:
    """Whether the engine shares the steps of this network out, given more than one thread."""
    rows = workload.batch or rows_of(workload)
    weights = sum(inputs * outputs for inputs, outputs in zip(workload.sizes[:-1], workload.sizes[1:], strict=True))
    return 3 * rows * weights >= TEAM


def start(threads: int) -> list[Worker]:
    """Ours and the libraries', each a process with so many threads; ours also with one, for networks without a team."""
    variables = {f"{name}_NUM_THREADS": str(threads) for name in ("OPENBLAS", "MKL", "OMP")}
    variables |= {"KMP_BLOCKTIME": "10", "MKL_DYNAMIC": "FALSE"}  # waits awake for 10 ms, not 200
    workers = [
        Worker(name, [str(program()), str(count)], threads, variables)
        for name, count in {"alone": 1, "pellucid": threads}.items()
    ]
    for name, (path, *how) in libraries().items():
        beside = {"LD_LIBRARY_PATH": str(Path(path).parent)}  # where MKL finds its threads
        workers.append(Worker(name, [str(program()), str(threads), path, *how], threads, variables | beside))
    return workers


@cache
def measure(quick: bool) -> dict[tuple[Product, int], dict[str, float]]:
    """The median seconds of each product, with each number of threads, by everybody."""
    rounds, seconds = (1, 0.001) if quick else (5, 0.01)
    wanted = {
        product: takes_team(WORKLOADS[name])
        for name in WORKLOADS_OF_PRODUCTS
        for product in products_of(WORKLOADS[name])
    }
    measured: dict[tuple[Product, int], dict[str, float]] = {}
    for threads in (1, 2):
        with ready(start(threads)) as workers:
            by_name = {worker.label: worker for worker in workers}
            if not {"alone", "pellucid"} <= set(by_name) or len(by_name) < 3:
                raise NotMeasured("neither OpenBLAS nor MKL could be used")
            for product, team in wanted.items():
                ours = by_name["pellucid" if team else "alone"]
                theirs = {name: worker for name, worker in by_name.items() if name not in ("alone", "pellucid")}
                measured[product, threads] = _in_turn(product, {"pellucid": ours, **theirs}, rounds, seconds)
    return measured


def _in_turn(product: Product, workers: dict[str, Worker], rounds: int, seconds: float) -> dict[str, float]:
    question = f"{product.kind} {product.rows} {product.inputs} {product.outputs} {seconds}"
    times: dict[str, list[float]] = {name: [] for name in workers}
    for _ in range(rounds):
        lengths = []
        for name, worker in workers.items():
            answer = worker.ask(question)
            times[name].append(answer["seconds"])
            lengths.append(answer["length"])
            time.sleep(PAUSE if worker.threads > 1 else 0.0)
        if not all(math.isclose(length, lengths[0], rel_tol=1e-5) for length in lengths):
            raise NotMeasured(f"{product}: the libraries differ in their results: {lengths}")
    return {name: statistics.median(values) for name, values in times.items()}


def rows(quick: bool = False) -> Iterator[Row]:
    """Each product once: microseconds and ratios with one thread and with two; then means of the ratios."""
    measured = measure(quick)
    ratios: dict[tuple[bool, int], list[float]] = {
        (large, threads): [] for large in (False, True) for threads in (1, 2)
    }
    of: dict[Product, list[str]] = {}
    for name in WORKLOADS_OF_PRODUCTS:
        for product in products_of(WORKLOADS[name]):
            of.setdefault(product, []).append(name)
    for product, names in of.items():
        row = [f"{product} ({', '.join(names)})"]
        for threads in (1, 2):
            times = measured[product, threads]
            mine = times["pellucid"]
            ratio = min(seconds for name, seconds in times.items() if name != "pellucid") / mine
            ratios[product.is_large, threads].append(ratio)
            beside = ", ".join(f"{name} {seconds * 1e6:.3g}" for name, seconds in times.items() if name != "pellucid")
            row += [f"{mine * 1e6:.3g}", beside, f"**{ratio:.2f} ×**"]
        yield (*row, f"≥ {WANTED[product.is_large]:g} ×")
    for large, word in ((False, "small"), (True, "large")):
        row = [f"the {len(ratios[large, 1])} {word} ones: geometric mean, lowest, how many reach what is wanted"]
        for threads in (1, 2):
            some = ratios[large, threads]
            mean = math.exp(statistics.mean(map(math.log, some)))
            enough = sum(ratio >= WANTED[large] for ratio in some)
            row += ["", "", f"{mean:.2f} ×, {min(some):.2f} ×, {enough}"]
        yield (*row, f"≥ {WANTED[large]:g} ×")


def floor(with_peers: bool, quick: bool = False) -> Iterator[Row]:
    """A step's time over the sum of its products' times, ours and MKL's, with as many threads as our better run had."""
    measured = measure(quick)
    for name in WORKLOADS_OF_PRODUCTS:
        workload = WORKLOADS[name].quick() if quick else WORKLOADS[name]
        result = training.ours(workload, with_peers)
        step = training.seconds_of_step(workload, result)
        row = [f"{name}: {'-'.join(map(str, workload.sizes))}", str(result.threads), f"{step * 1e6:.1f}"]
        for library in ("pellucid", "MKL"):
            times = [(measured[product, result.threads], count) for product, count in products_of(workload).items()]
            if not all(library in by_name for by_name, _ in times):
                row += ["not here", ""]
                continue
            total = sum(by_name[library] * count for by_name, count in times)
            row += [f"{total * 1e6:.1f}", f"**{step / total:.2f}**"]
        yield (*row, WANTED_OF_FLOOR.get(name, ""))
