"""How every layer of the catalogue is said in ONNX.

Contract: a translation takes the layer, the graph, the name of the layer's input (rows, d) and the layer's numbers
(`numbers.weight`, `numbers.mean` …), adds what computes the layer's *prediction*, and answers the name of its output.
A layer that is absent in prediction answers its input. Whoever writes a layer writes such a function for it and gives
it to `to_onnx(translations={MyLayer: function})`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeAlias

import numpy as np

from pellucid import layers as our
from pellucid.formats.onnx.graph import Graph
from pellucid.layers.base import Layer
from pellucid.layers.rectifiers import SELU_ALPHA, SELU_SCALE

_ALL = 2**31 - 1  # the end of a Slice that goes to the last column

Translation: TypeAlias = Callable[[Any, Graph, str, SimpleNamespace], str]


def _operator(name: str) -> Translation:
    """A layer that is an operator of ONNX without attributes."""
    return lambda layer, graph, x, numbers: graph.node(name, x)


def _absent(layer: Layer, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    return x


def _dense(layer: our.Dense, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    weight = graph.constant(numbers.weight * layer.factor(len(numbers.weight)), "weight")
    return graph.node("Gemm", x, weight, *([graph.constant(numbers.bias, "bias")] if layer.bias else []))


def _maxout(layer: our.Maxout, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    z = graph.node("Gemm", x, graph.constant(numbers.weight, "weight"), graph.constant(numbers.bias, "bias"))
    shape = graph.constant(np.array([0, layer.units, layer.pieces]), "shape")  # 0: as many rows as there are
    pieces = graph.node("Reshape", z, shape)  # (rows, units, pieces)
    return graph.node("ReduceMax", pieces, graph.constant(np.array([2]), "axis"), keepdims=0)


def _softmax(layer: our.Softmax, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    return graph.node("Softmax", x, axis=-1)


def _hard_tanh(layer: our.HardTanh, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    return graph.node("Clip", x, graph.constant(layer.minimum, "minimum"), graph.constant(layer.maximum, "maximum"))


def _leaky_relu(layer: our.LeakyReLU, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    return graph.node("LeakyRelu", x, alpha=layer.slope)


def _prelu(layer: our.PReLU, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    return graph.node("PRelu", x, graph.constant(numbers.slope, "slope"))


def _elu(layer: our.ELU, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    return graph.node("Elu", x, alpha=layer.alpha)


def _selu(layer: our.SELU, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    return graph.node("Selu", x, alpha=SELU_ALPHA, gamma=SELU_SCALE)


def _gelu(layer: our.GELU, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    """z·½(1 + erf(z/√2)), or with tanh: the operator Gelu came with a later operator set."""
    if layer.approximate == "none":
        inner = graph.node("Erf", graph.node("Mul", x, graph.constant(math.sqrt(0.5), "root")))
    else:
        cube = graph.node("Mul", graph.node("Mul", x, x), x)
        line = graph.node("Add", x, graph.node("Mul", cube, graph.constant(0.044715, "cubic")))
        inner = graph.node("Tanh", graph.node("Mul", line, graph.constant(math.sqrt(2 / math.pi), "root")))
    share = graph.node("Mul", graph.node("Add", inner, graph.constant(1.0, "one")), graph.constant(0.5, "half"))
    return graph.node("Mul", x, share)


def _parametric(layer: our.ParametricActivation, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    """X + a·(f(x) − x)."""
    f = layer.activation
    bend = graph.node("Sub", TRANSLATIONS[type(f)](f, graph, x, SimpleNamespace()), x)
    return graph.node("Add", x, graph.node("Mul", bend, graph.constant(numbers.share, "share")))


def _silu(layer: our.SiLU, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    return graph.node("Mul", x, graph.node("Sigmoid", x))


def _softplus(layer: our.Softplus, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    if layer.beta == 1.0:
        return graph.node("Softplus", x)
    beta = graph.constant(layer.beta, "beta")
    return graph.node("Div", graph.node("Softplus", graph.node("Mul", x, beta)), beta)


def _batch_normalization(layer: our.BatchNormalization, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    names = ("scale", "shift", "mean", "variance")
    constants = (graph.constant(getattr(numbers, name), name) for name in names)
    return graph.node("BatchNormalization", x, *constants, epsilon=layer.epsilon)


def _layer_normalization(layer: our.LayerNormalization, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    """γ·d/√(mean d² + ε) + β with d = x − mean x, step by step.

    Not the operator LayerNormalization: some versions of onnxruntime compute its variance as mean x² − (mean x)², which
    cancels, and some refuse rows of one feature.
    """
    axis = graph.constant(np.array([1]), "axis")
    centred = graph.node("Sub", x, graph.node("ReduceMean", x, axis, keepdims=1))
    variance = graph.node("ReduceMean", graph.node("Mul", centred, centred), axis, keepdims=1)
    root = graph.node("Sqrt", graph.node("Add", variance, graph.constant(layer.epsilon, "epsilon")))
    scaled = graph.node("Mul", graph.node("Div", centred, root), graph.constant(numbers.scale, "scale"))
    return graph.node("Add", scaled, graph.constant(numbers.shift, "shift"))


def _columns(graph: Graph, x: str, begin: int, end: int) -> str:
    """The columns [begin, end) of (rows, d)."""
    borders = (
        graph.constant(np.array([number]), name) for number, name in ((begin, "begin"), (end, "end"), (1, "axis"))
    )
    return graph.node("Slice", x, *borders)


def _periodic(layer: our.PeriodicEmbedding, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    """Each number beside cos(2π x w + b) V + c; for the product with V, the numbers stand in front of the rows."""
    m, waves = numbers.frequency.shape
    last = graph.constant(np.array([2]), "last")
    each = graph.node("Unsqueeze", _columns(graph, x, 0, m), last)  # (rows, m, 1)
    angle = graph.node("Mul", each, graph.constant(2 * np.pi * numbers.frequency.astype(np.float64), "angle"))
    wave = graph.node("Cos", graph.node("Add", angle, graph.constant(numbers.phase, "phase")))  # (rows, m, waves)
    turned = graph.node("Transpose", wave, perm=[1, 0, 2])
    mixture = graph.constant(numbers.weight.reshape(m, waves, -1), "mixture")
    mixed = graph.node("Transpose", graph.node("MatMul", turned, mixture), perm=[1, 0, 2])  # (rows, m, outputs − 1)
    mixed = graph.node("Add", mixed, graph.constant(numbers.bias, "bias"))
    width = graph.constant(np.array([0, m * layer.outputs]), "width")
    embedded = graph.node("Reshape", graph.node("Concat", each, mixed, axis=2), width)
    return graph.node("Concat", embedded, _columns(graph, x, m, _ALL), axis=1)


def _embedding(layer: our.Embedding, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    """The rows of the table at the codes plus where each column's vectors begin."""
    codes = len(layer.cardinalities)
    whole = graph.cast(_columns(graph, x, -codes, _ALL), np.int64)
    rows = graph.node("Add", whole, graph.constant(layer.offsets, "offsets"))  # (rows, codes)
    vectors = graph.node("Gather", graph.constant(numbers.weight, "weight"), rows, axis=0)  # (rows, codes, size)
    wide = graph.node("Reshape", vectors, graph.constant(np.array([0, codes * layer.size]), "width"))
    return graph.node("Concat", _columns(graph, x, 0, -codes), wide, axis=1)


