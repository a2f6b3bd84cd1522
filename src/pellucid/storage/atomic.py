"""Writing files and folders so that they are there whole or not at all."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system: there an open file cannot be deleted, which does as well
    fcntl = None  # type: ignore[assignment]

_ENDING = ".part"
_OLD = ".old"  # of a folder that was moved aside
_SECONDS = 10.0  # so old a temporary file must be before it is looked at: its writer has locked it by then


def write_atomically(path: str | os.PathLike[str], parts: Iterable[bytes | memoryview]) -> None:
    """Write `parts` one after the other to a temporary file beside `path`, then put it in the place of `path`.

    Whatever happens (power cut, full disk, exception), `path` is either the old file or the whole new one. The data
    reaches the disk before the name does. Of two processes that write the same `path`, the last one's file is there.

    Raises
    ------
    OSError
        If the folder does not exist, is read-only or full; nothing is left behind.
    """
    write_all({Path(path): parts})


def write_all(files: Mapping[Path, Iterable[bytes | memoryview]], remove: Iterable[Path] = ()) -> None:
    """Write several files that belong together: all of them are whole on the disk before the first takes its place.

    Parameters
    ----------
    files : mapping of Path to parts
        What is written where.
    remove : iterable of Path
        Earlier files that go when the new ones are there.

    Raises
    ------
    OSError
        If one cannot be written; then all are as they were.
    """
    for target in files:
        if target.is_dir():
            raise IsADirectoryError(f"{target} is a directory: give the name of a file.")
        if not target.parent.is_dir():
            raise FileNotFoundError(f"The folder {target.parent} does not exist.")
    written: dict[str, Path] = {}
    with contextlib.ExitStack() as opened:
        try:
            for target, parts in files.items():
                _write_beside(target, parts, written, opened)
            if fcntl is None:  # there, an open file cannot be renamed
                opened.close()
            for temporary, target in written.items():  # under their locks: nobody takes them for leftovers
                os.replace(temporary, target)
        except BaseException:
            for temporary in written:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
            raise
    for old in remove:
        old.unlink(missing_ok=True)
    for folder in dict.fromkeys(target.parent for target in files):
        _sync_directory(folder)


def _write_beside(
    target: Path, parts: Iterable[bytes | memoryview], written: dict[str, Path], opened: contextlib.ExitStack
) -> None:
    """Write a temporary file beside its target, durably; it stays open, and locked."""
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=_ENDING)
    except PermissionError as error:
        raise PermissionError(error.errno, error.strerror, str(target)) from None  # and not the temporary file
    written[temporary] = target
    file = opened.enter_context(os.fdopen(handle, "wb"))
    with contextlib.suppress(OSError):  # some network drives have no locks: then nothing is cleared away
        _lock(handle)
    for part in parts:
        file.write(part)
    file.flush()
    os.fsync(file.fileno())
    os.chmod(temporary, 0o666 & ~_umask())


@contextlib.contextmanager
def new_folder(target: str | os.PathLike[str]) -> Iterator[Path]:
    """A folder to write into, which takes the place of `target` when all is in it.

    Until then `target` and what is in it are as they were, whatever happens. What was in it is deleted at the end. A
    folder that cannot be renamed (a mounted one, the current one, one whose parent is read-only) is kept, and its
    files are exchanged one after the other.

    Raises
    ------
    OSError
        If there is no room, or `target` cannot be replaced; then it is as it was.
    """
    place = Path(target).resolve()
    here = Path.cwd()
    renamed = not (place.is_mount() or place in (here, *here.parents)) and os.access(place.parent, os.W_OK)
    new = Path(tempfile.mkdtemp(dir=place.parent if renamed else place, prefix=f".{place.name}.", suffix=_ENDING))
    try:
        os.chmod(new, place.stat().st_mode & 0o7777 if place.is_dir() else 0o777 & ~_umask())
        yield new
        _exchange(new, place) if renamed else _move_up(new, place)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def restored_folder(target: Path) -> Path:
    """`target`; put back first if `new_folder` had moved it aside, and the process ended at that very moment."""
    place = target.resolve()
    if not place.exists():
        for old in place.parent.glob(f".{glob.escape(place.name)}.*{_OLD}"):
            os.replace(old, place)
            break
    return target


def _exchange(new: Path, target: Path) -> None:
    """Rename a folder to the name of another one, and delete that."""
    old = new.with_suffix(_OLD)
    there = target.exists()
    if there:
        os.replace(target, old)
    try:
        os.replace(new, target)
        _sync_directory(target.parent)
    except BaseException:
        if there:
            if target.exists():
                os.replace(target, new)
            os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _move_up(new: Path, target: Path) -> None:
    """Put a folder's files in the place of those of the folder around it."""
    before = set(target.iterdir()) - {new}
    moved = {target / entry.name: entry for entry in new.iterdir()}
    for place, entry in moved.items():
        os.replace(entry, place)
    for old in before - set(moved):
        shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)
    _sync_directory(target)


def is_temporary(name: str) -> bool:
    """Whether a name is that of a file or folder that is not finished, or that was moved aside."""
    return name.startswith(".") and name.endswith((_ENDING, _OLD))


def remove_leftovers(directory: str | os.PathLike[str], prefix: str) -> None:
    """Delete what writers that were killed have left of files whose names begin with `prefix`.

    A temporary file whose writer lives is locked by it, and stays.
    """
    for path in Path(directory).glob(f".{prefix}*{_ENDING}"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime < _SECONDS:
                continue
            with path.open("rb") as file:
                _lock(file.fileno())
                path.unlink()


def _lock(handle: int) -> None:
    """Lock a file for as long as it is open; `OSError` if another has locked it."""
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def folder_locked(directory: Path) -> Iterator[None]:
    """Keep others out of a folder who lock it, too, for a few steps; without effect where there are no locks."""
    if fcntl is None:
        yield
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _umask() -> int:
    """The process' umask: mkstemp makes files that only their owner may read."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_directory(directory: Path) -> None:
    """Make the new name itself durable, where the system lets a directory be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
