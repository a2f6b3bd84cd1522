"""The training that a program is of: one to come, as a trainer is set up, or one that was, as the model file has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.description import TrainingSummary
from pellucid.engines.engine import Model
from pellucid.engines.reference import Randomness, backward, forward
from pellucid.losses import Hinge, SoftmaxCrossEntropy, SquaredError
from pellucid.network import Network
from pellucid.training import EarlyStopping, Trainer
from pellucid.training.repeating import is_drawn
from pellucid.training.settings import FAMILIES
from pellucid.training.snapshot import part_from
from pellucid.validation import check_choice, check_integer

_MONITORS = (None, "loss", "validation_loss", "accuracy", "validation_accuracy")


@dataclass(frozen=True)
class Run:
    """One training.

    Parameters
    ----------
    trainer : Trainer
        Its network, parts and settings.
    epochs : int
        How many there are at most.
    classes : bool
        Whether y holds classes.
    stopping : EarlyStopping or None
        What ends it early and restores the best epoch.
    validation : bool
        Whether there are validation rows.
    class_weight : tuple of float or None
        How much the rows of each class count.
    sample_weight : bool
        Whether each row has a weight of its own.
    summary : TrainingSummary or None
        What came of it; None: it has not been.
    """

    trainer: Trainer
    epochs: int
    classes: bool
    stopping: EarlyStopping | None = None
    validation: bool = False
    class_weight: tuple[float, ...] | None = None
    sample_weight: bool = False
    summary: TrainingSummary | None = None

    @property
    def weighted(self) -> bool:
        """Whether rows count differently."""
        return self.sample_weight or self.class_weight is not None

    @property
    def monitor(self) -> str:
        """The number that early stopping watches."""
        assert self.stopping is not None
        return self.stopping.monitor or ("validation_loss" if self.validation else "loss")

    def first_epoch(self) -> dict[str, list[float]]:
        """Some weights after the first epoch, by the parameters' names: of those that training can tell apart."""
        if self.summary is None or self.summary.settings is None:
            return {}
        kept = self.summary.settings["first_epoch"] or {}
        return {name: kept[name] for name in _felt(self.trainer.network) if name in kept}


def run_of(source: Trainer | Network, epochs: int | None, targets: str | None) -> Run:
    """The training of a network that was trained, or of a trainer: the one it has done, unless `epochs` is given."""
    if isinstance(source, Network):
        if epochs is not None or targets is not None:
            raise ValueError("epochs and targets are for a trainer: of a network its own training is written.")
        return _run_that_was(source)
    if not isinstance(source, Trainer):
        raise TypeError(f"A training program is written of a trainer or a trained network, not of {source!r:.60}.")
    if source.epoch > 0 and epochs is None and targets is None:
        return _run_that_was(source.network)
    return Run(source, check_integer("epochs", 20 if epochs is None else epochs, minimum=1), _classes(source, targets))


def check_first_weights(run: Run) -> None:
    """Raise if a training to come starts from other weights than the program would draw."""
    trainer, network = run.trainer, run.trainer.network
    begins = network.parameters if trainer.epoch == 0 else trainer.initial.parameters
    if run.summary is None and not is_drawn(network, begins, trainer.seed):
        raise ValueError(
            f"The network has weights that the trainer's seed {trainer.seed} does not draw, and the program would "
            f"start from others: give it trainer.replica(fresh=True).initialize(x, y)."
        )


def _classes(trainer: Trainer, targets: str | None) -> bool:
    """Whether y holds classes."""
    if targets is not None:
        return check_choice("targets", targets, ("classes", "numbers")) == "classes"
    loss, network = trainer.loss, trainer.network
    if isinstance(loss, SoftmaxCrossEntropy) or (isinstance(loss, Hinge) and network.outputs > 1):
        return True
    return isinstance(loss, SquaredError) and network.link == "argmax"


def _run_that_was(network: Network) -> Run:
    """The training behind a network's weights."""
    summary = network.training
    if summary is None:
        raise ValueError("The network was not trained by a Trainer: there is no training to write down.")
    if summary.settings is None:
        raise ValueError(
            f"The model was written by Pellucid {summary.version}, which did not keep what it takes to repeat the "
            f"training (penalty, schedule, shuffling, class weights, early stopping): train it again."
        )
    if network.preprocessing is not None:
        raise ValueError("The training program does not know how a table becomes numbers: it is for networks of rows.")
    try:
        run = _repeated(network, summary, summary.settings)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"The settings of the training in the model file are damaged: {error!r}.") from None
    _check(run, summary, summary.settings)
    return run


def _repeated(network: Network, summary: TrainingSummary, settings: Mapping[str, Any]) -> Run:
    parts = {name: part_from(name, settings["parts"][name], None, ()) for name in FAMILIES}
    options = [dict(each) for each in settings["early_stopping"]]
    if len(options) > 1 or any(each.pop("type") != EarlyStopping.__name__ for each in options):
        raise ValueError("The training program knows one EarlyStopping, and none of your own.")
    weights = settings["class_weight"]
    return Run(
        trainer=Trainer(network, **parts, **settings["settings"]),
        epochs=check_integer("epochs", settings["epochs"], minimum=1),
        classes=settings["targets"] == "classes",
        stopping=EarlyStopping(**options[0]) if options else None,
        validation=summary.validation_rows > 0,
        class_weight=None if weights is None else tuple(weights),
        sample_weight=bool(settings["sample_weight"]),
        summary=summary,
    )


def _check(run: Run, summary: TrainingSummary, settings: Mapping[str, Any]) -> None:
    """Raise if a program cannot come to the weights of the network."""
    if settings["obstacle"]:
        raise ValueError(f"The training cannot be repeated by a program: {settings['obstacle']}")
    if settings["validation_weight"]:
        raise ValueError("The training program does not know validation rows with weights of their own.")
    if run.stopping is not None and run.monitor not in _MONITORS:
        raise ValueError(
            f"The training program cannot watch {run.monitor}: EarlyStopping may watch a loss or accuracy."
        )
    if summary.steps != summary.epochs * -(-summary.rows // summary.batch_size):
        raise ValueError("The training cannot be repeated by a program: it was interrupted in the midst of an epoch.")


def _felt(network: Network) -> list[str]:
    """The parameters whose gradient is more than rounding: that of a bias before a batch normalization is not."""
    program = network.program
    codes = max(instruction.layer.code_columns for instruction in program.instructions)
    random = np.random.default_rng(0)
    x = random.integers(0, 2, (64, *program.input_shape)).astype(np.float64)
    x[..., x.shape[-1] - codes :] = 0
    model = Model(program, network.parameters.astype(np.float64), network.statistics)
    scores, passes = forward(model, x, Randomness(0, 0))
    flat = np.abs(backward(model, random.standard_normal(scores.shape), passes))
    return [name for name, view in program.views().items() if view.of(flat).max() > 1e-9 * flat.max()]
