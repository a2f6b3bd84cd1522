"""The temperature against SciPy's minimum, and what it does to a network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

import pellucid as pl
from pellucid.encoding.encoder import Layout
from pellucid.tables.fitting import Settings, plan
from pellucid.tables.recipes import recipe_for
from pellucid.tables.running import run_all
from pellucid.tables.targets import find_target
from pellucid.tables.temperature import LEAST, MOST, calibrate_temperature, factor_of


def log_loss(factor, scores, y, weight):
    """The mean log loss by SciPy, with the part 1/(n + 2) of each target spread over all classes."""
    rows, classes = scores.shape
    part = 1 / (rows + 2)
    targets = np.eye(classes)[y] * (1 - part) + part / classes
    return np.average(-(targets * log_softmax(factor * scores, axis=1)).sum(axis=1), weights=weight)


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("size", [0.3, 1.0, 8.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_factor_is_where_scipy_finds_the_least_log_loss(classes, size, weighted):
    random = np.random.default_rng(classes)
    scores = size * random.normal(size=(300, classes))
    y = (scores / size + random.gumbel(size=scores.shape)).argmax(axis=1)  # by softmax(scores/size)
    weight = random.uniform(0.1, 3.0, 300) if weighted else None
    found = minimize_scalar(
        lambda log: log_loss(np.exp(log), scores, y, weight),
        bounds=np.log([LEAST, MOST]),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert factor_of(scores, y, weight) == pytest.approx(np.exp(found.x), rel=1e-5)
    assert factor_of(scores, y, weight) == pytest.approx(1 / size, rel=0.3)


def test_a_few_rows_that_are_all_right_do_not_make_certain():
    scores = np.array([[3.0, 0.0], [0.0, 3.0]] * 5)
    y = np.array([0, 1] * 5)
    certainty = 1 / (1 + np.exp(-3.0 * factor_of(scores, y)))
    assert certainty == pytest.approx(1 - 1 / 12 / 2, rel=1e-6)  # 1 − 1/(n + 2)/K


def test_scores_that_say_nothing_or_the_contrary_keep_the_least_factor():
    y = np.array([0, 1] * 20)
    assert factor_of(np.stack([y, 1 - y], axis=1) * 5.0, y) == pytest.approx(LEAST)


def test_the_last_layer_takes_the_factor_and_classes_stay():
    random = np.random.default_rng(0)
    network = pl.Network([pl.Dense(8), pl.Tanh(), pl.Dense(3, parametrization="ntk")]).build(4, seed=1)
    x, y = random.normal(size=(200, 4)), random.integers(3, size=200)
    before = network.scores(x)
    factor = calibrate_temperature(network, x, y)
    assert factor == factor_of(before, y)
    np.testing.assert_allclose(network.scores(x), factor * before, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(network.scores(x).argmax(axis=1), before.argmax(axis=1))


def test_smoothed_labels_no_longer_make_probabilities_too_cautious():
    random = np.random.default_rng(3)
    x = random.normal(size=(900, 3)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] ** 2 + 0.3 * random.normal(size=900) > 1).astype(np.int64)
    target = find_target(y, "y", asked="classes")
    recipe = replace(recipe_for("fast", "classes"), hidden=(32,), epochs=40, batch_size=32)
    losses = {}
    for name, used in {"with": recipe, "without": recipe.without("temperature")}.items():
        jobs = plan(x[:600], y[:600], Layout(3, 0, ()), target, Settings(used))
        run_all(jobs)
        answers = jobs[0].network.predict_proba(x[600:])
        losses[name] = -np.log(answers[np.arange(300), y[600:]]).mean(), answers.argmax(axis=1)
    assert losses["with"][0] < 0.9 * losses["without"][0]
    np.testing.assert_array_equal(losses["with"][1], losses["without"][1])
