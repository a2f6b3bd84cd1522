"""A walk through a network: forward with every output kept, backward with every gradient kept.

Contract: `walk_forward` and `walk_backward` do what the reference engine does, layer by layer with the layers' own
`forward` and `backward`, and keep all that it lets go. They change nothing, and hold each layer to its contract: an
output or a gradient of another shape than the layer promises is an error that names the layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pellucid.engines.engine import Model
from pellucid.engines.reference import Pass, Randomness, add_penalty_gradient, layer_by_layer
from pellucid.layers.layer import Gradients
from pellucid.losses import Loss, find_loss
from pellucid.network import Network
from pellucid.penalties import Penalty
from pellucid.program.compilation import compile_program
from pellucid.typing import Array, Floats
from pellucid.validation import check_inputs, check_same_length, check_sample_weight


@dataclass(frozen=True, eq=False)
class LayerForward:
    """One layer on the way forward."""

    made: Pass
    inputs: tuple[Floats, ...]
    """What it was given, (n, *d_in): one array, or one for each branch that it joins."""
    output: Floats
    """What it returned, (n, *d_out)."""

    @property
    def input(self) -> Floats:
        """Its input; of a join the branches side by side."""
        return _side_by_side(self.inputs)


@dataclass(frozen=True, eq=False)
class LayerBackward:
    """One layer on the way back."""

    output_gradient: Floats
    """∂C/∂output as it was passed back to the layer, (n, *d_out)."""
    input_gradients: tuple[Floats, ...]
    """∂C/∂input as the layer passed it on, (n, *d_in), for each of its inputs."""
    parameter_gradients: Gradients
    """∂C/∂parameter by the parameter's name."""

    @property
    def input_gradient(self) -> Floats:
        """That of its input; of a join those of the branches side by side."""
        return _side_by_side(self.input_gradients)


def _side_by_side(arrays: tuple[Floats, ...]) -> Floats:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=-1)


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


def walk_forward(model: Model, x: Array, randomness: Randomness | None = None) -> list[LayerForward]:
    """Every layer's input and output; `randomness` makes it a training step.

    Raises
    ------
    ValueError
        If a layer's output has another shape than its `output_shape` says, or less precision than its input.
    """
    visits = []
    for made, given, output in layer_by_layer(model, x, randomness):
        instruction = made.instruction
        inputs = given if isinstance(given, tuple) else (given,)
        expected = (len(x), *instruction.output_shape)
        if np.shape(output) != expected:
            raise ValueError(
                f"Layer {instruction.path}, {instruction.layer}: forward returned the shape {np.shape(output)}, but "
                f"its output_shape stands for {expected}. A layer that changes the shape must say so in "
                f"output_shape(input_shape)."
            )
        if output.dtype != inputs[0].dtype:
            raise ValueError(
                f"Layer {instruction.path}, {instruction.layer}: forward was given {inputs[0].dtype} and returned "
                f"{output.dtype}. A layer must keep the precision of its input: use x.dtype.type for its constants."
            )
        visits.append(LayerForward(made, inputs, output))
    return visits


def walk_backward(visits: list[LayerForward], gradient: Floats) -> list[LayerBackward]:
    """Every layer's gradients, in the order of the layers, from that of the last output (n, *d_out).

    The gradient is passed back through all of them, to the inputs of the first, also where training would stop earlier.

    Raises
    ------
    ValueError
        If a layer returns no gradient for its input or for a parameter, or one of another shape.
    """
    returns = []
    of_buffers = {visits[-1].made.instruction.target: gradient.reshape(visits[-1].output.shape)}
    for visit in reversed(visits):
        instruction, parameters, context, saved = visit.made
        passed = of_buffers.get(instruction.target, np.zeros_like(visit.output))
        given, gradients = instruction.layer.backward(passed, saved, parameters, context._replace(input_gradient=True))
        of_inputs = given if isinstance(given, tuple) else (given,)
        shapes = {view.name: view.shape for view in instruction.parameters}
        answered = {f"input {k}" if k else "input": each for k, each in enumerate(of_inputs)} | gradients
        shapes |= {f"input {k}" if k else "input": np.shape(each) for k, each in enumerate(visit.inputs)}
        for name, shape in shapes.items():
            found = answered.get(name)
            if found is None or np.shape(found) != shape:
                what = "no gradient" if found is None else f"a gradient of the shape {np.shape(found)}"
                raise ValueError(
                    f"Layer {instruction.path}, {instruction.layer}: backward returned {what} for its {name}, whose "
                    f"shape is {shape}."
                )
        returns.append(LayerBackward(passed, tuple(np.asarray(each) for each in of_inputs), gradients))
        for source, each in zip(instruction.sources, of_inputs, strict=True):
            of_buffers[source] = of_buffers[source] + each if source in of_buffers else np.asarray(each)
    return returns[::-1]


def gradient_of_input(visits: list[LayerForward], returns: list[LayerBackward]) -> Floats:
    """∂C/∂x, (n, *input_shape): the sum over all layers that read the network's input."""
    parts = [
        of_input
        for visit, back in zip(visits, returns, strict=True)
        for source, of_input in zip(visit.made.instruction.sources, back.input_gradients, strict=True)
        if source == 0
    ]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def flat_gradient(model: Model, returns: list[LayerBackward], penalty: Penalty | None) -> Floats:
    """All parameters' gradients in one vector (p,), with the penalty's part."""
    flat = np.zeros_like(model.parameters)  # (p,)
    for instruction, back in zip(model.program.instructions, returns, strict=True):
        for view in instruction.parameters:
            view.of(flat)[...] = back.parameter_gradients[view.name]
    if penalty is not None:
        add_penalty_gradient(model, penalty, flat)
    return flat
