"""A network that somebody brings: the controls that make the like of it.

Contract: `state_for(network, state, data)` returns the state whose recipe has the very layers of the network, or
raises `Refused` with what the playground cannot draw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pellucid.configuration import to_configuration
from pellucid.layers import ACTIVATIONS, Dense, Dropout, Layer, Standardize, Tanh
from pellucid.losses import LOSSES
from pellucid.network import Network
from pellucid.playground.catalogue import ACTIVATION_NAMES, INPUT_LABELS
from pellucid.playground.data import PlaneData, drawn
from pellucid.playground.features import FormulaError, check_formula
from pellucid.playground.network_recipe import NetworkRecipe, loss_name, resolved
from pellucid.playground.state import CONTROLS, MOST_LAYERS, MOST_UNITS, PlaygroundState, Refused
from pellucid.schedules import Schedule

_ACTIVATION_OF = {ACTIVATIONS[name]: name for name in ACTIVATION_NAMES}
_LOSS_OF = {cls: name for name, cls in LOSSES.items()}


def state_for(network: Network, state: PlaygroundState, data: PlaneData) -> tuple[PlaygroundState, PlaneData]:
    """The state and the data with which `Recipe.of` makes the network's layers."""
    if not network.built:
        raise Refused("The network has no weights yet: train it, or call network.build(2).")
    if network.target is not None:
        raise Refused("The playground shows scores as they are, and this network has a unit of its own for its target.")
    values = shape_of(network.layers)
    classification = _is_classification(network)
    values["loss"] = _loss(network)
    if values["loss"] == loss_name(PlaygroundState(), max(2, network.outputs) if classification else 0):
        values["loss"] = "auto"
    values["problem"] = "classification" if classification else "regression"
    columns = len(data.axes) - 2 if data.own else 0
    values |= _inputs(network, columns)
    made, problems = resolved(replace(state, **values))
    if problems:
        raise Refused(f"The network cannot be shown: {problems[0].message}")
    made, data = _data(made, data, network, classification)
    recipe = NetworkRecipe.of(made, data)
    if [_kind(layer) for layer in recipe.layers] != [_kind(layer) for layer in network.layers]:
        words = ", ".join(map(str, network.layers))
        raise Refused(
            f"The playground cannot draw this network: {words}. The nearest it can is {len(recipe.layers)} layers."
        )
    return made, data


def shape_of(layers: Sequence[Layer]) -> dict[str, Any]:
    """The state's values that make the hidden ones among these layers."""
    shape, activations, dropout = _hidden(layers)
    values: dict[str, Any] = {"network_shape": shape, "dropout": dropout if any(dropout) else (), "activations": ()}
    if activations:
        common = values["activation"] = Counter(activations).most_common(1)[0][0]
        own = tuple("" if name == common else name for name in activations)
        values["activations"] = own if any(own) else ()
    return values


def _kind(layer: Layer) -> Any:
    """What must agree: of a dense layer its units and its formula, of others all they are."""
    if isinstance(layer, Dense):
        return ("Dense", layer.units, layer.bias, layer.parametrization)
    return to_configuration(layer)


def _hidden(layers: Sequence[Layer]) -> tuple[tuple[int, ...], list[str], tuple[float, ...]]:
    """Units, activation and dropout of each hidden layer."""
    first = layers[0]
    if isinstance(first, Standardize):
        layers = layers[1:]
    starts = [place for place, layer in enumerate(layers) if isinstance(layer, Dense)]
    if not starts or starts[0] != 0:
        raise Refused(f"The playground draws stacks of dense layers, and this network begins with {first}.")
    blocks = [layers[start:end] for start, end in zip(starts, [*starts[1:], len(layers)], strict=True)]
    shape, activations, dropout = [], [], []
    for block in blocks[:-1]:
        dense, *rest = block
        assert isinstance(dense, Dense)
        name, rate = "identity", 0.0
        if rest and type(rest[0]) in _ACTIVATION_OF:
            name = _ACTIVATION_OF[type(rest.pop(0))]
        if rest and isinstance(rest[0], Dropout):
            if isinstance(rest[0].rate, Schedule):
                raise Refused(f"The playground draws dropout whose rate stays, and this network has {rest[0]}.")
            rate = rest[0].rate
            rest = rest[1:]
        if rest:
            raise Refused(
                f"The playground draws dense layers, activations and dropout, and this network has {rest[0]}."
            )
        shape.append(dense.units)
        activations.append(name)
        dropout.append(rate)
    if len(shape) > MOST_LAYERS or any(units > MOST_UNITS for units in shape):
        raise Refused(
            f"The playground draws up to {MOST_LAYERS} layers of {MOST_UNITS} units, and this network has {shape}."
        )
    return tuple(shape), activations, tuple(dropout)


def _loss(network: Network) -> str:
    """The loss by its name; where there is none, by how scores become predictions."""
    if network.loss is not None and type(network.loss) in _LOSS_OF:
        return _LOSS_OF[type(network.loss)]
    return {"softmax": "softmax_cross_entropy", "sigmoid": "sigmoid_cross_entropy"}.get(network.link, "auto")


def _is_classification(network: Network) -> bool:
    return network.link in ("softmax", "sigmoid", "sign", "argmax") or isinstance(network.layers[-1], Tanh)


def _inputs(network: Network, columns: int) -> dict[str, Any]:
    """Which inputs are switched on: by the network's names for them, else x₁ and x₂."""
    if len(network.input_shape) != 1:
        raise Refused(
            f"The network's examples have the shape {network.input_shape}; the playground's are rows of numbers."
        )
    count = network.input_shape[0] - columns
    names = [feature.name for feature in network.features or ()][: max(0, count)]
    if not names and count == 2:
        names = ["x1", "x2"]
    if not names:
        raise Refused(
            f"The network has {network.input_shape[0]} inputs without names: the playground shows networks of x1 and "
            f"x2, or those whose features are named by formulas of them."
        )
    known = {name: key for key, (name, _) in INPUT_LABELS.items()}
    switches = {CONTROLS[key].name: name in names for name, key in known.items()}
    own = [name for name in names if name not in known]
    try:
        formulas = tuple(check_formula(name) for name in own)
    except FormulaError:
        raise Refused(
            f"The network's inputs are called {', '.join(names)[:200]}, and not by formulas of x1 and x2."
        ) from None
    ordered = [name for name in known if name in names] + own
    if ordered != names:
        raise Refused(f"The network's inputs come in another order than the playground's: {', '.join(names)[:200]}.")
    return {**switches, "formulas": formulas}


def _data(
    state: PlaygroundState, data: PlaneData, network: Network, classification: bool
) -> tuple[PlaygroundState, PlaneData]:
    """The present data if they fit, else a data set that does."""
    wanted = 0 if not classification else max(2, network.outputs)
    if len(data.classes) == wanted:
        return data.chosen_in(state) if data.own else state, data
    if wanted > 3:
        raise Refused(f"The network knows {wanted} classes: bring the data with as many classes first.")
    if wanted == 3:
        state = replace(state, dataset="bulls-eye-three")
    else:
        state = replace(state, dataset="circle", regression_dataset="reg-plane")
    return state, drawn(state)
