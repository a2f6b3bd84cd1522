"""Callbacks: what happens between epochs, or between batches.

Contract: a callback's hooks are called by `fit`, with the trainer: `on_fit_begin`; `on_batch_end` after every step;
`on_epoch_end` after every `interval(trainer)` epochs; `on_fit_end`, also after an interrupt or a divergence. They may
use what `TrainerInterface` lists; a hook may ask for that, or for `Trainer`. A plain function of the trainer is a
callback for every epoch. Where no callback has an `on_batch_end`, epochs after which none has to be called run in one
call of the engine; with one, each step is a call of its own. The bits of the training are the same either way.

What a callback remembers and training depends on, such as a best value, it returns from `state()` and takes back in
`restore(state)`: so it travels in checkpoints. A state is a table of plain values, lists, tables, arrays and
`TrainingState`s of the training.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, TextIO

from pellucid.engines.engine import TrainingState, TrainingTask
from pellucid.foreign import hook_advice
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.optimizers import Optimizer
from pellucid.training.history import History
from pellucid.typing import Array
from pellucid.validation import check_integer


class TrainerInterface(Protocol):
    """What a callback may use of a trainer: `Trainer` has all of it, and a test may pass something smaller."""

    network: Network
    """Holds the present weights: the moving average's, where one is kept."""
    loss: Loss
    optimizer: Optimizer
    history: History
    """Its last row is the epoch that has just ended."""

    @property
    def epoch(self) -> int:
        """How many epochs are done."""

    @property
    def step(self) -> int:
        """How many steps are done."""

    @property
    def state(self) -> TrainingState:
        """Everything that training goes on from; never changed in place, so that it may be kept."""

    @property
    def task(self) -> TrainingTask:
        """What is trained on what."""

    @property
    def validation(self) -> tuple[Array, Array] | None:
        """The validation rows and their encoded targets."""

    @property
    def stopped(self) -> str:
        """Why a callback has asked to stop; "" if none has."""

    def stop(self, reason: str) -> None:
        """End training after this epoch."""

    def objective(self) -> float:
        """The mean loss of the training rows plus the penalty, at the present weights."""

    def show(self, state: TrainingState) -> None:
        """Put a state's numbers into the network; training still goes on from `state`."""

    def resume_from(self, state: TrainingState) -> None:
        """Replace the state that training goes on from."""


class Callback:
    """The family's base; every hook does nothing until it is overridden.

    A subclass whose hook is misspelt, or named or written as in another library, is a TypeError that names the right
    one: it would never be called.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> class Losses(pl.Callback):
    ...     def __init__(self):
    ...         self.of_batches = []
    ...
    ...     def on_batch_end(self, trainer, loss):
    ...         self.of_batches.append(round(loss, 3))
    >>> losses = Losses()
    >>> trainer = pl.Trainer(pl.Network([pl.Dense(1)]), pl.SquaredError(), batch_size=2, callbacks=[losses])
    >>> _ = trainer.fit(np.zeros((4, 1)), np.ones(4), epochs=1)
    >>> losses.of_batches
    [0.5, 0.499]
    """

    last: ClassVar[bool] = False
    """Whether the callback is called after all others, whatever its place: it must see what they have done."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, value in vars(cls).items():
            if name.startswith("_") or not inspect.isfunction(value):
                continue
            if name not in _HOOKS:
                if advice := hook_advice(name, _HOOKS):
                    raise TypeError(f"{cls.__name__}.{name} would never be called: {advice}")
                continue
            parameters = list(inspect.signature(value).parameters.values())[1:]
            if not _fits(parameters, _HOOKS[name]):
                received = ", ".join(["self", *(str(each).split(":")[0] for each in parameters)])
                raise TypeError(
                    f"{cls.__name__}.{name}({received}) does not fit how it is called: write "
                    f"{name}(self, {', '.join(_HOOKS[name])}). Epoch, step, history and network are the trainer's."
                )

    def on_fit_begin(self, trainer: Any, epochs: int) -> None:
        """`fit` begins, for `epochs` epochs."""

    def on_batch_end(self, trainer: Any, loss: float) -> None:
        """A step was made; `loss` is the batch's mean loss, at the weights before the step."""

    def interval(self, trainer: Any) -> int:
        """After how many epochs `on_epoch_end` is to be called next."""
        return 1

    def on_epoch_end(self, trainer: Any) -> None:
        """As many epochs as `interval` returned are done."""

    def on_fit_end(self, trainer: Any) -> None:
        """`fit` ends, for whatever reason."""

    def state(self) -> dict[str, Any]:
        """What the callback remembers and training depends on; {} if nothing."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned; tuples have become lists."""


_HOOKS = {
    "on_fit_begin": ("trainer", "epochs"),
    "on_batch_end": ("trainer", "loss"),
    "on_epoch_end": ("trainer",),
    "on_fit_end": ("trainer",),
    "interval": ("trainer",),
    "state": (),
    "restore": ("state",),
}
"""The methods that are called, and what they are given besides `self`."""

