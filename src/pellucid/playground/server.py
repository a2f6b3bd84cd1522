"""A running playground: a socket, the address, and the loop that serves it.

Contract: the socket is bound before anything else, so that the address is known and the port is ours; `serve` blocks,
`start` does not.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from pellucid.extras import pip_install
from pellucid.playground.messages import MOST_BYTES
from pellucid.playground.session import Session


class Server:
    """A playground that listens.

    Parameters
    ----------
    host : str
        Where to listen; a loopback address, unless others are meant to reach it.
    port : int
        0: a free one.
    prepare : function or None
        What is done to every new session.
    framed : bool
        Whether notebooks on this machine may show it in a frame.
    seconds : float or None
        How long a session stays without a connection; None: as usual.

    Raises
    ------
    OSError
        If the port is taken.
    ImportError
        If the extra is not installed.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        prepare: Callable[[Session], None] | None = None,
        framed: bool = False,
        seconds: float | None = None,
    ) -> None:
        try:
            import uvicorn

            from pellucid.playground import app
            from pellucid.playground.sessions import SECONDS, Registry
        except ImportError as error:
            raise ImportError(
                f"The playground needs starlette, uvicorn and websockets ({error}): {pip_install('playground')}."
            ) from error
        app.warn_of_others(host)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        if sys.platform != "win32":  # there it would let two servers have one port
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
            self._socket.listen(64)
        except OSError:
            self._socket.close()
            raise
        self.host, self.port = host, int(self._socket.getsockname()[1])
        self.token = app.new_token()
        self.registry = Registry(prepare=prepare, seconds=SECONDS if seconds is None else seconds)
        self._thread: threading.Thread | None = None
        self._server = uvicorn.Server(
            uvicorn.Config(
                app.make_app(self.token, app.allow_hosts(host, self.port), self.registry, framed=framed),
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                ws="websockets-sansio",
                ws_max_size=MOST_BYTES,
                ws_per_message_deflate=False,
                timeout_graceful_shutdown=1,
                limit_concurrency=64,
            )
        )

    @property
    def address(self) -> str:
        """Where the page is, token and all."""
        shown = "127.0.0.1" if self.host in ("0.0.0.0", "::") else f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{shown}:{self.port}/{self.token}/"

    def serve(self) -> None:
        """Serve until Ctrl-C or `stop`."""
        try:
            with contextlib.suppress(KeyboardInterrupt):
                self._server.run(sockets=[self._socket])
        finally:
            self.registry.close()
            self._socket.close()

    def start(self) -> Server:
        """Serve in a thread of its own."""
        self._thread = threading.Thread(target=self.serve, name="pellucid-playground", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End serving, and all sessions."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=10)

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *error: Any) -> None:
        self.stop()
