"""Writing whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import pellucid
from pellucid.storage.atomic import new_folder, restored_folder, write_all, write_atomically


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
from pellucid.storage.atomic import new_folder, restored_folder, write_all, write_atomically
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


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_several_files_or_none(broken: int, tmp_path: Path) -> None:
    def parts(number: int) -> Iterator[bytes]:
        yield b"new"
        if number == broken:
            full()

    for name in "abc":
        (tmp_path / name).write_bytes(b"old")
    before = contents(tmp_path)
    with pytest.raises(OSError, match="No space left on device"):
        write_all({tmp_path / name: parts(number) for number, name in enumerate("abd")}, remove=[tmp_path / "c"])
    assert contents(tmp_path) == before
    write_all({tmp_path / name: [b"new"] for name in "abd"}, remove=[tmp_path / "c", tmp_path / "e"])
    assert contents(tmp_path) == dict.fromkeys("abd", b"new")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "disk" / "run"
    folder.mkdir(parents=True)
    for name in ("model", "history"):
        (folder / name).write_bytes(b"old")
    return folder


def no_parent_to_write_to(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    may = os.access
    patch.setattr(os, "access", lambda path, mode: Path(path) != folder.parent and may(path, mode))
    return folder


def mounted(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    patch.setattr(Path, "is_mount", lambda path: path == folder)
    return folder


def current(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    patch.chdir(folder)
    return Path(".")


def linked(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    link = folder.parent.parent / "link"
    link.symlink_to(folder)
    return link


def write_folder(target: Path, then: Callable[[], None]) -> None:
    with new_folder(target) as place:
        (place / "model").write_bytes(b"new")
        then()


def interrupted(run: Path, before: dict[str, bytes]) -> None:
    assert {name: data for name, data in contents(run).items() if ".part" not in name} == before
    raise KeyboardInterrupt


@pytest.mark.parametrize("of", [None, linked, no_parent_to_write_to, mounted, current])
def test_a_new_folder_takes_the_place_of_the_old_one(
    of: Any, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, before = run if of is None else of(run, monkeypatch), contents(run)
    with pytest.raises(KeyboardInterrupt):
        write_folder(target, lambda: interrupted(run, before))
    assert contents(tmp_path / "disk") == {f"run/{name}": data for name, data in before.items()}
    with new_folder(target) as place:
        (place / "model").write_bytes(b"new")
    assert contents(tmp_path / "disk") == {"run/model": b"new"}
    assert contents(Path(target)) == {"model": b"new"}, "also by the name that was given"
    assert os.listdir(tmp_path / "disk") == ["run"]


def test_a_new_folder_where_there_was_none(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with new_folder(tmp_path / "run") as place:
            (place / "model").write_bytes(b"new")
    finally:
        os.umask(before)
    assert contents(tmp_path) == {"run/model": b"new"}
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o750


@pytest.mark.parametrize("call", [0, 1])
def test_a_folder_that_cannot_be_exchanged(call: int, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, replace, calls = contents(run), os.replace, []

    def failing(source: Any, target: Any) -> None:
        calls.append(source)
        if len(calls) == call + 1:
            full()
        replace(source, target)

    with pytest.raises(OSError, match="No space left on device"):
        write_folder(run, lambda: monkeypatch.setattr(os, "replace", failing))
    assert contents(run.parent) == {f"run/{name}": data for name, data in before.items()}


KILLED = """
import os, sys
from pathlib import Path
from pellucid.storage.atomic import new_folder
replace, calls = os.replace, []

def last(source, target):
    calls.append(source)
    os._exit(7) if len(calls) == 2 else replace(source, target)

os.replace = last
with new_folder(sys.argv[1]) as place:
    (place / "model").write_bytes(b"new")
"""


def test_a_process_that_ends_between_the_two_renames(run: Path) -> None:
    """The earlier folder is moved aside and the new one not there yet: it is put back by whoever comes next."""
    before, home = contents(run), Path(pellucid.__file__).parents[1]
    command = [sys.executable, "-c", KILLED, str(run)]
    ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(home)}, check=False)
    assert (ended.returncode, run.exists()) == (7, False)
    assert restored_folder(run) == run
    assert contents(run) == before
