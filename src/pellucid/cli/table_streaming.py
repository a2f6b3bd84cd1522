"""What `pellucid train` does with a file that is too large for memory: it is read part by part.

Contract: `is_streamed` says whether a file is, `stream_of` reads it for the first two times and returns what `read`
returns of a table in memory, with a `TableStream` in the place of the table. All that was typed is looked at before the
file is.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from pellucid.cli.csv_options import csv_of
from pellucid.cli.errors import Failure, UsageError
from pellucid.cli.table_options import TableOptions, goal_of, kinds_of, settings_of, target_name
from pellucid.cli.table_progress import ReadingBar
from pellucid.encoding.cells import TableError
from pellucid.losses import SoftmaxCrossEntropy
from pellucid.tables.files import TableFile
from pellucid.tables.large import EXAMPLES, HELD_OUT, memory_of
from pellucid.tables.memory import available, is_large, needed
from pellucid.tables.streaming import TableStream
from pellucid.tables.targets import Target

_REFUSED = {
    "minutes": ("--minutes", "say --epochs N: every epoch reads the file once"),
    "folds": ("--folds above 1", "leave it out: the networks are measured on rows set aside"),
}


class Streamed(NamedTuple):
    """A file as a stream, and what is predicted of it."""

    table: TableStream
    target: Target
    dropped: int


def is_streamed(options: TableOptions, console: Console) -> bool:
    """Whether the file is read part by part, as asked or since it is too large; that is said."""
    if options.stream is False:
        return False
    file = _file_of(options)
    if options.stream is None and not is_large(file):
        return False
    why = "as asked"
    if options.stream is None:
        there = available()
        assert there is not None
        why = f"since its table would take about {_bytes(needed(file))} of memory, and {_bytes(there)} are available"
    for name, (option, way) in _REFUSED.items():
        given = getattr(options, name)
        if given is not None and not (name == "folds" and given <= 1):
            raise UsageError(f"{option} does not go with a file that is read part by part ({why}): {way}.")
    console.print(f"{options.source} ({_bytes(file.size)}) is read part by part, {why}.", soft_wrap=True)
    return True


def refuse_large(options: TableOptions) -> None:
    """Raise if the file is too large for what needs all of its rows in memory."""
    file = _file_of(options)
    if is_large(file):
        raise Failure(
            f"{options.source} ({_bytes(file.size)}) is too large for memory, where a search needs all of its rows: "
            f"give it a file with some of them, 100,000 say. pellucid train takes files of any size."
        )


def _file_of(options: TableOptions) -> TableFile:
    try:
        return TableFile(Path(options.source).expanduser(), **csv_of(options.csv))
    except TableError as error:
        raise Failure(str(error)) from None


def stream_of(options: TableOptions, console: Console) -> Streamed:
    """The stream of a file, measured, and its target."""
    path = Path(options.source).expanduser()
    goal, kinds = goal_of(options), kinds_of(options.kinds)
    file = _file_of(options)
    name = target_name(options, file.names, file.notes)
    recipe = settings_of(options, Target(name, "classes", SoftmaxCrossEntropy(), 2)).recipe  # encodes alike for all
    with ReadingBar(console) as bar:
        try:
            stream = TableStream(
                path,
                name,
                kinds=kinds,
                task=goal["asked"],
                loss=goal["loss"],
                quantiles=goal["quantiles"],
                validation=HELD_OUT,
                examples=EXAMPLES,
                seed=options.seed,
                one_hot_up_to=recipe.one_hot_up_to,
                clip=recipe.clip,
                on_progress=bar.on_progress,
                **csv_of(options.csv),
            )
        except TableError as error:
            raise Failure(str(error)) from None
    return Streamed(stream, stream.target, stream.dropped)


def show_memory(console: Console, stream: TableStream) -> None:
    """How much memory training takes, and what for."""
    shuffled = "all rows" if stream.whole else f"{stream.reservoir:,} rows at a time"
    words = f"Training takes about {_bytes(memory_of(stream))} of memory in all, {shuffled} shuffled in it."
    console.print(words, soft_wrap=True)


def _bytes(count: int) -> str:
    """23 kB, 620 MB, 5.1 GB."""
    if count >= 999.5e6:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.0f} MB" if count >= 999.5e3 else f"{count / 1e3:.0f} kB"