def _scale(layer: our.Scale, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    return graph.node("Mul", x, graph.constant(numbers.scale, "scale"))


def _scaling(layer: Layer, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    """(x − mean)·scale."""
    centred = graph.node("Sub", x, graph.constant(numbers.mean, "mean"))
    return graph.node("Mul", centred, graph.constant(numbers.scale, "scale"))


def _robust_scale(layer: our.RobustScale, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    """z/√(1 + (z/limit)²)."""
    z = _scaling(layer, graph, x, numbers)
    if layer.limit is None:
        return z
    ratio = graph.node("Div", z, graph.constant(layer.limit, "limit"))
    root = graph.node("Sqrt", graph.node("Add", graph.node("Mul", ratio, ratio), graph.constant(1.0, "one")))
    return graph.node("Div", z, root)


def _rescale(layer: our.Rescale, graph: Graph, x: str, numbers: SimpleNamespace) -> str:
    scaled = graph.node("Mul", x, graph.constant(layer.scale, "scale"))
    return graph.node("Add", scaled, graph.constant(layer.offset, "offset"))


TRANSLATIONS: dict[type[Layer], Translation] = {
    our.Dense: _dense,
    our.Maxout: _maxout,
    our.Identity: _absent,
    our.Sigmoid: _operator("Sigmoid"),
    our.Tanh: _operator("Tanh"),
    our.HardTanh: _hard_tanh,
    our.ReLU: _operator("Relu"),
    our.LeakyReLU: _leaky_relu,
    our.PReLU: _prelu,
    our.ELU: _elu,
    our.SELU: _selu,
    our.GELU: _gelu,
    our.SiLU: _silu,
    our.Mish: _operator("Mish"),
    our.Softplus: _softplus,
    our.Softsign: _operator("Softsign"),
    our.Softmax: _softmax,
    our.ParametricActivation: _parametric,
    our.Dropout: _absent,
    our.GaussianNoise: _absent,
    our.BatchNormalization: _batch_normalization,
    our.LayerNormalization: _layer_normalization,
    our.Scale: _scale,
    our.Standardize: _scaling,
    our.MinMax: _scaling,
    our.Center: _scaling,
    our.RobustScale: _robust_scale,
    our.Rescale: _rescale,
    our.PeriodicEmbedding: _periodic,
    our.Embedding: _embedding,
}
"""By class, not by kin: a subclass may compute something else."""
