"""The work of `pellucid tune`: the search, what it says, and what it keeps."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pellucid.cli import tables
from pellucid.cli.errors import Interrupted, UsageError
from pellucid.cli.table_options import TableOptions, class_weight_of, read, settings_of, words_of_weight
from pellucid.cli.table_streaming import refuse_large
from pellucid.cli.table_words import show_target
from pellucid.formats.together import FIRST, save_together
from pellucid.storage.atomic import write_atomically
from pellucid.tables.fitting import TableModel
from pellucid.tables.recipes import Recipe
from pellucid.tables.tuning import Search, Tried

JOURNAL, BEST = "study.journal", "best.json"
_OURS = {JOURNAL, f"{JOURNAL}.lock", BEST, FIRST}
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
    baseline: list[TableModel] = []

    def told(tried: Tried) -> None:
        value = tried.state if tried.value is None else f"{_measure(search)} {tried.value:.4g}"
        mark = "  best so far" if tried.best else ""
        words = f"trial {tried.number}: {value}{mark}   {search.words_of(tried.recipe)}   ({tried.seconds:.3g} s)"
        console.print(words, style="bold" if tried.best else None, soft_wrap=True)

    def kept(model: TableModel, recipe: Recipe) -> None:
        if recipe == settings.recipe:
            baseline.append(model)
        save_together(model.networks, folder)
        facts = {"recipe": asdict(recipe), "tested": search.tested(model), "changes": search.words_of(recipe)}
        write_atomically(folder / BEST, [json.dumps(facts, indent=1).encode(), b"\n"])

    seconds = 60 * (_MINUTES if minutes is None else minutes)
    if trials is not None and minutes is None:
        seconds = None  # type: ignore[assignment]
    interrupted = search.run(seconds=seconds, trials=trials, told=told, kept=kept)
    if interrupted:
        console.print("\nInterrupted: what was found until then is kept.", style="bold yellow", soft_wrap=True)
    _show_end(console, search, folder, options, baseline)
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


def _measure(search: Search) -> str:
    return "wrong" if search.target.task == "classes" else "loss"


def _words_of(search: Search, folder: Path) -> str:
    rows = (
        f"{len(search.rows.x):,} rows to train, {len(search.held.x):,} to choose by, {len(search.test.x):,} to test at "
        f"the end; {search.epochs:,} epochs a trial at most"
    )
    if not search.goes_on:
        return rows
    best = "" if search.best_value is None else f", the best {_measure(search)} is {search.best_value:.4g}"
    return f"{rows}\nGoing on with the search in {folder}/: {search.tried:,} trials were made{best}."


def _show_end(console: Any, search: Search, folder: Path, options: TableOptions, baseline: list[TableModel]) -> None:
    if not (folder / FIRST).exists():
        words = "No trial has come to its end: there is no network yet. Give it more time, or fewer --epochs"
        console.print(f"\n{words}; the same command goes on.", soft_wrap=True)
        return
    facts = json.loads((folder / BEST).read_text())
    shown = ", ".join(f"{name} {value:.4g}" for name, value in facts["tested"].items())
    console.print(f"\nBest of {search.tried:,}: {facts['changes']}", style="bold", soft_wrap=True)
    console.print(f"On the {len(search.test.x):,} test rows, which nothing was chosen by: {shown}", soft_wrap=True)
    if baseline and search.best is not None and search.best is not baseline[0]:
        before = ", ".join(f"{name} {value:.4g}" for name, value in search.tested(baseline[0]).items())
        console.print(f"The {options.recipe} recipe as it was: {before}", soft_wrap=True)
    console.print(f"Saved {FIRST}, {BEST} in {folder}/; the same command goes on.", soft_wrap=True)
    console.print(f"Next: pellucid predict {folder}/{FIRST} new.csv", style="dim", soft_wrap=True)
