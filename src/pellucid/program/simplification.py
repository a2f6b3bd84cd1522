"""Fewer operations for the same function: what a language is given to write.

Contract: `simplified(graph)` returns a graph that computes the same but for rounding in float64. What depends on
constants alone is computed; what is computed twice is computed once; an addition of 0 or a product with 1 is gone; an
affine function of each feature behind a product with a weight is taken into the weight and its bias, and so is a
factor in front of one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pellucid.program.operations import ARITHMETIC, Graph, Node, constant
from pellucid.typing import Array

_NEUTRAL = {"add": (0, 1, 0.0), "subtract": (1, 0, 0.0), "multiply": (0, 1, 1.0), "divide": (1, 0, 1.0)}
"""The places at which a constant may be neutral (the first: alone, where the second is 0), and its value."""


def simplified(graph: Graph) -> Graph:
    """The same function in fewer operations."""
    readers = graph.readers()
    factors = {node.inputs[0] for node in graph if node.operation == "matmul"}  # what is better taken into a weight
    new: dict[Node, Node] = {}
    known: dict[tuple[object, ...], Node] = {}  # what is computed once already
    for node in graph:
        if node is graph.input or node.is_constant:
            new[node] = node
            continue
        inputs = tuple(new[read] for read in node.inputs)
        alone = [readers[read] == 1 for read in node.inputs]
        scales = node in factors and readers[node] == 1 and any(each.shape == () for each in inputs)
        rewritten = _rewritten(replace(node, inputs=inputs), [False, False] if scales else alone)
        key = (rewritten.operation, rewritten.inputs, tuple(sorted(rewritten.options.items())))
        new[node] = rewritten if rewritten.is_constant else known.setdefault(key, rewritten)
    return replace(graph, output=new[graph.output])


def _rewritten(node: Node, alone: list[bool]) -> Node:
    """The node, or one that does the same with less; `alone`: whether it is the only reader of each of its inputs."""
    node = _with_one_number(node)
    values = [read.value for read in node.inputs if read.value is not None]
    if len(values) == len(node.inputs):
        names = [read for read in node.inputs if read.name]
        largest = max(names, key=lambda read: 0 if read.value is None else read.value.size, default=None)
        return constant(node.compute(values), node.layer, largest.name if largest else "")
    if node.operation == "concatenate":
        return _without_nothing(node)
    return (
        _without_effect(node)
        or _one_factor(node, alone)
        or _taken_into_product(node, alone)
        or _scaled_product(node, alone)
        or node
    )


def _with_one_number(node: Node) -> Node:
    """The node with a number in the place of an array that is full of it, where that comes to the same."""
    inputs = tuple(constant(read.options["value"]) if read.operation == "fill" else read for read in node.inputs)
    if node.operation not in ARITHMETIC or inputs == node.inputs:
        return node
    own, *shapes = (tuple(size or 0 for size in each.shape) for each in (node, *inputs))
    return replace(node, inputs=inputs) if np.broadcast_shapes(*shapes) == own else node


def _without_nothing(node: Node) -> Node:
    """A concatenation without parts of no width."""
    axis = node.options["axis"]
    parts = tuple(part for part in node.inputs if part.shape[axis] != 0)
    return parts[0] if len(parts) == 1 and parts[0].shape == node.shape else replace(node, inputs=parts)


def _one_factor(node: Node, alone: list[bool]) -> Node | None:
    """x (c d) for (x c) d with two constants, (x y) c for (x c) y with one, and x/y for x (1/y)."""
    if node.operation != "multiply":
        return None
    for place in (0, 1):
        product, factor = node.inputs[place], node.inputs[1 - place]
        if product.operation == "divide" and alone[place] and factor.shape == node.shape:
            one = product.inputs[0].value
            if one is not None and (one == 1).all() and one.size == 1:
                return replace(node, operation="divide", inputs=(factor, product.inputs[1]))
        if product.operation != "multiply" or not alone[place]:
            continue
        for other in (0, 1):
            inner, x = product.inputs[other], product.inputs[1 - other]
            if factor.value is None:
                if inner.value is not None and inner.value.size == 1 and x.shape == factor.shape == node.shape:
                    return replace(node, inputs=(replace(node, inputs=(x, factor)), inner))
            elif inner.value is not None and (inner.value.size == 1 or product.shape == x.shape == node.shape):
                name = factor.name or inner.name
                return replace(node, inputs=(x, constant(inner.value * factor.value, node.layer, name)))
    return None


def _without_effect(node: Node) -> Node | None:
    """The input that comes out as it is."""
    if node.operation in ("reshape", "transpose") and node.shape == node.inputs[0].shape:
        axes = node.options.get("axes")
        return node.inputs[0] if axes is None or axes == tuple(range(len(axes))) else None
    if node.operation not in _NEUTRAL:
        return None
    *places, neutral = _NEUTRAL[node.operation]
    for place in dict.fromkeys(places if node.operation in ("add", "multiply") else places[:1]):
        value, other = node.inputs[place].value, node.inputs[1 - place]
        is_bias = other.operation == "matmul" and node.inputs[place].name != ""  # which stays, for whoever trains on
        if value is not None and (value == neutral).all() and other.shape == node.shape and not is_bias:
            return other
    return None


def product_of(node: Node) -> tuple[Node, Node, Node | None] | None:
    """(input, weight, bias or None) of x W or x W + b with a constant weight (d_in, d_out) and bias (d_out,)."""
    bias = None
    if node.operation == "add":
        for first, second in (node.inputs, reversed(node.inputs)):
            if first.operation == "matmul" and second.is_constant and _of_features(second.value, node):
                node, bias = first, second
                break
    if node.operation != "matmul":
        return None
    x, weight = node.inputs
    if weight.value is None or weight.value.ndim != 2 or x.is_constant:
        return None
    return x, weight, bias


def _of_features(value: Array | None, node: Node) -> bool:
    """Whether a constant is one number, or has one for each feature of a result."""
    return value is not None and (value.size == 1 or value.shape[-1:] == node.shape[-1:] == (value.size,))


def _taken_into_product(node: Node, alone: list[bool]) -> Node | None:
    """x W + b, where a constant was added, or everything multiplied with one."""
    if node.operation not in _NEUTRAL:
        return None
    for place in (0, 1):
        product, other = node.inputs[place], node.inputs[1 - place]
        if other.value is None or not alone[place] or not _of_features(other.value, node):
            continue
        if (parts := product_of(product)) is None:
            continue
        x, weight, bias = parts
        if node.operation == "add" and bias is None and place == 0:
            return None  # that is x W + b
        if node.operation == "divide" and place == 1:
            continue
        number = other.value.reshape(-1) if other.value.size > 1 else other.value.reshape(())
        factor, shift = _affine(node.operation, place, number)
        width = product.shape[-1]
        old = 0.0 if bias is None else bias.value
        assert weight.value is not None
        assert width is not None
        new_weight = constant(weight.value * factor, weight.layer, weight.name)
        new_bias = constant(np.broadcast_to(old * factor + shift, (width,)), weight.layer, "bias")
        matmul = replace(node, operation="matmul", inputs=(x, new_weight), layer=product.layer)
        if bias is None and not shift.any():
            return matmul
        return replace(node, operation="add", inputs=(matmul, new_bias), layer=node.layer)
    return None


def _affine(operation: str, place: int, number: Array) -> tuple[Array, Array]:
    """(factor, shift) of an operation of a product, which is its input `place`, and a number."""
    one, zero = np.ones_like(number, np.float64), np.zeros_like(number, np.float64)
    if operation == "add":
        return one, number
    if operation == "subtract":
        return (one, -number) if place == 0 else (-one, number)
    return (number, zero) if operation == "multiply" else (1 / number, zero)


def _scaled_product(node: Node, alone: list[bool]) -> Node | None:
    """x (c W) for (c x) W with one number c."""
    if node.operation != "matmul" or node.inputs[1].value is None or not alone[0]:
        return None
    scaled, weight = node.inputs
    if scaled.operation not in ("multiply", "divide"):
        return None
    for place in (0, 1) if scaled.operation == "multiply" else (1,):
        factor, x = scaled.inputs[place].value, scaled.inputs[1 - place]
        if factor is not None and factor.size == 1 and x.shape == scaled.shape:
            by = factor.reshape(()) if scaled.operation == "multiply" else 1 / factor.reshape(())
            assert weight.value is not None
            return replace(node, inputs=(x, constant(weight.value * by, weight.layer, weight.name)))
    return None
