"""Inspection: looking into networks and their training. Nothing here changes what it looks at."""

from __future__ import annotations

from pellucid.inspection.features import Excitation, exciting_input, saliency, top_inputs, unit_values
from pellucid.inspection.landscape import LossSurface, TrainingPath, loss_surface, random_directions, training_path

__all__ = [
    "Excitation",
    "LossSurface",
    "TrainingPath",
    "exciting_input",
    "loss_surface",
    "random_directions",
    "saliency",
    "top_inputs",
    "training_path",
    "unit_values",
]
