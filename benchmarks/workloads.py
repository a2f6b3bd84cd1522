"""The workloads: one network, batch and optimizer each, the same for everybody."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache

import numpy as np

import pellucid as pl


@dataclass(frozen=True)
class Workload:
    """What is trained. `sizes` are inputs, hidden units (ReLU) and outputs (softmax cross-entropy).

    A batch of 0 is all rows; of `rows` 0 all there are, else the first so many. Behind a hidden layer stand batch
    normalization, ReLU and dropout, those that there are, in this order.
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

    @property
    def title(self) -> str:
        """The network, batch and optimizer in words."""
        words = ["-".join(map(str, self.sizes)), f"batch {self.batch}" if self.batch else "full batch", self.optimizer]
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
WORKLOADS["W5N"] = dataclasses.replace(WORKLOADS["W5"], name="W5N", normalization=True)


def load(workload: Workload) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training and test rows: x float32 in about [0, 1] (bytes as bytes for MNIST), y int64."""
    if workload.data == "mnist":
        mnist = pl.datasets.load_mnist(download=False)
        some = slice(workload.rows or None)
        return mnist.train.x[some], mnist.train.y[some], mnist.test.x, mnist.test.y
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
