"""The work of `pellucid tune`: the search, what it says, and what it keeps."""

from __future__ import annotations

import json
import shlex
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pellucid.cli import tables
from pellucid.cli.errors import Interrupted, UsageError
from pellucid.cli.runs import FACTS, HISTORY, SETTINGS
from pellucid.cli.table_options import TableOptions, class_weight_of, read, settings_of, words_of_weight
from pellucid.cli.table_progress import TrainingsBar, TrainingsLines
from pellucid.cli.table_streaming import refuse_large
from pellucid.cli.table_summary import show_report, show_target
from pellucid.cli.table_training import PAGE, asked, table_options, write_report
from pellucid.formats.ensemble_file import FIRST, save_ensemble
from pellucid.storage.atomic import write_atomically
from pellucid.tables.fitting import TableModel
from pellucid.tables.recipes import Recipe
from pellucid.tables.report.report import TableReport
from pellucid.tables.report.verdict import asked_again
from pellucid.tables.training import ProgressListener
from pellucid.tables.tuning import Search, Tried
from pellucid.validation import counted

JOURNAL = "study.journal"
_OURS = {JOURNAL, f"{JOURNAL}.lock", FIRST, HISTORY, SETTINGS, FACTS, PAGE}
_MINUTES = 5.0


def tune(options: TableOptions, minutes: float | None, trials: int | None) -> None:
    """Search, tell, keep the best."""
    for name, value in (("--minutes", minutes), ("--trials", trials)):
        if value is not None and value <= 0:
            raise UsageError(f"{name} must be above 0, not {value:g}.")
    refuse_large(options)
    found = read(options)
    settings = settings_of(options, found.target)
    console = tables.console()
    show_target(console, found)
    class_weight = class_weight_of(options, found.target)
    if class_weight is not None:
        console.print(words_of_weight(found.target, class_weight), soft_wrap=True)
    weight = None if class_weight is None else class_weight[found.y]
    folder = _folder(options)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        search = Search(found.table, found.y, found.target, settings, folder / JOURNAL, weight)
    except BaseException:
        with suppress(OSError):  # something is in it: it stays
            folder.rmdir()
        raise
    console.print(_words_of(search, folder), soft_wrap=True)

    def on_progress(tried: Tried) -> None:
        value = "" if tried.value is None else f"{search.measure.title} {search.measure.format(tried.value)}"
        mark = "  best so far" if tried.best else "" if tried.state == "done" else f"  {tried.state}"
        words = f"{value}{mark}   {search.words_of(tried.recipe)}   ({tried.seconds:.3g} s)"
        console.print(f"trial {tried.number}: {words.lstrip()}", style="bold" if tried.best else None, soft_wrap=True)

    def kept(model: TableModel, recipe: Recipe) -> None:
        for name in (HISTORY, FACTS, PAGE):  # of the network that was kept before
            (folder / name).unlink(missing_ok=True)
        save_ensemble(model.networks, folder)
        write_atomically(folder / SETTINGS, [json.dumps(asked(options, recipe), indent=1).encode(), b"\n"])

    seconds = 60 * (_MINUTES if minutes is None else minutes)
    if trials is not None and minutes is None:
        seconds = None  # type: ignore[assignment]
    interrupted = search.run(seconds=seconds, trials=trials, on_progress=on_progress, kept=kept)
    if interrupted:
        console.print("\nInterrupted: what was found until then is kept.", style="bold yellow", soft_wrap=True)
    _show_end(console, search, folder, options)
    if interrupted:
        raise Interrupted


def _folder(options: TableOptions) -> Path:
    name = Path(options.source).name.split(".")[0] or "table"
    folder = Path("tune") / name if options.save is None else Path(options.save).expanduser()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--save {folder} is a file: name a folder.")
    if folder.exists():
        foreign = sorted(entry.name for entry in folder.iterdir() if entry.name not in _OURS)
        if foreign:
            raise UsageError(f"--save {folder} holds other files than a search's ({foreign[0]}): name another folder.")
    return folder


def _words_of(search: Search, folder: Path) -> str:
    rows = (
        f"{len(search.rows.x):,} rows to train, {len(search.held_out.x):,} to choose by, {len(search.test.x):,} to "
        f"test at the end; {counted(search.epochs, 'epoch')} a trial at most"
    )
    if not search.goes_on:
        return rows
    value, measure = search.best_value, search.measure
    best = "" if value is None else f", the best {measure.title} is {measure.format(value)}"
    tried = f"{counted(search.tried, 'trial')} {'was' if search.tried == 1 else 'were'}"
    return f"{rows}\nGoing on with the search in {folder}/: {tried} made{best}."


def _show_end(console: Any, search: Search, folder: Path, options: TableOptions) -> None:
    """What was found, measured on rows that no trial was chosen by, with its report, and what to do with it."""
    if not (folder / FIRST).exists():
        words = "No trial has come to its end: there is no network yet. Give it more time, or fewer --epochs"
        console.print(f"\n{words}; the same command goes on.", soft_wrap=True)
        return
    with TrainingsBar(console) if console.is_terminal else TrainingsLines(console) as progress:
        report = search.report(options.recipe, ProgressListener(now=progress.now))
    if report is None or search.best is None:
        console.print(f"\nNothing better was found: what is in {folder}/ stays.", soft_wrap=True)
        return
    as_it_was = search.best_recipe == search.settings.recipe
    console.print(f"\nBest of {search.tried:,}: {search.words_of(search.best_recipe)}", style="bold", soft_wrap=True)
    report = replace(report, next=_next(folder, options, report, as_it_was=as_it_was))
    show_report(console, report)
    settings = asked(options, search.best_recipe)
    files = [FIRST, *write_report(folder, search.best.histories[0], report, settings)]
    console.print(f"\nSaved {', '.join(files)} in {folder}/; the same command goes on.", soft_wrap=True)


def _next(folder: Path, options: TableOptions, report: TableReport, *, as_it_was: bool) -> tuple[tuple[str, str], ...]:
    again = asked_again(options.source, report.target.name, table_options(options))
    recipe = f"--recipe {options.recipe}" if as_it_was else f"--settings {shlex.quote(str(folder))}"
    why = "the recipe as it was" if as_it_was else "the recipe that was found"
    return (
        (f"pellucid predict {shlex.quote(str(folder))} new.csv", "predictions for new rows, beside them in a CSV file"),
        (f"pellucid train {again} {recipe}", f"{why}, trained on all rows and measured on folds"),
    )
