"""What comes out in the end: the networks of the benchmarks reach the reference engine's accuracies on fewer rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import pellucid as pl
from pellucid.typing import Array

pytest.importorskip("pellucid._native")

SEEDS = range(5)


class Workload(NamedTuple):
    hidden: tuple[int, ...]
    batch: int | str
    optimizer: pl.Optimizer
    epochs: int


WORKLOADS = {
    "64-48-32-10, full batch, momentum": Workload((48, 32), "full", pl.Momentum(0.05), 60),
    "784-30-10, batch 10, descent": Workload((30,), 10, pl.GradientDescent(0.1), 2),
    "784-128-10, batch 32, Adam": Workload((128,), 32, pl.Adam(), 2),
    "784-512-512-10, batch 128, Adam": Workload((512, 512), 128, pl.Adam(), 1),
}


def rows_of(request: pytest.FixtureRequest, name: str) -> tuple[Array, Array, Array, Array]:
    """Training and test rows in [0, 1]."""
    if name.startswith("64"):
        digits = pl.datasets.load_digits(validation=481, test=594)
        return digits.train.x / 16.0, digits.train.y, digits.test.x / 16.0, digits.test.y
    folder: Path = request.getfixturevalue("mnist_folder")
    mnist = pl.datasets.load_mnist(folder.parent, download=False)
    return mnist.train.x[:2000], mnist.train.y[:2000], mnist.test.x[:2000], mnist.test.y[:2000]


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_same_accuracy_within_the_spread_of_seeds(name: str, request: pytest.FixtureRequest) -> None:
    """The same weights and batches at the start; roundings then lead float32 runs apart, but to no worse place."""
    workload = WORKLOADS[name]
    x, y, test_x, test_y = rows_of(request, name)
    scaling = [] if name.startswith("64") else [pl.Rescale(1 / 255)]

    def accuracy(engine: str, seed: int) -> float:
        hidden: list[Any] = [layer for units in workload.hidden for layer in (pl.Dense(units), pl.ReLU())]
        network = pl.Network([*scaling, *hidden, pl.Dense(10)], engine=engine)
        trainer = pl.Trainer(network, "softmax_cross_entropy", workload.optimizer, batch_size=workload.batch, seed=seed)
        history = trainer.fit(x, y, epochs=workload.epochs)
        assert history.engine == engine
        return float((network.predict(test_x) == test_y).mean())

    native, reference = (np.array([accuracy(engine, seed) for seed in SEEDS]) for engine in ("native", "reference"))
    spread = reference.std(ddof=1)
    assert reference.min() > 0.7  # it has learnt something
    assert native.mean() == pytest.approx(reference.mean(), abs=spread)
    assert native.min() >= reference.min() - spread
