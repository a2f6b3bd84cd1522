"""Checkpoints: training that goes on to the bit, whatever happened in between.

A checkpoint is a file `checkpoint-000012.safetensors` in a folder of its own (`pellucid.storage.tensor_file`); its
number grows by one with each that is written there. It is there whole or not at all. Its metadata hold

    format = "pellucid-checkpoint"   version = "1"   checkpoint = a tree as JSON   sha256 = of that and of all tensors

and `snapshot.py` says what is in the tree. The newest one that is whole is the one training goes on from.
"""

from __future__ import annotations

import os
import re
import time
import warnings
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

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
from pellucid.training.snapshot import snapshot, trainer_from
from pellucid.validation import check_integer

if TYPE_CHECKING:
    from pellucid.training.trainer import Trainer

VERSION = 1
_PREFIX = "checkpoint-"
_NAME = re.compile(rf"{_PREFIX}(\d{{6,18}})\.safetensors")


class CheckpointError(FileError):
    """A file is no checkpoint that this version of Pellucid can read, or a folder has none; the message says why."""


class Checkpoint(Callback):
    """Saves the training every so often, and at the end of every `fit`, so that it can be resumed to the bit.

    It is woken after all other callbacks, so that it sees what they have done. A checkpoint that cannot be written
    (a full disk, say) is a warning while training goes on, and an error at the end of `fit`.

    Parameters
    ----------
    directory : path
        The folder, made if it is not there. It must not hold the checkpoints of another training: those are for
        `Trainer.resume`.
    every : int or timedelta
        After how many epochs a checkpoint is written, or after how much time; then at the end of the epoch that is
        going on.
    keep : int or None
        How many checkpoints stay, at least 1: older ones are deleted when a newer one is safely on the disk. None: all.

    Examples
    --------
    >>> import os, tempfile, pellucid as pl
    >>> x, y = pl.datasets.bulls_eye(100, seed=0)
    >>> folder = os.path.join(tempfile.mkdtemp(), "run")
    >>> network = pl.Network([pl.Dense(8), pl.Tanh(), pl.Dropout(0.1), pl.Dense(2)])
    >>> trainer = pl.Trainer(network, pl.SoftmaxCrossEntropy(), callbacks=[pl.Checkpoint(folder)])
    >>> history = trainer.fit(x, y, epochs=4)
    >>> trainer = pl.Trainer.resume(folder, callbacks=[pl.Checkpoint(folder)])  # in another process, another day
    >>> trainer.epoch
    4
    >>> history = trainer.fit(x, y, epochs=2)  # the same bits as six epochs in one
    """

    last: ClassVar[bool] = True

    def __init__(self, directory: str | os.PathLike[str], every: int | timedelta = 1, keep: int | None = 3) -> None:
        self.directory = Path(directory)
        if isinstance(every, timedelta):
            if every <= timedelta(0):
                raise ValueError(f"every must be a number of epochs or a time above 0, not {every!r}.")
            self.every: int | timedelta = every
        else:
            self.every = check_integer("every", every, minimum=1)
        self.keep = None if keep is None else check_integer("keep", keep, minimum=1)
        self._last = 0
        self._saved = 0.0
        self._began = 0, 0.0

    def start(self, trainer: Trainer, epochs: int) -> None:
        """Make the folder, and look whether it may be written to: not only after hours of training."""
        _make_folder(self.directory)
        there = checkpoints(self.directory)
        if there and self.directory.resolve() not in trainer.checkpoint_directories:
            raise ValueError(
                f"{self.directory} holds checkpoints of another training, up to {there[-1].name}: go on with it, "
                f"Trainer.resume({str(self.directory)!r}, …), or name a new folder."
            )
        self._last, self._saved = trainer.epoch + epochs, time.monotonic()
        self._began = trainer.epoch, self._saved

    def interval(self, trainer: Trainer) -> int:
        """Up to the next multiple of epochs; for a time, as many epochs as fit into half of what is left of it."""
        if isinstance(self.every, int):
            return self.every - trainer.epoch % self.every
        now, (first, began) = time.monotonic(), self._began
        left = self._saved + self.every.total_seconds() - now
        pace = (trainer.epoch - first) / (now - began) if now > began else 0.0  # epochs a second, callbacks and all
        return max(1, int(left / 2 * pace))

    def epoch(self, trainer: Trainer) -> None:
        """Write a checkpoint if it is time; the last one of a `fit` is written at its end."""
        if trainer.stopped or trainer.epoch >= self._last:
            return
        if isinstance(self.every, timedelta) and time.monotonic() - self._saved < self.every.total_seconds():
            return
        try:
            self._save(trainer)
        except OSError as error:
            warnings.warn(
                f"The checkpoint after epoch {trainer.epoch} could not be written to {self.directory} "
                f"({error.strerror or error}): training goes on, and the older ones are as they were.",
                UserWarning,
                stacklevel=2,
            )

    def end(self, trainer: Trainer) -> None:
        """Write a checkpoint of where training is."""
        self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        trainer.save(self.directory)
        self._saved = time.monotonic()
        if self.keep is not None:
            for path in checkpoints(self.directory)[: -self.keep]:
                path.unlink(missing_ok=True)


