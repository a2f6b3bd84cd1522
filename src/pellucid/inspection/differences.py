"""Central differences beside a gradient, number by number or along random directions.

Contract: `compare(value, gradients, at, effort)` with `value(name, array)` the function's value where the array of that
name is replaced by another, `gradients` what is to be checked and `at` where, both by name, in float64.

A number on which the two disagree is looked at again with a smaller step, since a kink may lie within the first one. If
the slopes to both sides still differ, and do not approach each other as the step shrinks, the function has a kink
there, and no derivative to compare with.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np

from pellucid.inspection.verdict import ArrayCheck, Derivative
from pellucid.streams import Purpose, Stream
from pellucid.typing import Floats

Arrays: TypeAlias = dict[str, Floats]
"""Arrays by name."""

Value: TypeAlias = Callable[[str, Floats], float]
"""The function's value with one array, by its name, replaced."""

_EPSILON = float(np.finfo(np.float64).eps)
_STEP = _EPSILON ** (1 / 3)  # where the errors of rounding, ε/h, and of curvature, h², are alike
_ROUNDINGS = 32  # of how many units in the last place a value may be off
_TRIES = 3  # directions that are drawn for one that has a kink


class Effort(NamedTuple):
    """How much is compared, and how strictly."""

    limit: int
    projections: int
    tolerance: float
    seed: int


class _Slope(NamedTuple):
    """A derivative along a direction, by differences with one step."""

    central: float
    jump: float
    """|slope to the right − slope to the left|."""
    noise: float
    """How far off rounding may put either."""


class _Line(NamedTuple):
    """The comparison along one direction; kink: there is nothing to compare with."""

    computed: float
    expected: float
    error: float
    kink: bool


def compare(value: Value, gradients: Arrays, at: Arrays, effort: Effort) -> tuple[tuple[ArrayCheck, ...], int]:
    """Every array's check, and how many times the value was computed."""
    evaluations = 0

    def counted(name: str, array: Floats) -> float:
        nonlocal evaluations
        evaluations += 1
        with np.errstate(all="ignore"):  # what is not finite is told
            return value(name, array)

    checks = []
    for number, (name, array) in enumerate(at.items()):
        middle = counted(name, array)
        if not np.isfinite(middle):
            raise ValueError(
                f"The value to differentiate is {middle}: there is no gradient to check where it overflows."
            )
        of_array = _Array(name, np.asarray(gradients[name], dtype=np.float64), array, counted, middle, effort)
        stream = Stream(effort.seed, Purpose.SAMPLE, index=number)
        checks.append(of_array.by_directions(stream) if array.size > effort.limit else of_array.by_numbers())
    return tuple(checks), evaluations


