"""Callbacks: what happens between epochs.

Contract: a callback is woken at the start of `fit`, after every `interval(trainer)` epochs, and at the end (also after
an interrupt or a divergence). It reads the trainer (`network`, `history`, `state`, `epoch`, `step`) and may call
`trainer.stop(reason)`. A plain function of the trainer is a callback for every epoch. Epochs in which no callback has
to wake run in one call of the engine.

What a callback remembers from epoch to epoch and training depends on, such as a best value, it answers in `state()` and
takes back in `restore(state)`: so it travels in checkpoints. A state is a table of plain values, lists, tables, arrays
and `State`s of the training.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from pellucid.validation import check_integer

if TYPE_CHECKING:
    from pellucid.training.trainer import Trainer


class Callback:
    """The family's base; every method does nothing until it is overridden."""

    last: ClassVar[bool] = False
    """Whether the callback is woken after all others, whatever its place: it must see what they have done."""

    def start(self, trainer: Trainer, epochs: int) -> None:
        """`fit` begins, for so many epochs."""

    def interval(self, trainer: Trainer) -> int:
        """After how many epochs the callback wants to be woken next."""
        return 1

    def epoch(self, trainer: Trainer) -> None:
        """So many epochs are done."""

    def end(self, trainer: Trainer) -> None:
        """`fit` ends, for whatever reason."""

    def state(self) -> dict[str, Any]:
        """What the callback remembers and training depends on; {} if nothing."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` answered; tuples have become lists."""


class Every(Callback):
    """Calls a function of the trainer after every so many epochs.

    Parameters
    ----------
    epochs : int
        How many epochs lie between two calls, at least 1.
    function : callable
        Called with the trainer.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> trainer = pl.Trainer(pl.Network([pl.Dense(1)]), loss=pl.SquaredError(), optimizer=pl.GradientDescent(0.1),
    ...                      callbacks=[pl.Every(2, lambda trainer: print("epoch", trainer.epoch))])
    >>> _ = trainer.fit(np.eye(2), np.ones(2), epochs=5)
    epoch 2
    epoch 4
    """

    def __init__(self, epochs: int, function: Callable[[Trainer], Any]) -> None:
        self.epochs = check_integer("epochs", epochs, minimum=1)
        if not callable(function):
            raise TypeError(f"function must be callable with the trainer, not {function!r}.")
        self.function = function

    def interval(self, trainer: Trainer) -> int:
        """Up to the next multiple, counted over all of training: fit may be called in pieces."""
        return self.epochs - trainer.epoch % self.epochs

    def epoch(self, trainer: Trainer) -> None:
        """Call the function."""
        self.function(trainer)


class Progress(Callback):
    """Shows how training goes: a line that renews itself in a terminal, a line an epoch elsewhere.

    In a terminal it wakes about ten times a second, however short the epochs are.

    Parameters
    ----------
    stream : text stream or None
        Where to write; None: standard error.
    every : int
        Without a terminal: after how many epochs a line is written.
    """

    _SECONDS = 0.1
    _WIDTH = 24

    def __init__(self, stream: TextIO | None = None, every: int = 1) -> None:
        self.stream = stream
        self.every = check_integer("every", every, minimum=1)
        self._first = 0
        self._last = 0
        self._drawn = False

    @property
    def _out(self) -> TextIO:
        return self.stream if self.stream is not None else sys.stderr

    def start(self, trainer: Trainer, epochs: int) -> None:
        """Remember where the bar begins and ends."""
        self._first, self._last = trainer.epoch, trainer.epoch + epochs
        self._drawn = False

    def interval(self, trainer: Trainer) -> int:
        """As many epochs as take a tenth of a second; without a terminal, `every`; at the latest, the last one."""
        left = self._last - trainer.epoch
        if not self._out.isatty():
            return min(self.every, left)
        seconds = trainer.history["seconds"][-1] if len(trainer.history) else 0.0
        return min(max(1, int(self._SECONDS / seconds)), left) if seconds > 0 else 1

    def epoch(self, trainer: Trainer) -> None:
        """Draw the bar, or write a line."""
        done, total = trainer.epoch - self._first, self._last - self._first
        numbers = "  ".join(
            f"{name.replace('_', ' ')} {value:.4f}"
            for name, value in trainer.history.row(-1).items()
            if value is not None and name not in ("epoch", "seconds", "learning_rate")
        )
        label = f"epoch {trainer.epoch:>{len(str(self._last))}}/{self._last}"
        if self._out.isatty():
            full = int(self._WIDTH * done / total)
            self._out.write(f"\r\x1b[2K{label} [{'━' * full}{' ' * (self._WIDTH - full)}]  {numbers}")
            self._drawn = True
        else:
            self._out.write(f"{label}  {numbers}\n")
        self._out.flush()

    def end(self, trainer: Trainer) -> None:
        """Leave the last state of the bar standing."""
        if self._drawn:
            self._out.write("\n")
            self._out.flush()


def as_callback(value: Any) -> Callback:
    """A callback as it is; a function of the trainer as a callback for every epoch."""
    if isinstance(value, Callback):
        return value
    if isinstance(value, type) and issubclass(value, Callback):
        raise TypeError(f"callbacks must hold callbacks, not the class {value.__name__}: write {value.__name__}().")
    if callable(value):
        return Every(1, value)
    raise TypeError(f"callbacks must hold callbacks or functions of the trainer, not {value!r}.")
