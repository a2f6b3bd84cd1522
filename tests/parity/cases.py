"""What is compared with PyTorch: one table for each family, read by `record.py` and by the tests.

A case names the part in Pellucid and says, as a function of torch, what the same is there. Torch is given to these
functions, never imported here. Adding a part is adding its case; a part without one fails a test.

The kinds of cases stand in `kinds.py`, the tables in `layer_cases.py`, `loss_cases.py` and `optimizer_cases.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pellucid as pl
from parity.kinds import (
    RATES,
    ROWS,
    SCHEDULE_STEPS,
    STEPS,
    LayerCase,
    LossCase,
    OptimizerCase,
    PenaltyCase,
    ScheduleCase,
    numbers,
)
from parity.layer_cases import LAYER_CASES
from parity.loss_cases import LOSS_CASES, PENALTY_CASES
from parity.optimizer_cases import OPTIMIZER_CASES
from parity.schedule_cases import RATE, SCHEDULE_CASES
from pellucid.typing import Floats

__all__ = [
    "INPUTS",
    "LAYER_CASES",
    "LOSS_CASES",
    "NETWORK_CASES",
    "OPTIMIZER_CASES",
    "PENALTY_CASES",
    "PROBLEM",
    "RATE",
    "RATES",
    "ROWS",
    "SCHEDULE_CASES",
    "SCHEDULE_STEPS",
    "STEPS",
    "LayerCase",
    "LossCase",
    "NetworkCase",
    "OptimizerCase",
    "PenaltyCase",
    "ScheduleCase",
    "numbers",
]


@dataclass(frozen=True)
class NetworkCase:
    """Dense(3), a layer, Dense, and a loss: the mean loss and its gradient with respect to all parameters."""

    name: str
    middle: LayerCase
    loss: LossCase

    @property
    def layers(self) -> list[LayerCase]:
        """The chain: two features, three units, the layer, and as many outputs as the loss needs."""
        units = self.middle.layer.output_shape((3,))[0]
        last = self.loss.outputs
        dense = LAYER_CASES[0].torch
        return [
            LayerCase("first", pl.Dense(3), (2,), dense, {"weight": (2, 3), "bias": (3,)}),
            self.middle,
            LayerCase("last", pl.Dense(last), (units,), dense, {"weight": (units, last), "bias": (last,)}),
        ]

    @property
    def parameters(self) -> Floats:
        """The flat vector (p,)."""
        count = sum(math.prod(shape) for layer in self.layers for shape in layer.parameters.values())
        return numbers(count, 0.6, 0.9)


def _network_cases() -> list[NetworkCase]:
    """Each layer that can stand behind another before SoftmaxCrossEntropy, and Tanh before each loss."""
    of_layer = {case.name: case for case in LAYER_CASES}
    of_loss = {case.name: case for case in LOSS_CASES}
    behind = [case for case in LAYER_CASES if not case.training and not case.codes and len(case.input_shape) == 1]
    pairs = [(layer, of_loss["SoftmaxCrossEntropy"]) for layer in behind]
    pairs += [(of_layer["Tanh"], loss) for loss in LOSS_CASES if loss.name != "SoftmaxCrossEntropy"]
    return [NetworkCase(f"{layer.name}, {loss.name}", layer, loss) for layer, loss in pairs]


NETWORK_CASES = _network_cases()
INPUTS = numbers((ROWS, 2), 0.1)
PROBLEM = next(case for case in NETWORK_CASES if case.name == "Tanh, SoftmaxCrossEntropy")
"""What the optimizers train."""
