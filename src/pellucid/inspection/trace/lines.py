"""The lines of a trace: each with its formula, its result and the sums behind it. Text and HTML are made of them.

Contract: `forward_line`, `loss_lines`, `backward_lines` and `step_lines` answer `Line`s for one row of a trace. A
line's `worked` holds what is behind single numbers of the result, in the order asked for by `Choice.units`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from pellucid.formulas import Formulas, LossFormulas, formulas_of
from pellucid.inspection.trace.numbers import MINUS, added, array, number, products, within
from pellucid.inspection.trace.recording import LayerTrace, Trace
from pellucid.inspection.trace.symbols import fill, without_missing
from pellucid.layers.activations import sigmoid, softmax
from pellucid.layers.dense import Dense
from pellucid.losses.base import as_numbers
from pellucid.typing import Array, Floats

_FEW = 4  # a layer of at most so many units is worked out in full


class Line(NamedTuple):
    """One quantity of the step."""

    left: str
    """What it is: "∂C/∂z₂"."""
    formula: str
    """What it is computed by: "∂C/∂a₂·σ′(z₂)"; "" where nothing can be said."""
    result: Array
    """Its numbers."""
    worked: list[tuple[str, str]]
    """(place, sum) of single numbers: ("∂C/∂z₂[1]", "−0.7056·0.2077 = −0.1466")."""
    where: str = ""
    """What the formula's letters mean: "σ′(z₂) = a₂(1 − a₂)"."""


class Choice(NamedTuple):
    """What is shown: which row, which units, how many decimals."""

    trace: Trace
    row: int
    unit: int | str | None
    digits: int

    def units(self, layer: LayerTrace, of_input: bool = False) -> list[int]:
        """The units of a layer that are worked out."""
        gradient = (layer.input_gradient if of_input else layer.output_gradient)[self.row].reshape(-1)
        size = gradient.size
        if isinstance(self.unit, int):
            return [self.unit] if self.unit < size else []
        if self.unit == "all" or size <= _FEW:
            return list(range(size))
        return [int(np.argmax(np.abs(gradient)))]

    def number(self, value: float) -> str:
        """A number in words."""
        return number(value, self.digits)

    def cost(self, value: float) -> str:
        """A cost, with two digits more: what a step changes in it is small."""
        return number(value, self.digits + 2)

    def within(self, value: float) -> str:
        """A number inside a formula."""
        return within(value, self.digits)


def place(values: Array, unit: int) -> str:
    """Which number of an example is meant: "" where there is one only, else [3] or [3, 1]."""
    if values.size == 1:
        return ""
    return f"[{', '.join(str(int(index)) for index in np.unravel_index(unit, values.shape))}]"


def layer_symbols(layer: LayerTrace) -> dict[str, str]:
    """What stands for what in the templates of a layer."""
    symbols = layer.symbols
    names = {"x": symbols.input, "y": symbols.output, "g": f"∂C/∂{symbols.output}", "factor": "m"}
    names.update(_fields(layer.layer))
    names.update({name: name for name in vars(layer.statistics)})
    return {**names, **symbols.parameters}


# -- forward -------------------------------------------------------------------------------------------------------


def forward_line(choice: Choice, layer: LayerTrace) -> Line:
    """The output of a layer."""
    formulas, symbols, output = formulas_of(layer.layer), layer_symbols(layer), layer.output[choice.row]
    formula, where = f"{type(layer.layer).__name__}({layer.symbols.input})", ""
    if isinstance(formulas, Formulas):
        value = fill(formulas.value, symbols)
        if formulas.function:
            formula = f"{formulas.function}({layer.symbols.input})"
            where = f"{formula} = {value}" if value != formula else ""
        else:
            formula = value
        where = "; ".join(part for part in (where, fill(formulas.where, symbols)) if part)
    worked = [
        (f"{layer.symbols.output}{place(output, unit)}", words)
        for unit in choice.units(layer)
        if (words := forward_words(choice, layer, unit))
    ]
    return Line(layer.symbols.output, formula, output, worked, where)


def forward_words(choice: Choice, layer: LayerTrace, unit: int) -> str:
    """How one unit's output comes about: "0.8·1.58 + (−0.14) = 1.124"; "" where it cannot be said in a line."""
    formulas, row = formulas_of(layer.layer), choice.row
    result = choice.number(layer.output[row].reshape(-1)[unit])
    if isinstance(layer.layer, Dense) and isinstance(formulas, Formulas):
        bias = [float(layer.parameters.bias[unit])] if layer.layer.bias else []
        return f"{products(layer.input[row], layer.parameters.weight[:, unit], bias, choice.digits)} = {result}"
    if not isinstance(formulas, Formulas) or layer.derivative is None:
        return ""
    given = float(layer.input[row].reshape(-1)[unit])
    if formulas.function:
        return f"{formulas.function}({choice.number(given)}) = {result}"
    if " with " in formulas.value or "ε" in formulas.value:
        return ""
    words = _put_in(formulas.value, _unit_numbers(choice, layer, unit), choice.digits)
    return f"{words} = {result}" if words != result else ""


