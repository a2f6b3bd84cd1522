"""Layers in the training program: the lines of `forward` and of `backward`, side by side.

Contract: a translation takes a `Place` (a layer at its index i, the name of its input and output) and returns `Lines`.
Values are called h0, h1, … by the layer that makes them; parameters `p["W1"]`, statistics `s["mean0"]`, gradients
`g["W1"]` by the layer that owns them; `d` is the derivative of the loss with respect to the value at hand, which
`backward` carries from the last layer to the first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from pellucid import layers
from pellucid.layers.layer import Layer
from pellucid.layers.rectifiers import SELU_ALPHA, SELU_SCALE


@dataclass(frozen=True)
class Place:
    """A layer where it stands."""

    layer: Any
    index: int
    x: str
    """The name of its input, (n, inputs)."""
    inputs: int
    outputs: int
    wanted: bool
    """Whether anybody asks for the derivative with respect to its input."""

    @property
    def y(self) -> str:
        """The name of its output."""
        return f"h{self.index}"

    @property
    def label(self) -> str:
        """The layer, without what its parameters start from."""
        defaults = {"weight_initializer": None, "bias_initializer": "zeros"}
        mine = {name: value for name, value in defaults.items() if hasattr(self.layer, name)}
        return str(replace(self.layer, **mine))

    def p(self, name: str) -> str:
        """A parameter."""
        return f'p["{name}{self.index}"]'

    def g(self, name: str) -> str:
        """The gradient of a parameter."""
        return f'g["{name}{self.index}"]'

    def s(self, name: str) -> str:
        """A statistic."""
        return f's["{name}{self.index}"]'


class Lines(NamedTuple):
    """What a layer comes to."""

    forward: list[str]
    backward: list[str]
    keeps: tuple[str, ...] = ()
    """The values that `backward` needs."""
    functions: tuple[str, ...] = ()
    """The functions that are called, by their names in `functions.py`."""
    output: str | None = None
    """The name of the output where it is not h and the layer's number: what changes nothing has its input's."""


PARAMETER_NAMES = {"weight": "W", "bias": "b"}
"""How parameters are called in the program; the others keep their names."""


def _activation(
    value: str, derivative: str, keeps: str = "y", functions: tuple[str, ...] = ()
) -> Callable[[Place], Lines]:
    """The lines of value(x) and of its derivative; `keeps` says of which of x and y the derivative is written."""

    def translate(place: Place) -> Lines:
        names = {"x": place.x, "y": place.y, **_numbers(place.layer)}
        kept = tuple(names[name] for name in keeps)
        forward = f"{place.y} = {value.format(**names)}"
        return Lines([forward], [f"d = {derivative.format(**names)}"], kept, functions)

    return translate


def _numbers(layer: Layer) -> dict[str, str]:
    """The layer's own numbers, for formulas."""
    return {name: repr(value) for name, value in vars(layer).items() if isinstance(value, float)}


def _nothing(place: Place) -> Lines:
    return Lines([], [], output=place.x)


def _dense(place: Place) -> Lines:
    n_in, n_out, weight, ntk = place.inputs, place.outputs, place.p("W"), place.layer.parametrization == "ntk"
    by, bias = f" / math.sqrt({n_in})" if ntk else "", f" + {place.p('b')}" if place.layer.bias else ""
    forward = [f"{place.y} = {place.x} @ {weight}{by}{bias}  # (n, {n_in}) @ ({n_in}, {n_out}) -> (n, {n_out})"]
    backward = _of_weights(place, n_out, place.layer.bias)
    if ntk and place.layer.bias:  # which has no factor: its gradient comes first
        backward.insert(0, backward.pop(1))
    at = int(ntk and place.layer.bias)
    backward[at:at] = [f"d = d / math.sqrt({n_in})"] if ntk else []
    return Lines(forward, backward, (place.x,))


