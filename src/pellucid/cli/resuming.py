"""`pellucid train --checkpoint` and `--resume`: what a training was begun with lies beside its checkpoints."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from pellucid.cli.errors import Failure, UsageError
from pellucid.storage.atomic import write_atomically
from pellucid.storage.strict_json import read_json
from pellucid.training import Callback, Checkpoint, EarlyStopping, Trainer
from pellucid.training.claims import check_free, claimed
from pellucid.training.saving import check_own, checkpoints, identity, make_folder

if TYPE_CHECKING:
    from pellucid.cli.train_options import TrainOptions

COMMAND = "command.json"
_CHANGEABLE = ("epochs", "save", "data", "threads")
"""What may be said anew when a training is gone on with; all else must stay what it was."""


def check_folders(options: TrainOptions) -> None:
    """Raise where `--checkpoint` or `--resume` would write among the checkpoints of another training."""
    place = options.checkpoint or options.resume
    if place is not None:
        check_free(Path(place).expanduser())
    if options.checkpoint is None:
        return
    if options.resume is not None:
        raise UsageError("--resume goes on writing checkpoints to its folder: leave --checkpoint out.")
    folder = Path(options.checkpoint).expanduser()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--checkpoint {folder} is a file: name a folder.")
    if checkpoints(folder):
        raise UsageError(
            f"--checkpoint {folder} holds the checkpoints of an earlier training: go on with it, --resume {folder}, "
            f"or name another folder."
        )


@contextmanager
def checkpoints_of(trainer: Trainer, place: str | None) -> Iterator[None]:
    """Keep other trainings out of the folder of the checkpoints, from before anything is written to it."""
    if place is None:
        yield
        return
    folder = Path(place).expanduser()
    made = not folder.exists()
    make_folder(folder)
    try:
        with claimed(folder, trainer):
            check_own(trainer, folder)
            yield
    finally:
        if made:
            with suppress(OSError):  # something is in it: it stays
                folder.rmdir()


def remember(options: TrainOptions, trainer: Trainer) -> None:
    """Write what a training is begun with, and which one it is, into the folder of its checkpoints."""
    if options.checkpoint is None:
        return
    folder = Path(options.checkpoint).expanduser()
    omitted = ("checkpoint", "resume", "overwrite")
    said = {name: value for name, value in vars(options).items() if name not in omitted}
    said["training"] = identity(trainer)
    write_atomically(folder / COMMAND, [json.dumps(said, indent=1).encode(), b"\n"])


def recalled(options: TrainOptions) -> TrainOptions:
    """The options a training was begun with, and those that may be said anew.

    Raises
    ------
    UsageError
        If the command line says something else than the training was begun with.
    """
    folder = Path(str(options.resume)).expanduser()
    begun = _read(folder, type(options))
    names = {field.name for field in dataclasses.fields(options)}
    before = dataclasses.replace(options, **{name: value for name, value in begun.items() if name in names})
    defaults = {"l2": 0.0, "seed": 0, "engine": "auto"}
    own = before.save is not None and options.save in (None, before.save)  # this training's own run, so far
    changes: dict[str, Any] = {"resume": options.resume, "overwrite": options.overwrite or own}
    for name in (name for name in begun if name in names):
        given = getattr(options, name)
        if given == defaults.get(name) or given == getattr(before, name):
            continue
        if name not in _CHANGEABLE:
            word = "the data set" if name == "dataset" else "--" + name.replace("_", "-")
            was = "not given" if getattr(before, name) is None else getattr(before, name)
            raise UsageError(
                f"{word} was {was} when this training was begun, and cannot be {given} now: leave it "
                f"out, or begin another one."
            )
        changes[name] = given
    return dataclasses.replace(before, **changes)


def _read(folder: Path, kind: type[TrainOptions]) -> dict[str, Any]:
    path = folder / COMMAND
    if not path.is_file():
        raise Failure(f"{folder} holds no training of pellucid train --checkpoint: there is no {COMMAND} in it.")
    try:
        begun = read_json(path.read_bytes())
    except ValueError as error:
        raise Failure(f"{path} is damaged: it {error}.") from None
    if not isinstance(begun, dict) or not isinstance(begun.get("dataset"), str):
        raise Failure(f"{path} is damaged: it does not say what was trained.")
    for name, allowed in get_type_hints(kind).items():
        value = begun.get(name)
        if name in begun and type(value) not in (get_args(allowed) or (allowed,)):
            raise Failure(f"{path} is damaged: {name} is {value!r:.60}.")
    return begun


def resumed(options: TrainOptions, patience: int) -> Trainer:
    """The trainer that the newest checkpoint holds."""
    folder = Path(str(options.resume)).expanduser()
    callbacks: list[Callback] = [EarlyStopping(patience)] if patience else []
    trainer = Trainer.resume(
        folder, callbacks=[*callbacks, Checkpoint(folder)], engine=options.engine, threads=options.threads
    )
    if _read(folder, type(options)).get("training", identity(trainer)) != identity(trainer):
        raise Failure(
            f"The checkpoints in {folder} are not of the training that its {COMMAND} begins: they have another seed, "
            f"other layers or other first weights. Put back the files that belong together."
        )
    return trainer
