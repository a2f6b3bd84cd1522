"""A trace as plain data, for JSON and for whoever draws it."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

from pellucid.inspection.trace.choice import Choice
from pellucid.inspection.trace.lines import backward_lines, forward_line
from pellucid.inspection.trace.loss_lines import loss_lines, score_line
from pellucid.inspection.trace.text import optimizer_words
from pellucid.inspection.trace.values import LayerTrace, TracedStep

VERSION = 1


def to_dict(trace: TracedStep) -> dict[str, Any]:
    """Numbers in nested lists, one list for each row of the batch; beside them their symbols and formulas.

    The input of a layer is the output of the one before it; of the first one it is "x".
    """
    choice = Choice(trace, 0, 0, 4)
    return {
        "version": VERSION,
        "dtype": trace.scores.dtype.name,
        "training": trace.training,
        "features": list(trace.features),
        "classes": list(trace.classes),
        "x": plain(trace.x),
        "targets": plain(trace.targets),
        "sample_weight": plain(trace.sample_weight),
        "layers": [_layer(choice, layer) for layer in trace.layers],
        "loss": {
            "name": repr(trace.loss),
            "formulas": {line.left: line.formula for line in [*loss_lines(choice), score_line(choice)]},
            "values": plain(trace.values),
        },
        "penalty": None if trace.penalty is None else {"name": repr(trace.penalty), "cost": plain(trace.penalty_cost)},
        "cost": plain(trace.cost),
        "optimizer": None
        if trace.optimizer is None
        else {
            "name": repr(trace.optimizer),
            "formula": optimizer_words(trace),
            "rate": plain(trace.rate),
            "step": trace.step,
        },
        "cost_after": plain(trace.cost_after),
    }


def _layer(choice: Choice, layer: LayerTrace) -> dict[str, Any]:
    forward, backward = forward_line(choice, layer), backward_lines(choice, layer)
    return {
        "index": layer.index,
        "layer": str(layer.layer),
        "input_symbol": layer.symbols.input,
        "output_symbol": layer.symbols.output,
        "formulas": {line.left: line.formula for line in [forward, *backward]},
        "where": [line.where for line in [forward, *backward] if line.where],
        "output": plain(layer.output),
        "output_gradient": plain(layer.output_gradient),
        "input_gradient": plain(layer.input_gradient),
        "derivative": plain(layer.derivative),
        "statistics": _named(layer.statistics),
        "parameters": {
            name: {
                "symbol": layer.symbols.parameters[name],
                "value": plain(value),
                "gradient": plain(getattr(layer.gradient, name)),
                "update": plain(getattr(layer.update, name, None)),
                "after": plain(getattr(layer.after, name, None)),
                "slots_before": {slot: plain(getattr(part, name)) for slot, part in layer.slots_before.items()},
                "slots_after": {slot: plain(getattr(part, name)) for slot, part in layer.slots_after.items()},
            }
            for name, value in vars(layer.parameters).items()
        },
    }


def _named(values: SimpleNamespace) -> dict[str, Any]:
    return {name: plain(value) for name, value in vars(values).items()}


def plain(value: Any) -> Any:
    """An array or number as JSON knows it; what is not finite as a string."""
    if value is None or isinstance(value, str | bool):
        return value
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
