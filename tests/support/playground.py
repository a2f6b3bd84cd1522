"""A playground's page for tests of its session: no browser, no socket."""

from __future__ import annotations

import json

import numpy as np

from pellucid.playground import commands, messages, wire
from pellucid.playground.session import Session

FRAME = {"since": -1, "maps": True, "map_size": 10, "unit": None, "output_size": 30, "histograms": False, "test": True}


class Page:
    """A page without a socket: messages go straight into the session's thread."""

    def __init__(self) -> None:
        self.session = Session("test")

    def __call__(self, kind: str, **fields):
        """Send a message; the first answer."""
        message = messages.read(
            json.dumps({"type": kind, **{name.rstrip("_"): value for name, value in fields.items()}})
        )
        answers = self.session.call(lambda: commands.answer(self.session, message)).result(600)
        return answers[0]

    def set(self, **changes):
        return self("set", changes=changes)

    def frame(self, **request):
        header, arrays = wire.unpack(
            self.session.call(lambda: self.session.screen.frame(self.session, FRAME | request)).result(600)
        )
        return header, arrays

    def loss(self) -> tuple[float, float | None]:
        loss = self.frame()[0]["loss"]
        return loss["train"], loss["test"]


def csv(rows: int = 60, line: str = "{a},{b},{c}") -> str:
    x = np.random.default_rng(0).normal(size=(rows, 2)) * [100, 0.01]
    body = [line.format(a=a, b=b, c="yes" if a * b > 0 else "no") for a, b in x]
    return "width,depth,kind\n" + "\n".join(body)
