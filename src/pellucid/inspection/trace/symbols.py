"""Symbols: what each number of a network is called in formulas.

z₁ is the weighted sum of the first layer with weights, a₁ what its activation makes of it, W₁ and b₁ its parameters.
What is scaled is s, normalized n, with dropout d. A layer without formulas answers h with its place in the list.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from pellucid.formulas import Formulas, formulas_of
from pellucid.program.compilation import Instruction

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Symbols(NamedTuple):
    """The names of a layer's numbers."""

    input: str
    output: str
    parameters: dict[str, str]


def subscript(number: int) -> str:
    """The number in small digits below the line."""
    return str(number).translate(_SUBSCRIPTS)


def symbols_of(instructions: Sequence[Instruction]) -> list[Symbols]:
    """The names of every layer's numbers, each name once."""
    found: list[Symbols] = []
    taken, counts, block, current = {"x", "y"}, dict.fromkeys("sned", 0), 0, "x"
    for instruction in instructions:
        formulas = formulas_of(instruction.layer)
        weighted = any(view.name == "weight" for view in instruction.parameters)
        block += weighted
        name = f"h{subscript(instruction.index)}"
        if isinstance(formulas, Formulas):
            letter = formulas.symbol
            if letter in counts:
                counts[letter] += 1
            own = f"{letter}{subscript(counts.get(letter, block))}"
            name = name if own in taken else own
        taken.add(name)
        number = name[1:]
        letters = formulas.parameters if isinstance(formulas, Formulas) else {}
        parameters = {
            view.name: (letters[view.name][0] if view.name in letters else view.name) + number
            for view in instruction.parameters
        }
        found.append(Symbols(current, name, parameters))
        current = name
    return found


def fill(template: str, names: Mapping[str, str]) -> str:
    """A template with the names put in; a piece in square brackets where one is missing or 0 is left out."""
    shown = without_missing(template, {name for name, text in names.items() if text != "0"})
    return re.sub(r"{(\w+)}", lambda found: names.get(found[1], found[1]), shown).replace("+ −", "− ")


def without_missing(template: str, present: Collection[str]) -> str:
    """A template whose pieces in square brackets are there, without the brackets, or left out."""

    def piece(found: re.Match[str]) -> str:
        return found[1] if all(name in present for name in re.findall(r"{(\w+)}", found[1])) else ""

    return re.sub(r"\[([^\]]*)\]", piece, template)
