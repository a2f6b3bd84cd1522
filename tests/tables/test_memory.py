"""Whether a file fits into memory is decided by its size, its kind and the memory there is."""

from __future__ import annotations

import gzip
import resource
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

from pellucid.tables import memory
from pellucid.tables.files import TableFile

LINES = b"x,y\n" + b"1.5,2\n" * 1000


def test_memory_is_what_the_machine_says_and_not_more() -> None:
    there = memory.available()
    assert there is not None
    assert 0 < there < 2**46


def test_a_limit_of_the_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, usage = tmp_path / "max", tmp_path / "current"
    limit.write_text("3000000\n")
    usage.write_text("1000000\n")
    monkeypatch.setattr(memory, "_GROUPS", (("/nowhere", "/nowhere"), (str(limit), str(usage))))
    assert memory.available() == 2_000_000
    limit.write_text("max\n")
    assert memory.available() != 2_000_000


def test_a_limit_of_the_process_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (5_000_000, resource.RLIM_INFINITY))
    assert memory.available() == 5_000_000


@pytest.mark.parametrize(("there", "large"), [(None, False), (24 * len(LINES), False), (24 * len(LINES) - 2, True)])
def test_a_file_is_large_if_its_table_takes_more_than_half_of_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: int | None, large: bool
) -> None:
    (tmp_path / "t.csv").write_bytes(LINES)
    monkeypatch.setattr(memory, "available", lambda: there)
    assert memory.is_large(TableFile(tmp_path / "t.csv")) is large


def test_a_compressed_file_takes_more_than_its_size_says(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(LINES)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(LINES))
    whole, packed = TableFile(tmp_path / "t.csv"), TableFile(tmp_path / "t.csv.gz")
    assert memory.needed(whole) / whole.size < memory.needed(packed) / packed.size
