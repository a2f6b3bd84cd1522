"""A thread that owns something: everything that happens to it happens there, one thing after the other.

Contract: `call(function)` runs a function in the thread and returns a future; between calls the thread does its own
`work`, which answers in how many seconds it wants to be woken (0: at once; None: not before the next call). No locks.
"""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class Actor:
    """The base of sessions and of the digits' room."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._ended = False
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], Any]) -> Future[Any]:
        """Run a function in the thread; its answer or error comes with the future."""
        future: Future[Any] = Future()
        if self._ended:
            future.set_exception(RuntimeError("This session has ended."))
        else:
            self._jobs.put((future, function))
        return future

    def end(self, wait: bool = False) -> None:
        """End the thread after what it is doing, and let go of all it holds."""
        self._ended = True
        self._jobs.put(None)
        if wait:
            self._thread.join(timeout=10)

    @property
    def alive(self) -> bool:
        """Whether the thread is there."""
        return self._thread.is_alive()

    def work(self) -> float | None:
        """Do a little, and answer when to be woken."""
        return None

    def failed(self, error: Exception) -> None:
        """What `work` raised: a fault of ours."""
        traceback.print_exception(error)

    def forget_frames(self) -> None:
        """Whoever wanted to see something is gone."""

    def ended(self) -> None:
        """Let go of what is held; the last thing that is done in the thread."""

    def _live(self) -> None:
        wait: float | None = None
        while not self._ended:
            try:
                job = self._jobs.get_nowait() if wait == 0 else self._jobs.get(timeout=wait)
                while job is not None:
                    self._do(*job)
                    job = self._jobs.get_nowait()
                break  # None: the end
            except queue.Empty:
                pass
            try:
                wait = self.work()
            except Exception as error:
                self.failed(error)
                wait = None
        self.ended()
        self._refuse_the_rest()

    def _do(self, future: Future[Any], function: Callable[[], Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(function())
        except Exception as error:
            future.set_exception(error)

    def _refuse_the_rest(self) -> None:
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if job is not None:
                job[0].set_exception(RuntimeError("This session has ended."))
