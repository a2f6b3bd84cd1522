"""What the layers for tables cost: a step of 3 × 256 units on 40 numbers and 6 categories, with one more each time.

    python -m benchmarks.table_layers [ROUNDS] [ROWS]

Prints, for 1 and 2 threads, the median milliseconds of a step of each network, run in turn on the native engine, and
how many times as long as the plain one's it is.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

import pellucid as pl
from benchmarks.measure import in_turn

NUMBERS, CARDINALITIES, BATCH = 40, (12, 20, 35, 60, 100, 400), 256


def hidden(activation: Callable[[], pl.Layer], parametrization: str) -> list[pl.Layer]:
    """Three dense layers with activation and dropout, and the outputs."""
    blocks: list[pl.Layer] = []
    for _ in range(3):
        blocks += [pl.Dense(256, parametrization=parametrization), activation(), pl.Dropout(0.15)]
    return [*blocks, pl.Dense(10, parametrization=parametrization)]


def networks() -> dict[str, list[pl.Layer]]:
    """Each with one more of the layers than the one before."""
    plain, ntk = hidden(pl.Mish, "standard"), hidden(pl.Mish, "ntk")
    parametric = hidden(lambda: pl.ParametricActivation("mish"), "ntk")
    front = [pl.PeriodicEmbedding(NUMBERS), pl.Scale()]
    return {
        "3 × (Dense, ReLU, Dropout)": hidden(pl.ReLU, "standard"),
        "Mish": plain,
        "ntk": ntk,
        "parametric Mish": parametric,
        "Scale": [pl.Scale(), *parametric],
        "PeriodicEmbedding": [*front, *parametric],
        "CategoryEmbedding": [pl.CategoryEmbedding(CARDINALITIES), *front, *parametric],
    }


def steps_in_turn(threads: int, rounds: int, rows: int) -> dict[str, float]:
    """Seconds of a step of each."""
    random = np.random.default_rng(0)
    numbers, codes = random.normal(size=(rows, NUMBERS)), random.integers(0, CARDINALITIES, (rows, len(CARDINALITIES)))
    y = random.integers(0, 10, rows)
    fits: dict[str, Callable[[], object]] = {}
    for name, layers in networks().items():
        x = np.hstack([numbers, codes] if isinstance(layers[0], pl.CategoryEmbedding) else [numbers]).astype(np.float32)
        network = pl.Network(layers, engine="native", threads=threads)
        trainer = pl.Trainer(network, "softmax_cross_entropy", pl.AdamW(1e-3), batch_size=BATCH, seed=0)
        fits[name] = lambda trainer=trainer, x=x: trainer.fit(x, y, epochs=1)
    steps = -(-rows // BATCH)
    return {name: seconds / steps for name, seconds in in_turn(fits, rounds, time.perf_counter).items()}


def main(rounds: int = 9, rows: int = 10_240) -> None:
    for threads in (1, 2):
        seconds = steps_in_turn(threads, rounds, rows)
        plain = next(iter(seconds.values()))
        print(f"{threads} thread{'s' if threads > 1 else ''}")
        for place, (name, each) in enumerate(seconds.items()):
            print(f"  {'+ ' if place else ''}{name:30} {1e3 * each:7.3f} ms  {each / plain:5.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
