"""What an estimator is taught: labels or numbers as people give them, and in the form that a loss takes.

Contract: a `Form` says how many outputs the network has and whether targets are classes (n,) or numbers (n, outputs).
`form_of_classes` and `form_of_numbers` choose it for a loss; `encode` brings targets into it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.preprocessing import LabelBinarizer

from pellucid.losses import (
    CustomLoss,
    Loss,
    Quantile,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    find_loss,
)
from pellucid.typing import Array, Floats

_OF_CLASSES = ("softmax", "sigmoid", "argmax", "sign")


class Form(NamedTuple):
    """A loss, the outputs it needs, and whether its targets are class indices."""

    loss: Loss
    outputs: int
    indices: bool

    @property
    def link(self) -> str:
        """How scores become predictions."""
        return self.loss.link(np.zeros(1, dtype=np.int64) if self.indices else np.zeros((1, self.outputs)))


def has_probabilities(loss: Any) -> bool:
    """Whether a classifier with this parameter `loss` returns probabilities."""
    if isinstance(loss, CustomLoss):
        return loss.predicts in ("softmax", "sigmoid")
    if isinstance(loss, Loss):
        return isinstance(loss, SoftmaxCrossEntropy | SigmoidCrossEntropy)
    return isinstance(loss, tuple) or loss in ("log_loss", "softmax_cross_entropy", "sigmoid_cross_entropy")


def form_of_classes(loss: Any, kind: str, classes: int) -> Form:
    """The form of labels of a kind: "binary", "multiclass" or "multilabel-indicator".

    Raises
    ------
    ValueError
        If the loss cannot learn such labels.
    """
    one_output, indices = (1, False), (max(classes, 2), True)
    forms = {"binary": (one_output, indices), "multiclass": (indices,)}.get(kind, ((classes, False),))
    if isinstance(loss, tuple):
        outputs, of_indices = forms[0]
        predicts = "softmax" if of_indices else "sigmoid"
        value, derivative = _pair(loss)
        return Form(CustomLoss(value, derivative, outputs, predicts), outputs, of_indices)
    if loss == "log_loss":
        loss = SoftmaxCrossEntropy() if kind == "multiclass" else SigmoidCrossEntropy()
    loss = find_loss(loss)
    for outputs, of_indices in forms:
        form = Form(loss, outputs, of_indices)
        try:
            loss.encode(np.zeros(1, dtype=np.int64) if of_indices else np.zeros((1, outputs)), outputs)
        except ValueError:
            continue
        if form.link in _OF_CLASSES and (form.link not in ("softmax", "argmax")) != of_indices:
            return form
    words = {"binary": "two classes", "multiclass": f"{classes} classes"}.get(kind, "several labels a row")
    raise ValueError(f"loss={loss} cannot learn {words}: use loss='log_loss', which suits every kind of labels.")


def form_of_numbers(loss: Any, columns: int) -> Form:
    """The form of numbers with this many columns."""
    if isinstance(loss, tuple):
        value, derivative = _pair(loss)
        return Form(CustomLoss(value, derivative, columns), columns, False)
    loss = find_loss(loss)
    outputs = len(loss.levels) if isinstance(loss, Quantile) else columns
    if isinstance(loss, Quantile) and columns > 1:
        raise ValueError(f"Quantile takes a single target, but y has {columns} columns: fit an estimator for each.")
    form = Form(loss, outputs, False)
    if isinstance(loss, SigmoidCrossEntropy | SoftmaxCrossEntropy) or form.link not in ("identity", "exponential"):
        raise ValueError(f"loss={loss} predicts classes and not numbers: use loss='squared_error', or a classifier.")
    return form


def _pair(functions: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(functions) != 2 or not all(callable(function) for function in functions):
        raise ValueError(
            f"loss must be a name, a Loss or a pair of functions, (value, derivative), not {functions!r:.80}. (Sizes "
            f"of hidden layers are another parameter: hidden_layer_sizes.)"
        )
    return functions


def encode_labels(y: Array, binarizer: LabelBinarizer, form: Form) -> Array:
    """Labels as class indices (n,), or as yes and no (n, outputs)."""
    classes = binarizer.classes_
    if binarizer.y_type_.startswith("multilabel"):
        dense = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
        return dense.astype(bool)
    indices = np.searchsorted(classes, y).astype(np.int64)
    return indices if form.indices else (indices == 1)[:, None]


def decode_labels(scores: Floats, binarizer: LabelBinarizer, form: Form) -> Array:
    """The labels that scores (n, outputs) predict."""
    classes = binarizer.classes_
    if binarizer.y_type_.startswith("multilabel"):
        answer = (scores > 0).astype(np.int64)
        if not binarizer.sparse_input_:
            return answer
        from scipy.sparse import csr_matrix

        return csr_matrix(answer)
    indices = scores.argmax(axis=1) if form.indices else (scores[:, 0] > 0).astype(np.intp)
    return classes.take(indices, mode="clip")  # clip: a single class
