"""Killing a training at random moments, and filling its disk: for a test, and for the benchmark with more of it."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = Path(__file__).parent / "killed_program.py"
EPOCHS = 60
LONGEST = 0.35  # seconds after "ready" until the kill comes, at most
FINAL = ("final.pellucid", "final.json")


class Run:
    """A folder and the training in it."""

    def __init__(self, folder: Path, engine: str, threads: int, warnings: str = "error") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        options = [str(folder), engine, str(threads), str(EPOCHS)]
        self.command = [sys.executable, "-W", warnings, str(PROGRAM), *options]

    def start(self) -> subprocess.Popen[str]:
        """Start it, or go on with it, and wait until it trains."""
        process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"It could not go on: {process.communicate()[1]}")
        return process

    def finish(self) -> str:
        """Let it come to its end, and answer what it said on standard error."""
        _, words = (process := self.start()).communicate(timeout=600)
        if process.returncode:
            raise RuntimeError(f"It ended with {process.returncode}: {words}")
        return words

    def kill(self, seconds: float) -> bool:
        """Kill it this many seconds after it began to train; False if it had come to its end by then."""
        process = self.start()
        time.sleep(seconds)
        process.kill()
        process.communicate()
        return process.returncode < 0

    def final(self) -> list[bytes]:
        """What it left in the end."""
        return [(self.folder / name).read_bytes() for name in FINAL]


def kill_often(folder: Path, engine: str, threads: int, kills: int, seed: int) -> Iterator[tuple[int, int]]:
    """Kill trainings this many times; each that comes to its end must have left what one left that was never killed.

    Yields (kills so far, trainings that came to their end) after each kill.
    """
    never = Run(folder / "never", engine, threads)
    never.finish()
    moments = random.Random(seed)
    killed = ended = 0
    while killed < kills:
        run = Run(folder / f"run-{ended}", engine, threads)
        while killed < kills and run.kill(moments.uniform(0, LONGEST)):
            killed += 1
            yield killed, ended
        run.finish()
        ended += 1
        assert run.final() == never.final(), f"the training in {run.folder} came to another end"
    yield killed, ended


def fill_often(folder: Path, disk: Path, engine: str, threads: int, fillings: int, seed: int) -> tuple[int, int]:
    """Train on a small disk that fills up at random moments, and is emptied again; it must come to the same end.

    Answers how often a checkpoint could not be written, and how often the training was killed while the disk was full.
    """
    never = Run(folder / "never-full", engine, threads)
    never.finish()
    run = Run(disk / "run", engine, threads, warnings="default")
    moments = random.Random(seed)
    failed = killed = done = 0
    while done < fillings:
        process = run.start()
        while process.poll() is None and done < fillings:
            time.sleep(moments.uniform(0, 0.05))
            fill(disk)
            done += 1
            time.sleep(moments.uniform(0, 0.05))
            if moments.random() < 0.3:
                process.kill()
            (disk / "filler").unlink(missing_ok=True)
        if process.poll() is None:
            process.kill()
        words = process.communicate()[1]
        failed += words.count("could not be written")
        killed += process.returncode < 0
        assert process.returncode <= 0 or "No space left on device" in words, words
        if process.returncode == 0:  # it came to its end: once more from the start
            assert run.final() == never.final(), "the training on the full disk came to another end"
            for path in sorted(run.folder.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
    run.finish()
    assert run.final() == never.final(), "the training on the full disk came to another end"
    return failed, killed


def fill(disk: Path) -> None:
    """Take all the room there is."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            return


@contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[Path | None]:
    """A disk of that size, or None where none may be mounted."""
    place.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield place if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(place)], check=True)
