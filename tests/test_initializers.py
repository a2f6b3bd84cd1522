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
OF_BIASES = [pl.DataDependentBias()]  # which have no variance before they have seen data


def test_every_initializer_has_a_sample_and_a_variance() -> None:
    assert {type(sample) for sample in INITIALIZER_SAMPLES} == set(INITIALIZERS.values())
    assert {*VARIANCES, *OF_BIASES} == set(INITIALIZER_SAMPLES)


@pytest.mark.parametrize("initializer", list(VARIANCES), ids=str)
def test_shape_mean_and_variance(initializer: Initializer) -> None:
    numbers = initializer.draw(SHAPE, STREAM)
    variance = VARIANCES[initializer]
    assert numbers.shape == SHAPE
    assert numbers.dtype == np.float64
    mean = 0.3 if initializer == pl.Constant(0.3) else 0.0
    assert abs(numbers.mean() - mean) <= 4 * np.sqrt(variance / numbers.size) + 1e-15
    assert numbers.var() == pytest.approx(variance, rel=0.03, abs=1e-30)


@pytest.mark.parametrize("initializer", [i for i in VARIANCES if VARIANCES[i] > 0], ids=str)
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
    shape = (4,) if initializer in OF_BIASES else (4, 3)
    np.testing.assert_array_equal(initializer.draw(shape, STREAM), initializer.draw(shape, STREAM))
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


def through_data(rows: int, x: object, layers: list[pl.Layer] | None = None, seed: int = 0) -> pl.Network:
    """A network whose training has begun on x: 300 units with such biases, or other layers."""
    network = pl.Network(layers or [pl.Dense(300, bias_initializer=pl.DataDependentBias(rows))], dtype="float64")
    pl.Trainer(network, pl.SquaredError(), seed=seed).initialize(x, np.zeros((len(x), 300)))
    return network


def test_with_one_row_every_unit_is_zero_at_a_row() -> None:
    x = np.random.default_rng(0).normal(size=(40, 7)) + 20
    scores = through_data(1, x).scores(x)  # (40, 300)
    at = np.abs(scores).argmin(axis=0)
    assert np.abs(scores).min(axis=0).max() < 1e-12
    assert stats.chisquare(np.bincount(at, minlength=40)).pvalue > 0.01  # every row as often


def test_the_zero_lies_among_the_data_for_every_unit() -> None:
    """A convex combination: the smallest and the largest output have different signs, wherever the data lie."""
    x = np.random.default_rng(0).normal(size=(40, 7)) + 20
    scores = through_data(5, x).scores(x)
    assert (scores.min(axis=0) < 0).all()
    assert (scores.max(axis=0) > 0).all()
    weight = through_data(5, x).get("0.weight")
    assert not ((x @ weight > 0).any(axis=0) & (x @ weight < 0).any(axis=0)).all()  # as they would be without


def test_the_shares_are_uniform_on_the_simplex() -> None:
    """Of two rows, at 0 and at 1, the share of the second is uniform: −b is that share where both are drawn."""
    x = np.repeat([[0.0], [1.0]], 500, axis=0)
    layers = [pl.Dense(300, weight_initializer=pl.Constant(1.0), bias_initializer=pl.DataDependentBias(2))]
    shares = np.concatenate([-through_data(2, x, layers, seed).get("0.bias") for seed in range(8)])
    assert abs((shares == 0).mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / shares.size)  # both rows at 0
    inner = shares[(shares > 1e-12) & (shares < 1 - 1e-12)]
    assert stats.kstest(inner, "uniform").pvalue > 0.01


def test_more_rows_come_closer_to_the_mean() -> None:
    """The variance of a mean with shares from the simplex of k rows is 2/(k + 1) of that of a row."""
    x = np.random.default_rng(3).normal(size=(900, 1))
    for rows in (1, 5, 20):
        layers = [pl.Dense(300, weight_initializer=pl.Constant(1.0), bias_initializer=pl.DataDependentBias(rows))]
        biases = np.concatenate([through_data(rows, x, layers, seed).get("0.bias") for seed in range(8)])
        assert biases.var() == pytest.approx(2 / (rows + 1) * x.var(), rel=0.1)
        assert abs(biases.mean() + x.mean()) < 4 * biases.std() / np.sqrt(biases.size)