def checkpoints(directory: Path) -> list[Path]:
    """The checkpoints of a folder, whole or not, the oldest first; none if there is no such folder."""
    found = [(int(match.group(1)), path) for path in directory.glob(f"{_PREFIX}*") if (match := _match(path))]
    return [path for _, path in sorted(found)]


def _match(path: Path) -> re.Match[str] | None:
    return _NAME.fullmatch(path.name)


def _make_folder(directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise NotADirectoryError(f"{directory} is a file: name a folder for the checkpoints.")
    directory.mkdir(parents=True, exist_ok=True)
    if not os.access(directory, os.W_OK | os.X_OK):
        raise PermissionError(f"The folder {directory} cannot be written to: name another one for the checkpoints.")


def write_checkpoint(trainer: Trainer, directory: Path) -> Path:
    """Write the next checkpoint into a folder, durably, and answer where it is."""
    writer = TreeWriter()
    text = write_json(writer.plain(snapshot(trainer), "training"))
    metadata = {
        "format": "pellucid-checkpoint",
        "version": str(VERSION),
        "checkpoint": text,
        "sha256": digest(text, writer.tensors.values()),
    }
    _make_folder(directory)
    remove_leftovers(directory, _PREFIX)
    there = checkpoints(directory)
    found = _match(there[-1]) if there else None
    path = directory / f"{_PREFIX}{1 + (int(found.group(1)) if found else 0):06d}.safetensors"
    write_tensors(path, writer.tensors, metadata)
    return path


def newest_checkpoint(directory: Path) -> tuple[Path, Mapping[str, Any]]:
    """The newest checkpoint of a folder that is whole, and its tree; each damaged one is told of in a warning.

    Raises
    ------
    FileNotFoundError
        If there is none.
    CheckpointError
        If all are damaged, or the newest was written by a newer version of the format.
    """
    if directory.exists() and not directory.is_dir():
        raise NotADirectoryError(f"{directory} is a file: name the folder that the checkpoints lie in.")
    there = checkpoints(directory)
    if not there:
        raise FileNotFoundError(f"{directory} holds no checkpoint: was the training saved there?")
    for path in reversed(there):
        tree = _read_or_warn(path)
        if tree is not None:
            return path, tree
    raise CheckpointError(f"{directory} holds {len(there)} checkpoints, and none of them can be read.")


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


def resume(make: type[Trainer], directory: Path, **options: Any) -> Trainer:
    """The trainer that the newest whole checkpoint of a folder holds; see `Trainer.resume`."""
    path, tree = newest_checkpoint(directory)
    try:
        trainer = trainer_from(make, tree, **options)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{path} cannot be gone on from. {error}") from None
    trainer.checkpoint_directories.add(directory.resolve())
    return trainer
