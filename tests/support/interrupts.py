"""Ctrl-C in the midst of a training, however busy the machine is."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable


def after_work(seconds: float, do: Callable[[], object]) -> None:
    """Do something once this process has worked for so long: in time of its processors, not of the clock."""
    end = time.process_time() + seconds

    def wait() -> None:
        while time.process_time() < end:
            time.sleep(0.001)
        do()

    threading.Thread(target=wait, daemon=True).start()


def interrupt_after_work(seconds: float) -> None:
    """Send Ctrl-C to this process once it has worked for so long."""
    after_work(seconds, lambda: os.kill(os.getpid(), signal.SIGINT))
