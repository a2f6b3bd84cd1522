"""What the modules behind a trainer use of it.

Contract: `Trainer` stands above the modules that it is put together from, which know it by this protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from pellucid.augmentation import Augmentation
from pellucid.engines.engine import TrainingState
from pellucid.penalties import Constraint, Penalty
from pellucid.training.callbacks import Callback, TrainerInterface
from pellucid.training.divergence import Divergence
from pellucid.training.states import TrainingStates


class TrainerParts(TrainerInterface, Protocol):
    """The settings of a trainer, its callbacks, and where it is."""

    batch_size: int | str
    penalty: Penalty | None
    seed: int
    shuffle: bool
    learning_rate_factors: Mapping[str, float]
    constraint: Constraint | None
    average: float | None
    augmentation: Augmentation | None
    penalty_in_loss: bool
    callbacks: list[Callback]
    divergence: Divergence | None
    checkpoint_directories: dict[Path, int]

    @property
    def progress(self) -> TrainingStates:
        """The states of the training: what it goes on from, and what it turns back to."""

    @property
    def initial(self) -> TrainingState:
        """The state before the first step."""

    def restore(self, progress: TrainingStates, *, stopped: str) -> None:
        """Be where a training was that was saved."""
