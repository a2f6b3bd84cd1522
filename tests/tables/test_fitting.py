"""Validation rows are set aside so that every class can still be learnt; networks form an ensemble."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, mean_poisson_deviance

import pellucid as pl
from pellucid.encoding.encoder import TableEncoder
from pellucid.ensemble import Ensemble
from pellucid.formats.ensemble_file import load_ensemble, save_ensemble
from pellucid.tables.fitting import Settings, TableModel, divide, plan
from pellucid.tables.recipes import recipe_for
from pellucid.tables.running import run_all
from pellucid.tables.table import Table
from pellucid.tables.targets import find_target

RNG = np.random.default_rng(0)


def test_rows_are_divided_without_loss_and_with_equal_proportions() -> None:
    y = np.arange(100) % 4
    training, holding = divide(y, find_target(y, asked="classes"), 0.2, seed=3)
    assert sorted([*training, *holding]) == list(range(100))
    assert np.bincount(y[holding]).tolist() == [5, 5, 5, 5]


@pytest.mark.parametrize("seed", range(10))
def test_a_class_of_one_row_is_always_trained_on(seed: int) -> None:
    y = np.r_[np.arange(40) % 2, 2]
    training, holding = divide(y, find_target(y, asked="classes"), 0.2, seed)
    assert 2 in y[training]
    assert len(training) + len(holding) == 41


def test_few_rows_are_all_trained_on() -> None:
    training, holding = divide(np.arange(9.0), find_target(np.arange(9.0) + 0.5), 0.2, seed=0)
    assert (len(training), len(holding)) == (9, 0)


def test_the_best_epoch_has_the_lowest_weighted_share_of_wrong_rows() -> None:
    x, y = RNG.normal(size=(60, 2)), np.arange(60) % 2
    table = Table.of({"a": x[:, 0], "b": x[:, 1]})
    encoder, target = TableEncoder.fit(table), find_target(y, asked="classes")
    weight = RNG.uniform(0.5, 2.0, 60)
    settings = Settings(recipe_for("plain", "classes"), epochs=4)
    (job,) = plan(encoder.transform(table), y, encoder.layout, target, settings, weight=weight)
    run_all([job])
    assert job.held_out is not None
    assert job.trainer is not None
    accuracies = job.trainer.history["validation_accuracy"]
    last = max(epoch for epoch, accuracy in enumerate(accuracies, 1) if accuracy == max(accuracies))
    assert job.trainer.history.best_epoch == last
    expected = accuracy_score(job.held_out.y, job.network.predict(job.held_out.x), sample_weight=job.held_out.weight)
    assert max(accuracies) == pytest.approx(expected)


def test_counts_are_learnt_in_units_of_their_mean_and_predicted_in_their_own() -> None:
    y = RNG.poisson(50.0, 80).astype(float)
    table = Table.of({"x": RNG.normal(size=80)})
    encoder, target = TableEncoder.fit(table), find_target(y, asked="counts")
    settings = Settings(recipe_for("plain", "counts"), epochs=1)
    jobs = plan(encoder.transform(table), y, encoder.layout, target, settings)
    run_all(jobs)
    network = jobs[0].network
    assert network.target == pl.TargetScaling(scale=jobs[0].rows.y.mean())
    assert network.predict(encoder.transform(table)).mean() == pytest.approx(50.0, rel=0.5)  # from exp 0 = 1 mean


def test_counts_are_learnt_by_the_strong_recipe() -> None:
    """At the rate of numbers, 0.2, scores overshoot, and the deviance is far above that of a constant."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(700, 4))
    y = rng.poisson(np.exp(0.2 + 0.6 * x[:, 0] * x[:, 1])).astype(float)
    parts = [Table.of({f"c{i}": x[rows, i] for i in range(4)}) for rows in (slice(0, 400), slice(400, 700))]
    encoder, target = TableEncoder.fit(parts[0]), find_target(y, asked="counts")
    settings = Settings(recipe_for("strong", "counts"), epochs=40)
    jobs = plan(encoder.transform(parts[0]), y[:400], encoder.layout, target, settings)
    run_all(jobs)
    predicted = jobs[0].network.predict(encoder.transform(parts[1]))
    constant = mean_poisson_deviance(y[400:], np.full(300, y[:400].mean()))
    assert mean_poisson_deviance(y[400:], predicted) < 0.9 * constant


def test_an_ensemble_survives_its_files(tmp_path) -> None:
    networks = [pl.Network([pl.Dense(3)]).build(2, seed=seed) for seed in range(3)]
    for network in networks:
        network.loss, network.link = pl.SoftmaxCrossEntropy(), "softmax"
    names = save_ensemble(networks, tmp_path)
    assert names == ["model.pellucid", "model-2.pellucid", "model-3.pellucid"]
    x = RNG.normal(size=(5, 2))
    expected = np.mean([network.predict_proba(x) for network in networks], axis=0)
    assert np.allclose(load_ensemble(tmp_path).predict_proba(x), expected)
    assert np.array_equal(load_ensemble(tmp_path).predict(x), expected.argmax(axis=1))
    save_ensemble(networks[:1], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model.pellucid"]
    assert len(load_ensemble(tmp_path / "model.pellucid").networks) == 1


def test_quantiles_are_put_in_order() -> None:
    network = pl.Network([pl.Dense(2, bias=False)]).build(1)
    network.set("0.weight", [[1.0, -1.0]])  # they cross at 0
    network.loss, network.link = pl.Quantile((0.1, 0.9)), "identity"
    assert Ensemble([network]).predict(np.array([[2.0], [-2.0]])).tolist() == [[-2.0, 2.0], [-2.0, 2.0]]


def test_a_run_that_explodes_is_told() -> None:
    table = Table.of({"x": RNG.normal(size=50)})
    y = RNG.normal(size=50) * 1e30
    encoder, target = TableEncoder.fit(table), find_target(y)
    recipe = replace(recipe_for("plain", "numbers"), standardize_target=False, learning_rate=1e30)
    jobs = plan(encoder.transform(table), y, encoder.layout, target, Settings(recipe, epochs=2))
    run_all(jobs)
    with pytest.raises(pl.DivergenceError):
        TableModel.of(jobs, encoder)
