"""The work of `pellucid train` for a table: read, train, measure, tell, save."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from pellucid.cli import tables
from pellucid.cli.errors import Interrupted, UsageError
from pellucid.cli.runs import HISTORY, SETTINGS, RunFolder, run_folder
from pellucid.cli.table_options import Read, TableOptions, read, settings_of
from pellucid.cli.table_progress import TrainingsBar, TrainingsLines
from pellucid.cli.table_words import show_columns, show_report, show_target
from pellucid.storage.atomic import write_atomically
from pellucid.tables.fitting import Settings
from pellucid.tables.pace import visits_within
from pellucid.tables.report.report import TableReport
from pellucid.tables.report.verdict import next_steps
from pellucid.tables.together import save_together
from pellucid.tables.training import Telling, Trained, train_table

PAGE, FACTS = "report.html", "report.json"
_OF_THE_TABLE = ("kinds", "csv", "task", "quantiles")  # what every training of it must be told


def train(options: TableOptions) -> None:
    """Train, measure, tell and save."""
    found = read(options)
    settings = settings_of(options, found.target)
    console = tables.console()
    show_columns(console, found.table)
    show_target(console, found)
    if options.minutes is not None:
        settings = _within(options, found, settings, console)
    with run_folder(options.save, _run_name(options.source)) as folder:
        trained = _train(options, found, settings, console)
        report = replace(trained.report, next=_next(options, found, trained, folder.path))
        if trained.interrupted:
            words = f"Interrupted after epoch {report.epochs:,}: what was learnt until then is saved, and not measured."
            console.print(f"\n{words}", style="bold yellow", soft_wrap=True)
        elif not report.contenders:
            console.print("\nNot measured: there are too few rows, or --folds is 0.", soft_wrap=True)
        show_report(console, report)
        files = _write(folder, trained, report, options)
        console.print(f"\nSaved {', '.join(files)} in {folder.path}/", soft_wrap=True)
    if trained.interrupted:
        raise Interrupted


def _train(options: TableOptions, found: Read, settings: Settings, console: Console) -> Trained:
    progress = TrainingsBar(console) if console.is_terminal else TrainingsLines(console)
    with progress:
        telling = Telling(progress.begun, progress.watch, progress.ended, progress.now)
        return train_table(
            found.table,
            found.y,
            found.target,
            settings,
            folds=options.folds,
            dropped=found.dropped,
            recipe=options.recipe,
            telling=telling,
        )


def _within(options: TableOptions, found: Read, settings: Settings, console: Console) -> Settings:
    """Settings whose trainings, those of the folds included, take about so many minutes."""
    assert options.minutes is not None
    if options.minutes <= 0:
        raise UsageError(f"--minutes must be above 0, not {options.minutes:g}.")
    if options.epochs is not None:
        raise UsageError("--minutes and --epochs do not go together: one says how long, the other how often.")
    visits, speed = visits_within(60 * options.minutes, found.table, found.y, found.target, settings, options.folds)
    console.print(
        f"{speed:,.0f} rows a second on each core: each training goes through {visits:,} rows.", soft_wrap=True
    )
    return replace(settings, visits=visits, recipe=replace(settings.recipe, epochs=max(settings.recipe.epochs, 512)))


def _run_name(source: str) -> str:
    """Diamonds for some/diamonds.csv.gz."""
    return Path(source).name.split(".")[0] or "table"


def _next(options: TableOptions, found: Read, trained: Trained, folder: Path) -> tuple[tuple[str, str], ...]:
    return next_steps(
        model=str(folder),
        source=options.source,
        target=found.target.name,
        contenders=trained.report.contenders,
        ensemble=options.ensemble,
        rows=found.table.rows,
        said={f"--{name}": value for name in _OF_THE_TABLE if (value := getattr(options, name)) is not None},
    )


def _write(folder: RunFolder, trained: Trained, report: TableReport, options: TableOptions) -> list[str]:
    """The networks, what happened, what was asked for, and the report as JSON and as a page; each whole or not."""
    folder.clear()
    files = save_together(trained.model.networks, folder.path)
    told: dict[str, Callable[[], str]] = {
        HISTORY: lambda: trained.model.histories[0].to_json(indent=1),
        SETTINGS: lambda: json.dumps(_asked(options), indent=1),
        FACTS: report.to_json,
        PAGE: report.to_html,
    }
    for name, text in told.items():
        try:
            content = text()
        except ImportError as error:  # matplotlib is an extra: a model without a picture is still a model
            import warnings

            warnings.warn(f"there is no {name}. {error}", stacklevel=2)
            continue
        write_atomically(folder.path / name, [content.encode(), b"\n"])
        files.append(name)
    return files


def _asked(options: TableOptions) -> dict[str, Any]:
    return {name: value for name, value in asdict(options).items() if name != "save"}


def refuse(given: Mapping[str, Any]) -> None:
    """Raise for options that are for built-in data sets, where a table is trained on."""
    for name, value in given.items():
        if value not in (None, False, 0.0):
            raise UsageError(f"{name} is for the built-in data sets; a table's training is chosen by --recipe.")
