"""The work of `pellucid evaluate` for a table: a network's measures on rows whose target is known."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from pellucid.cli import tables
from pellucid.cli.csv_options import csv_of
from pellucid.cli.errors import Failure, UsageError
from pellucid.cli.runs import settings_of_model
from pellucid.ensemble import Ensemble
from pellucid.tables.fitting import learnt_from_table
from pellucid.tables.reading import read_columns
from pellucid.tables.report.intervals import bootstrap, interval
from pellucid.tables.report.metrics import measures_of
from pellucid.tables.report.scores import scored
from pellucid.tables.targets import present, target_of_model
from pellucid.validation import counted, unknown_name_message


def evaluate_table(
    console: Console, network: Ensemble, model: str, source: str, target: str | None, csv: str | None = None
) -> None:
    """Measure the network of the file `model`, or those of a run's folder, on a table with its target."""
    assert network.preprocessing is not None
    name = target or target_of(model)
    file = sys.stdin.buffer if source == "-" else Path(source).expanduser()
    source = "standard input" if source == "-" else source
    columns = read_columns(file, texts=network.preprocessing.text_columns, **csv_of(csv))
    if name not in columns:
        raise UsageError(unknown_name_message("--target", name, [str(each) for each in columns]))
    network.preprocessing.check_columns(columns)
    values = np.asarray(columns[name])
    there = present(values)
    if not there.any():
        raise Failure(f"{source} has no row with a value in {name!r}.")
    known = {column: np.asarray(columns[column])[there] for column in network.preprocessing.column_names}
    what = target_of_model(network, name)
    y = what.encode(values[there])
    x = network.preprocessing.transform(known)
    answers = network.predict_proba(x) if what.task == "classes" else network.predict(x)
    measures = measures_of(what)
    drawn = bootstrap([measure.of(y, answers) for measure in measures], len(y))
    console.print(f"{source}: {counted(len(y), 'row')}", style="bold", soft_wrap=True)
    same = any(learnt_from_table(each, x, y, what) for each in network.networks)
    if same or _is_file(file, settings_of_model(model).get("source")):
        tables.show_learnt_from(console, source, "these rows" if same else "rows of this file")
    missing = len(there) - int(there.sum())
    if missing:
        rows = f"{counted(missing, 'row')} {'is' if missing == 1 else 'are'}"
        console.print(f"{rows} left out, since {name} is missing there.", soft_wrap=True)
    tables.show_pairs(
        console,
        {measure.title: scored(interval(drawn[:, place]), measure) for place, measure in enumerate(measures)},
    )
    if what.task == "classes":
        tables.show_confusion(console, y, answers.argmax(axis=1), what.class_names)


def target_of(model: str) -> str:
    """The target that a run was trained for, as its settings say."""
    name = settings_of_model(model).get("target")
    if isinstance(name, str):
        return name
    raise UsageError("--target COLUMN must say which column is the target: the model is not in the folder of its run.")


def _is_file(file: Any, source: Any) -> bool:
    """Whether a file is the one that a run was trained on."""
    with suppress(OSError, TypeError):
        return isinstance(file, Path) and file.samefile(Path(source).expanduser())
    return False
