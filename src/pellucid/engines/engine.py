"""The contract of an engine.

An engine runs a program. It owns no time and no weights: everything it needs comes in, everything it made comes out.
Arrays that come in are never written to, so the identity of a parameter vector is its version, and an engine may keep
a packed copy of it for as long as it is given the same object.

    obstacle(program, loss, penalty, …)           None if the engine can run them, else what stands in the way
    scores(model, x)                              prediction: (n, *input_shape) -> (n, outputs)
    loss_and_gradient(model, batch, …)            the objective and its flat gradient
    train(task, state, safe, epochs)              whole epochs; goes on in the middle of one where it was stopped there
    step(task, state, safe, order)                the next step alone; the same bits as within `train`

The order of the rows in epoch e is `Stream(seed, SHUFFLE, counter=e).permutation(n)`, or 0 … n − 1 for a full batch or
without shuffling. Layer l draws at step s from `Stream(seed, LAYER, index=l, counter=s)`. The last batch may be
smaller, and is averaged over its own size (its own sum of weights).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, overload

import numpy as np

from pellucid.losses import Loss
from pellucid.optimizers import Optimizer, Slots
from pellucid.penalties import Constraint, Penalty
from pellucid.program.compilation import Program
from pellucid.streams import Purpose, Stream
from pellucid.typing import Array, Floats


class Model(NamedTuple):
    """A program with its numbers: parameters (p,) in the dtype of all computation, statistics (s,) in float64."""

    program: Program
    parameters: Floats
    statistics: Floats


@dataclass(frozen=True, eq=False)
class TrainingTask:
    """What is trained on what: all that stays the same from epoch to epoch.

    Parameters
    ----------
    x : array (n, *input_shape)
        The caller's own inputs, any numeric dtype and strides; rows are gathered batch by batch.
    targets : array (n,) or (n, outputs)
        As `Loss.encode` returns them.
    link : str
        How scores become predictions, for the accuracy.
    sample_weight : array (n,) or None
        A weight of at least 0 for each row.
    batch_size : int
        1 … n.
    rate_factors : array (p,) or None
        What the rate of each parameter is multiplied with.
    constraint : Constraint or None
        Where weights are brought back to after each step.
    average : float or None
        How much of the moving average of the parameters stays in each step; None: no average is kept.
    penalty_in_loss : bool
        Whether the losses of the logs hold the penalty, each batch's at its weights.
    """

    program: Program
    loss: Loss
    penalty: Penalty | None
    optimizer: Optimizer
    x: Array
    targets: Array
    link: str
    sample_weight: Floats | None
    batch_size: int
    shuffle: bool
    seed: int
    rate_factors: Floats | None = None
    constraint: Constraint | None = None
    average: float | None = None
    penalty_in_loss: bool = False

    def order(self, epoch: int) -> Array | None:
        """The order of the rows in an epoch; None: as they are."""
        if not self.shuffle or self.batch_size >= len(self.x):
            return None
        return Stream(self.seed, Purpose.SHUFFLE, counter=epoch).permutation(len(self.x))

    def batch(self, epoch: int, number: int) -> tuple[Array, Array, Floats | None]:
        """Inputs, targets and weights of one batch of an epoch, in the data's own dtypes."""
        rows = slice(number * self.batch_size, (number + 1) * self.batch_size)
        order = self.order(epoch)
        chosen = rows if order is None else order[rows]
        return self.x[chosen], self.targets[chosen], None if self.sample_weight is None else self.sample_weight[chosen]

    def rate_at(self, state: TrainingState) -> float:
        """The learning rate of the step that comes next."""
        return self.optimizer.rate_at(state.step) * state.rate_scale

    @property
    def batches(self) -> int:
        """How many batches an epoch has; the last one may be smaller."""
        return -(-len(self.x) // self.batch_size)


@dataclass(frozen=True, eq=False)
class TrainingState:
    """Training at a moment between two steps. Nothing in it is ever changed: a step makes a new one.

    Parameters
    ----------
    parameters, slots
        Flat vectors (p,) in the network's dtype.
    statistics
        Flat vector (s,), float64.
    epoch, batch, step : int
        The epoch that is going on, the batch of it that comes next, and the steps made in all.
    rate_scale : float
        What every rate of the optimizer's schedule is multiplied with.
    average : array (p,) or None
        The moving average of the parameters, where one is kept and a step was made.
    loss_sum, weight_sum, correct_sum : float
        Sums over the batches of the epoch so far: of weight × loss, of weights, and of the weights of the examples
        predicted right.
    """

    parameters: Floats
    statistics: Floats
    slots: Slots
    epoch: int = 0
    batch: int = 0
    step: int = 0
    rate_scale: float = 1.0
    average: Floats | None = None
    loss_sum: float = 0.0
    weight_sum: float = 0.0
    correct_sum: float = 0.0

    @staticmethod
    def start(parameters: Floats, statistics: Floats, optimizer: Optimizer) -> TrainingState:
        """The state before the first step: every slot at 0."""
        return TrainingState(parameters, statistics, tuple(np.zeros_like(parameters) for _ in optimizer.slot_names))


class EpochLog(NamedTuple):
    """What an engine says of one epoch."""

    loss: float
    """The mean of the examples' losses, each at the weights it was trained with; see `Task.penalty_in_loss`."""
    accuracy: float | None
    """The fraction predicted right in the same moments; None where numbers are predicted."""
    seconds: float


class EpochLogs(Sequence[EpochLog]):
    """One log for each epoch finished, kept in columns: an epoch of a small network is shorter than making an object.

    Parameters
    ----------
    loss, seconds : list of float
    accuracy : list of float, or of None
    """

    def __init__(
        self, loss: Sequence[float] = (), accuracy: Sequence[float | None] = (), seconds: Sequence[float] = ()
    ) -> None:
        self.loss, self.accuracy, self.seconds = list(loss), list(accuracy), list(seconds)

    def append(self, log: EpochLog) -> None:
        """Add one epoch."""
        self.extend(EpochLogs([log.loss], [log.accuracy], [log.seconds]))

    def extend(self, others: EpochLogs) -> None:
        """Add the epochs that come next."""
        self.loss += others.loss
        self.accuracy += others.accuracy
        self.seconds += others.seconds

    def __len__(self) -> int:
        """How many epochs there are."""
        return len(self.loss)

    @overload
    def __getitem__(self, index: int) -> EpochLog: ...
    @overload
    def __getitem__(self, index: slice) -> EpochLogs: ...
    def __getitem__(self, index: int | slice) -> EpochLog | EpochLogs:
        """One epoch, or some."""
        columns = self.loss[index], self.accuracy[index], self.seconds[index]
        return EpochLogs(*columns) if isinstance(index, slice) else EpochLog(*columns)  # type: ignore[arg-type]


class Outcome(NamedTuple):
    """What `train` returns."""

    state: TrainingState
    """Where training is now. After a loss that was not finite: where it was when that loss was computed."""
    safe: TrainingState
    """The start of the last epoch whose first loss was finite: where to go back to."""
    logs: EpochLogs
    """One for each epoch finished."""
    stopped: str
    """"" (all epochs done), "interrupted" or "not_finite"."""


class Engine:
    """The family's base. See the head of this file."""

    name: ClassVar[str]

    def obstacle(
        self,
        program: Program,
        loss: Loss | None = None,
        penalty: Penalty | None = None,
        optimizer: Optimizer | None = None,
        constraint: Constraint | None = None,
    ) -> str | None:
        """What the engine cannot run, in words; None if it can run all of it."""
        raise NotImplementedError

    def scores(self, model: Model, x: Array) -> Floats:
        """The scores (n, outputs) of rows (n, *input_shape), in prediction."""
        raise NotImplementedError

    def loss_and_gradient(
        self,
        model: Model,
        loss: Loss,
        penalty: Penalty | None,
        x: Array,
        targets: Array,
        sample_weight: Floats | None,
    ) -> tuple[float, Floats]:
        """The mean loss plus the penalty on one batch in prediction, and its flat gradient (p,)."""
        raise NotImplementedError

    def train(self, task: TrainingTask, state: TrainingState, safe: TrainingState, epochs: int) -> Outcome:
        """Finish `epochs` epochs, the one going on first."""
        raise NotImplementedError

    def step(self, task: TrainingTask, state: TrainingState, safe: TrainingState, order: Array | None) -> Outcome:
        """Make the next step of the epoch going on, whose `order` is `task.order(state.epoch)`.

        After the last batch the epoch is still going on, with no batch left: `train` finishes it.
        """
        raise NotImplementedError
