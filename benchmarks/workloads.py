"""The workloads: one network, batch and optimizer each, the same for everybody."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import pellucid as pl


@dataclass(frozen=True)
class Workload:
    """What is trained. `sizes` are inputs, hidden units (ReLU) and outputs (softmax cross-entropy).

    A convolutional network has `layers` instead, for examples of a `shape`, channels last: ("conv", filters, size,
    padding), ("norm",), ("relu",), ("pool", size), ("mean",) over all positions, ("dense", units); rows are reshaped,
    and flattened in front of the first dense layer. A batch of 0 is all rows; of `rows` 0 all there are, else the first
    so many. Behind a hidden layer stand batch normalization, ReLU and dropout, those that there are, in this order.
    """

    name: str
    data: str
    sizes: tuple[int, ...]
    batch: int
    optimizer: str
    rate: float
    epochs: int
    rounds: int
    wanted: float
    rows: int = 0
    dropout: float = 0.0
    normalization: bool = False
    peers: tuple[str, ...] = ("torch", "torch-compiled", "jax")
    shape: tuple[int, ...] = ()
    layers: tuple[tuple[Any, ...], ...] = ()

    @property
    def network(self) -> str:
        """The network in words."""
        return ", ".join(" ".join(map(str, layer)) for layer in self.layers) or "-".join(map(str, self.sizes))

    @property
    def title(self) -> str:
        """The network, batch and optimizer in words."""
        words = [self.network, f"batch {self.batch}" if self.batch else "full batch", self.optimizer]
        words += ["batch normalization"] if self.normalization else []
        words += [f"dropout {self.dropout}"] if self.dropout else []
        words += [f"{self.rows:,} rows"] if self.rows else []
        return ", ".join(words) + (f", {self.epochs:,} epochs a round" if self.epochs > 1 else "")

    def quick(self) -> Workload:
        """The same, small, to see that everything works."""
        rows = 4 * self.batch if self.data == "mnist" else 0
        peers = tuple(peer for peer in self.peers if peer != "torch-compiled")
        return dataclasses.replace(self, rows=rows, epochs=min(self.epochs, 20), rounds=1, peers=peers)


WORKLOADS = {
    w.name: w
    for w in (
        Workload("W0", "bulls-eye", (2, 5, 5, 2), 0, "descent", 0.3, 50_000, 3, 20.0, peers=("jax",)),
        Workload("W1", "mnist", (784, 30, 10), 10, "descent", 0.1, 1, 5, 4.0),
        Workload("W2", "digits", (64, 48, 32, 10), 0, "momentum", 0.05, 1_000, 5, 4.0),
        Workload("W3", "mnist", (784, 128, 10), 32, "adam", 0.001, 1, 5, 2.0),
        Workload("W4", "mnist", (784, 512, 512, 10), 128, "adam", 0.001, 1, 4, 1.4),
        Workload("W5", "mnist", (784, 1024, 1024, 1024, 10), 256, "adam", 0.001, 1, 3, 1.2, rows=20_480, dropout=0.2),
    )
}
_SMALL = (
    ("conv", 8, 3, "same"),
    ("relu",),
    ("pool", 2),
    ("conv", 16, 3, "same"),
    ("relu",),
    ("pool", 2),
    ("dense", 10),
)
_LENET = (
    ("conv", 6, 5, "same"), ("relu",), ("pool", 2), ("conv", 16, 5, "valid"), ("relu",), ("pool", 2),
    ("dense", 120), ("relu",), ("dense", 84), ("relu",), ("dense", 10),
)  # fmt: skip
_BLOCKS = [(*2 * (("conv", filters, 3, "same"), ("norm",), ("relu",)), ("pool", 2)) for filters in (32, 64)]
_TWO_BLOCKS = (*_BLOCKS[0], *_BLOCKS[1], ("dense", 128), ("relu",), ("dense", 10))
_OF_SERIES = [
    (("conv", filters, size, "same"), ("norm",), ("relu",)) for filters, size in ((128, 8), (256, 5), (128, 3))
]
_SERIES = (*(layer for block in _OF_SERIES for layer in block), ("mean",), ("dense", 10))
_IN_TORCH = ("torch", "torch-channels-last")
CONVOLUTIONS = {
    w.name: w
    for w in (
        Workload(
            "C0", "digits", (64, 10), 32, "adam", 0.001, 20, 5, 8.0, peers=_IN_TORCH, shape=(8, 8, 1), layers=_SMALL
        ),
        Workload(
            "C1",
            "mnist",
            (784, 10),
            32,
            "adam",
            0.001,
            1,
            5,
            2.8,
            12_800,
            peers=_IN_TORCH,
            shape=(28, 28, 1),
            layers=_LENET,
        ),
        Workload(
            "C2",
            "mnist",
            (784, 10),
            64,
            "adam",
            0.001,
            1,
            3,
            1.15,
            2_560,
            peers=_IN_TORCH,
            shape=(28, 28, 1),
            layers=_TWO_BLOCKS,
        ),
        Workload(
            "C4",
            "noise",
            (128, 10),
            16,
            "adam",
            0.001,
            1,
            3,
            1.15,
            640,
            peers=_IN_TORCH[:1],
            shape=(128, 1),
            layers=_SERIES,
        ),
    )
}
WORKLOADS["W5N"] = dataclasses.replace(WORKLOADS["W5"], name="W5N", normalization=True)


def load(workload: Workload) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training and test rows: x float32 in about [0, 1] (bytes as bytes for MNIST), y int64."""
    if workload.data == "mnist":
        mnist = pl.datasets.load_mnist(download=False)
        some = slice(workload.rows or None)
        return mnist.train.x[some], mnist.train.y[some], mnist.test.x, mnist.test.y
    if workload.data == "noise":  # for time alone
        random = np.random.default_rng(0)
        x = random.normal(size=(workload.rows, math.prod(workload.shape))).astype(np.float32)
        y = random.integers(0, workload.sizes[-1], workload.rows)
        return x, y, x[:100], y[:100]
    if workload.data == "digits":
        digits = pl.datasets.load_digits(validation=481, test=594)
        scaled = [np.asarray(x, dtype=np.float32) / 16 for x in (digits.train.x, digits.test.x)]
        return scaled[0], digits.train.y, scaled[1], digits.test.y
    x, y = pl.datasets.bulls_eye(100)
    return x.astype(np.float32), y, x.astype(np.float32), y


@cache
def rows_of(workload: Workload) -> int:
    """How many rows there are to train on."""
    return len(load(workload)[0])


def steps_of(workload: Workload) -> int:
    """How many steps a round has."""
    return workload.epochs * (-(-rows_of(workload) // workload.batch) if workload.batch else 1)
