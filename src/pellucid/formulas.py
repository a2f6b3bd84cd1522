"""What a part computes, in the field's symbols: for those who read along, such as `pl.trace`.

Contract: a layer or loss may have `formulas`, made of templates in which {x} stands for the layer's input, {y} for its
output and {g} for ∂C/∂y, and {weight}, {mean} or {slope} for the parameter, statistic or field of that name. A piece in
square brackets is left out where something in it is missing, None or 0: "[ + {bias}]". {factor} is the derivative,
where the layer draws it. A part without formulas is still traced, only without words of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Formulas:
    """A layer's value and derivatives.

    Parameters
    ----------
    symbol : str
        What its output is called: z a weighted sum, a an activation, s something scaled, n normalized, d with dropout.
    value : str
        The output. Of a layer that works on each unit for itself, of a unit.
    function : str
        The name of that function of a unit, such as σ; "" where the formula itself is short enough.
    derivative : str
        Of a layer that works on each unit for itself: its derivative.
    gradient : str
        Of other layers: ∂C/∂x.
    parameters : mapping
        Each parameter's symbol and the formula of its gradient, by name.
    where : str
        What the letters mean that stand for nothing the layer holds.
    """

    symbol: str
    value: str
    function: str = ""
    derivative: str = ""
    gradient: str = ""
    parameters: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True)
class LossFormulas:
    """A loss' value and derivative. Besides {x}, the scores, there are {t}, the target, and {p}, the prediction.

    Parameters
    ----------
    value : str
        The cost of one example.
    gradient : str
        The derivative with respect to a score.
    prediction : str
        What p is, where the loss contains an output function: "softmax({x})".
    term : str
        What one output adds to the cost, if its numbers are to be shown.
    target : str
        What t is, where it is not the target as it was given.
    """

    value: str
    gradient: str
    prediction: str = ""
    term: str = ""
    target: str = ""


def formulas_of(part: object, function: str = "forward") -> Formulas | LossFormulas | None:
    """The formulas of a part; None where its class has none, or inherits them beside a function of its own."""
    for cls in type(part).__mro__:
        if "formulas" in cls.__dict__:
            found = cls.__dict__["formulas"]
            if isinstance(found, property):  # they hang on the part's fields
                found = found.fget(part) if found.fget is not None else None
            return found if isinstance(found, Formulas | LossFormulas) else None
        if function in cls.__dict__:
            return None
    return None
