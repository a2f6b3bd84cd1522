"""The cases of the losses and penalties."""

from __future__ import annotations

from typing import Any

import numpy as np

import pellucid as pl
from parity.kinds import ROWS, LossCase, PenaltyCase, numbers

_CLASSES = np.array([2, 0, 1, 2])
_SHARES = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.25, 0.25, 0.5], [0.0, 0.9, 0.1]])
_YES = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])


def _levels(torch: Any) -> Any:
    return torch.tensor([0.1, 0.5, 0.9])


LOSS_CASES = [
    LossCase(
        "SquaredError",
        pl.SquaredError(),
        3,
        numbers((ROWS, 3), 0.9),
        lambda torch, z, y: torch.nn.functional.mse_loss(z, y, reduction="sum") / (2 * ROWS),
    ),
    LossCase(
        "SquaredError of classes",
        pl.SquaredError(),
        3,
        _CLASSES,
        lambda torch, z, y: (
            torch.nn.functional.mse_loss(z, torch.nn.functional.one_hot(y, 3).double(), reduction="sum") / (2 * ROWS)
        ),
    ),
    LossCase(
        "SoftmaxCrossEntropy",
        pl.SoftmaxCrossEntropy(),
        3,
        _CLASSES,
        lambda torch, z, y: torch.nn.functional.cross_entropy(z, y),
    ),
    LossCase(
        "SoftmaxCrossEntropy of probabilities",
        pl.SoftmaxCrossEntropy(),
        3,
        _SHARES,
        lambda torch, z, y: torch.nn.functional.cross_entropy(z, y),
    ),
    LossCase(
        "SigmoidCrossEntropy",
        pl.SigmoidCrossEntropy(),
        3,
        _YES,
        lambda torch, z, y: torch.nn.functional.binary_cross_entropy_with_logits(z, y, reduction="sum") / ROWS,
    ),
    LossCase(
        "SigmoidCrossEntropy of one output",
        pl.SigmoidCrossEntropy(),
        1,
        _YES[:, :1],
        lambda torch, z, y: torch.nn.functional.binary_cross_entropy_with_logits(z, y),
    ),
    LossCase(
        "SigmoidCrossEntropy, smoothed",
        pl.SigmoidCrossEntropy(label_smoothing=0.2),
        3,
        _YES,
        lambda torch, z, y: (
            torch.nn.functional.binary_cross_entropy_with_logits(z, y.lerp(torch.tensor(0.5), 0.2), reduction="sum")
            / ROWS
        ),
    ),
    LossCase(
        "SoftmaxCrossEntropy, smoothed",
        pl.SoftmaxCrossEntropy(label_smoothing=0.1),
        3,
        _CLASSES,
        lambda torch, z, y: torch.nn.functional.cross_entropy(z, y, label_smoothing=0.1),
    ),
    LossCase(
        "SoftmaxCrossEntropy of probabilities, smoothed",
        pl.SoftmaxCrossEntropy(label_smoothing=0.3),
        3,
        _SHARES,
        lambda torch, z, y: torch.nn.functional.cross_entropy(z, y, label_smoothing=0.3),
    ),
    LossCase(
        "AbsoluteError",
        pl.AbsoluteError(),
        3,
        numbers((ROWS, 3), 0.9),
        lambda torch, z, y: torch.nn.functional.l1_loss(z, y, reduction="sum") / ROWS,
    ),
    LossCase(
        "Huber",
        pl.Huber(0.8),
        3,
        numbers((ROWS, 3), 0.9),
        lambda torch, z, y: torch.nn.functional.huber_loss(z, y, reduction="sum", delta=0.8) / ROWS,
    ),
    LossCase(
        "Quantile",
        pl.Quantile((0.1, 0.5, 0.9)),
        3,
        numbers((ROWS, 1), 0.9),
        lambda torch, z, y: torch.maximum(_levels(torch) * (y - z), (_levels(torch) - 1) * (y - z)).sum() / ROWS,
    ),
    LossCase(
        "Poisson",
        pl.Poisson(),
        3,
        np.array([[0, 1, 2], [3, 0, 0], [1, 5, 1], [2, 2, 0]]),
        lambda torch, z, y: torch.nn.functional.poisson_nll_loss(z, y.double(), reduction="sum") / ROWS,
    ),
    LossCase(
        "Hinge",
        pl.Hinge(0.7),
        3,
        _CLASSES,
        lambda torch, z, y: torch.nn.functional.multi_margin_loss(z, y, margin=0.7, reduction="sum") * 3 / ROWS,
    ),
    LossCase(
        "Hinge of one output",
        pl.Hinge(),
        1,
        _YES[:, :1].astype(np.int64),
        lambda torch, z, y: torch.nn.functional.hinge_embedding_loss((2 * y - 1) * z, -torch.ones_like(z)),
    ),
]

PENALTY_CASES = [
    PenaltyCase("L1", pl.L1(0.3), lambda torch, w: 0.3 * torch.linalg.vector_norm(w, 1)),
    PenaltyCase("L2", pl.L2(0.3), lambda torch, w: 0.15 * torch.linalg.vector_norm(w, 2) ** 2),
    PenaltyCase(
        "ElasticNet",
        pl.ElasticNet(0.3, ratio=0.2),
        lambda torch, w: 0.06 * torch.linalg.vector_norm(w, 1) + 0.12 * torch.linalg.vector_norm(w, 2) ** 2,
    ),
]
