"""The program: what an engine runs, as a table of instructions over numbered buffers.

Contract: `compile_program(layers, input_shape)` infers every shape, lays all parameters into one flat vector (layer by
layer, in each layer's own order) and all statistics into another, and answers a frozen table. Buffer 0 is the input;
instruction i reads buffer `source` and writes buffer `target`. A chain of layers reads i and writes i + 1; the numbers
are there so that a layer that contains a list can branch and join without another kind of program.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pellucid.layers.base import Layer, ParameterSpec
from pellucid.typing import Array, Shape


@dataclass(frozen=True)
class View:
    """A named part of a flat vector."""

    name: str
    start: int
    shape: Shape

    @cached_property
    def range(self) -> slice:
        """Where in the flat vector it lies."""
        return slice(self.start, self.start + math.prod(self.shape))

    def of(self, flat: Array) -> Array:
        """The part, in its shape; shares the vector's memory."""
        return flat[self.range].reshape(self.shape)


@dataclass(frozen=True)
class Instruction:
    """One layer at work: what it reads and writes, and where its numbers lie."""

    layer: Layer
    index: int
    source: int
    target: int
    input_shape: Shape
    output_shape: Shape
    parameters: tuple[View, ...]
    statistics: tuple[View, ...]
    specs: tuple[ParameterSpec, ...]

    @property
    def name(self) -> str:
        """The layer's place and form, for messages: 'layer 2, Dense(64)'."""
        return f"layer {self.index}, {self.layer}"

    @property
    def parameter_count(self) -> int:
        """How many numbers are trained here."""
        return sum(math.prod(view.shape) for view in self.parameters)


@dataclass(frozen=True)
class Program:
    """The table of instructions, and the sizes of all it needs."""

    instructions: tuple[Instruction, ...]
    input_shape: Shape
    output_shape: Shape
    parameter_count: int
    statistic_count: int

    @property
    def outputs(self) -> int:
        """How many scores there are for one example."""
        return math.prod(self.output_shape)

    @cached_property
    def penalized(self) -> tuple[slice, ...]:
        """The ranges of the flat vector that L1, L2 and weight decay apply to."""
        return tuple(view.range for view in self.weights)

    @cached_property
    def weights(self) -> tuple[View, ...]:
        """The views of all penalized parameters: the weights."""
        return tuple(
            view
            for instruction in self.instructions
            for view, spec in zip(instruction.parameters, instruction.specs, strict=True)
            if spec.penalized
        )

    @cached_property
    def leading_scalings(self) -> int:
        """How many layers at the front only scale the input: they run in float64, before it takes the dtype."""
        count = 0
        while count < len(self.instructions) and self.instructions[count].layer.scales_input:
            count += 1
        return count

    @cached_property
    def coded(self) -> tuple[Instruction, ...]:
        """Those whose layers take codes of categories."""
        return tuple(instruction for instruction in self.instructions if instruction.layer.code_columns)

    @cached_property
    def first_trained(self) -> int:
        """The first layer with parameters: the gradient need not be passed back any further."""
        trained = (instruction.index for instruction in self.instructions if instruction.parameters)
        return next(trained, len(self.instructions))

    def views(self) -> dict[str, View]:
        """Every parameter's view by its full name, such as "0.weight"."""
        return {f"{i.index}.{view.name}": view for i in self.instructions for view in i.parameters}

    def statistic_views(self) -> dict[str, View]:
        """Every statistic's view by its full name, such as "0.mean"."""
        return {f"{i.index}.{view.name}": view for i in self.instructions for view in i.statistics}


def compile_program(layers: Sequence[Layer], input_shape: Shape) -> Program:
    """Infer the shapes and lay out the flat vectors.

    Raises
    ------
    ValueError
        If a layer cannot take its input's shape; the message names the layer.
    """
    instructions: list[Instruction] = []
    shape, parameter_end, statistic_end = tuple(input_shape), 0, 0
    for index, layer in enumerate(layers):
        try:
            output_shape = layer.output_shape(shape)
            specs = layer.parameter_specs(shape)
            statistics = layer.statistic_specs(shape)
        except ValueError as error:
            raise ValueError(f"Layer {index}, {layer}: {error}") from None
        parameter_views, parameter_end = _lay_out({n: s.shape for n, s in specs.items()}, parameter_end)
        statistic_views, statistic_end = _lay_out({n: s for n, (s, _) in statistics.items()}, statistic_end)
        instructions.append(
            Instruction(
                layer=layer,
                index=index,
                source=index,
                target=index + 1,
                input_shape=shape,
                output_shape=output_shape,
                parameters=parameter_views,
                statistics=statistic_views,
                specs=tuple(specs.values()),
            )
        )
        shape = output_shape
    return Program(tuple(instructions), tuple(input_shape), shape, parameter_end, statistic_end)


def _lay_out(shapes: dict[str, Shape], start: int) -> tuple[tuple[View, ...], int]:
    """Views one after the other from `start`, and where they end."""
    views = []
    for name, shape in shapes.items():
        views.append(View(name, start, shape))
        start = views[-1].range.stop
    return tuple(views), start
