"""All sessions: made, found again, limited in number, and ended when nobody has looked for a while.

Contract: belongs to the server's event loop; every session has a thread of its own. A session ends `seconds` after
its last connection was lost, and its memory comes back with it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from pellucid.playground.session import Session

SECONDS = 40.0
MOST_SESSIONS = 8


class TooMany(RuntimeError):
    """There are as many sessions as there may be, and all of them are looked at."""


@dataclass
class _Entry:
    session: Session
    connection: object | None = None
    left: float = 0.0


class Registry:
    """The sessions of a server.

    Parameters
    ----------
    most : int
        How many there may be.
    seconds : float
        How long a session stays without a connection.
    prepare : function or None
        What is done to a new session before its page sees it, in its thread.
    clock : function
        Seconds that only grow.
    """

    def __init__(
        self,
        most: int = MOST_SESSIONS,
        seconds: float = SECONDS,
        prepare: Callable[[Session], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.most, self.seconds, self.clock, self.prepare = most, seconds, clock, prepare
        self._entries: dict[str, _Entry] = {}

    def __len__(self) -> int:
        """How many sessions there are."""
        return len(self._entries)

    def connect(self, name: str | None, connection: object) -> tuple[Session, bool]:
        """The session of that name if nobody else is looking at it, else a new one; and whether it was there.

        Raises
        ------
        TooMany
            If all places are taken.
        """
        entry = self._entries.get(name) if name else None
        if entry is not None and entry.connection is None and entry.session.alive:
            entry.connection = connection
            return entry.session, True
        if len(self._entries) >= self.most:
            self._end_longest_left()
        session = Session(secrets.token_urlsafe(16))
        if self.prepare is not None:
            session.call(lambda: self.prepare and self.prepare(session)).result()
        self._entries[session.name] = _Entry(session, connection)
        return session, False

    def disconnect(self, connection: object) -> None:
        """A connection is lost: its session waits for another."""
        for entry in self._entries.values():
            if entry.connection is connection:
                entry.connection, entry.left = None, self.clock()

    def end(self, session: Session) -> None:
        """End a session at once."""
        if self._entries.pop(session.name, None) is not None:
            session.end()

    def sweep(self) -> None:
        """End what nobody has looked at for long enough."""
        now = self.clock()
        for entry in list(self._entries.values()):
            if (entry.connection is None and now - entry.left >= self.seconds) or not entry.session.alive:
                self.end(entry.session)

    def close(self) -> None:
        """End all of them, and wait until they have ended."""
        entries = list(self._entries.values())
        for entry in entries:
            self.end(entry.session)
        for entry in entries:
            entry.session.end(wait=True)

    def _end_longest_left(self) -> None:
        left = [entry for entry in self._entries.values() if entry.connection is None]
        if not left:
            raise TooMany(
                f"{self.most} pages are open already, as many as there may be: close one and load this again."
            )
        self.end(min(left, key=lambda entry: entry.left).session)
