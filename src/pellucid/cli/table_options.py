"""What the command line says of a table: options read into a recipe, settings and a target.

Contract: `TableOptions` is what was typed; `read` returns the table and its target, `settings_of` how networks are
trained. What is wrong with an option is a `UsageError` that names it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from pellucid.cli.csv_options import csv_of
from pellucid.cli.errors import Failure, UsageError, choice, option, whole_numbers
from pellucid.cli.runs import SETTINGS
from pellucid.encoding.cells import TableError
from pellucid.engines import ENGINES
from pellucid.layers import ACTIVATIONS
from pellucid.tables.fitting import Settings
from pellucid.tables.kinds import KINDS
from pellucid.tables.reading import read_table
from pellucid.tables.recipes import RECIPES, Recipe, recipe_for
from pellucid.tables.report.folds import MOST_FOLDS
from pellucid.tables.table import Table
from pellucid.tables.targets import ASKED, NUMBER_LOSSES, QUANTILES, Target, find_target
from pellucid.tables.weights import balanced
from pellucid.typing import Array, Floats
from pellucid.validation import check_integer, unknown_name_message

_MOST_CLASSES = 12  # whose weights are shown


@dataclass(frozen=True)
class TableOptions:
    """What was typed; None where the choice is left open."""

    source: str
    target: str | None = None
    kinds: str | None = None
    csv: str | None = None
    task: str | None = None
    quantiles: str | None = None
    loss: str | None = None
    recipe: str = "strong"
    settings: str | None = None
    hidden: str | None = None
    activation: str | None = None
    dropout: float | None = None
    learning_rate: float | None = None
    batch_size: str | None = None
    epochs: int | None = None
    ensemble: int = 1
    class_weight: str | None = None
    folds: int | None = None
    minutes: float | None = None
    stream: bool | None = None
    seed: int = 0
    save: str | None = None
    overwrite: bool = False
    engine: str = "auto"
    threads: int | None = None

    @property
    def recipe_words(self) -> str:
        """What the recipe is called: by its name, or by where it was read from."""
        return self.recipe if self.settings is None else f"of {self.settings}"


class Read(NamedTuple):
    """A table and what is predicted of it."""

    table: Table
    values: Array
    y: Array
    target: Target
    dropped: int


def read(options: TableOptions) -> Read:
    """Read the file, part off the target, and see what it is."""
    kinds = kinds_of(options.kinds)
    try:
        table = read_table(Path(options.source).expanduser(), kinds=kinds or None, **csv_of(options.csv))
    except TableError as error:
        raise Failure(str(error)) from None
    name = target_name(options, [column.name for column in table.columns], table.notes)
    rest, values, dropped = table.split_target(name)
    target = find_target(values, name, **goal_of(options))
    return Read(rest, values, target.encode(values), target, dropped)


def target_name(options: TableOptions, names: Sequence[str], notes: Sequence[str]) -> str:
    """The name of the target, which must be one of the columns."""
    if options.target is None:
        shown = ", ".join(names[:20]) + (f", … {len(names) - 20} more" if len(names) > 20 else "")
        raise UsageError(
            f"{options.source} is a table with the columns {shown}: say which of them is to be predicted, "
            f"--target {shlex.quote(names[-1])} for one."
        )
    if options.target not in names:
        if len(names) == 1:
            words = f"{options.source} has a single column, {names[0]!r:.60}, and no --target {options.target!r:.60}."
            raise UsageError(f"{words} Say what stands between its cells, if there are more: --csv delimiter=space.")
        nameless = any("no line of names" in note for note in notes)
        why = f" {options.source} has no line of names: its columns are called by their places." if nameless else ""
        raise UsageError(unknown_name_message("--target", options.target, names) + why)
    if kinds_of(options.kinds).get(options.target) == "ignore":
        raise UsageError(f"--kinds {options.target}=ignore leaves out what is to be predicted: take it from --kinds.")
    return options.target


def goal_of(options: TableOptions) -> dict[str, Any]:
    """What the target is asked to be, as `find_target` takes it."""
    asked = "auto" if options.task is None else choice("--task", options.task, ASKED)
    loss = None if options.loss is None else choice("--loss", options.loss, NUMBER_LOSSES)
    levels: tuple[float, ...] = QUANTILES
    if options.quantiles is not None:
        levels = fractions("--quantiles", options.quantiles)
        asked = "quantiles" if asked == "auto" else asked
    elif loss is not None and asked == "auto":
        asked = "numbers"
    return {"asked": asked, "loss": loss, "quantiles": levels}


def class_weight_of(options: TableOptions, target: Target) -> Floats | None:
    """How much a row of each class counts, (classes,); None where all count alike."""
    if options.class_weight is None:
        return None
    if target.task != "classes":
        raise UsageError(
            f"--class-weight is for classes, but {target.name} is predicted as {target.label}: leave it away, or say "
            f"--task classes."
        )
    return balanced(target.counts)


def words_of_weight(target: Target, weight: Floats) -> str:
    """What a row of each class counts, for people."""
    each = [f"{name} {value:.3g}" for name, value in zip(target.class_names, weight.tolist(), strict=True)]
    shown = ", ".join(each[:_MOST_CLASSES])
    more = ", …" if len(each) > _MOST_CLASSES else ""
    return f"All classes count alike (--class-weight balanced), also in what is measured: a row of {shown}{more}"


def kinds_of(text: str | None) -> dict[str, str]:
    """{"zip": "category"} for "zip=category"."""
    kinds = {}
    for part in text.split(",") if text else []:
        name, equals, kind = part.rpartition("=")
        if not equals or not name:
            raise UsageError(f"--kinds must be columns with their kinds, such as zip=category,id=ignore, not {part!r}.")
        first, colon, order = kind.strip().partition(":")
        kinds[name.strip()] = choice("The kind in --kinds", first, KINDS) + (f":{order}" if colon else "")
    return kinds


def fractions(name: str, text: str) -> tuple[float, ...]:
    """(0.05, 0.5) for "0.05,0.5": numbers between 0 and 1."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = (0.0,)
    if not all(0 < number < 1 for number in found):
        raise UsageError(
            f"{name} must be numbers between 0 and 1 with commas between, such as 0.05,0.95, not {text!r}."
        )
    return found


