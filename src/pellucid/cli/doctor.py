"""`pellucid doctor`: what is wrong with a run that was saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.cli.command import Command

if TYPE_CHECKING:
    from pathlib import Path

    import pellucid as pl


def examine_run(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run, as pellucid train leaves it.")],
) -> None:
    """Say what is wrong with a saved run, and what to do about it.

    Of a run that was trained with --doctor it shows what was found then; else it looks at the saved network, its
    history and its data.
    """
    from pathlib import Path

    from pellucid.cli import tables
    from pellucid.cli.diagnosis import show_findings, told_of
    from pellucid.cli.errors import Failure
    from pellucid.cli.runs import FINDINGS, HISTORY, SETTINGS
    from pellucid.cli.training import options_of

    folder, console = Path(run).expanduser(), tables.console()
    if not folder.exists():
        raise Failure(f"{run} does not exist: name the folder of a run, such as runs/digits-1.")
    if not (folder / HISTORY).is_file():
        raise Failure(f"{run} is no run's folder: it holds no {HISTORY}. pellucid train makes one.")
    if (folder / FINDINGS).is_file():
        show_findings(console, _read(folder / FINDINGS))
        return
    if not (folder / SETTINGS).is_file():
        show_findings(console, told_of(_of_history(folder / HISTORY)))
        return
    options = options_of(_read(folder / SETTINGS))
    show_findings(console, told_of(_of_run(folder), options))


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


def _of_history(path: Path) -> pl.Diagnosis:
    import pellucid as pl

    return pl.diagnose(pl.History.from_dict(_read(path)))


def _of_run(folder: Path) -> pl.Diagnosis:
    """The diagnosis of the saved network on the data it was trained with, from the first weights its seed gives."""
    import pellucid as pl
    from pellucid.cli.runs import HISTORY, MODEL, SETTINGS
    from pellucid.cli.training import options_of, set_up
    from pellucid.inspection.doctor import diagnose_saved

    trainer, dataset, _ = set_up(options_of(_read(folder / SETTINGS)))
    history = pl.History.from_dict(_read(folder / HISTORY))
    network = pl.load(folder / MODEL)
    return diagnose_saved(trainer, network, history, *dataset.train, validation=dataset.parts.get("validation"))


doctor = Command("doctor", examine_run, "Example:  pellucid doctor runs/digits-1")
