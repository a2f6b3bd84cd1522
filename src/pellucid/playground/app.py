"""The server: a page, its files and one websocket, for nobody but this machine's own browser.

Contract: every request must name an allowed host and come from the page's own origin, its address must hold the
token, and nothing of it is ever used as a path. Headers forbid the page all that it does not need.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import mimetypes
import secrets
import warnings
from collections.abc import AsyncIterator, Callable
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from pellucid.playground.connection import Connection
from pellucid.playground.sessions import Registry

_SWEEP_SECONDS = 5.0
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob: data:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=()",
    "Cache-Control": "no-store",
}
_FRAMES = "http://localhost:* http://127.0.0.1:* https://localhost:* vscode-webview:"
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".html": "text/html",
}


def new_token() -> str:
    """144 random bits, for the address."""
    return secrets.token_urlsafe(18)


def make_app(token: str, allowed: Callable[[str], bool], registry: Registry, *, framed: bool = False) -> ASGIApp:
    """The application.

    Parameters
    ----------
    token : str
        The first part of every path.
    allowed : function
        Whether a Host header ("127.0.0.1:8000") is one of ours.
    registry : Registry
        The sessions.
    framed : bool
        Whether notebooks on this machine may show the page in a frame.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(_sweep(registry))
        try:
            yield
        finally:
            sweeper.cancel()
            registry.close()

    async def socket(websocket: WebSocket) -> None:
        if not secrets.compare_digest(websocket.path_params["token"].encode(), token.encode()):
            await websocket.close(1008)
            return
        await Connection(websocket, registry).serve()

    files = static_files()

    async def page(request: Request) -> Response:
        if not secrets.compare_digest(request.path_params["token"].encode(), token.encode()):
            return PlainTextResponse("Not found. The address is the one that the playground printed.\n", 404)
        return _file(files, request.path_params.get("name") or "index.html")

    async def without_slash(request: Request) -> Response:
        if not secrets.compare_digest(request.path_params["token"].encode(), token.encode()):
            return PlainTextResponse("Not found. The address is the one that the playground printed.\n", 404)
        return Response(status_code=307, headers={"Location": f"/{token}/"})

    routes = [
        WebSocketRoute("/{token}/ws", socket),
        Route("/{token}", without_slash),
        Route("/{token}/", page),
        Route("/{token}/{name:path}", page),
    ]
    return Guard(Starlette(routes=routes, lifespan=lifespan), allowed, framed)


async def _sweep(registry: Registry) -> None:
    while True:
        await asyncio.sleep(min(_SWEEP_SECONDS, registry.seconds))
        registry.sweep()


def static_files() -> dict[str, Any]:
    """The page's files by their names in the address. What is not in this table is not there."""
    found: dict[str, Any] = {}

    def collect(folder: Any, prefix: str) -> None:
        for item in folder.iterdir():
            if item.is_dir():
                collect(item, f"{prefix}{item.name}/")
            elif "." + item.name.rpartition(".")[2] in _TYPES:
                found[prefix + item.name] = item

    collect(resources.files("pellucid.playground") / "static", "")
    return found


def _file(files: dict[str, Any], name: str) -> Response:
    item = files.get(name)
    if item is None:
        return PlainTextResponse("Not found.\n", 404)
    kind = _TYPES.get("." + name.rpartition(".")[2]) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(item.read_bytes(), media_type=f"{kind}; charset=utf-8")


class Guard:
    """Turns away what is not for us: other hosts (DNS rebinding), other origins (cross-site requests, websockets)."""

    def __init__(self, app: ASGIApp, allowed: Callable[[str], bool], framed: bool) -> None:
        self.app, self.allowed = app, allowed
        self.ancestors = _FRAMES if framed else "'none'"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        host = hosts[0].lower() if len(hosts) == 1 else ""
        trusted = bool(host) and self.allowed(host)
        if scope["type"] == "websocket":  # a browser always says where a websocket comes from
            if not trusted or origins != [f"http://{host}"]:
                await receive()
                await send({"type": "websocket.close", "code": 1008})
                return
            await self.app(scope, receive, send)
            return
        secured = self._securing(send, host)
        if not trusted:
            refusal = PlainTextResponse("This host is not served here.\n", 421)
            await refusal(scope, receive, secured)
        elif origins and origins != [f"http://{host}"]:
            refusal = PlainTextResponse("Requests from other pages are not answered.\n", 403)
            await refusal(scope, receive, secured)
        elif scope["method"] not in ("GET", "HEAD"):
            refusal = PlainTextResponse("Only GET is understood.\n", 405)
            await refusal(scope, receive, secured)
        else:
            await self.app(scope, receive, secured)

    def _securing(self, send: Send, host: str) -> Send:
        policy = dict(_POLICY)
        if host and self.allowed(host):
            policy["connect-src"] += f" ws://{host}"  # some browsers do not count a websocket as 'self'
        words = "; ".join(f"{name} {value}" for name, value in {**policy, "frame-ancestors": self.ancestors}.items())
        extra = {**_HEADERS, "Content-Security-Policy": words}

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.lower().encode(), value.encode()) for name, value in extra.items()]
                names = {name for name, _ in own}
                message["headers"] = [item for item in message["headers"] if item[0].lower() not in names] + own
            await send(message)

        return secured


def allow_hosts(host: str, port: int) -> Callable[[str], bool]:
    """Which Host headers are ours: loopback names; else numeric addresses too, for no name can be one."""
    loopback = is_loopback(host)
    names = {f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", f"{host}:{port}".lower()}

    def allowed(value: str) -> bool:
        if value in names:
            return True
        if loopback:
            return False
        address, _, its_port = value.rpartition(":")
        try:
            ipaddress.ip_address(address.strip("[]"))
        except ValueError:
            return False
        return its_port == str(port)

    return allowed


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def warn_of_others(host: str) -> None:
    """Say what it means to listen elsewhere than on loopback."""
    if not is_loopback(host):
        warnings.warn(
            f"The playground listens on {host}: everybody who can reach this machine and learns the address can use "
            f"it, and the connection is not encrypted.",
            UserWarning,
            stacklevel=3,
        )
