"""A trace as HTML: layers that fold out, and a unit's sum when the pointer is on it.

Contract: `fragment` is what a notebook shows, `page` a file of its own. Neither holds a script or loads anything; all
text is escaped. Hovering is CSS alone, and works with the keyboard too.
"""

from __future__ import annotations

import math
from html import escape

import numpy as np

from pellucid.inspection.trace.choice import Choice, Line
from pellucid.inspection.trace.lines import (
    backward_lines,
    bias_words,
    forward_line,
    forward_words,
    input_words,
    result_words,
    update_words,
    weight_words,
)
from pellucid.inspection.trace.loss_lines import loss_lines, score_line
from pellucid.inspection.trace.numbers import number
from pellucid.inspection.trace.text import closing, heading, layer_title, optimizer_words
from pellucid.inspection.trace.values import LayerTrace, TracedStep
from pellucid.layers.dense import Dense
from pellucid.typing import Array, Floats

_DIGITS = 4
_NUMBERED = 40  # more units than this are coloured squares; their numbers show under the pointer
_MOST = 1024  # and of more than this the first ones are shown
_TABLE = 200  # weights of more numbers are abbreviated

_STYLE = """
.pellucid-trace{font:14px/1.45 system-ui,sans-serif;max-width:70em}
.pellucid-trace h1{font-size:1.15em;margin:.4em 0}
.pellucid-trace h2{font-size:1em;margin:1em 0 .3em}
.pellucid-trace details{border:1px solid #8886;border-radius:6px;margin:.3em 0;padding:.25em .6em}
.pellucid-trace summary{cursor:pointer}
.pellucid-trace summary b{font-weight:600;margin-right:1em}
.pellucid-trace code,.pellucid-trace pre,.pellucid-trace .cells,.pellucid-trace table
{font:12.5px/1.5 ui-monospace,Menlo,Consolas,monospace;background:none;padding:0}
.pellucid-trace .where{opacity:.65;margin-left:1em}
.pellucid-trace .cells{position:relative;display:grid;gap:2px;justify-content:start;margin:.25em 0 .7em}
.pellucid-trace .unit{padding:1px 6px;border-radius:3px;text-align:right;cursor:default;outline-offset:1px}
.pellucid-trace .dot{padding:0;width:13px;height:13px;border-radius:2px}
.pellucid-trace .unit:hover,.pellucid-trace .unit:focus{outline:2px solid #888}
.pellucid-trace .tip{display:none;position:absolute;left:0;top:100%;z-index:9;text-align:left;min-width:30em;
max-width:60em;padding:.4em .7em;border-radius:5px;background:#222;color:#fff;white-space:normal;pointer-events:none}
.pellucid-trace .unit:hover>.tip,.pellucid-trace .unit:focus>.tip{display:block}
.pellucid-trace pre{margin:.2em 0 .7em}
""".strip()


def page(trace: TracedStep, row: int) -> str:
    """A document of its own."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(heading(trace))}</title>\n"
        "<style>:root{color-scheme:light dark}body{margin:1.5em}</style>\n"
        f"</head>\n<body>\n{fragment(trace, row)}\n</body>\n</html>\n"
    )


def fragment(trace: TracedStep, row: int) -> str:
    """The trace, to stand in a page that is there."""
    choice = Choice(trace, row, "all", _DIGITS)
    parts = [f'<div class="pellucid-trace"><style>{_STYLE}</style>', f"<h1>{escape(heading(trace))}</h1>"]
    parts.append(_given(choice))
    parts.append("<h2>Forward</h2>")
    parts += [_forward(choice, layer) for layer in trace.layers]
    parts.append(_details(type(trace.loss).__name__, _cost_words(trace), _lines(loss_lines(choice))))
    parts.append("<h2>Backward</h2>")
    parts.append(_details(type(trace.loss).__name__, "", _scores(choice)))
    parts += [_backward(choice, layer) for layer in reversed(trace.layers)]
    if trace.optimizer is not None:
        parts.append(f"<h2>Step</h2><p><code>{escape(optimizer_words(trace))}</code></p>")
        parts += [_step(choice, layer) for layer in trace.layers if vars(layer.parameters)]
        parts.append(f"<p><b>{escape(closing(trace, _DIGITS))}</b></p>")
    parts.append("</div>")
    return "\n".join(parts)


def _given(choice: Choice) -> str:
    trace, row = choice.trace, choice.row
    which = f", row {row} of {len(trace.x)}" if len(trace.x) > 1 else ""
    target = number(trace.targets[row]) if trace.targets.ndim == 1 else ""
    target = target or f"[{'  '.join(number(value) for value in trace.targets[row])}]"
    values = trace.x[row].astype(np.float64).reshape(-1)
    name = trace.class_of(row)
    title = f"x and y = {target}{f', {name}' if name else ''}{which}"
    names = [f"{each}: " for each in trace.features] or [""] * len(values)
    tips = [f"{names[unit]}x[{unit}] = {number(v)}" for unit, v in enumerate(values[:_MOST])]
    return _details("given", title, _cells(values, tips))


def _cost_words(trace: TracedStep) -> str:
    return f"C = {number(trace.cost, _DIGITS + 2)}"


def _forward(choice: Choice, layer: LayerTrace) -> str:
    line = forward_line(choice._replace(unit=0), layer)
    words = [
        _tip(layer.symbols.output, layer.output[choice.row], unit, forward_words(choice, layer, unit))
        for unit in range(min(line.result.size, _MOST))
    ]
    content = _formula(line, show=False) + _cells(line.result.reshape(-1), words)
    return _details(layer_title(layer), f"{line.left} = {line.formula}", content)


def _scores(choice: Choice) -> str:
    line = score_line(choice)
    known = dict(line.worked)
    words = []
    for unit in range(min(line.result.size, _MOST)):
        name = line.left if line.result.size == 1 else f"{line.left}[{unit}]"
        words.append(f"{name} = {known.get(name, number(line.result[unit], _DIGITS))}")
    return _formula(line) + _cells(line.result, words)


def _backward(choice: Choice, layer: LayerTrace) -> str:
    *parameters, of_input = backward_lines(choice._replace(unit=0), layer)
    content = []
    for line, name in zip(parameters, vars(layer.gradient), strict=True):
        content.append(_formula(line))
        content.append(_gradient(choice, layer, name, line))
    words = [
        _tip(of_input.left, of_input.result, unit, input_words(choice, layer, unit))
        for unit in range(min(of_input.result.size, _MOST))
    ]
    content.append(_formula(of_input) + _cells(of_input.result.reshape(-1), words))
    summary = f"{of_input.left} = {of_input.formula}" if of_input.formula else of_input.left
    return _details(layer_title(layer), summary, "".join(content))


def _gradient(choice: Choice, layer: LayerTrace, name: str, line: Line) -> str:
    """A parameter's gradient: each number under the pointer, where they are few enough."""
    symbol, gradient = f"∂C/∂{layer.symbols.parameters[name]}", line.result
    if gradient.size > _TABLE:
        return _abbreviated(line, f"trace.layers[{layer.index}].gradient.{name}")
    words = []
    for spot in np.ndindex(gradient.shape):
        written = ""
        if isinstance(layer.layer, Dense):
            written = weight_words(choice, layer, spot) if name == "weight" else bias_words(choice, layer, spot[0])
        place = "" if gradient.size == 1 else f"[{', '.join(map(str, spot))}]"
        words.append(f"{symbol}{place} = {written or number(gradient[spot], _DIGITS)}")
    return _cells(gradient.reshape(-1), words, gradient.shape[-1] if gradient.ndim == 2 else None)


