"""Ctrl-C, or a lack of memory, at every line of what comes before the first step: all of it is done, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from support.interruptions import cut_short
from support.samples import classification

X, Y = classification(rows=40, features=3, classes=3)
SHIFTED = 5.0 * X + 2.0
ERRORS = pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])


def looking() -> pl.Network:
    """Layers that measure the inputs, and the outputs of others; initializers that look at data."""
    return pl.Network(
        [
            pl.Standardize(),
            pl.Dense(4, weight_initializer=pl.UnitVariance(), bias_initializer=pl.DataDependentBias()),
            pl.RobustScale(),
            pl.Tanh(),
            pl.Dense(3, weight_initializer=pl.UnitVariance()),
        ]
    )


def numbers(network: pl.Network) -> tuple[bytes, bytes]:
    return network.parameters.tobytes(), network.statistics.tobytes()


def trainer_of(network: pl.Network, **options: Any) -> pl.Trainer:
    return pl.Trainer(network, pl.SoftmaxCrossEntropy(), pl.Momentum(0.1), batch_size=16, seed=3, **options)


@ERRORS
def test_initializing_is_all_or_nothing(error: type[BaseException]) -> None:
    smooth = trainer_of(looking())
    smooth.fit(SHIFTED, Y, epochs=1)
    begun = numbers(trainer_of(looking()).initialize(SHIFTED, Y).network)
    files = ("network.py", "training/initialization.py", "training/trainer.py", "training/states.py")
    seen = set()
    for cut in cut_short(files, lambda: trainer_of(looking()), lambda each: each.initialize(SHIFTED, Y), error):
        network = cut.network
        seen.add(network.built)
        if network.built:
            assert numbers(network) == begun
            assert (network.link, network.loss, network.statistics_fitted) == ("softmax", cut.loss, True)
        else:
            assert (network.link, network.loss, network.statistics_fitted) == ("identity", None, False)
            with pytest.raises(ValueError, match=r"has no parameters yet: train it, or call network\.build"):
                network.predict(X)
        cut.fit(SHIFTED, Y, epochs=1)
        assert numbers(network) == numbers(smooth.network)
    assert seen == {False, True}


def test_the_unit_of_a_target_is_measured_with_the_rest_or_not_at_all() -> None:
    def make() -> pl.Trainer:
        return pl.Trainer(pl.Network([pl.Dense(1)]), pl.SquaredError(), standardize_target=True)

    target, files = 100.0 * X[:, 0], ("network.py", "training/initialization.py", "losses/target.py")
    for cut in cut_short(files, make, lambda each: each.initialize(X, target), KeyboardInterrupt):
        assert cut.network.built == (cut.network.target is not None)


@ERRORS
def test_building_is_all_or_nothing(error: type[BaseException]) -> None:
    expected = numbers(looking().build(3, seed=1))
    for network in cut_short(("network.py",), looking, lambda each: each.build(3, seed=1), error):
        assert not network.built or numbers(network) == expected
        assert numbers(network.build(3, seed=1)) == expected


def test_building_anew_keeps_the_old_numbers_until_the_new_ones_are_there() -> None:
    old, new = numbers(looking().build(3, seed=0)), numbers(looking().build(3, seed=1))
    for network in cut_short(
        ("network.py",), lambda: looking().build(3), lambda each: each.build(3, seed=1), MemoryError
    ):
        assert numbers(network) in (old, new)


def test_a_shape_alone_is_no_network() -> None:
    """`adopt_shape` is for whoever brings the numbers; training draws them where nobody did."""
    network = pl.Network([pl.Dense(2)])
    network.adopt_shape((3,))
    assert (network.built, network.outputs, network.program.parameter_count) == (False, 2, 8)
    assert "not built" in repr(network)
    with pytest.raises(ValueError, match=r"has no parameters yet"):
        network.scores(X)
    with pytest.raises(ValueError, match=r"has no parameters yet"):
        network.parameters = np.zeros(8)
    trainer_of(network).fit(X, Y % 2, epochs=1)
    assert network.built


CHANGES: dict[str, tuple[Callable[[pl.Network], Any], type[BaseException]]] = {
    "measuring": (lambda network: network.fit_statistics(SHIFTED), KeyboardInterrupt),
    "measuring without memory": (lambda network: network.fit_statistics(SHIFTED), MemoryError),
    "assigning": (lambda network: network.assign({"1.bias": np.ones(4), "2.mean": np.ones(4)}), KeyboardInterrupt),
    "one vector": (lambda network: setattr(network, "statistics", np.ones(14)), KeyboardInterrupt),
    "taking over": (lambda network: network.adopt(np.zeros(31, np.float32), np.ones(14)), KeyboardInterrupt),
}


@pytest.mark.parametrize(("change", "error"), CHANGES.values(), ids=CHANGES)
def test_numbers_change_together(change: Callable[[pl.Network], Any], error: type[BaseException]) -> None:
    old, new = looking().build(3), looking().build(3)
    change(new)
    allowed = [(*numbers(old), False), (*numbers(new), True)]
    for network in cut_short(("network.py",), lambda: looking().build(3), change, error):
        assert (*numbers(network), network.statistics_fitted) in allowed


def test_what_does_not_fit_changes_nothing() -> None:
    network = looking().build(3)
    before = numbers(network)
    with pytest.raises(ValueError, match=r"4\.bias must have the shape \(3,\), not \(2,\)"):
        network.assign({"1.bias": np.ones(4), "4.bias": np.ones(2)})
    with pytest.raises(ValueError, match=r"'4\.bais' is unknown"):
        network.assign({"1.bias": np.ones(4), "4.bais": np.ones(3)})
    assert (numbers(network), network.statistics_fitted) == (before, False)


def test_another_optimizer_is_taken_over_whole() -> None:
    """What a `fit` takes over of changes outside: the weights, and how much the optimizer remembers."""

    def make() -> pl.Trainer:
        trainer = trainer_of(looking())
        trainer.fit(SHIFTED, Y, epochs=1)
        trainer.network.assign({"4.bias": np.ones(3)})
        trainer.optimizer = pl.Adam(0.01)
        return trainer

    smooth = make()
    smooth.fit(SHIFTED, Y, epochs=1)

    def sync_from_network(trainer: pl.Trainer) -> None:
        trainer.progress.sync_from_network(trainer.network, trainer.optimizer, batches=3)

    for cut in cut_short(("training/states.py",), make, sync_from_network, KeyboardInterrupt):
        cut.fit(SHIFTED, Y, epochs=1)
        assert numbers(cut.network) == numbers(smooth.network)
