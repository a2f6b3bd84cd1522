"""Links: how scores become predictions, probabilities, and a count of what is right."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pellucid.losses.target import TargetScaling
from pellucid.numerics import logistic, softmax
from pellucid.typing import Array, Floats

LINKS = ("identity", "sigmoid", "softmax", "argmax", "sign", "exponential")
"""identity: the scores are the predictions; sigmoid: each score is the logit of a yes-or-no; softmax: the scores are
the logits of classes; argmax: the highest score is the class, and the scores are no probabilities; sign: a positive
score is a yes, and no probability; exponential: the scores are logarithms of the predictions."""


def predictions(scores: Floats, link: str, target: TargetScaling | None = None) -> Array:
    """What scores (n, outputs) predict: classes (n,) (ties: the lowest), yes-or-no as 1 or 0, or numbers.

    A single output gives (n,), several yes-or-no outputs or numbers give (n, outputs). With `target`, numbers are in
    its unit, in float64.
    """
    if link in ("softmax", "argmax"):
        return scores.argmax(axis=1)
    answer = scores  # (n, outputs)
    if link in ("sigmoid", "sign"):
        answer = (scores > 0).astype(np.int64)
    else:
        answer = np.exp(scores) if link == "exponential" else scores
        answer = answer if target is None else target.predictions(answer)
    return answer[:, 0] if answer.shape[1] == 1 else answer


def probabilities(scores: Floats, link: str) -> Floats:
    """The probabilities that scores (n, outputs) stand for: (n, K); (n, 2) for a single yes-or-no output.

    Raises
    ------
    ValueError
        If the scores are no logits of probabilities (links identity and argmax).
    """
    if link == "softmax":
        return softmax(scores)
    if link == "sigmoid":
        yes = logistic(scores)  # (n, outputs)
        return np.concatenate([logistic(-scores), yes], axis=1) if yes.shape[1] == 1 else yes
    raise ValueError(
        "This network has no probabilities: it was not trained with SoftmaxCrossEntropy or SigmoidCrossEntropy. "
        "Use scores(x) for its outputs."
    )


def check_unit(link: str, of: str = "This network", target: TargetScaling | None = None) -> None:
    """Raise unless scores of this link are predicted numbers or their logarithms, which alone can have such a unit."""
    if link not in ("identity", "exponential"):
        raise ValueError(
            f"{of} predicts through the link {link!r}, and only numbers (links 'identity' and 'exponential') can be "
            f"standardized or clamped: leave standardize_target, clamp and target away, or take a loss such as "
            f"SquaredError, Quantile or Poisson."
        )
    if link == "exponential" and target is not None and np.any(target.mean):
        raise ValueError(
            f"{of} predicts through the link 'exponential', numbers above 0 whose unit has no mean, but it is "
            f"{target.mean}: give a scale alone, such as the mean of the targets."
        )


def class_count(link: str, outputs: int) -> int | None:
    """How many classes a network with this many outputs tells apart: 2 with a single yes-or-no output; None where it
    predicts numbers.
    """
    if link in ("identity", "exponential"):
        return None
    return 2 if outputs == 1 and link in ("sigmoid", "sign") else outputs


def correct(scores: Floats, targets: Array, link: str) -> npt.NDArray[np.bool_] | None:
    """Which examples are predicted right, (n,); None where the scores predict numbers and not classes."""
    if link in ("identity", "exponential"):
        return None
    if link in ("sigmoid", "sign"):
        right: npt.NDArray[np.bool_] = ((scores > 0) == (targets > 0.5)).all(axis=1)
        return right
    truth = targets if targets.ndim == 1 else targets.argmax(axis=1)  # (n,)
    return scores.argmax(axis=1) == truth


def metrics(
    scores: Floats,
    targets: Array,
    link: str,
    sample_weight: Array | None = None,
    target: TargetScaling | None = None,
) -> dict[str, float]:
    """`accuracy`, the fraction predicted right, for classes; `r2`, 1 − Σ(y − a)²/Σ(y − ȳ)², for numbers.

    For several outputs r2 is the mean of the outputs' values; of a constant target it is 1 if it is met, else 0. With
    `target`, scores are clipped as its predictions are, and targets are in the unit of the scores: r2 knows no unit.
    """
    right = correct(scores, targets, link)
    if right is not None:
        return {"accuracy": float(np.average(right, weights=sample_weight))}
    y = targets.astype(np.float64)  # (n, outputs)
    if link == "exponential":
        scores = np.exp(scores)
    if target is not None:
        scores = target.clipped(scores)
    mean = np.average(y, axis=0, weights=sample_weight)  # (outputs,)
    residual = np.average(np.square(y - scores), axis=0, weights=sample_weight)
    spread = np.average(np.square(y - mean), axis=0, weights=sample_weight)
    constant = spread == 0
    ratio = residual / np.where(constant, 1.0, spread)
    return {"r2": float(np.where(constant, residual == 0, 1.0 - ratio).mean())}
