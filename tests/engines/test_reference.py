"""The choice of an engine, and a whole step by hand."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.layers.layer import Context, Gradients
from pellucid.typing import Floats
from support.engines import ENGINES, needs_native
from support.samples import random_numbers


@dataclass(frozen=True)
class Swish(pl.Layer):
    """A layer a user wrote: a = z·σ(z)."""

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Any]:
        s = 1 / (1 + np.exp(-x))
        return x * s, (x, s)

    def backward(
        self, gradient: Floats, saved: Any, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        x, s = saved
        return gradient * (s + x * s * (1 - s)), {}


def test_a_layer_of_ones_own_trains_and_the_history_says_why_not_natively() -> None:
    x, y = random_numbers((40, 2)), (random_numbers((40, 2))[:, 0] > 0).astype(int)
    network = pl.Network([pl.Dense(8), Swish(), pl.Dense(2)])
    history = pl.Trainer(network, pl.SoftmaxCrossEntropy(), pl.Adam(0.05)).fit(x, y, epochs=30)
    assert network.evaluate(x, y)["accuracy"] > 0.95
    assert history.engine == "reference"
    if "native" in ENGINES:
        assert "Swish" in history.engine_note
    else:
        assert history.engine_note == "the native core is not in this installation"


def test_its_gradients_are_checked_like_any_other() -> None:
    from support.numerics import assert_gradient

    network = pl.Network([pl.Dense(3), Swish(), pl.Dense(1)], dtype="float64").build(2)
    x, y = random_numbers((5, 2)), random_numbers(5)
    start = network.parameters.copy()

    def value(at: Floats) -> float:
        network.parameters = at
        return network.loss_and_gradient(x, y, loss="squared_error")[0]

    assert_gradient(network.loss_and_gradient(x, y, loss="squared_error")[1], value, start, name="Swish")


@needs_native
def test_native_refuses_what_it_cannot_run() -> None:
    network = pl.Network([pl.Dense(2), Swish()], engine="native").build(2)
    with pytest.raises(ValueError, match=r"engine='native' cannot run .*Swish.* Use engine='auto' or 'reference'\."):
        network.scores(np.ones((1, 2)))


@pytest.mark.skipif("native" in ENGINES, reason="the native core is here")
def test_native_is_missed() -> None:
    with pytest.raises(ValueError, match="engine='native' is not in this installation"):
        pl.Network([pl.Dense(2)], engine="native")


def test_the_reference_engine_by_name_needs_no_note() -> None:
    network = pl.Network([pl.Dense(1)], engine="reference")
    history = pl.Trainer(network, "squared_error").fit(np.ones((2, 2)), np.ones(2), epochs=1)
    assert (history.engine, history.engine_note) == ("reference", "")


def test_a_layer_without_its_functions_says_so() -> None:
    @dataclass(frozen=True)
    class Half(pl.Layer):
        pass

    network = pl.Network([Half()]).build(2)
    with pytest.raises(NotImplementedError, match=r"^Half must define forward\(x, parameters, context\)\.$"):
        network.scores(np.ones((1, 2)))


def test_more_rows_than_a_slice_of_prediction(engine: str) -> None:
    x = random_numbers((5000, 3))
    network = pl.Network([pl.Dense(4), pl.Tanh(), pl.Dense(2)], dtype="float64", engine=engine).build(3)
    whole = network.scores(x)
    parts = np.concatenate([network.scores(x[start : start + 777]) for start in range(0, 5000, 777)])
    np.testing.assert_allclose(whole, parts, rtol=1e-12, atol=1e-14)


def test_input_arrays_of_any_kind_give_the_same_scores(engine: str) -> None:
    x = np.random.default_rng(0).integers(0, 100, size=(6, 4))
    network = pl.Network([pl.Standardize(), pl.Dense(3)], engine=engine).build(4)
    network.fit_statistics(x)
    expected = network.scores(x.astype(np.float64))
    kinds = [np.int8, np.uint8, np.int16, np.int32, np.uint32, np.int64, np.float16, np.float32, ">i4", ">f8", ">f4"]
    arrays = [x.astype(kind) for kind in kinds]
    arrays += [np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2], x[::-1][::-1], x.astype(np.longdouble)]
    for array in arrays:
        array.flags.writeable = False
        np.testing.assert_allclose(network.scores(array), expected, rtol=1e-6, atol=1e-6, err_msg=str(array.dtype))
    np.testing.assert_allclose(network.scores(x.tolist()), expected, rtol=1e-6, atol=1e-6)
