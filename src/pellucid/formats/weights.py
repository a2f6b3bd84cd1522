"""Weights that another library trained, into a network of the same shape.

Layers are matched in order, since every library has names of its own; names and shapes within a layer must be those
that its kind has there. Everything is checked before anything is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid import layers as our
from pellucid.layers.layer import Layer
from pellucid.network import Network
from pellucid.program.compilation import Instruction, View
from pellucid.typing import Array, Shape
from pellucid.validation import check_array, check_finite

_SMALLEST = 1e-7  # Keras divides by no deviation smaller than this


class ForeignArray(NamedTuple):
    """What a library calls one of our numbers, and how it becomes ours."""

    name: str
    convert: Callable[[Array], Array] = np.asarray
    shape: Callable[[Shape], Shape] = tuple
    """Our shape -> the shape it has there."""


class Group(NamedTuple):
    """The numbers of one layer there, by name, and what the user calls each."""

    arrays: dict[str, Array]
    labels: dict[str, str]


Naming = Mapping[type[Layer], Mapping[str, ForeignArray]]

_SCALINGS = (our.Standardize, our.MinMax, our.Center, our.RobustScale)
_TRANSPOSED = ForeignArray("weight", np.transpose, lambda shape: shape[::-1])

_TORCH: Naming = {
    our.Dense: {"weight": _TRANSPOSED, "bias": ForeignArray("bias")},
    our.Maxout: {"weight": _TRANSPOSED, "bias": ForeignArray("bias")},
    our.PReLU: {"slope": ForeignArray("weight")},
    our.LayerNormalization: {"scale": ForeignArray("weight"), "shift": ForeignArray("bias")},
    our.BatchNormalization: {
        "scale": ForeignArray("weight"),
        "shift": ForeignArray("bias"),
        "mean": ForeignArray("running_mean"),
        "variance": ForeignArray("running_var"),
    },
}
_KERAS: Naming = {
    our.Dense: {"weight": ForeignArray("kernel"), "bias": ForeignArray("bias")},
    our.Maxout: {"weight": ForeignArray("kernel"), "bias": ForeignArray("bias")},
    our.PReLU: {"slope": ForeignArray("alpha")},
    our.LayerNormalization: {"scale": ForeignArray("gamma"), "shift": ForeignArray("beta")},
    our.BatchNormalization: {
        "scale": ForeignArray("gamma"),
        "shift": ForeignArray("beta"),
        "mean": ForeignArray("moving_mean"),
        "variance": ForeignArray("moving_variance"),
    },
    **{
        cls: {
            "mean": ForeignArray("mean"),
            "scale": ForeignArray("variance", lambda variance: 1 / np.maximum(np.sqrt(variance), _SMALLEST)),
        }
        for cls in _SCALINGS
    },
}


def torch_name(layer: Layer, name: str) -> tuple[str, bool]:
    """What PyTorch calls one of a layer's numbers, and whether it lies transposed there."""
    entry = _TORCH.get(type(layer), {}).get(name, ForeignArray(name))
    return entry.name, entry is _TRANSPOSED


def load_torch_weights(network: Network, state_dict: Mapping[str, Any]) -> None:
    """Take over the weights of a PyTorch network with the same layers.

    Linear weights, (d_out, d_in) there, are transposed; `BatchNorm1d`, `LayerNorm` and `PReLU` are known; layers
    without numbers need no counterpart. Scaling layers keep what they have, unless the dictionary has them (`to_torch`
    writes them). The epsilon of a normalization is no part of a state_dict: give it to Pellucid's layer.

    Parameters
    ----------
    network : Network
        Built: `network.build(features)`.
    state_dict : mapping from str to tensor or array
        `model.state_dict()`, or the same as NumPy arrays, in the order of the layers.

    Raises
    ------
    ValueError
        If names or shapes do not fit; the message lists every mismatch, and nothing is changed.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> network = pl.Network([pl.Dense(2), pl.ReLU()]).build(3)
    >>> weights = {"fc.weight": np.arange(6.0).reshape(2, 3), "fc.bias": np.zeros(2)}
    >>> pl.load_torch_weights(network, weights)
    >>> network.get("0.weight")
    array([[0., 3.],
           [1., 4.],
           [2., 5.]], dtype=float32)
    """
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"state_dict must be a mapping from names to tensors, not {type(state_dict).__name__}.")
    named = {str(name): value for name, value in state_dict.items() if not str(name).endswith("num_batches_tracked")}
    _load(network, _by_prefix(named, "."), _TORCH)


