"""Whose a folder of checkpoints is: one training at a time writes to it.

Within `claimed(folder, owner)` the folder holds `claim.json`, with the process that writes there:

    {"pid": 4711, "host": "laptop", "started": 123456}

`started` tells it from a later process of the same number; null where the system does not say. A claim whose process
is over is taken over. One of another host cannot be checked: it is refused, and deleting the file is the way out.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pellucid.storage.atomic import folder_locked
from pellucid.storage.tensor_file import FileError

CLAIM = "claim.json"
_NEVER = -1  # when a process started that is over and has not been waited for

_held: dict[Path, tuple[int, object]] = {}  # the claims of this process: its number, and for whom


class CheckpointError(FileError):
    """A file is no checkpoint that this version of Pellucid can read, a folder has none, or it is another training's;
    the message says why.
    """


@contextmanager
def claimed(directory: Path, owner: object) -> Iterator[None]:
    """Claim a folder for an owner; within a claim of the same owner, nothing happens.

    Raises
    ------
    CheckpointError
        If another training writes to the folder; the message names its process and host.
    OSError
        If the folder cannot be written to.
    """
    place = directory.resolve()
    mine = (os.getpid(), owner)
    held_out = _held.setdefault(place, mine)
    if held_out[0] != mine[0]:  # this process was forked from the one that claimed it, whose file decides
        _held[place] = held_out = mine
    if held_out is not mine:
        if held_out[1] is not owner:
            raise CheckpointError(
                f"Another training in this process ({mine[0]}) saves its checkpoints in {directory}: name another "
                f"folder, or wait until it has ended."
            )
        yield
        return
    text = json.dumps({"pid": mine[0], "host": socket.gethostname(), "started": _started(mine[0])})
    try:
        _take(directory, text)
        yield
    finally:
        if os.getpid() == mine[0]:  # not in a forked child: the claim is its parent's
            del _held[place]
            with suppress(OSError):
                if (place / CLAIM).read_text(encoding="utf-8") == text:
                    (place / CLAIM).unlink()


def check_free(directory: Path) -> None:
    """Raise `CheckpointError` if another process has claimed a folder and may be running."""
    claim = _read(directory / CLAIM)
    if claim is not None:
        _refuse_running(directory, claim)


def _take(directory: Path, text: str) -> None:
    """Write the claim, unless there is one of a process that may be running."""
    path = directory / CLAIM
    with folder_locked(directory):
        check_free(directory)
        path.unlink(missing_ok=True)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            if not path.stat().st_size:
                path.unlink()
            raise


def _read(path: Path) -> Mapping[str, Any] | None:
    """The claim in a file; None if there is none that can be read."""
    try:
        claim = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    whole = isinstance(claim, dict) and type(claim.get("pid")) is int and isinstance(claim.get("host"), str)
    return claim if whole else None


def _refuse_running(directory: Path, claim: Mapping[str, Any]) -> None:
    """Raise if the process of a claim may be running."""
    pid, host = claim["pid"], claim["host"]
    words = f"The training of process {pid} on {host:.255} saves its checkpoints in {directory}"
    if host != socket.gethostname():
        raise CheckpointError(
            f"{words}; whether it is still running cannot be seen from {socket.gethostname()}. If it has ended, delete "
            f"{directory / CLAIM}; otherwise name another folder."
        )
    if _runs(pid, claim.get("started")):
        raise CheckpointError(f"{words}: name another folder, or wait until it has ended.")


def _runs(pid: int, started: object) -> bool:
    """Whether a process of this host may be running; what this process claimed is in `_held`, not in a file."""
    if pid <= 0 or (pid == os.getpid()):
        return False
    if os.name == "nt":  # there, asking would end it
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    now = _started(pid)
    return now is None or started is None or now == started


def _started(pid: int) -> int | None:
    """When a process started, in clock ticks since the system did; None where the system does not say."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # behind the program's name, which may hold anything
    return _NEVER if fields[0] in "ZX" else int(fields[19])