def _of_weights(place: Place, columns: int, bias: bool) -> list[str]:
    """The gradients of W and b, and the derivative passed on, from d (n, columns)."""
    n_in = place.inputs
    lines = [f"{place.g('W')} = {place.x}.T @ d  # ({n_in}, n) @ (n, {columns}) -> ({n_in}, {columns})"]
    lines += [f"{place.g('b')} = d.sum(axis=0)  # ({columns},)"] if bias else []
    passed = f"d = d @ {place.p('W')}.T  # (n, {columns}) @ ({columns}, {n_in}) -> (n, {n_in})"
    return [*lines, *([passed] if place.wanted else [])]


def _maxout(place: Place) -> Lines:
    i, units, pieces = place.index, place.outputs, place.layer.pieces
    columns = units * pieces
    forward = [
        f"z{i} = ({place.x} @ {place.p('W')} + {place.p('b')}).reshape(-1, {units}, {pieces})  # (n, units, pieces)",
        f"best{i} = z{i}.argmax(axis=2)[..., None]  # which piece is the largest",
        f"{place.y} = np.take_along_axis(z{i}, best{i}, axis=2)[..., 0]  # (n, {units})",
    ]
    backward = [
        f"d_pieces = np.zeros((len(d), {units}, {pieces}), dtype=d.dtype)",
        f"np.put_along_axis(d_pieces, best{i}, d[..., None], axis=2)  # only the largest piece had a say",
        f"d = d_pieces.reshape(len(d), {columns})",
        *_of_weights(place, columns, True),
    ]
    return Lines(forward, backward, (place.x, f"best{i}"))


def _prelu(place: Place) -> Lines:
    slope = place.p("slope")
    total = ".sum(axis=0)" if place.layer.per_unit else ".sum(axis=0).sum(keepdims=True)"
    backward = [
        f"{place.g('slope')} = (d * {place.x} * ({place.x} <= 0)){total}",
        f"d = np.where({place.x} > 0, d, {slope} * d)",
    ]
    return Lines([f"{place.y} = np.where({place.x} > 0, {place.x}, {slope} * {place.x})"], backward, (place.x,))


@dataclass(frozen=True)
class _Within(Place):
    """An activation within another layer: its output has a name of its own."""

    @property
    def y(self) -> str:
        """The name of its output."""
        return f"f{self.index}"


def _parametric(place: Place) -> Lines:
    inner = _Within(**{**vars(place), "layer": place.layer.activation})
    f, share = TRANSLATIONS[type(inner.layer)](inner), place.p("share")
    forward = [*f.forward, f"{place.y} = {place.x} + {share} * ({inner.y} - {place.x})"]
    backward = [f"{place.g('share')} = (d * ({inner.y} - {place.x})).sum(axis=0)"]
    if place.wanted:
        straight = f"straight = (1 - {share}) * d  # what passes by"
        backward += [straight, f"d = {share} * d", *f.backward, "d = straight + d"]
    return Lines(forward, backward, tuple(dict.fromkeys((place.x, inner.y, *f.keeps))), f.functions)


def _gelu(place: Place) -> Lines:
    x, y, i = place.x, place.y, place.index
    if place.layer.approximate == "none":
        return Lines(
            [f"{y} = {x} * normal_share({x})"],
            [f"d = d * (normal_share({x}) + {x} * normal_density({x}))"],
            (x,),
            ("normal_share", "normal_density"),
        )
    root = repr(math.sqrt(2 / math.pi))
    forward = [
        f"t{i} = np.tanh({root} * ({x} + 0.044715 * {x} * {x} * {x}))",
        f"{y} = 0.5 * {x} * (1 + t{i})",
    ]
    backward = [
        f"slope = {root} * (1 + 3 * 0.044715 * {x} * {x})",
        f"d = d * 0.5 * (1 + t{i} + {x} * (1 - t{i} * t{i}) * slope)",
    ]
    return Lines(forward, backward, (x, f"t{i}"))


def _silu(place: Place) -> Lines:
    x, i = place.x, place.index
    forward = [f"s{i} = sigmoid({x})", f"{place.y} = {x} * s{i}"]
    return Lines(forward, [f"d = d * s{i} * (1 + {x} * (1 - s{i}))"], (x, f"s{i}"), ("sigmoid",))


