"""What each operator of ONNX means for a chain: the table the reader goes by.

Contract: a reader takes the node and returns the value of its first output, or raises an `OnnxError` that says why not.
Constants are computed as far as exporters leave something to compute; nothing ever grows by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from pellucid import layers as our
from pellucid.formats.onnx import combining
from pellucid.formats.onnx.node import Node
from pellucid.formats.onnx.shapes import (
    axes_of,
    cast,
    concatenate,
    flatten,
    reshape,
    same,
    squeeze,
    transpose,
    unsqueeze,
)
from pellucid.formats.onnx.tails import arg_max, binarizer, gather, greater, zip_map
from pellucid.formats.onnx.values import AffineValue, Chain, Clip, Function, Linear, Value, Whole
from pellucid.layers.layer import Layer
from pellucid.layers.rectifiers import SELU_ALPHA, SELU_SCALE

Reader: TypeAlias = Callable[[Node], Value]

_ZERO, _ONE = np.zeros(1), np.ones(1)


def _layer(make: Callable[[], Layer]) -> Reader:
    """An operator that is a layer without numbers."""
    return lambda node: node.chain().then(Whole(make()))


def _function(name: str) -> Reader:
    """An operator that is only a part of layers."""
    return lambda node: node.chain().then(Function(name))


def _gemm(node: Node) -> Value:
    """α·x·W + β·b."""
    if node.number("transA", 0):
        raise node.error("it transposes its rows.")
    weight = node.floats(1, ndim=2)
    if node.number("transB", 0):
        weight = weight.T
    alpha, beta = node.number("alpha", 1.0), node.number("beta", 1.0)
    chain = _linear(node, node.chain(), weight)
    if alpha != 1:
        chain = chain.then(AffineValue(_ZERO, np.full(1, alpha), _ZERO))
    return combining.shifted(chain, beta * node.features(2, chain)) if node.given(2) else chain


def _matmul(node: Node) -> Value:
    return _linear(node, node.chain(), node.floats(1, ndim=2))


def _linear(node: Node, chain: Chain, weight: np.ndarray) -> Chain:
    if node.constant(1).dtype.kind != "f":
        raise node.error("its weight should be floating-point numbers: quantized networks are not read.")
    if len(chain.shape) != 1 or 0 in weight.shape or weight.shape[0] != chain.width:
        raise node.error(f"its weight has the shape {weight.shape}, but a row in front of it {chain.shape}.")
    return chain.then(Linear(weight), (weight.shape[1],))


def _clip(node: Node) -> Value:
    """Within min and max, which are inputs, in old files attributes."""
    low = node.scalar(1, node.number("min", -math.inf))
    return node.chain().then(Clip(low, node.scalar(2, node.number("max", math.inf))))


def _bounded(below: bool) -> Reader:
    def read(node: Node) -> Value:
        if len(node.inputs) != 2:
            raise node.error(f"it needs two inputs, but has {len(node.inputs)}.")
        place = 0 if isinstance(node.inputs[0], Chain) else 1
        bound = node.scalar(1 - place, 0.0)
        return node.chain(place).then(Clip(bound, math.inf) if below else Clip(-math.inf, bound))

    return read


def _hard_sigmoid(node: Node) -> Value:
    """αx + β within [0, 1]."""
    scale, offset = np.full(1, node.number("alpha", 0.2)), np.full(1, node.number("beta", 0.5))
    return node.chain().then(AffineValue(_ZERO, scale, offset)).then(Clip(0.0, 1.0))


def _selu(node: Node) -> Value:
    alpha, gamma = node.number("alpha", SELU_ALPHA), node.number("gamma", SELU_SCALE)
    if math.isclose(alpha, SELU_ALPHA, rel_tol=1e-4) and math.isclose(gamma, SELU_SCALE, rel_tol=1e-4):
        return node.chain().then(Whole(our.SELU()))
    return node.chain().then(Whole(our.ELU(alpha))).then(AffineValue(_ZERO, np.full(1, gamma), _ZERO))


def _celu(node: Node) -> Value:
    if node.number("alpha", 1.0) != 1.0:
        raise node.error("CELU with an alpha other than 1 is no layer here.")
    return node.chain().then(Whole(our.ELU()))


def _gelu(node: Node) -> Value:
    return node.chain().then(Whole(our.GELU(node.text("approximate", "none"))))


def _swish(node: Node) -> Value:
    if node.number("alpha", 1.0) != 1.0:
        raise node.error("Swish with an alpha other than 1 is no layer here.")
    return node.chain().then(Whole(our.SiLU()))


def _prelu(node: Node) -> Value:
    chain = node.chain()
    slope = node.features(1, chain)
    return chain.then(Whole(our.PReLU(per_unit=slope.size > 1), {"slope": slope}))


def _reduce_max(node: Node) -> Value:
    """The highest of each unit's pieces: maxout."""
    chain = node.chain()
    axes = axes_of(node, 1)
    last, before = chain.step, chain.parent
    over_pieces = (
        len(chain.shape) == 2 and chain.shape[1] > 1 and axes in ([2], [-1]) and not node.number("keepdims", 1)
    )
    if not isinstance(last, Linear) or before is None or not over_pieces:
        raise node.error("a maximum is a layer only over the pieces of maxout.")
    units, pieces = chain.shape
    bias = np.zeros(units * pieces) if last.bias is None else last.bias
    return before.then(Whole(our.Maxout(units, pieces), {"weight": last.weight, "bias": bias}), (units,))


