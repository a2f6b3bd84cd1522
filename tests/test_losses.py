"""Losses: against scipy and scikit-learn, by differences, and at the extremes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special
from sklearn import metrics as sklearn_metrics

import pellucid as pl
from pellucid.configuration import from_configuration, to_configuration
from pellucid.engines.reference import mean_loss
from pellucid.kernel import Kernel
from pellucid.losses import LINKS, LOSSES, find_loss, metrics, predictions, probabilities
from pellucid.typing import Floats
from support.numerics import assert_gradient
from support.samples import LOSS_SAMPLES, LossSample, random_numbers

every_loss = pytest.mark.parametrize("sample", LOSS_SAMPLES, ids=str)


def scores(sample: LossSample, scale: float = 2.0) -> Floats:
    return random_numbers((len(sample.y), sample.outputs), seed=4, scale=scale)


def test_every_loss_has_a_sample() -> None:
    assert {type(sample.loss) for sample in LOSS_SAMPLES} == set(LOSSES.values())


# -- the battery -------------------------------------------------------------------------------------------------


@every_loss
def test_gradient_by_central_differences(sample: LossSample) -> None:
    targets = sample.loss.encode(sample.y, sample.outputs)
    z = scores(sample)
    weight = random_numbers(len(z), seed=5)  # each example's own loss: a projection tells them apart

    def projected(at: Floats) -> float:
        return float((sample.loss.values(at, targets) * weight).sum())

    assert_gradient(sample.loss.gradient(z, targets) * weight[:, None], projected, z, name=str(sample))


@every_loss
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shapes_and_dtypes(sample: LossSample, dtype: str) -> None:
    targets = sample.loss.encode(sample.y, sample.outputs)
    z = scores(sample).astype(dtype)
    assert sample.loss.values(z, targets).shape == (len(z),)
    assert sample.loss.gradient(z, targets).shape == z.shape
    assert sample.loss.gradient(z, targets).dtype == dtype
    values, gradient = sample.loss.values_and_gradient(z, targets)
    np.testing.assert_array_equal(values, sample.loss.values(z, targets))
    np.testing.assert_array_equal(gradient, sample.loss.gradient(z, targets))


@every_loss
def test_nothing_given_is_changed(sample: LossSample) -> None:
    y = sample.y.copy()
    y.flags.writeable = False
    targets = sample.loss.encode(y, sample.outputs)
    targets.flags.writeable = False
    z = scores(sample)
    z.flags.writeable = False
    sample.loss.values(z, targets)
    sample.loss.gradient(z, targets)
    sample.loss.values_and_gradient(z, targets)
    np.testing.assert_array_equal(y, sample.y)


@every_loss
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_scores_give_finite_losses(sample: LossSample, dtype: str) -> None:
    if isinstance(sample.loss, pl.Poisson):
        pytest.skip("exp(10,000) is infinite, and so is the loss")
    targets = sample.loss.encode(sample.y, sample.outputs)
    for extreme in (-1e4, 0.0, 1e4):
        z = np.full((len(sample.y), sample.outputs), extreme, dtype=dtype)
        z[:, -1] *= -1
        assert np.isfinite(sample.loss.values(z, targets)).all()
        assert np.isfinite(sample.loss.gradient(z, targets)).all()


@every_loss
def test_the_lowest_loss_is_where_the_gradient_is_zero(sample: LossSample) -> None:
    """Descent on one example at a time never goes up, and no loss is below 0."""
    targets = sample.loss.encode(sample.y, sample.outputs)
    z = scores(sample)
    before = sample.loss.values(z, targets)
    after = sample.loss.values(z - 0.01 * sample.loss.gradient(z, targets), targets)
    assert (after <= before).all()
    assert (before >= 0).all()


@every_loss
def test_configuration_link_and_kernel(sample: LossSample) -> None:
    classes = {cls.__name__: cls for cls in LOSSES.values()}
    assert from_configuration(to_configuration(sample.loss), classes, "loss") == sample.loss
    assert sample.loss.link(sample.loss.encode(sample.y, sample.outputs)) in LINKS
    assert sample.loss.kernel() is None or isinstance(sample.loss.kernel(), Kernel)


def test_names() -> None:
    for name, cls in LOSSES.items():
        assert find_loss(name) == cls()
    assert find_loss(pl.SquaredError()) == pl.SquaredError()


# -- each by itself ----------------------------------------------------------------------------------------------


def test_squared_error_by_hand() -> None:
    loss = pl.SquaredError()
    z, y = np.array([[1.0, 0.0], [3.0, 1.0]]), np.array([[0.0, 2.0], [3.0, 1.0]])
    assert loss.values(z, y).tolist() == [2.5, 0.0]  # ½ (1² + 2²)
    assert loss.gradient(z, y).tolist() == [[1.0, -2.0], [0.0, 0.0]]


def test_softmax_cross_entropy_against_scipy() -> None:
    loss, z = pl.SoftmaxCrossEntropy(), random_numbers((20, 5), scale=10.0)
    y = np.arange(20) % 5
    expected = -special.log_softmax(z, axis=1)
    np.testing.assert_allclose(loss.values(z, y), expected[np.arange(20), y], rtol=1e-12, atol=1e-14)
    share = special.softmax(random_numbers((20, 5), seed=1), axis=1)
    np.testing.assert_allclose(loss.values(z, share), (expected * share).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(loss.gradient(z, share), special.softmax(z, axis=1) - share, rtol=1e-11, atol=1e-14)


def test_sigmoid_cross_entropy_against_scipy() -> None:
    loss, z = pl.SigmoidCrossEntropy(), random_numbers((20, 3), scale=10.0)
    y = (random_numbers((20, 3), seed=1) > 0).astype(float)
    expected = -(y * special.log_expit(z) + (1 - y) * special.log_expit(-z)).sum(axis=1)
    np.testing.assert_allclose(loss.values(z, y), expected, rtol=1e-12)
    np.testing.assert_allclose(loss.gradient(z, y), special.expit(z) - y, rtol=1e-11, atol=1e-15)


def test_cross_entropies_are_scikit_learns_log_loss() -> None:
    z, y = random_numbers((30, 4), scale=2.0), np.arange(30) % 4
    assert mean_loss(pl.SoftmaxCrossEntropy(), z, y, None) == pytest.approx(
        sklearn_metrics.log_loss(y, special.softmax(z, axis=1)), rel=1e-12
    )
    weight = np.linspace(0.0, 3.0, 30)
    assert mean_loss(pl.SoftmaxCrossEntropy(), z, y, weight) == pytest.approx(
        sklearn_metrics.log_loss(y, special.softmax(z, axis=1), sample_weight=weight), rel=1e-12
    )
    yes = (y > 1).astype(float)
    assert mean_loss(pl.SigmoidCrossEntropy(), z[:, :1], yes[:, None], None) == pytest.approx(
        sklearn_metrics.log_loss(yes, special.expit(z[:, 0])), rel=1e-12
    )


def test_classes_are_rows_with_a_single_one() -> None:
    z, y = random_numbers((6, 3)), np.array([0, 1, 2, 2, 1, 0])
    for loss in (pl.SquaredError(), pl.SoftmaxCrossEntropy()):
        classes, rows = loss.encode(y, 3), loss.encode(np.eye(3)[y], 3)
        np.testing.assert_allclose(loss.values(z, classes), loss.values(z, rows), rtol=1e-13)
        np.testing.assert_allclose(loss.gradient(z, classes), loss.gradient(z, rows), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("y", [[0, 2, 1], [0.0, 2.0, 1.0], [[0], [2], [1]], np.array([0, 2, 1], dtype=np.uint8)])
def test_forms_of_classes(y: object) -> None:
    targets = pl.SoftmaxCrossEntropy().encode(y, 3)
    assert targets.dtype == np.int64
    assert targets.tolist() == [0, 2, 1]


@pytest.mark.parametrize("y", [[1, 0], [[1], [0]], [True, False], [1.0, 0.0]])
def test_forms_of_a_single_yes_or_no(y: object) -> None:
    targets = pl.SigmoidCrossEntropy().encode(y, 1)
    assert targets.shape == (2, 1)
    np.testing.assert_allclose(
        pl.SigmoidCrossEntropy().values(np.array([[3.0], [3.0]]), targets), [0.04858735, 3.04858735]
    )


def test_a_column_of_numbers_is_not_spread_over_the_rows() -> None:
    """(n,) minus (n, 1) would be (n, n): the trap of every book's own network."""
    targets = pl.SquaredError().encode(np.arange(4.0), 1)
    assert targets.shape == (4, 1)
    assert pl.SquaredError().values(np.zeros((4, 1)), targets).tolist() == [0.0, 0.5, 2.0, 4.5]


