"""A network as plain data, and back: what model files and checkpoints say of it.

Contract: `describe_network` returns a table of JSON values, `network_from` the network again, without its numbers and
without having allocated anything for them. Only classes of the registries and those in `custom` are ever made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pellucid.configuration import from_configuration, to_configuration
from pellucid.description import TrainingSummary
from pellucid.encoding.encoder import TableEncoder
from pellucid.layers import LAYERS
from pellucid.layers.layer import Layer
from pellucid.losses import LOSSES, Loss, TargetScaling
from pellucid.network import Network
from pellucid.schedules import SCHEDULES, Schedule

PartT = TypeVar("PartT")


def describe_network(network: Network) -> dict[str, Any]:
    """All of a built network but its numbers and its loss."""
    network.check_names()
    for layer in network.layers:
        check_own(layer, LAYERS.values())
    return {
        "layers": [to_configuration(layer) for layer in network.layers],
        "input_shape": list(network.input_shape),
        "dtype": network.dtype.name,
        "link": network.link,
        "target": None if network.target is None else to_configuration(network.target),
        "classes": None if network.classes is None else list(network.classes),
        "features": None if network.features is None else [[each.name, each.kind] for each in network.features],
        "preprocessing": None if network.preprocessing is None else network.preprocessing.to_plain(),
        "training": None if network.training is None else network.training.to_plain(),
        "statistics_fitted": network.statistics_fitted,
    }


def network_from(
    description: Mapping[str, Any], *, engine: str = "auto", threads: int | None = None, custom: Sequence[type] = ()
) -> Network:
    """The network that a table tells of, its shapes known and its numbers still to come.

    Raises
    ------
    ValueError, TypeError
        If something in the table is not what it should be.
    """
    if not isinstance(description.get("layers"), list):
        raise ValueError("the description has no list of layers.")
    layers = known(LAYERS.values(), Layer, custom)
    within = {**layers, **known(SCHEDULES.values(), Schedule, custom)}  # a layer may hold layers and schedules
    network = Network(
        [from_configuration(layer, layers, "layer", within) for layer in description["layers"]],
        dtype=str(description.get("dtype")),
        engine=engine,
        threads=threads,
    )
    network.link = description.get("link", "identity")
    if description.get("target") is not None:
        units = {"TargetScaling": TargetScaling}
        network.target = from_configuration(description["target"], units, "target scaling")
    network.classes = _list(description, "classes")
    network.features = _list(description, "features")
    shape = description.get("input_shape")
    if not isinstance(shape, list) or not shape or not all(type(n) is int and 0 < n < 2**31 for n in shape):
        raise ValueError(f"the input shape is {shape!r:.40}.")
    network.adopt_shape(tuple(shape))
    if description.get("preprocessing") is not None:
        network.preprocessing = TableEncoder.from_plain(description["preprocessing"])
    if description.get("training") is not None:
        network.training = TrainingSummary.from_plain(description["training"])
    network.statistics_fitted = bool(description.get("statistics_fitted", True))
    return network


def check_own(part: Any, classes: Iterable[type]) -> None:
    """Raise if a part is of a class of one's own with the name of one of ours: reading would make ours of it."""
    for cls in classes:
        if cls.__name__ == type(part).__name__ and cls is not type(part):
            raise TypeError(
                f"The class {cls.__name__} of your own has the name of one of Pellucid's, which a file could not tell "
                f"apart: give it another name."
            )


def schedule_from(data: Mapping[str, Any], custom: Sequence[type] = ()) -> Schedule:
    """The schedule that a table tells of, and the one within it where it warms another up."""
    schedules = known(SCHEDULES.values(), Schedule, custom)
    return from_configuration(data, schedules, "schedule", schedules)


def loss_from(data: Any, custom: Sequence[type] = ()) -> Loss:
    """The loss that a table tells of."""
    return from_configuration(data, known(LOSSES.values(), Loss, custom), "loss")


def known(classes: Iterable[type[PartT]], base: type, custom: Sequence[type] = ()) -> dict[str, type[PartT]]:
    """The classes that may be made, by name: those of a registry, and of one's own those of the same family."""
    own: list[Any] = [cls for cls in custom if issubclass(cls, base)]
    return {cls.__name__: cls for cls in [*classes, *own]}


def _list(description: Mapping[str, Any], name: str) -> Any:
    value = description.get(name)
    if value is not None and not isinstance(value, list):
        raise ValueError(f"{name} is {value!r:.40}, not a list.")
    return value
