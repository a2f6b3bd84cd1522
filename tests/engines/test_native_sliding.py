"""Layers that move across positions: the native engine against the reference engine, over random geometry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as some

import pellucid as pl
from support.engines import needs_native

pytestmark = needs_native

SIZES = some.integers(1, 5)
CHANNELS = some.sampled_from([1, 2, 3, 5, 16, 17, 33, 40])
SIDES = some.tuples(some.integers(0, 3), some.integers(0, 3))


@some.composite
def convolutions(draw: Any) -> tuple[pl.Layer, tuple[int, ...]]:
    """A convolution, and the shape of an example."""
    filters = draw(some.sampled_from([1, 3, 8, 16, 17, 32, 33, 70]))
    bias, step = draw(some.booleans()), some.integers(1, 3)
    if draw(some.booleans()):
        padding = draw(some.one_of(some.sampled_from(["valid", "same", "causal"]), SIDES))
        layer: pl.Layer = pl.Conv1D(filters, draw(SIZES), draw(step), padding, draw(step), bias=bias)
        return layer, (draw(some.integers(1, 40)), draw(CHANNELS))
    both = some.tuples(step, step)
    padding = draw(some.one_of(some.sampled_from(["valid", "same"]), some.tuples(SIDES, SIDES)))
    layer = pl.Conv2D(filters, draw(some.tuples(SIZES, SIZES)), draw(both), padding, draw(both), bias=bias)
    return layer, (draw(some.integers(1, 12)), draw(some.integers(1, 20)), draw(CHANNELS))


@some.composite
def poolings(draw: Any) -> tuple[pl.Layer, tuple[int, ...]]:
    """A pooling, and the shape of an example."""
    size, stride = some.integers(1, 4), draw(some.one_of(some.none(), some.integers(1, 4)))
    padding, channels = draw(some.sampled_from(["valid", "same"])), draw(CHANNELS)
    kind = draw(some.sampled_from(["1D", "2D", "global"]))
    if kind == "global":
        cls = draw(some.sampled_from([pl.GlobalMaxPooling, pl.GlobalAveragePooling]))
        return cls(), (*draw(some.lists(some.integers(1, 4), min_size=1, max_size=3)), channels)
    if kind == "1D":
        cls = draw(some.sampled_from([pl.MaxPooling1D, pl.AveragePooling1D]))
        return cls(draw(size), stride, padding), (draw(some.integers(1, 20)), channels)
    cls = draw(some.sampled_from([pl.MaxPooling2D, pl.AveragePooling2D]))
    shape = (draw(some.integers(1, 10)), draw(some.integers(1, 12)), channels)
    return cls(draw(some.tuples(size, size)), stride, padding), shape


@some.composite
def others(draw: Any) -> tuple[pl.Layer, tuple[int, ...]]:
    """Depthwise convolution, up-sampling, group normalization, and the shape of an example."""
    shape = (draw(some.integers(1, 9)), draw(some.integers(1, 20)), draw(CHANNELS))
    kind, step = draw(some.sampled_from(["depthwise", "up", "group"])), some.integers(1, 3)
    if kind == "up":
        return pl.UpSampling2D(draw(some.tuples(step, step))), shape
    if kind == "group":
        groups = [count for count in range(1, shape[-1] + 1) if shape[-1] % count == 0]
        return pl.GroupNormalization(draw(some.sampled_from(groups))), shape[draw(some.integers(0, 2)) :]
    padding = draw(some.one_of(some.sampled_from(["valid", "same"]), some.tuples(SIDES, SIDES)))
    both = some.tuples(step, step)
    layer = pl.DepthwiseConv2D(
        draw(some.tuples(SIZES, SIZES)), draw(step), draw(both), padding, draw(both), bias=draw(some.booleans())
    )
    return layer, shape


@settings(max_examples=200)
@given(
    sample=some.one_of(convolutions(), poolings(), others()),
    rows=some.integers(1, 33),
    double=some.booleans(),
    trained=some.booleans(),
    seed=some.integers(0, 100),
)
def test_scores_and_gradients(
    sample: tuple[pl.Layer, tuple[int, ...]], rows: int, double: bool, trained: bool, seed: int
) -> None:
    """Also where the gradient of the input is wanted, since a layer in front is trained; any number of threads."""
    layer, shape = sample
    front = [pl.Dense(shape[-1])] if trained else []
    layers = [*front, layer, pl.Tanh(), pl.Flatten(), pl.Dense(3)]
    dtype = "float64" if double else "float32"
    try:
        reference, *native = (
            pl.Network(layers, dtype, engine, threads).build(shape, seed=seed)
            for engine, threads in (("reference", None), ("native", 1), ("native", 2), ("native", 4))
        )
    except ValueError:  # the window does not fit
        assume(False)
    random = np.random.default_rng(seed)
    x, y = random.normal(size=(rows, *shape)), random.integers(0, 3, rows)
    scores = reference.scores(x)
    _, gradient = reference.loss_and_gradient(x, y, loss=pl.SoftmaxCrossEntropy())
    tolerance = 1e-11 if double else 1e-4
    bits = set()
    for network in native:
        found = network.scores(x)
        _, slope = network.loss_and_gradient(x, y, loss=pl.SoftmaxCrossEntropy())
        np.testing.assert_allclose(found, scores, rtol=tolerance, atol=tolerance * np.abs(scores).max())
        np.testing.assert_allclose(slope, gradient, rtol=tolerance, atol=tolerance * np.abs(gradient).max())
        bits.add((found.tobytes(), slope.tobytes()))
        np.testing.assert_array_equal(network.scores(x[:1]), found[:1])
    assert len(bits) == 1


@pytest.mark.parametrize("batch_size", [7, 40])
def test_trainings_go_the_same_way(batch_size: int) -> None:
    digits = pl.datasets.load_digits()
    x, y = digits.train.x[:120], digits.train.y[:120]
    layers = [
        pl.Reshape((8, 8, 1)), pl.Conv2D(8, 3), pl.BatchNormalization(), pl.Tanh(), pl.MaxPooling2D(2),
        pl.Residual([pl.Conv2D(8, 3, padding="same"), pl.Tanh()]), pl.GlobalAveragePooling(), pl.Dense(10),
    ]  # fmt: skip
    runs = []
    for engine in ("native", "reference"):
        trainer = pl.Trainer(pl.Network(layers, "float64", engine), "softmax_cross_entropy", "momentum", batch_size)
        history = trainer.fit(x / 16, y, epochs=3)
        assert history.engine == engine
        runs.append(trainer.network.parameters)
    np.testing.assert_allclose(*runs, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("batch_size", [6, 20])
def test_whole_channels_are_dropped_alike_in_both_engines(batch_size: int) -> None:
    x, y = np.random.default_rng(0).normal(size=(20, 5, 4, 3)), np.arange(20) % 2
    layers = [pl.Conv2D(40, 2), pl.SpatialDropout(pl.FlatCosine(0.5, steps=9)), pl.Tanh(), pl.Flatten(), pl.Dense(2)]
    runs = []
    for engine, threads in (("native", 1), ("native", 3), ("reference", None)):
        trainer = pl.Trainer(
            pl.Network(layers, "float64", engine, threads), "softmax_cross_entropy", "momentum", batch_size
        )
        assert trainer.fit(x, y, epochs=3).engine == engine
        runs.append(trainer.network.parameters)
    np.testing.assert_array_equal(runs[0], runs[1])
    np.testing.assert_allclose(runs[0], runs[2], rtol=1e-9, atol=1e-11)


def test_ties_of_a_maximum_go_to_the_first() -> None:
    for engine in ("native", "reference"):
        network = pl.Network([pl.Dense(1, bias=False), pl.MaxPooling2D(2), pl.Flatten()], "float64", engine)
        network.build((2, 2, 2), seed=0)
        network.set("0.weight", [[1.0], [0.0]])
        x = np.array([[[[1.0, 5.0], [1.0, 6.0]], [[1.0, 7.0], [1.0, 8.0]]]])  # all equal in the first channel
        _, gradient = network.loss_and_gradient(x, [[0.0]], loss=pl.SquaredError())
        np.testing.assert_array_equal(gradient, [1.0, 5.0])  # (y − 0)·x at the first position
