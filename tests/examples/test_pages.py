"""The pages of the documentation that are made from the code."""

from __future__ import annotations

import json
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


@pytest.fixture
def script(tmp_path: Path, pages: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A chapter of two cells, of which nothing is recorded."""
    monkeypatch.setattr(pages, "RECORDED", tmp_path / "recorded")
    path = tmp_path / "chapter_0_test.py"
    path.write_text("# %% [markdown]\n# # A title\n#\n# About `pl.Adam` and `pl.nothing`.\n\n# %%\nprint(0.97)\n")
    return path


def record(pages: Any, script: Path, quick: bool) -> None:
    """What a run leaves behind."""
    folder = pages.RECORDED / script.stem
    folder.mkdir(parents=True)
    cells = [{"output": "", "pictures": []}, {"output": "0.97\n", "pictures": ["a-picture.png"]}]
    left = {"code": pages.import_module("cells").fingerprint(script), "quick": quick, "cells": cells, "numbers": []}
    (folder / "record.json").write_text(json.dumps(left))


def test_a_chapter_that_never_ran_shows_no_results(pages: Any, script: Path) -> None:
    page = pages.chapter(script)
    assert "It has not been run for this page" in page
    assert "last ran" not in page
    assert ":class: output" not in page
    assert "```{code-block} python\nprint(0.97)\n```" in page
    assert "About {py:obj}`pl.Adam <pellucid.Adam>` and `pl.nothing`." in page


@pytest.mark.parametrize(("quick", "words"), [(True, "at a reduced size"), (False, "when it last ran, in full")])
def test_a_chapter_shows_what_its_run_printed_and_drew(pages: Any, script: Path, quick: bool, words: str) -> None:
    record(pages, script, quick)
    page = pages.chapter(script)
    assert words in page
    assert "not been run" not in page
    assert "```{code-block} none\n:class: output\n\n0.97\n```" in page
    assert "```{image} recorded/chapter_0_test/a-picture.png\n:alt: a picture\n" in page


def test_what_another_version_of_a_chapter_printed_is_not_shown(pages: Any, script: Path) -> None:
    record(pages, script, quick=False)
    script.write_text(script.read_text().replace("0.97", "0.98"))
    assert "It has not been run for this page" in pages.chapter(script)


@pytest.mark.parametrize(("shown", "differences"), [("0.97  x", 0), ("0.98 x", 1), ("0.970 x", 1)])
def test_the_examples_of_a_page_are_compared_digit_for_digit(
    pages: Any, tmp_path: Path, shown: str, differences: int
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"```python\nprint(0.97, 'x')\n```\n\n```text\n{shown}\n```\n")
    ran, found = pages.import_module("check_examples").check(page)
    assert ran == 1
    assert len(found) == differences
    assert all(f"the page shows\n{shown}\n\nbut the example printed\n0.97 x" in each for each in found)
