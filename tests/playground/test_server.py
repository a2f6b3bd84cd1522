"""The server on loopback: a page's conversation, and each attack that it must withstand."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
import websockets

from pellucid.playground import app as application
from pellucid.playground.messages import MESSAGES
from pellucid.playground.server import Server
from pellucid.playground.sessions import Registry, TooMany
from pellucid.playground.wire import unpack


@pytest.fixture(scope="module")
def server():
    with Server() as server:
        yield server


class Talk:
    """One websocket, as a page has it."""

    def __init__(self, socket) -> None:
        self.socket = socket

    async def send(self, kind: str, **fields) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def receive(self):
        data = await asyncio.wait_for(self.socket.recv(), 600)
        return unpack(data) if isinstance(data, bytes) else json.loads(data)

    async def ask(self, kind: str, **fields):
        """The next answer that is a table: binary messages between are passed over."""
        await self.send(kind, **fields)
        while True:
            answer = await self.receive()
            if isinstance(answer, dict):
                return answer

    async def frame(self, **fields):
        await self.send("frame", **fields)
        while True:
            answer = await self.receive()
            if isinstance(answer, tuple) and answer[0]["kind"] == "frame":
                return answer


@contextlib.asynccontextmanager
async def page(server, *, hello: bool = True, session=None, fragment: str = "", **headers):
    origin = headers.pop("origin", f"http://127.0.0.1:{server.port}")
    address = headers.pop("address", server.address)
    url = f"{address.replace('http', 'ws', 1)}ws"
    async with websockets.connect(url, origin=origin, max_size=None, additional_headers=headers or None) as socket:
        talk = Talk(socket)
        if hello:
            talk.welcome = await talk.ask("hello", session=session, fragment=fragment)
            talk.data = await talk.receive()
        yield talk


def run(coroutine):
    """In a thread of its own: in this one the tests in a browser may have left an event loop running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


# -- a page ----------------------------------------------------------------------------------------------------------


def test_a_page_says_hello_and_gets_controls_catalogue_and_points(server) -> None:
    async def talk() -> None:
        async with page(server, fragment="#dataset=spiral&noise=abc") as talk:
            welcome = talk.welcome
            assert welcome["type"] == "welcome"
            assert not welcome["resumed"]
            assert welcome["state"]["dataset"] == "spiral"
            assert [problem["key"] for problem in welcome["problems"]] == ["noise"]
            names = [entry["name"] for entry in welcome["catalogue"]["datasets"]]
            assert {"circle", "xor", "gauss", "spiral", "reg-plane", "reg-gauss", "crescent-moons"} <= set(names)
            assert len(names) == 14
            assert len(welcome["catalogue"]["optimizers"]) == 12
            header, arrays = talk.data
            assert (header["kind"], header["name"]) == ("data", "spiral")
            assert arrays["train"].shape == (250, 3)

    run(talk())


def test_it_trains_and_shows_frames_until_paused(server) -> None:
    async def talk() -> None:
        async with page(server) as talk:
            await talk.ask("set", changes={"speed": 0})
            await talk.ask("run", id=5)
            epochs, since = [], -1
            for _ in range(5):
                header, arrays = await talk.frame(since=since)
                epochs.append(header["epoch"])
                assert (arrays["curve"][:, 0] > since).all()
                since = int(arrays["curve"][-1, 0])
            assert epochs == sorted(epochs)
            assert epochs[-1] > epochs[0]
            state = await talk.ask("pause", id=6)
            assert (state["running"], state["re"]) == (False, 6)
            first, second = await talk.frame(), (await talk.ask("pause"))["epoch"]
            assert first[0]["epoch"] == second

    run(talk())


def test_a_lost_connection_finds_its_session_again_and_two_tabs_have_two(server) -> None:
    async def talk() -> None:
        async with page(server) as first:
            name = first.welcome["session"]
            await first.ask("step", epochs=7)
            async with page(server, session=name) as second:  # a tab that was duplicated
                assert second.welcome["session"] != name
                assert second.welcome["epoch"] == 0
        resumed = False
        while not resumed:  # the server may not have noticed yet that the connection is gone
            async with page(server, session=name, fragment="dataset=xor") as again:
                resumed = again.welcome["resumed"]
        assert (again.welcome["epoch"], again.welcome["state"]["dataset"]) == (7, "circle")

    run(talk())


