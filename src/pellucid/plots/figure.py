"""Figures, and what all pictures share: colours and axes.

Contract of a picture: a function that draws into the `axes` it is given, or makes a figure of its own, and returns the
figure it drew in. It reads what it is given and changes nothing, least of all matplotlib's global state: no pyplot, no
default of its own for others. matplotlib is imported when the first picture is drawn, and needs no display.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from pellucid.extras import pip_install

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure as Figure
else:
    Axes = Figure = Any  # names for annotations alone: matplotlib is not imported before it draws

Color: TypeAlias = tuple[float, float, float]
"""Red, green and blue from 0 to 1."""

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, VERMILION, YELLOW = "#56B4E9", "#D55E00", "#F0E442"
"""The colours of Okabe and Ito, which the colour-blind tell apart ("Color universal design", 2008)."""

PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW, "#4D4D4D")
MARKERS = "os^DvPX*"
INK, FAINT = "#222222", "#8A8A8A"
"""The colours of text, and of what should stand back."""


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this many inches, which no window and no global list knows of."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.layout_engine import ConstrainedLayoutEngine

        from pellucid.plots.notebook import Picture
    except ImportError as error:
        raise ImportError(f"Pictures need matplotlib: {pip_install('plots')}.") from error
    room = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)  # inches around all axes
    figure = Picture(figsize=(width, height), layout=room, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def figure_of(axes: Axes) -> Figure:
    """The whole figure that some axes belong to, also where they stand in a part of it."""
    from matplotlib.figure import Figure

    figure = axes.figure
    while not isinstance(figure, Figure):
        figure = figure.figure
    return figure


def color_of(class_index: int) -> Color:
    """The colour of a class; from the ninth class on they repeat, with another marker."""
    from matplotlib.colors import to_rgb

    return to_rgb(PALETTE[class_index % len(PALETTE)])


def marker_of(class_index: int) -> str:
    """The marker of a class: another one for each of eight classes, so that colour alone need not tell."""
    return MARKERS[(class_index + class_index // len(PALETTE)) % len(MARKERS)]


def tidy(axes: Axes, title: str = "", x_label: str = "", y_label: str = "") -> None:
    """Title and labels, and no more ink than they need."""
    axes.set_title(title, fontsize=11, color=INK, loc="left")
    axes.set_xlabel(x_label, fontsize=9, color=INK)
    axes.set_ylabel(y_label, fontsize=9, color=INK)
    axes.tick_params(labelsize=8, colors=INK, length=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)


def short(name: str, length: int) -> str:
    """A name that fits beside an axis; a dollar begins no formula, and control characters are left out."""
    printable = "".join(character for character in name if character.isprintable())
    return (printable if len(printable) <= length else f"{printable[: length - 1]}…").replace("$", r"\$")


def bare(axes: Axes, title: str = "") -> None:
    """A title and nothing else around the picture."""
    axes.set_title(title, fontsize=11, color=INK, loc="left")
    axes.set_axis_off()
