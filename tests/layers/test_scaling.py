"""Standardize and Rescale: against scikit-learn, and on difficult columns."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

import pellucid as pl


def standardized(x: np.ndarray, dtype: str = "float64", engine: str = "auto") -> np.ndarray:
    network = pl.Network([pl.Standardize()], dtype=dtype, engine=engine).build(x.shape[1])
    network.fit_statistics(x)
    return network.scores(x)


@pytest.mark.parametrize("rows", [2, 100, 9000])  # 9000: more than one slice
def test_as_scikit_learn(rows: int, engine: str) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, 3)) * [1.0, 100.0, 1e-6] + [0.0, 1e5, 3.0]
    np.testing.assert_allclose(standardized(x, engine=engine), StandardScaler().fit_transform(x), rtol=1e-7, atol=1e-7)


def test_whole_numbers_and_booleans() -> None:
    x = np.random.default_rng(0).integers(0, 256, size=(50, 4)).astype(np.uint8)
    np.testing.assert_allclose(standardized(x), StandardScaler().fit_transform(x.astype(float)), atol=1e-12)
    yes = x > 100
    np.testing.assert_allclose(standardized(yes), StandardScaler().fit_transform(yes.astype(float)), atol=1e-12)


def test_a_large_offset_loses_no_digits_in_float32(engine: str) -> None:
    """Seconds since 1970: in float32 two days would be one; the scaling works in the data's own numbers."""
    x = 1.7e9 + np.arange(10.0)[:, None]
    np.testing.assert_allclose(standardized(x, "float32", engine), StandardScaler().fit_transform(x), rtol=1e-5)


@pytest.mark.parametrize("constant", [0.0, 5.0, 0.1, 1e-300, 1e300, -7.25])
def test_a_column_that_never_changes_is_zero(constant: float, engine: str) -> None:
    x = np.column_stack([np.full(7, constant), np.arange(7.0)])
    network = pl.Network([pl.Standardize()], dtype="float64", engine=engine).build(2)
    network.fit_statistics(x)
    assert (network.scores(x)[:, 0] == 0).all()
    x[:, 0] += 1.0  # whatever comes later
    assert (network.scores(x)[:, 0] == 0).all()


def test_a_spread_too_small_to_square() -> None:
    x = np.array([[0.0], [1e-200]])
    assert np.isfinite(standardized(x)).all()


def test_one_row() -> None:
    assert standardized(np.array([[3.0, -1.0]])).tolist() == [[0.0, 0.0]]


def test_in_the_middle_it_is_fitted_to_what_reaches_it() -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    network = pl.Network([pl.Dense(4), pl.Tanh(), pl.Standardize()], dtype="float64").build(3)
    network.fit_statistics(x)
    scores = network.scores(x)
    np.testing.assert_allclose(scores.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(scores.std(axis=0), 1.0, atol=1e-12)


def test_measured_on_the_training_rows_once(engine: str) -> None:
    x = np.random.default_rng(0).normal(size=(20, 2)) * 5 + 3
    network = pl.Network([pl.Standardize(), pl.Dense(1)], engine=engine)
    trainer = pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(0.01))
    trainer.fit(x, np.zeros(20), epochs=1)
    np.testing.assert_allclose(network.get("0.mean"), x.mean(axis=0))
    np.testing.assert_allclose(network.get("0.scale"), 1 / x.std(axis=0))
    trainer.fit(x + 100, np.zeros(20), epochs=1)
    np.testing.assert_allclose(network.get("0.mean"), x.mean(axis=0))


def test_rescale_by_hand(engine: str) -> None:
    network = pl.Network([pl.Rescale(1 / 255)], dtype="float64", engine=engine).build(3)
    np.testing.assert_allclose(network.scores(np.array([[0, 51, 255]], dtype=np.uint8)), [[0.0, 0.2, 1.0]])
