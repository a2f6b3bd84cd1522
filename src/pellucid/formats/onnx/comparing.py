"""Whether a graph says what the network says, before it is let go.

Judge is onnxruntime where it is installed, else the evaluator that comes with onnx itself. Both sides round, and how
much that matters depends on the network; so what is allowed is measured: a small share of the largest answer, and a few
times what rounding does on the same rows, that is the distance of the network in float64 from itself in float32, and
from itself with every layer's output a rounding off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from pellucid.encoding.encoder import TableEncoder
from pellucid.ensemble import Ensemble
from pellucid.formats.encoding.samples import sample_columns
from pellucid.formats.onnx.column_graph import feeds_of
from pellucid.formats.onnx.output_names import LABEL, GraphOutputs, answers_of, labels_of, values_name
from pellucid.formats.onnx.package import OnnxError, onnx_module
from pellucid.formats.prediction import codes_of
from pellucid.formats.rows import put_codes
from pellucid.layers.layer import Context, Layer
from pellucid.network import Network
from pellucid.typing import Array, Floats

SHARE = 5e-5
"""Of the largest answer (at least of 1): some eight hundred roundings of float32."""
TIMES = 16
"""How many times the effect of rounding on these rows is added to that."""
_EPSILON = 2.0**-24  # float32 rounds to this share of a number

RANDOM_ROWS = 256
_TOO_LARGE = 1e37
"""Near the end of float32: rows with larger answers tell nothing (exp of scores may overflow)."""


class Comparison(NamedTuple):
    """How far apart the two are."""

    judge: str
    """What ran the graph, with its version."""
    largest_difference: float
    """Between the answers of the graph and of the network, over all rows and columns."""
    allowed: float
    ties: int
    """How many labels differ, all of them where two classes are level within `allowed`."""


def with_columns(graph: bytes, model: Ensemble, encoder: TableEncoder, before: Comparison) -> Comparison:
    """Run a graph that takes columns on rows such as the encoder knows, and hold it to what the network says of them.

    Raises
    ------
    OnnxError
        If they differ by more than rounding.
    """
    columns = sample_columns(encoder, RANDOM_ROWS)
    x = encoder.transform(columns)
    found = compare(graph, model, x, x.dtype, feeds_of(encoder, columns))
    worst = max(before, found, key=lambda one: one.largest_difference / one.allowed)
    return worst._replace(ties=before.ties + found.ties)


def compare(
    graph: bytes, model: Ensemble, x: Array, input_dtype: np.dtype[Any], feeds: dict[str, Array] | None = None
) -> Comparison:
    """Run a graph on rows x (n, d), in the dtype it takes, and hold it to what the model says of them.

    `feeds` are the graph's inputs where it takes others than x.

    Raises
    ------
    OnnxError
        If they differ by more than rounding.
    """
    own = answers_of(model, x)
    told = (np.abs(own.values) < _TOO_LARGE).all(axis=1)  # (n,)
    if not told.all():
        if not told.any():
            raise OnnxError("The network's own answers overflow float32 on every row: there is nothing to compare.")
        kept = None if feeds is None else {name: values[told] for name, values in feeds.items()}
        return compare(graph, model, x[told], input_dtype, kept)
    outputs = [values_name(model.link)] + ([] if own.labels is None else [LABEL])
    given = {"input": x.astype(input_dtype, copy=False)} if feeds is None else feeds
    judge, said = _run(graph, given, outputs)
    values = said[0].astype(np.float64)
    if values.shape != own.values.shape or not np.isfinite(values).all():
        what = "numbers that are not finite" if values.shape == own.values.shape else f"the shape {values.shape}"
        raise OnnxError(f"{judge} answers {what}, the network finite numbers of the shape {own.values.shape}.")
    allowed = _allowed(model, x, own)
    difference = np.abs(values - own.values).max(axis=1)  # (n,)
    worst = int(difference.argmax())
    if difference[worst] > allowed:
        raise OnnxError(
            f"The ONNX graph and the network disagree: in row {worst} of {len(x)} they differ by "
            f"{difference[worst]:.2g}, and {allowed:.2g} is allowed ({judge}). If the inputs are large beside their "
            "spread, float32 may be too coarse for them: try input_dtype='float64'."
        )
    ties = 0 if own.labels is None else _ties(model, said[1], own, allowed)
    return Comparison(judge, float(difference[worst]), allowed, ties)


def random_rows(network: Network, input_dtype: np.dtype[Any]) -> Floats:
    """Rows of the kind the network has seen: normal numbers behind the scalings in front, none, and large ones."""
    z = np.random.default_rng(0).normal(size=(RANDOM_ROWS, *network.input_shape))
    z[0] = 0.0
    z[1:9] *= 10.0  # where activations saturate
    for instruction in reversed(network.program.instructions[: network.program.leading_scalings]):
        layer = instruction.layer
        if instruction.statistics:
            mean, scale = (network.get(f"{instruction.path}.{name}") for name in ("mean", "scale"))
        else:
            scale = np.full(network.input_shape[-1:], float(getattr(layer, "scale", 1.0)))
            mean = -float(getattr(layer, "offset", 0.0)) / np.where(scale == 0, 1.0, scale)
        z = z / np.where(scale == 0, 1.0, scale) + mean
    if codes := codes_of(network):
        put_codes(z, codes)
    return z.astype(input_dtype)


def _run(graph: bytes, feeds: dict[str, Array], outputs: list[str]) -> tuple[str, list[Array]]:
    """Who ran the graph, and what it answered."""
    try:
        import onnxruntime
    except ImportError:
        evaluator = onnx_module("onnx.reference").ReferenceEvaluator(graph)
        return f"onnx {onnx_module().__version__}, its own evaluator", evaluator.run(outputs, feeds)
    judge = f"onnxruntime {onnxruntime.__version__}"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is told once, by the error
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        return judge, session.run(outputs, feeds)
    except Exception as error:  # its errors have no common class of their own
        raise OnnxError(f"{judge} cannot run the graph: {error}") from error


@dataclass(frozen=True)
class _Rounded(Layer):
    """x ± ε·max(|x|, 1): what an operation in float32 may lose, also where its parts cancel, as in 1 + erf x. The last
    `codes` columns, which are codes for a layer behind, stay.
    """

    codes: int

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, None]:
        """x (n, …, d) -> x, a little off."""
        sign = np.where(np.random.default_rng(0).random(x.shape) < 0.5, -1.0, 1.0)  # (n, d)
        off = sign * _EPSILON * np.maximum(np.abs(x), 1.0)
        off[..., x.shape[-1] - self.codes :] = 0.0
        return x + off, None


def _allowed(model: Ensemble, x: Array, own: GraphOutputs) -> float:
    """How far apart two right answers may be, from what rounding does to these very networks on these rows: to a mean
    no more than to its parts on average.
    """
    rounding = float(np.mean([_rounding(network, x) for network in model.networks]))
    return SHARE * max(1.0, float(np.abs(own.values).max())) + TIMES * rounding


def _rounding(network: Network, x: Array) -> float:
    """How much rounding changes the answers of a network: in float32, and with every layer's output a little off."""
    exact, short = (_values(network, network.layers, dtype, x) for dtype in ("float64", "float32"))
    behind = [network.layers[place + 1 :] for place in range(len(network.layers))]
    codes = [max((layer.code_columns for layer in layers), default=0) for layers in behind]
    parts = [part for layer, count in zip(network.layers, codes, strict=True) for part in (layer, _Rounded(count))]
    disturbed = _values(network, parts, "float64", x)
    return float(np.abs(short - exact).max() + np.abs(disturbed - exact).max())


