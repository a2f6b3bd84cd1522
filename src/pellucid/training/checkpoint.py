"""The callback that saves a training as it goes on."""

from __future__ import annotations

import os
import time
import warnings
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pellucid.foreign import explains_arguments
from pellucid.training.callbacks import Callback
from pellucid.training.claims import claimed
from pellucid.training.saving import check_own, checkpoints, make_folder
from pellucid.validation import check_integer

if TYPE_CHECKING:
    from pellucid.training.trainer import Trainer


class Checkpoint(Callback):
    """Saves the training every so often, and at the end of every `fit`, so that it can be resumed to the bit.

    It is woken after all other callbacks, so that it sees what they have done. A checkpoint that cannot be written
    (a full disk, say) is a warning while training goes on, and an error at the end of `fit`.

    Parameters
    ----------
    directory : path
        The folder, made if it is not there. It is that of one training: while another process saves there, or if it
        holds the checkpoints of another training (those are for `Trainer.resume`), `fit` raises `CheckpointError`.
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

    @explains_arguments
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

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        """Make the folder, and claim it until `fit` ends: not only after hours of training."""
        make_folder(self.directory)
        trainer.hold(claimed(self.directory, trainer))
        check_own(trainer, self.directory)
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

    def on_epoch_end(self, trainer: Trainer) -> None:
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

    def on_fit_end(self, trainer: Trainer) -> None:
        """Write a checkpoint of where training is."""
        self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        trainer.save(self.directory)
        self._saved = time.monotonic()
        if self.keep is not None:
            for path in checkpoints(self.directory)[: -self.keep]:
                path.unlink(missing_ok=True)
