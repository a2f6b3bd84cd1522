"""What the battery cannot see: running averages, and scalings against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import preprocessing

import pellucid as pl
from support.samples import classification


def test_running_averages_by_hand(engine: str) -> None:
    """Two full-batch steps with momentum 0.1: the second keeps 0.9 of the first; variances are unbiased."""
    x = np.array([[1.0, 10.0], [3.0, 10.0], [8.0, 40.0]])
    network = pl.Network([pl.BatchNormalization(momentum=0.1), pl.Dense(2)], dtype="float64", engine=engine)
    trainer = pl.Trainer(network, "softmax_cross_entropy", pl.GradientDescent(0.1), batch_size="full")
    trainer.fit(x, [0, 1, 1], epochs=1)
    mean, variance = x.mean(axis=0), x.var(axis=0, ddof=1)
    np.testing.assert_allclose(network.get("0.mean"), 0.1 * mean, rtol=1e-12)
    np.testing.assert_allclose(network.get("0.variance"), 0.9 + 0.1 * variance, rtol=1e-12)
    trainer.fit(x, [0, 1, 1], epochs=1)
    np.testing.assert_allclose(network.get("0.mean"), 0.19 * mean, rtol=1e-12)
    np.testing.assert_allclose(network.get("0.variance"), 0.81 + 0.19 * variance, rtol=1e-12)


def test_a_batch_of_one_row_is_normalized_by_the_running_averages(engine: str) -> None:
    x, y = classification(rows=33)
    network = pl.Network([pl.Dense(5), pl.BatchNormalization(), pl.Tanh(), pl.Dense(3)], engine=engine)
    history = pl.Trainer(network, "softmax_cross_entropy", batch_size=32).fit(x, y, epochs=5)  # 32 rows, then 1
    assert np.isfinite(history["loss"]).all()
    assert np.isfinite(network.parameters).all()


def test_min_max_is_scikit_learns(engine: str) -> None:
    x = np.random.default_rng(0).normal(size=(50, 3)) * [1, 10, 1e4] + [0, 5, -3e4]
    network = pl.Network([pl.MinMax(-1, 1)], dtype="float64", engine=engine).build(3)
    network.fit_statistics(x)
    expected = preprocessing.MinMaxScaler((-1, 1)).fit(x)
    np.testing.assert_allclose(network.scores(x[:9] * 1.5), expected.transform(x[:9] * 1.5), rtol=1e-12, atol=1e-12)


def test_robust_scaling_is_scikit_learns_before_the_clip(engine: str) -> None:
    x = np.random.default_rng(0).standard_t(2, size=(101, 3)) * [1, 10, 1e4] + [0, 5, -3e4]
    expected = preprocessing.RobustScaler().fit_transform(x)
    for layer, clipped in (
        (pl.RobustScale(None), expected),
        (pl.RobustScale(3.0), expected / np.hypot(1, expected / 3)),
    ):
        network = pl.Network([layer], dtype="float64", engine=engine).build(3)
        network.fit_statistics(x)
        np.testing.assert_allclose(network.scores(x), clipped, rtol=1e-10, atol=1e-12)
    assert np.abs(clipped).max() < 3


@pytest.mark.parametrize("layer", [pl.MinMax(), pl.RobustScale(), pl.Standardize()], ids=str)
def test_a_column_that_never_changed_is_zero_for_ever(layer: pl.Layer, engine: str) -> None:
    network = pl.Network([layer], engine=engine).build(2)
    network.fit_statistics(np.array([[0.1, 1.0], [0.1, 2.0], [0.1, 3.0]]))
    assert network.scores([[0.1, 2.0], [5.0, 2.0]])[:, 0].tolist() == [0.0, 0.0]


def test_the_mean_image_is_subtracted(engine: str) -> None:
    x = np.random.default_rng(0).integers(0, 256, size=(20, 9), dtype=np.uint8)
    network = pl.Network([pl.Center()], dtype="float64", engine=engine).build(9)
    network.fit_statistics(x)
    np.testing.assert_allclose(network.scores(x), x - x.mean(axis=0), rtol=0, atol=1e-12)


def test_noise_is_there_in_training_alone_and_has_its_scale() -> None:
    x, y = np.zeros((4000, 2)), np.zeros(4000)
    network = pl.Network([pl.GaussianNoise(0.5)], dtype="float64").build(2)
    assert not network.scores(x).any()
    history = pl.Trainer(network, "squared_error", batch_size="full").fit(x, np.zeros((4000, 2)), epochs=1)
    assert history["loss"][0] == pytest.approx(0.25, rel=0.05)  # ½·2·0.5²
    assert y.any() == network.parameters.any() == np.False_


def test_maxout_of_opposite_pieces_is_the_absolute_value(engine: str) -> None:
    network = pl.Network([pl.Maxout(1, pieces=2)], engine=engine).build(1)
    network.set("0.weight", [[1.0, -1.0]])
    assert network.scores([[-3.0], [0.0], [2.0]]).ravel().tolist() == [3.0, 0.0, 2.0]