def _mish(place: Place) -> Lines:
    x, i = place.x, place.index
    forward = [f"t{i} = np.tanh(softplus({x}))", f"{place.y} = {x} * t{i}"]
    backward = [f"d = d * (t{i} + {x} * (1 - t{i} * t{i}) * sigmoid({x}))"]
    return Lines(forward, backward, (x, f"t{i}"), ("softplus", "sigmoid"))


def _softmax(place: Place) -> Lines:
    backward = [f"d = {place.y} * (d - (d * {place.y}).sum(axis=1, keepdims=True))"]
    return Lines([f"{place.y} = softmax({place.x})"], backward, (place.y,), ("softmax",))


def _dropout(place: Place) -> Lines:
    if place.layer.rate == 0:
        return _nothing(place)
    i, x = place.index, place.x
    rate = f"dropout{i}" if callable(place.layer.rate) else repr(place.layer.rate)
    forward = [
        f"m{i} = dropout_mask({x}, {rate}, {i}, step)  # 0 for what is dropped",
        f"{place.y} = {x} * m{i}",
    ]
    return Lines(forward, [f"d = d * m{i}"], (f"m{i}",), ("dropout_mask",))


def _noise(place: Place) -> Lines:
    if place.layer.scale == 0:
        return _nothing(place)
    forward = [f"{place.y} = {place.x} + noise({place.x}, {place.layer.scale!r}, {place.index}, step)"]
    return Lines(forward, [], (), ("noise",))


def _batch_normalization(place: Place) -> Lines:
    i, x, move = place.index, place.x, place.layer.momentum
    mean, variance, scale = place.s("mean"), place.s("variance"), place.p("scale")
    forward = [
        f"if step is not None and len({x}) > 1:  # the batch's own mean and variance, which running averages follow",
        f"    mean{i} = {x}.mean(axis=0)  # ({place.inputs},)",
        f"    variance{i} = np.square({x} - mean{i}).mean(axis=0)  # ({place.inputs},)",
        f"    {mean} = {round(1 - move, 12)!r} * {mean} + {move!r} * mean{i}",
        f"    {variance} = {round(1 - move, 12)!r} * {variance} + {move!r} * variance{i} * len({x}) / (len({x}) - 1)",
        "else:",
        f"    mean{i}, variance{i} = {mean}.astype({x}.dtype), {variance}.astype({x}.dtype)",
        f"r{i} = 1 / np.sqrt(variance{i} + {place.layer.epsilon!r})",
        f"u{i} = ({x} - mean{i}) * r{i}  # mean 0, variance 1",
        f"{place.y} = {scale} * u{i} + {place.p('shift')}",
    ]
    backward = [
        f"{place.g('scale')} = (d * u{i}).sum(axis=0)",
        f"{place.g('shift')} = d.sum(axis=0)",
        f"d = d * {scale}",
        "if len(d) > 1:  # the batch's mean and variance hang on every row",
        f"    d = d - d.mean(axis=0) - u{i} * (d * u{i}).mean(axis=0)",
        f"d = d * r{i}",
    ]
    return Lines(forward, backward, (f"u{i}", f"r{i}"))


def _layer_normalization(place: Place) -> Lines:
    i, x, scale = place.index, place.x, place.p("scale")
    mean, again = "mean(axis=1, keepdims=True)", f"(d * u{i}).mean(axis=1, keepdims=True)"
    forward = [
        f"u{i} = {x} - {x}.{mean}",
        f"r{i} = 1 / np.sqrt(np.square(u{i}).{mean} + {place.layer.epsilon!r})  # (n, 1)",
        f"u{i} = u{i} * r{i}  # each row with mean 0, variance 1",
        f"{place.y} = {scale} * u{i} + {place.p('shift')}",
    ]
    backward = [
        f"{place.g('scale')} = (d * u{i}).sum(axis=0)",
        f"{place.g('shift')} = d.sum(axis=0)",
        f"d = d * {scale}",
        f"d = (d - d.{mean} - u{i} * {again}) * r{i}",
    ]
    return Lines(forward, backward, (f"u{i}", f"r{i}"))


