"""What follows from the scores, in JavaScript: `predict`, and `predictProba` where there are probabilities.

Of several networks `scores(x)` is an array of the scores of each.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.formats.ensemble_prediction import units_of
from pellucid.formats.javascript.functions import number
from pellucid.formats.prediction import Prediction
from pellucid.losses import TargetScaling

_LARGEST = "reduce((best, z, i, all) => (z > all[best] ? i : best), 0)"
_LOGISTIC = "map((z) => 1 / (1 + Math.exp(-z)))"


def answering_parts(parts: Sequence[Prediction], numbers: str) -> list[str]:
    """The functions, and what they know; `numbers` is the array type of the network's precision."""
    p, several = parts[0], len(parts) > 1
    proba = _common_probabilities(p) if several else _probabilities(p)
    answer = _common_answer(parts) if several else _answer(p)
    texts = [f"/** {_words(p)} */\nexport function predict(x) {{\n  return {answer};\n}}"]
    if proba and p.link == "sigmoid" and p.outputs == 1:
        head = "The probabilities of no and yes."
        lines = f"  const [yes] = {proba};\n  return {numbers}.of(1 - yes, yes);"
        texts.append(f"/** {head} */\nexport function predictProba(x) {{\n{lines}\n}}")
    elif proba:
        head = "The probabilities of the classes." if p.class_count else "The probability of each output's yes."
        texts.append(f"/** {head} */\nexport function predictProba(x) {{\n  return {proba};\n}}")
    return [*texts, *(_units(parts) if several else [])]


def _words(p: Prediction) -> str:
    """What `predict` returns."""
    if p.link in ("softmax", "argmax"):
        return f"The class of a row x, 0 to {p.outputs - 1}; of equal scores, the lowest."
    if p.link in ("sigmoid", "sign"):
        return "1 for yes, 0 for no." if p.outputs == 1 else "1 for yes, 0 for no, of each output."
    if p.places:
        return "The predicted quantiles for a row x; the higher one is never the lower number."
    return "The predicted number for a row x." if p.outputs == 1 else "The predicted numbers for a row x."


def _probabilities(p: Prediction) -> str:
    if p.link == "softmax":
        return "softmax(scores(x))"
    return f"scores(x).{_LOGISTIC}" if p.link == "sigmoid" else ""


def _common_probabilities(p: Prediction) -> str:
    if p.link == "softmax":
        return "meanOf(scores(x).map((z) => softmax(z)))"
    return f"meanOf(scores(x).map((each) => each.{_LOGISTIC}))" if p.link == "sigmoid" else ""


def _answer(p: Prediction) -> str:
    """What `predict` of a single network returns."""
    one = p.outputs == 1
    if p.link in ("softmax", "argmax"):
        return f"scores(x).{_LARGEST}"
    if p.link in ("sigmoid", "sign"):
        return "Number(scores(x)[0] > 0)" if one else "Array.from(scores(x), (z) => Number(z > 0))"
    if p.target is not None:
        return _numbers(f"Array.from(scores(x), (z, i) => {_in_unit(p.target, p)})", p)
    return _numbers("scores(x)" + (".map((z) => Math.exp(z))" if p.link == "exponential" else ""), p)


def _common_answer(parts: Sequence[Prediction]) -> str:
    """What `predict` of several networks returns."""
    p = parts[0]
    one = p.outputs == 1
    if p.link in ("softmax", "argmax"):
        return f"{'predictProba(x)' if p.link == 'softmax' else 'meanOf(scores(x))'}.{_LARGEST}"
    if p.link == "sigmoid":
        return "Number(predictProba(x)[1] > 0.5)" if one else "Array.from(predictProba(x), (p) => Number(p > 0.5))"
    if p.link == "sign":
        return "Number(meanOf(scores(x))[0] > 0)" if one else "Array.from(meanOf(scores(x)), (z) => Number(z > 0))"
    answer = "scores(x)" + (".map((each) => each.map((z) => Math.exp(z)))" if p.link == "exponential" else "")
    if units_of(parts) is not None:
        answer += ".map((each, n) => inUnit(each, units[n]))"
    return _numbers(f"meanOf({answer})", p)


def _numbers(answer: str, p: Prediction) -> str:
    """Numbers: a single one by itself, quantiles in order."""
    if p.outputs == 1:
        return f"{answer}[0]"
    if not p.places:
        return answer
    ascending = f"{answer}.sort((a, b) => a - b)"
    if p.places == tuple(range(p.outputs)):
        return ascending
    return f"((sorted) => {list(p.places)}.map((place) => sorted[place]))({ascending})"


def _units(parts: Sequence[Prediction]) -> list[str]:
    """The unit of each network's numbers, where they have one."""
    units = units_of(parts)
    if units is None:
        return []

    def numbers(values: np.ndarray) -> str:
        return ", ".join(str(z).replace("inf", "Infinity") for z in values.tolist())

    lines = [
        f"  {{ {', '.join(f'{name}: [{numbers(values[place])}]' for name, values in units.items())} }},"
        for place in range(len(parts))
    ]
    return ["\n".join(["/** The unit of each network's numbers. */", "const units = [", *lines, "];"])]


def _in_unit(target: TargetScaling, p: Prediction) -> str:
    """A score z of output i in the unit of the target."""

    def column(name: str) -> str:
        values = target.column(name, p.outputs)
        if values is None:
            return {"low": "-Infinity", "high": "Infinity"}[name]
        if (values == values[0]).all():
            return number(float(values[0]))
        return f"[{', '.join(map(repr, values.tolist()))}][i]"

    z = "Math.exp(z)" if p.link == "exponential" else "z"
    answer = f"{z} * {column('scale')} + {column('mean')}"
    if target.low is None and target.high is None:
        return answer
    return f"Math.min(Math.max({answer}, {column('low')}), {column('high')})"
