"""Dropout: its mask, its mean, and its absence."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.layers.layer import NO_NAMES, Context
from pellucid.streams import Purpose, Stream


def context(step: int = 0, seed: int = 0) -> Context:
    return Context(True, Stream(seed, Purpose.LAYER, index=1, counter=step))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_rate_is_the_fraction_set_to_zero_and_the_mean_stays(rate: float) -> None:
    x = np.ones((1000, 100))
    y, _ = pl.Dropout(rate).forward(x, NO_NAMES, context())
    deviation = np.sqrt(rate * (1 - rate) / x.size)
    assert abs((y == 0).mean() - rate) < 4 * deviation
    assert abs(y.mean() - 1.0) < 4 * deviation / (1 - rate)
    np.testing.assert_allclose(np.unique(y), [0.0, 1 / (1 - rate)])


def test_each_unit_and_each_row_is_dropped_independently() -> None:
    y, _ = pl.Dropout(0.5).forward(np.ones((2000, 40)), NO_NAMES, context())
    kept = (y > 0).astype(float)
    correlation = np.corrcoef(kept.T) - np.eye(40)
    assert np.abs(correlation).max() < 5 / np.sqrt(2000)
    assert np.abs(kept.mean(axis=1) - 0.5).max() < 0.5


def test_backward_uses_the_mask_of_forward() -> None:
    x = np.random.default_rng(0).normal(size=(5, 8))
    y, saved = pl.Dropout(0.4).forward(x, NO_NAMES, context())
    gradient = pl.Dropout(0.4).backward(np.ones_like(x), saved, NO_NAMES, context())[0]
    assert gradient is not None
    np.testing.assert_allclose(gradient * x, y)
    np.testing.assert_array_equal(gradient == 0, y == 0)


def test_absent_in_prediction() -> None:
    x = np.random.default_rng(0).normal(size=(5, 8))
    assert pl.Dropout(0.9).forward(x, NO_NAMES, Context())[0] is x


def test_a_row_keeps_its_mask_whatever_the_batch() -> None:
    long, _ = pl.Dropout(0.5).forward(np.ones((50, 7)), NO_NAMES, context())
    short, _ = pl.Dropout(0.5).forward(np.ones((20, 7)), NO_NAMES, context())
    np.testing.assert_array_equal(long[:20], short)


def test_another_step_or_seed_is_another_mask() -> None:
    masks = [
        pl.Dropout(0.5).forward(np.ones((20, 20)), NO_NAMES, context(step, seed))[0].tobytes()
        for step, seed in ((0, 0), (1, 0), (0, 1))
    ]
    assert len(set(masks)) == 3


def test_steps_of_a_trainer_draw_new_masks(engine: str) -> None:
    """With a linear network and all other things equal, only the mask can change the reported loss."""
    network = pl.Network([pl.Dropout(0.5), pl.Dense(1, weight_initializer=pl.Normal(1.0))], engine=engine)
    trainer = pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(0.0), batch_size="full")
    losses = trainer.fit(np.ones((3, 20)), np.zeros(3), epochs=4)["loss"]
    assert len(set(losses)) == 4
