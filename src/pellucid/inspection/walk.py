"""A walk through a network: forward with every output kept, backward with every gradient kept.

Contract: `walk_forward` and `walk_backward` do what the reference engine does, layer by layer with the layers' own
`forward` and `backward`, and keep all that it lets go. They change nothing, and hold each layer to its contract: an
output or a gradient of another shape than the layer promises is an error that names the layer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pellucid.engines.base import Model
from pellucid.engines.reference import Pass, Randomness, add_penalty_gradient, layer_by_layer
from pellucid.layers.base import Gradients
from pellucid.losses import Loss, find_loss
from pellucid.network import Network
from pellucid.penalties import Penalty
from pellucid.program.compilation import compile_program
from pellucid.typing import Array, Floats
from pellucid.validation import check_inputs, check_same_length, check_sample_weight


class Visit(NamedTuple):
    """One layer on the way forward."""

    made: Pass
    input: Floats
    """What it was given, (n, *d_in)."""
    output: Floats
    """What it answered, (n, *d_out)."""


class Return(NamedTuple):
    """One layer on the way back."""

    output_gradient: Floats
    """∂C/∂output as it was passed back to the layer, (n, *d_out)."""
    input_gradient: Floats
    """∂C/∂input as the layer passed it on, (n, *d_in)."""
    parameter_gradients: Gradients
    """∂C/∂parameter by the parameter's name."""


class Examples(NamedTuple):
    """Rows with their targets, checked."""

    x: Array
    targets: Array
    loss: Loss
    sample_weight: Floats | None


def check_examples(network: Network, loss: Any, x: Any, y: Any, sample_weight: Any = None) -> Examples:
    """What a network is looked at with: inputs and targets in the form the engines take, and a loss.

    The network may be unbuilt: then only the shapes are inferred, and it stays unbuilt.
    """
    chosen = network.loss if loss is None else find_loss(loss)
    if chosen is None:
        raise ValueError(
            "The network was not trained yet, so it has no loss: pass one, for example loss=SoftmaxCrossEntropy()."
        )
    x = check_inputs(x, "x", network.input_shape if network.built else None)
    program = network.program if network.built else compile_program(network.layers, x.shape[1:])
    targets = network.encode(y, chosen, program.output_shape)
    check_same_length(x=x, y=targets)
    return Examples(x, targets, chosen, check_sample_weight(sample_weight, len(x)))


def walk_forward(model: Model, x: Array, randomness: Randomness | None = None) -> list[Visit]:
    """Every layer's input and output; `randomness` makes it a training step.

    Raises
    ------
    ValueError
        If a layer's output has another shape than its `output_shape` says, or less precision than its input.
    """
    visits = []
    for made, given, output in layer_by_layer(model, x, randomness):
        instruction = made.instruction
        expected = (len(x), *instruction.output_shape)
        if np.shape(output) != expected:
            raise ValueError(
                f"Layer {instruction.index}, {instruction.layer}: forward answered the shape {np.shape(output)}, but "
                f"its output_shape stands for {expected}. A layer that changes the shape must say so in "
                f"output_shape(input_shape)."
            )
        if output.dtype != given.dtype:
            raise ValueError(
                f"Layer {instruction.index}, {instruction.layer}: forward was given {given.dtype} and answered "
                f"{output.dtype}. A layer must keep the precision of its input: use x.dtype.type for its constants."
            )
        visits.append(Visit(made, given, output))
    return visits


def walk_backward(visits: list[Visit], gradient: Floats) -> list[Return]:
    """Every layer's gradients, in the order of the layers, from that of the last output (n, *d_out).

    The gradient is passed back through all of them, to the inputs of the first, also where training would stop earlier.

    Raises
    ------
    ValueError
        If a layer answers no gradient for its input or for a parameter, or one of another shape.
    """
    returns = []
    passed = gradient.reshape(visits[-1].output.shape)
    for visit in reversed(visits):
        instruction, parameters, context, saved = visit.made
        given, gradients = instruction.layer.backward(passed, saved, parameters, context._replace(input_gradient=True))
        shapes = {"input": np.shape(visit.input), **{view.name: view.shape for view in instruction.parameters}}
        answered = {"input": given, **gradients}
        for name, shape in shapes.items():
            found = answered.get(name)
            if found is None or np.shape(found) != shape:
                what = "no gradient" if found is None else f"a gradient of the shape {np.shape(found)}"
                raise ValueError(
                    f"Layer {instruction.index}, {instruction.layer}: backward answered {what} for its {name}, whose "
                    f"shape is {shape}."
                )
        returns.append(Return(passed, np.asarray(given), gradients))
        passed = np.asarray(given)
    return returns[::-1]


def flat_gradient(model: Model, returns: list[Return], penalty: Penalty | None) -> Floats:
    """All parameters' gradients in one vector (p,), with the penalty's part."""
    flat = np.zeros_like(model.parameters)  # (p,)
    for instruction, back in zip(model.program.instructions, returns, strict=True):
        for view in instruction.parameters:
            view.of(flat)[...] = back.parameter_gradients[view.name]
    if penalty is not None:
        add_penalty_gradient(model, penalty, flat)
    return flat
