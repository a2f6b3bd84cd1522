"""How many epochs are trained at once: as many as take some milliseconds, and no more than the wanted speed allows."""

from __future__ import annotations

import time

BURST = 0.005  # seconds of training between two looks at what the page wants
_MOST_BEHIND = 0.25  # seconds: what cannot be made up at the wanted speed is let go
_MEASURED = 0.5  # seconds over which the speed is shown
_SLOWER = 1.1  # so much longer an epoch may take than before: a machine that was busy elsewhere says nothing of epochs


class Pace:
    """The clock of a training.

    Attributes
    ----------
    per_second : float
        Epochs a second, of late; 0 while it is paused.
    started : float
        When training was last begun, by `time.perf_counter`.
    """

    def __init__(self) -> None:
        self._seconds = BURST  # an epoch takes: at first one is trained, and looked at
        self.per_second = 0.0
        self.start(0)

    def start(self, epoch: int) -> None:
        """Training goes on from an epoch."""
        self.started = time.perf_counter()
        self._began = self._since = (self.started, epoch)

    def pause(self) -> None:
        """Nothing is trained for now."""
        self.per_second = 0.0

    def reset(self) -> None:
        """How long an epoch takes is unknown: other data, or another network."""
        self._seconds = BURST

    @property
    def most(self) -> int:
        """As many epochs as fit into a burst."""
        return max(1, int(BURST / self._seconds))

    def owed(self, epoch: int, speed: float) -> float:
        """How many epochs are due; less than 1: none yet. A speed of 0 is as fast as it goes."""
        if not speed:
            return float(self.most)
        now = time.perf_counter()
        began, first = self._began
        owed = (now - began) * speed - (epoch - first)
        if owed > max(1.0, _MOST_BEHIND * speed):
            self._began = (now, epoch)
        return min(owed, self.most) if owed >= 1 else owed

    def trained(self, epochs: int, seconds: float, epoch: int) -> None:
        """This many epochs took so long, and led to this one."""
        if epochs > 0:
            self._seconds = min(_SLOWER * self._seconds, seconds / epochs)
        now = time.perf_counter()
        since, first = self._since
        if now - since > _MEASURED:
            self.per_second = max(0.0, (epoch - first) / (now - since))
            self._since = (now, epoch)
