"""A figure as the bytes of a PNG file."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def to_png(figure: Figure, dpi: float = 120) -> bytes:
    """The figure as the bytes of a PNG file; the same figure gives the same bytes.

    Letters that no font has are boxes, about which nothing is said: what a picture stands in has the names as text.
    """
    sink = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure.savefig(sink, format="png", dpi=dpi, metadata={"Software": None})
    return sink.getvalue()
