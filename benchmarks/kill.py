"""The kill test with more of it: 200 SIGKILLs at random moments, and a disk that fills up 200 times."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.killing import EPOCHS, fill_often, kill_often, small_disk

KILLS, FILLINGS = 200, 200
ENGINES = (("native", 2), ("reference", 1))


def rows(kills: int = KILLS, fillings: int = FILLINGS) -> Iterator[tuple[str, str, str, str]]:
    """What, measured, beside what, wanted. A training that comes to another end is an error and no row."""
    for engine, threads in ENGINES:
        share = kills // len(ENGINES)
        with tempfile.TemporaryDirectory() as folder:
            *_, (killed, ended) = kill_often(Path(folder), engine, threads, share, seed=share)
        yield (
            f"SIGKILL at a random moment, {engine} engine, {threads} thread{'s' if threads > 1 else ''}",
            f"{killed} kills in {ended} trainings of {EPOCHS} epochs; each ended as one never killed, bit for bit",
            "",
            f"{share} kills",
        )
    with tempfile.TemporaryDirectory() as folder, small_disk(Path(folder) / "disk", kilobytes=800) as disk:
        if disk is None:
            yield "a disk that fills up at random moments", "not measured: no disk can be mounted here", "", ""
            return
        failed, killed = fill_often(Path(folder), disk, "native", 1, fillings, seed=4)
    yield (
        "a disk that fills up at random moments",
        f"{fillings} times full, {failed} checkpoints could not be written, {killed} kills with the disk full; "
        f"each training ended as one whose disk was never full, bit for bit",
        "",
        f"{fillings} times",
    )
