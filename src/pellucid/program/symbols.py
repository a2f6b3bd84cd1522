"""Reading what a layer computes from its `forward`, by running it on symbols in place of arrays.

Contract: `operations_of(program, parameters, statistics)` returns the graph of a program's prediction. A `Symbol` is an
array to NumPy: functions and operators that are called with one are recorded as nodes. It computes along on two
batches of zeros, of 13 and of 17 examples; the axis at which their shapes differ is that of the examples. What a layer
must not do is to decide by the values of its input, and to use a function of NumPy that is no operation: each is an
`OperationError` with the way out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import numpy as np

from pellucid.layers.containers import Join
from pellucid.layers.layer import Context
from pellucid.program.compilation import Instruction, Program
from pellucid.program.operations import ARITHMETIC, OPERATIONS, Graph, Node, constant, kind_of
from pellucid.typing import Array, Floats

_ROWS = (13, 17)  # numbers that no other axis is likely to have
_UFUNCS = {function: name for name, function in ARITHMETIC.items() if isinstance(function, np.ufunc)}
_VIEWS = ("reshape", "transpose", "slice")
"""The operations whose result shares the memory of an array in NumPy."""

_UFUNC_REDUCTIONS = {np.add: "sum", np.maximum: "max", np.minimum: "min"}


class OperationError(ValueError):
    """A layer's `forward` does what cannot be written in another language."""


