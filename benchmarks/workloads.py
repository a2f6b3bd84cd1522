"""The workloads: one network, batch and optimizer each, the same for everybody."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import pellucid as pl


@dataclass(frozen=True)
class Workload:
    """What is trained. `sizes` are inputs, hidden units (ReLU) and outputs (softmax cross-entropy)."""

    name: str
    data: str
    sizes: tuple[int, ...]
    batch: int
    optimizer: str
    rate: float
    epochs: int
    rounds: int
    wanted: float
    dropout: float = 0.0
    peers: tuple[str, ...] = ("torch", "torch-compiled", "jax")

    @property
    def title(self) -> str:
        """The network, batch and optimizer in words."""
        batch = "full batch" if self.batch == 0 else f"batch {self.batch}"
        dropout = f", dropout {self.dropout}" if self.dropout else ""
        return f"{'-'.join(map(str, self.sizes))}, {batch}, {self.optimizer}{dropout}, {self.epochs} epochs a round"


WORKLOADS = {
    w.name: w
    for w in (
        Workload("W0", "bulls-eye", (2, 5, 5, 2), 0, "descent", 0.3, 50_000, 3, 20.0, peers=("jax",)),
        Workload("W1", "mnist", (784, 30, 10), 10, "descent", 0.1, 1, 5, 4.0),
        Workload("W2", "digits", (64, 48, 32, 10), 0, "momentum", 0.05, 1_000, 5, 4.0),
        Workload("W3", "mnist", (784, 128, 10), 32, "adam", 0.001, 1, 5, 2.0),
        Workload("W4", "mnist", (784, 512, 512, 10), 128, "adam", 0.001, 1, 5, 1.4),
        Workload("W5", "mnist", (784, 1024, 1024, 1024, 10), 256, "adam", 0.001, 1, 3, 1.2, dropout=0.2),
    )
}


def load(workload: Workload) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training and test rows: x float32 in about [0, 1] (bytes as bytes for MNIST), y int64."""
    if workload.data == "mnist":
        mnist = pl.datasets.load_mnist(download=False)
        return mnist.train.x, mnist.train.y, mnist.test.x, mnist.test.y
    if workload.data == "digits":
        digits = pl.datasets.load_digits(validation=481, test=594)
        scaled = [np.asarray(x, dtype=np.float32) / 16 for x in (digits.train.x, digits.test.x)]
        return scaled[0], digits.train.y, scaled[1], digits.test.y
    x, y = pl.datasets.bulls_eye(100)
    return x.astype(np.float32), y, x.astype(np.float32), y
