"""The trainer: a network in time."""

from __future__ import annotations

import numbers
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from pellucid.augmentation import Augmentation
from pellucid.description import TrainingSummary
from pellucid.engines.base import Engine, Model, Outcome, State, Task
from pellucid.engines.reference import mean_loss, penalty_value
from pellucid.losses import Loss, find_loss
from pellucid.network import Network
from pellucid.optimizers import Optimizer, find_optimizer
from pellucid.penalties import Constraint, Penalty
from pellucid.training.callbacks import Callback, as_callback
from pellucid.training.divergence import Divergence, DivergenceError, explain
from pellucid.training.history import History
from pellucid.training.initialization import prepare
from pellucid.training.interrupts import interrupts_deferred
from pellucid.training.recording import record, validate
from pellucid.training.rows import (
    check_schedules,
    check_validation,
    rate_factors,
    rows_a_step,
    split_off,
    warn_of_missing_classes,
)
from pellucid.training.summaries import DataHash, advanced, first_summary
from pellucid.training.weighting import class_weights
from pellucid.typing import Array
from pellucid.validation import (
    check_inputs,
    check_integer,
    check_number,
    check_sample_weight,
    check_seed,
    unknown_name,
)

Validation: TypeAlias = tuple[Any, Any] | float | None
"""A pair (x, y), a fraction of the training rows to split off, or None."""


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
    standardize_target : bool
        Train on (y − mean)/scale, with mean and standard deviation of the training targets, one for each output. They
        are measured once, when training begins, and belong to the network (`network.target`): `predict` answers in
        the unit of y. The losses of the history, and those of `evaluate`, are in the scaled unit; r2 knows no unit.
    clamp : bool
        Clip predictions to the range of the training targets; what is trained stays the same.
    penalty_in_loss : bool
        Whether the losses of the history hold the penalty, each batch's at the weights it was trained with: what
        training minimizes, where otherwise the loss stands alone, to be compared with a validation loss.
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
        penalty_in_loss: bool = False,
        standardize_target: bool = False,
        clamp: bool = False,
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
        self.penalty_in_loss = bool(penalty_in_loss)
        self.standardize_target, self.clamp = bool(standardize_target), bool(clamp)
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
        self._data_hash = DataHash()
        self._summary: TrainingSummary | None = None
        self._expected_data: str | None = None
        self.checkpoint_directories: set[Path] = set()  # that this training was saved to, or resumed from
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

    @property
    def stopped(self) -> str:
        """Why a callback ended the last `fit` before its time; "" if none did."""
        return self._stop

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
        weight = task.sample_weight
        penalty = task.penalty and task.penalty.of_batch(float(len(task.x)) if weight is None else float(weight.sum()))
        return mean_loss(task.loss, scores, task.targets, weight) + penalty_value(model, penalty)

    # -- saved and resumed ---------------------------------------------------------------------------------------

    def save(self, directory: str | os.PathLike[str]) -> Path:
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
        OSError
            If the folder cannot be written to, or the disk is full; what was there is as it was.
        """
        from pellucid.training.checkpoint import write_checkpoint

        path = write_checkpoint(self, Path(directory))
        self.checkpoint_directories.add(path.parent.resolve())
        return path

    @classmethod
    def resume(
        cls,
        directory: str | os.PathLike[str],
        *,
        callbacks: Sequence[Callback | Callable[[Trainer], Any]] | None = None,
        custom: Sequence[type] = (),
        engine: str | None = None,
        threads: int | None = None,
        **parts: Any,
    ) -> Trainer:
        """The trainer that the newest checkpoint of a folder holds; `fit` goes on to the bit as if it had never ended.

        A checkpoint that is damaged is passed over, with a warning that names it. The data are not in it: give `fit`
        the same rows, weights and validation rows as before, and the epochs that are left.

        Parameters
        ----------
        directory : path
            The folder.
        callbacks : sequence or None
            The callbacks, made anew; those that remember something (`EarlyStopping`, say) get back what one of their
            class remembered. None: there were no such ones.
        custom : sequence of classes
            Layers, losses, optimizers and other parts of one's own that the checkpoint may name.
        engine, threads
            As for `Network`; None: as before. The same bits come from the same engine only.
        **parts
            `loss`, `optimizer`, `penalty`, `constraint`, `augmentation`: instead of what was written down. Needed where
            one holds functions of your own, such as a learning rate that is a function: no file holds functions.

        Raises
        ------
        FileNotFoundError
            If the folder holds no checkpoint.
        CheckpointError
            If none can be read, or something is needed that no file holds; the message says what.

        Examples
        --------
        >>> import tempfile, pellucid as pl
        >>> x, y = pl.datasets.bulls_eye(100, seed=0)
        >>> trainer = pl.Trainer(pl.Network([pl.Dense(8), pl.Tanh(), pl.Dense(2)]), pl.SoftmaxCrossEntropy())
        >>> history = trainer.fit(x, y, epochs=3)
        >>> folder = tempfile.mkdtemp()
        >>> path = trainer.save(folder)
        >>> again = pl.Trainer.resume(folder)
        >>> again.fit(x, y, epochs=3)["loss"] == trainer.fit(x, y, epochs=3)["loss"]
        True
        """
        from pellucid.training.checkpoint import resume
        from pellucid.training.snapshot import FAMILIES

        for name in parts:
            if name not in FAMILIES:
                raise TypeError(unknown_name("The part", name, FAMILIES))
        options = {"callbacks": callbacks, "custom": custom, "engine": engine, "threads": threads, "parts": parts}
        return resume(cls, Path(directory), **options)

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
        network.classes, network.preprocessing = old.classes, old.preprocessing
        if not (fresh and (self.standardize_target or self.clamp)):  # measured anew
            network.target = old.target
        names = (
            "loss", "optimizer", "batch_size", "penalty", "seed", "shuffle", "learning_rate_factors", "constraint",
            "average", "augmentation", "penalty_in_loss", "standardize_target", "clamp",
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
        begins = self._state is None
        unit = (self.standardize_target, self.clamp) if begins else (False, False)
        targets = prepare(self.network, x, y, loss=self.loss, seed=self.seed, unit=unit)
        if begins:
            warn_of_missing_classes(targets, self.network)
            self._state = State.start(self.network.parameters, self.network.statistics, self.optimizer)
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
        check_schedules(task, range(self.step, self.step + epochs * task.batches))
        checked_validation = check_validation(validation, self.network, self.loss)
        self._task_now, self._validation_now, self.divergence = task, checked_validation, None
        engine, self.history.engine_note = self.network.engines.choose(
            task.program, loss=self.loss, penalty=self.penalty, optimizer=self.optimizer, constraint=self.constraint
        )
        self.history.engine = engine.name
        self.history.stopped = self._stop = ""
        self.history.diverged = None
        self._take_over_changes(task)
        self._see_data(task, checked_validation)
        for callback in self._in_order():  # they may ask which epoch the weights of the last fit are from
            callback.start(self, epochs)
        self.history.best_epoch = None
        try:
            self._run(engine, task, checked_validation, self.epoch + epochs)
        except KeyboardInterrupt:
            self.history.stopped = (
                f"Interrupted in epoch {self.epoch + 1}, after step {self.step}. fit goes on from there."
            )
            raise
        finally:
            self._end()
        return self.history

    def _see_data(self, task: Task, validation: tuple[Array, Array] | None) -> None:
        """Remember what is trained on, for the summary; say so if it is not what a checkpoint was trained on."""
        data_hash = self._data_hash.of(task.x, task.targets)
        self._summary = first_summary(self, task, data_hash, len(validation[0]) if validation else 0)
        before, self._expected_data = self._expected_data, None
        if before is not None and before != data_hash:
            warnings.warn(
                "The training rows are not those that the checkpoint was trained on: training goes on with its weights "
                "and counters, but not as if it had never stopped.",
                UserWarning,
                stacklevel=3,
            )

    def _in_order(self) -> list[Callback]:
        """The callbacks as they are woken: those that must see what the others have done come last."""
        return sorted(self.callbacks, key=lambda callback: callback.last)

    def _end(self) -> None:
        """Tell the callbacks that `fit` ends, and the network what it has become."""
        assert self._summary is not None
        try:
            for callback in self._in_order():
                self.network.training = advanced(self._summary, self)
                callback.end(self)
        finally:
            self.network.training = advanced(self._summary, self)
            self._task_now = self._validation_now = None

    def task_of(self, x: Any, y: Any, *, sample_weight: Any = None, class_weight: Any = None) -> Task:
        """What `fit` with these arguments would train on what, checked; for whoever looks into a training."""
        x = check_inputs(x, "x", self.network.input_shape)
        targets = self.network.encode(y, self.loss)
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
            penalty_in_loss=self.penalty_in_loss,
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
        assert self._summary is not None
        callbacks = self._in_order()
        wake = [self._next_wake(callback) for callback in callbacks]
        while self.epoch < last and not self._stop:
            every_epoch = validation is not None or self.augmentation is not None
            until = min([last, *wake, *([self.epoch + 1] if every_epoch else [])])
            outcome = self._train(engine, task, until - self.epoch)
            with interrupts_deferred():  # what belongs to the end of an epoch is done whole
                self._take(task, outcome)
                if outcome.stopped and (self.state.batch or not outcome.logs):
                    raise KeyboardInterrupt
                if validation:
                    self.history.set_last(validate(self.network, self.loss, *validation))
                if any(self.epoch >= epoch for epoch in wake):
                    self.network.training = advanced(self._summary, self)
                for number, callback in enumerate(callbacks):
                    if self.epoch >= wake[number]:
                        callback.epoch(self)
                        wake[number] = self._next_wake(callback)
                if outcome.stopped:
                    raise KeyboardInterrupt
        self.history.stopped = self._stop

    def _next_wake(self, callback: Callback) -> int:
        """The epoch after which a callback wants to be woken next."""
        return self.epoch + max(1, callback.interval(self))

    def _train(self, engine: Engine, task: Task, epochs: int) -> Outcome:
        """Some epochs in one call."""
        assert self._safe is not None
        if self.augmentation is not None:  # the images of this epoch, which is the only one: see `_run`
            task = replace(task, x=self.augmentation.apply(task.x, self.seed, self.epoch))
        return engine.train(task, self.state, self._safe, epochs)

    def _take(self, task: Task, outcome: Outcome) -> None:
        """Be where the engine came to; the history and the network follow. Turn back if it diverged."""
        before = self.state
        diverged = outcome.stopped == "not_finite" or not (  # the last step of all may overflow, with no loss after it
            outcome.stopped or np.isfinite(outcome.state.parameters).all()
        )
        self._safe = outcome.safe
        self._state = outcome.safe if diverged else outcome.state
        record(self.history, task, before, outcome)
        self.show(self._state)
        if diverged:
            self.history.cut(self.epoch)
            if self.augmentation is not None:
                task = replace(task, x=self.augmentation.apply(task.x, self.seed, before.epoch))
            self.divergence = explain(task, outcome.state, outcome.safe, self.beginning)
            self.history.stopped, self.history.diverged = str(self.divergence), self.divergence.epoch
            raise DivergenceError(self.history.stopped)
