"""The commands put together, and what happens around each of them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from pellucid.cli.doctor import doctor
from pellucid.cli.errors import Interrupted, code_of, sentence_of
from pellucid.cli.evaluate import evaluate
from pellucid.cli.export import export
from pellucid.cli.info import info
from pellucid.cli.playground import playground
from pellucid.cli.predict import predict
from pellucid.cli.trace import trace
from pellucid.cli.train import train
from pellucid.cli.tune import tune
from pellucid.version import __version__


class _PlainFlags:
    """A command whose help shows no type behind options that take no value."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, --help included."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if getattr(param, "is_flag", False):
                param.metavar = ""
        return params


class _Command(_PlainFlags, TyperCommand):
    pass


class _Group(_PlainFlags, TyperGroup):
    pass


app = typer.Typer(
    name="pellucid",
    cls=_Group,
    help="Neural networks in which every number can be seen.",
    epilog="Example:  pellucid train digits",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (train, tune, predict, evaluate, info, export, trace, doctor, playground):
    app.command(command.name, cls=_Command, epilog=command.example)(command.function)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"pellucid {__version__}")
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Neural networks in which every number can be seen."""


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; errors are told in one sentence on standard error."""
    _tolerate_characters()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _note
            code = typer.main.get_command(app).main(
                args=list(arguments) or ["--help"], prog_name="pellucid", standalone_mode=False
            )
        sys.stdout.flush()
    except SystemExit as exit_:  # how a closed pipe ends
        return exit_.code if isinstance(exit_.code, int) else 1
    except Interrupted:
        return 130
    except BrokenPipeError:
        return _leave_pipe()
    except (Exception, KeyboardInterrupt) as error:
        _say("Error", sentence_of(error))
        return code_of(error)
    if code == 130:  # typer's answer to Ctrl-C
        _say("Error", "interrupted.")
    return code if isinstance(code, int) else 0


def _tolerate_characters() -> None:
    """Where a stream's encoding lacks a character, it becomes a question mark and not an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def _leave_pipe() -> int:
    """The reader has gone (`| head`): nothing more is written, also not at the interpreter's end."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _note(message: Warning | str, *rest: Any, **more: Any) -> None:
    """A warning as a sentence, without the line of code it came from."""
    _say("Note", str(message))


def _say(kind: str, words: str) -> None:
    color = {"Error": "\x1b[1;31m", "Note": "\x1b[1;33m"}[kind]
    label = f"{color}{kind}:\x1b[0m" if sys.stderr.isatty() else f"{kind}:"
    print(f"{label} {words}", file=sys.stderr)
