"""The playground beside the TensorFlow Playground's pace: one epoch per animation frame, at most 60 a second."""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import threading
import time
from collections.abc import Iterator
from typing import Any

from websockets.asyncio.client import connect

from pellucid.playground.app import static_files
from pellucid.playground.server import Server
from pellucid.playground.wire import unpack

_THEIR_PACE = 60.0  # epochs a second
_SECONDS = 5.0
_RESETS = 1000


class _Page:
    """A page without a picture: it asks for the next frame when it has one, at most 60 times a second."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    async def tell(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def receive(self, kind: str) -> Any:
        """The next message of a kind; a header for a binary one."""
        while True:
            data = await self.socket.recv()
            message = unpack(data)[0] if isinstance(data, bytes) else json.loads(data)
            if message.get("type", message.get("kind")) == kind:
                return message


def rows(quick: bool = False) -> Iterator[tuple[str, str, str, str]]:
    """What, measured, beside what, wanted."""
    seconds, resets = (0.5, 20) if quick else (_SECONDS, _RESETS)
    with Server() as server:
        yield from asyncio.run(_measured(server, seconds, resets))
    size = sum(len(item.read_bytes()) for item in static_files().values())
    yield "bytes of the page, nothing compressed", f"{size / 1000:.0f} KB", "", "≤ 300 KB"


async def _measured(server: Server, seconds: float, resets: int) -> list[tuple[str, str, str, str]]:
    origin = f"http://127.0.0.1:{server.port}"
    address = server.address.replace("http", "ws", 1) + "ws"
    table = []
    async with connect(address, origin=origin, max_size=None) as socket:
        page = _Page(socket)
        began = time.perf_counter()
        await page.tell("hello")
        await page.receive("welcome")
        await page.tell("frame")
        await page.receive("frame")
        opened = time.perf_counter() - began
        firsts = [await _first_frame(page) for _ in range(5)]
        table.append(
            (
                "from a click on run to the frame of its first epoch",
                f"{statistics.median(firsts) * 1e3:.1f} ms",
                f"from the open socket to the first picture {opened * 1e3:.0f} ms",
                "",
            )
        )
        speed, frames, waits = await _full_speed(page, seconds)
        table.append(
            (
                "epochs a second at full speed, default network and data, 60 frames a second asked for",
                f"{speed:,.0f}",
                f"the TensorFlow Playground {_THEIR_PACE:.0f} at most: {speed / _THEIR_PACE:.0f} ×",
                "50 ×",
            )
        )
        table.append(
            (
                "frames a second that came, and the wait for one",
                f"{frames:.0f}, {statistics.median(waits) * 1e3:.1f} ms",
                f"the slowest of a hundred {_percentile(waits, 0.99) * 1e3:.1f} ms",
                "60",
            )
        )
        before, threads = _memory(), threading.active_count()
        for _ in range(resets):
            await page.tell("reset")
            await page.receive("state")
            await page.tell("step")
            await page.receive("state")
        grown = _memory() - before
        more = threading.active_count() - threads
        table.append((f"memory after {resets:,} resets", f"{grown / 1e6:+.1f} MB", f"{more:+d} threads", ""))
        await page.tell("bye")
    return table


async def _first_frame(page: _Page) -> float:
    """Seconds from `run` to a frame with an epoch."""
    await page.tell("rewind")
    await page.receive("state")
    await page.tell("frame")
    await page.receive("frame")
    began = time.perf_counter()
    await page.tell("run")
    while True:
        await page.tell("frame")
        if (await page.receive("frame"))["epoch"]:
            return time.perf_counter() - began


async def _full_speed(page: _Page, seconds: float) -> tuple[float, float, list[float]]:
    """Epochs a second, frames a second, and the seconds that each frame was waited for."""
    await page.tell("set", changes={"speed": 0})
    await page.tell("rewind")
    await page.tell("run")
    await page.tell("frame")
    first = await page.receive("frame")
    began, waits, last = time.perf_counter(), [], first
    due = began
    while time.perf_counter() - began < seconds:
        due = max(due + 1 / 60, time.perf_counter())  # as a screen's pictures come
        await page.tell("frame", since=last["epoch"])
        asked = time.perf_counter()
        last = await page.receive("frame")
        waits.append(time.perf_counter() - asked)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
    passed = time.perf_counter() - began
    await page.tell("pause")
    return (last["epoch"] - first["epoch"]) / passed, len(waits) / passed, waits


def _percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def _memory() -> float:
    """The process' resident bytes now; where the system does not tell, the most there ever were."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * 1024
