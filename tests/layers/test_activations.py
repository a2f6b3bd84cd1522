"""Activations: values known from elsewhere, extremes, and the kink."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

import pellucid as pl
from pellucid.layers.layer import NO_NAMES, Context, Layer
from pellucid.typing import Floats

Z = np.array([[-1000.0, -30.0, -1.0, -1e-9, 0.0, 1e-9, 0.5, 30.0, 1000.0]])


def value(layer: Layer, z: Floats) -> Floats:
    return layer.forward(z, NO_NAMES, Context())[0]


def slope(layer: Layer, z: Floats) -> Floats:
    """The derivative of each element by itself."""
    y, saved = layer.forward(z, NO_NAMES, Context())
    gradient = layer.backward(np.ones_like(y), saved, NO_NAMES, Context())[0]
    assert gradient is not None
    return gradient


def test_against_scipy() -> None:
    np.testing.assert_allclose(value(pl.Sigmoid(), Z), special.expit(Z), rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(value(pl.Softmax(), Z), special.softmax(Z, axis=1), rtol=1e-13)
    np.testing.assert_allclose(value(pl.ReLU(), Z), (Z + np.abs(Z)) / 2)
    np.testing.assert_array_equal(value(pl.Identity(), Z), Z)


def test_slopes_known_by_heart() -> None:
    z = np.array([[0.0]])
    assert slope(pl.Sigmoid(), z).tolist() == [[0.25]]
    assert slope(pl.Tanh(), z).tolist() == [[1.0]]
    assert slope(pl.ReLU(), np.array([[-1.0, 0.0, 1.0]])).tolist() == [[0.0, 0.0, 1.0]]  # 0 at the kink
    assert slope(pl.ReLU(), np.array([[-0.0]])).tolist() == [[0.0]]


@pytest.mark.parametrize("layer", [pl.Sigmoid(), pl.Tanh(), pl.Softmax()], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extremes_stay_finite(layer: Layer, dtype: str) -> None:
    z = np.array([[-1e30, 0.0, 1e30], [1e30, 1e30, 1e30], [-1e30, -1e30, -1e30]], dtype=dtype)
    a = value(layer, z)
    assert np.isfinite(a).all()
    assert (np.abs(a) <= 1).all()
    assert np.isfinite(slope(layer, z)).all()


def test_softmax_rows_sum_to_one_and_shift_does_not_matter() -> None:
    z = np.random.default_rng(0).normal(size=(20, 7)) * 10
    a = value(pl.Softmax(), z)
    np.testing.assert_allclose(a.sum(axis=1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(value(pl.Softmax(), z + 123.0), a, rtol=1e-11)
    np.testing.assert_allclose(slope(pl.Softmax(), z), 0.0, atol=1e-15)  # the sum is constant