def recipe_of_run(path: str) -> Recipe:
    """The recipe that the settings of a run hold; of its folder, or of the file itself."""
    file = Path(path).expanduser()
    file = file / SETTINGS if file.is_dir() else file
    with option("--settings"):
        try:
            return Recipe.from_plain(json.loads(file.read_text())["network"])
        except (KeyError, TypeError, json.JSONDecodeError, UnicodeDecodeError):
            raise UsageError(
                f"--settings {path} must be the folder of a run of a table, or its {SETTINGS}: {file} holds no recipe."
            ) from None


def settings_of(options: TableOptions, target: Target) -> Settings:
    """How networks are trained: the recipe with what the command line changes."""
    if options.class_weight is not None:
        choice("--class-weight", options.class_weight, ("balanced",))
    recipe = recipe_for(choice("--recipe", options.recipe, RECIPES), target.task)
    if options.settings is not None:
        recipe = recipe_of_run(options.settings)
    changes: dict[str, Any] = {}
    if options.hidden is not None:
        changes["hidden"] = whole_numbers("--hidden", options.hidden)
    if options.activation is not None:
        changes["activation"] = choice("--activation", options.activation, ACTIVATIONS)
    if options.batch_size is not None:
        if not options.batch_size.isdigit():
            raise UsageError(f"--batch-size must be a whole number of rows for a table, not {options.batch_size!r}.")
        changes["batch_size"] = int(options.batch_size)
    for name in ("dropout", "learning_rate"):
        if getattr(options, name) is not None:
            with option(f"--{name.replace('_', '-')}"):
                recipe = replace(recipe, **{name: getattr(options, name)})
    with option("--batch-size"):
        recipe = replace(recipe, **changes)
    for name, value in (("--ensemble", options.ensemble), ("--epochs", options.epochs)):
        if value is not None:
            with option(name):
                check_integer("N", value, minimum=1)
    if options.folds is not None:
        with option("--folds"):
            check_integer("N", options.folds, maximum=MOST_FOLDS)
    with option("--seed"):
        check_integer("seed", options.seed, maximum=2**64 - 1)
    return Settings(
        recipe,
        n_models=options.ensemble,
        epochs=options.epochs,
        seed=options.seed,
        engine=choice("--engine", options.engine, ENGINES),
        threads=options.threads,
    )
