"""The program: what an engine runs, as a table of instructions over numbered buffers.

Contract: `compile_program(layers, input_shape)` infers every shape, lays all parameters into one flat vector (layer by
layer, in each layer's own order) and all statistics into another, and returns a frozen table. Buffer 0 is the input;
instruction i reads the buffers `sources` and writes buffer i + 1. The layers of a container stand in its place, one
branch after the other, and then what joins them; where a buffer is read more than once, its gradients add up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from pellucid.layers.containers import Container, Join
from pellucid.layers.layer import Layer, ParameterSpec
from pellucid.layers.scaling import FrontScaling
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
    path: str
    """The layer's name in the network: "3", or "3.1" within a container."""
    sources: tuple[int, ...]
    """The buffers it reads: one, or one for each branch where it is a join."""
    target: int
    input_shape: Shape
    """Of its input; where it is a join, of the first branch's."""
    output_shape: Shape
    parameters: tuple[View, ...]
    statistics: tuple[View, ...]
    specs: tuple[ParameterSpec, ...]

    @property
    def name(self) -> str:
        """The layer's place and form, for messages: 'layer 2, Dense(64)'."""
        return f"layer {self.path}, {self.layer}"

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
        """The number of scores at each position."""
        return self.output_shape[-1]

    @property
    def positions(self) -> int:
        """The number of positions at which an example has scores; 1 where its output is a row."""
        return math.prod(self.output_shape[:-1])

    @cached_property
    def readers(self) -> tuple[tuple[Instruction, ...], ...]:
        """The instructions that read each buffer."""
        count = len(self.instructions) + 1
        return tuple(tuple(i for i in self.instructions if buffer in i.sources) for buffer in range(count))

    @cached_property
    def trained(self) -> tuple[bool, ...]:
        """Whether each buffer depends on a parameter: only such a one needs a gradient."""
        trained = [False]
        for instruction in self.instructions:
            trained.append(bool(instruction.parameters) or any(trained[source] for source in instruction.sources))
        return tuple(trained)

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
        while count < len(self.instructions) and isinstance(self.instructions[count].layer, FrontScaling):
            if self.instructions[count].sources != (count,) or len(self.readers[count]) > 1:
                break
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
        return {f"{i.path}.{view.name}": view for i in self.instructions for view in i.parameters}

    def statistic_views(self) -> dict[str, View]:
        """Every statistic's view by its full name, such as "0.mean"."""
        return {f"{i.path}.{view.name}": view for i in self.instructions for view in i.statistics}


def compile_program(layers: Sequence[Layer], input_shape: Shape) -> Program:
    """Infer the shapes and lay out the flat vectors.

    Raises
    ------
    ValueError
        If a layer cannot take its input's shape; the message names the layer.
    """
    compiler = _Compiler(tuple(input_shape))
    end = compiler.chain(((str(place), layer) for place, layer in enumerate(layers)), "", 0)
    return Program(
        tuple(compiler.instructions),
        tuple(input_shape),
        compiler.shapes[end],
        compiler.parameter_end,
        compiler.statistic_end,
    )


class _Compiler:
    """The instructions so far, the shape of each buffer, and where the flat vectors end."""

    def __init__(self, input_shape: Shape) -> None:
        self.instructions: list[Instruction] = []
        self.shapes = [input_shape]
        self.parameter_end = self.statistic_end = 0

    def chain(self, layers: Iterable[tuple[str, Layer]], prefix: str, source: int) -> int:
        """Layers by name, one after the other from a buffer on; the buffer of the last one's output."""
        for name, layer in layers:
            if isinstance(layer, Container):
                source = self._container(layer, prefix + name, source)
            else:
                source = self._add(layer, prefix + name, (source,))
        return source

    def _container(self, container: Container, path: str, source: int) -> int:
        ends = tuple(self.chain(branch, f"{path}.", source) for branch in container.branches)
        join = container.join
        return ends[0] if join is None else self._add(join, f"{path}.{type(join).__name__.lower()}", ends)

    def _add(self, layer: Layer, path: str, sources: tuple[int, ...]) -> int:
        shapes = tuple(self.shapes[source] for source in sources)
        shape = shapes[0]
        try:
            output_shape = layer.output_shape(shapes if isinstance(layer, Join) else shape)  # type: ignore[arg-type]
            specs = layer.parameter_specs(shape)
            statistics = layer.statistic_specs(shape)
        except ValueError as error:
            raise ValueError(f"Layer {path}, {layer}: {error}") from None
        parameters, self.parameter_end = _lay_out({n: s.shape for n, s in specs.items()}, self.parameter_end)
        measured, self.statistic_end = _lay_out({n: s for n, (s, _) in statistics.items()}, self.statistic_end)
        self.instructions.append(
            Instruction(
                layer=layer,
                index=len(self.instructions),
                path=path,
                sources=sources,
                target=len(self.shapes),
                input_shape=shape,
                output_shape=output_shape,
                parameters=parameters,
                statistics=measured,
                specs=tuple(specs.values()),
            )
        )
        self.shapes.append(output_shape)
        return len(self.shapes) - 1


def _lay_out(shapes: dict[str, Shape], start: int) -> tuple[tuple[View, ...], int]:
    """Views one after the other from `start`, and where they end."""
    views = []
    for name, shape in shapes.items():
        views.append(View(name, start, shape))
        start = views[-1].range.stop
    return tuple(views), start
