"""The second tab's messages: the room's settings and training, and drawings that the network is shown.

Contract: drawings are answered from the weights of the moment, beside the training and not after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from pellucid.inspection.instrumented import walk_forward
from pellucid.network import Network
from pellucid.numerics import softmax
from pellucid.playground.digits_session import DigitsSession, Shown, as_base64
from pellucid.playground.drawing import normalized
from pellucid.playground.messages import Message
from pellucid.playground.session import Session
from pellucid.playground.state import Refused

_NEAREST = 6


def drawn(shown: Shown, width: int, height: int, pixels: bytes) -> dict[str, Any]:
    """What the network says to a drawing, and the training images that are most like it."""
    if len(pixels) != width * height:
        raise Refused(f"The drawing must have {width} · {height} = {width * height:,} bytes, not {len(pixels):,}.")
    images = shown.images
    image = normalized(np.frombuffer(pixels, dtype=np.uint8).reshape(height, width), images.manner)
    message: dict[str, Any] = {"type": "digits.answer", "empty": image is None}
    if image is None:
        return message | {"probabilities": [0.1] * 10, "predicted": None, "hidden": [], "input": None, "nearest": []}
    row = image.reshape(1, -1)
    visits = walk_forward(shown.model, row)
    probabilities = softmax(visits[-1].output)[0]
    rows, distances = images.nearest(row[0], _NEAREST)
    x, y = images.train
    return message | {
        "probabilities": probabilities.tolist(),
        "predicted": int(probabilities.argmax()),
        "hidden": [visits[index].output[0].tolist() for index in shown.hidden],
        "input": as_base64(images.bytes(row[0])),
        "nearest": [
            {"label": int(y[place]), "distance": float(distance), "image": as_base64(images.bytes(x[place]))}
            for place, distance in zip(rows, distances, strict=True)
        ],
    }


def _room(session: Session) -> DigitsSession:
    """The session's room, made when it is first asked for."""
    if not session.rooms:
        session.rooms.append(DigitsSession())
    room = session.rooms[0]
    assert isinstance(room, DigitsSession)
    return room


async def answer(session: Session, message: Message, deliver: Callable[[bytes], None]) -> list[Any]:
    """Do what one of the tab's messages says."""
    room = await asyncio.wrap_future(session.call(lambda: _room(session)))
    name, fields = message.type.removeprefix("digits."), message.fields
    if name == "draw":
        shown, pixels = room.shown, fields["base64"]
        return [await asyncio.to_thread(drawn, shown, fields["width"], fields["height"], pixels)]
    if name == "frame":
        await asyncio.wrap_future(room.call(lambda: room.want_frame(deliver)))
        return []
    if name == "unit":
        return [await asyncio.wrap_future(room.call(lambda: room.unit(**fields)))]
    acts: dict[str, Callable[[], None]] = {
        "open": lambda: (
            room.open(fields["data"]) if room.trainer.epoch == 0 or fields["data"] != room.images.name else None
        ),
        "set": lambda: room.change(**fields),
        "run": room.run,
        "pause": room.pause,
        "reset": room.reset,
    }

    def act() -> dict[str, Any]:
        acts[name]()
        return room.state()

    return [await asyncio.wrap_future(room.call(act))]


def knows(network: Network) -> bool:
    """Whether a network is one for digits rather than for the plane."""
    return network.built and network.input_shape in ((64,), (784,)) and network.outputs == 10


def bring(session: Session, network: Network, name: str) -> None:
    """Show such a network in the second tab."""
    data = "digits" if network.input_shape == (64,) else "mnist"
    room = _room(session)
    room.call(lambda: room.open(data)).result()
    room.call(lambda: room.bring(network)).result()
    session.state = replace(session.state, tab="digits")
