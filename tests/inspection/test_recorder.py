"""The recorder: what it keeps is what passed through the network, and training is the same with it."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.engines.reference import forward
from pellucid.inspection.recorder import Histogram
from support.samples import classification


def training(*callbacks: pl.Callback, **more: object) -> tuple[pl.Trainer, np.ndarray, np.ndarray]:
    x, y = classification(40)
    layers = [pl.Standardize(), pl.Dense(6), pl.ReLU(), pl.Dropout(0.3), pl.Dense(3)]
    return pl.Trainer(pl.Network(layers), "softmax_cross_entropy", callbacks=callbacks, **more), x, y  # type: ignore[arg-type]


def test_a_histogram_counts_every_number() -> None:
    values = np.array([[0.0, 1.0, 2.0], [2.0, 2.0, 3.0]])
    histogram = Histogram.of(values)
    assert histogram.counts.sum() == 6
    assert histogram.counts[-1] == 1
    assert (histogram.edges[0], histogram.edges[-1]) == (0.0, 3.0)
    assert histogram.mean == pytest.approx(values.mean())
    assert histogram.deviation == pytest.approx(values.std())
    broken = Histogram.of(np.array([1.0, np.nan, np.inf, 1.0]))
    assert (broken.counts.sum(), broken.not_finite) == (2, 2)
    assert Histogram.of(np.array([np.nan])).counts.sum() == 0
    assert Histogram.of(np.zeros(4)).counts.sum() == 4


def test_it_looks_before_the_first_epoch_and_after_every_so_many() -> None:
    recorder = pl.Recorder(every=3, rows=16)
    trainer, x, y = training(recorder)
    trainer.fit(x, y, epochs=4)
    trainer.fit(x, y, epochs=3)
    assert [snapshot.epoch for snapshot in recorder.snapshots] == [0, 3, 4, 6]
    assert [snapshot.step for snapshot in recorder.snapshots] == [2 * epoch for epoch in (0, 3, 4, 6)]
    assert all(layer.activation.counts.sum() == 16 * size for layer, size in zip(
        recorder.snapshots[0].layers, (3, 6, 6, 6, 3), strict=True
    ))  # fmt: skip
    assert list(recorder.snapshots[0].parameters) == ["1.weight", "1.bias", "4.weight", "4.bias"]


def test_training_is_the_same_to_the_bit_with_it() -> None:
    with_it, x, y = training(pl.Recorder(), average=0.9, penalty=pl.L2(0.01))
    without, _, _ = training(average=0.9, penalty=pl.L2(0.01))
    with_it.fit(x, y, epochs=5, class_weight="balanced")
    without.fit(x, y, epochs=5, class_weight="balanced")
    assert with_it.network.parameters.tobytes() == without.network.parameters.tobytes()
    assert with_it.network.statistics.tobytes() == without.network.statistics.tobytes()
    assert with_it.state.parameters.tobytes() == without.state.parameters.tobytes()
    assert all(a.tobytes() == b.tobytes() for a, b in zip(with_it.state.slots, without.state.slots, strict=True))
    assert with_it.history["loss"] == without.history["loss"]


def test_vectors_are_the_parameters_and_can_be_left_out() -> None:
    recorder = pl.Recorder(every=5)
    trainer, x, y = training(recorder, pl.Recorder(vectors=False))
    trainer.fit(x, y, epochs=5)
    assert recorder.snapshots[-1].vector is not None
    np.testing.assert_array_equal(recorder.snapshots[-1].vector, trainer.network.parameters)
    other = trainer.callbacks[1]
    assert isinstance(other, pl.Recorder)
    assert {snapshot.vector for snapshot in other.snapshots} == {None}


def test_the_ratio_is_that_of_the_step() -> None:
    x, y = classification(40)
    recorder = pl.Recorder()
    network = pl.Network([pl.Dense(3)], dtype="float64")
    trainer = pl.Trainer(network, "softmax_cross_entropy", pl.GradientDescent(0.5), "full", callbacks=[recorder])
    trainer.fit(x, y, epochs=1)
    weights = [snapshot.vector[:9] for snapshot in recorder.snapshots if snapshot.vector is not None]
    expected = np.linalg.norm(weights[1] - weights[0]) / np.linalg.norm(weights[0])
    assert recorder.snapshots[0].parameters["0.weight"].update_ratio == pytest.approx(expected, rel=1e-12)
    assert np.isnan(recorder.snapshots[0].parameters["0.bias"].update_ratio)  # biases start at 0


@pytest.mark.parametrize("activation", [pl.ReLU(), pl.Sigmoid(), pl.Tanh()])
def test_units_that_let_no_gradient_pass_are_found(activation: pl.Layer) -> None:
    x, y = classification(40)
    network = pl.Network([pl.Dense(4), activation, pl.Dense(3)], dtype="float64").build(3, seed=1)
    network.set("0.bias", [0.0, -80.0, 0.0, 0.0])
    recorder = pl.Recorder()
    trainer = pl.Trainer(network, "softmax_cross_entropy", pl.GradientDescent(1e-6), callbacks=[recorder])
    trainer.fit(x, y, epochs=1)
    first = recorder.snapshots[0].layers
    assert first[0].alive is None
    assert first[2].alive is None
    assert first[1].alive is not None
    assert first[1].alive[1] == 0.0
    assert (first[1].alive[[0, 2, 3]] > 0).all()
    if isinstance(activation, pl.ReLU):
        hidden = forward(
            pl.Network([pl.Dense(4)]).build(3).model._replace(parameters=recorder.snapshots[0].vector[:16]), x
        )
        np.testing.assert_allclose(first[1].alive, (hidden[0] > 0).mean(axis=0))


def test_bad_input_is_answered() -> None:
    with pytest.raises(ValueError, match=r"^every must be a whole number of at least 1, not 0\.$"):
        pl.Recorder(every=0)
    trainer, _, _ = training()
    with pytest.raises(ValueError, match=r"^There is no training going on: task and objective\(\) are for callbacks"):
        trainer.task  # noqa: B018
