"""What stands behind the probabilities: which class it is, what it is called."""

from __future__ import annotations

import numpy as np

from pellucid.formats.onnx.constants import text_of
from pellucid.formats.onnx.node import Node
from pellucid.formats.onnx.shapes import same
from pellucid.formats.onnx.values import Chain, Decision, Named, Pair, Value


def arg_max(node: Node) -> Value:
    """The place of the largest number in a row, of equal ones the first."""
    value = same(node)
    if node.number("select_last_index", 0):
        raise node.error("of equal numbers it takes the last, Pellucid the first.")
    if isinstance(value, Pair):
        return Decision(value.chain, "threshold", 0.5)
    chain = node.chain()
    if node.number("axis", 0) not in (1, -1) or len(chain.shape) != 1:
        raise node.error("it must go over the features of a row.")
    return Decision(chain, "argmax")


def greater(node: Node) -> Value:
    """Whether a number is above a threshold."""
    return Decision(node.chain(), "threshold", node.scalar(1, 0.0))


def binarizer(node: Node) -> Value:
    """The same, as scikit-learn writes it."""
    return Decision(node.chain(), "threshold", node.number("threshold", 0.0))


def gather(node: Node) -> Value:
    """The names of the classes, at the places that were decided."""
    names, decision = node.constant(0), node.inputs[1] if node.given(1) else None
    if not isinstance(decision, Decision):
        raise node.error("only names of classes can be picked, by what the network decides.")
    return Decision(decision.chain, decision.by, decision.threshold, class_names(names.reshape(-1)))


def zip_map(node: Node) -> Value:
    """Probabilities as a table by the names of the classes."""
    value = same(node)
    if not isinstance(value, Chain | Pair):
        raise node.error("its input should be probabilities, and is not.")
    return Named(value, node.names("classlabels_strings", "classlabels_int64s"))


def class_names(values: np.ndarray) -> tuple[str, ...]:
    """Names as strings."""
    return tuple(map(text_of, values.tolist()))
