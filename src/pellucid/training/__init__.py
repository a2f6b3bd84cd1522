"""Training: a network in time."""

from __future__ import annotations

from pellucid.training.callbacks import Callback, Every, Progress, TrainerInterface
from pellucid.training.checkpoint import Checkpoint
from pellucid.training.claims import CheckpointError
from pellucid.training.divergence import Divergence, DivergenceError
from pellucid.training.early_stopping import EarlyStopping
from pellucid.training.history import History
from pellucid.training.rates import Backtracking, ReduceOnPlateau
from pellucid.training.settings import OutputLossWarning
from pellucid.training.trainer import Trainer

__all__ = [
    "Backtracking",
    "Callback",
    "Checkpoint",
    "CheckpointError",
    "Divergence",
    "DivergenceError",
    "EarlyStopping",
    "Every",
    "History",
    "OutputLossWarning",
    "Progress",
    "ReduceOnPlateau",
    "Trainer",
    "TrainerInterface",
]
