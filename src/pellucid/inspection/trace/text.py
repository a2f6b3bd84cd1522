"""A trace as text: the walk through the chain rule, forward, back, and the step."""

from __future__ import annotations

import inspect
from typing import Any

from pellucid.display import changed_fields
from pellucid.inspection.trace.choice import Choice, Line
from pellucid.inspection.trace.lines import backward_lines, forward_line, result_words, step_lines
from pellucid.inspection.trace.loss_lines import loss_lines, score_line
from pellucid.inspection.trace.numbers import array, number
from pellucid.inspection.trace.values import LayerTrace, TracedStep

_INDENT = "  "
_MOST_NAMED = 60  # numbers of a row


def text(trace: TracedStep, unit: int | str | None, row: int, digits: int) -> str:
    """The whole walk."""
    choice = Choice(trace, row, unit, digits)
    parts = [heading(trace), _given(choice), "Forward, from the inputs to the cost"]
    parts += [_block(layer_title(layer), [forward_line(choice, layer)], digits) for layer in trace.layers]
    parts.append(_block(type(trace.loss).__name__, loss_lines(choice), digits))
    parts.append("Backward, from the cost to the inputs")
    parts.append(_block(type(trace.loss).__name__, [score_line(choice)], digits))
    parts += [_block(layer_title(layer), backward_lines(choice, layer), digits) for layer in reversed(trace.layers)]
    if trace.optimizer is not None:
        parts.append(f"Step, {optimizer_words(trace)}")
        parts += [
            _block(layer_title(layer), step_lines(choice, layer), digits)
            for layer in trace.layers
            if vars(layer.parameters)
        ]
        parts.append(closing(trace, digits))
    return "\n\n".join(parts)


def heading(trace: TracedStep) -> str:
    """What was traced, in a line."""
    rows = "one example" if len(trace.x) == 1 else f"a batch of {len(trace.x)} examples"
    optimizer = "" if trace.optimizer is None else f", {type(trace.optimizer).__name__}"
    what = "One step on" if trace.optimizer is not None else "Forward and back on"
    return f"{what} {rows}, {type(trace.loss).__name__}{optimizer}"


def closing(trace: TracedStep, digits: int) -> str:
    """The cost before and after."""
    assert trace.cost_after is not None
    return f"C after the step = {number(trace.cost_after, digits + 2)}, before it {number(trace.cost, digits + 2)}"


def layer_title(layer: LayerTrace) -> str:
    """Its place and form: "layer 2, Dense(3)"."""
    return f"layer {layer.index}, {layer.layer}"


def optimizer_words(trace: TracedStep) -> str:
    """The optimizer with what differs from its defaults, the rate, and its formula."""
    optimizer = trace.optimizer
    described = (inspect.getdoc(type(optimizer)) or "").split("\n\n")[0]
    formula = " ".join(described.split()).replace("`", "").rstrip(".")
    more = _more_words(optimizer if optimizer is None else optimizer.at_step(trace.step))
    return f"{type(optimizer).__name__}: {formula}; rate {number(trace.rate)}" + (f", {more}" if more else "")


def _more_words(part: Any) -> str:
    """The fields besides the rate, where they differ from the defaults."""
    changed = {field.name: value for field, value in changed_fields(part) if field.name != "learning_rate"}
    return ", ".join(f"{name} {value}" for name, value in changed.items())


def _given(choice: Choice) -> str:
    trace, row = choice.trace, choice.row
    of_row = f", row {row} of {len(trace.x)}" if len(trace.x) > 1 else ""
    name, unit = trace.class_of(row), f", in a unit of its own: predictions are {trace.unit}" if trace.unit else ""
    lines = [f"x = {array(trace.x[row], choice.digits)}{of_row}", *_named(choice)]
    lines.append(f"y = {array(trace.targets[row], choice.digits)}{f', {name}' if name else ''}{unit}")
    if trace.sample_weight is not None:
        lines.append(f"w = {number(trace.sample_weight[row], choice.digits)}")
    if trace.training:
        lines.append("as in training: dropout and noise are drawn, batch normalization takes the batch's own mean")
    return "\n".join(_INDENT + line for line in lines)


def _named(choice: Choice) -> list[str]:
    """Each number of a row with its name; of many, those that are not 0."""
    values = choice.trace.x[choice.row].reshape(-1)
    names = dict(enumerate(choice.trace.features))
    shown = names if len(names) <= _MOST_NAMED else [place for place in names if values[place] != 0][:_MOST_NAMED]
    lines = [(f"x[{place}] = {choice.number(values[place])}", names[place]) for place in shown]
    width = max((len(left) for left, _ in lines), default=0)
    left_out = len(names) - len(lines)
    more = [f"{_INDENT}… and {left_out:,} more"] if left_out else []
    return [f"{_INDENT}{left:<{width}}  {name}" for left, name in lines] + more


def _block(title: str, lines: list[Line], digits: int) -> str:
    return "\n".join([f"{_INDENT}{title}", *(_INDENT * 2 + row for line in lines for row in _rows(line, digits))])


def _rows(line: Line, digits: int) -> list[str]:
    """A line of a trace as lines of text: one where there is a single number, else the numbers and the sums below."""
    formula = f" = {line.formula}" if line.formula else ""
    where = f"    where {line.where}" if line.where else ""
    if line.result.size == 1:
        shown = line.worked[0][1] if line.worked else result_words(line, digits)
        return [f"{line.left}{formula} = {shown}{where}"]
    numbers = result_words(line, digits).split("\n")
    if len(numbers) == 1:
        rows = [f"{line.left}{formula} = {numbers[0]}{where}"]
    else:
        rows = [f"{line.left}{formula} ={where}", *(_INDENT + row for row in numbers)]
    return rows + [f"{_INDENT}{name} = {words}" for name, words in line.worked]
