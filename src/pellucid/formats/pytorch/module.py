"""The module that computes a network in PyTorch. Imported when it is first needed: torch is no dependency."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

from pellucid.program.operations import Graph, Node
from pellucid.typing import Array

_LINEAR_FROM = 40.0  # where log(1 + eᶻ) is z in float64, too; PyTorch's own 20 is meant for float32

OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "sum": lambda x, axis, keepdims: torch.sum(x, axis, keepdims),
    "mean": lambda x, axis, keepdims: torch.mean(x, axis, keepdims),
    "max": lambda x, axis, keepdims: torch.amax(x, axis, keepdims),
    "min": lambda x, axis, keepdims: torch.amin(x, axis, keepdims),
    "power": torch.pow,
    "softplus": lambda x: torch.nn.functional.softplus(x, threshold=_LINEAR_FROM),
    "softmax": lambda x: torch.softmax(x, -1),
    "reshape": lambda x, shape: x.reshape(shape),
    "transpose": lambda x, axes: x.permute(axes),
    "slice": lambda x, axis, start, stop: x.narrow(axis, start, stop - start),
    "concatenate": lambda *parts, axis: torch.cat(parts, axis),
    "fill": lambda x, value: torch.full_like(x, value),
    "take": lambda table, rows: table[rows],
    "to_integer": lambda x: x.long(),
    "to_dtype": lambda x: x,
}
"""The operations that PyTorch has under another name, or with other arguments; the others are functions of torch."""


class Numbers(NamedTuple):
    """A parameter or statistic as PyTorch keeps it."""

    name: str
    """In full: "3.1.weight"."""
    values: Array
    trained: bool
    transposed: bool
    """Whether it is turned when it is used: (d_out, d_in) there, (d_in, d_out) here."""


class ModulePart(torch.nn.Module):
    """One layer with its numbers, or the layers within a container: `str(layer)` is what PyTorch prints of it."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.label = words

    def _get_name(self) -> str:
        return self.label

    def __repr__(self) -> str:
        return super().__repr__() if self._modules else self.label


class PellucidModule(torch.nn.Module):
    """A network, computed operation by operation.

    Parameters
    ----------
    graph : Graph
        The operations.
    dtype : torch.dtype
        Of what stands behind the scalings in front, where there are no parameters; else theirs.
    layers : mapping of str to str
        Each layer as one would type it, by its path: "0", "3.1".
    numbers : mapping of (int, str) to Numbers
        All parameters and statistics, by their layer and our name of them.
    unit : Module or None
        What makes predictions of scores.
    """

    def __init__(
        self,
        graph: Graph,
        dtype: Any,
        layers: Mapping[str, str],
        numbers: Mapping[tuple[int, str], Numbers],
        unit: Unit | None,
    ) -> None:
        super().__init__()
        self._graph, self._nodes, self._wide, self._dtype = graph, list(graph), graph.before_dtype(), dtype
        self._numbers = {key: (each.name, each.transposed) for key, each in numbers.items()}
        for path, words in layers.items():
            parent, _, name = path.rpartition(".")
            self.get_submodule(parent).add_module(name, ModulePart(words))
        for each in numbers.values():
            path, _, name = each.name.rpartition(".")
            part, values = self.get_submodule(path), torch.tensor(each.values)
            if each.trained:
                part.register_parameter(name, torch.nn.Parameter(values))
            else:
                part.register_buffer(name, values)
        for count, node in enumerate(self._nodes):
            if node.is_constant and not node.name:
                self.register_buffer(f"constant_{count}", torch.tensor(node.value), persistent=False)
        self.unit = unit

    @property
    def dtype(self) -> Any:
        """The precision behind the scalings in front."""
        return next((each.dtype for each in self.parameters()), self._dtype)

    def forward(self, x: Any) -> Any:
        """x (n, *input_shape) -> the scores (n, outputs); with a unit, predictions in it."""
        dtype, results = self.dtype, dict[Node, Any]()
        for count, node in enumerate(self._nodes):
            precision = torch.float64 if node in self._wide else dtype
            if node is self._graph.input:
                results[node] = x.to(torch.float64 if self._wide else dtype)
            elif node.is_constant:
                results[node] = self._constant(node, count)
            else:
                values = [results[read] for read in node.inputs]
                if node.kind == "f" and node.operation not in ("where", "take"):
                    values = [value.to(precision) for value in values]
                results[node] = _computed(node, values)
        scores = results[self._graph.output]
        return scores if self.unit is None else self.unit(scores)

    def _constant(self, node: Node, count: int) -> Any:
        if not node.name:
            return getattr(self, f"constant_{count}")
        full, transposed = self._numbers[node.layer, node.name]
        path, _, name = full.rpartition(".")
        value = getattr(self.get_submodule(path), name)
        return value.T if transposed else value


def _computed(node: Node, values: list[Any]) -> Any:
    if node.operation == "maximum" and any(read.value is not None and not read.value.any() for read in node.inputs):
        return torch.relu(values[node.inputs[0].is_constant])  # whose derivative at 0 is 0, as ours
    function = OPERATIONS.get(node.operation) or getattr(torch, node.operation)
    return function(*values, **node.options)


class Unit(torch.nn.Module):
    """y = clip(f(x)·scale + mean, low, high), computed in float64: a network's `target`, no part of `state_dict`.

    Parameters
    ----------
    mean, scale : array (d,)
    low, high : array (d,) or None
        None: no limit.
    exponential : bool
        Whether f(x) is exp(x), where scores are logarithms; else it is x.
    """

    def __init__(self, mean: Any, scale: Any, low: Any, high: Any, exponential: bool) -> None:
        super().__init__()
        self.exponential = exponential
        for name, values in {"mean": mean, "scale": scale, "low": low, "high": high}.items():
            self.register_buffer(name, None if values is None else torch.tensor(values), persistent=False)

    def forward(self, x: Any) -> Any:
        """x (n, d) -> y (n, d)."""
        y = torch.exp(x.double()) if self.exponential else x.double()
        y = y * self.scale.double() + self.mean.double()
        if self.low is not None or self.high is not None:
            y = torch.clamp(y, self.low, self.high)
        return y.to(x.dtype)
