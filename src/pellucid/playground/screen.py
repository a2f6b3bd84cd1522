"""What a session's page sees: frames, one for each request, when there is something new.

Contract: a `FrameSender` belongs to its session's thread. The page asks for the next frame when it has drawn the last,
so that none is ever made in vain, however fast the engine is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from pellucid.network import Network
from pellucid.playground import frames, wire
from pellucid.playground.curve import Curve
from pellucid.playground.data import PlaneData
from pellucid.playground.frames import View
from pellucid.playground.network_recipe import NetworkRecipe
from pellucid.playground.pace import Pace
from pellucid.training import Trainer
from pellucid.typing import Array

_BETWEEN = 1 / 61  # seconds between two frames, at least
_DIAGNOSIS = 2.0  # seconds between two looks of the doctor, at least
_RARE = 20  # times as long as it took, at least

Deliver = Callable[[bytes], None]


class Shown(Protocol):
    """What frames show of a session."""

    network: Network
    recipe: NetworkRecipe
    data: PlaneData
    trainer: Trainer
    curve: Curve
    pace: Pace
    running: bool
    diverged: str
    stopped: str
    generation: int
    version: int
    of_train: dict[str, Any] | None
    of_test: dict[str, Any] | None

    @property
    def epoch(self) -> int:
        """Epochs of this network."""

    @property
    def view(self) -> View:
        """What frames are made of."""


class FrameSender:
    """What the page wants to see next, and what it has seen last."""

    def __init__(self) -> None:
        self.changes = 0
        self._wanted: tuple[dict[str, Any], Deliver] | None = None
        self._seen: tuple[Any, ...] = ()
        self._due = 0.0
        self._diagnosed: tuple[Any, float] = ((), 0.0)
        self.diagnosis_took = 0.0  # seconds, the last one

    def changed(self) -> None:
        """Something that frames show is another."""
        self.changes += 1

    def want(self, request: dict[str, Any], deliver: Deliver) -> None:
        """Remember what the page wants to see next; what it wanted before is forgotten."""
        self._wanted = (request, deliver)

    def forget(self) -> None:
        """Another connection has seen nothing yet."""
        self._wanted, self._seen = None, ()

    def show(self, session: Shown) -> float | None:
        """Deliver a frame if one is wanted and there is something new; else answer when to look again."""
        if self._wanted is None:
            return None
        request, deliver = self._wanted
        shows = tuple(str(value) for name, value in request.items() if name != "since")
        news = (session.generation, self.changes, session.running, session.stopped, shows)
        if news == self._seen:
            return None
        now = time.perf_counter()
        if now < self._due:
            return self._due - now
        self._wanted, self._seen = None, news
        self._due = max(self._due + _BETWEEN, now)  # one that waited for a burst does not put off the next
        deliver(self.frame(session, request))
        return None

    def frame(self, session: Shown, request: dict[str, Any]) -> bytes:
        """One binary message with all that the page draws."""
        view = session.view
        arrays: dict[str, Array] = frames.parameters(view)
        size = frames.large_size(session.network, request["output_size"])
        if request["maps"]:
            arrays["maps"] = frames.unit_maps(view, request["map_size"])
        arrays["output"] = frames.output_map(view, size)
        if request["unit"] is not None:
            values = frames.unit_map(view, **request["unit"], size=size)
            if values is not None:
                arrays["unit"] = values
        arrays["curve"] = session.curve.since(request["since"])
        train, test = session.of_train, session.of_test if request["test"] else None
        header = {
            "kind": "frame",
            "generation": session.generation,
            "epoch": session.epoch,
            "steps": session.trainer.step,
            "running": session.running,
            "rate": session.trainer.optimizer.rate_at(session.trainer.step),
            "epochs_per_second": session.pace.per_second,
            "loss": {"train": train and train["loss"], "test": test and test["loss"]},
            "metric": {
                "name": "accuracy" if session.recipe.classes else "r2",
                "train": train and train["metric"],
                "test": test and test["metric"],
            },
            "confusion": {"train": train and train["confusion"], "test": test and test["confusion"]},
            "diverged": session.diverged or None,
            "stopped": session.stopped,
            "range": list(session.data.target_range),
            "signed": len(arrays["output"]) == 1,
            "findings_changed": self._to_be_diagnosed(session),
            "histograms": frames.histograms(view) if request["histograms"] else None,
        }
        return wire.pack(header, arrays)

    def _to_be_diagnosed(self, session: Shown) -> bool:
        """Whether the doctor, if asked now, might say something else; so rarely that training is hardly slowed."""
        now = time.perf_counter()
        shown = (session.generation, session.version)
        wait = max(_DIAGNOSIS, _RARE * self.diagnosis_took)
        last = max(self._diagnosed[1], session.pace.started)  # what has only just begun is not judged yet
        if shown == self._diagnosed[0] or (session.running and now - last < wait):
            return False
        self._diagnosed = (shown, now)
        return True
