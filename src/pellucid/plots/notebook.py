"""A figure that notebooks show although pyplot does not know it."""

from __future__ import annotations

from matplotlib.figure import Figure

from pellucid.plots.png import to_png


class Picture(Figure):
    """A figure with its own image for notebooks (`_repr_png_` is the method that they ask)."""

    def _repr_png_(self) -> bytes:
        return to_png(self)
