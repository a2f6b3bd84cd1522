"""Reading a dense network out of an ONNX file."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from pellucid.formats.onnx.building import build
from pellucid.formats.onnx.constants import array_of, message_of, read_file, text_of
from pellucid.formats.onnx.ends import end_of
from pellucid.formats.onnx.node import Node, operator_name
from pellucid.formats.onnx.operators import READERS
from pellucid.formats.onnx.package import OnnxError, onnx_module
from pellucid.formats.onnx.values import Chain, Value, size_of
from pellucid.layers import Identity
from pellucid.losses import LINKS
from pellucid.network import Network
from pellucid.validation import check_choice

_MOST_NODES = 10_000
_SMALL = 2**24  # numbers: what a small file may unfold to; a large one to the number of its bytes more


def from_onnx(
    path: str | os.PathLike[str], *, link: str | None = None, engine: str = "auto", threads: int | None = None
) -> Network:
    """Read a dense network that PyTorch, Keras, scikit-learn or Pellucid wrote as ONNX.

    Read are linear layers (Gemm, MatMul, Add), the activations, batch and layer normalization, scaling of inputs, and
    what exporters write around them: Flatten, Reshape, Cast, Dropout, Identity, the labels and tables behind the
    probabilities. Rows of another shape, such as images, are flattened: the network takes (n, features).

    A softmax or sigmoid at the end becomes the network's link, so that `predict` returns classes and `predict_proba`
    what the file calculates; with `link="identity"` it stays a layer. Where the file ends in plain scores of classes,
    as PyTorch's networks usually do, say so: `link="softmax"`.

    Nothing in the file is run, no other file is opened, and every size is checked before it is allocated.

    Parameters
    ----------
    path : path
        The file.
    link : {"identity", "sigmoid", "softmax", "argmax", "sign", "exponential"} or None
        How scores become predictions. None: what the file's end tells.
    engine, threads
        As for `Network`.

    Returns
    -------
    Network
        Ready to predict and to be trained further, with float64 numbers where the file's weights are float64.

    Raises
    ------
    OnnxError
        If the file is damaged, or holds what is no dense network; the message names the operator.
    OSError
        If it cannot be opened.
    ImportError
        If the package onnx is not installed.

    Examples
    --------
    >>> import os, tempfile, pellucid as pl
    >>> network = pl.Network([pl.Dense(8), pl.ReLU(), pl.Dense(2)]).build(3)
    >>> path = os.path.join(tempfile.mkdtemp(), "small.onnx")
    >>> report = pl.to_onnx(network, path)
    >>> pl.from_onnx(path)
    Network([Dense(8), ReLU(), Dense(2)], dtype='float32', 50 parameters)
    """
    if link is not None:
        check_choice("link", link, LINKS)
    Network([Identity()], engine=engine, threads=threads)  # a wrong engine is the caller's mistake, not the file's
    onnx_module()
    try:
        return network_of(read_file(Path(path)), link, engine, threads)
    except OnnxError as error:
        raise OnnxError(f"{path}: {error}") from None


def network_of(data: bytes, link: str | None = None, engine: str = "auto", threads: int | None = None) -> Network:
    """The network in the bytes of an ONNX file. See `from_onnx`."""
    model = message_of(data)
    values = _walk(model.graph, _SMALL + len(data))
    end = end_of([_known(values, text_of(output.name)) for output in model.graph.output], link)
    network = build(end.chain, engine, threads)
    network.link, network.classes = end.link, end.classes
    return network


def _walk(graph: Any, budget: int) -> dict[str, Value]:
    """What every name of the graph stands for; all of it together holds this many numbers at most, since a small file
    may use one weight many times.
    """
    if len(graph.node) > _MOST_NODES:
        raise OnnxError(f"it has {len(graph.node):,} nodes, and at most {_MOST_NODES:,} are read.")
    if graph.sparse_initializer:
        raise OnnxError("it has sparse weights, which are not read.")
    values: dict[str, Value] = {}
    for tensor in graph.initializer:
        name = text_of(tensor.name)
        values[name] = array_of(tensor, f"{name:.60}")
    inputs = [value for value in graph.input if text_of(value.name) not in values]
    if len(inputs) != 1:
        names = ", ".join(f"{text_of(value.name):.40}" for value in inputs[:5]) or "none"
        raise OnnxError(f"a dense network has one input, but this graph has {len(inputs)}: {names}.")
    values[text_of(inputs[0].name)] = Chain(_input_shape(inputs[0]))
    for proto in graph.node:
        name = operator_name(proto)
        if name not in READERS:
            read = ", ".join(sorted(READERS))
            raise OnnxError(f"the operator {name:.60} is no part of a dense network here. Read are: {read}.")
        node = Node(proto, [_known(values, text_of(name)) if name else None for name in proto.input])
        if not node.outputs or node.outputs[0] in values:
            raise node.error("its output has no name, or one that is taken.")
        values[node.outputs[0]] = value = _read(node)
        budget -= size_of(value)
        if budget < 0:
            raise OnnxError("it uses its weights so often that the network would be far larger than the file.")
    return values


def _read(node: Node) -> Value:
    """What a node answers; a layer's own refusal of its numbers becomes the node's."""
    try:
        return READERS[node.operator](node)
    except OnnxError:
        raise
    except ValueError as error:
        raise node.error(str(error)) from None


def _known(values: dict[str, Value], name: str) -> Value:
    if name not in values:
        raise OnnxError(f"the file is damaged: nothing computes {name!r:.60}.")
    return values[name]


def _input_shape(value: Any) -> tuple[int, ...]:
    """The shape of one example, which the file must state."""
    tensor = value.type.tensor_type
    sizes = [dimension.dim_value for dimension in tensor.shape.dim]
    if len(sizes) < 2 or any(size < 1 for size in sizes[1:]) or math.prod(sizes[1:]) >= 2**31:
        raise OnnxError(
            f"its input {text_of(value.name):.60} has the shape {tuple(sizes)!r:.60} (0: not stated), but must "
            "have rows and a fixed number of features."
        )
    return tuple(sizes[1:])
