"""The pages of the documentation that are made from the code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pellucid as pl
from pellucid import estimators

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def pages() -> Iterator[Any]:
    before = list(sys.path)
    sys.path.insert(0, str(DOCS))
    import pages

    yield pages
    sys.path[:] = before


def test_the_reference_lists_every_public_name(pages: Any) -> None:
    listed = [name for names in pages.reference_sections().values() for name in names]
    modules = ("datasets", "formats", "plots", "inspection", "playground", "tables")
    expected = [name for name in pl.__all__ if name not in modules]
    expected += [f"{module}.{name}" for module in modules for name in getattr(pl, module).__all__]
    expected += [f"estimators.{name}" for name in estimators.__all__]
    assert sorted(listed) == sorted(expected)


def test_the_catalogue_has_a_row_for_every_part(pages: Any) -> None:
    text = pages.catalogue()
    bases = (pl.Layer, pl.Loss, pl.Optimizer, pl.Penalty, pl.Constraint, pl.Initializer, pl.Schedule)
    for name in pl.__all__:
        part = getattr(pl, name)
        if isinstance(part, type) and issubclass(part, bases) and part not in bases:
            assert f":class:`~pellucid.{name}`" in text, name


def test_every_part_says_what_it_computes(pages: Any) -> None:
    for parts in pages.CATALOGUE.values():
        for cls in parts:
            assert len(pages.first_sentence(cls)) > 5, cls
            assert pages.source(cls), cls