def _scale(place: Place) -> Lines:
    backward = [f"{place.g('scale')} = (d * {place.x}).sum(axis=0)"]
    backward += [f"d = d * {place.p('scale')}"] if place.wanted else []
    return Lines([f"{place.y} = {place.x} * {place.p('scale')}"], backward, (place.x,))


def _periodic(place: Place) -> Lines:
    i, x, outputs, waves = place.index, place.x, place.layer.outputs, place.layer.frequencies
    m = (place.outputs - place.inputs) // (outputs - 1)
    w, mixture, turn = place.p("frequency"), f"{place.p('W')}.reshape({m}, {waves}, {outputs - 1})", "2 * math.pi"
    forward = [
        f"angle{i} = {turn} * {x}[:, :{m}, None] * {w} + {place.p('phase')}  # (n, {m}, {waves})",
        f'mixed = np.einsum("nmk,mkj->nmj", np.cos(angle{i}), {mixture}) + {place.p("b")}',
        f"{place.y} = np.dstack([{x}[:, :{m}], mixed]).reshape(len({x}), -1)  # each number beside its mixtures",
        f"{place.y} = np.concatenate([{place.y}, {x}[:, {m}:]], axis=1)  # (n, {place.outputs})",
    ]
    backward = [
        f"own = d[:, :{m * outputs}].reshape(len(d), {m}, {outputs})",
        f'q = -np.sin(angle{i}) * np.einsum("nmj,mkj->nmk", own[:, :, 1:], {mixture})',
        f"{place.g('frequency')} = {turn} * (q * {x}[:, :{m}, None]).sum(axis=0)",
        f"{place.g('phase')} = q.sum(axis=0)",
        f'{place.g("W")} = np.einsum("nmk,nmj->mkj", np.cos(angle{i}), own[:, :, 1:]).reshape({m}, -1)',
        f"{place.g('b')} = own[:, :, 1:].sum(axis=0)",
    ]
    if place.wanted:
        passed = f"own[:, :, 0] + {turn} * (q * {w}).sum(axis=2)"
        backward.append(f"d = np.concatenate([{passed}, d[:, {m * outputs}:]], axis=1)")
    return Lines(forward, backward, (x, f"angle{i}"))


def _embedding(place: Place) -> Lines:
    i, x, codes, size = place.index, place.x, len(place.layer.cardinalities), place.layer.size
    first = place.inputs - codes
    forward = [
        f"rows{i} = {x}[:, {first}:].astype(np.int64) + {place.layer.offsets.tolist()}  # where each code's vector is",
        f"{place.y} = np.concatenate([{x}[:, :{first}], {place.p('W')}[rows{i}].reshape(len({x}), -1)], axis=1)",
    ]
    backward = [
        f"{place.g('W')} = np.zeros_like({place.p('W')})",
        f"np.add.at({place.g('W')}, rows{i}, d[:, {first}:].reshape(len(d), {codes}, {size}))",
    ]
    if place.wanted:
        backward.append(f"d = np.concatenate([d[:, :{first}], np.zeros((len(d), {codes}), d.dtype)], axis=1)")
    return Lines(forward, backward, (f"rows{i}",))


def _measured(place: Place) -> Lines:
    return Lines([f"{place.y} = ({place.x} - {place.s('mean')}) * {place.s('scale')}"], [])


def _centred(place: Place) -> Lines:
    return Lines([f"{place.y} = {place.x} - {place.s('mean')}"], [])


def _robust(place: Place) -> Lines:
    lines = _measured(place)
    if place.layer.limit is None:
        return lines
    clip = f"{place.y} = {place.y} / np.sqrt(1 + np.square({place.y} / {place.layer.limit!r}))  # clipped, smoothly"
    return Lines([*lines.forward, clip], [])


def _rescale(place: Place) -> Lines:
    scale, offset = place.layer.scale, place.layer.offset
    shift = f" + {offset!r}" if offset > 0 else f" - {-offset!r}" if offset < 0 else ""
    return Lines([f"{place.y} = {place.x} * {scale!r}{shift}"], [f"d = d * {scale!r}"])


