"""What a recipe says is what is built: layers, rates of each kind of parameter, schedules over all steps."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

import pellucid as pl
from pellucid.encoding.encoder import Layout
from pellucid.tables.building import layers_of, network_of, optimizer_of, rate_factors_of, steps_of, trainer_of
from pellucid.tables.recipes import RECIPES, recipe_for

LAYOUT = Layout(numbers=3, flags=2, cardinalities=(12, 40))
PLAIN = Layout(numbers=4, flags=0, cardinalities=())


def kinds_of(layers: list[pl.Layer]) -> list[str]:
    return [type(layer).__name__ for layer in layers]


def test_the_rate_follows_four_log_cosine_cycles() -> None:
    optimizer = optimizer_of(recipe_for("strong", "numbers"), steps=1000)
    for step in (0, 1, 63, 200, 467, 999):
        expected = 0.2 * 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * step / 1000)))
        assert optimizer.rate_at(step) == pytest.approx(expected, abs=1e-12)
    assert (optimizer.beta_1, optimizer.beta_2) == (0.9, 0.95)


def test_decay_fades_over_the_second_half() -> None:
    decay = optimizer_of(recipe_for("strong", "classes"), steps=100).weight_decay
    assert [decay(step) for step in (0, 49)] == [0.02, 0.02]
    assert decay(75) == pytest.approx(0.01)
    assert optimizer_of(recipe_for("strong", "classes").without("fading"), 100).weight_decay == 0.02
    assert type(optimizer_of(recipe_for("fast", "classes"), 100)) is pl.Adam


def test_every_kind_of_parameter_has_its_own_rate() -> None:
    recipe = recipe_for("strong", "classes")
    layers = layers_of(recipe, PLAIN, 2, steps=10)
    factors = rate_factors_of(recipe, layers)
    assert factors["0"] == 0.1  # periodic embedding
    assert factors["1"] == 6.0  # front scale
    assert factors["2.bias"] == 0.1
    assert factors["3"] == 0.1  # slopes
    assert "2.weight" not in factors
    assert rate_factors_of(recipe_for("plain", "classes"), layers_of(RECIPES["plain"], PLAIN, 2, 10)) == {}


def test_what_is_switched_off_is_not_there() -> None:
    bare = replace(
        recipe_for("strong", "classes"),
        periodic_embedding=False,
        front_scale=False,
        parametric=False,
        dropout=0.0,
        data_driven_initialization=False,
    )
    assert kinds_of(layers_of(bare, PLAIN, 2, 10)) == [*["Dense", "SELU"] * 3, "Dense"]


def test_a_table_without_numbers_has_no_waves() -> None:
    layers = layers_of(recipe_for("strong", "classes"), Layout(0, 5, ()), 2, steps=10)
    assert kinds_of(layers)[0] == "Scale"


def test_schedules_reach_over_all_steps() -> None:
    recipe = recipe_for("strong", "numbers")
    steps = steps_of(recipe, rows=1000, epochs=10)
    assert steps == 40  # three batches of 256 and one of 232, ten times
    network = network_of(recipe, PLAIN, 1, steps)
    trainer = trainer_of(recipe, network, pl.SquaredError(), rows=1000, epochs=10, scaled=True)
    assert trainer.optimizer.learning_rate.steps == 40
    assert (trainer.batch_size, trainer.standardize_target, trainer.clamp) == (256, True, True)
    assert trainer_of(recipe, network, pl.Poisson(), rows=1000, epochs=10).standardize_target is False


def test_the_best_epoch_is_restored_only_where_there_are_rows_to_find_it_by() -> None:
    recipe = recipe_for("plain", "classes")
    network = network_of(recipe, PLAIN, 2, 10)
    watched = trainer_of(recipe, network, pl.SoftmaxCrossEntropy(), rows=99, epochs=2, watch="validation_accuracy")
    assert [type(callback) for callback in watched.callbacks] == [pl.EarlyStopping]
    assert not trainer_of(recipe, network, pl.SoftmaxCrossEntropy(), rows=99, epochs=2).callbacks
    assert watched.batch_size == 32