def _step(choice: Choice, layer: LayerTrace) -> str:
    content = []
    for name, after in vars(layer.after).items():
        symbol = layer.symbols.parameters[name]
        line = Line(symbol, "", after, [])
        content.append(f"<code>{escape(symbol)}</code>")
        if after.size > _TABLE:
            content.append(_abbreviated(line, f"trace.layers[{layer.index}].after.{name}"))
            continue
        words = []
        for spot in np.ndindex(after.shape):
            place = "" if after.size == 1 else f"[{', '.join(map(str, spot))}]"
            words.append(f"{symbol}{place} = {update_words(choice, layer, name, spot)}")
        content.append(_cells(after.reshape(-1), words, after.shape[-1] if after.ndim == 2 else None))
    symbols = ", ".join(layer.symbols.parameters.values())
    return _details(layer_title(layer), f"new {symbols}", "".join(content))


def _details(title: str, summary: str, content: str) -> str:
    return f"<details><summary><b>{escape(title)}</b><code>{escape(summary)}</code></summary>\n{content}</details>"


def _lines(lines: list[Line]) -> str:
    """Lines with their numbers written out, as in the text."""
    parts = []
    for line in lines:
        shown = line.worked[0][1] if line.result.size == 1 and line.worked else result_words(line, _DIGITS)
        formula = f" = {line.formula}" if line.formula else ""
        parts.append(f"<pre>{escape(f'{line.left}{formula} = {shown}')}</pre>")
    return "".join(parts)


def _formula(line: Line, show: bool = True) -> str:
    """A line's formula and what its letters mean."""
    words = f"{line.left} = {line.formula}" if line.formula else line.left
    formula = f"<code>{escape(words)}</code>" if show else ""
    where = f'<code class="where">{escape(line.where)}</code>' if line.where else ""
    return formula + where


def _abbreviated(line: Line, place: str) -> str:
    return f"<pre>{escape(result_words(line, _DIGITS))}</pre><p>All of it: <code>{escape(place)}</code></p>"


def _tip(symbol: str, values: Floats, unit: int, words: str) -> str:
    place = "" if values.size == 1 else f"[{', '.join(str(int(i)) for i in np.unravel_index(unit, values.shape))}]"
    return f"{symbol}{place} = {words or number(values.reshape(-1)[unit], _DIGITS)}"


def _cells(values: Array, words: list[str], columns: int | None = None) -> str:
    """Numbers as coloured cells: red for positive ones, blue for negative ones, the deeper the larger."""
    values = values.astype(np.float64)
    count = len(words)
    small = count > _NUMBERED and (columns is None or count > _TABLE)
    columns = columns or (_columns(count) if small else min(count, 8))
    finite = np.abs(values[np.isfinite(values)])
    reach = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
    cells = "".join(_cell(float(value), word, reach, small) for value, word in zip(values, words, strict=False))
    more = f"<p>the first {count:,} of {len(values):,}</p>" if len(values) > count else ""
    style = f"grid-template-columns:repeat({columns},max-content)"
    return f'<div class="cells" style="{style}">{cells}</div>{more}'


def _cell(value: float, words: str, reach: float, small: bool) -> str:
    color = "213,94,0" if value > 0 else "0,114,178" if value < 0 else "136,136,136"
    depth = 0.75 * abs(value) / reach if math.isfinite(value) else 1.0
    shown = "" if small else escape(number(value, _DIGITS))
    kind = "unit dot" if small else "unit"
    background = f"background:rgba({color},{max(depth, 0.05):.2f})"
    return (
        f'<span class="{kind}" tabindex="0" style="{background}">{shown}<span class="tip">{escape(words)}</span></span>'
    )


def _columns(count: int) -> int:
    """As many columns as rows where the number is a square, as of an image; else such that the block is wide."""
    side = math.isqrt(count)
    return side if side * side == count else min(count, 32)
