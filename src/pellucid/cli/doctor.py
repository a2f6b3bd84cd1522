"""`pellucid doctor`: what is wrong with a run that was saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.cli.command import Command, taken

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pellucid.training import History


def examine_run(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run, as pellucid train leaves it.")],
) -> None:
    """Say what is wrong with a saved run, and what to do about it.

    Of a run on a table, and of one that was trained with --doctor, it shows what was found then; else it looks at the
    saved network, its history and its data.
    """
    from pathlib import Path

    from pellucid.cli import tables
    from pellucid.cli.diagnosis import show_findings
    from pellucid.cli.errors import Failure
    from pellucid.cli.runs import HISTORY

    folder = Path(run).expanduser()
    if not folder.exists():
        raise Failure(f"{run} does not exist: name the folder of a run, such as runs/digits-1.")
    if folder.is_file():
        raise Failure(f"{run} is a file: name the folder of its run, {folder.parent}.")
    if not (folder / HISTORY).is_file():
        raise Failure(f"{run} is no run's folder: it holds no {HISTORY}. pellucid train makes one.")
    show_findings(tables.console(), _findings(folder))


def _findings(folder: Path) -> dict[str, Any]:
    """What was found in training; else what is found now."""
    from pellucid.cli.errors import Failure
    from pellucid.cli.runs import FACTS, FINDINGS, SETTINGS

    if (folder / FINDINGS).is_file():
        return _read(folder / FINDINGS)
    if not (folder / SETTINGS).is_file():
        return _of_history(folder, f"it has no {SETTINGS}. Train again with pellucid train … --doctor.")
    settings = _read(folder / SETTINGS)
    if isinstance(settings.get("source"), str):
        report = _read(folder / FACTS) if (folder / FACTS).is_file() else {}
        found = report.get("findings")
        return found if found and isinstance(found, dict) else _of_history(folder, _table_again(settings))
    if not isinstance(settings.get("dataset"), str):
        raise Failure(f"{folder / SETTINGS} is damaged: it names neither a data set nor the file of a table.")
    return _of_run(folder, settings)


def _read(path: Path) -> dict[str, Any]:
    import json

    from pellucid.cli.errors import Failure

    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Failure(f"{path} is damaged: it holds no table in JSON.")
    return told


def _history(folder: Path) -> History:
    from pellucid.cli.runs import HISTORY
    from pellucid.training import History

    return History.from_dict(_read(folder / HISTORY))


def _of_history(folder: Path, why: str) -> dict[str, Any]:
    """What the curves alone show, and why there is nothing else to look at."""
    from pellucid.cli.diagnosis import diagnosis_to_dict
    from pellucid.inspection.doctor import diagnose

    told = diagnosis_to_dict(diagnose(_history(folder)))
    return {**told, "unseen": [f"layers, weights and data. Of {folder} only the curves are known: {why}"]}


def _table_again(settings: Mapping[str, Any]) -> str:
    """Why a run on a table has no findings, and the training that has some, as one types it."""
    from pellucid.cli.remedies import command_line
    from pellucid.cli.runs import FACTS
    from pellucid.cli.table_options import TableOptions

    options = taken(TableOptions, settings)
    why = f"training was interrupted before the doctor's turn, or {FACTS} is missing"
    return f"{why}. Train to the end: {command_line(options, {})}"


def _of_run(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What is wrong with the saved network on its data, from the first weights that the seed of its training gives."""
    from pellucid.cli.diagnosis import diagnosis_to_dict
    from pellucid.cli.runs import MODEL
    from pellucid.cli.train_options import options_of
    from pellucid.cli.training import commands, set_up
    from pellucid.formats.model_file import load
    from pellucid.inspection.doctor import diagnose_saved

    options = options_of(settings)
    trainer, dataset, _ = set_up(options)
    network = load(folder / MODEL)
    history, validation = _history(folder), dataset.parts.get("validation")
    found = diagnose_saved(trainer, network, history, *dataset.train, validation=validation)
    return diagnosis_to_dict(found, commands(options, trainer, dataset))


doctor = Command("doctor", examine_run, "Example:  pellucid doctor runs/digits-1")