# -- from scores to predictions ----------------------------------------------------------------------------------


def test_predictions_and_ties() -> None:
    z = np.array([[1.0, 3.0, 3.0], [0.0, 0.0, 0.0], [-1.0, -2.0, -0.5]])
    assert predictions(z, "softmax").tolist() == [1, 0, 2]  # ties: the lowest
    assert predictions(z, "argmax").tolist() == [1, 0, 2]
    assert predictions(z, "sigmoid").tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 0]]
    assert predictions(z[:, :1], "sigmoid").tolist() == [1, 0, 0]
    assert predictions(z, "identity") is z
    assert predictions(z[:, :1], "identity").tolist() == [1.0, 0.0, -1.0]


def test_probabilities() -> None:
    z = np.array([[0.0, np.log(3.0)], [0.0, 0.0]])
    np.testing.assert_allclose(probabilities(z, "softmax"), [[0.25, 0.75], [0.5, 0.5]])
    np.testing.assert_allclose(probabilities(z, "sigmoid"), [[0.5, 0.75], [0.5, 0.5]])
    np.testing.assert_allclose(probabilities(z[:1, 1:], "sigmoid"), [[0.25, 0.75]])  # no and yes
    for link in ("identity", "argmax"):
        with pytest.raises(ValueError, match="This network has no probabilities"):
            probabilities(z, link)


@pytest.mark.parametrize("weight", [None, np.linspace(0, 2, 30)], ids=["plain", "weighted"])
def test_metrics_against_scikit_learn(weight: Floats | None) -> None:
    z, y = random_numbers((30, 3)), np.arange(30) % 3
    assert metrics(z, y, "softmax", weight) == {
        "accuracy": pytest.approx(sklearn_metrics.accuracy_score(y, z.argmax(axis=1), sample_weight=weight))
    }
    assert metrics(z, np.eye(3)[y], "softmax", weight) == metrics(z, y, "softmax", weight)
    many = (random_numbers((30, 3), seed=1) > 0).astype(float)
    assert metrics(z, many, "sigmoid", weight) == {
        "accuracy": pytest.approx(sklearn_metrics.accuracy_score(many > 0, z > 0, sample_weight=weight))
    }
    numbers = random_numbers((30, 3), seed=2)
    assert metrics(z, numbers, "identity", weight) == {
        "r2": pytest.approx(sklearn_metrics.r2_score(numbers, z, sample_weight=weight))
    }


def test_r2_of_a_constant_target() -> None:
    y = np.ones((4, 1))
    assert metrics(y, y, "identity") == {"r2": 1.0}
    assert metrics(y + 1, y, "identity") == {"r2": 0.0}
