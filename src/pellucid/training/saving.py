"""Checkpoint files: training that goes on to the bit, whatever happened in between.

A checkpoint is a file `checkpoint-000012.safetensors` in a folder of its own (`pellucid.storage.tensor_file`); its
number grows by one with each that is written there. It is there whole or not at all. Its metadata hold

    format = "pellucid-checkpoint"   version = "1"   checkpoint = a tree as JSON   sha256 = of that and of all tensors
    training = SHA-256 of the seed, the layers and the first weights

and `snapshot.py` says what is in the tree. The newest one that is whole is the one training goes on from. A folder is
that of one training: `claims.py` keeps a second one out while it runs, and the numbers of the files afterwards.

Contract: `save` and `resume` do the work of `Trainer`'s methods; the rest is what they and the callback `Checkpoint`
are made of.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pellucid.configuration import to_configuration
from pellucid.storage.atomic import remove_leftovers
from pellucid.storage.strict_json import read_json, write_json
from pellucid.storage.tensor_file import (
    FileError,
    NewerFileError,
    TensorFile,
    check_version,
    digest,
    write_tensors,
)
from pellucid.storage.trees import TreeReader, TreeWriter
from pellucid.training.callbacks import Callback
from pellucid.training.claims import CheckpointError, check_free, claimed
from pellucid.training.parts import TrainerParts
from pellucid.training.settings import FAMILIES
from pellucid.training.snapshot import TrainerT, snapshot, trainer_from
from pellucid.typing import Array
from pellucid.validation import unknown_name_message

VERSION = 1
_PREFIX = "checkpoint-"
_NAME = re.compile(rf"{_PREFIX}(\d{{6,18}})\.safetensors")


def save(trainer: TrainerParts, directory: str | os.PathLike[str]) -> Path:
    """Write a checkpoint: all that training goes on from, in one file, atomically and durably.

    Within a `fit`, leave it to the callback `Checkpoint`, which waits until all others have seen the epoch.

    Parameters
    ----------
    directory : path
        The folder, made if it is not there. The file's number is one more than the highest there.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If training has not begun.
    CheckpointError
        If the folder is another training's: one that is running, or whose checkpoints are there.
    OSError
        If the folder cannot be written to, or the disk is full; what was there is as it was.
    """
    folder, (metadata, tensors) = Path(directory), _content(trainer)
    make_folder(folder)
    check_free(folder)
    check_own(trainer, folder)  # another training must not hold the claim while it is refused
    with claimed(folder, trainer):
        check_own(trainer, folder)
        remove_leftovers(folder, _PREFIX)
        number = _newest_number(folder) + 1
        path = folder / f"{_PREFIX}{number:06d}.safetensors"
        write_tensors(path, tensors, metadata)
    trainer.checkpoint_directories[folder.resolve()] = number
    return path


def resume(
    cls: type[TrainerT],
    /,
    directory: str | os.PathLike[str],
    *,
    callbacks: Sequence[Callback | Callable[[TrainerT], Any]] | None = None,
    custom: Sequence[type] = (),
    engine: str | None = None,
    threads: int | None = None,
    **parts: Any,
) -> TrainerT:
    """The trainer that the newest checkpoint of a folder holds, made by `cls`: `Trainer.resume`."""
    for name in parts:
        if name not in FAMILIES:
            raise TypeError(unknown_name_message("The part", name, FAMILIES))
    number = _newest_number(Path(directory))
    path, tree = newest_checkpoint(Path(directory))
    try:
        trainer = trainer_from(
            cls, tree, callbacks=callbacks, custom=custom, engine=engine, threads=threads, parts=parts
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{path} cannot be resumed. {error}") from None
    trainer.checkpoint_directories[Path(directory).resolve()] = number
    return trainer


def checkpoints(directory: Path) -> list[Path]:
    """The checkpoints of a folder, whole or not, the oldest first; none if there is no such folder."""
    found = [(int(match.group(1)), path) for path in directory.glob(f"{_PREFIX}*") if (match := _match(path))]
    return [path for _, path in sorted(found)]


def _match(path: Path) -> re.Match[str] | None:
    return _NAME.fullmatch(path.name)


def make_folder(directory: Path) -> None:
    """Make a folder for checkpoints, or see that the one there may be written to."""
    if directory.exists() and not directory.is_dir():
        raise NotADirectoryError(f"{directory} is a file: name a folder for the checkpoints.")
    directory.mkdir(parents=True, exist_ok=True)
    if not os.access(directory, os.W_OK | os.X_OK):
        raise PermissionError(f"The folder {directory} cannot be written to: name another one for the checkpoints.")


def check_own(trainer: TrainerParts, directory: Path) -> None:
    """Raise if a folder holds checkpoints that this training has not written, and was not resumed from."""
    there = checkpoints(directory)
    if there and _newest_number(directory) > trainer.checkpoint_directories.get(directory.resolve(), 0):
        raise CheckpointError(
            f"{directory} holds checkpoints of another training, up to {there[-1].name}: go on with it, "
            f"Trainer.resume({str(directory)!r}, …), or name a new folder."
        )


def identity(trainer: TrainerParts) -> str:
    """What tells a training from others in all its checkpoints: SHA-256 of seed, layers and first weights."""
    layers = [to_configuration(layer) for layer in trainer.network.layers]
    return digest(write_json([trainer.seed, layers]), [trainer.initial.parameters])


def _content(trainer: TrainerParts) -> tuple[dict[str, str], dict[str, Array]]:
    """The metadata and the tensors of a checkpoint."""
    writer = TreeWriter()
    text = write_json(writer.plain(snapshot(trainer), "training"))
    metadata = {
        "format": "pellucid-checkpoint",
        "version": str(VERSION),
        "training": identity(trainer),
        "checkpoint": text,
        "sha256": digest(text, writer.tensors.values()),
    }
    return metadata, writer.tensors


def _newest_number(directory: Path) -> int:
    """The highest number of a checkpoint in a folder; 0 if there is none."""
    there = checkpoints(directory)
    found = _match(there[-1]) if there else None
    return int(found.group(1)) if found else 0


def newest_checkpoint(directory: Path) -> tuple[Path, Mapping[str, Any]]:
    """The newest checkpoint of a folder that is whole, and its tree; each damaged one is told of in a warning.

    Raises
    ------
    FileNotFoundError
        If there is none.
    CheckpointError
        If all are damaged, the newest was written by a newer version of the format, or some are another training's.
    """
    if directory.exists() and not directory.is_dir():
        raise NotADirectoryError(f"{directory} is a file: name the folder that the checkpoints lie in.")
    there = checkpoints(directory)
    if not there:
        raise FileNotFoundError(f"{directory} holds no checkpoint: was the training saved there?")
    for path in reversed(there):
        tree = _read_or_warn(path)
        if tree is not None:
            _check_one_training(path, there)
            return path, tree
    raise CheckpointError(f"{directory} holds {len(there)} checkpoints, and none of them can be read.")


def _check_one_training(newest: Path, others: Sequence[Path]) -> None:
    """Raise if checkpoints of several trainings lie side by side: going on with the newest would be a guess."""
    training = TensorFile(newest, "omitted").metadata.get("training")
    for path in reversed(others):
        try:
            other = TensorFile(path, "omitted").metadata.get("training")
        except (FileError, OSError):  # damaged, or deleted meanwhile
            continue
        if training != other and None not in (training, other):  # None: of a version that did not write it
            raise CheckpointError(
                f"{newest.parent} holds checkpoints of more than one training: {newest.name} and {path.name} have "
                f"another seed, other layers or other first weights. Move those of one training to a folder of its own."
            )


def _read_or_warn(path: Path) -> Mapping[str, Any] | None:
    """The tree in a checkpoint, or None and a warning if it is damaged."""
    try:
        return read_checkpoint(path)
    except NewerFileError as error:
        raise CheckpointError(str(error)) from None
    except (FileError, OSError) as error:
        why = f"{path} cannot be read: {error.strerror}." if isinstance(error, OSError) else str(error)
        warnings.warn(f"A checkpoint is passed over. {why}", UserWarning, stacklevel=5)
        return None


def read_checkpoint(path: Path) -> Mapping[str, Any]:
    """The tree in a checkpoint.

    Raises
    ------
    FileError
        If it is damaged, no checkpoint, or (`NewerFileError`) of a newer format.
    OSError
        If it cannot be read.
    """
    file = TensorFile(path)
    if file.metadata.get("format") != "pellucid-checkpoint":
        raise file.refuse("is no checkpoint: its header does not say so.")
    check_version(file, VERSION)
    text, expected = file.metadata.get("checkpoint", ""), file.metadata.get("sha256")
    if expected != digest(text, map(file.tensor, file.entries)):
        raise file.refuse("is damaged: it does not hold what was written (SHA-256).")
    try:
        tree = TreeReader(file.tensor).value(read_json(text))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise file.refuse(f"is damaged: its description {error}.") from None
    if not isinstance(tree, dict):
        raise file.refuse("is damaged: its description is not a table.")
    return tree
