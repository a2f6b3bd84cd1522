"""Writing a network as an ONNX file: translated, checked, compared, and only then put in place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.encoding.encoder import TableEncoder
from pellucid.ensemble import Ensemble, Model, members
from pellucid.formats.ensemble_prediction import summary_of
from pellucid.formats.onnx.column_graph import encode
from pellucid.formats.onnx.comparing import RANDOM_ROWS, compare, random_rows, with_columns
from pellucid.formats.onnx.graph import Graph
from pellucid.formats.onnx.operations import write
from pellucid.formats.onnx.output_names import add_answers
from pellucid.formats.onnx.package import OPSET, OnnxError, onnx_module
from pellucid.formats.prediction import graph_of
from pellucid.network import Network
from pellucid.program.symbols import OperationError
from pellucid.storage.atomic import write_atomically
from pellucid.validation import check_choice, check_finite, check_inputs
from pellucid.version import __version__

_LARGEST = 2**31 - 2**20  # bytes: what a message of Protocol Buffers may hold, and room for the rest of it


@dataclass(frozen=True)
class OnnxReport:
    """What was written, and how well it agrees. `print` it.

    Parameters
    ----------
    path : Path
        The file.
    size : int
        Bytes.
    opset : int
        The operator set it needs.
    input, outputs : str, tuple of str
        Name, dtype and shape of each.
    random_rows, given_rows : int
        On how many rows graph and network were compared.
    judge : str
        What ran the graph.
    largest_difference, allowed : float
        Between the answers of the two; and where the file would have been refused.
    ties : int
        How many labels differ, where two classes are level to within `allowed`.
    """

    path: Path
    size: int
    opset: int
    input: str
    outputs: tuple[str, ...]
    random_rows: int
    given_rows: int
    judge: str
    largest_difference: float
    allowed: float
    ties: int

    def __str__(self) -> str:
        """A table of a few lines."""
        given = f" and {self.given_rows:,} given" if self.given_rows else ""
        level = f"; {self.ties} labels differ, of classes that are level" if self.ties else ""
        lines = [
            f"{self.path}: {self.size:,} bytes, ONNX operator set {self.opset}",
            f"  input   {self.input}",
            *(f"  output  {output}" for output in self.outputs),
            f"  agrees on {self.random_rows} random{given} rows: largest difference {self.largest_difference:.1e}, "
            f"allowed {self.allowed:.1e}{level} ({self.judge})",
        ]
        return "\n".join(lines)


def to_onnx(
    network: Model,
    path: str | os.PathLike[str],
    *,
    x: Any = None,
    input_dtype: str = "float32",
    columns: bool | None = None,
) -> OnnxReport:
    """Write a network as an ONNX file which predicts the same, its scaling included, for any number of rows.

    The input is called `input`, (rows, *input_shape). The outputs are `label` (rows,) and `probabilities` (rows, K)
    after training on classes, `variable` (rows, outputs) for numbers, `label` and `scores` after a hinge loss. Labels
    are the names in `network.classes`, as int64 where all of them are whole numbers, else as strings; 0, 1, … without
    names. The graph computes in float32, the scalings in front in float64, whatever the network's dtype. Several
    networks (`Ensemble`) become one graph, which returns what they say together; quantiles are put in order.

    Before the file takes its place, the ONNX checker must pass it, and its answers must be those of the network to
    rounding, on random rows and on `x`; otherwise the old file stays.

    Parameters
    ----------
    network : Network or Ensemble
        Built or trained.
    path : path
        Where to; `.onnx` is the customary ending.
    x : array (n, *input_shape) or None
        Real rows to compare on as well.
    input_dtype : {"float32", "float64"}
        What the graph is given. float64 where inputs are large beside their spread, such as years or time stamps.
    columns : bool or None
        Whether the graph takes the columns of a table, one input (rows, 1) each, instead of `input`: numbers, dates (as
        seconds from 1970 on) and yes and no (as 1 and 0) in float64, NaN where missing; categories as strings, "" where
        missing. None: if the network has such a `preprocessing`.

    Returns
    -------
    OnnxReport
        What was written and the largest difference.

    Raises
    ------
    OnnxError
        If the `forward` of a custom layer cannot be read, or the graph disagrees with the network.
    ImportError
        If the package onnx is not installed.

    Examples
    --------
    >>> import os, tempfile, pellucid as pl
    >>> network = pl.Network([pl.Dense(8), pl.ReLU(), pl.Dense(2)]).build(3)
    >>> report = pl.to_onnx(network, os.path.join(tempfile.mkdtemp(), "small.onnx"))
    >>> report.outputs
    ('variable: float32 (rows, 2)',)
    >>> report.largest_difference < 1e-6
    True
    """
    dtype = np.dtype(check_choice("input_dtype", input_dtype, ("float32", "float64")))
    together = members(network)
    given = None if x is None else check_inputs(x, "x", together.input_shape)
    message = translate(together, dtype)
    model = message.SerializeToString()
    checker = onnx_module("onnx.checker")
    try:
        checker.check_model(message, full_check=True)
    except (checker.ValidationError, onnx_module("onnx.shape_inference").InferenceError) as error:
        raise OnnxError(f"The ONNX checker refuses the graph: {error}") from error
    comparison = compare(model, together, random_rows(together.networks[0], dtype), dtype)
    if given is not None:
        of_given = compare(model, together, given, dtype)
        worst = max(comparison, of_given, key=lambda one: one.largest_difference / one.allowed)
        comparison = worst._replace(ties=comparison.ties + of_given.ties)
    encoder = together.preprocessing if columns is None or columns else None
    if columns and encoder is None:
        raise OnnxError("columns=True needs a network that knows columns: network.preprocessing is None.")
    if encoder is not None:
        message = translate(together, dtype, encoder)
        model = message.SerializeToString()
        checker.check_model(message, full_check=True)
        comparison = with_columns(model, together, encoder, comparison)
    write_atomically(path, [model])
    return OnnxReport(
        path=Path(path),
        size=len(model),
        opset=OPSET,
        input=", ".join(map(_described, message.graph.input)),
        outputs=tuple(map(_described, message.graph.output)),
        random_rows=RANDOM_ROWS,
        given_rows=0 if given is None else len(given),
        **comparison._asdict(),
    )


def translate(model: Ensemble, dtype: np.dtype[Any], encoder: TableEncoder | None = None) -> Any:
    """The networks as an onnx.ModelProto that takes rows of this dtype, or the columns that an encoder knows."""
    _check(model)
    first = model.networks[0]
    graph = Graph(np.float64 if first.program.leading_scalings else np.float32)
    rows = graph.input("input", dtype, model.input_shape) if encoder is None else encode(graph, encoder)
    given = dtype if encoder is None else np.dtype(np.float32)
    scores = []
    for number, network in enumerate(model.networks, start=1):
        name = "" if len(model.networks) == 1 else f"net{number}."
        scores.append(_scores(graph, rows, given, network, name))
    graph.prefix, graph.dtype = "", np.dtype(np.float32)
    add_answers(graph, scores, model)
    words = summary_of([network.summary() for network in model.networks])
    return graph.model(producer_name="pellucid", producer_version=__version__, doc_string=words)


def _check(model: Ensemble) -> None:
    """Raise unless the networks fit into a file, and hold numbers alone that are finite."""
    programs = [network.program for network in model.networks]
    if sum(4 * (program.parameter_count + 2 * program.statistic_count) for program in programs) > _LARGEST:
        count = sum(program.parameter_count for program in programs)
        raise OnnxError(f"An ONNX file holds at most 2 GB, but the network has {count:,} parameters.")
    for network in model.networks:
        check_finite(network.parameters, "network.parameters")
        check_finite(network.statistics, "network.statistics")


def _scores(graph: Graph, value: str, given: np.dtype[Any], network: Network, name: str) -> str:
    """The scores (rows, outputs) of a network for rows in the dtype `given`; its values' names begin with `name`."""
    try:
        prediction = graph_of(network)
    except OperationError as error:
        raise OnnxError(str(error)) from None
    graph.prefix, first = name, np.dtype(np.float64 if prediction.before_dtype() else np.float32)
    if first != given:
        value = graph.cast(value, first)
    return write(graph, prediction, value, name)


def _described(value: Any) -> str:
    """Name, dtype and shape of an input or output: 'input: float32 (rows, 64)'."""
    tensor = value.type.tensor_type
    dtype = onnx_module("onnx.helper").tensor_dtype_to_np_dtype(tensor.elem_type)
    sizes = [dimension.dim_param or str(dimension.dim_value) for dimension in tensor.shape.dim]
    name = "string" if dtype == np.dtype(object) else dtype.name
    return f"{value.name}: {name} ({', '.join(sizes)}{',' * (len(sizes) == 1)})"