TRANSLATIONS: dict[type[Layer], Callable[[Place], Lines]] = {
    layers.Dense: _dense,
    layers.Maxout: _maxout,
    layers.Identity: _nothing,
    layers.Flatten: _nothing,
    layers.Reshape: _nothing,
    layers.Sigmoid: _activation("sigmoid({x})", "d * {y} * (1 - {y})", functions=("sigmoid",)),
    layers.Tanh: _activation("np.tanh({x})", "d * (1 - {y} * {y})"),
    layers.HardTanh: _activation("np.clip({x}, {minimum}, {maximum})", "d * (({y} > {minimum}) & ({y} < {maximum}))"),
    layers.ReLU: _activation("np.maximum({x}, 0)", "d * ({y} > 0)"),
    layers.LeakyReLU: _activation("np.where({x} > 0, {x}, {slope} * {x})", "np.where({x} > 0, d, {slope} * d)", "x"),
    layers.PReLU: _prelu,
    layers.ELU: _activation(
        "np.where({x} > 0, {x}, {alpha} * np.expm1(np.minimum({x}, 0)))", "np.where({y} > 0, d, d * ({y} + {alpha}))"
    ),
    layers.SELU: _activation(
        f"np.where({{x}} > 0, {SELU_SCALE!r} * {{x}}, {SELU_SCALE * SELU_ALPHA!r} * np.expm1(np.minimum({{x}}, 0)))",
        f"d * np.where({{y}} > 0, {SELU_SCALE!r}, {{y}} + {SELU_SCALE * SELU_ALPHA!r})",
    ),
    layers.GELU: _gelu,
    layers.SiLU: _silu,
    layers.Mish: _mish,
    layers.Softplus: _activation(
        "softplus({beta} * {x}) / {beta}", "d * sigmoid({beta} * {x})", "x", ("softplus", "sigmoid")
    ),
    layers.Softsign: _activation("{x} / (1 + np.abs({x}))", "d * np.square(1 - np.abs({y}))"),
    layers.Softmax: _softmax,
    layers.ParametricActivation: _parametric,
    layers.Dropout: _dropout,
    layers.GaussianNoise: _noise,
    layers.BatchNormalization: _batch_normalization,
    layers.LayerNormalization: _layer_normalization,
    layers.Scale: _scale,
    layers.Standardize: _measured,
    layers.MinMax: _measured,
    layers.Center: _centred,
    layers.RobustScale: _robust,
    layers.Rescale: _rescale,
    layers.PeriodicEmbedding: _periodic,
    layers.CategoryEmbedding: _embedding,
}
"""What each layer comes to in training."""

MEASUREMENTS: dict[type[Layer], Callable[[Place], list[str]]] = {
    layers.Standardize: lambda place: [
        f"constant = {place.x}.max(axis=0) == {place.x}.min(axis=0)  # a column that never changes comes out as 0",
        f"{place.s('mean')} = np.where(constant, {place.x}[0], {place.x}.mean(axis=0))",
        f"deviation = np.sqrt(np.square({place.x} - {place.s('mean')}).mean(axis=0))",
        f"{place.s('scale')} = np.where(constant, 0.0, 1 / np.where(deviation > 0, deviation, 1.0))",
    ],
    layers.MinMax: lambda place: [
        f"low, high = {place.x}.min(axis=0), {place.x}.max(axis=0)",
        "constant = low == high  # a column that never changes comes out as 0",
        f"scale = {place.layer.high - place.layer.low!r} / np.where(constant, 1.0, high - low)",
        f"{place.s('scale')} = np.where(constant, 0.0, scale)",
        f"{place.s('mean')} = low - np.where(constant, 0.0, {place.layer.low!r} / scale)",
    ],
    layers.Center: lambda place: [f"{place.s('mean')} = {place.x}.mean(axis=0)"],
    layers.RobustScale: lambda place: [
        f"low, median, high = np.quantile({place.x}, [0.25, 0.5, 0.75], axis=0)",
        f"spread = np.where(high > low, high - low, 0.5 * np.ptp({place.x}, axis=0))",
        f"{place.s('mean')} = median",
        f"{place.s('scale')} = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)",
    ],
}
"""What scalings measure on the training rows, before the first step."""