def test_weights_come_first_then_biases_then_the_next_layer() -> None:
    """What a layer behind sees is what training begins with; so is it in float32, and behind a scaling."""
    x = np.random.default_rng(0).normal(size=(500, 7)) * [1, 2, 3, 4, 5, 6, 100] + 50
    layer = {"weight_initializer": "unit_variance", "bias_initializer": pl.DataDependentBias(1)}
    for dtype in ("float64", "float32"):
        network = pl.Network(
            [pl.Dense(20, **layer), pl.ReLU(), pl.Dense(15, **layer), pl.Dense(15, **layer)], dtype=dtype
        )
        pl.Trainer(network, pl.SquaredError()).initialize(x, np.zeros((500, 15)))
        first = x @ network.get("0.weight") + network.get("0.bias")
        second = np.maximum(first, 0) @ network.get("2.weight") + network.get("2.bias")
        for values in (first, second, network.scores(x)):
            np.testing.assert_allclose(values.std(axis=0), 1.0, rtol=1e-4)
            assert np.abs(values).min(axis=0).max() < 1e-3


def test_a_layer_with_a_factor_of_its_own_comes_to_the_same() -> None:
    """Weights are of the size 1 there, and outputs too."""
    x = np.random.default_rng(0).normal(size=(500, 100)) + 3
    layer = pl.Dense(40, "unit_variance", pl.DataDependentBias(1), parametrization="ntk")
    network = pl.Network([layer, pl.Tanh(), layer], dtype="float64")
    pl.Trainer(network, pl.SquaredError()).initialize(x, np.zeros((500, 40)))
    hidden = x @ network.get("0.weight") / 10 + network.get("0.bias")
    for values in (hidden, network.scores(x)):
        np.testing.assert_allclose(values.std(axis=0), 1.0, rtol=1e-12)
        assert np.abs(values).min(axis=0).max() < 1e-12
    assert np.abs(network.get("0.weight")).std() == pytest.approx(np.sqrt(1 - 2 / np.pi), rel=0.1)


def test_no_unit_of_a_maxout_is_missed() -> None:
    x = np.random.default_rng(0).normal(size=(500, 7)) + 5
    network = pl.Network([pl.Maxout(4, pieces=3, weight_initializer="unit_variance")], dtype="float64")
    pl.Trainer(network, pl.SquaredError()).initialize(x, np.zeros((500, 4)))
    np.testing.assert_allclose((x @ network.get("0.weight")).std(axis=0), 1.0, rtol=1e-12)


def test_of_many_rows_random_ones_are_looked_at() -> None:
    """Sorted data: the first thousand rows are all the same, and would leave a deviation of 0."""
    x = np.repeat([0.0, 1.0], 5000)[:, None]
    trainer = pl.Trainer(pl.Network([pl.Dense(9, "unit_variance")], dtype="float64"), pl.SquaredError())
    trainer.initialize(x, np.zeros((10_000, 9)))
    np.testing.assert_allclose(trainer.network.scores(x).std(axis=0), 1.0, rtol=0.01)


def test_what_is_for_biases_is_refused_for_weights() -> None:
    with pytest.raises(
        ValueError, match=r"DataDependentBias is for biases, and not for a parameter of the shape \(3, 2\)"
    ):
        pl.Network([pl.Dense(2, pl.DataDependentBias())]).build(3)
    with pytest.raises(ValueError, match="rows must be a whole number of at least 1"):
        pl.DataDependentBias(rows=0)
    trainer = pl.Trainer(pl.Network([pl.Dense(2, bias_initializer="unit_variance")]), pl.SquaredError())
    with pytest.raises(ValueError, match=r"UnitVariance is for weights, and not for a parameter of the shape \(2,\)"):
        trainer.initialize(np.eye(3), np.zeros((3, 2)))
