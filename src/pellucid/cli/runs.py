"""A run's folder: what a training leaves behind."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid import plots
from pellucid.cli.errors import Failure, UsageError
from pellucid.datasets import Dataset
from pellucid.formats.ensemble_file import FIRST, is_model_name
from pellucid.formats.model_file import save as save_network
from pellucid.network import Network
from pellucid.storage.atomic import is_temporary, new_folder, restored_folder, write_atomically
from pellucid.training import History

MODEL, HISTORY, REPORT = FIRST, "history.json", "report.png"
SETTINGS, FINDINGS = "settings.json", "findings.json"
FACTS = "report.json"
"""What is known of a run on a table, the doctor's findings among it."""
_OURS = (MODEL, HISTORY, SETTINGS, FINDINGS, REPORT, "report.html", FACTS)


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run.

    Parameters
    ----------
    path : Path
        Where it is.
    overwrite : bool
        Whether an earlier run in it may be replaced.
    """

    path: Path
    overwrite: bool = False

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """A new folder for the run's files; once all are in it, it takes the place of an earlier run's, whole.

        Raises
        ------
        Failure
            If another training has written there meanwhile; this one is then in a folder beside it.
        """
        target = self.path
        if not self.overwrite and any(self.path.iterdir()):
            target = _next_free(self.path.parent, self.path.name)
        with new_folder(target) as place:
            yield place
        if target != self.path:
            raise Failure(f"{self.path} was written to by another training meanwhile: this one is in {target}.")

    def write(
        self,
        network: Network,
        dataset: Dataset,
        history: History,
        settings: Mapping[str, Any],
        findings: Mapping[str, Any] | None = None,
    ) -> list[str]:
        """Write the model, the history, what was asked for, the doctor's findings and the report; return the names of
        the files.
        """
        texts = {HISTORY: history.to_json(indent=1), SETTINGS: json.dumps(dict(settings), indent=1)}
        if findings is not None:
            texts[FINDINGS] = json.dumps(dict(findings), indent=1, ensure_ascii=False)
        with self.writing() as place:
            save_network(network, place / MODEL)
            for name, text in texts.items():
                write_atomically(place / name, [text.encode(), b"\n"])
            try:
                figure = plots.report(network, dataset, history)
            except ImportError as error:  # matplotlib is an extra: a model without a picture is still a model
                import warnings

                warnings.warn(f"there is no {REPORT}. {error}", stacklevel=2)
                return [MODEL, *texts]
            write_atomically(place / REPORT, [plots.to_png(figure)])
        return [MODEL, *texts, REPORT]


@contextmanager
def run_folder(save: str | None, name: str, *, overwrite: bool = False) -> Iterator[RunFolder]:
    """The folder that was asked for, or runs/NAME-N with the next free number; taken back where nothing came of it."""
    path = _next_free(Path("runs"), name) if save is None else Path(save).expanduser()
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=save is not None)
    try:
        yield RunFolder(path, overwrite)
    except BaseException:
        for folder in made:
            with suppress(OSError):  # something is in it: it stays
                folder.rmdir()
        raise


def settings_of_model(model: str) -> dict[str, Any]:
    """What the run of a model file or of a run's folder was asked for; {} where that is not known."""
    path = Path(model).expanduser()
    with suppress(OSError, ValueError):
        settings = json.loads(((path if path.is_dir() else path.parent) / SETTINGS).read_text(encoding="utf-8"))
        return settings if isinstance(settings, dict) else {}
    return {}


def _is_ours(name: str) -> bool:
    """Whether a run writes files of this name: its own, those of an ensemble's networks, and unfinished ones."""
    return name in _OURS or is_model_name(name) or is_temporary(name)


def _next_free(runs: Path, name: str) -> Path:
    taken = [re.fullmatch(rf"{re.escape(name)}-(\d+)", entry.name) for entry in runs.glob(f"{name}-*")]
    return runs / f"{name}-{1 + max((int(found.group(1)) for found in taken if found), default=0)}"


def may_overwrite(save: str | None, asked: bool) -> bool:
    """Whether an earlier run in the folder asked for may be replaced; where it must be, the terminal is asked.

    Raises
    ------
    UsageError
        If the folder holds anything but an earlier run, or one that may not be replaced.
    """
    if save is None or not (path := restored_folder(Path(save).expanduser())).exists():
        return asked
    if not path.is_dir():
        raise UsageError(f"--save {path} is a file: name a folder.")
    names = sorted(entry.name for entry in path.iterdir())
    foreign = [name for name in names if not _is_ours(name)]
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise UsageError(
            f"--save {path} holds other files than those of a run ({foreign[0]}{more}): name a new or an empty folder."
        )
    if not names or asked:
        return asked
    if sys.stdin.isatty() and sys.stdout.isatty():
        import typer

        return typer.confirm(f"{path} holds an earlier run. Overwrite it?", abort=True)
    raise UsageError(f"--save {path} holds an earlier run: add --overwrite to replace it, or name another folder.")
