"""Operators that move numbers and do not change them: shapes, dtypes, identity."""

from __future__ import annotations

import math

import numpy as np

from pellucid.formats.onnx.node import Node
from pellucid.formats.onnx.values import AffineValue, Chain, Pair, Value
from pellucid.typing import Array, Shape

_FLOATS = (1, 10, 11, 16)  # float32, float16, float64, bfloat16


def same(node: Node) -> Value:
    """What came in."""
    value = node.inputs[0] if node.given(0) else None
    if value is None:
        raise node.error("it has no input.")
    return value


def cast(node: Node) -> Value:
    """Another precision; labels may become anything."""
    value = same(node)
    if isinstance(value, np.ndarray):
        kinds = {1: np.float32, 11: np.float64, 10: np.float32, 6: np.int64, 7: np.int64}
        to = int(node.number("to", 0))
        if to not in kinds or value.dtype.kind not in "fiub":
            raise node.error("constants can be cast between floats and whole numbers only.")
        with np.errstate(all="ignore"):
            return value.astype(kinds[to])
    if isinstance(value, Chain) and node.number("to", 0) not in _FLOATS:
        raise node.error("it turns numbers into whole ones, which is no layer.")
    return value


def flatten(node: Node) -> Value:
    """Rows of any shape become rows of features."""
    chain = node.chain()
    if node.number("axis", 1) != 1:
        raise node.error("it must keep the rows (axis 1).")
    return _shaped(chain, (chain.width,))


def reshape(node: Node) -> Value:
    """The rows stay rows."""
    value, shape = same(node), node.constant(1)
    if shape.dtype.kind not in "iu" or shape.ndim != 1:
        raise node.error("its shape should be a list of whole numbers.")
    target = tuple(int(size) for size in shape)
    if isinstance(value, np.ndarray):
        return _reshaped(node, value, target)
    if not isinstance(value, Chain):
        return value
    features = target[1:]
    if len(target) == 1 and target[0] == -1 and value.width == 1:
        return _shaped(value, ())
    zeros_copy = not node.number("allowzero", 0)
    if zeros_copy:
        features = tuple(
            value.shape[place] if size == 0 and place < len(value.shape) else size
            for place, size in enumerate(features)
        )
    if features.count(-1) == 1 and target[0] != -1:
        rest = math.prod(size for size in features if size != -1)
        if rest > 0 and value.width % rest == 0:
            features = tuple(value.width // rest if size == -1 else size for size in features)
    if not target or math.prod(features) != value.width or min(features, default=1) < 1:
        raise node.error(f"it turns rows of the shape {value.shape} into {target!r:.60}, which changes what a row is.")
    return _shaped(value, features)


def squeeze(node: Node) -> Value:
    """Dimensions of size 1 that go."""
    value = same(node)
    if isinstance(value, np.ndarray):
        return np.squeeze(value)
    if not isinstance(value, Chain):
        return value
    axes = axes_of(node, 1)
    rank = len(value.shape) + 1
    gone = {axis % rank for axis in axes} if axes else {i + 1 for i, size in enumerate(value.shape) if size == 1}
    if 0 in gone or any(abs(axis) > rank for axis in axes) or any(value.shape[axis - 1] != 1 for axis in gone):
        raise node.error(f"its axes {axes!r:.60} do not fit rows of the shape {value.shape}.")
    return _shaped(value, tuple(size for i, size in enumerate(value.shape) if i + 1 not in gone))


def unsqueeze(node: Node) -> Value:
    """A dimension of size 1 more, of constants and behind the features."""
    value, axes = same(node), axes_of(node, 1)
    if isinstance(value, np.ndarray):
        if len(axes) != 1 or not -value.ndim - 1 <= axes[0] <= value.ndim:
            raise node.error("it must add one dimension.")
        return np.expand_dims(value, axes[0])
    if isinstance(value, Chain):
        rank = len(value.shape) + 2
        if len(axes) != 1 or axes[0] % rank != rank - 1:
            raise node.error("it must add one dimension, behind the others.")
        return _shaped(value, (*value.shape, 1))
    return value


def transpose(node: Node) -> Value:
    """Of constants."""
    value = node.constant(0)
    order = node.numbers("perm")
    axes = tuple(range(value.ndim))[::-1] if order is None else tuple(int(axis) for axis in order)
    if sorted(axes) != list(range(value.ndim)):
        raise node.error(f"its order {axes!r:.60} does not fit the shape {value.shape}.")
    return value.transpose(axes)


def concatenate(node: Node) -> Value:
    """1 − p beside p: the probabilities of no and yes."""
    if len(node.inputs) == 2 and node.number("axis", 1) in (1, -1):
        no, yes = node.inputs
        if isinstance(no, Chain) and isinstance(yes, Chain) and no.parent is yes and isinstance(no.step, AffineValue):
            step = no.step
            numbers = [part.tolist() for part in (step.center, step.scale, step.offset)]
            if numbers == [[0.0], [-1.0], [1.0]]:
                return Pair(yes)
    raise node.error("only 1 − p beside p, the probabilities of no and yes, can be put side by side.")


def axes_of(node: Node, place: int) -> list[int]:
    """Axes, which are an input, in old files an attribute."""
    if node.given(place):
        values = node.constant(place)
        if values.dtype.kind not in "iu" or values.size > 8:
            raise node.error("its axes should be a few whole numbers.")
        return [int(axis) for axis in values.reshape(-1)]
    attribute = node.numbers("axes")
    return [] if attribute is None else [int(axis) for axis in attribute]


def _reshaped(node: Node, value: Array, target: Shape) -> Array:
    try:
        return value.reshape(target)
    except (ValueError, OverflowError):
        raise node.error(f"the shape {value.shape} cannot become {target!r:.60}.") from None


def _shaped(chain: Chain, shape: Shape) -> Chain:
    """The same rows under another shape: the link stays what it was, for what a chain is does not change."""
    return chain if shape == chain.shape else Chain(shape, chain.parent, chain.step)