def _unit_numbers(choice: Choice, layer: LayerTrace, unit: int) -> dict[str, float]:
    """The numbers that stand behind the names of a layer's templates, for one unit."""
    row = choice.row
    assert layer.derivative is not None
    found: dict[str, float] = {
        "x": layer.input[row].reshape(-1)[unit],
        "y": layer.output[row].reshape(-1)[unit],
        "factor": layer.derivative[row].reshape(-1)[unit],
    }
    for field in dataclasses.fields(layer.layer):
        value = getattr(layer.layer, field.name)
        if isinstance(value, int | float):
            found[field.name] = float(value)
    for name, values in {**vars(layer.statistics), **vars(layer.parameters)}.items():
        found[name] = float(values.reshape(-1)[unit if values.size > 1 else 0])
    return found


def _put_in(template: str, numbers: Mapping[str, float], digits: int) -> str:
    """A template with numbers; negative ones in brackets unless they begin it or stand in brackets already."""
    template = without_missing(template, {name for name, value in numbers.items() if value != 0})

    def replace(found: re.Match[str]) -> str:
        text = number(numbers[found[1]], digits)
        before, after = template[: found.start()][-1:], template[found.end() :][:1]
        bare = before in ("", "(", "|") and after not in ("²", "(")
        return text if bare or not text.startswith(MINUS) else f"({text})"

    return re.sub(r"{(\w+)}", replace, template)


# -- the loss ------------------------------------------------------------------------------------------------------


def loss_lines(choice: Choice) -> list[Line]:
    """The prediction where the loss contains it, the cost of the row, the mean over the rows, the penalty."""
    trace, row = choice.trace, choice.row
    formulas, names = _loss_words(trace)
    lines, several = [], len(trace.x) > 1
    if names.get("p"):
        lines.append(Line("p", fill(formulas.prediction, names), _prediction(trace)[row], [], ""))
    target = fill(formulas.target, {**names, **_fields(trace.loss)})
    if target:
        lines.append(Line("t", target, _target(trace)[row], []))
    left = f"C of row {row}" if several else "C" if trace.penalty is None else f"C without the {_penalty_name(trace)}"
    worked = [] if not formulas.term else [(left, f"{_terms(choice, formulas)} = {choice.cost(trace.values[row])}")]
    lines.append(
        Line(left, fill(formulas.value, {**names, **_fields(trace.loss)}), trace.values[row : row + 1], worked)
    )
    if several:
        how = "their mean" if trace.sample_weight is None else "their weighted mean"
        mean = np.array([trace.cost - trace.penalty_cost])
        left = "C" if trace.penalty is None else f"C without the {_penalty_name(trace)}"
        lines.append(Line(left, f"{how}, over {len(trace.x)} rows", mean, []))
    if trace.penalty is not None:
        parts = f"{choice.cost(trace.cost - trace.penalty_cost)} + {choice.cost(trace.penalty_cost)}"
        formula = f"that + the {_penalty_name(trace)} of the weights"
        lines.append(Line("C", formula, np.array([trace.cost]), [("C", f"{parts} = {choice.cost(trace.cost)}")]))
    return lines


def score_line(choice: Choice) -> Line:
    """∂C/∂scores, where the way back begins."""
    trace, row, last = choice.trace, choice.row, choice.trace.layers[-1]
    formulas, names = _loss_words(trace)
    rows = len(trace.x)
    formula = fill(formulas.gradient, {**names, **_fields(trace.loss)})
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
        _put_in(formulas.term, {"x": scores[j], "t": targets[j], "p": predicted[j]}, choice.digits).replace(
            f"{MINUS}1·log", f"{MINUS}log"
        )
        for j in shown[:_FEW]
    ]
    more = f" + {len(shown) - _FEW} more" if len(shown) > _FEW else ""
    return (" + ".join(pieces) + more).replace(f"+ {MINUS}", f"{MINUS} ")


