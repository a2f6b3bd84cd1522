"""A loss of one's own: it trains, and a wrong derivative is found when it is made."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from support.samples import classification


def half_square(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return 0.5 * np.square(scores - targets).sum(axis=1)


def difference(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return scores - targets


def test_it_trains_as_the_loss_it_copies() -> None:
    x, _ = classification()
    y = np.sin(x @ np.ones((3, 2)))
    ends = []
    for loss in (pl.SquaredError(), pl.CustomLoss(half_square, difference, outputs=2)):
        network = pl.Network([pl.Dense(4), pl.Tanh(), pl.Dense(2)], dtype="float64", engine="reference")
        history = pl.Trainer(network, loss).fit(x, y, epochs=4, validation=(x, y))
        ends.append((network.parameters, history["validation_loss"]))
    np.testing.assert_allclose(ends[0][0], ends[1][0], rtol=1e-12)
    np.testing.assert_allclose(ends[0][1], ends[1][1], rtol=1e-12)


def test_of_classes() -> None:
    def value(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return -scores[np.arange(len(targets)), targets] + np.square(scores).sum(axis=1)

    def derivative(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
        gradient = 2 * scores
        gradient[np.arange(len(targets)), targets] -= 1
        return gradient

    x, y = classification()
    network = pl.Network([pl.Dense(3)])
    pl.Trainer(network, pl.CustomLoss(value, derivative, outputs=3, predicts="argmax"), pl.Adam(0.05)).fit(
        x, y, epochs=30
    )
    assert network.evaluate(x, y)["accuracy"] > 0.6


def test_a_wrong_derivative_is_named_with_both_numbers() -> None:
    with pytest.raises(ValueError, match=r"The derivative is wrong: at scores .*, output \d, it says .*, but central"):
        pl.CustomLoss(half_square, lambda scores, targets: 2 * (scores - targets), outputs=2)


def test_wrong_shapes() -> None:
    with pytest.raises(ValueError, match=r"value must answer one number a row, \(8,\), but its shape is \(\)\."):
        pl.CustomLoss(lambda scores, targets: half_square(scores, targets).sum(), difference, outputs=2)
    with pytest.raises(ValueError, match=r"derivative must answer the shape of the scores, \(8, 2\), not \(8,\)\."):
        pl.CustomLoss(half_square, lambda scores, targets: (scores - targets)[:, 0], outputs=2)
    with pytest.raises(TypeError, match="value must be a function of scores and targets, not 3"):
        pl.CustomLoss(3, difference)  # type: ignore[arg-type]
