"""Numbers that the pages state in their prose, and that no example prints: each is compared with its source."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import pellucid
from pellucid.datasets import TOY_MODELS
from pellucid.formats.numpy_source import export_numpy as numpy_export
from pellucid.formats.onnx import OPSET
from pellucid.inspection.doctor.catalogue import CATALOGUE
from pellucid.playground import sessions
from pellucid.tables import large, streaming
from pellucid.tables.report import folds
from support.healthy import HEALTHY

ROOT = Path(__file__).parents[2]


def wheel_megabytes() -> int:
    """The size of a wheel, rounded up: the package, zipped as a wheel is."""
    pytest.importorskip("pellucid._native", reason="what is uploaded holds the core")
    package, sink = Path(pellucid.__file__).parent, io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path in package.rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                wheel.write(path, path.relative_to(package.parent))
    return -(-len(sink.getvalue()) // 10**6)


STATED: dict[str, tuple[str, Callable[[], int]]] = {
    r"wheel of less than (\d+) MB": ("README.md", wheel_megabytes),
    r"(\d+)\s+\[findings\]": ("README.md", lambda: len(CATALOGUE)),
    r"(\d+) healthy trainings": ("README.md", lambda: len(HEALTHY)),
    r"and (\d+) toy models": ("README.md", lambda: len(TOY_MODELS)),
    r"up to ([\d,]+) numbers stand": ("docs/exports.md", lambda: numpy_export.MOST_INSIDE),
    r"operator set \| (\d+)": ("docs/exchange.md", lambda: OPSET),
    r"waits (\d+) seconds": ("docs/playground.md", lambda: int(sessions.SECONDS)),
    r"sample of ([\d,]+) rows": ("docs/reading.md", lambda: streaming.SAMPLE),
    r"it\s+holds (\d+) MB": ("docs/reading.md", lambda: streaming._RESERVOIR_BYTES // 2**20),
    r"uniform sample of ([\d,]+)": ("docs/tables.md", lambda: large.EXAMPLES),
    r"about ([\d,]+) rows at most": ("docs/tables.md", lambda: streaming.MOST_VALIDATION_ROWS),
    r"more than ([\d,]+) on a fifth": ("docs/tables.md", lambda: folds._SINGLE_SPLIT),
}


@pytest.mark.parametrize("pattern", STATED)
def test_a_stated_number_is_true(pattern: str) -> None:
    page, truth = STATED[pattern]
    [stated] = re.findall(pattern, (ROOT / page).read_text(encoding="utf-8"))
    assert int(stated.replace(",", "")) == truth()
