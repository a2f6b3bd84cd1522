"""The command line: `pellucid train digits`, `predict`, `evaluate`, `info`, `export`. One file a command.

Contract of a command: a function whose signature and docstring typer turns into options and help. It imports what is
heavy when it runs, prints results to standard output, and raises what `errors.py` turns into one sentence on standard
error and an exit code: 0, 2 for a command line that cannot be understood, 1 for what could not be done, 130 on Ctrl-C.
A new command is one file and its line in `app.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pellucid.version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (that of the process where none is given) and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if list(arguments) == ["--version"]:  # needs none of the packages that the other commands need
        print(f"pellucid {__version__}")
        return 0
    try:
        import rich
        import typer
    except ImportError as error:
        from pellucid.extras import pip_install

        print(f"Error: the command line needs {error.name}: {pip_install('cli')}.", file=sys.stderr)
        return 1
    del rich, typer
    from pellucid.cli.app import run

    return run(arguments)
