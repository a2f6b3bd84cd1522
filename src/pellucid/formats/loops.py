"""The prediction of one example as statements over arrays: what C and JavaScript write.

Contract: `statements_of(graph)` returns `Statement`s in the order of the computation. A statement computes the result
of its `node` from results of earlier ones and from constants. Arithmetic on numbers at the same place is one loop: its
`body` holds all of its operations, the last one being the node. Everything else is a single operation, a product with
its bias among them. A reshape computes nothing: `root_of` leads to the node whose numbers it shows. Shapes are those of
one example.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.program.operations import ARITHMETIC, Graph, Node
from pellucid.program.simplification import product_of
from pellucid.typing import Shape

IN_LOOPS = {*ARITHMETIC, "fill", "to_dtype", "to_integer"}
"""The operations on numbers at the same place."""


@dataclass(frozen=True, eq=False)
class Statement:
    """One operation, or a loop of several.

    Parameters
    ----------
    node : Node
        Whose result it computes.
    body : tuple of Node
        Of a loop: its operations, each behind those it reads. () for anything else.
    reads : tuple of Node
        The results of earlier statements that it needs, or the input; no constants.
    layers : (int, int)
        It ends the layers from the first up to, not including, the second.
    """

    node: Node
    body: tuple[Node, ...]
    reads: tuple[Node, ...]
    layers: tuple[int, int] = (0, 0)


def root_of(node: Node) -> Node:
    """The node whose numbers lie in the same order: that behind reshapes, and transpositions of the examples alone."""
    while _computes_nothing(node):
        node = node.inputs[0]
    return node


def _computes_nothing(node: Node) -> bool:
    if node.operation == "transpose":
        axes = example_axes(node.inputs[0], node.options["axes"])
        return axes == tuple(range(len(axes)))
    return node.operation == "reshape"


def statements_of(graph: Graph, *, across_layers: bool = True) -> list[Statement]:
    """The statements of a graph; without `across_layers` each loop holds operations of one layer alone."""
    nodes = [node for node in graph if not node.is_constant and node is not graph.input]
    readers: dict[Node, list[Node]] = {}
    for node in nodes:
        for read in node.inputs:
            readers.setdefault(read, []).append(node)
    owner: dict[Node, Node] = {}  # the node whose statement computes it
    for node in reversed(nodes):
        owners = {owner[reader] for reader in readers.get(node, ())}
        owner[node] = node
        if len(owners) != 1 or node is graph.output:
            continue
        into = next(iter(owners))
        joins = _joins_loop(node, into) and (across_layers or node.layer == into.layer)
        if joins or _is_inside_product(node, into):
            owner[node] = into
    statements: list[Statement] = []
    written = 0
    for node in nodes:
        if owner[node] is not node or _computes_nothing(node):
            continue
        own = tuple(each for each in nodes if owner[each] is node)
        reads = [root_of(read) for each in own for read in each.inputs if not read.is_constant and read not in own]
        ends = (
            (written, written)
            if any(later.layer == node.layer for later in nodes[nodes.index(node) + 1 :])
            else (written, node.layer + 1)
        )
        written = ends[1]
        body = own if node.operation in IN_LOOPS and product_of(node) is None else ()
        statements.append(Statement(node, body, tuple(dict.fromkeys(reads)), ends))
    return statements


def _joins_loop(node: Node, loop: Node) -> bool:
    """Whether an operation is one more of the loop that computes another node."""
    if node.operation not in IN_LOOPS or loop.operation not in IN_LOOPS:
        return False
    if product_of(node) is not None or product_of(loop) is not None:
        return False
    return node.example_shape == loop.example_shape


def _is_inside_product(node: Node, product: Node) -> bool:
    """Whether it is the product in x W + b."""
    return node in product.inputs and product.operation == "add" and product_of(product) is not None


def read_again(body: Sequence[Node]) -> set[Node]:
    """The operations of a loop that are read more than once within it: they are computed once, under a name."""
    counts = Counter(read for node in body for read in node.inputs)
    return {node for node in body if counts[node] > 1 and node.operation != "fill"}


def place_in_loop(operand: Node, node: Node) -> str:
    """Where the number of an operand lies for the number i of a result, which is that of position p and channel j.

    "i": at the same place. "j": there is one for each channel. "p": one for each position. "0": one for all. Otherwise
    an expression in i.
    """
    padded = (1,) * (len(node.shape) - len(operand.shape)) + operand.shape
    own = tuple(operand.rows if size is None else size for axis, size in enumerate(padded) if axis != node.example_axis)
    shape = node.example_shape
    if own == shape:
        return "i"
    if math.prod(own) == 1:
        return "0"
    if own[:-1] == (1,) * (len(own) - 1) and own[-1] == shape[-1]:
        return "j"
    if own[:-1] == shape[:-1] and own[-1] == 1:
        return "p"
    return place_of(shape, strides_of(own))


def strides_of(shape: Sequence[int]) -> tuple[int, ...]:
    """The distance of neighbours along each axis; 0 along an axis of one."""
    return tuple(0 if size == 1 else math.prod(shape[axis + 1 :]) for axis, size in enumerate(shape))


def place_of(shape: Sequence[int], strides: Sequence[int]) -> str:
    """The expression in i, the place in an array of some shape, of the place in another with these strides."""
    terms = []
    for axis, (size, stride) in enumerate(zip(shape, strides, strict=True)):
        if stride == 0 or size == 1:
            continue
        inner = math.prod(shape[axis + 1 :])
        term = "i" if inner == 1 else f"INT(i / {inner})"
        if math.prod(shape[:axis]) > 1:
            term = f"{term} % {size}"
        terms.append(term if stride == 1 else f"{term} * {stride}")
    return " + ".join(terms) or "0"


def example_axes(node: Node, axes: Sequence[int]) -> tuple[int, ...]:
    """Axes of a batch as axes of an example."""
    without = node.example_axis
    return tuple(axis if without is None else axis - (axis > without) for axis in axes if axis != without)


def around(shape: Shape, first: int, last: int) -> tuple[int, int, int]:
    """How many numbers lie before, along and behind the axes first … last: (outer, length, inner)."""
    return math.prod(shape[:first]), math.prod(shape[first : last + 1]), math.prod(shape[last + 1 :])


def blocks_of(node: Node) -> tuple[int, int, int, int, bool]:
    """A product of arrays as (blocks, rows, inner, width, whether each block has a matrix of its own)."""
    left, right = node.inputs
    *blocks, rows, inner = (left.rows if size is None else size for size in left.shape)
    count = math.prod(blocks)
    own = right.value is None or right.value.ndim > 2
    width = node.shape[-1]
    assert width is not None
    return (count, rows, inner, width, True) if own else (1, count * rows, inner, width, False)
