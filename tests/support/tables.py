"""Frames of every kind, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

CATEGORIES = st.one_of(
    st.none(),
    st.text(max_size=6),
    st.sampled_from(["1", "1.0", "x", "nan", "True", "007"]),
    st.integers(-(2**53), 2**53),
    st.booleans(),
)
NUMBERS = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=False), st.integers(-(2**60), 2**60))
DATES = st.one_of(st.none(), st.datetimes(), st.dates())
BOOLEANS = st.sampled_from([None, True, False, "yes", "No", 1, 0, "off"])
COLUMNS = {"category": CATEGORIES, "number": NUMBERS, "date": DATES, "boolean": BOOLEANS}


@st.composite
def frames(draw: Any) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """Columns of any kind, and what they are declared as."""
    rows = draw(st.integers(1, 12))
    kinds = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4))
    names = draw(st.lists(st.text(min_size=1, max_size=5), min_size=len(kinds), max_size=len(kinds), unique=True))
    cells = [draw(st.lists(COLUMNS[kind], min_size=rows, max_size=rows)) for kind in kinds]
    return dict(zip(names, cells, strict=True)), dict(zip(names, kinds, strict=True))
