"""`pellucid playground`: the page on which networks are built, trained and looked into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pellucid.cli.command import Command

if TYPE_CHECKING:
    from pellucid.playground.initial_state import Preparation


def open_playground(
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT", help="Where to listen. Without it: a free one.", min=0, max=65535, show_default=False
        ),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, and open no browser.")] = False,
    model: Annotated[
        str | None, typer.Option(metavar="FILE", help="Begin with the network of a model file.", show_default=False)
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Begin with the rows of a CSV file: its last column is the target.", show_default=False
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="Listen on this address. On another than this machine's own others can reach it."
        ),
    ] = "127.0.0.1",
) -> None:
    """Open the playground in the browser: build a network, train it on points or on digits, look inside."""
    from pellucid.cli.errors import Failure
    from pellucid.playground.server import Server

    prepare = _preparation(model, data)
    try:
        server = Server(host, port or 0, prepare=prepare)
    except OSError as error:
        where = f"{host}:{port}" if port else host
        raise Failure(
            f"Nothing can listen on {where}: {error.strerror or error}. Try another --port, or none."
        ) from None
    print(f"The playground is at {server.address}", flush=True)
    print("Ctrl-C ends it.", flush=True)
    if not no_browser:
        import webbrowser

        webbrowser.open(server.address)
    server.serve()


def _preparation(model: str | None, data: str | None) -> Preparation | None:
    """What a new session begins with; files are read now, so that a wrong one is told at once."""
    from pathlib import Path

    from pellucid.cli import inputs
    from pellucid.cli.errors import Failure
    from pellucid.playground.initial_state import check, initial_state

    if model is None and data is None:
        return None
    network = None if model is None else inputs.load_model(model)
    text = None if data is None else Path(data).read_text(encoding="utf-8", errors="replace")
    prepare = initial_state(network, Path(model).name if model else "", text, Path(data).name if data else "")
    try:
        check(prepare)
    except ValueError as error:
        raise Failure(str(error)) from None
    return prepare


playground = Command("playground", open_playground, "Example:  pellucid playground")