class _Array(NamedTuple):
    """One array under examination."""

    name: str
    gradient: Floats
    at: Floats
    value: Value
    middle: float
    effort: Effort

    def by_numbers(self) -> ArrayCheck:
        """Each number for itself."""
        lines = {place: self._at_place(place) for place in np.ndindex(self.at.shape)}
        entries = [self._entry(place, line) for place, line in lines.items() if not line.kink]
        kinks = sum(line.kink for line in lines.values())
        return ArrayCheck(self.name, self.at.size, 0, len(entries), kinks, _worst(entries))

    def by_directions(self, stream: Stream) -> ArrayCheck:
        """Along random directions; where one fails, down to the number that is wrong."""
        entries, kinks = [], 0
        for number in range(self.effort.projections):
            for attempt in range(_TRIES):
                direction = stream.at(number * _TRIES + attempt).normal(self.at.shape)
                line = self._along(direction)
                if not line.kink:
                    break
                kinks += 1
            else:
                continue
            name = f"{self.name} along direction {number}"
            entry = Derivative(name, line.computed, line.expected, line.error)
            if line.error > self.effort.tolerance:
                entries.append(self._narrow(direction) or entry)
                break  # one number that is wrong is enough
            entries.append(entry)
        return ArrayCheck(self.name, self.at.size, self.effort.projections, len(entries), kinks, _worst(entries))

    def _narrow(self, direction: Floats) -> Derivative | None:
        """The number that is wrong, by halving what the direction moves; None where the halves hide it."""
        part = np.arange(direction.size)
        while part.size > 1:
            halves = [half for half in np.array_split(part, 2) if half.size]
            lines = [(half, self._along(_only(direction, half))) for half in halves]
            wrong = [
                (abs(line.computed - line.expected) * float(np.linalg.norm(direction.reshape(-1)[half])), half)
                for half, line in lines
                if not line.kink and line.error > self.effort.tolerance
            ]
            if not wrong:
                return None
            part = max(wrong, key=lambda pair: pair[0])[1]
        place = tuple(int(index) for index in np.unravel_index(int(part[0]), self.at.shape))
        line = self._at_place(place)
        return None if line.kink else self._entry(place, line)

    def _entry(self, place: tuple[int, ...], line: _Line) -> Derivative:
        return Derivative(f"{self.name}[{', '.join(map(str, place))}]", line.computed, line.expected, line.error)

    def _at_place(self, place: tuple[int, ...]) -> _Line:
        """The comparison for one number."""
        direction = np.zeros_like(self.at)
        direction[place] = 1.0
        return self._line(direction, max(1.0, abs(float(self.at[place]))), float(self.gradient[place]), 0.0)

    def _along(self, direction: Floats) -> _Line:
        """The comparison along a direction, which is made to have the length 1."""
        direction = direction / np.linalg.norm(direction)
        moved = direction != 0
        computed = float((self.gradient * direction).sum())
        usual = float(np.sqrt(np.square(self.gradient[moved]).mean()))  # |g·u| of a random u: what may cancel in it
        return self._line(direction, max(1.0, float(np.sqrt(np.square(self.at[moved]).mean()))), computed, usual)

    def _line(self, direction: Floats, unit: float, computed: float, least_scale: float) -> _Line:
        """Compare with differences of a step, then of a smaller one; then look for a kink."""
        slopes: list[_Slope] = []
        best: _Line | None = None
        for factor in (1.0, 0.1):
            slope = self._slope(direction, unit * _STEP * factor)
            slopes.append(slope)
            beyond = abs(computed - slope.central) - (0.0 if best else slope.noise)  # smaller steps see less
            scale = max(abs(computed), abs(slope.central), least_scale)
            error = 0.0 if beyond <= 0 else beyond / scale if np.isfinite(beyond) else np.inf
            if best is None or error < best.error:
                best = _Line(computed, slope.central, error, kink=False)
            if best.error <= self.effort.tolerance:
                return best
        assert best is not None
        slopes.insert(0, self._slope(direction, unit * _STEP * 10))
        return best._replace(kink=any(_stays(wide, near) for wide, near in pairwise(slopes)))

    def _slope(self, direction: Floats, step: float) -> _Slope:
        above = self.value(self.name, self.at + step * direction)
        below = self.value(self.name, self.at - step * direction)
        noise = _ROUNDINGS * _EPSILON * max(abs(above), abs(below), abs(self.middle)) / step
        return _Slope((above - below) / (2 * step), abs(above - 2 * self.middle + below) / step, noise)


def _stays(wide: _Slope, near: _Slope) -> bool:
    """Whether the jump of the slope is still there with a tenth of the step; of a smooth function a tenth would be."""
    return near.jump > 0.3 * wide.jump + near.noise


def _only(direction: Floats, part: Floats) -> Floats:
    """The direction with all but some of its numbers 0."""
    kept = np.zeros(direction.size)
    kept[part] = direction.reshape(-1)[part]
    return kept.reshape(direction.shape)


def _worst(entries: list[Derivative]) -> Derivative | None:
    return max(entries, key=lambda entry: entry.error, default=None)
