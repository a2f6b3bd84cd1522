"""The contenders: the same workload in each library's best form.

A contender is made with a workload and a number of threads; `round()` trains the workload's epochs once more,
shuffling included, and `score()` is the accuracy on the test rows. Data and compilation are ready before the first
round. Whoever wants bytes as floats converts them once, outside the clock; Pellucid reads the bytes themselves.
"""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.workloads import Workload, load


class Pellucid:
    """`Trainer.fit` on the native engine."""

    engine = "native"

    def __init__(self, workload: Workload, threads: int) -> None:
        import pellucid as pl

        self.x, self.y, self.test_x, self.test_y = load(workload)
        layers: list[Any] = [pl.Rescale(1 / 255)] if workload.data == "mnist" else []
        for units in () if workload.layers else workload.sizes[1:-1]:
            layers.append(pl.Dense(units))
            layers += [pl.BatchNormalization()] if workload.normalization else []
            layers.append(pl.ReLU())
            layers += [pl.Dropout(workload.dropout)] if workload.dropout else []
        layers += sliding_layers(workload) if workload.layers else [pl.Dense(workload.sizes[-1])]
        self.network = pl.Network(layers, engine=self.engine, threads=threads)
        optimizer = {"descent": pl.GradientDescent, "momentum": pl.Momentum, "adam": pl.Adam}[workload.optimizer]
        self.trainer = pl.Trainer(
            self.network, pl.SoftmaxCrossEntropy(), optimizer(workload.rate), batch_size=workload.batch or "full"
        )
        self.epochs = workload.epochs
        self.trainer.initialize(self.x, self.y)

    def round(self) -> None:
        self.trainer.fit(self.x, self.y, epochs=self.epochs)

    def score(self) -> float:
        return self.network.evaluate(self.test_x, self.test_y)["accuracy"]


def sliding_layers(workload: Workload) -> list[Any]:
    """The layers of a convolutional network."""
    import pellucid as pl

    image = len(workload.shape) == 3
    make: dict[str, Any] = {
        "conv": lambda filters, size, padding: (pl.Conv2D if image else pl.Conv1D)(filters, size, padding=padding),
        "norm": pl.BatchNormalization,
        "relu": pl.ReLU,
        "pool": pl.MaxPooling2D if image else pl.MaxPooling1D,
        "mean": pl.GlobalAveragePooling,
        "dense": pl.Dense,
    }
    layers: list[Any] = [pl.Reshape(workload.shape)]
    flat = False
    for kind, *numbers in workload.layers:
        layers += [pl.Flatten()] if kind == "dense" and not flat else []
        flat |= kind == "dense"
        layers.append(make[kind](*numbers))
    return layers


class Reference(Pellucid):
    """`Trainer.fit` on the reference engine."""

    engine = "reference"


CONTENDERS = {
    "pellucid": "contenders:Pellucid",
    "reference": "contenders:Reference",
    "torch": "contender_torch:Torch",
    "torch-compiled": "contender_torch:TorchCompiled",
    "torch-channels-last": "contender_torch:TorchChannelsLast",
    "jax": "contender_jax:Jax",
}


def find(name: str) -> type[Any]:
    """The contender of a name."""
    module, _, kind = CONTENDERS[name].partition(":")
    return getattr(importlib.import_module(f"benchmarks.{module}"), kind)