def _reduce_mean(node: Node) -> Value:
    """The mean of a row: a part of layer normalization."""
    chain = node.chain()
    if len(chain.shape) != 1 or axes_of(node, 1) not in ([1], [-1]) or not node.number("keepdims", 1):
        raise node.error("a mean is a part of layer normalization only, over the features of a row.")
    return chain.then(Function("mean"), (1,))


def _softmax(logarithm: bool) -> Reader:
    def read(node: Node) -> Value:
        chain = node.chain()
        if len(chain.shape) != 1 or node.number("axis", -1) not in (1, -1):
            raise node.error("it must go over the features of a row.")
        return chain.then(Function("log softmax") if logarithm else Whole(our.Softmax()))

    return read


def _dropout(node: Node) -> Value:
    """Nothing in prediction; whether it trains is an input, and False where that is left out."""
    training = node.given(2) and bool(np.any(node.constant(2)))
    if training:
        raise node.error("it was exported for training: call model.eval() first.")
    return node.chain()


def _batch_normalization(node: Node) -> Value:
    if node.number("training_mode", 0):
        raise node.error("it was exported for training: call model.eval() first.")
    chain, epsilon = node.chain(), node.number("epsilon", 1e-5)
    names = ("scale", "shift", "mean", "variance")
    numbers = {name: node.floats(place, ndim=1) for place, name in enumerate(names, start=1)}
    wrong = [name for name in names if (*numbers[name].shape,) != chain.shape]
    if wrong or (numbers["variance"] < 0).any() or epsilon <= 0:
        raise node.error(f"its numbers do not fit rows of the shape {chain.shape}.")
    return chain.then(Whole(our.BatchNormalization(epsilon=epsilon), numbers))


def _layer_normalization(node: Node) -> Value:
    chain, epsilon = node.chain(), node.number("epsilon", 1e-5)
    if len(chain.shape) != 1 or node.number("axis", -1) not in (1, -1) or epsilon <= 0:
        raise node.error("it must go over the features of a row.")
    scale = np.broadcast_to(node.features(1, chain), chain.shape)
    shift = np.broadcast_to(node.features(2, chain), chain.shape) if node.given(2) else np.zeros(chain.shape)
    return chain.then(Whole(our.LayerNormalization(epsilon), {"scale": scale, "shift": shift}))


def _scaler(node: Node) -> Value:
    """(x − offset)·scale, as scikit-learn's scalers are written."""
    chain = node.chain()
    numbers = []
    for name, default in (("offset", _ZERO), ("scale", _ONE)):
        values = node.numbers(name)
        values = default if values is None else values
        if values.size not in (1, chain.width):
            raise node.error(f"its {name} has {values.size} numbers, but a row has {chain.width}.")
        numbers.append(values)
    return chain.then(AffineValue(numbers[0], numbers[1], _ZERO))


def _negative(node: Node) -> Value:
    if isinstance(node.inputs[0] if node.given(0) else None, np.ndarray):
        return -node.floats(0)
    return node.chain().then(AffineValue(_ZERO, -_ONE, _ZERO))


def _power(node: Node) -> Value:
    exponent = node.scalar(1, 1.0)
    if exponent not in (2.0, 3.0):
        raise node.error(f"the power {exponent:g} is no part of a layer.")
    return node.chain().then(Function("power", exponent))


def _root(node: Node) -> Value:
    if isinstance(node.inputs[0] if node.given(0) else None, np.ndarray):
        with np.errstate(invalid="ignore"):
            return np.sqrt(node.floats(0))
    return node.chain().then(Function("sqrt"))


READERS: dict[str, Reader] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Add": combining.add,
    "Sub": combining.subtract,
    "Mul": combining.multiply,
    "Div": combining.divide,
    "Where": combining.softplus_for_small,
    "Neg": _negative,
    "Pow": _power,
    "Sqrt": _root,
    "Abs": _function("abs"),
    "Erf": _function("erf"),
    "Exp": _function("exp"),
    "Relu": lambda node: node.chain().then(Clip(0.0, math.inf)),
    "Clip": _clip,
    "Max": _bounded(below=True),
    "Min": _bounded(below=False),
    "HardSigmoid": _hard_sigmoid,
    "LeakyRelu": lambda node: node.chain().then(Whole(our.LeakyReLU(node.number("alpha", 0.01)))),
    "PRelu": _prelu,
    "Elu": lambda node: node.chain().then(Whole(our.ELU(node.number("alpha", 1.0)))),
    "Selu": _selu,
    "Celu": _celu,
    "Gelu": _gelu,
    "Swish": _swish,
    "Mish": _layer(our.Mish),
    "Sigmoid": _layer(our.Sigmoid),
    "Tanh": _layer(our.Tanh),
    "Softplus": _layer(our.Softplus),
    "Softsign": _layer(our.Softsign),
    "Softmax": _softmax(logarithm=False),
    "LogSoftmax": _softmax(logarithm=True),
    "ReduceMax": _reduce_max,
    "ReduceMean": _reduce_mean,
    "Dropout": _dropout,
    "BatchNormalization": _batch_normalization,
    "LayerNormalization": _layer_normalization,
    "ai.onnx.ml.Scaler": _scaler,
    "Constant": Node.tensor,
    "Identity": same,
    "Cast": cast,
    "Flatten": flatten,
    "Reshape": reshape,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Transpose": transpose,
    "Concat": concatenate,
    "ArgMax": arg_max,
    "Greater": greater,
    "ai.onnx.ml.Binarizer": binarizer,
    "Gather": gather,
    "ai.onnx.ml.ArrayFeatureExtractor": gather,
    "ai.onnx.ml.ZipMap": zip_map,
}
