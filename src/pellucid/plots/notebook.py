"""A figure that notebooks show although pyplot does not know it."""

from __future__ import annotations

from matplotlib.figure import Figure


class Picture(Figure):
    """A figure with its own image for notebooks (`_repr_png_` is the method that they ask)."""

    def _repr_png_(self) -> bytes:
        from pellucid.plots.figure import to_png

        return to_png(self)
