"""The doctor: what it leaves alone, what it cannot see, and how findings are told."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.inspection.doctor import CATALOGUE
from pellucid.inspection.doctor.finding import in_order
from pellucid.layers.layer import Layer
from support.fingerprints import fingerprint
from support.samples import classification

X, Y = classification(rows=120)
NAMED_IN_THE_CONTRACT = [
    "unscaled_inputs",
    "dead_relu",
    "saturated_units",
    "vanishing_gradients",
    "exploding_gradients",
    "non_finite",
    "symmetric_weights",
    "learning_rate_too_high",
    "learning_rate_too_low",
    "plateau",
    "overfitting",
    "underfitting",
    "over_regularized",
    "shuffled_labels",
    "class_imbalance",
    "validation_leak",
    "output_loss_mismatch",
    "initial_loss",
    "constant_predictions",
    "wrong_gradient",
]


def trainer_of(*layers: Layer, **options: Any) -> pl.Trainer:
    network = pl.Network([pl.Dense(8), pl.Tanh(), *layers, pl.Dense(3)])
    return pl.Trainer(network, **{"loss": pl.SoftmaxCrossEntropy(), "optimizer": pl.Adam(0.02), "seed": 3, **options})


def test_the_names_that_programs_ask_for_are_there() -> None:
    assert set(NAMED_IN_THE_CONTRACT) <= set(CATALOGUE)


def test_no_finding_explains_one_that_comes_before_it_or_does_not_exist() -> None:
    for symptom in CATALOGUE.values():
        assert set(symptom.explains) <= set(CATALOGUE), symptom.title


@pytest.mark.parametrize("epochs", [1, 7])
def test_training_with_a_doctor_gives_the_same_bits(epochs: int) -> None:
    plain, watched = trainer_of(pl.Dropout(0.3)), trainer_of(pl.Dropout(0.3), callbacks=[pl.Doctor()])
    for trainer in (plain, watched):
        trainer.fit(X, Y, epochs=epochs)
    np.testing.assert_array_equal(plain.network.parameters, watched.network.parameters)
    assert plain.history["loss"] == watched.history["loss"]


def test_codes_of_categories_are_no_unscaled_inputs() -> None:
    random = np.random.default_rng(0)
    codes, x = random.integers(0, 2000, 300), random.normal(size=300)
    y = x + 0.1 * random.normal(size=300)
    for layers, found in (([pl.CategoryEmbedding((2000,))], False), ([], True)):
        network = pl.Network([*layers, pl.Dense(8), pl.ReLU(), pl.Dense(1)])
        trainer = pl.Trainer(network, loss=pl.SquaredError(), optimizer=pl.Adam(0.01), seed=0)
        trainer.fit(np.c_[x, codes], y, epochs=2)
        assert ("unscaled_inputs" in {each.name for each in pl.diagnose(trainer, np.c_[x, codes], y)}) is found


def test_diagnose_leaves_the_trainer_as_it_was() -> None:
    trainer = trainer_of(pl.BatchNormalization(), pl.Dropout(0.2), callbacks=[pl.Doctor()])
    trainer.fit(X, Y, epochs=5, validation=(X[:20], Y[:20]))
    before = fingerprint(trainer)
    assert pl.diagnose(trainer, X, Y, validation=(X[:20], Y[:20])).names[0] == "validation_leak"
    assert trainer.callbacks[0].diagnosis.names[0] == "validation_leak"
    assert fingerprint(trainer) == before


def test_an_untrained_trainer_stays_untrained() -> None:
    trainer = trainer_of()
    before = fingerprint(trainer)
    diagnosis = pl.diagnose(trainer, X, Y)
    assert fingerprint(trainer) == before
    assert not trainer.network.built
    assert diagnosis.names == ()
    assert "no step was made yet" in str(diagnosis)


def test_an_empty_history_has_no_verdict() -> None:
    assert pl.diagnose(pl.History()).names == ()
    assert str(pl.diagnose(pl.History())) == "Nothing to report.\nNot seen: there is no epoch yet: train first."


def test_one_epoch_has_no_false_verdict() -> None:
    trainer = trainer_of()
    trainer.fit(X, Y, epochs=1)
    assert pl.diagnose(trainer.history).names == ()
    assert pl.diagnose(trainer, X, Y).severity in ("", "hint")


def test_a_history_alone_says_what_it_cannot_see_and_how_to_have_it_seen() -> None:
    history = trainer_of().fit(X, Y, epochs=3)
    (unseen,) = pl.diagnose(history).unseen
    assert "callbacks=[Doctor()]" in unseen
    assert "x and y" in unseen


def test_overfitting_is_told_from_a_history_alone() -> None:
    history = pl.History()
    falling, rising = np.linspace(1.0, 0.05, 30), 0.5 + np.abs(np.linspace(-0.3, 0.9, 30))
    columns = {"epoch": list(range(1, 31)), "loss": falling.tolist(), "validation_loss": rising.tolist()}
    history.extend(columns)
    (finding,) = pl.diagnose(history)
    assert (finding.name, finding.severity, finding.epoch) == ("overfitting", "warning", 8)
    assert finding.evidence["best_epoch"] == 8


def test_a_divergence_is_told_with_the_layer_and_the_step() -> None:
    doctor = pl.Doctor()
    network = pl.Network([pl.Dense(8), pl.ReLU(), pl.Dense(3)])
    loss, optimizer = pl.SoftmaxCrossEntropy(), pl.GradientDescent(1e30)
    trainer = pl.Trainer(network, loss, optimizer, callbacks=[doctor])
    with pytest.raises(pl.DivergenceError):
        trainer.fit(X, Y, epochs=5)
    assert doctor.diagnosis.names[0] == "learning_rate_too_high"
    finding = next(each for each in doctor.diagnosis if each.name == "non_finite")
    assert finding.because == "learning_rate_too_high"
    assert finding.epoch == 1
    assert finding.evidence["step"] == trainer.divergence.step
    assert pl.diagnose(trainer.history).names == ("non_finite",)
    better = doctor.diagnosis[0].remedy.apply(trainer)
    history = better.fit(X, Y, epochs=30)
    assert history["accuracy"][-1] > 0.7


@dataclass(frozen=True)
class Shapeless(Layer):
    """Doubles the width and does not say so."""

    def forward(self, x: Any, parameters: Any, context: Any) -> Any:
        return np.concatenate([x, x], axis=1), None

    def backward(self, gradient: Any, saved: Any, parameters: Any, context: Any) -> Any:
        return gradient[:, ::2], {}


def test_an_own_layer_without_its_shape_is_named() -> None:
    network = pl.Network([pl.Dense(3), Shapeless()])
    trainer = pl.Trainer(network, loss=pl.SoftmaxCrossEntropy(), batch_size=20)
    diagnosis = pl.diagnose(trainer, X, Y)
    assert any("Layer 1, Shapeless()" in words and "output_shape" in words for words in diagnosis.unseen)


def test_findings_are_told_worst_first_and_effects_after_their_causes() -> None:
    told = in_order(
        [
            pl.Finding("underfitting", "error", "…"),
            pl.Finding("idle_early_stopping", "hint", "…"),
            pl.Finding("overfitting", "warning", "…"),
            pl.Finding("learning_rate_too_low", "error", "…"),
        ]
    )
    assert [each.name for each in told] == [
        "learning_rate_too_low",
        "overfitting",
        "idle_early_stopping",
        "underfitting",
    ]
    assert (told[-1].severity, told[-1].because) == ("hint", "learning_rate_too_low")


def test_a_hint_explains_nothing() -> None:
    told = in_order([pl.Finding("learning_rate_too_low", "hint", "…"), pl.Finding("underfitting", "error", "…")])
    assert [(each.name, each.because) for each in told] == [("underfitting", ""), ("learning_rate_too_low", "")]


def test_a_diagnosis_is_plain_data_too() -> None:
    trainer = trainer_of(pl.Dense(3), pl.Tanh(), callbacks=[pl.Doctor()])
    trainer.fit(X, Y, epochs=2)
    told = json.loads(pl.diagnose(trainer).to_json())
    for finding in told["findings"]:
        assert finding["page"] == f"doctor.html#{finding['name'].replace('_', '-')}"
        assert set(finding) >= {"name", "severity", "layer", "epoch", "evidence", "advice"}


def test_a_remedy_changes_what_it_says_and_leaves_the_old_trainer() -> None:
    trainer = trainer_of(callbacks=[pl.EarlyStopping(4)])
    trainer.fit(X, Y, epochs=2)
    before = fingerprint(trainer)
    remedy = pl.Remedy(layers=(pl.Dense(4), pl.Dense(3)), settings={"batch_size": 10}, leave_out=np.array([0, 5]))
    changed = remedy.apply(trainer)
    assert changed.network.layers == (pl.Dense(4), pl.Dense(3))
    assert changed.batch_size == 10
    assert changed.epoch == 0
    assert isinstance(changed.callbacks[0], pl.EarlyStopping)
    x, y = remedy.rows(X, Y)
    np.testing.assert_array_equal(x, X[[1, 2, 3, 4, *range(6, 120)]])
    assert len(y) == 118
    assert fingerprint(trainer) == before
    assert str(remedy) == "layers=[Dense(4), Dense(3)], batch_size=10, without 2 of the training rows"


SCHEDULES = [lambda rate: pl.LogCosine(rate, steps=200), lambda rate: pl.WarmUp(pl.Cosine(rate, steps=200), steps=20)]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=["LogCosine", "WarmUp of Cosine"])
@pytest.mark.parametrize("diverges", [False, True])
def test_a_rate_that_begins_low_is_told_and_bettered_as_it_was_given(schedule: Any, diverges: bool) -> None:
    trainer = trainer_of(optimizer=pl.Adam(schedule(30.0)))
    if diverges:
        network = pl.Network([pl.Dense(8), pl.ReLU(), pl.Dense(1)])
        trainer = pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(schedule(30.0)), seed=3)
    y = X[:, :1] if diverges else Y
    with contextlib.suppress(pl.DivergenceError):
        trainer.fit(X, y, epochs=40)
    assert (trainer.divergence is not None) == diverges
    finding = next(each for each in pl.diagnose(trainer, X, y) if each.name == "learning_rate_too_high")
    better = finding.evidence["better_rate"]
    assert finding.evidence["learning_rate"] == 30.0
    assert 0 < better < 30.0
    assert finding.remedy is not None
    assert finding.remedy.apply(trainer).optimizer.learning_rate == schedule(better)


def test_a_doctor_goes_on_with_a_training_that_goes_on() -> None:
    doctor = pl.Doctor()
    trainer = trainer_of(callbacks=[doctor])
    trainer.fit(X, Y, epochs=2)
    trainer.fit(X, Y, epochs=2)
    assert [probe.epoch for probe in doctor.probes] == [0, 1, 2, 3, 4]
    other = trainer_of(callbacks=[doctor])
    other.fit(X, Y, epochs=1)
    assert [probe.epoch for probe in doctor.probes] == [0, 1]


def test_probes_become_rarer() -> None:
    doctor = pl.Doctor()
    trainer_of(callbacks=[doctor]).fit(X, Y, epochs=200)
    epochs = [probe.epoch for probe in doctor.probes]
    assert epochs[:4] == [0, 1, 2, 3]
    assert len(epochs) < 16


def test_validation_may_be_the_fraction_that_fit_was_given() -> None:
    trainer = trainer_of()
    trainer.fit(X, Y, epochs=30, validation=0.25)
    diagnosis = pl.diagnose(trainer, X, Y, validation=0.25)
    assert diagnosis.unseen == ()
    assert "validation_leak" not in diagnosis.names  # the very rows that fit had split off
    assert verdict_of(pl.preflight(trainer_of(), X, Y, validation=0.25), "rows in both parts") == "good"


def verdict_of(report: pl.Preflight, name: str) -> str:
    return next(check.verdict for check in report if check.name == name)


def test_what_is_no_training_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(TypeError, match="diagnose takes a Trainer, a History or a Doctor, not 3"):
        pl.diagnose(3)
