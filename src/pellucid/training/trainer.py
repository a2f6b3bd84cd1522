"""The trainer: a network in time."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from pellucid.augmentation import Augmentation
from pellucid.engines.base import Engine, Model, Outcome, State, Task
from pellucid.engines.program import compile_program
from pellucid.engines.reference import mean_loss, penalty_value
from pellucid.losses import Loss, find_loss, metrics
from pellucid.network import Network
from pellucid.optimizers import Optimizer, find_optimizer
from pellucid.penalties import Constraint, Penalty
from pellucid.training.callbacks import Callback, as_callback
from pellucid.training.divergence import Divergence, DivergenceError, explain
from pellucid.training.history import History
from pellucid.training.rows import (
    check_validation,
    rate_factors,
    rows_a_step,
    split_off,
    warn_of_missing_classes,
)
from pellucid.training.weighting import class_weights
from pellucid.typing import Array
from pellucid.validation import (
    check_inputs,
    check_integer,
    check_number,
    check_same_length,
    check_sample_weight,
    check_seed,
)

Validation: TypeAlias = tuple[Any, Any] | float | None
"""A pair (x, y), a fraction of the training rows to split off, or None."""

_ROWS_TO_ADAPT = 1024  # rows on which weights that ask for data are scaled


class Trainer:
    """Trains a network: owns the optimizer's state, the epoch, the step and the random streams.

    Parameters
    ----------
    network : Network
        What is trained.
    loss : Loss or str
        What is minimized, the mean over the examples.
    optimizer : Optimizer or str
        How.
    batch_size : int, "full" or "auto"
        Rows a step: 1 is stochastic descent, "full" takes all rows at once, "auto" takes 32 or all if there are fewer.
    penalty : Penalty or None
        Added to the mean loss.
    seed : int
        Where all random numbers start: first weights, order of the rows, dropout.
    shuffle : bool
        Whether each epoch takes the rows in a new order.
    learning_rate_factors : mapping or None
        What the learning rate is multiplied with for single layers or parameters, by name: {"0": 6.0, "2.bias": 0.1}.
    constraint : Constraint or None
        A limit that the weights are brought back to after every step, such as `MaxNorm(3)`.
    average : float or None
        Keep a moving average of the parameters, of which this part stays in each step (0.999, say), and show it in the
        network: a ← average·a + (1 − average)·w. Training itself goes on from w.
    augmentation : Augmentation or None
        Changes the training images, in every epoch anew. What layers measure (`Standardize`) is measured on the
        originals, and validation and `objective` use originals too.
    callbacks : sequence
        Callbacks, or functions of the trainer that are called after every epoch.

    Attributes
    ----------
    history : History
        What happened so far, over all calls of `fit`.
    epoch, step : int
        How many epochs and steps are done.
    state : State
        Everything that training goes on from.
    divergence : Divergence or None
        Where the last `fit` went wrong, if its loss was no number any more.

    Examples
    --------
    >>> import pellucid as pl
    >>> x, y = pl.datasets.bulls_eye(100, seed=0)
    >>> network = pl.Network([pl.Dense(8), pl.Tanh(), pl.Dense(2)])
    >>> trainer = pl.Trainer(network, loss=pl.SoftmaxCrossEntropy(), optimizer=pl.Adam(0.01), seed=0)
    >>> history = trainer.fit(x, y, epochs=60)
    >>> network.evaluate(x, y)["accuracy"] > 0.95
    True
    """

    def __init__(
        self,
        network: Network,
        loss: Loss | str,
        optimizer: Optimizer | str = "adam",
        batch_size: int | str = "auto",
        penalty: Penalty | None = None,
        *,
        seed: int = 0,
        shuffle: bool = True,
        learning_rate_factors: Mapping[str, float] | None = None,
        constraint: Constraint | None = None,
        average: float | None = None,
        augmentation: Augmentation | None = None,
        callbacks: Sequence[Callback | Callable[[Trainer], Any]] = (),
    ) -> None:
        if not isinstance(network, Network):
            raise TypeError(f"network must be a Network, not {network!r}.")
        if penalty is not None and not isinstance(penalty, Penalty):
            raise TypeError(f"penalty must be a Penalty such as L2(1e-4), or None, not {penalty!r}.")
        if batch_size not in ("full", "auto"):
            if isinstance(batch_size, str):
                raise ValueError(f"batch_size must be a whole number, 'full' or 'auto', not {batch_size!r}.")
            check_integer("batch_size", batch_size, minimum=1)
        self.network = network
        self.loss = find_loss(loss)
        self.optimizer = find_optimizer(optimizer)
        self.batch_size = batch_size
        self.penalty = penalty
        self.seed = check_seed(seed)
        self.shuffle = bool(shuffle)
        self.learning_rate_factors = {
            name: check_number(f"learning_rate_factors[{name!r}]", factor, minimum=0.0)
            for name, factor in (learning_rate_factors or {}).items()
        }
        if constraint is not None and not isinstance(constraint, Constraint):
            raise TypeError(f"constraint must be a Constraint such as MaxNorm(3), or None, not {constraint!r}.")
        self.constraint = constraint
        self.average = None if average is None else check_number("average", average, minimum=0.0, below=1.0)
        if augmentation is not None and not isinstance(augmentation, Augmentation):
            raise TypeError(
                f"augmentation must be an Augmentation such as Augmentation((28, 28), [Rotate(10)]), or None, "
                f"not {augmentation!r}."
            )
        self.augmentation = augmentation
        self.callbacks = [as_callback(callback) for callback in callbacks]
        self.history = History()
        self.divergence: Divergence | None = None
        self._state: State | None = None
        self._beginning: State | None = None
        self._safe: State | None = None
        self._shown: State | None = None
        self._slot_names: tuple[str, ...] = ()
        self._batches = 0
        self._stop = ""
        self._task_now: Task | None = None
        self._validation_now: tuple[Array, Array] | None = None

    # -- where training is ---------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Everything that training goes on from: parameters, statistics, slots, counters."""
        if self._state is None:
            raise ValueError("Training has not begun: call fit(x, y, epochs=…) or initialize(x, y).")
        return self._state

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return 0 if self._state is None else self._state.epoch

    @property
    def step(self) -> int:
        """How many steps are done."""
        return 0 if self._state is None else self._state.step

    @property
    def beginning(self) -> State:
        """The state before the first step: first weights, and slots at 0."""
        if self._beginning is None:
            raise ValueError("Training has not begun: call fit(x, y, epochs=…) or initialize(x, y).")
        return self._beginning

    @property
    def task(self) -> Task:
        """What is trained on what, while `fit` runs; for callbacks."""
        if self._task_now is None:
            raise ValueError("There is no training going on: task and objective() are for callbacks.")
        return self._task_now

    @property
    def validation(self) -> tuple[Array, Array] | None:
        """The validation rows and their encoded targets, while `fit` runs with some; for callbacks."""
        return self._validation_now

    def stop(self, reason: str) -> None:
        """End training after this epoch; for callbacks."""
        self._stop = reason

    def show(self, state: State) -> None:
        """Put a state's numbers into the network. Training still goes on from `state` of the trainer's own."""
        parameters = state.parameters if state.average is None else state.average
        parameters.flags.writeable = False
        state.statistics.flags.writeable = False
        self.network.parameters = parameters
        self.network.statistics = state.statistics
        self._shown = replace(state, parameters=self.network.parameters, statistics=self.network.statistics)

    def go_on_from(self, state: State) -> None:
        """Replace what training goes on from, and show it; for callbacks that turn back or change the rate."""
        self._state = state
        self.show(state)

    def objective(self) -> float:
        """The mean loss of the training rows plus the penalty, at the present weights; for callbacks."""
        task, state = self.task, self.state
        model = Model(task.program, state.parameters, state.statistics)
        scores = self.network.engines.choose(task.program)[0].scores(model, task.x)
        return mean_loss(task.loss, scores, task.targets, task.sample_weight) + penalty_value(model, task.penalty)

    def replica(self, *, fresh: bool = False, **changes: Any) -> Trainer:
        """A trainer of its own with the same settings, before its first step, on a network of its own.

        It begins with this one's present weights and statistics; nothing that it does is seen here.

        Parameters
        ----------
        fresh : bool
            True: the weights are drawn and the inputs measured anew, by `initialize` or `fit`.
        **changes
            Arguments of `Trainer` that differ; `layers`, the layers of its network.

        Examples
        --------
        >>> import pellucid as pl
        >>> trainer = pl.Trainer(pl.Network([pl.Dense(2)]), loss=pl.SoftmaxCrossEntropy(), batch_size=20)
        >>> trainer.replica(optimizer=pl.Adam(0.1), batch_size=10).batch_size
        10
        """
        old = self.network
        layers = changes.pop("layers", None)
        network = Network(old.layers if layers is None else layers, old.dtype.name, old.engines.name, old.threads)
        if old.built and not fresh and layers is None:
            network.adopt_shape(old.input_shape)
            network.parameters, network.statistics = old.parameters, old.statistics
            network.statistics_fitted = old.statistics_fitted
        network.classes = old.classes
        names = (
            "loss", "optimizer", "batch_size", "penalty", "seed", "shuffle", "learning_rate_factors", "constraint",
            "average", "augmentation",
        )  # fmt: skip
        return Trainer(network, **{**{name: getattr(self, name) for name in names}, **changes})

    # -- training ------------------------------------------------------------------------------------------------

    def initialize(self, x: Any, y: Any) -> Trainer:
        """Draw the first weights and measure the inputs, without training. `fit` does it on its own.

        A network that has weights keeps them, and its statistics if they were measured.
        """
        x = check_inputs(x, "x", self.network.input_shape if self.network.built else None)
        if self.augmentation is not None:
            self.augmentation.check_rows(x.shape[1:])
        network = self.network
        program = network.program if network.built else compile_program(network.layers, x.shape[1:])
        targets = self.loss.encode(y, program.outputs)
        check_same_length(x=x, y=targets)
        fresh = not network.built
        if fresh:  # only now: data that is refused must not leave its shape behind
            network.build(x.shape[1:], seed=self.seed)
        if not network.statistics_fitted:
            network.fit_statistics(x)
        if fresh:
            network.adapt_weights(x[:_ROWS_TO_ADAPT])
        network.loss, network.link = self.loss, self.loss.link(targets)
        if self._state is None:
            warn_of_missing_classes(targets, network)
            self._state = State.start(network.parameters, network.statistics, self.optimizer)
            self._safe = self._shown = self._beginning = self._state
            self._slot_names = self.optimizer.slot_names
        return self

    def fit(
        self,
        x: Any,
        y: Any,
        *,
        epochs: int,
        validation: Validation = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | str | None = None,
    ) -> History:
        """Train for so many epochs; called again, go on exactly where it stopped.

        Parameters
        ----------
        x : array (n, *input_shape)
            Inputs of any numeric dtype; never copied whole.
        y : array
            Targets, in the form the loss takes.
        epochs : int
            How many times every row is used.
        validation : (x, y), float or None
            Rows to measure loss and accuracy on after each epoch; a fraction: so much of the rows is split off first.
        sample_weight : array (n,) or None
            How much each row counts: 2 counts like the row given twice.
        class_weight : mapping, "balanced" or None
            How much the rows of each class count, multiplied with `sample_weight`; classes not named count 1.
            "balanced": n/(K·rows of the class), so that all classes count the same.

        Returns
        -------
        History
            Of all epochs so far.

        Raises
        ------
        DivergenceError
            If the loss is NaN or infinite. The network has the last finite weights, and `history.stopped` the reason.
        KeyboardInterrupt
            On Ctrl-C. The network has the weights of the last whole step, and `fit` goes on from there.
        """
        check_integer("epochs", epochs, minimum=1)
        if isinstance(validation, numbers.Real):
            x, y, validation = split_off(
                x, y, validation, sample_weight, network=self.network, loss=self.loss, seed=self.seed
            )
        self.initialize(x, y)
        task = self.task_of(x, y, sample_weight=sample_weight, class_weight=class_weight)
        checked_validation = check_validation(validation, self.network, self.loss)
        self._task_now, self._validation_now, self.divergence = task, checked_validation, None
        engine, self.history.engine_note = self.network.engines.choose(
            task.program, loss=self.loss, penalty=self.penalty, optimizer=self.optimizer, constraint=self.constraint
        )
        self.history.engine = engine.name
        self.history.stopped = self._stop = ""
        self.history.diverged = None
        self._take_over_changes(task)
        for callback in self.callbacks:
            callback.start(self, epochs)
        try:
            self._run(engine, task, checked_validation, self.epoch + epochs)
        except KeyboardInterrupt:
            self.history.stopped = (
                f"Interrupted in epoch {self.epoch + 1}, after step {self.step}. fit goes on from there."
            )
            raise
        finally:
            for callback in self.callbacks:
                callback.end(self)
            self._task_now = self._validation_now = None
        return self.history

    def task_of(self, x: Any, y: Any, *, sample_weight: Any = None, class_weight: Any = None) -> Task:
        """What `fit` with these arguments would train on what, checked; for whoever looks into a training."""
        x = check_inputs(x, "x", self.network.input_shape)
        targets = self.loss.encode(y, self.network.outputs)
        weight = check_sample_weight(sample_weight, len(x))
        if class_weight is not None:
            of_classes = class_weights(class_weight, targets, self.network.outputs)
            weight = of_classes if weight is None else weight * of_classes
        return Task(
            program=self.network.program,
            loss=self.loss,
            penalty=self.penalty,
            optimizer=self.optimizer,
            x=x,
            targets=targets,
            link=self.network.link,
            sample_weight=weight,
            batch_size=rows_a_step(self.batch_size, len(x)),
            shuffle=self.shuffle,
            seed=self.seed,
            rate_factors=rate_factors(self.learning_rate_factors, self.network),
            constraint=self.constraint,
            average=self.average,
        )

    def _take_over_changes(self, task: Task) -> None:
        """Where weights were changed from outside since the last `fit`, go on from those."""
        state, shown, network = self.state, self._shown, self.network
        assert shown is not None
        if network.parameters is not shown.parameters or network.statistics is not shown.statistics:
            state = replace(state, parameters=network.parameters, statistics=network.statistics, average=None)
            self._safe = state
        if self._slot_names != self.optimizer.slot_names:  # another kind of optimizer remembers nothing yet
            state = replace(state, slots=State.start(state.parameters, state.statistics, self.optimizer).slots)
            self._safe, self._slot_names = state, self.optimizer.slot_names
        if state.batch and task.batches != self._batches:  # other data: the unfinished epoch starts anew
            state = replace(state, batch=0, loss_sum=0.0, weight_sum=0.0, correct_sum=0.0)
        self._state, self._batches = state, task.batches

    def _run(self, engine: Engine, task: Task, validation: tuple[Array, Array] | None, last: int) -> None:
        """Epochs up to `last`, in as few calls of the engine as callbacks and validation allow."""
        wake = [self._next_wake(callback) for callback in self.callbacks]
        while self.epoch < last and not self._stop:
            every_epoch = validation is not None or self.augmentation is not None
            until = min([last, *wake, *([self.epoch + 1] if every_epoch else [])])
            self._advance(engine, task, until - self.epoch)
            if validation:
                self._validate(validation)
            for number, callback in enumerate(self.callbacks):
                if self.epoch >= wake[number]:
                    callback.epoch(self)
                    wake[number] = self._next_wake(callback)
        self.history.stopped = self._stop

    def _next_wake(self, callback: Callback) -> int:
        """The epoch after which a callback wants to be woken next."""
        return self.epoch + max(1, callback.interval(self))

    def _advance(self, engine: Engine, task: Task, epochs: int) -> None:
        """Some epochs in one call; the history and the network follow."""
        assert self._safe is not None
        before = self.state
        if self.augmentation is not None:  # the images of this epoch, which is the only one: see `_run`
            task = replace(task, x=self.augmentation.apply(task.x, self.seed, before.epoch))
        outcome = engine.train(task, before, self._safe, epochs)
        diverged = outcome.stopped == "not_finite" or not (  # the last step of all may overflow, with no loss after it
            outcome.stopped or np.isfinite(outcome.state.parameters).all()
        )
        self._safe = outcome.safe
        self._state = outcome.safe if diverged else outcome.state
        self._record(task, before, outcome)
        self.show(self._state)
        if diverged:
            self.history.cut(self.epoch)
            self.divergence = explain(task, outcome.state, outcome.safe, self.beginning)
            self.history.stopped, self.history.diverged = str(self.divergence), self.divergence.epoch
            raise DivergenceError(self.history.stopped)
        if outcome.stopped == "interrupted":
            raise KeyboardInterrupt

    def _record(self, task: Task, before: State, outcome: Outcome) -> None:
        logs, batches, first = outcome.logs, task.batches, before.step - before.batch
        if not logs:
            return
        columns: dict[str, list[Any]] = {
            "epoch": list(range(before.epoch + 1, before.epoch + len(logs) + 1)),
            "loss": [log.loss for log in logs],
        }
        if logs[0].accuracy is not None:
            columns["accuracy"] = [log.accuracy for log in logs]
        last_steps = range(first + batches - 1, first + len(logs) * batches, batches)
        columns["learning_rate"] = [self.optimizer.rate_at(step) * before.rate_scale for step in last_steps]
        columns["seconds"] = [log.seconds for log in logs]
        self.history.extend(columns)

    def _validate(self, validation: tuple[Array, Array]) -> None:
        x, targets = validation
        network = self.network
        model = Model(network.program, network.parameters, network.statistics)
        scores = network.engines.choose(network.program)[0].scores(model, x)
        values = {"loss": mean_loss(self.loss, scores, targets, None), **metrics(scores, targets, network.link)}
        self.history.set_last({f"validation_{name}": value for name, value in values.items()})
