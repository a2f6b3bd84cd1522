"""A CSV file larger than memory: trained on and predicted by the command line, whose memory is watched.

python -m benchmarks.streaming ARGUMENTS     is what the measured processes do: pellucid ARGUMENTS, then its peak memory
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

_SIZE, _QUICK = 5 * 10**9, 40 * 10**6  # bytes
_BLOCKS, _ROWS_A_BLOCK = 16, 100_000
_MOST = 10**9


def write(path: Path, size: int) -> int:
    """A file of so many bytes: numbers, categories few and many, dates, missing cells, and a price to learn.

    Its text is made of a few long blocks in random order, since random numbers and their digits take longer to make
    than to read. Answers the number of rows.
    """
    random = np.random.default_rng(0)
    blocks = [_block(random) for _ in range(_BLOCKS)]
    rows = written = 0
    with path.open("wb") as file:
        file.write(b"carat,cut,shop,depth,table,x,y,sold,insured,price\n")
        while written < size:
            written += file.write(blocks[random.integers(_BLOCKS)])
            rows += _ROWS_A_BLOCK
    return rows


def _block(random: np.random.Generator) -> bytes:
    count = _ROWS_A_BLOCK
    carat, x, y = random.gamma(2, 0.5, count), random.normal(size=count), random.normal(size=count)
    cut, shop = random.integers(5, size=count), random.integers(300, size=count)
    price = 3000 * carat + 200 * cut * x + 100 * np.sin(3 * y) + shop + random.normal(0, 100, count)
    days = random.integers(0, 3000, count).astype("datetime64[D]") + np.timedelta64(15000, "D")
    names = ("Fair", "Good", "Very Good", "Premium", "Ideal")
    rows = zip(carat, cut, shop, random.normal(60, 2, (count, 2)), x, y, days.astype(str), price, strict=True)
    lines = (
        f"{'' if a < 0.05 else f'{a:.3f}'},{names[b]},shop {c},{d[0]:.2f},{d[1]:.1f},{e:.5f},{f:.5f},{day},"
        f"{'yes' if e > 0 else 'no'},{p:.2f}\n"
        for a, b, c, d, e, f, day, p in rows
    )
    return "".join(lines).encode()


def run(arguments: Sequence[str]) -> int:
    """Run a command line, and then print how much memory the process has had at most, imports and all, in bytes."""
    from pellucid.cli import main

    code = main(arguments)
    status = Path("/proc/self/status").read_text()  # getrusage would begin with the memory of who started the process
    print(1024 * int(status.split("VmHWM:")[1].split()[0]))
    return code


def measured(*arguments: str) -> tuple[float, int]:
    """The seconds and the peak memory in bytes of a command line in a process of its own."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.streaming", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - began, int(done.stdout.splitlines()[-1])


def rows(quick: bool) -> Iterator[tuple[str, str, str, str]]:
    """What, measured, beside what, wanted."""
    with tempfile.TemporaryDirectory() as folder:
        path, run, output = (Path(folder) / name for name in ("large.csv", "run", "predictions.csv"))
        count = write(path, _QUICK if quick else _SIZE)
        size = path.stat().st_size / 1e9
        short = ("--epochs", "1") if quick else ()
        seconds, peak = measured("train", str(path), "--target", "price", "--stream", "--save", str(run), *short)
        report = json.loads((run / "report.json").read_text())
        predicting, predicting_peak = measured("predict", str(run), str(path), "--output", str(output))
    title, wanted = f"{size:.2f} GB of CSV, {count:,} rows", f"≤ {_MOST / 1e6:.0f} MB"
    network, *others = report["contenders"]
    beside = ", ".join(f"{each['name']} {each['scores']['r2'][0]:.3f}" for each in others)
    yield f"{title}: the strong recipe with its report, R²", f"{network['scores']['r2'][0]:.3f}", beside, ""
    epochs = f"{report['epochs']} epoch{'' if report['epochs'] == 1 else 's'}"
    speed = f"{report['epochs'] * count / report['seconds']:,.0f} rows a second"
    yield f"{title}: time of it", f"{seconds:.0f} s, {report['seconds']:.0f} s of them for {epochs}", speed, ""
    yield f"{title}: peak memory of it", f"{peak / 1e6:.0f} MB", "", wanted
    speed = f"{count / predicting:,.0f} rows a second"
    yield f"{title}: predictions beside the rows", f"{predicting:.0f} s", speed, ""
    yield f"{title}: peak memory of predictions", f"{predicting_peak / 1e6:.0f} MB", "", wanted


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
