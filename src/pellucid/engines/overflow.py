"""Where numbers stop being finite, layer by layer."""

from __future__ import annotations

import numpy as np

from pellucid.engines.engine import Model
from pellucid.engines.reference import Randomness, layer_by_layer
from pellucid.typing import Array


def first_overflow(model: Model, x: Array, randomness: Randomness | None = None) -> tuple[int | None, str]:
    """The first layer whose parameters or outputs for x are not finite, and a sentence; (None, "") if all are finite.

    With `randomness` it is a training step, else a prediction.
    """
    with np.errstate(all="ignore"):
        for one, _, output in layer_by_layer(model, x, randomness):
            instruction = one.instruction
            for view in instruction.parameters:
                if not np.isfinite(view.of(model.parameters)).all():
                    return instruction.index, f"the {view.name} of {instruction.name} holds values that are not finite"
            if not np.isfinite(output).all():
                place = f"the first values that are not finite are the outputs of {instruction.name}"
                return instruction.index, place
    return None, ""
