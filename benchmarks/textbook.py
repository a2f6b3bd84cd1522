"""The textbook's program in plain NumPy: 784-30-10, sigmoid, squared error, batches of ten. The reference to beat.

Matrices instead of loops over examples, and otherwise as one writes it down from the four equations.
"""

from __future__ import annotations

import numpy as np


class Textbook:
    """Weights N(0, 1), rate 3, one epoch a call."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        rng = np.random.default_rng(0)
        self.x, self.y = x, np.eye(10)[y]
        self.w1, self.b1 = rng.normal(size=(784, 30)), rng.normal(size=30)
        self.w2, self.b2 = rng.normal(size=(30, 10)), rng.normal(size=10)
        self.rng = rng

    def epoch(self, batch: int = 10, rate: float = 3.0) -> None:
        order = self.rng.permutation(len(self.x))
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            x, y = self.x[rows], self.y[rows]
            a1 = sigmoid(x @ self.w1 + self.b1)
            a2 = sigmoid(a1 @ self.w2 + self.b2)
            d2 = (a2 - y) * a2 * (1 - a2)
            d1 = (d2 @ self.w2.T) * a1 * (1 - a1)
            self.w2 -= rate / len(rows) * (a1.T @ d2)
            self.b2 -= rate / len(rows) * d2.sum(axis=0)
            self.w1 -= rate / len(rows) * (x.T @ d1)
            self.b1 -= rate / len(rows) * d1.sum(axis=0)

    def accuracy(self, x: np.ndarray, y: np.ndarray) -> float:
        a2 = sigmoid(sigmoid(x @ self.w1 + self.b1) @ self.w2 + self.b2)
        return float((a2.argmax(axis=1) == y).mean())


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))
