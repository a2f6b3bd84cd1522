"""Rows are checked once: x is scanned once, y encoded once, both hashed once, whoever asks for the training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid import validation
from pellucid.storage import digests
from pellucid.training import summaries
from pellucid.training.examples import Examples, examples_of, split_off

X, Y = pl.datasets.crescent_moons(60, seed=0)


@dataclass(frozen=True)
class Counted(pl.SoftmaxCrossEntropy):
    """Notes how often it is asked for targets."""

    def encode(self, y: Any, outputs: int) -> Any:
        CALLS.append(len(y))
        return super().encode(y, outputs)


CALLS: list[int] = []


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is scanned for NaN, and hashed."""
    found: list[str] = []

    def noting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def noted(array: Any, *arguments: Any) -> Any:
            if np.shape(array) == X.shape:
                found.append(name)
            return function(array, *arguments)

        return noted

    monkeypatch.setattr(validation, "check_finite", noting("scan", validation.check_finite))
    monkeypatch.setattr(summaries, "array_digest", noting("hash", digests.array_digest))
    CALLS.clear()
    return found


def trainer_of(**options: Any) -> pl.Trainer:
    layers = [pl.Standardize(), pl.Dense(4), pl.Tanh(), pl.Dense(2)]
    return pl.Trainer(pl.Network(layers), Counted(), pl.Adam(), seed=0, **options)


def test_fit(scans: list[str]) -> None:
    trainer = trainer_of()
    trainer.fit(X, Y, epochs=2, class_weight="balanced", sample_weight=np.ones(len(X)))
    assert (scans, CALLS) == (["scan", "hash"], [len(X)])
    trainer.fit(X, Y, epochs=1)
    assert (scans, CALLS) == (["scan", "hash", "scan"], [len(X)] * 2)


def test_a_fraction_for_validation(scans: list[str]) -> None:
    trainer_of().fit(X, Y, epochs=2, validation=0.25)
    assert (scans, CALLS) == (["scan"], [len(X)])


def test_validation_rows_are_examples_too(scans: list[str]) -> None:
    trainer_of().fit(X, Y, epochs=2, validation=(X[:9], Y[:9]))
    assert (scans, CALLS) == (["scan", "hash"], [len(X), 9])


def test_what_was_checked_is_not_checked_again(scans: list[str]) -> None:
    trainer = trainer_of()
    examples = trainer.examples(X, Y)
    trainer.fit_examples(examples, epochs=2, validation=examples)
    assert (scans, CALLS) == (["scan", "hash"], [len(X)])


def test_settings_are_checked_where_they_are_assigned() -> None:
    trainer = trainer_of()
    with pytest.raises(ValueError, match="batch_size must be a whole number"):
        trainer.batch_size = "some"
    with pytest.raises(TypeError, match=r"penalty must be a Penalty such as L2\(1e-4\), or None, not 0.1"):
        trainer.penalty = 0.1  # type: ignore[assignment]
    before = trainer.settings
    trainer.optimizer = pl.Adam(0.1)
    assert (before.optimizer, trainer.settings.optimizer) == (pl.Adam(), pl.Adam(0.1))


def test_weights_of_classes_are_multiplied() -> None:
    network = pl.Network([pl.Dense(2)])
    given = examples_of(network, pl.SoftmaxCrossEntropy(), X[:4], [0, 1, 1, 1], [1.0, 2.0, 0.0, 1.0])
    weighted = given.with_class_weight({1: 3.0}, network)
    assert weighted.weight is not None
    assert weighted.weight.tolist() == [1.0, 6.0, 0.0, 3.0]
    assert given.with_class_weight(None, network) is given


def test_what_is_split_off_is_every_row_once() -> None:
    numbered = Examples(np.arange(40.0).reshape(-1, 1), np.arange(40) % 2)
    train, part = split_off(numbered, 0.25, seed=3)
    assert sorted([*train.x[:, 0], *part.x[:, 0]]) == list(range(40))
    assert (len(part.x), part.targets.sum()) == (10, 5)


def test_a_wrong_weight_leaves_the_network_as_it_was() -> None:
    trainer = trainer_of()
    with pytest.raises(ValueError, match="sample_weight is 0 everywhere"):
        trainer.fit(X, Y, epochs=1, sample_weight=np.zeros(len(X)))
    assert not trainer.network.built
