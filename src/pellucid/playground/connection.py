"""One websocket: messages in, answers out, one after the other; frames whenever the session has one.

Contract: the next message is read when the one before is answered, so that nobody can pile up work; a wrong message is
answered with an error and has no other effect.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from pellucid.playground import commands, messages, wire
from pellucid.playground.messages import BadMessage, Message
from pellucid.playground.pasted_table import DataError
from pellucid.playground.session import Session
from pellucid.playground.sessions import TooMany
from pellucid.playground.state import Refused

if TYPE_CHECKING:
    from pellucid.playground.sessions import Registry

_GONE = (WebSocketDisconnect, RuntimeError)  # starlette's words for a socket that is closed


class Connection:
    """What is between one page and its session.

    Parameters
    ----------
    websocket : WebSocket
        Not yet accepted.
    registry : Registry
        The sessions.
    """

    def __init__(self, websocket: WebSocket, registry: Registry) -> None:
        self.websocket, self.registry = websocket, registry
        self.session: Session | None = None
        self._sending = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Until the page is gone."""
        await self.websocket.accept()
        try:
            while True:
                received = await self.websocket.receive()
                if received["type"] == "websocket.disconnect":
                    break
                if not await self._answer(received.get("text")):
                    await self.websocket.close(1000)
                    break
        except WebSocketDisconnect:
            pass
        finally:
            if self.session is not None:
                self.session.call(self.session.forget_frames)
            self.registry.disconnect(self)

    async def _answer(self, text: str | None) -> bool:
        """Answer one message; whether the conversation goes on."""
        re = None
        try:
            message = messages.read(text)
            re = message.id
            if message.type == "bye":
                if self.session is not None:
                    self.registry.end(self.session)
                return False
            answers = await self._do(message)
        except BadMessage as error:
            answers = [_error(error.code, str(error))]
            re = error.re if re is None else re
        except (Refused, DataError, TooMany) as error:
            answers = [_error("busy" if isinstance(error, TooMany) else "refused", str(error))]
        except Exception as error:  # a fault of ours: the page is told, and the server lives on
            answers = [
                _error("refused", f"This is a fault in Pellucid, please report it: {type(error).__name__}: {error}")
            ]
        for each in answers:
            await self._send(each if isinstance(each, bytes) else wire.to_json({**each, "re": re}))
        return True

    async def _do(self, message: Message) -> list[Any]:
        if message.type == "hello":
            return await self._hello(**message.fields)
        session = self.session
        if session is None:
            raise BadMessage("Say hello first.")
        if message.type == "frame":
            await asyncio.wrap_future(session.call(lambda: session.screen.want(message.fields, self._deliver)))
            return []
        if message.type.startswith("digits."):
            from pellucid.playground import digits

            return await digits.answer(session, message, self._deliver)
        return await asyncio.wrap_future(session.call(lambda: commands.answer(session, message)))

    async def _hello(self, session: str | None, fragment: str) -> list[Any]:
        if self.session is not None:
            raise BadMessage("There is a session already.")
        name = session
        found, resumed = self.registry.connect(name, self)
        self.session = found

        def begin() -> list[Any]:
            if not resumed and fragment.strip("#"):
                commands.COMMANDS["open"](found, fragment=fragment)
            return commands.welcome(found, resumed=resumed, session_seconds=self.registry.seconds)

        return await asyncio.wrap_future(found.call(begin))

    def _deliver(self, data: bytes) -> None:
        """A binary message from a session's thread."""
        with contextlib.suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(self._send_later, data)

    def _send_later(self, data: bytes) -> None:
        task = asyncio.create_task(self._send(data))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, data: bytes | str) -> None:
        async with self._sending:
            try:
                if isinstance(data, bytes):
                    await self.websocket.send_bytes(data)
                else:
                    await self.websocket.send_text(data)
            except _GONE:
                pass  # the reader notices


def _error(code: str, message: str) -> dict[str, Any]:
    return {"type": "error", "code": code, "message": message[:2000]}
