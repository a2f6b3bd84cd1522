"""PROTOCOL.md says what the code does."""

from __future__ import annotations

import json
import re
from importlib import resources

from pellucid.playground.messages import MESSAGES
from pellucid.playground.screen import FrameSender
from pellucid.playground.session import Session
from pellucid.playground.state import CONTROLS, LIVE, PlaygroundState
from pellucid.playground.wire import unpack

TEXT = (resources.files("pellucid.playground") / "PROTOCOL.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_every_control_is_there_with_its_default() -> None:
    told: dict[str, str] = {}
    for line in section("The state").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for key in re.findall(r"`(\w+)`", cells[0]) if line.startswith("| `") else []:
            told[key] = cells[2].strip("`")
    assert set(told) == set(CONTROLS)
    for key, value in PlaygroundState().to_table().items():
        assert json.loads(told[key]) == value, key


def test_the_controls_that_change_while_training_goes_on_are_named() -> None:
    live = section("The state").split("Live (")[1].split("`seed` alone")[0]
    named = set(re.findall(r"`(\w+)`", live))
    for_the_page_alone = {"showTestData", "discretize", "hideText", "output", "tab", "hide"}
    assert named | for_the_page_alone == set(LIVE)


def test_every_message_is_there_with_its_fields() -> None:
    text = section("From the page") + section("The frame") + section("Digits")
    for name, fields in MESSAGES.items():
        assert f"`{name}`" in text or f'"type": "{name}"' in text, name
        for field in fields:
            assert f"`{field}`" in text or f'"{field}"' in text, (name, field)


def test_every_field_and_array_of_a_frame_is_there() -> None:
    session = Session("test")
    request = {name: field.default for name, field in MESSAGES["frame"].items()} | {"unit": {"layer": 1, "unit": 0}}
    header, arrays = unpack(session.call(lambda: FrameSender().frame(session, request)).result(600))
    session.end(wait=True)
    text = section("The frame")
    for name in [*header, *(re.sub(r"\.\d+", ".L", each) for each in arrays)]:
        assert f"`{name}`" in text, name
