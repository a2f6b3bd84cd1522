"""Recipes: each switch is the part of the catalogue that it names, and nothing else changes with it."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

import pellucid as pl
from pellucid.encoding.encoder import Layout
from pellucid.tables.building import layers_of
from pellucid.tables.recipes import LEAST_EPOCHS, RECIPES, TRICKS, Recipe, recipe_for

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
    assert kinds_of(layers) == ["CategoryEmbedding", "PeriodicEmbedding", "Scale", *hidden * 3, "Dense"]
    assert layers[0] == pl.CategoryEmbedding((12, 40), 8)
    assert layers[1] == pl.PeriodicEmbedding(3, 16, 4, 0.1)
    assert layers[5].rate == pl.FlatCosine(0.15, steps=1000)
    assert all(layer.weight_initializer == pl.UnitVariance() for layer in layers if isinstance(layer, pl.Dense))
    assert all(layer.bias_initializer == pl.DataDependentBias(5) for layer in layers if isinstance(layer, pl.Dense))


@pytest.mark.parametrize("trick", TRICKS)
def test_each_trick_changes_its_own_fields_alone(trick: str) -> None:
    base = recipe_for("strong", "numbers")
    changed = base.without(trick)
    assert {f.name for f in fields(Recipe) if getattr(base, f.name) != getattr(changed, f.name)} <= set(TRICKS[trick])


def test_large_tables_get_fewer_epochs() -> None:
    recipe = recipe_for("strong", "classes")
    assert recipe.epochs_for(1_000) == 256
    assert recipe.epochs_for(40_000, visits=2_000_000) == 50
    assert recipe.epochs_for(10_000_000) == LEAST_EPOCHS
    assert replace(recipe, epochs=5).epochs_for(10_000_000) == 5


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
