"""Recipes: each switch is the part of the catalogue that it names, and nothing else changes with it."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest

import pellucid as pl
from pellucid.tables.encoder import Layout
from pellucid.tables.recipes import (
    LEAST_EPOCHS,
    RECIPES,
    TRICKS,
    Recipe,
    layers_of,
    network_of,
    optimizer_of,
    rate_factors_of,
    recipe_for,
    steps_of,
    trainer_of,
)

LAYOUT = Layout(numbers=3, flags=2, cardinalities=(12, 40))
PLAIN = Layout(numbers=4, flags=0, cardinalities=())


def kinds_of(layers: list[pl.Layer]) -> list[str]:
    return [type(layer).__name__ for layer in layers]


def test_plain_is_two_layers_of_relu() -> None:
    layers = layers_of(recipe_for("plain", "classes"), PLAIN, 3, steps=10)
    assert kinds_of(layers) == ["Dense", "ReLU", "Dense", "ReLU", "Dense"]
    assert [layer.units for layer in layers if isinstance(layer, pl.Dense)] == [64, 64, 3]


def test_fast_is_realmlp_td_s() -> None:
    layers = layers_of(recipe_for("fast", "classes"), PLAIN, 2, steps=10)
    assert kinds_of(layers) == ["Scale", *["Dense", "SELU"] * 3, "Dense"]
    dense = [layer for layer in layers if isinstance(layer, pl.Dense)]
    assert {layer.parametrization for layer in dense} == {"ntk"}
    assert [str(layer.weight_initializer) for layer in dense] == ["Normal(scale=1.0)"] * 3 + ["Zeros()"]
    assert kinds_of(layers_of(recipe_for("fast", "numbers"), PLAIN, 1, steps=10))[2] == "Mish"


def test_strong_is_realmlp_td() -> None:
    recipe = recipe_for("strong", "classes")
    layers = layers_of(recipe, LAYOUT, 2, steps=1000)
    hidden = ["Dense", "ParametricActivation", "Dropout"]
    assert kinds_of(layers) == ["Embedding", "PeriodicEmbedding", "Scale", *hidden * 3, "Dense"]
    assert layers[0] == pl.Embedding((12, 40), 8)
    assert layers[1] == pl.PeriodicEmbedding(3, 16, 4, 0.1)
    assert layers[5].rate == pl.FlatCosine(0.15, steps=1000)
    assert all(layer.weight_initializer == pl.UnitVariance() for layer in layers if isinstance(layer, pl.Dense))
    assert all(layer.bias_initializer == pl.ThroughData(5) for layer in layers if isinstance(layer, pl.Dense))


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


@pytest.mark.parametrize("trick", TRICKS)
def test_each_trick_changes_its_own_fields_alone(trick: str) -> None:
    base = recipe_for("strong", "numbers")
    changed = base.without(trick)
    assert {f.name for f in fields(Recipe) if getattr(base, f.name) != getattr(changed, f.name)} <= set(TRICKS[trick])


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


def test_large_tables_get_fewer_epochs() -> None:
    recipe = recipe_for("strong", "classes")
    assert recipe.epochs_for(1_000) == 256
    assert recipe.epochs_for(40_000, visits=2_000_000) == 50
    assert recipe.epochs_for(10_000_000) == LEAST_EPOCHS
    assert replace(recipe, epochs=5).epochs_for(10_000_000) == 5


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


def test_wrong_recipes_are_answered() -> None:
    with pytest.raises(ValueError, match=r"recipe 'storng' is unknown. Did you mean 'strong'\?"):
        recipe_for("storng", "classes")
    with pytest.raises(ValueError, match=r"trick 'dropuot' is unknown. Did you mean 'dropout'\?"):
        RECIPES["strong"].without("dropuot")
    with pytest.raises(ValueError, match="dropout must be a number of at least 0 and below 1"):
        Recipe(dropout=1.0)
    with pytest.raises(ValueError, match="activation 'rellu' is unknown"):
        Recipe(activation="rellu")
    with pytest.raises(ValueError, match="hidden must be units of layers"):
        Recipe(hidden=(64, 0))
    assert recipe_for(own := Recipe(hidden=(5,)), "numbers") is own
