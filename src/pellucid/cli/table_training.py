"""The work of `pellucid train` for a table: read, train, measure, tell, save."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from rich.console import Console

from pellucid.cli import tables
from pellucid.cli.diagnosis import diagnosis_to_dict
from pellucid.cli.errors import Interrupted, UsageError
from pellucid.cli.remedies import command_of
from pellucid.cli.runs import FACTS, HISTORY, SETTINGS, RunFolder, may_overwrite, run_folder
from pellucid.cli.table_options import Read, TableOptions, class_weight_of, read, settings_of, words_of_weight
from pellucid.cli.table_progress import TrainingsBar, TrainingsLines
from pellucid.cli.table_streaming import Streamed, is_streamed, show_memory, stream_of
from pellucid.cli.table_summary import show_columns, show_report, show_target
from pellucid.formats.ensemble_file import save_ensemble
from pellucid.layers import Layer
from pellucid.storage.atomic import write_atomically
from pellucid.tables.building import layers_of, steps_of
from pellucid.tables.fitting import Settings
from pellucid.tables.large import train_stream
from pellucid.tables.pace import row_budget
from pellucid.tables.recipes import Recipe
from pellucid.tables.report.report import TableReport
from pellucid.tables.report.verdict import asked_again, next_steps
from pellucid.tables.targets import Target
from pellucid.tables.training import ProgressListener, Trained, train_table
from pellucid.training import History

PAGE = "report.html"
_OF_THE_TABLE = ("kinds", "csv", "task", "quantiles", "class_weight")  # what every training of it must be told

Steps: TypeAlias = tuple[tuple[str, str], ...]


def train(options: TableOptions) -> None:
    """Train, measure, tell and save."""
    console = tables.console()
    overwrite = may_overwrite(options.save, options.overwrite)
    found = stream_of(options, console) if is_streamed(options, console) else read(options)
    settings = settings_of(options, found.target)
    show_columns(console, found.table)
    show_target(console, found)
    if isinstance(found, Streamed):
        show_memory(console, found.table)
    elif options.minutes is not None:
        settings = _within(options, found, settings, console)
    with run_folder(options.save, _run_name(options.source), overwrite=overwrite) as folder:
        trained = _train(options, found, settings, console)
        report = _told(options, trained, _next(options, found, trained, folder.path), found.target)
        if trained.interrupted:
            when = "in" if isinstance(found, Streamed) else "after"
            words = (
                f"\nInterrupted {when} epoch {report.epochs:,}: what was learnt until then is saved, and not measured."
            )
            console.print(words, style="bold yellow", soft_wrap=True)
        elif not report.contenders:
            console.print("\nNot measured: there are too few rows, or --folds is 0.", soft_wrap=True)
        show_report(console, report)
        files = _write(folder, trained, report, asked(options, settings.recipe))
        console.print(f"\nSaved {', '.join(files)} in {folder.path}/", soft_wrap=True)
    if trained.interrupted:
        raise Interrupted


def _train(options: TableOptions, found: Read | Streamed, settings: Settings, console: Console) -> Trained:
    class_weight = class_weight_of(options, found.target)
    if class_weight is not None:
        console.print(words_of_weight(found.target, class_weight), soft_wrap=True)
    progress = TrainingsBar(console) if console.is_terminal else TrainingsLines(console)
    with progress:
        telling = ProgressListener(progress.begun, progress.watch, progress.ended, progress.now)
        if isinstance(found, Streamed):
            return train_stream(
                found.table,
                settings,
                class_weight=class_weight,
                measure=options.folds != 0,
                recipe=options.recipe_words,
                telling=telling,
            )
        return train_table(
            found.table,
            found.y,
            found.target,
            settings,
            folds=options.folds,
            weight=None if class_weight is None else class_weight[found.y],
            dropped=found.dropped,
            recipe=options.recipe_words,
            telling=telling,
        )


def _within(options: TableOptions, found: Read, settings: Settings, console: Console) -> Settings:
    """Settings whose trainings, those of the folds included, take about this many minutes."""
    assert options.minutes is not None
    if options.minutes <= 0:
        raise UsageError(f"--minutes must be above 0, not {options.minutes:g}.")
    if options.epochs is not None:
        raise UsageError("--minutes and --epochs do not go together: one says how long, the other how often.")
    visits, speed = row_budget(60 * options.minutes, found.table, found.y, found.target, settings, options.folds)
    console.print(
        f"{speed:,.0f} rows a second on each core: each training goes through {visits:,} rows.", soft_wrap=True
    )
    return replace(settings, visits=visits, recipe=replace(settings.recipe, epochs=max(settings.recipe.epochs, 512)))


def _run_name(source: str) -> str:
    """Diamonds for some/diamonds.csv.gz."""
    return Path(source).name.split(".")[0] or "table"


def _next(options: TableOptions, found: Read | Streamed, trained: Trained, folder: Path) -> tuple[tuple[str, str], ...]:
    return next_steps(
        model=str(folder),
        source=options.source,
        target=found.target.name,
        contenders=trained.report.contenders,
        ensemble=options.ensemble,
        rows=found.table.rows,
        tune=isinstance(found, Read),
        table_options=table_options(options),
        settings=options.settings,
    )


def table_options(options: TableOptions) -> dict[str, str]:
    """What the options say of the table and its target, by the names of options."""
    given = {f"--{name.replace('_', '-')}": getattr(options, name) for name in _OF_THE_TABLE}
    return {name: value for name, value in given.items() if value is not None}


def _told(options: TableOptions, trained: Trained, steps: Steps, target: Target) -> TableReport:
    """The report with what to do next, and each finding with the command line of its remedy."""
    report, job = trained.report, trained.job

    def layers_for(changes: Mapping[str, Any]) -> Sequence[Layer]:
        recipe = settings_of(replace(options, **changes), target).recipe
        return layers_of(recipe, job.layout, target.outputs, steps_of(recipe, job.count, job.epochs))

    if report.findings and job.trainer is not None:
        command = partial(command_of, options=options, trainer=job.trainer, layers_for=layers_for)
        report = replace(report, findings=diagnosis_to_dict(trained.diagnosis, command))
    weighed = options.class_weight is not None and report.how
    if options.class_weight is None and report.target.rare:
        again = asked_again(options.source, str(options.target), table_options(options))
        why = "rare classes that count as much as common ones, so that they are found"
        steps = (steps[0], (f"pellucid train {again} --class-weight balanced", why), *steps[1:])
    return replace(report, next=steps, how=f"{report.how}; every class counts alike" if weighed else report.how)


def _write(folder: RunFolder, trained: Trained, report: TableReport, settings: Mapping[str, Any]) -> list[str]:
    """The networks and the report, all of them or none."""
    with folder.writing() as place:
        files = save_ensemble(trained.model.networks, place)
        return files + write_report(place, trained.model.histories[0], report, settings)


def write_report(folder: Path, history: History, report: TableReport, settings: Mapping[str, Any]) -> list[str]:
    """What happened, what was asked for, and the report as JSON and as a page, each whole or not; return the names."""
    files = []
    texts: dict[str, Callable[[], str]] = {
        HISTORY: lambda: history.to_json(indent=1),
        SETTINGS: lambda: json.dumps(settings, indent=1),
        FACTS: report.to_json,
        PAGE: report.to_html,
    }
    for name, text in texts.items():
        try:
            content = text()
        except ImportError as error:  # matplotlib is an extra: a model without a picture is still a model
            import warnings

            warnings.warn(f"there is no {name}. {error}", stacklevel=2)
            continue
        write_atomically(folder / name, [content.encode(), b"\n"])
        files.append(name)
    return files


def asked(options: TableOptions, recipe: Recipe) -> dict[str, Any]:
    """What was asked for, and the recipe that came of it in full, for `--settings`."""
    network = asdict(recipe) | ({} if options.epochs is None else {"epochs": options.epochs})
    given = {name: value for name, value in asdict(options).items() if name not in ("save", "overwrite")}
    return given | {"network": network}


def refuse(given: Mapping[str, Any]) -> None:
    """Raise for options that are for built-in data sets, where a table is trained on."""
    for name, value in given.items():
        if value not in (None, False, 0.0):
            raise UsageError(f"{name} is for the built-in data sets; a table's training is chosen by --recipe.")
