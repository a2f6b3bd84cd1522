"""Initializers: moments, distributions, and names."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import pellucid as pl
from pellucid.configuration import to_configuration
from pellucid.initializers import INITIALIZERS, Initializer, find_initializer
from pellucid.streams import Purpose, Stream
from support.samples import INITIALIZER_SAMPLES

STREAM = Stream(0, Purpose.INITIALIZE)
SHAPE = (300, 200)  # n_in, n_out
VARIANCES = {  # from the papers, as functions of n_in = 300 and n_out = 200
    pl.Zeros(): 0.0,
    pl.Normal(0.7): 0.49,
    pl.HeNormal(): 2 / 300,
    pl.HeUniform(): 2 / 300,
    pl.GlorotNormal(): 2 / 500,
    pl.GlorotUniform(): 2 / 500,
    pl.LeCunNormal(): 1 / 300,
    pl.LeCunUniform(): 1 / 300,
    pl.Constant(0.3): 0.0,
    pl.Uniform(0.4): 0.4**2 / 3,
    pl.Orthogonal(1.4): 1.4**2 / 300,  # columns of length 1.4
    pl.UnitVariance(): 1 / 300,
}


def test_every_initializer_has_a_sample_and_a_variance() -> None:
    assert {type(sample) for sample in INITIALIZER_SAMPLES} == set(INITIALIZERS.values())
    assert set(VARIANCES) == set(INITIALIZER_SAMPLES)


@pytest.mark.parametrize("initializer", INITIALIZER_SAMPLES, ids=str)
def test_shape_mean_and_variance(initializer: Initializer) -> None:
    numbers = initializer.draw(SHAPE, STREAM)
    variance = VARIANCES[initializer]
    assert numbers.shape == SHAPE
    assert numbers.dtype == np.float64
    mean = 0.3 if initializer == pl.Constant(0.3) else 0.0
    assert abs(numbers.mean() - mean) <= 4 * np.sqrt(variance / numbers.size)
    assert numbers.var() == pytest.approx(variance, rel=0.03, abs=1e-30)


@pytest.mark.parametrize("initializer", [i for i in INITIALIZER_SAMPLES if VARIANCES[i] > 0], ids=str)
def test_distribution(initializer: Initializer) -> None:
    numbers = initializer.draw(SHAPE, STREAM).ravel()
    scale = np.sqrt(VARIANCES[initializer])
    if "Uniform" in type(initializer).__name__:
        limit = np.sqrt(3) * scale
        assert np.abs(numbers).max() < limit
        expected = stats.uniform(-limit, 2 * limit)
    else:
        expected = stats.norm(0, scale)
    assert stats.kstest(numbers, expected.cdf).pvalue > 0.01


@pytest.mark.parametrize("initializer", INITIALIZER_SAMPLES, ids=str)
def test_a_pure_function_of_the_stream(initializer: Initializer) -> None:
    np.testing.assert_array_equal(initializer.draw((4, 3), STREAM), initializer.draw((4, 3), STREAM))
    assert initializer.draw((4,), STREAM).shape == (4,)  # a bias


def test_by_name_object_or_table() -> None:
    assert find_initializer("he_normal", "weight_initializer") == pl.HeNormal()
    assert find_initializer(pl.Normal(0.1), "weight_initializer") == pl.Normal(0.1)
    assert find_initializer(to_configuration(pl.Normal(0.1)), "weight_initializer") == pl.Normal(0.1)
    assert pl.normal(0.1) == pl.Normal(0.1)
    for name, cls in INITIALIZERS.items():
        assert find_initializer(name, "weight_initializer") == cls()


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5)])
def test_orthogonal_matrices_keep_lengths(shape: tuple[int, int]) -> None:
    weight = pl.Orthogonal(1.5).draw(shape, STREAM)
    short = weight.T @ weight if shape[0] >= shape[1] else weight @ weight.T
    np.testing.assert_allclose(short, 1.5**2 * np.eye(min(shape)), atol=1e-12)


def test_unit_variance_is_reached_in_every_layer_when_training_begins() -> None:
    x = np.random.default_rng(0).normal(size=(500, 7)) * [1, 2, 3, 4, 5, 6, 100]
    layers = [pl.Dense(20, "unit_variance"), pl.ReLU(), pl.Dense(15, pl.UnitVariance(0.5)), pl.Tanh(), pl.Dense(1)]
    trainer = pl.Trainer(pl.Network(layers, dtype="float64"), pl.SquaredError(), batch_size="full")
    trainer.initialize(x, np.zeros(500))
    w1, _, w2 = list(trainer.network.named_parameters().values())[:3]
    np.testing.assert_allclose((x @ w1).std(axis=0), 1.0, rtol=1e-12)
    np.testing.assert_allclose((np.maximum(x @ w1, 0) @ w2).std(axis=0), 0.5, rtol=1e-12)