def test_bye_ends_the_session(server) -> None:
    async def talk() -> None:
        async with page(server) as talk:
            name = talk.welcome["session"]
            await talk.send("bye")
            with pytest.raises(websockets.ConnectionClosed):
                await talk.receive()
        async with page(server, session=name) as talk:
            assert not talk.welcome["resumed"]

    run(talk())


def test_a_session_that_nobody_looks_at_ends_with_its_thread_and_its_memory() -> None:
    async def talk(server: Server) -> None:
        async with page(server) as talk:
            await talk.ask("set", changes={"speed": 0})
            await talk.ask("run")
            name = talk.welcome["session"]
            assert f"pellucid-playground-{name[:6]}" in {thread.name for thread in threading.enumerate()}
        end = time.monotonic() + 600
        while any(thread.name == f"pellucid-playground-{name[:6]}" for thread in threading.enumerate()):
            assert time.monotonic() < end, "the session's thread is still there"
            await asyncio.sleep(0.05)

    with Server(seconds=0.5) as server:
        run(talk(server))


def test_digits_are_trained_and_a_drawing_answered_while_they_are(server) -> None:
    import base64

    async def talk() -> None:
        async with page(server) as talk:
            state = await talk.ask("digits.open", data="digits")
            assert (state["image"], state["classes"][9], state["epoch"]) == ([8, 8], "9", 0)
            assert (await talk.ask("digits.run"))["running"]
            drawing = np.zeros((50, 40), dtype=np.uint8)
            drawing[5:45, 18:23] = 255
            answer = await talk.ask("digits.draw", width=40, height=50, base64=base64.b64encode(drawing).decode())
            assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-5)
            assert [len(values) for values in answer["hidden"]] == [64]
            await talk.send("digits.frame")
            header, arrays = await talk.receive()
            assert header["kind"] == "digits"
            assert arrays["curve"].shape[1] == 5
            assert not (await talk.ask("digits.pause"))["running"]
            assert (await talk.ask("digits.set", hidden=[5], activation="tahn"))["code"] == "refused"
            assert (await talk.ask("digits.set", hidden=[5]))["hidden"] == [5]
            unit = await talk.ask("digits.unit", layer=1, unit=2)
            assert len(base64.b64decode(unit["excites"])) == 64
            assert (await talk.ask("digits.unit", layer=2, unit=0))["code"] == "refused"

    run(talk())


# -- attacks ---------------------------------------------------------------------------------------------------------


def test_a_wrong_token_finds_nothing(server) -> None:
    base = f"http://127.0.0.1:{server.port}"
    for path in ("/", "/index.html", "/x/", f"/{server.token[:-1]}/", f"/{server.token}x/index.html", "/%00/"):
        answer = httpx.get(base + path)
        assert answer.status_code == 404, path
        assert server.token not in answer.text

    async def talk() -> None:
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with page(server, address=f"{base}/{'x' * 24}/"):
                pass
        assert refused.value.response.status_code == 403

    run(talk())
    assert len(server.token) >= 24
    assert application.new_token() != application.new_token()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1", "localhost", "[::1]", "", "192.168.1.7"]
)
def test_a_host_that_was_rebound_to_this_machine_is_turned_away(server, host) -> None:
    answer = httpx.get(server.address, headers={"Host": host})
    assert answer.status_code in (400, 421)
    answer = httpx.get(server.address, headers={"Host": f"{host}:1"})
    assert answer.status_code in (400, 421)
    assert "playground" not in answer.text.lower()


