"""What a gradient check answers: number by number, array by array, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Derivative(NamedTuple):
    """One derivative: what the part says, and what central differences say."""

    name: str
    """Which: "2.weight[3, 1]", or "2.weight along direction 4"."""
    computed: float
    expected: float
    error: float
    """|computed − expected| beyond what rounding explains, relative to the larger of the two."""


class ArrayCheck(NamedTuple):
    """One array: a parameter, the inputs, or the scores of a loss."""

    name: str
    size: int
    """How many numbers it has."""
    directions: int
    """Along how many random directions it was checked; 0: number by number."""
    checked: int
    """How many numbers, or directions, were compared."""
    kinks: int
    """How many were skipped, since the value has a kink there."""
    worst: Derivative | None
    """The comparison with the largest error; None if there was none."""


@dataclass(frozen=True)
class GradientCheck:
    """What a gradient check found. Printed, it is a verdict and a table.

    Parameters
    ----------
    subject : str
        What was checked, in words.
    arrays : tuple of ArrayCheck
        What was found in each parameter, and in the inputs or scores.
    tolerance : float
        The largest relative difference that passes.
    evaluations : int
        How many times the value was computed: what the check cost.
    """

    subject: str
    arrays: tuple[ArrayCheck, ...]
    tolerance: float
    evaluations: int

    @property
    def worst(self) -> Derivative | None:
        """The comparison with the largest error of all; None where nothing could be compared."""
        found = [array.worst for array in self.arrays if array.worst is not None]
        return max(found, key=lambda entry: entry.error, default=None)

    @property
    def checked(self) -> int:
        """How many numbers and directions were compared."""
        return sum(array.checked for array in self.arrays)

    @property
    def kinks(self) -> int:
        """How many numbers and directions were skipped, since the value has a kink there."""
        return sum(array.kinks for array in self.arrays)

    @property
    def passed(self) -> bool:
        """Whether something was compared, and no difference is larger than the tolerance."""
        return self.worst is not None and self.worst.error <= self.tolerance

    @property
    def verdict(self) -> str:
        """The result in a sentence."""
        worst, skipped = self.worst, f" {self.kinks} on a kink skipped." if self.kinks else ""
        if worst is None:
            return f"Nothing to compare: {self.subject} has a kink at every place that was tried."
        if self.passed:
            places = f"{self.checked:,} place{'' if self.checked == 1 else 's'}"
            return f"Right: the gradient of {self.subject} is that of its value, at {places}.{skipped}"
        return (
            f"Wrong: at {worst.name} the gradient of {self.subject} is {worst.computed:.6g}, but central differences "
            f"say {worst.expected:.6g} (relative difference {worst.error:.2g}, allowed {self.tolerance:g}).{skipped}"
        )

    def __str__(self) -> str:
        """The verdict, and a line for each array."""
        rows = [("array", "numbers", "checked", "kinks", "worst", "error")]
        for array in self.arrays:
            checked = f"{array.checked} directions" if array.directions else str(array.checked)
            place = "" if array.worst is None else array.worst.name
            error = "" if array.worst is None else f"{array.worst.error:.1e}" if array.worst.error else "below rounding"
            rows.append((array.name, f"{array.size:,}", checked, str(array.kinks), place, error))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [
            "  ".join(
                cell.ljust(width) if column in (0, 4) else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([self.verdict, *lines])
