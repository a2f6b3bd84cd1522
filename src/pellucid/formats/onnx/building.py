"""From the steps of a chain to a network with all its numbers."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pellucid import layers as our
from pellucid.formats.onnx.package import OnnxError
from pellucid.formats.onnx.values import AffineValue, Chain, Clip, Function, Linear, Step, Whole
from pellucid.layers.layer import Layer
from pellucid.network import Network
from pellucid.typing import Floats

_EPSILON = 1e-5


class LayerWithNumbers(NamedTuple):
    """A layer and its numbers."""

    layer: Layer
    numbers: dict[str, Floats]


def build(chain: Chain, engine: str, threads: int | None) -> Network:
    """The network of a chain.

    Raises
    ------
    OnnxError
        If a step is no layer, or the layers do not fit.
    """
    links = list(chain.links())[::-1]
    features = links[0].width
    parts, width = [], features
    steps = _merged([(link.step, link.width) for link in links[1:] if link.step is not None])
    for place, (step, behind) in enumerate(steps):
        parts += _parts(step, width, first=place == 0)
        width = behind
    parts = parts or [LayerWithNumbers(our.Identity(), {})]
    double = any(part.numbers["weight"].dtype == np.float64 for part in parts if "weight" in part.numbers)
    network = Network(
        [part.layer for part in parts], dtype="float64" if double else "float32", engine=engine, threads=threads
    )
    try:
        network.adopt_shape((features,))
    except ValueError as error:
        raise OnnxError(f"the layers do not fit: {error}") from None
    return _filled(network, parts)


def _filled(network: Network, parts: list[LayerWithNumbers]) -> Network:
    """The network with its numbers."""
    program = network.program
    parameters = np.empty(program.parameter_count, dtype=network.dtype)
    statistics = np.empty(program.statistic_count, dtype=np.float64)
    for instruction, part in zip(program.instructions, parts, strict=True):
        for flat, views in ((parameters, instruction.parameters), (statistics, instruction.statistics)):
            for view in views:
                view.of(flat)[...] = part.numbers[view.name].reshape(view.shape)
    if not (np.isfinite(parameters).all() and np.isfinite(statistics).all()):
        raise OnnxError("numbers that are not finite come out where its constants are put together.")
    network.adopt(parameters, statistics)
    return network


def _merged(steps: list[tuple[Step, int]]) -> list[tuple[Step, int]]:
    """Neighbours that are one layer together: two clips, two affine steps, an affine one behind a linear one or
    a layer normalization.
    """
    merged: list[tuple[Step, int]] = []
    for step, width in steps:
        last = merged[-1][0] if merged else None
        together: Step | None = None
        if isinstance(last, Clip) and isinstance(step, Clip):
            low = min(max(last.low, step.low), step.high)
            together = Clip(low, min(max(last.high, step.low), step.high))
        elif isinstance(last, AffineValue) and isinstance(step, AffineValue):
            offset = (last.offset - step.center) * step.scale + step.offset
            together = AffineValue(last.center, last.scale * step.scale, offset)
        elif isinstance(last, Linear) and isinstance(step, AffineValue):
            together = _behind(last, step)
        elif (
            isinstance(last, Whole) and isinstance(last.layer, our.LayerNormalization) and isinstance(step, AffineValue)
        ):
            scale, shift = last.numbers["scale"] * step.scale, last.numbers["shift"]
            numbers = {"scale": scale, "shift": (shift - step.center) * step.scale + step.offset}
            together = Whole(last.layer, numbers)
        if together is None:
            merged.append((step, width))
        else:
            merged[-1] = (together, width)
    return [(step, width) for step, width in merged if not _is_nothing(step)]


def _behind(linear: Linear, affine: AffineValue) -> Linear:
    """(x W + b − center)·scale + offset as x W′ + b′, in float64 until the end."""
    dtype, units = linear.weight.dtype, linear.weight.shape[1]
    bias = np.zeros(units) if linear.bias is None else linear.bias.astype(np.float64)
    with np.errstate(all="ignore"):  # whether the result is finite is asked when it is put in place
        weight = (linear.weight.astype(np.float64) * affine.scale).astype(dtype)
        return Linear(weight, ((bias - affine.center) * affine.scale + affine.offset).astype(dtype))


def _is_nothing(step: Step) -> bool:
    if isinstance(step, AffineValue):
        return not step.offset.any() and not step.center.any() and bool((step.scale == 1).all())
    return isinstance(step, Clip) and (step.low, step.high) == (-math.inf, math.inf)


def _parts(step: Step, width: int, first: bool) -> list[LayerWithNumbers]:
    """The layers of one step, on rows of this many numbers."""
    if isinstance(step, Linear):
        numbers = {"weight": step.weight} | ({} if step.bias is None else {"bias": step.bias})
        return [LayerWithNumbers(our.Dense(step.weight.shape[1], bias=step.bias is not None), numbers)]
    if isinstance(step, Whole):
        return [LayerWithNumbers(step.layer, step.numbers)]
    if isinstance(step, AffineValue):
        return [_affine(step, width, first)]
    if isinstance(step, Function):
        raise OnnxError(f"the function {step.name} stands alone, and is no layer of Pellucid.")
    if (step.low, step.high) == (0.0, math.inf):
        return [LayerWithNumbers(our.ReLU(), {})]
    if not (math.isfinite(step.low) and math.isfinite(step.high) and step.low < step.high):
        raise OnnxError(f"a clip to [{step.low:g}, {step.high:g}] is no layer of Pellucid.")
    return [LayerWithNumbers(our.HardTanh(step.low, step.high), {})]


def _affine(step: AffineValue, width: int, first: bool) -> LayerWithNumbers:
    """Scaling: of the input as what it is measured by, further behind as what batch normalization does."""
    if step.center.size == step.scale.size == step.offset.size == 1:
        factor, shift = float(step.scale[0]), float(step.offset[0] - step.center[0] * step.scale[0])
        if not (math.isfinite(factor) and math.isfinite(shift)):
            raise OnnxError("numbers that are not finite come out where its constants are put together.")
        return LayerWithNumbers(our.Rescale(factor, shift), {})
    center, scale, offset = (np.broadcast_to(part, (width,)) for part in (step.center, step.scale, step.offset))
    if first and (not offset.any() or scale.all()):
        with np.errstate(all="ignore"):
            return LayerWithNumbers(
                our.Standardize(), {"mean": center - offset / np.where(scale == 0, 1.0, scale), "scale": scale}
            )
    variance = np.full(width, 1 - _EPSILON)
    numbers = {"scale": scale, "shift": offset, "mean": center, "variance": variance}
    return LayerWithNumbers(our.BatchNormalization(epsilon=_EPSILON), numbers)