class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that records what is done with it.

    Parameters
    ----------
    node : Node
        How it is computed.
    examples : pair of arrays
        What it is for two batches of zeros.
    """

    __array_priority__ = 1000.0

    def __init__(self, node: Node, examples: tuple[Array, Array]) -> None:
        self.node, self.examples = node, examples
        self.viewed = node.operation in _VIEWS

    # -- what an array has -----------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape for the smaller batch."""
        return self.examples[0].shape

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return self.examples[0].ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64, or the type of whole numbers or truth values."""
        return self.examples[0].dtype

    @property
    def T(self) -> Symbol:
        """Its axes reversed."""
        return self.transpose()

    def __len__(self) -> int:
        return len(self.examples[0])

    def __bool__(self) -> bool:
        raise OperationError("forward decides by the values of its input: use np.where, np.maximum or np.minimum.")

    def __iter__(self) -> Any:
        raise OperationError("forward walks through its input in Python: use array operations.")

    def __array__(self, *_: Any, **__: Any) -> Array:
        raise OperationError("forward turns its input into an array of its own: use the operators of NumPy on it.")

    def __setitem__(self, key: Any, value: Any) -> None:
        raise OperationError("forward writes into an array: use np.where or np.concatenate.")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise _unknown(f"the method or attribute {name} of its input")

    # -- what can be done with it ----------------------------------------------------------------------------------

    def record_operation(self, name: str, *arguments: Any, **options: Any) -> Symbol:
        """One more node."""
        return _record(name, arguments or (self,), options)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", None)
        if method == "reduce" and ufunc in _UFUNC_REDUCTIONS:
            result = _reduced(
                _UFUNC_REDUCTIONS[ufunc], inputs[0], options.get("axis", 0), options.get("keepdims", False)
            )
        elif method == "__call__" and ufunc in _UFUNCS and not options:
            result = _record(_UFUNCS[ufunc], inputs, {})
        elif method == "__call__" and ufunc is np.matmul:
            result = _record("matmul", inputs, {})
        elif method == "__call__" and ufunc is np.logaddexp:
            result = _logaddexp(*inputs)
        elif method == "__call__" and ufunc is np.bitwise_and and {_symbol(each).node.kind for each in inputs} == {"b"}:
            result = _record("logical_and", inputs, {})
        else:
            raise _unknown(f"np.{ufunc.__name__}")
        if out is None:
            return result
        if not isinstance(out[0], Symbol):
            raise OperationError("forward writes into an array of its own: omit out=.")
        if out[0].viewed:
            raise OperationError(
                "forward changes an array in place that shares its memory: write y = y + z for y += z."
            )
        out[0].node, out[0].examples = result.node, result.examples
        return out[0]

    def __array_function__(
        self, function: Any, types: Any, arguments: Sequence[Any], options: Mapping[str, Any]
    ) -> Any:
        if function not in _FUNCTIONS:
            raise _unknown(f"np.{function.__name__}")
        return _FUNCTIONS[function](*arguments, **options)

    def __getitem__(self, key: Any) -> Symbol:
        if isinstance(key, Symbol):
            return _record("take", (self, key), {})
        return _indexed(self, key if isinstance(key, tuple) else (key,))

    def astype(self, dtype: Any, **_: Any) -> Symbol:
        """Whole numbers, or numbers."""
        kind = np.dtype(dtype).kind
        if kind == self.dtype.kind:
            return self
        if kind == "i":
            return _record("to_integer", (self,), {})
        return _record("where", (self, 1.0, 0.0), {}) if self.dtype.kind == "b" else _record("add", (self, 0.0), {})

    def copy(self) -> Symbol:
        """The same numbers, under a name of their own."""
        return Symbol(self.node, self.examples)

    def reshape(self, *shape: Any) -> Symbol:
        """Another shape; the first axis stays that of the examples."""
        wanted = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], Sequence) else shape
        if self.node.shape[:1] == (None,):
            resolved = self.examples[0].reshape(wanted).shape
            if resolved[0] % _ROWS[0]:
                raise OperationError(f"forward mixes the examples: it reshapes {self.node.shape} to {wanted}.")
            wanted = (-1, *resolved[1:])
        return _record("reshape", (self,), {"shape": tuple(int(size) for size in wanted)})

    def transpose(self, *axes: Any) -> Symbol:
        """Its axes in another order; without arguments reversed."""
        order = tuple(axes[0]) if len(axes) == 1 and isinstance(axes[0], Sequence) else axes
        order = tuple(axis % self.ndim for axis in order) or tuple(reversed(range(self.ndim)))
        return _record("transpose", (self,), {"axes": order})

    def swapaxes(self, first: int, second: int) -> Symbol:
        """Two axes exchanged."""
        order = list(range(self.ndim))
        order[first], order[second] = order[second], order[first]
        return self.transpose(order)

    def ravel(self) -> Symbol:
        """All in one axis."""
        return self.reshape(-1)

    def sum(self, axis: Any = None, keepdims: bool = False, **_: Any) -> Symbol:
        """The sum over some axes."""
        return _reduced("sum", self, axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False, **_: Any) -> Symbol:
        """The mean over some axes."""
        return _reduced("mean", self, axis, keepdims)

    def max(self, axis: Any = None, keepdims: bool = False, **_: Any) -> Symbol:
        """The largest along some axes."""
        return _reduced("max", self, axis, keepdims)

    def min(self, axis: Any = None, keepdims: bool = False, **_: Any) -> Symbol:
        """The smallest along some axes."""
        return _reduced("min", self, axis, keepdims)


def _unknown(name: str) -> OperationError:
    return OperationError(f"forward uses {name}, which is no operation. There are: {', '.join(sorted(OPERATIONS))}.")


def _symbol(value: Any) -> Symbol:
    """A symbol as it is; anything else as a constant."""
    if isinstance(value, Symbol):
        return value
    node = constant(value, _layer_at_work.get())
    assert node.value is not None
    return Symbol(node, (node.value, node.value))


def _record(name: str, arguments: Sequence[Any], options: Mapping[str, Any]) -> Symbol:
    """A new node; its shape is that of two small computations."""
    symbols = [_symbol(argument) for argument in arguments]
    symbols[0].viewed |= name in _VIEWS
    function = OPERATIONS[name]
    with np.errstate(all="ignore"):
        first, second = (np.asarray(function(*(each.examples[k] for each in symbols), **options)) for k in (0, 1))
    if first.ndim != second.ndim:
        raise OperationError(f"forward makes another number of axes of another number of examples, in {name}.")
    shape = tuple(a if a == b else None for a, b in zip(first.shape, second.shape, strict=True))
    reads, layer = tuple(each.node for each in symbols), _layer_at_work.get()
    examples = shape.index(None) if None in shape else None
    rows, rest = (1, 0) if examples is None else divmod(first.shape[examples], _ROWS[0])
    along = {"concatenate": options.get("axis"), "softmax": len(shape) - 1}.get(name)
    mixed = rest or (examples is not None and examples == along)
    if mixed or shape.count(None) != any(None in read.shape for read in reads):
        raise OperationError(f"forward mixes the examples of a batch, in {name}.")
    return Symbol(Node(name, reads, dict(options), shape, layer, kind=kind_of(first), rows=rows), (first, second))


def _reduced(name: str, x: Symbol, axis: Any, keepdims: Any) -> Symbol:
    given = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(sorted(each % x.ndim for each in given))
    if axes[-1] - axes[0] < len(axes):  # neighbours: languages go over these at once
        return _record(name, (x,), {"axis": axes, "keepdims": bool(keepdims)})
    kept = _reduced(name, _reduced(name, x, axes[:-1], True), axes[-1], True)
    return kept if keepdims else kept[tuple(0 if each in axes else slice(None) for each in range(x.ndim))]


def _logaddexp(a: Any, b: Any) -> Symbol:
    """max(a, b) + log(1 + exp(−|a − b|)); with 0 it is softplus."""
    if not isinstance(b, Symbol) and b == 0:
        return _record("softplus", (a,), {})
    result: Symbol = b + _record("softplus", (a - b,), {})
    return result


def _indexed(x: Symbol, key: tuple[Any, ...]) -> Symbol:
    """x[key] of slices, whole numbers, None and an ellipsis: slices, then one reshape."""
    taken = sum(part is not None and part is not Ellipsis for part in key)
    if Ellipsis in key:
        at = key.index(Ellipsis)
        key = key[:at] + (slice(None),) * (x.ndim - taken) + key[at + 1 :]
    key += (slice(None),) * (x.ndim - sum(part is not None for part in key))
    shape: list[int] = []
    axis = 0
    for part in key:
        if part is None:
            shape.append(1)
            continue
        size = x.shape[axis]
        if isinstance(part, slice):
            start, stop, step = part.indices(size)
            if step != 1:
                raise OperationError("forward takes every other element by a slice with a step: use reshape.")
        else:
            start, stop = int(part) % size, int(part) % size + 1
        if (start, stop) != (0, size):
            if x.node.shape[axis] is None:
                raise OperationError("forward takes some examples out of the batch.")
            x = _record("slice", (x,), {"axis": axis, "start": start, "stop": stop})
        if isinstance(part, slice):
            shape.append(stop - start)
        axis += 1
    return x if tuple(shape) == x.shape else x.reshape(shape)


def _concatenated(parts: Sequence[Any], axis: int = 0) -> Symbol:
    symbols = [_symbol(part) for part in parts]
    return _record("concatenate", symbols, {"axis": axis % symbols[0].ndim})


def _stacked(parts: Sequence[Any], axis: int = 0) -> Symbol:
    symbols = [_symbol(part) for part in parts]
    place = axis % (symbols[0].ndim + 1)
    index = (slice(None),) * place + (None,)
    return _concatenated([each[index] for each in symbols], place)


def _filled(x: Symbol, value: float) -> Symbol:
    return _record("fill", (x,), {"value": float(value)})


def _padded(x: Symbol, widths: Any, mode: str = "constant", constant_values: float = 0.0) -> Symbol:
    """One number around an array."""
    if mode != "constant" or np.ndim(constant_values):
        raise _unknown(f"np.pad with mode={mode!r} or several numbers")
    for axis, (before, after) in enumerate(np.broadcast_to(widths, (x.ndim, 2)).tolist()):
        edge = _filled(x[(slice(None),) * axis + (slice(0, 1),)], constant_values) if before or after else x
        x = _concatenated([*before * [edge], x, *after * [edge]], axis) if before or after else x
    return x


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.where: lambda condition, yes, no: _record("where", (condition, yes, no), {}),
    np.clip: lambda x, low, high: np.minimum(np.maximum(x, low), high),
    np.sum: lambda x, axis=None, keepdims=False: _reduced("sum", x, axis, keepdims),
    np.mean: lambda x, axis=None, keepdims=False: _reduced("mean", x, axis, keepdims),
    np.max: lambda x, axis=None, keepdims=False: _reduced("max", x, axis, keepdims),
    np.min: lambda x, axis=None, keepdims=False: _reduced("min", x, axis, keepdims),
    np.reshape: lambda x, shape: x.reshape(shape),
    np.transpose: lambda x, axes=(): x.transpose(axes),
    np.swapaxes: lambda x, a, b: x.swapaxes(a, b),
    np.concatenate: _concatenated,
    np.stack: _stacked,
    np.zeros_like: lambda x, dtype=None: _filled(x, 0.0),
    np.ones_like: lambda x, dtype=None: _filled(x, 1.0),
    np.full_like: lambda x, value, dtype=None: _filled(x, value),
    np.pad: _padded,
    np.dot: lambda a, b: a @ b,
}

_layer_at_work: ContextVar[int] = ContextVar("layer_at_work", default=-1)
"""The index of the layer that is run, which its nodes are marked with."""


def operations_of(program: Program, parameters: Floats, statistics: Floats) -> Graph:
    """What a program predicts with these parameters (p,) and statistics (s,), as a graph.

    Raises
    ------
    OperationError
        If a layer's `forward` cannot be read; the message names the layer.
    """
    source = Node("input", shape=(None, *program.input_shape))
    x = Symbol(source, tuple(np.zeros((rows, *program.input_shape)) for rows in _ROWS))  # type: ignore[arg-type]
    buffers: dict[int, Symbol] = {0: x}
    layers: list[str] = []
    for instruction in program.instructions:
        if instruction.index == program.leading_scalings and instruction.index > 0:
            buffers[instruction.sources[0]] = _record("to_dtype", (buffers[instruction.sources[0]],), {})
        given = tuple(buffers[each] for each in instruction.sources)
        x = _of_layer(instruction, given if isinstance(instruction.layer, Join) else given[0], parameters, statistics)
        layers.append("" if x.node is given[0].node else str(instruction.layer))
        buffers[instruction.target] = x
    if program.leading_scalings == len(program.instructions) > 0:
        x = _record("to_dtype", (x,), {})
    return Graph(source, x.node, tuple(layers), tuple(each.path for each in program.instructions))


def _of_layer(instruction: Instruction, x: Any, parameters: Floats, statistics: Floats) -> Symbol:
    index = instruction.index
    _layer_at_work.set(index)

    def named(views: Any, flat: Floats) -> SimpleNamespace:
        return SimpleNamespace(**{view.name: _constant_symbol(view.of(flat), index, view.name) for view in views})

    context = Context(statistics=named(instruction.statistics, statistics))
    try:
        output, _ = instruction.layer.forward(x, named(instruction.parameters, parameters), context)
    except OperationError as error:
        raise OperationError(f"{instruction.name} cannot be written in another language: {error}") from None
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise OperationError(
            f"{instruction.name} cannot be written in another language: its forward does not run on symbols ({error})."
        ) from error
    if not isinstance(output, Symbol):
        raise OperationError(f"{instruction.name} cannot be written in another language: its output is no symbol.")
    return output


def _constant_symbol(values: Array, layer: int, name: str) -> Symbol:
    node = constant(values.astype(np.float64), layer, name)
    assert node.value is not None
    return Symbol(node, (node.value, node.value))
