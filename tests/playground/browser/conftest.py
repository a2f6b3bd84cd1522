"""A real Chromium on the playground's page. Where there is none, these tests are skipped, and say so.

Debian's is used (`apt-get install chromium`), driven by Playwright; nothing but this machine is asked for anything.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WAIT = 300_000  # milliseconds until a condition is given up; no test waits for time alone
DRAWN = "new Promise(done => { requestAnimationFrame(done); setTimeout(done, 500); })"  # a hidden page has no frames


class Playground:
    """The page as a test uses it: words for what a person does and sees."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.troubles: list[str] = []
        host = urlsplit(address).netloc
        page.set_default_timeout(WAIT)
        self._listeners = {
            "pageerror": lambda error: self.troubles.append(f"error: {error}"),
            "console": self._check_line,
            "request": lambda asked: self._check_request(asked.url, host),
        }
        for event, listener in self._listeners.items():
            page.on(event, listener)

    def _check_line(self, line: Any) -> None:
        if line.type == "error":
            self.troubles.append(f"the console says: {line.text}")

    def _check_request(self, url: str, host: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("blob", "data") and parts.netloc != host:
            self.troubles.append(f"a request to elsewhere: {url}")

    def open(self, fragment: str = "") -> Playground:
        self.page.goto("about:blank")
        self.page.goto(self.address + (f"#{fragment}" if fragment else ""))
        return self.ready()

    def leave(self) -> None:
        """End the session, and leave nothing behind for the next visit."""
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)
        self.page.evaluate("""import("./state.js").then(({ connection }) => {
            connection.open = () => {};  // it would come back with a session of its own
            connection.send("bye");
            for (const storage of [sessionStorage, localStorage]) storage.clear();
        })""")
        self.page.mouse.move(0, 0)

    def ready(self) -> Playground:
        self.page.wait_for_selector("#connection[data-status=open]", state="attached")
        self.wait("store.frame !== null || store.state?.tab === 'digits'")
        return self

    def store(self, expression: str) -> Any:
        """A value of the page's own store, by a JavaScript expression."""
        return self.page.evaluate(f"import('./state.js').then(({{store, connection}}) => ({expression}))")

    def wait(self, expression: str) -> None:
        """Until an expression of the store holds."""
        end = time.monotonic() + WAIT / 1000
        while not self.store(f"Boolean({expression})"):
            assert time.monotonic() < end, f"waited in vain for {expression}"
            time.sleep(0.03)
        self.page.evaluate(DRAWN)  # what the store holds can be seen now

    def see(self, selector: str, pattern: str) -> str:
        """Wait for a text to match; answer it."""
        end = time.monotonic() + WAIT / 1000
        while True:
            text = str(self.page.text_content(selector) or "")
            if re.search(pattern, text):
                self.page.evaluate(DRAWN)
                return text
            assert time.monotonic() < end, f"{selector} says {text!r}, not {pattern!r}"
            time.sleep(0.03)

    def ask(self, words: str, value: Any) -> None:
        """Do something with the page's own state.js and a value, as `value => …`."""
        self.page.evaluate(f"value => import('./state.js').then(({{ openAddress, set }}) => {words})", value)

    @property
    def first_weights(self) -> list[float]:
        """The weights behind the inputs, row by row."""
        return list(self.store("[...store.frame.arrays['weight.0'].values]"))

    @property
    def fragment(self) -> str:
        return str(self.page.evaluate("location.hash.slice(1)"))

    @property
    def epoch(self) -> int:
        return int(str(self.page.text_content("#epoch")).replace(",", ""))

    def picture(self, selector: str) -> str:
        """What is drawn on a canvas, to be compared."""
        return str(self.page.evaluate("s => document.querySelector(s).toDataURL()", selector))

    def changes(self, selector: str, action: Callable[[], Any]) -> None:
        """An action changes what a canvas shows."""
        self.page.evaluate(DRAWN)  # whatever was to be drawn before it
        before = self.picture(selector)
        action()
        end = time.monotonic() + WAIT / 1000
        while self.picture(selector) == before:
            assert time.monotonic() < end, f"{selector} still shows the same"
            time.sleep(0.05)

    def slide(self, key: str, steps: int) -> None:
        """Move a slider by the keyboard."""
        slider = self.page.locator(f"#control-{key}")
        for _ in range(abs(steps)):
            slider.press("ArrowRight" if steps > 0 else "ArrowLeft")

    def fill(self, selector: str, value: str) -> None:
        self.page.fill(selector, value)
        self.page.press(selector, "Enter")

    def keep_picture(self, name: str) -> bytes:
        """A picture of the whole page; where PLAYGROUND_PICTURES names a folder, the documentation's are kept there."""
        for dismiss in self.page.query_selector_all("#notices button"):
            dismiss.click()
        folder = os.environ.get("PLAYGROUND_PICTURES")
        path = Path(folder) / f"playground-{name}.png" if folder else None
        return bytes(self.page.screenshot(path=path, full_page=True))

    def press_map(self, across: float, up: float) -> None:
        """Click into the map, at a share of its width from the left and of its height from the bottom."""
        box = self.page.locator("#points").bounding_box()
        self.page.locator("#points").click(position={"x": across * box["width"], "y": (1 - up) * box["height"]})

    def use(self, selector: str) -> None:
        """Open a part that is folded away."""
        if not self.page.evaluate("s => document.querySelector(s).open", selector):
            self.page.click(f"{selector} > summary")


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A playground as the command line starts it."""
    pytest.importorskip("starlette", reason="the playground's extra is not installed")
    pytest.importorskip("uvicorn", reason="the playground's extra is not installed")
    command = [sys.executable, "-m", "pellucid", "playground", "--no-browser", "--port", "0"]
    log = (tmp_path_factory.mktemp("playground") / "log").open("w+")
    with subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process:
        try:
            yield _address(process, Path(log.name))
        finally:
            process.terminate()
            process.wait(timeout=600)
            log.close()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + 600
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r"http://\S+", log.read_text())
        if found:
            return found.group()
        time.sleep(0.05)
    raise AssertionError(f"The playground does not start: {log.read_text()}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def window(browser: Any) -> Iterator[Any]:
    """A window that most visits share, one after the other: to open a new one takes longer than many a test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.fixture
def visit(browser: Any, window: Any, address: str) -> Iterator[Callable[..., Playground]]:
    """Open the page: `visit("dataset=xor", width=390)`. At the end no page may have complained."""
    opened: list[Playground] = []

    def visit(fragment: str = "", *, width: int = 1440, at: str | None = None, **options: Any) -> Playground:
        page = window
        if opened or options or width != 1440:
            size = {"width": width, "height": 900}
            page = browser.new_context(viewport=size, reduced_motion="reduce", **options).new_page()
        playground = Playground(page, at or address)
        opened.append(playground)
        return playground.open(fragment)

    yield visit
    troubles = [trouble for playground in opened for trouble in playground.troubles]
    for playground in opened:
        playground.leave()
        if playground.page is not window:
            playground.page.context.close()
    assert troubles == []


@pytest.fixture
def play(visit: Callable[..., Playground]) -> Playground:
    """The page at its defaults."""
    return visit()
