"""What is learnt from or measured on, checked once: rows, their targets, and how much each counts.

Contract: `examples_of` is the only door for rows. Behind it nobody checks again: x is scanned once, y is encoded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from pellucid.datasets.splits import split_indices
from pellucid.losses import Loss
from pellucid.network import Network, encode_targets
from pellucid.program.compilation import compile_program
from pellucid.training.weighting import class_weights
from pellucid.typing import Array, Floats, Shape
from pellucid.validation import check_inputs, check_same_length, check_sample_weight

Validation: TypeAlias = tuple[Any, Any] | tuple[Any, Any, Any] | float | None
"""(x, y) or (x, y, weight), a fraction of the training rows to split off, or None."""


class Examples(NamedTuple):
    """Rows that were checked."""

    x: Array
    """(n, *input_shape), finite numbers of the caller's own dtype; not a copy."""
    targets: Array
    """As `Loss.encode` returns them, in the unit of y."""
    weight: Floats | None = None
    """How much each row counts (n,), float64; None: all the same."""

    def take(self, rows: Any) -> Examples:
        """Some of the rows."""
        return Examples(self.x[rows], self.targets[rows], None if self.weight is None else self.weight[rows])

    def in_unit_of(self, network: Network) -> Examples:
        """With the targets in the unit of the network's scores."""
        return self if network.target is None else self._replace(targets=network.target.standardized(self.targets))

    def with_class_weight(self, class_weight: Any, network: Network) -> Examples:
        """With each row's weight multiplied by that of its class: a mapping, "balanced", or None for 1."""
        if class_weight is None:
            return self
        of_classes = class_weights(class_weight, self.targets, _output_shape(network, self.x)[-1])
        return self._replace(weight=of_classes if self.weight is None else self.weight * of_classes)


def examples_of(
    network: Network,
    loss: Loss,
    x: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    called: str = "",
    scanned: bool = False,
) -> Examples:
    """Rows x and targets y for a network and a loss.

    Parameters
    ----------
    network : Network
        Built or not; it is not changed.
    sample_weight : array (n,) or None
        How much each row counts.
    called : str
        What messages call the rows: "validation" for "validation x"; "" for "x".
    scanned : bool
        Whether x is known to hold finite numbers only.

    Raises
    ------
    ValueError
        If the shapes do not fit, a number is NaN or infinite, or the loss does not take the targets.
    """
    name = f"{called} " if called else ""
    x = check_inputs(x, f"{name}x", network.input_shape if network.built else None, scanned=scanned)
    targets = encode_targets(loss, y, _output_shape(network, x))
    check_same_length(**{f"{name}x": x, f"{name}y": targets})
    weight = check_sample_weight(sample_weight, len(x), f"{name}weight" if called else "sample_weight")
    return Examples(x, targets, weight)


def _output_shape(network: Network, x: Array) -> Shape:
    program = network.program if network.built else compile_program(network.layers, x.shape[1:])
    return program.output_shape


def validation_examples(validation: Any, network: Network, loss: Loss) -> Examples | None:
    """The rows of (x, y) or (x, y, weight), with targets in the unit of the network, which has begun; or None."""
    if validation is None:
        return None
    if isinstance(validation, Examples):
        return validation.in_unit_of(network)
    if not isinstance(validation, Sequence) or isinstance(validation, str) or len(validation) not in (2, 3):
        received = f"{len(validation)} parts" if isinstance(validation, tuple | list) else f"{validation!r:.80}"
        raise TypeError(
            f"validation must be (x, y) or (x, y, weight), a fraction of the training rows such as 0.2, or "
            f"None, not {received}."
        )
    return examples_of(network, loss, *validation, called="validation").in_unit_of(network)


def split_off(examples: Examples, fraction: float, seed: int) -> tuple[Examples, Examples]:
    """The rows that remain, and a fraction of them for validation.

    Classes keep their proportions, unless one is too rare to be in both parts.

    Raises
    ------
    ValueError
        If the rows have weights: it would not be clear whether they count in the measurement too.
    """
    if examples.weight is not None:
        raise ValueError(
            "validation as a fraction and sample_weight do not go together: give validation=(x, y, weight), or (x, y)."
        )
    targets = examples.targets
    try:
        train, part, _ = split_indices(targets, fraction, 0, stratify=targets.ndim == 1, seed=seed)
    except ValueError:
        train, part, _ = split_indices(targets, fraction, 0, stratify=False, seed=seed)
    return examples.take(train), examples.take(part)
