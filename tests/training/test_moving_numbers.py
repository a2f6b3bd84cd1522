"""Weight decay and dropout that follow schedules: each step takes its own number, in both engines, and none is lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.layers.layer import NO_NAMES, Context
from pellucid.streams import Purpose, Stream
from support.engines import ENGINES, needs_native
from support.samples import classification

FADING = pl.FlatCosine(0.6, steps=20, flat=0.25)
X, Y = classification(rows=50, features=3)


@dataclass(frozen=True)
class Rising(pl.Schedule):
    """A schedule of one's own, which leaves [0, 1) at step 9."""

    def factor(self, step: int) -> float:
        return step / 8


def trainer(engine: str, *layers: pl.Layer, optimizer: Any = None, **options: Any) -> pl.Trainer:
    network = pl.Network([pl.Dense(7), pl.Tanh(), *layers, pl.Dense(3)], dtype="float64", engine=engine)
    return pl.Trainer(network, "softmax_cross_entropy", optimizer or pl.Momentum(0.1), **{"batch_size": 16, **options})


@pytest.mark.parametrize("decay", [FADING, lambda step: 0.5 / (1 + step)], ids=["schedule", "function"])
def test_every_step_decays_by_its_own_number(decay: Any, engine: str) -> None:
    """With inputs of 0 no gradient reaches the weight: it shrinks by (1 − rate·λ) a step, and nothing else."""
    network = pl.Network([pl.Dense(1, weight_initializer=pl.Constant(2.0))], dtype="float64", engine=engine)
    fit = pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(0.3, weight_decay=decay), batch_size=2)
    fit.fit(np.zeros((5, 1)), np.zeros(5), epochs=3)
    expected = 2.0 * np.prod([1 - 0.3 * decay(step) for step in range(9)])
    assert network.get("0.weight")[0, 0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("step", [0, 5, 12, 19, 20, 10**6])
def test_every_step_drops_its_own_part(step: int) -> None:
    x, rate = np.ones((1000, 100)), FADING(step)
    context = Context(True, Stream(0, Purpose.LAYER, index=1, counter=step))
    y, _ = pl.Dropout(FADING).forward(x, NO_NAMES, context)
    np.testing.assert_array_equal(y, pl.Dropout(rate).forward(x, NO_NAMES, context)[0])
    assert abs((y == 0).mean() - rate) <= 4 * np.sqrt(rate * (1 - rate) / x.size)
    assert pl.Dropout(FADING).at_step(step) == pl.Dropout(rate)


def test_dropout_is_gone_when_the_schedule_is_at_its_end(engine: str) -> None:
    """From step 20 on the same training goes on as without dropout."""
    fading, plain = trainer(engine, pl.Dropout(FADING)), trainer(engine, pl.Dropout(0.0))
    fading.fit(X, Y, epochs=5)  # 4 steps each
    plain.initialize(X, Y)
    plain.resume_from(fading.state)
    np.testing.assert_array_equal(fading.fit(X, Y, epochs=2)["loss"][-2:], plain.fit(X, Y, epochs=2)["loss"])


@pytest.mark.skipif(len(ENGINES) < 2, reason="the native engine is not built")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("threads", [1, 3])
def test_both_engines_agree(dtype: str, threads: int) -> None:
    """Two dropouts with schedules of their own around one without; pieces of a batch; turned and usual matrices."""
    answers = []
    for engine in ENGINES:
        layers = [
            pl.Dense(40),
            pl.ReLU(),
            pl.Dropout(FADING),
            pl.Dense(30),
            pl.Dropout(0.2),
            pl.Dropout(pl.Cosine(0.3, 9)),
        ]
        network = pl.Network([*layers, pl.Dense(3)], dtype=dtype, engine=engine, threads=threads)
        optimizer = pl.AdamW(pl.Cosine(0.02, steps=30), beta_2=0.95, weight_decay=pl.WarmUp(FADING, steps=5))
        fit = pl.Trainer(network, "softmax_cross_entropy", optimizer, batch_size=32, learning_rate_factors={"3": 0.5})
        history = fit.fit(*classification(rows=100), epochs=6)
        assert history.engine == engine
        np.testing.assert_allclose(history["learning_rate"], [optimizer.rate_at(step) for step in range(3, 24, 4)])
        answers.append((history["loss"], network.parameters))
    tolerance = 2e-4 if dtype == "float32" else 1e-10
    for one, two in zip(*answers, strict=True):
        np.testing.assert_allclose(one, two, rtol=tolerance, atol=tolerance)


def test_two_fits_are_one(engine: str, tmp_path: Path) -> None:
    """The step is counted over all of training, across calls, checkpoints and files."""

    def make(engine: str) -> pl.Trainer:
        return trainer(engine, pl.Dropout(FADING), optimizer=pl.AdamW(0.05, weight_decay=FADING))

    whole, halves = make(engine), make(engine)
    whole.fit(X, Y, epochs=6)
    halves.fit(X, Y, epochs=2)
    halves.save(tmp_path)
    resumed = pl.Trainer.resume(tmp_path)
    assert (resumed.optimizer, resumed.network.layers) == (halves.optimizer, halves.network.layers)
    resumed.fit(X, Y, epochs=4)
    np.testing.assert_array_equal(resumed.network.parameters, whole.network.parameters)


@needs_native
def test_one_call_of_the_core_need_not_hold_all_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    native = pytest.importorskip("pellucid.engines.native")
    whole = trainer("native", pl.Dropout(FADING))
    whole.fit(X, Y, epochs=7)
    monkeypatch.setattr(native, "_MOST_STEPS", 9)
    pieces = trainer("native", pl.Dropout(FADING))
    pieces.fit(X, Y, epochs=7)
    np.testing.assert_array_equal(whole.network.parameters, pieces.network.parameters)


def test_prediction_and_files_know_it(tmp_path: Path, engine: str) -> None:
    fit = trainer(engine, pl.Dropout(FADING))
    fit.fit(X, Y, epochs=1)
    network = fit.network
    assert "Dropout(FlatCosine(0.6, steps=20, flat=0.25))" in network.summary()
    pl.save(network, tmp_path / "fading.pellucid")
    again = pl.load(tmp_path / "fading.pellucid", engine=engine)
    assert again.layers == network.layers
    np.testing.assert_array_equal(again.scores(X), network.scores(X))
    without = pl.Network(
        [layer for layer in network.layers if not isinstance(layer, pl.Dropout)], dtype="float64"
    ).build(3)
    without.parameters = network.parameters
    np.testing.assert_allclose(network.scores(X), without.scores(X), rtol=1e-12)


def test_a_schedule_of_ones_own_travels(tmp_path: Path) -> None:
    network = pl.Network([pl.Dropout(pl.WarmUp(Rising(0.3), steps=3)), pl.Dense(2)]).build(3)
    pl.save(network, tmp_path / "own.pellucid")
    assert pl.load(tmp_path / "own.pellucid", custom=[Rising]).layers == network.layers
    with pytest.raises(pl.ModelFileError, match="needs a class of your own in custom=\\[…\\]"):
        pl.load(tmp_path / "own.pellucid")


def test_a_number_out_of_range_ends_training_before_it_begins(engine: str) -> None:
    fit = trainer(engine, pl.Dropout(Rising(0.9)))
    fit.fit(X, Y, epochs=2)  # 8 steps: still below 1
    with pytest.raises(ValueError, match="The rate of dropout at step 9 must be a number of at least 0 and below 1"):
        fit.fit(X, Y, epochs=1)
    assert fit.step == 8
    fit = trainer(engine, optimizer=pl.GradientDescent(0.1, weight_decay=lambda step: 0.1 - 0.02 * step))
    with pytest.raises(ValueError, match=r"The weight decay at step 6 must be a number of at least 0, not -0\.01"):
        fit.fit(X, Y, epochs=2)
    assert fit.step == 0


def test_what_cannot_be_is_refused_at_once() -> None:
    with pytest.raises(
        ValueError, match=r"rate must stay below 1, but Cosine\(1.5, steps=10\) begins at or rises to 1.5"
    ):
        pl.Dropout(pl.Cosine(1.5, steps=10))
    with pytest.raises(TypeError, match=r"rate must be a number or a schedule such as FlatCosine.*holds no functions"):
        pl.Dropout(lambda step: 0.1)
    with pytest.raises(TypeError, match="weight_decay must be a number or a schedule, not the class Cosine"):
        pl.AdamW(weight_decay=pl.Cosine)


def test_a_trace_shows_the_numbers_of_its_step() -> None:
    fit = trainer("reference", pl.Dropout(FADING), optimizer=pl.AdamW(0.05, weight_decay=FADING))
    fit.fit(X, Y, epochs=3)
    network = fit.network
    text = pl.trace(network, None, X[:1], Y[:1], optimizer=fit.optimizer, state=fit.state, training=True).text()
    assert f"m is 0 for the fraction {FADING(12):.4f}" in text
    assert f"weight_decay {FADING(12)}" in text
