"""The strong recipe for tables comes to the weights that PyTorch's restatement of the paper comes to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from parity import recipe as parity
from parity.recipe import RECIPES, Recipe

RECORDED = json.loads(Path(parity.__file__).with_name("recorded.json").read_text(encoding="utf-8"))["recipes"]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_weights_after_ten_steps(recipe: Recipe, engine: str) -> None:
    trainer = parity.trainer(recipe, engine)
    trainer.fit(parity.X, recipe.y, epochs=parity.STEPS * parity.BATCH // parity.ROWS)
    assert (trainer.step, trainer.history.engine) == (parity.STEPS, engine)
    expected = np.array(RECORDED[recipe.name]["parameters"])
    np.testing.assert_allclose(trainer.network.parameters, expected, rtol=1e-9, atol=1e-9)
    moved = np.abs(expected - recipe.parameters)
    assert (moved > 1e-5).mean() > 0.95  # a comparison of what stood still would say nothing


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_what_the_network_then_says(recipe: Recipe, engine: str) -> None:
    trainer = parity.trainer(recipe, engine)
    trainer.fit(parity.X, recipe.y, epochs=parity.STEPS * parity.BATCH // parity.ROWS)
    network = trainer.network
    answers = network.predict(parity.X) if recipe.outputs == 1 else network.scores(parity.X)
    np.testing.assert_allclose(np.ravel(answers), RECORDED[recipe.name]["answers"], rtol=1e-9, atol=1e-8)


def test_the_cases_are_of_the_whole_recipe() -> None:
    """Every trick that the comparison can hold is in it, in both forms."""
    for recipe in RECIPES:
        trainer = parity.trainer(recipe)
        said = f"{trainer.network.layers} {trainer.optimizer} {trainer.loss}"
        for part in ("PeriodicEmbedding", "Scale", "ntk", "ParametricActivation", "LogCosine", "FlatCosine", "0.95"):
            assert part in said
