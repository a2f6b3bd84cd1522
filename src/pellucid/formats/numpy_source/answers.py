"""What follows from the scores, in Python: `predict`, and `predict_proba` where there are probabilities.

Of several networks `scores(x)` is (networks, n, outputs), and what they say is the mean over the first axis.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.formats.ensemble_prediction import units_of
from pellucid.formats.prediction import Prediction
from pellucid.losses import TargetScaling
from pellucid.typing import Floats


def answering_text(parts: Sequence[Prediction], functions: set[str]) -> list[str]:
    """The functions as texts; the names of those that they call are added to `functions`."""
    p = parts[0]
    proba = _probabilities(p, functions, len(parts) > 1)
    answer = _answer(p) if len(parts) == 1 else _common_answer(parts)
    texts = [f'def predict(x):\n    """{_words(p)}"""\n    return {answer}']
    if proba:
        of = "classes" if p.class_count else "yes of each output"
        head = f"The probabilities of the {of}, (n, {p.probability_count}), for rows x {p.batch_shape}."
        texts.append(f'def predict_proba(x):\n    """{head}"""\n    {proba}')
    return texts


def constants_text(parts: Sequence[Prediction]) -> list[str]:
    """The units of several networks' numbers, as arrays by the names that `predict` uses; [] where there are none."""
    units = units_of(parts) if len(parts) > 1 else None
    if units is None:
        return []
    lines = [f"{name.upper()} = {_of_networks(values)}" for name, values in _told(units).items()]
    head = "# The unit of each network's numbers: score * SCALE + MEAN, from LOW to HIGH; (networks, 1, outputs or 1)."
    return ["\n".join(["", head, *lines])]


def _words(p: Prediction) -> str:
    """What `predict` returns."""
    rows = f"x {p.batch_shape}"
    if p.class_count:
        return f"The class of each row of {rows}, (n,); of equal scores, the lowest."
    if p.link in ("sigmoid", "sign"):
        return f"Yes (1) or no (0) for each output, (n, {p.outputs})."
    if p.places:
        return f"The predicted quantiles for rows {rows}, (n, {p.outputs}); the higher one is never the lower number."
    return f"The predicted numbers for rows {rows}, {'(n,)' if p.outputs == 1 else f'(n, {p.outputs})'}."


def _probabilities(p: Prediction, functions: set[str], several: bool) -> str:
    """The last lines of `predict_proba`, of several networks their mean; nothing where there are no probabilities."""
    functions.update(["mean"] if several else [])  # `predict` needs it in any case
    if p.link not in ("softmax", "sigmoid"):
        return ""
    functions.add(p.link)
    if p.link == "softmax":
        return "return mean([softmax(z) for z in scores(x)])" if several else "return softmax(scores(x))"
    yes = "mean(sigmoid(scores(x)))" if several else "sigmoid(scores(x))"
    return f"yes = {yes}\n    return np.concatenate([1 - yes, yes], axis=1)" if p.outputs == 1 else f"return {yes}"


def _answer(p: Prediction) -> str:
    """What `predict` of a single network returns."""
    if p.class_count:
        of_scores = p.link in ("softmax", "argmax")
        return "scores(x).argmax(axis=1)" if of_scores else "(scores(x)[:, 0] > 0).astype(np.int64)"
    if p.link in ("sigmoid", "sign"):
        return "(scores(x) > 0).astype(np.int64)"
    numbers = _of_scores(p)
    return _numbers(numbers if p.target is None else _in_unit(p.target, p.outputs, numbers), p)


def _of_scores(p: Prediction) -> str:
    """The numbers that scores stand for: themselves, or their exponentials."""
    return "np.exp(scores(x))" if p.link == "exponential" else "scores(x)"


def _common_answer(parts: Sequence[Prediction]) -> str:
    """What `predict` of several networks returns."""
    p = parts[0]
    if p.link in ("softmax", "sigmoid"):
        return "predict_proba(x).argmax(axis=1)" if p.class_count else "(predict_proba(x) > 0.5).astype(np.int64)"
    if p.link == "argmax":
        return "mean(scores(x)).argmax(axis=1)"
    if p.link == "sign":
        return f"(mean(scores(x)){'[:, 0]' if p.outputs == 1 else ''} > 0).astype(np.int64)"
    answer, units = _of_scores(p), units_of(parts)
    if units is not None:
        limited = "LOW" if "low" in _told(units) else ""
        answer = f"np.clip({answer} * SCALE + MEAN, LOW, HIGH)" if limited else f"{answer} * SCALE + MEAN"
    return _numbers(f"mean({answer})", p)


def _numbers(answer: str, p: Prediction) -> str:
    """Numbers (n, outputs): a single one without its axis, quantiles in order."""
    if p.outputs == 1:
        return f"{answer}[:, 0]"
    if not p.places:
        return answer
    in_order = p.places == tuple(range(p.outputs))
    return f"np.sort({answer}, axis=1)" + ("" if in_order else f"[:, {list(p.places)}]")


def _in_unit(target: TargetScaling, outputs: int, numbers: str) -> str:
    """The predictions (n, outputs) in the unit of the target, in double precision."""
    mean, scale, low, high = (_column(target, name, outputs) for name in ("mean", "scale", "low", "high"))
    answer = f"{numbers} * np.float64({scale}) + {mean}" if "[" not in scale else f"{numbers} * {scale} + {mean}"
    return f"({answer})" if target.low is None and target.high is None else f"np.clip({answer}, {low}, {high})"


def _column(target: TargetScaling, name: str, outputs: int) -> str:
    """A number, or the array of those of all outputs."""
    column = target.column(name, outputs)
    if column is None:
        return "None"
    return repr(float(column[0])) if (column == column[0]).all() else f"np.array({column.tolist()!r})"


def _told(units: dict[str, Floats]) -> dict[str, Floats]:
    """The parts of units without limits that nobody has."""
    limited = bool(np.isfinite(units["low"]).any() or np.isfinite(units["high"]).any())
    return {name: values for name, values in units.items() if limited or name in ("scale", "mean")}


def _of_networks(values: Floats) -> str:
    """Numbers (networks, outputs) as an array that goes with scores (networks, n, outputs)."""
    if (values == values[:, :1]).all():
        values = values[:, :1]
    rows = ", ".join(f"[[{', '.join(map(_number, row))}]]" for row in values.tolist())
    return f"np.array([{rows}])"


def _number(value: float) -> str:
    return repr(value) if np.isfinite(value) else f"{'-' if value < 0 else ''}np.inf"
