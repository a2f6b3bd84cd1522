"""Human-readable metadata of a network: the features it takes, and the training it had.

Nothing here changes what a network answers. It travels in the model file, and `pellucid info` shows it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pellucid.losses import class_count
from pellucid.program.compilation import Program
from pellucid.validation import check_choice, counted

KINDS = ("number", "boolean", "category")


@dataclass(frozen=True)
class Feature:
    """One of the numbers a network takes.

    Parameters
    ----------
    name : str
        What it is called: "age".
    kind : {"number", "boolean", "category"}
        What the number stands for: itself, 0 or 1 for no or yes, or the code of a category.
    """

    name: str
    kind: str = "number"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"The name of a feature must be a text that is not empty, not {self.name!r:.60}.")
        check_choice("The kind of a feature", self.kind, KINDS)


def as_features(values: Any) -> tuple[Feature, ...]:
    """Features from names, (name, kind) pairs and `Feature` objects; every name once."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TypeError(f"features must be a list of names, (name, kind) pairs or features, not {values!r:.80}.")
    features = tuple(_feature(value) for value in values)
    check_once("features", [feature.name for feature in features])
    return features


def _feature(value: Any) -> Feature:
    if isinstance(value, Feature):
        return value
    return Feature(*value) if isinstance(value, list | tuple) and len(value) == 2 else Feature(value)


def check_once(what: str, names: Sequence[str]) -> None:
    """Raise if a name is there twice: nobody could tell which of them is meant."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} names {name!r:.60} twice: every name must be another.")
        seen.add(name)


def check_counts(
    classes: Sequence[str] | None, features: Sequence[Feature] | None, link: str, program: Program
) -> None:
    """Raise if there are names for classes or features, and not as many as the program has of them."""
    count = class_count(link, program.outputs)
    if classes is not None and count is not None and len(classes) != count:
        raise ValueError(f"classes has {counted(len(classes), 'name')}, but the network has {count} classes.")
    size = math.prod(program.input_shape)
    if features is not None and len(features) != size:
        raise ValueError(
            f"features has {counted(len(features), 'name')}, but a row of the network has {counted(size, 'number')}."
        )


@dataclass(frozen=True)
class TrainingSummary:
    """The training behind a network's weights, written by the trainer when it puts them into the network.

    The same training gives the same summary: it holds no dates, times or names of machines.

    Parameters
    ----------
    version : str
        Of Pellucid.
    engine : str
        What computed: "native" or "reference".
    seed, epochs, steps, batch_size : int
        As in the trainer.
    loss, optimizer : str
        As one would type them.
    rows : int
        How many training rows there were.
    row_shape : tuple of int
        The shape of one.
    row_dtype : str
        The dtype they were given in.
    data_hash : str
        SHA-256 of inputs and targets, in hexadecimal: the same for the same numbers in the same dtype.
    validation_rows : int
        How many validation rows; 0: there were none.
    metrics : mapping
        Losses and accuracies of the epoch the weights are of.
    settings : mapping or None
        Everything the training was given, as plain values, and some weights after its first epoch: what it takes to
        repeat it (`pellucid.training.repeating`). None: written by a version that did not keep it.
    """

    version: str
    engine: str
    seed: int
    epochs: int
    steps: int
    batch_size: int
    loss: str
    optimizer: str
    rows: int
    row_shape: tuple[int, ...]
    row_dtype: str
    data_hash: str
    validation_rows: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Any] | None = None

    def with_metrics(self, **values: float) -> TrainingSummary:
        """The same summary with further numbers: `with_metrics(test_accuracy=0.98)`."""
        known = {item.name: getattr(self, item.name) for item in fields(self)}
        return TrainingSummary(**{**known, "metrics": {**self.metrics, **values}})

    def to_plain(self) -> dict[str, Any]:
        """The summary as JSON values; numbers that are not finite are left out of the metrics."""
        finite = {name: float(value) for name, value in self.metrics.items() if math.isfinite(value)}
        plain = {**asdict(self), "row_shape": list(self.row_shape), "metrics": finite}
        return {name: value for name, value in plain.items() if name != "settings" or value is not None}

    @staticmethod
    def from_plain(data: Any) -> TrainingSummary:
        """The summary that `to_plain` wrote; fields that are not known yet are passed over.

        Raises
        ------
        ValueError
            If a field is missing or is not what it should be.
        """
        if not isinstance(data, Mapping):
            raise ValueError(f"the summary of the training must be a table, not {data!r:.60}.")
        values: dict[str, Any] = {item.name: data.get(item.name) for item in fields(TrainingSummary)}
        for name in ("version", "engine", "loss", "optimizer", "row_dtype", "data_hash"):
            if not isinstance(values[name], str):
                raise ValueError(f"the training's {name} must be a text, not {values[name]!r:.60}.")
        for name in ("seed", "epochs", "steps", "batch_size", "rows", "validation_rows"):
            _check_whole(name, values[name])
        shape, metrics = values["row_shape"], values["metrics"]
        if not isinstance(shape, list):
            raise ValueError(f"the training's row_shape must be a list, not {shape!r:.60}.")
        for size in shape:
            _check_whole("row_shape", size)
        if not isinstance(metrics, Mapping) or not all(type(value) in (int, float) for value in metrics.values()):
            raise ValueError(f"the training's metrics must be a table of numbers, not {metrics!r:.60}.")
        if values["settings"] is not None and not isinstance(values["settings"], Mapping):
            raise ValueError(f"the training's settings must be a table, not {values['settings']!r:.60}.")
        return TrainingSummary(**{**values, "row_shape": tuple(shape), "metrics": dict(metrics)})


def _check_whole(name: str, value: Any) -> None:
    if type(value) is not int or value < 0:
        raise ValueError(f"the training's {name} must be a whole number of at least 0, not {value!r:.60}.")
