"""Connection lost and regained, two tabs, keyboard, names, contrast, narrow screens, the page's size, its pictures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import pellucid.playground as package

STATIC = Path(package.__file__).parent / "static"
PROBES = Path(__file__).parent
SERIOUS = """axe.run(document).then(({ violations }) => violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, nodes }) => [id, ...nodes.slice(0, 4).map(({ html }) => html.slice(0, 140))]))"""


def probe(name):
    return (PROBES / f"{name}.js").read_text(encoding="utf-8")


def axe():
    for place in (os.environ.get("AXE_CORE"), "node_modules/axe-core/axe.min.js"):
        if place and Path(place).is_file():
            return Path(place).read_text(encoding="utf-8")
    return None


def test_a_lost_connection_comes_back_to_the_same_session(play):
    for _ in range(3):
        play.page.click("#step")
    play.wait("store.frame?.epoch === 3")
    weights = play.first_weights
    close = "connection.delay = 2 ** 30; connection.socket.close();"  # until its words have been seen
    play.page.evaluate(f"import('./state.js').then(({{ connection }}) => {{ {close} }})")
    play.page.wait_for_selector("#connection[data-status=lost]")
    play.see("#connection", "lost")
    play.store("connection.open()")
    play.page.wait_for_selector("#connection[data-status=open]")
    play.wait("store.frame && store.epoch === 3")
    assert play.first_weights == weights
    play.page.click("#step")
    play.wait("store.frame.epoch === 4")


def test_a_reload_keeps_the_session_and_a_new_link_does_not(play):
    play.page.click("#step")
    play.wait("store.epoch === 1")
    play.page.reload()
    play.ready()
    assert play.epoch == 1
    play.page.evaluate("location.hash = 'dataset=xor'")
    play.wait("store.state.dataset === 'xor' && store.epoch === 0")


def test_two_tabs_are_two_sessions(visit):
    first, second = visit(), visit()
    first.page.click("#step")
    first.wait("store.epoch === 1")
    second.page.click("#step")
    second.page.click("#step")
    second.wait("store.epoch === 2")
    assert first.epoch == 1


def test_a_server_that_is_gone_is_said(visit):
    from pellucid.playground.server import Server

    server = Server().start()
    play = visit(at=server.address)
    server.stop()
    play.page.wait_for_selector("#connection[data-status=lost]")
    assert play.page.is_visible("#map")
    play.troubles.clear()  # what Chromium itself says of the refused connection


@pytest.mark.parametrize("fragment", ["", "tab=digits"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_control_has_a_name_and_text_can_be_read(visit, fragment, scheme):
    play = visit(fragment, color_scheme=scheme)
    if fragment:
        play.see("#digits-facts", "images")
    for details in play.page.query_selector_all("details"):
        details.evaluate("node => { node.open = true; }")
    assert play.page.evaluate(probe("unnamed")) == []
    assert play.page.evaluate(probe("low_contrast")) == []


@pytest.mark.parametrize("fragment", ["", "dataset=shifted-sinusoids-three", "tab=digits"])
def test_axe_finds_nothing_serious(visit, fragment):
    source = axe()
    if source is None:
        pytest.skip("axe-core is not here: npm install axe-core, or name its file in AXE_CORE")
    play = visit(fragment)
    if fragment == "tab=digits":
        play.see("#digits-facts", "images")
    play.page.evaluate(source)
    assert play.page.evaluate(SERIOUS) == []


@pytest.mark.parametrize("fragment", ["", "dataset=shifted-sinusoids-three&networkShape=8,8,8,8", "tab=digits"])
def test_nothing_is_cut_off_at_phone_width(visit, fragment):
    play = visit(fragment, width=390, has_touch=True)
    assert play.page.evaluate("document.documentElement.scrollWidth") <= 390
    if not fragment:
        play.page.locator("#play").tap()
        play.wait("store.epoch > 2")
        play.page.locator("#units [data-layer='1'][data-unit='0']").tap()
        play.page.wait_for_selector("#edit-card:not([hidden])")
        play.page.keyboard.press("Escape")
        x, y, _ = play.store("[...store.data.arrays.train.values.slice(0, 3)]")
        play.press_map((x + 6) / 12, (y + 6) / 12)
        play.page.click("#walk-next")
        assert play.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_run_is_reached_and_worked_by_keyboard(play):
    play.page.keyboard.press("Tab")
    assert play.page.evaluate("document.activeElement.className") == "skip"
    network = play.store("store.generation")
    play.page.keyboard.press("Enter")
    assert play.page.evaluate("document.activeElement.id") == "play"
    play.page.keyboard.press("Control+Enter")
    play.wait("store.running")
    assert play.store("store.generation") == network  # the address is the state's: a jump changes nothing in it
    play.page.keyboard.press("Control+Enter")
    play.wait("!store.running")
    play.page.focus("#tab-plane")
    play.page.keyboard.press("ArrowRight")
    play.wait("store.state.tab === 'digits'")
    play.page.wait_for_selector("#digits:not([hidden])")


def test_the_state_is_told_in_words(play):
    play.page.click("#step")
    said = play.see("#summary", "Epoch 1, paused")
    for word in ("classification", "x₁ and x₂", "4 tanh units", "25 parameters", "strongest weight"):
        assert word in said
    play.see("#announcer", "Paused at epoch 1|^$")


def test_colours_are_switched_and_kept(play):
    seen = {play.page.evaluate("getComputedStyle(document.body).backgroundColor")}
    for _ in range(2):
        play.page.click("#theme")
        seen.add(play.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(seen) == 2
    play.page.reload()
    play.ready()
    assert play.page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_page_is_small_and_asks_for_nothing_inline():
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 300_000
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert " style=" not in html
    assert " onclick=" not in html
    assert "http" not in html


def test_frames_are_drawn_while_it_trains(visit):
    play = visit("speed=0")
    play.page.click("#play")
    play.wait("store.epoch > 200")
    play.changes("#map", lambda: None)
    assert play.store("store.running")
    play.page.click("#play")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pictures_for_the_documentation_are_taken(visit, width, scheme):
    play = visit("networkShape=4,3&stopAt=150&speed=0", width=width, color_scheme=scheme)
    play.page.click("#play")
    play.wait("store.epoch === 150 && !store.running && store.frame?.epoch === 150")
    play.see("#findings", "Nothing is wrong")
    assert len(play.keep_picture(f"{width}-{scheme}")) > 20_000
