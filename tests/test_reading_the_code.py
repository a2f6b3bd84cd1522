"""What the page "How it works inside" points at is there, and one step leads from a network to its forward pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pellucid as pl

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "inside.md"


@pytest.mark.skipif(not PAGE.exists(), reason="the pages are not beside the tests")
def test_every_file_and_function_named_is_there() -> None:
    text = re.sub(r"^```.*?^```$", "", PAGE.read_text(), flags=re.M | re.S)
    files = [ROOT / name if name.startswith("native/") else ROOT / "src/pellucid" / name
             for name in re.findall(r"`([\w/]+\.(?:py|hpp))`", text)]  # fmt: skip
    assert len(files) >= 9
    assert not [str(path) for path in files if not path.is_file()]
    code = "\n".join(path.read_text() for path in (ROOT / "src/pellucid").rglob("*.py"))
    for name in re.findall(r"`(_?[a-z]\w*)`", text):
        assert re.search(rf"^\s*def {name}\(", code, re.M), name


def test_the_docstring_of_scores_names_the_forward_pass() -> None:
    named = re.search(r"`pellucid\.engines\.reference\.(\w+)`", pl.Network.scores.__doc__ or "")
    assert named is not None
    module = __import__("pellucid.engines.reference", fromlist=["forward"])
    assert callable(getattr(module, named[1]))
