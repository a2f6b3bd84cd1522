"""What it takes to repeat a training: everything it was given, as plain values, for the model file.

Contract: `given_to(trainer, …)` is the table of one call of `fit`; `Repetition` follows a trainer through all of them,
and notes what no list of settings can repeat, in one sentence. `TrainingSummary.settings` holds both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pellucid.engines.engine import TrainingTask
from pellucid.network import Network
from pellucid.training.early_stopping import EarlyStopping
from pellucid.training.parts import TrainerParts
from pellucid.training.settings import FAMILIES, SETTINGS
from pellucid.training.snapshot import part_table
from pellucid.training.weighting import class_table
from pellucid.typing import Array, Floats

SAMPLES = 5
"""How many numbers of each parameter are kept of the first epoch."""


def samples(values: Array) -> Array:
    """Some numbers of an array, evenly spread from the first to the last."""
    return values.ravel()[np.linspace(0, values.size - 1, SAMPLES).astype(int)]


def given_to(
    trainer: TrainerParts, task: TrainingTask, class_weight: Any, sample_weight: bool, validation_weight: bool
) -> dict[str, Any]:
    """Everything one call of `fit` was given but for its rows and epochs, as JSON values."""
    table = None if class_weight is None else class_table(class_weight, task.targets, trainer.network.outputs).tolist()
    return {
        "parts": {name: part_table(getattr(trainer, name), family) for name, family in FAMILIES.items()},
        "settings": {name: getattr(trainer, name) for name in SETTINGS},
        "targets": "classes" if task.targets.ndim == 1 else "numbers",
        "target_dtype": task.targets.dtype.name,
        "class_weight": table,
        "sample_weight": sample_weight,
        "validation_weight": validation_weight,
        "early_stopping": [callback.options() for callback in _stopping(trainer)],
    }


def _stopping(trainer: TrainerParts) -> list[EarlyStopping]:
    return [callback for callback in trainer.callbacks if isinstance(callback, EarlyStopping)]


@dataclass
class Repetition:
    """What a trainer remembers of its calls of `fit`.

    Parameters
    ----------
    obstacle : str
        Why settings alone cannot repeat the training; "" if they can.
    first_epoch : mapping or None
        `samples` of every parameter after the first epoch, by name.
    given : mapping or None
        What `fit` was given first.
    data_hash : str
        Of the rows it was given first.
    """

    obstacle: str = ""
    first_epoch: Mapping[str, Any] | None = None
    given: Mapping[str, Any] | None = None
    data_hash: str = ""

    @classmethod
    def resumed(cls, trainer: TrainerParts) -> Repetition:
        """Of a trainer that was read from a checkpoint: as the network's summary has it."""
        summary = trainer.network.training
        if trainer.step == 0:
            begun = cls()
            begun.initialized(trainer.network, trainer.seed, built=True, fitted=False)
            return begun
        settings = None if summary is None else summary.settings
        if summary is None or settings is None:
            return cls("it was resumed from a checkpoint that does not hold its settings.")
        given = {name: value for name, value in settings.items() if name not in ("epochs", "first_epoch", "obstacle")}
        return cls(settings["obstacle"], settings["first_epoch"], given, summary.data_hash)

    def note(self, obstacle: str) -> None:
        """Remember why the training cannot be repeated; the first reason stays."""
        self.obstacle = self.obstacle or obstacle

    def initialized(self, network: Network, seed: int, *, built: bool, fitted: bool) -> None:
        """Training begins; whether the network was built, and its statistics measured, before."""
        if built and not is_drawn(network, network.parameters, seed):
            self.note("it began with weights that its seed did not draw.")
        if fitted and network.program.statistic_count:
            self.note("it began with statistics that were not measured on its rows.")

    def fit_begins(self, trainer: TrainerParts, given: Mapping[str, Any], data_hash: str) -> None:
        """`fit` is called, before anything is changed."""
        if trainer.progress.changed_outside(trainer.network):
            self.note("the weights were changed by hand before a call of fit.")
        if trainer.step == 0 or self.given is None:
            self.given, self.data_hash = given, data_hash
        elif (given, data_hash) != (self.given, self.data_hash):
            self.note("its calls of fit differ in their rows or their settings.")
        if any(each.exhausted(trainer.epoch) for each in _stopping(trainer)):
            self.note("it went on after early stopping.")

    def epoch_ends(self, trainer: TrainerParts) -> None:
        """Keep some weights of the first epoch."""
        if trainer.epoch == 1:
            views, flat = trainer.network.program.views(), trainer.state.parameters
            self.first_epoch = {name: samples(view.of(flat)).tolist() for name, view in views.items()}

    def fit_ends(self, trainer: TrainerParts) -> None:
        """The callbacks have had their say: the network shows the last weights, or those of the best epoch."""
        state = trainer.state
        last = state.parameters if state.average is None else state.average
        if trainer.history.best_epoch is None and not np.array_equal(trainer.network.parameters, last):
            self.note("a callback put other weights into the network than those of an epoch.")

    def settings(self, trainer: TrainerParts, last: int) -> dict[str, Any]:
        """The table for the summary; `last` is the epoch that `fit` was to end with."""
        ended_early = any(each.exhausted(trainer.epoch) for each in _stopping(trainer))
        return {
            **(self.given or {}),
            "epochs": last if ended_early else trainer.epoch,
            "first_epoch": self.first_epoch,
            "obstacle": self.obstacle,
        }


class RepeatableTrainer(TrainerParts, Protocol):
    """A trainer that notes what it takes to repeat its training."""

    repetition: Repetition


def is_drawn(network: Network, parameters: Floats, seed: int) -> bool:
    """Whether parameters (p,) are the first weights that a seed draws for a network."""
    drawn = Network(network.layers, network.dtype.name, "reference").build(network.input_shape, seed)
    return np.array_equal(drawn.parameters, parameters)
