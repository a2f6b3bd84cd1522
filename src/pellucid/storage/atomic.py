"""Writing files so that they are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system: there an open file cannot be deleted, which does as well
    fcntl = None  # type: ignore[assignment]

_ENDING = ".part"
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
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a directory: give the name of a file.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"The folder {target.parent} does not exist.")
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=_ENDING)
    except PermissionError as error:
        raise PermissionError(error.errno, error.strerror, str(target)) from None  # and not the temporary file
    try:
        with os.fdopen(handle, "wb") as file:
            with contextlib.suppress(OSError):  # some network drives have no locks: then nothing is cleared away
                _lock(handle)
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            if fcntl is not None:  # renamed under the lock: nobody takes it for a leftover in between
                os.replace(temporary, target)
        if fcntl is None:
            os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_directory(target.parent)


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
