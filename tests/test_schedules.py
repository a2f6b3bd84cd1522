"""Schedules: by hand, and all the way into the optimizer."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.schedules import SCHEDULES, rate_at


def test_step_decay_by_hand() -> None:
    schedule = pl.StepDecay(8.0, decay=0.5, every=3)
    assert [schedule(step) for step in range(7)] == [8, 8, 8, 4, 4, 4, 2]


def test_exponential_decay_by_hand() -> None:
    schedule = pl.ExponentialDecay(8.0, decay=0.25, every=2)
    assert [schedule(step) for step in (0, 1, 2, 4)] == [8, 4, 2, 0.5]


def test_far_out_they_end_at_zero() -> None:
    assert pl.StepDecay(1.0, every=1)(10**6) == 0.0
    assert pl.ExponentialDecay(1.0, every=1)(10**7) == 0.0


def test_a_number_a_schedule_or_a_function() -> None:
    assert rate_at(0.5, 99) == 0.5
    assert rate_at(pl.StepDecay(1.0, every=1), 2) == 0.25
    assert rate_at(lambda step: np.float64(1) / (1 + step), 3) == 0.25
    assert type(rate_at(lambda step: np.float64(1), 3)) is float


def test_flat_cosine_by_hand() -> None:
    schedule = pl.FlatCosine(8.0, steps=12, flat=0.5)
    np.testing.assert_allclose(
        [schedule(step) for step in range(14)],
        [8, 8, 8, 8, 8, 8, 8, 4 + 2 * 3**0.5, 6, 4, 2, 4 - 2 * 3**0.5, 0, 0],
        atol=1e-15,
    )
    assert [pl.FlatCosine(1.0, steps=2, flat=0.0)(step) for step in (0, 1, 2)] == pytest.approx([1.0, 0.5, 0.0])


def test_a_schedule_reads_as_one_would_type_it() -> None:
    assert str(pl.FlatCosine(0.15, steps=500)) == "FlatCosine(0.15, steps=500)"
    assert str(pl.WarmUp(pl.Cosine(0.1), steps=5)) == "WarmUp(Cosine(0.1), steps=5)"


@pytest.mark.parametrize("cls", [cls for cls in SCHEDULES.values() if cls is not pl.WarmUp])
def test_none_of_ours_exceeds_its_highest(cls: type[pl.Schedule]) -> None:
    schedule = cls(0.7)
    assert schedule.highest == 0.7
    assert max(schedule(step) for step in range(0, 30_000, 7)) <= 0.7


def test_the_highest_of_others_is_not_known() -> None:
    class Own(pl.Schedule):
        def factor(self, step: int) -> float:
            return 2.0

    assert Own(0.7).highest is None
    assert pl.WarmUp(pl.Cosine(0.3)).highest == pl.WarmUp(0.3).highest == 0.3
    assert pl.WarmUp(lambda step: 0.3).highest is None


@pytest.mark.parametrize(
    "schedule",
    [pl.StepDecay(0.4, every=2), pl.ExponentialDecay(0.4, decay=0.5, every=2), lambda step: 0.4 / (1 + step)],
    ids=["StepDecay", "ExponentialDecay", "function"],
)
def test_every_step_takes_its_own_rate(schedule: object, engine: str) -> None:
    """∂/∂b of ½(b − y)² is b − y: so b − y shrinks by (1 − rate) a step, and rates multiply."""
    network = pl.Network([pl.Dense(1, weight_initializer="zeros")], dtype="float64", engine=engine)
    trainer = pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(schedule), batch_size=2)
    history = trainer.fit(np.zeros((5, 1)), np.ones(5), epochs=3)  # 3 steps an epoch, the last with one row
    assert callable(schedule)
    rates = [schedule(step) for step in range(9)]
    assert 1 - network.get("0.bias")[0] == pytest.approx(np.prod([1 - rate for rate in rates]), rel=1e-12)
    np.testing.assert_allclose(history["learning_rate"], rates[2::3])