_FOREIGN_ARGUMENTS = {"epoch", "batch", "batch_idx", "logs", "pl_module"}


def _fits(parameters: list[inspect.Parameter], given: tuple[str, ...]) -> bool:
    """Whether a hook with these parameters, `self` left out, can be called, and means what it is called with."""
    try:
        inspect.Signature(parameters).bind(*given)
    except TypeError:
        return False
    return _FOREIGN_ARGUMENTS.isdisjoint(each.name for each in parameters)


def wants_batches(callback: Callback) -> bool:
    """Whether a callback is to be called after every step."""
    return type(callback).on_batch_end is not Callback.on_batch_end


class Every(Callback):
    """Calls a function of the trainer after every `epochs` epochs.

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

    def __init__(self, epochs: int, function: Callable[[Any], Any]) -> None:
        self.epochs = check_integer("epochs", epochs, minimum=1)
        if not callable(function):
            raise TypeError(f"function must be callable with the trainer, not {function!r}.")
        self.function = function

    def interval(self, trainer: TrainerInterface) -> int:
        """Up to the next multiple, counted over all of training: fit may be called in pieces."""
        return self.epochs - trainer.epoch % self.epochs

    def on_epoch_end(self, trainer: Any) -> None:
        """Call the function."""
        self.function(trainer)


class Progress(Callback):
    """Shows how training goes: a line that renews itself in a terminal or a notebook, a line an epoch elsewhere.

    A line that renews itself does so about ten times a second, however short the epochs are. `fit` has it on its own in
    a terminal and in a notebook.

    Parameters
    ----------
    stream : text stream or None
        Where to write; None: the notebook, or standard error.
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
        self._cell: Any = None

    def on_fit_begin(self, trainer: TrainerInterface, epochs: int) -> None:
        """Note where the bar begins and ends."""
        self._first, self._last = trainer.epoch, trainer.epoch + epochs
        self._drawn, self._cell = False, _cell() if self.stream is None and _in_notebook() else None

    @property
    def _renews(self) -> bool:
        return self._cell is not None or self._out.isatty()

    @property
    def _out(self) -> TextIO:
        return self.stream if self.stream is not None else sys.stderr

    def interval(self, trainer: TrainerInterface) -> int:
        """As many epochs as take a tenth of a second, or `every` of them; at the latest, the last one."""
        left = self._last - trainer.epoch
        if not self._renews:
            return min(self.every, left)
        seconds = trainer.history["seconds"][-1] if len(trainer.history) else 0.0
        return min(max(1, int(self._SECONDS / seconds)), left) if seconds > 0 else 1

    def on_epoch_end(self, trainer: TrainerInterface) -> None:
        """Draw the bar, or write a line."""
        done, total = trainer.epoch - self._first, self._last - self._first
        numbers = "  ".join(
            f"{name.replace('_', ' ')} {value:.4f}"
            for name, value in trainer.history.row(-1).items()
            if value is not None and name not in ("epoch", "seconds", "learning_rate")
        )
        label = f"epoch {trainer.epoch:>{len(str(self._last))}}/{self._last}"
        full = int(self._WIDTH * done / total)
        bar = f"{label} [{'━' * full}{' ' * (self._WIDTH - full)}]  {numbers}"
        if self._cell is not None:
            self._cell.update({"text/plain": bar}, raw=True)
            return
        self._out.write(f"\r\x1b[2K{bar}" if self._renews else f"{label}  {numbers}\n")
        self._drawn = self._renews
        self._out.flush()

    def on_fit_end(self, trainer: TrainerInterface) -> None:
        """Leave the last state of the bar standing."""
        if self._drawn:
            self._out.write("\n")
            self._out.flush()


def _in_notebook() -> bool:
    """Whether a notebook runs this: IPython is then imported."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


def _cell() -> Any:
    """A place below the cell of the notebook that runs, whose text can be replaced."""
    return sys.modules["IPython.display"].display({"text/plain": ""}, raw=True, display_id=True)


def progress_for(asked: bool | None, callbacks: Sequence[Callback]) -> list[Callback]:
    """The progress that `fit` shows on its own: in a terminal or notebook unless asked otherwise, and once."""
    if asked is None:
        asked = _in_notebook() or (sys.stderr is not None and sys.stderr.isatty())
    elif not isinstance(asked, bool):
        raise TypeError(f"progress must be True, False or None, not {asked!r:.60}.")
    return [Progress()] if asked and not any(isinstance(each, Progress) for each in callbacks) else []


def as_callback(value: Any) -> Callback:
    """A callback as it is; a function of the trainer as a callback for every epoch."""
    if isinstance(value, Callback):
        return value
    if isinstance(value, type) and issubclass(value, Callback):
        raise TypeError(f"callbacks must hold callbacks, not the class {value.__name__}: write {value.__name__}().")
    if callable(value):
        return Every(1, value)
    raise TypeError(f"callbacks must hold callbacks or functions of the trainer, not {value!r}.")
