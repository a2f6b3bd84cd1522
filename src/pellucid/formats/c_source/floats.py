"""A prediction in float arithmetic: the body of `NAME_scores`.

Two static arrays serve as buffers, read and written in turn. Steps that take each number on its own share one loop; the
last dense layer writes where the scores are wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pellucid.formats.c_source.expressions import SCALAR_STEPS, statement
from pellucid.formats.c_source.text import Constants, comment, number, single
from pellucid.formats.steps import DenseStep, Largest, Lookup, NormalizeRow, Prediction, SoftmaxStep, Step, Waves


@dataclass
class FloatBody:
    """The lines of a function from `x` to `scores`, its constants, and the buffers it needs."""

    constants: Constants = field(default_factory=Constants)
    lines: list[str] = field(default_factory=list)
    buffers: dict[str, int] = field(default_factory=dict)
    result: str = "scores"
    """Where the outcome is wanted."""
    names: tuple[str, str] = ("a", "b")
    """What the buffers are called."""

    @property
    def memory(self) -> int:
        """Bytes of static memory."""
        return 4 * sum(self.buffers.values())

    def declarations(self) -> list[str]:
        """The buffers."""
        return [f"static float {name}[{size}];" for name, size in self.buffers.items()]

    def write(self, prediction: Prediction) -> None:
        """All steps, from `x` to the result."""
        groups = _groups(prediction.all_steps) or [[]]
        last_in_place = max((n + 1 for n, group in enumerate(groups) if _changes_width(group)), default=0)
        source, width = "x", prediction.inputs
        for place, group in enumerate(groups):
            after = group[-1].width(width) if group else width
            final = place + 1 >= last_in_place  # from here on everything fits in place of the scores
            target = self.result if final else self._other(source, group, after)
            self._group(group, source, target, width, prediction.scaling)
            source, width = target, after

    def _other(self, source: str, group: list[Step], width: int) -> str:
        """Where a group may write: in place if it can, else in the other buffer."""
        in_place = source in self.buffers and not (group and isinstance(group[0], DenseStep | Waves | Lookup))
        target = source if in_place else self.names[source == self.names[0]]
        self.buffers[target] = max(width, self.buffers.get(target, 0))
        return target

    def _group(self, group: list[Step], source: str, target: str, width: int, leading: Sequence[Step]) -> None:
        first = group[0] if group else None
        if isinstance(first, DenseStep):
            self._dense(first, source, target, width)
        elif isinstance(first, Waves):
            self._waves(first, source, target, width)
        elif isinstance(first, Lookup):
            counts = np.array(first.cardinalities, dtype=np.int32)
            numbers = self.constants.array(f"counts_{first.index}", counts)
            table = self.constants.array(f"table_{first.index}", single(first.table))
            tail = f"{len(counts)}, {numbers}, {table}, {first.table.shape[1]}, {target}"
            self.lines.append(f"lookup({source}, {width}, {tail});  /* {comment(first.words)} */")
        elif isinstance(first, Largest):
            pieces = first.pieces
            self.lines += [
                f"for (int i = 0; i < {width // pieces}; i++) {{  /* {comment(first.words)}: the largest piece */",
                f"    float z = {source}[{pieces} * i];",
                f"    for (int k = 1; k < {pieces}; k++)",
                f"        if ({source}[{pieces} * i + k] > z)",
                f"            z = {source}[{pieces} * i + k];",
                f"    {target}[i] = z;",
                "}",
            ]
        elif isinstance(first, SoftmaxStep):
            self.lines.append(f"softmax({source}, {width}, {target});  /* {comment(first.words)} */")
        elif isinstance(first, NormalizeRow):
            scale = self.constants.of_features(f"scale_{first.index}", first.scale)
            shift = self.constants.of_features(f"shift_{first.index}", first.shift)
            self.lines += [
                f"standard({source}, {width}, {number(first.epsilon)}, {target});  /* {comment(first.words)} */",
                f"for (int i = 0; i < {width}; i++)",
                f"    {target}[i] = {target}[i] * {scale} + {shift};",
            ]
        else:
            self.lines += [
                f"for (int i = 0; i < {width}; i++) {{",
                f"    float z = {source}[i];",
                *(f"    {line}" for line in scalar_statements(group, self.constants, leading)),
                f"    {target}[i] = z;",
                "}",
            ]

    def _waves(self, step: Waves, source: str, target: str, width: int) -> None:
        numbers, count, more = step.mixture.shape
        parts = {"angle": step.angle, "phase": step.phase, "mixture": step.mixture, "bias": step.bias}
        names = [self.constants.array(f"{name}_{step.index}", single(values)) for name, values in parts.items()]
        call = f"waves({source}, {width}, {numbers}, {count}, {more}, {', '.join(names)}, {target});"
        self.lines += [f"/* {comment(step.words)} */", call]

    def _dense(self, step: DenseStep, source: str, target: str, width: int) -> None:
        weight = self.constants.array(f"weight_{step.index}", single(step.weight))
        bias = self.constants.array(f"bias_{step.index}", single(step.bias))
        units = step.weight.shape[1]
        self.lines.append(
            f"dense({source}, {width}, {weight}, {bias}, {units}, {target});  /* {comment(step.words)} */"
        )


def scalar_statements(steps: Sequence[Step], constants: Constants, leading: Sequence[Step]) -> list[str]:
    """What steps that take each number on its own do to z; `leading` are those on the data's own numbers."""
    return [statement(step, constants, leading=step in leading) for step in steps]


def _groups(steps: tuple[Step, ...]) -> list[list[Step]]:
    """The steps, those in a row that take each number on its own put together."""
    groups: list[list[Step]] = []
    for step in steps:
        scalar = isinstance(step, SCALAR_STEPS)
        if scalar and groups and isinstance(groups[-1][-1], SCALAR_STEPS):
            groups[-1].append(step)
        else:
            groups.append([step])
    return groups


def _changes_width(group: list[Step]) -> bool:
    return bool(group) and isinstance(group[0], DenseStep | Largest | Waves | Lookup)
