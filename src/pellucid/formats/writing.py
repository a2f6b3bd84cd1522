"""What all exports as source share: names, the files they write, and what they say of them.

A file that an export would replace must be one that an export wrote: the mark stands at its head. Another file of the
same name is never touched.
"""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pellucid.storage.atomic import write_all
from pellucid.version import __version__

MARK = "Written by Pellucid"
_HEAD = 4096  # bytes in which the mark must stand


@dataclass(frozen=True)
class ExportReport:
    """What an export wrote, and what there is to know of it; printed as it is.

    Parameters
    ----------
    files : tuple of Path
        The files written.
    lines : tuple of str
        One sentence each.
    """

    files: tuple[Path, ...]
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The files and the sentences, one a line."""
        return "\n".join([f"Wrote {', '.join(map(str, self.files))}", *self.lines])


def signature() -> str:
    """The mark with the version, for the head of a file."""
    return f"{MARK} {__version__}"


def without_ending(path: str | os.PathLike[str], endings: Sequence[str]) -> Path:
    """The path without one of the endings that an export adds on its own."""
    given = Path(path).expanduser()
    return given.with_suffix("") if given.suffix.lower() in endings else given


def identifier(stem: str) -> str:
    """A name that C, Python and JavaScript take, from that of a file: "my net-2" becomes my_net_2."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_").lower() or "network"
    return f"network_{name}" if name[0].isdigit() or keyword.iskeyword(name) else name


def functions_called(code: str, functions: Mapping[str, str]) -> list[str]:
    """The functions of a table that some code calls, or that those call, in the order of the table."""
    called: set[str] = set()
    while True:
        found = {name for name in functions if name not in called and re.search(rf"\b{name}\(", code)}
        if not found:
            return [body for name, body in functions.items() if name in called]
        called |= found
        code = "\n".join(functions[name].split("\n", 2)[-1] for name in found)


def write_files(files: Mapping[Path, str | bytes]) -> None:
    """Write all files or none; before the first one is written, all places are looked at.

    Raises
    ------
    FileExistsError
        If a file of the name is there that no export wrote.
    """
    for path in files:
        if path.exists() and not _ours(path):
            raise FileExistsError(
                f"{path} is there already and was not written by an export: give the export another name."
            )
    write_all({path: [text.encode() if isinstance(text, str) else text] for path, text in files.items()})


def _ours(path: Path) -> bool:
    """Whether an export wrote the file; numbers beside a program are the program's."""
    program = path.with_suffix(".py") if path.suffix == ".npz" else path
    if not program.is_file():
        return False
    with program.open("rb") as file:
        return MARK.encode() in file.read(_HEAD)


def size(count: int) -> str:
    """A number of bytes, for people."""
    return f"{count:,} bytes" if count < 10_000 else f"{count / 1024:,.1f} KB"