def _values(network: Network, layers: Sequence[Layer], dtype: str, x: Array) -> Floats:
    """The answers with other layers, of the same parameters, in another precision; float64 (n, columns)."""
    other = Network(layers, dtype=dtype, engine="reference")
    other.adopt_shape(network.input_shape)
    other.adopt(network.parameters.astype(other.dtype), network.statistics)
    other.link, other.target = network.link, network.target
    return answers_of(Ensemble([other]), x).values.astype(np.float64)


def _ties(model: Ensemble, said: Array, own: GraphOutputs, allowed: float) -> int:
    """How many labels differ; an error where it is not for two classes that are level."""
    names = labels_of(model)
    assert own.labels is not None
    expected = own.labels if names is None else names[own.labels]
    if said.shape != expected.shape:
        raise OnnxError(f"The graph answers labels of shape {said.shape}, the network {expected.shape}.")
    differ = said != expected
    values = own.values.astype(np.float64)
    if values.shape == differ.shape:  # yes or no, each output by itself
        level = np.abs(values - (0.5 if model.link == "sigmoid" else 0.0)) <= allowed
    else:
        ordered = np.sort(values, axis=1)  # (n, K); of a single score the distance from the border, which is 0
        margin = ordered[:, -1] - ordered[:, -2] if values.shape[1] > 1 else np.abs(values[:, 0])
        level = margin <= 2 * allowed
    if (differ & ~level).any():
        row = int(np.argwhere(differ & ~level)[0][0])
        raise OnnxError(
            f"The ONNX graph and the network disagree: row {row} is {said[row]!r} to one and "
            f"{expected[row]!r} to the other."
        )
    return int(np.count_nonzero(differ))
