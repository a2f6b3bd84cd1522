"""A CSV file larger than memory: trained on and predicted, each in a process of its own, whose memory is watched.

python -m benchmarks.streaming FILE     is what those processes do; FILE.predictions.csv is written
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

_SIZE, _QUICK = 5 * 10**9, 40 * 10**6  # bytes
_BLOCKS, _ROWS_A_BLOCK = 16, 100_000
_MOST = 2**30


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


def run(path: Path) -> None:
    """Train one epoch and predict every row; print what it took."""
    import pellucid as pl
    from pellucid.tables import TableStream, fit_stream, predict_file

    began = time.perf_counter()
    stream = TableStream(path, "price")
    measured = time.perf_counter()
    network = pl.Network([pl.Dense(128), pl.ReLU(), pl.Dense(64), pl.ReLU(), pl.Dense(1)])
    trainer = pl.Trainer(network, pl.Huber(100.0), pl.Adam(0.003), batch_size=256)
    fit_stream(trainer, stream, epochs=1)
    trained, peak = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    r2 = network.evaluate(*stream.validation)["r2"]
    written = predict_file(network, path, path.with_suffix(".predictions.csv"))
    seconds = {"measure": measured - began, "train": trained - measured, "predict": time.perf_counter() - trained}
    all_of_it = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    answer = {"rows": written.rows, "r2": r2, "peak": peak, "peak of all": all_of_it, "memory": stream.memory}
    print(json.dumps({**answer, "seconds": seconds}))


def rows(quick: bool) -> Iterator[tuple[str, str, str, str]]:
    """What, measured, beside what, wanted."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.csv"
        write(path, _QUICK if quick else _SIZE)
        size = path.stat().st_size / 1e9
        command = [sys.executable, "-m", "benchmarks.streaming", str(path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    seconds, count = found["seconds"], found["rows"]
    title = f"{size:.2f} GB of CSV, {count:,} rows"
    yield (
        f"{title}: kinds and quartiles, then an epoch",
        f"{seconds['measure']:.0f} s + {seconds['train']:.0f} s, R² {found['r2']:.3f}",
        f"{count / seconds['train']:,.0f} rows a second",
        "",
    )
    peak = f"{found['peak'] / 1e6:.0f} MB"
    yield (
        f"{title}: peak memory of training",
        peak,
        f"rows kept: {found['memory'] / 1e6:.0f} MB",
        f"≤ {_MOST / 1e6:.0f} MB",
    )
    yield (
        f"{title}: predictions beside the rows",
        f"{seconds['predict']:.0f} s, peak memory {found['peak of all'] / 1e6:.0f} MB",
        f"{count / seconds['predict']:,.0f} rows a second",
        f"≤ {_MOST / 1e6:.0f} MB",
    )


if __name__ == "__main__":
    run(Path(sys.argv[1]))
