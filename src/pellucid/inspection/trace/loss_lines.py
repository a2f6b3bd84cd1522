"""The lines of a trace about the loss: the prediction inside it, the cost, and where the way back begins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pellucid.formulas import LossFormulas, formulas_of
from pellucid.inspection.trace.choice import FEW, Choice, Line, fields_of, place, put_in
from pellucid.inspection.trace.numbers import MINUS
from pellucid.inspection.trace.symbols import fill
from pellucid.inspection.trace.values import TracedStep
from pellucid.losses.loss import as_numbers
from pellucid.numerics import sigmoid, softmax
from pellucid.typing import Floats


def loss_lines(choice: Choice) -> list[Line]:
    """The prediction where the loss contains it, the cost of the row, the mean over the rows, the penalty."""
    trace, row = choice.trace, choice.row
    formulas, names = _loss_words(trace)
    lines, several = [], len(trace.x) > 1
    if names.get("p"):
        lines.append(Line("p", fill(formulas.prediction, names), _prediction(trace)[row], [], ""))
    target = fill(formulas.target, {**names, **fields_of(trace.loss)})
    if target:
        lines.append(Line("t", target, _target(trace)[row], []))
    left = f"C of row {row}" if several else "C" if trace.penalty is None else f"C without the {penalty_name(trace)}"
    worked = [] if not formulas.term else [(left, f"{_terms(choice, formulas)} = {choice.cost(trace.values[row])}")]
    lines.append(
        Line(left, fill(formulas.value, {**names, **fields_of(trace.loss)}), trace.values[row : row + 1], worked)
    )
    if several:
        how = "their mean" if trace.sample_weight is None else "their weighted mean"
        mean = np.array([trace.cost - trace.penalty_cost])
        left = "C" if trace.penalty is None else f"C without the {penalty_name(trace)}"
        lines.append(Line(left, f"{how}, over {len(trace.x)} rows", mean, []))
    if trace.penalty is not None:
        parts = f"{choice.cost(trace.cost - trace.penalty_cost)} + {choice.cost(trace.penalty_cost)}"
        formula = f"that + the {penalty_name(trace)} of the weights"
        lines.append(Line("C", formula, np.array([trace.cost]), [("C", f"{parts} = {choice.cost(trace.cost)}")]))
    return lines


def score_line(choice: Choice) -> Line:
    """∂C/∂scores, where the way back begins."""
    trace, row, last = choice.trace, choice.row, choice.trace.layers[-1]
    formulas, names = _loss_words(trace)
    rows = len(trace.x)
    formula = fill(formulas.gradient, {**names, **fields_of(trace.loss)})
    share = ""
    if trace.sample_weight is not None:
        share = "·w/Σw"
    elif rows > 1:
        share = f"/{rows}"
    if share and formula:
        formula = f"({formula}){share}"
    gradient = trace.score_gradient[row]  # (outputs,)
    worked = []
    for unit in choice.units(last):
        words = _score_words(choice, formulas, unit, share)
        if words:
            worked.append((f"∂C/∂{last.symbols.output}{place(gradient, unit)}", words))
    return Line(f"∂C/∂{last.symbols.output}", formula, gradient, worked)


def _score_words(choice: Choice, formulas: LossFormulas, unit: int, share: str) -> str:
    if formulas.gradient not in ("{x} − {t}", "{p} − {t}"):
        return ""
    trace, row = choice.trace, choice.row
    first = (trace.scores if formulas.gradient.startswith("{x}") else _prediction(trace))[row, unit]
    difference = f"{choice.number(first)} − {choice.within(_target(trace)[row, unit])}"
    if trace.sample_weight is not None:
        weight, total = trace.sample_weight[row], trace.sample_weight.sum()
        difference = f"({difference})·{choice.within(weight)}/{choice.within(total)}"
    elif share:
        difference = f"({difference}){share}"
    return f"{difference} = {choice.number(trace.score_gradient[row, unit])}"


def _terms(choice: Choice, formulas: LossFormulas) -> str:
    """The cost of the row, output by output; of a product with the target, only where that is not 0."""
    trace, row = choice.trace, choice.row
    scores, targets = trace.scores[row], _target(trace)[row]  # (outputs,)
    predicted = _prediction(trace)[row]
    shown = [j for j in range(len(scores)) if targets[j] != 0 or not formulas.term.startswith(f"{MINUS}{{t}}·log")]
    pieces = [
        put_in(formulas.term, {"x": scores[j], "t": targets[j], "p": predicted[j]}, choice.digits).replace(
            f"{MINUS}1·log", f"{MINUS}log"
        )
        for j in shown[:FEW]
    ]
    more = f" + {len(shown) - FEW} more" if len(shown) > FEW else ""
    return (" + ".join(pieces) + more).replace(f"+ {MINUS}", f"{MINUS} ")


def _loss_words(trace: TracedStep) -> tuple[LossFormulas, dict[str, str]]:
    found = formulas_of(trace.loss, "values")
    formulas = found if isinstance(found, LossFormulas) else LossFormulas("", "")
    names = {"x": trace.layers[-1].symbols.output, "t": "y"}
    if formulas.prediction:
        names["p"] = "p"
    if fill(formulas.target, fields_of(trace.loss)):
        names["t"] = "t"
    return formulas, names


_PREDICTIONS: dict[str, Callable[[Floats], Floats]] = {"softmax({x})": softmax, "σ({x})": sigmoid, "exp({x})": np.exp}


def _prediction(trace: TracedStep) -> Floats:
    """P, the prediction inside the loss, (n, outputs); the scores where there is none."""
    function = _PREDICTIONS.get(_loss_words(trace)[0].prediction)
    with np.errstate(over="ignore"):
        return trace.scores if function is None else function(trace.scores)


def _target(trace: TracedStep) -> Floats:
    """T, the target as the loss uses it, (n, outputs)."""
    if _loss_words(trace)[1]["t"] == "t":
        return _prediction(trace) - trace.loss.gradient(trace.scores, trace.targets)
    return as_numbers(trace.targets, trace.scores)


def penalty_name(trace: TracedStep) -> str:
    """What the penalty is called: "L2 penalty"."""
    return f"{type(trace.penalty).__name__} penalty"
