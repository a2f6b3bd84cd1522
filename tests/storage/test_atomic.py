"""Writing whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pellucid
from pellucid.storage.atomic import write_atomically


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    return path


def untouched(target: Path) -> None:
    assert target.read_bytes() == b"old"
    assert os.listdir(target.parent) == ["file"], "nothing is left behind"


def test_writes_parts_one_after_the_other(target: Path) -> None:
    write_atomically(target, [b"new", memoryview(b" and"), b"", b" whole"])
    assert target.read_bytes() == b"new and whole"
    assert os.listdir(target.parent) == ["file"]


def test_a_file_that_was_not_there(tmp_path: Path) -> None:
    write_atomically(str(tmp_path / "new"), [b"x"])
    assert (tmp_path / "new").read_bytes() == b"x"


def test_others_may_read_it_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "new", [b"x"])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


def full(*arguments: Any, **options: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("function", ["replace", "fsync", "chmod"])
def test_a_full_disk_leaves_the_old_file(function: str, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, function, full)
    with pytest.raises(OSError, match="No space left on device"):
        write_atomically(target, [b"new"])
    monkeypatch.undo()
    untouched(target)


def test_a_disk_that_fills_up_while_writing(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.fdopen

    class Full:
        def __init__(self, *arguments: Any) -> None:
            self.file = opened(*arguments)

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *details: Any) -> None:
            self.file.close()

        write = staticmethod(full)

    monkeypatch.setattr(os, "fdopen", Full)
    with pytest.raises(OSError, match="No space left on device"):
        write_atomically(target, [b"new"])
    monkeypatch.undo()
    untouched(target)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ValueError])
def test_an_exception_in_the_middle_leaves_the_old_file(error: type[BaseException], target: Path) -> None:
    def parts() -> Iterator[bytes]:
        yield b"half of"
        raise error

    with pytest.raises(error):
        write_atomically(target, parts())
    untouched(target)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"^The folder .*nowhere does not exist\.$"):
        write_atomically(tmp_path / "nowhere" / "file", [b"x"])


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match=r"is a directory: give the name of a file\.$"):
        write_atomically(tmp_path, [b"x"])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder(target: Path) -> None:
    target.parent.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            write_atomically(target, [b"new"])
    finally:
        target.parent.chmod(0o700)
    untouched(target)


WRITER = """
import sys
from pellucid.storage.atomic import write_atomically
letter = sys.argv[2].encode()
for number in range(150):
    write_atomically(sys.argv[1], [letter * 20_000, letter * 20_000])
"""


def test_two_processes_that_write_the_same_name(target: Path) -> None:
    """Whoever reads finds the whole file of one of them."""
    home = Path(pellucid.__file__).parents[1]
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(target), letter], env={**os.environ, "PYTHONPATH": str(home)}
        )
        for letter in "ab"
    ]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        seen.add(target.read_bytes())
    assert [writer.returncode for writer in writers] == [0, 0]
    seen.add(target.read_bytes())
    assert seen <= {b"old", b"a" * 40_000, b"b" * 40_000}
    assert len(seen) >= 2
    assert os.listdir(target.parent) == ["file"]