def _loss_words(trace: Trace) -> tuple[LossFormulas, dict[str, str]]:
    found = formulas_of(trace.loss, "values")
    formulas = found if isinstance(found, LossFormulas) else LossFormulas("", "")
    names = {"x": trace.layers[-1].symbols.output, "t": "y"}
    if formulas.prediction:
        names["p"] = "p"
    if fill(formulas.target, _fields(trace.loss)):
        names["t"] = "t"
    return formulas, names


def _fields(part: Any) -> dict[str, str]:
    """The numbers among a part's fields, for its templates."""
    values = {field.name: getattr(part, field.name) for field in dataclasses.fields(part)}
    return {
        name: number(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


_PREDICTIONS: dict[str, Callable[[Floats], Floats]] = {"softmax({x})": softmax, "σ({x})": sigmoid, "exp({x})": np.exp}


def _prediction(trace: Trace) -> Floats:
    """P, the prediction inside the loss, (n, outputs); the scores where there is none."""
    function = _PREDICTIONS.get(_loss_words(trace)[0].prediction)
    with np.errstate(over="ignore"):
        return trace.scores if function is None else function(trace.scores)


def _target(trace: Trace) -> Floats:
    """T, the target as the loss uses it, (n, outputs)."""
    if _loss_words(trace)[1]["t"] == "t":
        return _prediction(trace) - trace.loss.gradient(trace.scores, trace.targets)
    return as_numbers(trace.targets, trace.scores)


def _penalty_name(trace: Trace) -> str:
    return f"{type(trace.penalty).__name__} penalty"


# -- backward ------------------------------------------------------------------------------------------------------


def backward_lines(choice: Choice, layer: LayerTrace) -> list[Line]:
    """The gradients of a layer's parameters, and of its input."""
    lines = [_parameter_line(choice, layer, name) for name in vars(layer.gradient)]
    lines.append(_input_line(choice, layer))
    return lines


def _parameter_line(choice: Choice, layer: LayerTrace, name: str) -> Line:
    formulas, symbols, rows = formulas_of(layer.layer), layer_symbols(layer), len(choice.trace.x)
    gradient, symbol, formula = getattr(layer.gradient, name), layer.symbols.parameters[name], ""
    if isinstance(formulas, Formulas) and name in formulas.parameters:
        formula = fill(formulas.parameters[name][1], symbols)
        if rows == 1 and formula.startswith("Σ "):
            formula = formula[2:]
            follower = _follower(choice.trace, layer) if isinstance(layer.layer, Dense) else None
            if follower is not None:
                formula += f" = {_input_line(choice, follower).formula}"
        if name == "weight" and choice.trace.penalty is not None:
            formula += f", with the {_penalty_name(choice.trace)}'s part"
    worked = []
    if isinstance(formulas, Formulas) and isinstance(layer.layer, Dense) and name in ("weight", "bias"):
        for spot in _spots(choice, layer, gradient):
            words = weight_words(choice, layer, spot) if name == "weight" else bias_words(choice, layer, spot[0])
            if words:
                worked.append(
                    (f"∂C/∂{symbol}{place(gradient, int(np.ravel_multi_index(spot, gradient.shape)))}", words)
                )
    return Line(f"∂C/∂{symbol}", formula, gradient, worked)


def _spots(choice: Choice, layer: LayerTrace, gradient: Array) -> list[tuple[int, ...]]:
    """The numbers of a gradient that are worked out: all of a few, else the largest of each chosen unit."""
    if gradient.ndim == 1:
        return [(unit,) for unit in choice.units(layer)]
    if gradient.size <= 2 * _FEW - 2:
        return list(np.ndindex(gradient.shape))
    return [(int(np.argmax(np.abs(gradient[:, unit]))), unit) for unit in choice.units(layer)]


def weight_words(choice: Choice, layer: LayerTrace, spot: tuple[int, ...]) -> str:
    """How the gradient of a weight comes about, over the rows: input times gradient."""
    given, unit = spot
    words = products(layer.input[:, given], layer.output_gradient[:, unit], (), choice.digits)
    if choice.trace.penalty is not None:
        weight = layer.parameters.weight
        words = added([words, float(choice.trace.penalty.gradient(weight)[spot])], choice.digits)
    return f"{words} = {choice.number(layer.gradient.weight[spot])}"


def bias_words(choice: Choice, layer: LayerTrace, unit: int) -> str:
    """How the gradient of a bias comes about: a sum over the rows; of a single row, as that of its sum z."""
    rows = layer.output_gradient[:, unit]  # (n,)
    if len(rows) == 1:
        follower = _follower(choice.trace, layer)
        return "" if follower is None else input_words(choice, follower, unit)
    if len(rows) > 2 * _FEW:
        return ""
    return f"{added([float(value) for value in rows], choice.digits)} = {choice.number(layer.gradient.bias[unit])}"


def _follower(trace: Trace, layer: LayerTrace) -> LayerTrace | None:
    """The next layer, if it is a function of each unit."""
    after = trace.layers[layer.index + 1 : layer.index + 2]
    return after[0] if after and after[0].derivative is not None else None


def _input_line(choice: Choice, layer: LayerTrace) -> Line:
    formulas, symbols = formulas_of(layer.layer), layer_symbols(layer)
    gradient, formula, where = layer.input_gradient[choice.row], "", ""
    if isinstance(formulas, Formulas) and formulas.derivative:
        formula, where = _chain(choice, layer, formulas, symbols)
    elif isinstance(formulas, Formulas):
        formula = fill(formulas.gradient, symbols)
    left = f"∂C/∂{layer.symbols.input}"
    worked = [
        (f"{left}{place(gradient, unit)}", words)
        for unit in choice.units(layer, of_input=True)
        if (words := input_words(choice, layer, unit))
    ]
    return Line(left, formula, gradient, worked, where)


def _chain(choice: Choice, layer: LayerTrace, formulas: Formulas, symbols: dict[str, str]) -> tuple[str, str]:
    """∂C/∂a·σ′(z), and what σ′(z) is; behind the last layer the loss' own derivative stands for ∂C/∂a."""
    before, derivative = symbols["g"], fill(formulas.derivative, symbols)
    if layer is choice.trace.layers[-1]:
        of_loss = score_line(choice).formula
        if of_loss and len(of_loss) < 20:
            before = of_loss if of_loss.startswith("(") else f"({of_loss})"
    if not formulas.function:
        return (before, "") if derivative == "1" else (f"{before}·{derivative}", "")
    name = f"{formulas.function}′({layer.symbols.input})"
    return f"{before}·{name}", f"{name} = {derivative}"


def input_words(choice: Choice, layer: LayerTrace, unit: int) -> str:
    """How ∂C/∂input of one unit comes about."""
    row, formulas = choice.row, formulas_of(layer.layer)
    result = choice.number(layer.input_gradient[row].reshape(-1)[unit])
    if not isinstance(formulas, Formulas):
        return ""
    if isinstance(layer.layer, Dense):
        gradient = layer.output_gradient[row]  # (units,)
        return f"{products(gradient, layer.parameters.weight[unit], (), choice.digits)} = {result}"
    if layer.derivative is None or formulas.derivative == "1":
        return ""
    gradient, slope = layer.output_gradient[row].reshape(-1)[unit], layer.derivative[row].reshape(-1)[unit]
    return f"{choice.number(gradient)}·{choice.within(slope)} = {result}"


# -- the step ------------------------------------------------------------------------------------------------------


def step_lines(choice: Choice, layer: LayerTrace) -> list[Line]:
    """The new value of each parameter of a layer."""
    lines = []
    for name, after in vars(layer.after).items():
        symbol = layer.symbols.parameters[name]
        spots = _spots(choice, layer, after) if isinstance(layer.layer, Dense) else [(0,) * after.ndim]
        worked = [
            (
                f"{symbol}{place(after, int(np.ravel_multi_index(spot, after.shape)))}",
                update_words(choice, layer, name, spot),
            )
            for spot in spots
        ]
        lines.append(Line(symbol, "", after, worked))
    return lines


def update_words(choice: Choice, layer: LayerTrace, name: str, spot: tuple[int, ...]) -> str:
    """How one number changes: w − rate·g where that is all, else with what the optimizer remembers."""
    before, after = getattr(layer.parameters, name)[spot], getattr(layer.after, name)[spot]
    gradient, show = getattr(layer.gradient, name)[spot], choice.number
    plain = before - choice.trace.rate * gradient
    if not layer.slots_after and np.isclose(plain, after, rtol=1e-6, atol=1e-12):
        return f"{show(before)} − {show(choice.trace.rate)}·{choice.within(gradient)} = {show(after)}"
    slots = [
        f"{slot} {show(getattr(layer.slots_before[slot], name)[spot])} → {show(getattr(values, name)[spot])}"
        for slot, values in layer.slots_after.items()
    ]
    moved = getattr(layer.update, name)[spot]
    return "; ".join(
        [f"g {show(gradient)}", *slots, f"{added([float(before), float(moved)], choice.digits)} = {show(after)}"]
    )


def result_words(line: Line, digits: int) -> str:
    """The numbers of a line; a cost with two digits more."""
    return array(line.result, digits + 2 if line.left.split(" ")[0] == "C" else digits)