def test_a_websocket_of_a_rebound_host_is_turned_away(server) -> None:
    async def talk() -> None:
        with pytest.raises((websockets.InvalidStatus, websockets.InvalidMessage)):
            async with page(server, origin="http://evil.example", Host="evil.example"):
                pass

    run(talk())


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "https://127.0.0.1", "http://127.0.0.1:1"])
def test_a_websocket_from_another_page_is_turned_away(server, origin) -> None:
    async def talk() -> None:
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with page(server, origin=origin):
                pass
        assert refused.value.response.status_code == 403

    run(talk())


def test_a_request_from_another_page_is_turned_away(server) -> None:
    assert httpx.get(server.address, headers={"Origin": "http://evil.example"}).status_code == 403
    assert httpx.get(server.address, headers={"Origin": f"http://127.0.0.1:{server.port}"}).status_code == 200
    assert httpx.post(server.address, content="x").status_code == 405


@pytest.mark.parametrize(
    "path",
    ["../session.py", "..%2fsession.py", "%2e%2e/session.py", "....//session.py", "/etc/passwd", "%2fetc%2fpasswd",
     "static/../../app.py", "index.html%00.js", "..\\session.py", "C:/windows/win.ini", "PROTOCOL.md", "a" * 5000],
)  # fmt: skip
def test_no_path_leads_out_of_the_page(server, path) -> None:
    import http.client
    from urllib.parse import urlsplit

    where = urlsplit(server.address)
    connection = http.client.HTTPConnection(where.hostname, where.port)  # it leaves the path as it is
    connection.request("GET", where.path + path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status in (400, 404, 414)
    assert b"import" not in body
    assert b"root:" not in body


def test_every_answer_forbids_what_the_page_does_not_need(server) -> None:
    for path in ("", "main.js", "nothing.js"):
        headers = httpx.get(server.address + path).headers
        policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["connect-src"] == f"'self' ws://127.0.0.1:{server.port}"
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"  # the token is in the address
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers


def test_only_notebooks_on_this_machine_may_frame_it() -> None:
    with Server(framed=True) as framed:
        policy = httpx.get(framed.address).headers["content-security-policy"]
        assert "frame-ancestors http://localhost:* http://127.0.0.1:*" in policy


def test_nothing_in_the_page_is_inline_or_from_elsewhere() -> None:
    import re

    for name, item in application.static_files().items():
        text = item.read_text(encoding="utf-8")
        if name.endswith(".html"):
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:", text), name
        assert not re.search(r"""(src|href|from|import|fetch\(|url\()\s*=?\s*["'(]?https?://""", text), name
        assert not re.search(r"\beval\(|new Function\(", text), name
    assert sum(len(item.read_bytes()) for item in application.static_files().values()) <= 300_000


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_serves_its_own_names_alone(host) -> None:
    allowed = application.allow_hosts(host, 8000)
    assert all(allowed(f"{name}:8000") for name in ("127.0.0.1", "localhost", "[::1]"))
    assert not any(allowed(name) for name in ("127.0.0.1:8001", "10.0.0.1:8000", "evil.example:8000", "evil:8000", ""))


def test_listening_for_others_is_said_and_names_that_can_be_rebound_stay_shut() -> None:
    with pytest.warns(UserWarning, match="everybody who can reach this machine"):
        server = Server("0.0.0.0")
    server.start().stop()
    allowed = application.allow_hosts("0.0.0.0", 8000)
    assert allowed("192.168.1.7:8000")
    assert not allowed("evil.example:8000")
    assert not allowed("192.168.1.7:1")


def test_a_message_that_is_too_large_closes_the_connection_and_not_the_session(server) -> None:
    async def talk() -> None:
        async with page(server) as talk:
            name = talk.welcome["session"]
            await talk.ask("step", epochs=2)
            with contextlib.suppress(websockets.ConnectionClosed):
                await talk.send("csv", text="1,2,3\n" * 4_000_000)
            await talk.socket.wait_closed()
            assert talk.socket.close_code == 1009
        async with page(server, session=name) as again:
            assert (again.welcome["resumed"], again.welcome["epoch"]) == (True, 2)

    run(talk())


def test_there_are_only_so_many_sessions() -> None:
    registry = Registry(most=2)
    try:
        first, _ = registry.connect(None, "a")
        registry.connect(None, "b")
        with pytest.raises(TooMany, match="2 pages are open already"):
            registry.connect(None, "c")
        registry.disconnect("a")
        third, resumed = registry.connect(None, "c")  # the one that was left makes room
        assert not resumed
        assert third is not first
        assert len(registry) == 2
    finally:
        registry.close()
    assert not first.alive
    assert not third.alive


def test_a_session_waits_as_long_as_it_should_and_no_longer() -> None:
    now = [0.0]
    registry = Registry(seconds=40, clock=lambda: now[0])
    try:
        session, _ = registry.connect(None, "a")
        now[0] = 1000.0
        registry.sweep()
        assert len(registry) == 1  # somebody is looking
        registry.disconnect("a")
        now[0] = 1039.0
        registry.sweep()
        assert registry.connect(session.name, "b") == (session, True)
        registry.disconnect("b")
        now[0] = 1079.0
        registry.sweep()
        assert len(registry) == 0
    finally:
        registry.close()
    assert Registry().seconds + application._SWEEP_SECONDS < 60


def malformed(count: int) -> list[str]:
    """Broken, wrong, absurd and hostile messages."""
    dice = random.Random(0)
    values = [None, True, -1, 0, 10**30, 1e308, -1e-308, "", "x" * 50, "\x00", "__proto__",
              [], {}, [[]], [[1, 2, 3]] * 5,
              {"layer": 0, "unit": 0}, ["a", "b"], "../../etc/passwd", "<script>", "NaN", "🦆"]  # fmt: skip
    kinds = [kind for kind in MESSAGES if kind not in ("bye", "run", "step", "digits.open", "digits.run")] + [
        "",
        "?",
        5,
    ]
    texts = []
    for _ in range(count):
        message = {"type": dice.choice(kinds)}
        names = [*MESSAGES.get(str(message["type"]), {}), "id", "more"]
        for name in dice.sample(names, dice.randint(1, len(names))):
            message[name] = dice.choice(values)
        text = json.dumps(message)
        if dice.random() < 0.3:
            at = dice.randrange(len(text))
            text = text[:at] + dice.choice(['"', "}", "[", "\\u0000", "9" * 40, ""]) + text[at + dice.randint(0, 3) :]
        texts.append(text)
    return texts


def test_ten_thousand_malformed_messages_neither_crash_nor_leak(server) -> None:
    async def talk() -> None:
        async with page(server) as talk:
            errors, sizes, texts = 0, [], malformed(10_000)
            for batch in range(10):
                for number, text in enumerate(texts[batch * 1000 : (batch + 1) * 1000]):
                    await talk.socket.send(text)
                    if number % 50 == 49:
                        await talk.send("pause", id=number)
                        while True:
                            answer = await talk.receive()
                            if isinstance(answer, dict) and answer["type"] == "state" and answer["re"] == number:
                                break
                            errors += isinstance(answer, dict) and answer["type"] == "error"
                            assert "fault in Pellucid" not in str(answer)
                if batch >= 4:
                    gc.collect()
                    sizes.append(len(gc.get_objects()))
            assert errors > 9000
            assert sizes[-1] - sizes[0] < 3000  # objects, after 5,000 more messages
            await talk.ask("set", changes={"dataset": "circle"})
            assert (await talk.ask("step", epochs=1))["epoch"] == 1  # and it works as before

    run(talk())


def test_a_binary_message_of_the_page_is_refused(server) -> None:
    async def talk() -> None:
        async with page(server) as talk:
            await talk.socket.send(b"\x00\x01")
            assert (await talk.receive())["code"] == "malformed"

    run(talk())


def test_nothing_is_done_before_hello_and_nothing_twice(server) -> None:
    async def talk() -> None:
        async with page(server, hello=False) as talk:
            assert (await talk.ask("run"))["message"] == "Say hello first."
            assert (await talk.ask("frame"))["code"] == "malformed"
            assert (await talk.ask("hello"))["type"] == "welcome"
            await talk.receive()
            assert (await talk.ask("hello"))["message"] == "There is a session already."

    run(talk())
