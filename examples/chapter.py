"""What the chapters share: their arguments, their pictures, and the numbers they promise.

A chapter is a script of cells (`# %%`), each of which begins with prose and goes on with code:

    python examples/chapter_1_first_network.py                    in full: every promised number is asserted
    python examples/chapter_1_first_network.py --quick            at a reduced size, in seconds; nothing is asserted
    python examples/chapter_1_first_network.py --output pictures  where the pictures go

`python examples/run.py` (`make chapters`) runs all of them and prints what was promised beside what was reached.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.plots.figure import INK, PALETTE, color_of, marker_of, tidy, to_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Number:
    """A number that a chapter promises.

    Parameters
    ----------
    name : str
        What it is.
    value : float
        What was reached.
    at_least, at_most : float or None
        What was promised.
    """

    name: str
    value: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def kept(self) -> bool:
        """Whether the promise is kept; a value that is no number keeps none."""
        low = self.at_least is None or self.value >= self.at_least
        high = self.at_most is None or self.value <= self.at_most
        return low and high

    def __str__(self) -> str:
        """One line: the promise, what was reached, and whether that is enough."""
        signs = (("≥", self.at_least), ("≤", self.at_most))
        promise = " and ".join(f"{sign} {limit:g}" for sign, limit in signs if limit is not None)
        return f"{self.name:<72}{promise:>12}{self.value:>12.6g}  {'kept' if self.kept else 'MISSED'}"


class Chapter:
    """One run of a chapter.

    Parameters
    ----------
    name : str
        The script's `__file__`.
    arguments : sequence of str or None
        The command line; None: the script's own.

    Attributes
    ----------
    quick : bool
        Whether the run is at a reduced size.
    pictures : list of Path
        What was saved, in order.
    numbers : list of Number
        What was checked, in order.
    """

    def __init__(self, name: str, arguments: Sequence[str] | None = None) -> None:
        self.name = Path(name).stem
        parser = argparse.ArgumentParser(prog=Path(name).name, description="A chapter of Pellucid's documentation.")
        parser.add_argument("--quick", action="store_true", help="a reduced size: seconds, and nothing is asserted")
        parser.add_argument("--output", type=Path, default=Path("chapters"), help="the folder for the pictures")
        options = parser.parse_args(arguments)
        self.quick: bool = options.quick
        self.folder: Path = options.output / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pictures: list[Path] = []
        self.numbers: list[Number] = []
        self._began = time.perf_counter()

    def size(self, full: Any, quick: Any) -> Any:
        """The first in a full run, the second in a quick one."""
        return quick if self.quick else full

    def save(self, figure: Figure, name: str) -> None:
        """Write a picture as PNG into the folder of the chapter."""
        path = self.folder / f"{name}.png"
        path.write_bytes(to_png(figure, dpi=110))
        self.pictures.append(path)

    def check(self, name: str, value: float, *, at_least: float | None = None, at_most: float | None = None) -> None:
        """Record a promised number and print it; a full run fails at the end if it is missed."""
        number = Number(name, float(value), at_least, at_most)
        self.numbers.append(number)
        print(f"{number.name}: {number.value:.6g}")

    def finish(self) -> list[Number]:
        """Print and write down the numbers, and answer them; in a full run, fail if one was missed."""
        seconds = time.perf_counter() - self._began
        record = {"chapter": self.name, "quick": self.quick, "seconds": round(seconds, 1)}
        record["numbers"] = [{**asdict(number), "kept": number.kept} for number in self.numbers]
        (self.folder / "numbers.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        missed = [number for number in self.numbers if not number.kept]
        if missed and not self.quick:
            print("\n".join(["", *map(str, missed)]), file=sys.stderr)
            raise SystemExit(f"{self.name}: {len(missed)} of {len(self.numbers)} numbers were missed.")
        return self.numbers


def lines(
    axes: Any,
    curves: dict[str, Sequence[float]],
    title: str,
    x_label: str,
    y_label: str,
    *,
    x: Sequence[float] | None = None,
    markers: bool = False,
    legend: bool = True,
) -> None:
    """Draw curves over 1, 2, … or over x: another colour for each, another dash from the ninth on."""
    for index, (label, values) in enumerate(curves.items()):
        axes.plot(
            range(1, len(values) + 1) if x is None else x,
            values,
            color=color_of(index),
            linestyle=("-", (0, (4, 1.5)), (0, (1, 1)))[index // len(PALETTE) % 3],
            marker=marker_of(index) if markers else "",
            markersize=4,
            linewidth=1.5,
            label=label,
        )
    tidy(axes, title, x_label, y_label)
    axes.grid(axis="y", color="#E6E6E6", linewidth=0.7)
    axes.set_axisbelow(True)
    if legend:
        axes.legend(frameon=False, fontsize=8, labelcolor=INK)


def bars(axes: Any, values: dict[str, float], title: str, x_label: str, *, colored: bool = False) -> None:
    """Draw a horizontal bar for each value, the first on top, with the number at its end.

    `colored`: in the colours of `lines`, hatched where those are dashed.
    """
    places = range(len(values), 0, -1)
    for index, (place, value) in enumerate(zip(places, values.values(), strict=True)):
        color = color_of(index if colored else 0)
        hatch = ("", "///", "...")[index // len(PALETTE) % 3] if colored else ""
        axes.barh(place, value, color=color, height=0.66, hatch=hatch, edgecolor="white", linewidth=0)
    axes.set_yticks(places, list(values))
    for place, value in zip(places, values.values(), strict=True):
        axes.annotate(f"{value:.3g}", (value, place), (4, 0), textcoords="offset points", va="center", fontsize=8)
    tidy(axes, title, x_label)
    axes.margins(x=0.12)


def dots(axes: Any, values: dict[str, Sequence[float]], title: str, x_label: str) -> None:
    """Draw a row of dots for each name, the first on top: one for each seed."""
    places = range(len(values), 0, -1)
    for place, row in zip(places, values.values(), strict=True):
        axes.plot(row, [place] * len(row), "o", color=color_of(0), markersize=6, alpha=0.6)
    axes.set_yticks(places, list(values))
    axes.set_ylim(0.4, len(values) + 0.6)
    tidy(axes, title, x_label)
    axes.grid(axis="x", color="#E6E6E6", linewidth=0.7)
    axes.set_axisbelow(True)