def load_keras_weights(network: Network, weights: Sequence[Any] | Mapping[str, Any]) -> None:
    """Take over the weights of a Keras network with the same layers.

    Kernels lie as here, (d_in, d_out). `BatchNormalization`, `LayerNormalization`, `PReLU` (one slope a unit) and
    `Normalization` (into `Standardize`) are known; layers without numbers need no counterpart. The epsilon of a
    normalization is no part of the weights: Keras' is 1e-3, Pellucid's 1e-5.

    Parameters
    ----------
    network : Network
        Built: `network.build(features)`.
    weights : list of arrays, or mapping from str to array
        `model.get_weights()`, or `{variable.path: variable.numpy() for variable in model.weights}`.

    Raises
    ------
    ValueError
        If names or shapes do not fit; the message lists every mismatch, and nothing is changed.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> network = pl.Network([pl.Dense(2), pl.ReLU()]).build(3)
    >>> pl.load_keras_weights(network, [np.ones((3, 2)), np.zeros(2)])
    >>> network.scores([[1.0, 2.0, 3.0]])
    array([[6., 6.]], dtype=float32)
    """
    if isinstance(weights, Mapping):
        groups = _by_prefix({str(name).removesuffix(":0"): value for name, value in weights.items()}, "/")
    else:
        groups = _in_order(network, [_array(value, f"weights[{place}]") for place, value in enumerate(weights)])
    for group in groups:
        if {"mean", "variance"} <= set(group.arrays):
            group.arrays.pop("count", None)
    _load(network, groups, _KERAS)


def _by_prefix(named: Mapping[str, Any], separator: str) -> list[Group]:
    """One group for all names that differ in their last part only, in the order of the first of each."""
    groups: dict[str, Group] = {}
    for name, value in named.items():
        prefix, _, last = name.rpartition(separator)
        group = groups.setdefault(prefix, Group({}, {}))
        group.arrays[last], group.labels[last] = _array(value, name), name
    return list(groups.values())


def _in_order(network: Network, arrays: list[Array]) -> list[Group]:
    """Arrays without names, given those they should have, layer by layer."""
    groups, place = [], 0
    for instruction in network.program.instructions:
        entries = _KERAS.get(type(instruction.layer), {})
        names = [entries[view.name].name for view in _views(instruction) if view.name in entries]
        if isinstance(instruction.layer, _SCALINGS):
            if not (len(arrays) > place + 2 and arrays[place + 2].shape == ()):
                continue
            names.append("count")
        places = {name: place + number for number, name in enumerate(names) if place + number < len(arrays)}
        if places:
            labels = {name: f"weights[{number}]" for name, number in places.items()}
            groups.append(Group({name: arrays[number] for name, number in places.items()}, labels))
        place += len(names)
    rest = {f"weights[{number}]": arrays[number] for number in range(place, len(arrays))}
    return [*groups, Group(rest, {name: name for name in rest})] if rest else groups


def _array(value: Any, name: str) -> Array:
    """A tensor or array as finite numbers."""
    if hasattr(value, "detach"):  # a tensor of PyTorch, wherever it lies
        value = value.detach().cpu()
        value = value.float() if "bfloat16" in str(value.dtype) else value
    array = check_array(value, name)
    if array.ndim == 0:
        return array
    check_finite(array, name)
    return array


def _views(instruction: Instruction) -> tuple[View, ...]:
    return (*instruction.parameters, *instruction.statistics)


def _load(network: Network, groups: list[Group], naming: Naming) -> None:
    """Match, check, and then assign all at once."""
    program, fitted = network.program, network.statistics_fitted
    parameters, statistics = network.parameters.copy(), network.statistics.copy()
    problems: list[str] = []
    rest, kept = list(groups), False
    for instruction in program.instructions:
        if not _views(instruction):
            continue
        entries = {view.name: ForeignArray(view.name) for view in _views(instruction)}
        entries.update({name: e for name, e in naming.get(type(instruction.layer), {}).items() if name in entries})
        names = {entry.name for entry in entries.values()}
        if isinstance(instruction.layer, _SCALINGS) and not (rest and set(rest[0].arrays) == names):
            kept = True
            continue
        if not rest:
            problems.append(f"{instruction.name}: there is nothing left for it")
            continue
        group = rest.pop(0)
        found = _mismatches(instruction, group, entries)
        problems += found
        for flat, views in ((parameters, instruction.parameters), (statistics, instruction.statistics)):
            for view in () if found else views:
                entry = entries[view.name]
                view.of(flat)[...] = entry.convert(group.arrays[entry.name])
    left = [label for group in rest for label in group.labels.values()]
    if left:
        problems.append(f"left over: {', '.join(left[:10])}{' …' if len(left) > 10 else ''}")
    if problems:
        raise ValueError("The weights do not fit the network:\n  " + "\n  ".join(problems))
    check_finite(statistics, "what was measured there")
    network.parameters = parameters
    if program.statistic_count:
        network.statistics = statistics
        network.statistics_fitted = fitted or not kept


def _mismatches(instruction: Instruction, group: Group, entries: Mapping[str, ForeignArray]) -> list[str]:
    """What of a layer's numbers is missing, too much, or of another shape."""
    problems = []
    expected = {entries[view.name].name: entries[view.name].shape(view.shape) for view in _views(instruction)}
    missing, more = sorted(set(expected) - set(group.arrays)), sorted(set(group.arrays) - set(expected))
    if missing or more:
        has = ", ".join(group.labels.values())
        problems.append(f"{instruction.name} expects {', '.join(expected)}, but the next weights are {has}")
    for name in expected if not problems else ():
        shape, label = group.arrays[name].shape, group.labels[name]
        if shape != expected[name]:
            problems.append(f"{instruction.name} needs {label} of the shape {expected[name]}, not {shape}")
        elif "var" in name and (group.arrays[name] < 0).any():
            problems.append(f"{instruction.name}: {label} holds negative numbers")
    return problems
