"""The lines of a trace about its layers: each with its formula, its result and the sums behind it.

Contract: `forward_line`, `backward_lines` and `step_lines` return `Line`s for one row of a trace, as those of
`loss_lines.py` do for the loss. A line's `worked` holds what is behind single numbers of the result, in the order of
`Choice.units`. Text, HTML and plain data are made of them.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from pellucid.formulas import Formulas, formulas_of
from pellucid.inspection.trace.choice import FEW, Choice, Line, layer_symbols, place, put_in
from pellucid.inspection.trace.loss_lines import penalty_name, score_line
from pellucid.inspection.trace.numbers import added, array, products
from pellucid.inspection.trace.symbols import fill
from pellucid.inspection.trace.values import LayerTrace, TracedStep
from pellucid.layers.dense import Dense, ScaledInput
from pellucid.typing import Array

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
        weight = layer.parameters.weight[:, unit] * layer.layer.factor(layer.input.shape[1])
        return f"{products(layer.input[row], weight, bias, choice.digits)} = {result}"
    if not isinstance(formulas, Formulas) or layer.derivative is None:
        return ""
    given = float(layer.input[row].reshape(-1)[unit])
    if formulas.function:
        return f"{formulas.function}({choice.number(given)}) = {result}"
    if " with " in formulas.value or "ε" in formulas.value:
        return ""
    words = put_in(formulas.value, _unit_numbers(choice, layer, unit), choice.digits)
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
            formula += f", with the {penalty_name(choice.trace)}'s part"
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
    if gradient.size <= 2 * FEW - 2:
        return list(np.ndindex(gradient.shape))
    return [(int(np.argmax(np.abs(gradient[:, unit]))), unit) for unit in choice.units(layer)]


def weight_words(choice: Choice, layer: LayerTrace, spot: tuple[int, ...]) -> str:
    """How the gradient of a weight comes about, over the rows: input times gradient."""
    given, unit = spot
    scaled = layer.layer.scaled_input(layer.input) if isinstance(layer.layer, ScaledInput) else layer.input
    values = scaled[:, given]  # (n,)
    words = products(values, layer.output_gradient[:, unit], (), choice.digits)
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
    if len(rows) > 2 * FEW:
        return ""
    return f"{added([float(value) for value in rows], choice.digits)} = {choice.number(layer.gradient.bias[unit])}"


def _follower(trace: TracedStep, layer: LayerTrace) -> LayerTrace | None:
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
        weight = layer.parameters.weight[unit] * layer.layer.factor(layer.input.shape[1])
        return f"{products(gradient, weight, (), choice.digits)} = {result}"
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
