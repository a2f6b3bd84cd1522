"""A search never ends with less than what stood: the recipe as it was is a candidate like any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("optuna")

from pellucid.tables import tuning
from pellucid.tables.fitting import Settings, TableModel
from pellucid.tables.recipes import Recipe, recipe_for
from pellucid.tables.report.scores import AS_IT_WAS
from pellucid.tables.table import Table
from pellucid.tables.targets import find_target
from pellucid.tables.tuning import Search, Tried


def search_of(path: Path, recipe: Recipe, *, rare: bool = False, numbers: bool = False) -> Search:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    values: Any = x[:, 0] + 0.3 * rng.normal(size=300) if numbers else np.where(x[:, 0] > 1.6 * rare, "yes", "no")
    target, table = find_target(values, "y"), Table.of({"a": x[:, 0], "b": x[:, 1]})
    return Search(table, target.encode(values), target, Settings(recipe, epochs=4), path / "study.journal")


def values_of(search: Search, monkeypatch: pytest.MonkeyPatch, on_held: list[float], on_test: list[float]) -> None:
    """Let each trial have the measure that is next, on the rows to choose by and on those to test; none is given up."""
    from optuna.pruners import NopPruner

    monkeypatch.setattr(search.study, "pruner", NopPruner())
    left = {id(search.held_out): list(on_held), id(search.test): list(on_test)}
    monkeypatch.setattr(search, "_measured", lambda model, rows: left[id(rows)].pop(0))


def run(search: Search, trials: int) -> tuple[list[Tried], list[tuple[TableModel, Recipe]]]:
    told: list[Tried] = []
    kept: list[tuple[TableModel, Recipe]] = []
    search.run(trials=trials, on_progress=told.append, kept=lambda model, recipe: kept.append((model, recipe)))
    return told, kept


def test_what_is_worse_on_the_test_rows_than_the_recipe_as_it_was_is_not_kept(tmp_path, monkeypatch) -> None:
    search = search_of(tmp_path, recipe_for("strong", "classes"))
    values_of(search, monkeypatch, [0.50, 0.40, 0.60, 0.45, 0.44], [0.30, 0.31, 0.10, 0.29, 0.32])
    told, kept = run(search, 5)
    assert [tried.best for tried in told] == [True, False, False, True, False]
    assert told[0].recipe == search.settings.recipe
    assert told[1].state == told[4].state == "not kept: worse on the test rows than the recipe as it was"
    assert told[2].state == told[3].state == "done"
    assert [recipe for _, recipe in kept] == [told[0].recipe, told[3].recipe]
    assert search.best_value == 0.45
    again = search_of(tmp_path, recipe_for("strong", "classes"))
    assert again.goes_on
    assert (again.best_value, again.base_tested) == (0.45, 0.30)
    values_of(again, monkeypatch, [0.46, 0.43, 0.42], [0.20, 0.31, 0.28])
    assert [tried.best for tried in run(again, 3)[0]] == [False, False, True]


def test_more_is_better_where_the_measure_says_so(tmp_path, monkeypatch) -> None:
    search = search_of(tmp_path, recipe_for("strong", "classes"), rare=True)
    assert search.measure.name == "auc"
    values_of(search, monkeypatch, [0.70, 0.60, 0.80, 0.90], [0.75, 0.90, 0.75, 0.74])
    assert [tried.best for tried in run(search, 4)[0]] == [True, False, True, False]
    assert search.best_value == 0.80


@pytest.mark.parametrize("name", ["plain", "fast", "strong"])
def test_the_recipe_as_it_was_comes_first_also_from_outside_of_the_space(tmp_path, name: str) -> None:
    search = search_of(tmp_path, recipe_for(name, "classes"))
    told, kept = run(search, 2)
    assert told[0].recipe == search.settings.recipe
    assert search.words_of(told[0].recipe) == "as it was"
    assert search.words_of(told[1].recipe) != "as it was"
    assert kept[0][1] == search.settings.recipe
    assert run(search_of(tmp_path, recipe_for(name, "classes")), 1)[0][0].recipe != search.settings.recipe


def test_values_are_the_measure_of_the_report_on_the_rows_to_choose_by(tmp_path) -> None:
    search = search_of(tmp_path, recipe_for("plain", "classes"))
    (tried,), ((model, _),) = run(search, 1)
    chances = model.answers(search.held_out.x)[np.arange(len(search.held_out.y)), search.held_out.y]
    assert tried.value == pytest.approx(-np.log(chances).mean())


@pytest.mark.parametrize("numbers", [False, True])
def test_the_report_is_that_of_a_training_with_the_recipe_as_it_was_beside(tmp_path, monkeypatch, numbers) -> None:
    search = search_of(tmp_path, recipe_for("fast", "numbers" if numbers else "classes"), numbers=numbers)
    sign = -1.0 if search.measure.higher else 1.0
    values_of(search, monkeypatch, [0.5 * sign, 0.4 * sign], [0.3 * sign, 0.3 * sign])
    told, _ = run(search, 2)
    monkeypatch.undo()
    report = search.report("fast")
    assert report is not None
    assert [each.name for each in report.contenders][-1] == AS_IT_WAS
    network, base = report.contenders[0], report.contenders[-1]
    first = search.measure.name
    assert network.scores[first].value == pytest.approx(search._measured(search.best, search.test))
    gained = network.scores[first].value - base.scores[first].value
    assert base.lead[first].value == pytest.approx(gained if search.measure.higher else -gained)
    assert "better than the recipe as it was (" in report.verdict
    assert report.recipe == f"fast with {search.words_of(told[1].recipe)}"
    assert report.importance
    assert report.effects


def test_a_run_that_finds_nothing_better_has_no_report(tmp_path) -> None:
    assert search_of(tmp_path, recipe_for("plain", "classes")).report("plain") is None


def test_a_recipe_survives_json() -> None:
    import json
    from dataclasses import asdict

    recipe = replace(recipe_for("strong", "numbers"), hidden=(7, 5), sigma=0.25)
    assert Recipe.from_plain(json.loads(json.dumps(asdict(recipe)))) == recipe
    with pytest.raises(ValueError, match=r"The field of a recipe 'widht' is unknown\."):
        Recipe.from_plain({"widht": 3})
    with pytest.raises(ValueError, match="A recipe must be a table of its fields, not 'strong'"):
        Recipe.from_plain("strong")


def test_pruning_speaks_the_direction_of_the_study(tmp_path) -> None:
    """A loss and an accuracy are reported so that better ones are better to Optuna."""

    class Trial:
        def __init__(self) -> None:
            self.reported: list[float] = []

        def report(self, value: float, step: int) -> None:
            self.reported.append(value)

        def should_prune(self) -> bool:
            return False

    class Trainer:
        epoch = 1

        def __init__(self, **history: list[float]) -> None:
            self.history = history

    for column, values, higher, expected in (
        ("validation_loss", [0.5, 0.3], False, 0.3),
        ("validation_loss", [0.5, 0.3], True, -0.3),
        ("validation_accuracy", [0.5, 0.7], False, -0.7),
        ("validation_accuracy", [0.5, 0.7], True, 0.7),
    ):
        trial: Any = Trial()
        trainer: Any = Trainer(**{column: values})
        tuning._Pruning(trial, column, 1, higher).on_epoch_end(trainer)
        assert trial.reported == [expected]
