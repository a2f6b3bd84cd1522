"""Nodes with two inputs: chains with constants, constants with constants, and chains that meet again.

Two chains that meet are several nodes for one layer, or no dense network. Each of these layers stands here with the
form it is known by.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid import layers as our
from pellucid.formats.onnx.node import Node, shortest
from pellucid.formats.onnx.values import AffineValue, Chain, Clip, Decision, Function, Linear, Step, Value, Whole
from pellucid.layers.layer import Layer
from pellucid.layers.parametric import FUNCTIONS as PARAMETRIC
from pellucid.typing import Array, Floats

_ZERO, _ONE = np.zeros(1), np.ones(1)
_CLOSE = 1e-5  # of constants that were rounded to float32


def add(node: Node) -> Value:
    """Sum of two."""
    one, two = _two(node)
    if isinstance(one, Chain) and isinstance(two, Chain):
        return _meet(node, one, two, _prelu, _cubic_line, _parametric)
    if isinstance(one, Chain) or isinstance(two, Chain):
        chain, place = (one, 1) if isinstance(one, Chain) else (node.chain(1), 0)
        return shifted(chain, node.features(place, chain))
    return _of_constants(node, np.add)


def subtract(node: Node) -> Value:
    """Difference of two."""
    one, two = _two(node)
    if isinstance(one, Chain) and isinstance(two, np.ndarray):
        center = node.features(1, one)
        return one.then(AffineValue(center, _ONE, _ZERO))
    if isinstance(two, Chain) and isinstance(one, np.ndarray):
        return two.then(AffineValue(_ZERO, -_ONE, node.features(0, two)))
    if isinstance(one, Chain) and isinstance(two, Chain):
        if two.argument("mean") is one:
            return one.then(Function("centred"))
        if one.parent is two and activation_of(one.step) in PARAMETRIC.values():
            return one.then(Function("bend"))
        raise node.error("a difference of two values that both depend on the input is no layer.")
    return _of_constants(node, np.subtract)


def multiply(node: Node) -> Value:
    """Product of two."""
    one, two = _two(node)
    if isinstance(one, Chain) and isinstance(two, Chain):
        return _meet(node, one, two, _silu, _mish, _gelu, _power)
    if isinstance(one, Chain) or isinstance(two, Chain):
        chain, place = (one, 1) if isinstance(one, Chain) else (node.chain(1), 0)
        return chain.then(AffineValue(_ZERO, node.features(place, chain), _ZERO))
    return _of_constants(node, np.multiply)


def divide(node: Node) -> Value:
    """Quotient of two."""
    one, two = _two(node)
    if isinstance(one, Chain) and isinstance(two, Chain):
        found = _softsign(one, two) or _robust_scale(one, two) or _layer_normalization(one, two)
        if found is None:
            raise node.error("a quotient of two values that both depend on the input is no layer.")
        return found
    if isinstance(one, Chain):
        divisor = node.features(1, one)
        if (divisor == 0).any():
            raise node.error("it divides by 0.")
        return one.then(AffineValue(_ZERO, 1 / divisor, _ZERO))
    return _of_constants(node, np.divide)


def shifted(chain: Chain, values: Floats) -> Chain:
    """The chain with a constant added: the bias of a linear step that has none, or a step of its own."""
    if isinstance(chain.step, Linear) and chain.parent is not None and chain.step.bias is None:
        dtype = chain.step.weight.dtype
        bias = np.broadcast_to(values, chain.shape).astype(dtype)
        return Chain(chain.shape, chain.parent, Linear(chain.step.weight, bias))
    return chain.then(AffineValue(_ZERO, _ONE, values))


def _two(node: Node) -> tuple[Value | None, Value | None]:
    if len(node.inputs) != 2:
        raise node.error(f"it needs two inputs, but has {len(node.inputs)}.")
    return node.inputs[0], node.inputs[1]


def _of_constants(node: Node, function: Callable[[Any, Any], Any]) -> Array:
    one, two = node.constant(0), node.constant(1)
    if one.dtype.kind not in "fiu" or two.dtype.kind not in "fiu":
        raise node.error("it computes with what is no number.")
    try:
        size = math.prod(np.broadcast_shapes(one.shape, two.shape))
    except ValueError:
        raise node.error(f"the shapes {one.shape} and {two.shape} do not fit.") from None
    if size > max(one.size, two.size):
        raise node.error("two constants make a larger one.")
    with np.errstate(all="ignore"):  # whether the result is finite is asked where it is used
        return np.asarray(function(one, two))


def _meet(node: Node, one: Chain, two: Chain, *forms: Callable[[Chain, Chain], Chain | None]) -> Chain:
    """The layer that two chains make, whichever stands first."""
    if one.shape == two.shape:
        for form in forms:
            found = form(one, two) or form(two, one)
            if found is not None:
                return found
    raise node.error("the graph branches and joins here, and the two together are no layer that Pellucid knows.")


# -- the layers ----------------------------------------------------------------------------------------------------


def _silu(x: Chain, gate: Chain) -> Chain | None:
    """x·σ(x)."""
    return x.then(Whole(our.SiLU())) if gate.before(our.Sigmoid) is x else None


def _mish(x: Chain, gate: Chain) -> Chain | None:
    """x·tanh(softplus(x))."""
    inner = gate.before(our.Tanh)
    return x.then(Whole(our.Mish())) if inner is not None and inner.before(our.Softplus) is x else None


def _gelu(x: Chain, gate: Chain) -> Chain | None:
    """k·z·a(1 + erf(z/√2)) is 2ka times GELU, and so with tanh; x is k·z."""
    bend, a, one = _line(gate)
    inner, approximate = bend.argument("erf"), False
    if inner is None:
        inner, approximate = bend.before(our.Tanh), True
    if inner is None or not _close(a, one):
        return None
    for z in (x, x.parent):
        _, k, nothing = _line(x, until=z)
        if z is not None and not nothing and _is_gelu_inside(inner, z, approximate):
            gelu = z.then(Whole(our.GELU("tanh" if approximate else "none")))
            return gelu if _close(2 * k * a, 1.0) else gelu.then(AffineValue(_ZERO, np.full(1, 2 * k * a), _ZERO))
    return None


def _is_gelu_inside(inner: Chain, z: Chain, approximate: bool) -> bool:
    """Whether it is z/√2, or √(2/π)(z + 0.044715 z³)."""
    of, root, nothing = _line(inner, until=z)
    if nothing or not approximate:
        return of is z and not nothing and _close(root, math.sqrt(0.5))
    known = isinstance(of.step, Function) and _close(of.step.number, 0.044715)
    return known and of.argument("cubic line") is z and _close(root, math.sqrt(2 / math.pi))


def _power(x: Chain, factor: Chain) -> Chain | None:
    """x·x, and x²·x."""
    if x is factor:
        return x.then(Function("power", 2.0))
    if factor.argument("power") is x and isinstance(factor.step, Function):
        return x.then(Function("power", factor.step.number + 1))
    return None


def _cubic_line(x: Chain, cube: Chain) -> Chain | None:
    """A part of GELU: x + c·x³."""
    power, c, nothing = _line(cube)
    if power.argument("power") is not x or nothing or not isinstance(power.step, Function) or power.step.number != 3:
        return None
    return x.then(Function("cubic line", c))


def _softsign(x: Chain, divisor: Chain) -> Chain | None:
    """x/(|x| + 1)."""
    size, scale, offset = _line(divisor)
    found = size.argument("abs") is x and (scale, offset) == (1.0, 1.0)
    return x.then(Whole(our.Softsign())) if found else None


def _robust_scale(z: Chain, divisor: Chain) -> Chain | None:
    """z/√(1 + (z/limit)²)."""
    radicand = divisor.argument("sqrt")
    if radicand is None:
        return None
    square, scale, offset = _line(radicand)
    ratio = square.argument("power")
    if ratio is None or (scale, offset) != (1.0, 1.0) or not isinstance(square.step, Function):
        return None
    of, inverse, nothing = _line(ratio, until=z)
    if of is not z or nothing or inverse <= 0 or square.step.number != 2:
        return None
    numbers = {"mean": np.zeros(z.width), "scale": np.ones(z.width)}
    return z.then(Whole(our.RobustScale(limit=1 / inverse), numbers))


def _layer_normalization(centred: Chain, divisor: Chain) -> Chain | None:
    """(x − mean)/√(mean of (x − mean)² + ε): the operator LayerNormalization came with operator set 17."""
    x, radicand = centred.argument("centred"), divisor.argument("sqrt")
    if x is None or radicand is None:
        return None
    variance, scale, epsilon = _line(radicand)
    square = variance.argument("mean")
    if square is None or square.argument("power") is not centred or scale != 1 or epsilon <= 0:
        return None
    if not isinstance(square.step, Function) or square.step.number != 2:
        return None
    numbers = {"scale": np.ones(x.width), "shift": np.zeros(x.width)}
    return x.then(Whole(our.LayerNormalization(shortest(np.float32(epsilon))), numbers))


def _prelu(positive: Chain, negative: Chain) -> Chain | None:
    """max(x, 0) + s·max(−x, 0), which has the slope −s below 0."""
    x, last = positive.parent, negative.step
    rectified = negative.parent
    if x is None or not _is_relu(positive) or not isinstance(last, AffineValue) or rectified is None:
        return None
    mirrored = rectified.parent
    if not _is_relu(rectified) or mirrored is None or last.center.any() or last.offset.any():
        return None
    if mirrored.parent is not x or _line(mirrored, until=x)[1:] != (-1.0, 0.0):
        return None
    return x.then(Whole(our.PReLU(per_unit=last.scale.size > 1), {"slope": -last.scale}))


def _parametric(x: Chain, bend: Chain) -> Chain | None:
    """x + a·(f(x) − x), without a where it is 1."""
    last = bend.step
    if bend.argument("bend") is not None:
        bend, last = bend.then(AffineValue(_ZERO, _ONE, _ZERO)), AffineValue(_ZERO, _ONE, _ZERO)
    f = bend.parent.argument("bend") if bend.parent is not None else None
    if f is None or f.parent is not x or not isinstance(last, AffineValue) or last.center.any() or last.offset.any():
        return None
    name = next(name for name, layer in PARAMETRIC.items() if layer == activation_of(f.step))
    return x.then(Whole(our.ParametricActivation(name), {"share": np.broadcast_to(last.scale, x.shape)}))


def activation_of(step: Step | None) -> Layer | None:
    """The activation that a step is, if it is one by itself."""
    if isinstance(step, Clip):
        if (step.low, step.high) == (0.0, math.inf):
            return our.ReLU()
        return our.HardTanh(step.low, step.high) if -math.inf < step.low < step.high < math.inf else None
    return step.layer if isinstance(step, Whole) else None


def softplus_for_small(node: Node) -> Value:
    """Where(x > 20, x, softplus(x)): PyTorch's Softplus, which differs by less than 1e-8."""
    condition, x, softplus = (node.inputs[place] if node.given(place) else None for place in range(3))
    if (
        isinstance(condition, Decision)
        and condition.by == "threshold"
        and condition.threshold >= 15
        and isinstance(softplus, Chain)
        and condition.chain is x
        and softplus.before(our.Softplus) is x
    ):
        return softplus
    raise node.error("a choice between two values is no layer that Pellucid knows.")


def _is_relu(chain: Chain) -> bool:
    return isinstance(chain.step, Clip) and (chain.step.low, chain.step.high) == (0.0, math.inf)


def _line(chain: Chain, until: Chain | None = None) -> tuple[Chain, float, float]:
    """(x, a, b) such that the chain is a·x + b with single numbers a and b: x as far back as it goes, or `until`."""
    scale, offset = 1.0, 0.0
    while chain is not until and isinstance(chain.step, AffineValue) and chain.parent is not None:
        center, factor, shift = chain.step.center, chain.step.scale, chain.step.offset
        if center.size > 1 or factor.size > 1 or shift.size > 1:
            break
        offset += scale * float(shift[0] - center[0] * factor[0])
        scale *= float(factor[0])
        chain = chain.parent
    return chain, scale, offset


def _close(one: float, two: float) -> bool:
    return math.isclose(one, two, rel_tol=_CLOSE)
