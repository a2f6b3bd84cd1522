"""The trainer: a network in time."""

from __future__ import annotations

import numbers
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.augmentation import Augmentation
from pellucid.description import TrainingSummary
from pellucid.display import html_table, typed
from pellucid.engines.engine import Model, TrainingState, TrainingTask
from pellucid.engines.reference import mean_loss, penalty_value
from pellucid.foreign import explains_arguments, missing_attribute
from pellucid.losses import Loss
from pellucid.metrics import Metrics, find_metrics
from pellucid.network import Network
from pellucid.optimizers import Optimizer
from pellucid.penalties import Constraint, Penalty
from pellucid.training import rows, saving
from pellucid.training.callbacks import Callback, as_callback, progress_for
from pellucid.training.divergence import Divergence
from pellucid.training.examples import Examples, Validation, examples_of, split_off, validation_examples
from pellucid.training.history import History
from pellucid.training.initialization import prepare
from pellucid.training.loop import Fit, train
from pellucid.training.repeating import Repetition, given_to
from pellucid.training.settings import (
    FAMILIES,
    SETTINGS,
    Setting,
    TrainerSettings,
    clone_network,
    warn_of_doubled_output,
)
from pellucid.training.states import TrainingStates
from pellucid.training.summaries import DataHash, first_summary
from pellucid.typing import Array
from pellucid.validation import check_integer


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
        are measured once, when training begins, and belong to the network (`network.target`): `predict` returns in
        the unit of y. The losses of the history, and those of `evaluate`, are in the scaled unit; r2 knows no unit.
        With `Poisson` it is y/mean.
    clamp : bool
        Clip predictions to the range of the training targets; what is trained stays the same.
    penalty_in_loss : bool
        Whether the losses of the history hold the penalty, each batch's at the weights it was trained with: what
        training minimizes, where otherwise the loss stands alone, to be compared with a validation loss.
    callbacks : sequence
        Callbacks, or functions of the trainer that are called after every epoch.

    Attributes
    ----------
    settings : TrainerSettings
        All arguments but the network and the callbacks; each is an attribute, too, which may be assigned.
    history : History
        What happened so far, over all calls of `fit`.
    epoch, step : int
        How many epochs and steps are done.
    state : TrainingState
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

    loss = Setting[Loss]()
    optimizer = Setting[Optimizer]()
    batch_size = Setting[int | str]()
    penalty = Setting[Penalty | None]()
    seed = Setting[int]()
    shuffle = Setting[bool]()
    learning_rate_factors = Setting[Mapping[str, float]]()
    constraint = Setting[Constraint | None]()
    average = Setting[float | None]()
    augmentation = Setting[Augmentation | None]()
    penalty_in_loss = Setting[bool]()
    standardize_target = Setting[bool]()
    clamp = Setting[bool]()

    @explains_arguments
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
        self.network = network
        self.settings = TrainerSettings(
            loss=loss,  # type: ignore[arg-type]  # a name becomes a part
            optimizer=optimizer,  # type: ignore[arg-type]
            batch_size=batch_size,
            penalty=penalty,
            seed=seed,
            shuffle=shuffle,
            learning_rate_factors=learning_rate_factors or {},
            constraint=constraint,
            average=average,
            augmentation=augmentation,
            penalty_in_loss=penalty_in_loss,
            standardize_target=standardize_target,
            clamp=clamp,
        )
        self.callbacks = [as_callback(callback) for callback in callbacks]
        self.history = History()
        self.divergence: Divergence | None = None
        self.checkpoint_directories: dict[Path, int] = {}  # where it was saved to or resumed from: the newest's number
        self.repetition = Repetition()
        self._progress: TrainingStates | None = None
        self._fit: Fit | None = None
        self._stop = ""
        self._data_hash = DataHash()
        self._expected_data: str | None = None

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise missing_attribute(self, name)

    # -- where training is ---------------------------------------------------------------------------------------

    @property
    def progress(self) -> TrainingStates:
        """The states of the training: what it goes on from, and what it turns back to."""
        if self._progress is None:
            raise ValueError("Training has not begun: call fit(x, y, epochs=…) or initialize(x, y).")
        return self._progress

    @property
    def state(self) -> TrainingState:
        """Everything that training goes on from: parameters, statistics, slots, counters."""
        return self.progress.state

    @property
    def initial(self) -> TrainingState:
        """The state before the first step: first weights, and slots at 0."""
        return self.progress.initial

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return 0 if self._progress is None else self._progress.state.epoch

    @property
    def step(self) -> int:
        """How many steps are done."""
        return 0 if self._progress is None else self._progress.state.step

    @property
    def task(self) -> TrainingTask:
        """What is trained on what, while `fit` runs; for callbacks."""
        if self._fit is None:
            raise ValueError("There is no training going on: task and objective() are for callbacks.")
        return self._fit.task

    def hold(self, resource: AbstractContextManager[Any]) -> None:
        """Enter a context that is left when `fit` ends, however it ends; for callbacks."""
        if self._fit is None:
            raise ValueError("There is no training going on: hold() is for callbacks.")
        self._fit.resources.enter_context(resource)

    @property
    def validation(self) -> tuple[Array, Array] | None:
        """The validation rows and their encoded targets, while `fit` runs with some; for callbacks."""
        held_out = self.held_out
        return None if held_out is None else (held_out.x, held_out.targets)

    @property
    def held_out(self) -> Examples | None:
        """The validation rows as they are measured, weights and all, while `fit` runs with some; for callbacks."""
        return None if self._fit is None else self._fit.held_out

    def stop(self, reason: str) -> None:
        """End training after this epoch; for callbacks."""
        self._stop = reason

    @property
    def stopped(self) -> str:
        """Why a callback ended the last `fit` before its time; "" if none did."""
        return self._stop

    def show(self, state: TrainingState) -> None:
        """Put a state's numbers into the network. Training still goes on from `state` of the trainer's own."""
        self.progress.show(self.network, state)

    def resume_from(self, state: TrainingState) -> None:
        """Replace what training goes on from, and show it; for callbacks that turn back or change the rate."""
        self.repetition.note("a callback changed its weights or its learning rate.")
        self.progress.state = state
        self.show(state)

    def objective(self) -> float:
        """The mean loss of the training rows plus the penalty, at the present weights; for callbacks."""
        task, state = self.task, self.state
        model = Model(task.program, state.parameters, state.statistics)
        scores = self.network.engines.choose(task.program)[0].scores(model, task.x)
        weight = task.sample_weight
        penalty = task.penalty and task.penalty.of_batch(float(len(task.x)) if weight is None else float(weight.sum()))
        return mean_loss(task.loss, scores, task.targets, weight) + penalty_value(model, penalty)

    # -- saved, resumed and repeated -----------------------------------------------------------------------------

    save = saving.save

    @classmethod
    def resume(
        cls,
        /,
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
            If none can be read, they are of several trainings, or something is needed that no file holds; the message
            says what.

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
        return saving.resume(
            cls, directory, callbacks=callbacks, custom=custom, engine=engine, threads=threads, **parts
        )

    def restore(self, progress: TrainingStates, *, stopped: str) -> None:
        """Be where a training was that was saved; a `fit` on other rows is told so."""
        self._progress, self._stop = progress, stopped
        self._expected_data = None if self.network.training is None else self.network.training.data_hash
        self.repetition = Repetition.resumed(self)

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
        network = clone_network(self.network, fresh=fresh, layers=changes.pop("layers", None))
        if fresh and (self.standardize_target or self.clamp):
            network.target = None  # measured anew
        return Trainer(network, **{**vars(self.settings), **changes})

    # -- training ------------------------------------------------------------------------------------------------

    def examples(self, x: Any, y: Any, *, sample_weight: Any = None, class_weight: Any = None) -> Examples:
        """Rows as `fit` with these arguments would train on, checked, with their targets and weights."""
        examples = examples_of(self.network, self.loss, x, y, sample_weight)
        return examples.with_class_weight(class_weight, self.network)

    def task_of(self, x: Any, y: Any, *, sample_weight: Any = None, class_weight: Any = None) -> TrainingTask:
        """What `fit` with these arguments would train on what; for whoever looks into a training that has begun."""
        return self.task_for(self.examples(x, y, sample_weight=sample_weight, class_weight=class_weight))

    def task_for(self, examples: Examples) -> TrainingTask:
        """What training on these examples is, once the network is ready for it."""
        network, given = self.network, examples.in_unit_of(self.network)
        return TrainingTask(
            program=network.program,
            loss=self.loss,
            penalty=self.penalty,
            optimizer=self.optimizer,
            x=given.x,
            targets=given.targets,
            link=network.link,
            sample_weight=given.weight,
            batch_size=rows.batch_rows(self.batch_size, len(given.x)),
            shuffle=self.shuffle,
            seed=self.seed,
            rate_factors=rows.rate_factors(self.learning_rate_factors, network),
            constraint=self.constraint,
            average=self.average,
            penalty_in_loss=self.penalty_in_loss,
        )

    def initialize(self, x: Any, y: Any) -> Trainer:
        """Draw the first weights and measure the inputs, without training. `fit` does it on its own.

        A network that has weights keeps them, and its statistics if they were measured.
        """
        return self.begin(self.examples(x, y))

    def begin(self, examples: Examples) -> Trainer:
        """`initialize` with rows that were checked."""
        if self.augmentation is not None:
            self.augmentation.check_rows(examples.x.shape[1:])
        begins = self._progress is None
        unit = (self.standardize_target, self.clamp) if begins else (False, False)
        before = {"built": self.network.built, "fitted": self.network.statistics_fitted}
        prepare(self.network, examples, loss=self.loss, seed=self.seed, unit=unit)
        if begins:
            self.repetition.initialized(self.network, self.seed, **before)
            rows.warn_of_missing_classes(examples.targets, self.network)
            self._progress = TrainingStates.begin(self.network, self.optimizer)
        return self

    @explains_arguments
    def fit(
        self,
        x: Any,
        y: Any,
        *,
        epochs: int,
        validation: Validation = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | str | None = None,
        metrics: Metrics | None = None,
        progress: bool | None = None,
    ) -> History:
        """Train for `epochs` epochs. Calling it again continues exactly where it stopped.

        Parameters
        ----------
        x : array (n, *input_shape)
            Inputs of any numeric dtype; never copied whole.
        y : array
            Targets, in the form the loss takes.
        epochs : int
            How many times every row is used.
        validation : (x, y), (x, y, weight), float or None
            Rows to measure loss and accuracy (of numbers: r2) on after each epoch; with weights (n,), each row counts
            by its own. A fraction: so much of the rows is split off first.
        sample_weight : array (n,) or None
            How much each row counts: 2 counts like the row given twice.
        class_weight : mapping, "balanced" or None
            How much the rows of each class count, multiplied with `sample_weight`; classes not named count 1.
            "balanced": n/(K·rows of the class), so that all classes count the same.
        metrics : sequence or mapping
            What is measured beside the loss after each epoch, of training and validation rows: names, functions of
            (y, predictions), or functions by name, as for `Network.evaluate`. A column "f1" is measured at the
            epoch's end, as "validation_f1" is; it takes a prediction of all training rows.
        progress : bool or None
            Whether a line shows how training goes. None: in a terminal and in a notebook.

        Returns
        -------
        History
            Of all epochs so far.

        Raises
        ------
        DivergenceError
            If the loss is NaN or infinite, also after the last step, or the validation loss is NaN. The network has the
            last finite weights, and `history.stopped` the reason.
        KeyboardInterrupt
            On Ctrl-C. The network has the weights of the last whole step, and `fit` goes on from there.
        """
        examples = examples_of(self.network, self.loss, x, y, sample_weight)
        held_out = None
        if isinstance(validation, numbers.Real):
            examples, held_out = split_off(examples, float(validation), self.seed)
        return self.fit_examples(
            examples.with_class_weight(class_weight, self.network),
            epochs=epochs,
            validation=validation if held_out is None else held_out,
            class_weight=class_weight,
            weighted=sample_weight is not None,
            metrics=metrics,
            progress=progress,
        )

    def fit_examples(
        self,
        examples: Examples,
        *,
        epochs: int,
        validation: Any = None,
        class_weight: Any = None,
        weighted: bool | None = None,
        metrics: Metrics | None = None,
        progress: bool | None = None,
    ) -> History:
        """`fit` with rows that were checked; their weights hold those of the classes.

        Parameters
        ----------
        examples : Examples
            The rows.
        validation : Examples, (x, y), (x, y, weight) or None
            The rows to measure on.
        class_weight, weighted
            Where the examples' weights come from: the classes, and whether single rows had any; None: they had if
            there are weights. For the network's description of its training.
        epochs, metrics, progress
            As for `fit`.
        """
        check_integer("epochs", epochs, minimum=1)
        network, history = self.network, self.history
        self.begin(examples)
        task = self.task_for(examples)
        rows.check_schedules(task, range(self.step, self.step + epochs * task.batches))
        held_out = validation_examples(validation, network, self.loss)
        wanted = find_metrics(metrics)
        engine, history.engine_note = network.engines.choose(
            task.program, loss=self.loss, penalty=self.penalty, optimizer=self.optimizer, constraint=self.constraint
        )
        history.engine, history.diverged, self.divergence = engine.name, None, None
        history.stopped = self._stop = ""
        if not self.step:
            warn_of_doubled_output(network, self.loss)
        weighted = examples.weight is not None if weighted is None else weighted
        given = given_to(
            self, task, class_weight, weighted, validation_weight=held_out is not None and held_out.weight is not None
        )
        data_hash = self._data_hash.of(task.x, task.targets)
        self.repetition.fit_begins(self, given, data_hash)
        self.progress.sync_from_network(network, self.optimizer, task.batches)
        summary = self._summary(task, data_hash, 0 if held_out is None else len(held_out.x))
        callbacks = [*self.callbacks, *progress_for(progress, self.callbacks)]
        self._fit = Fit(engine, task, held_out, epochs, self.epoch + epochs, summary, wanted, callbacks)
        try:
            with self._fit.resources:
                train(self, self._fit)
        finally:
            self._fit = None
        return history

    def _summary(self, task: TrainingTask, data_hash: str, validation_rows: int) -> TrainingSummary:
        """What the network will say of this `fit`; whoever goes on from a checkpoint is told of other rows."""
        expected, self._expected_data = self._expected_data, None
        rows.warn_of_other_data(data_hash, expected)
        return first_summary(self, task, data_hash, validation_rows)

    # -- words ---------------------------------------------------------------------------------------------------

    def _settings(self) -> dict[str, str]:
        """The settings in words: the usual ones, and what differs from its default."""
        usual = ("loss", "optimizer", "batch_size", "seed")
        default = {each.name: None if each.default is MISSING else each.default for each in fields(TrainerSettings)}
        changed = [name for name in (*FAMILIES, *SETTINGS) if (getattr(self, name) or None) != (default[name] or None)]
        shown = {name: typed(getattr(self, name)) for name in dict.fromkeys((*usual, *changed))}
        kinds = ", ".join(type(each).__name__ for each in self.callbacks)
        return {**shown, "callbacks": f"[{kinds}]"} if kinds else shown

    def _position(self) -> str:
        return f"epoch {self.epoch:,}, step {self.step:,}" if self._progress else "not begun"

    def __repr__(self) -> str:
        """The network, the settings, and where training is."""
        settings = ", ".join(f"{name}={value}" for name, value in self._settings().items())
        return f"Trainer({self.network!r}, {settings}): {self._position()}"

    def _repr_html_(self) -> str:
        """The settings, the network and the history, in a notebook."""
        settings = html_table([("trainer", self._position()), *self._settings().items()], numbers=0)
        history = self.history._repr_html_() if len(self.history) else ""
        return settings + self.network._repr_html_() + history
