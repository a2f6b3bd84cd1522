"""Messages: whatever the page sends is a message with its fields, or refused."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.playground import wire
from pellucid.playground.messages import MESSAGES, BadMessage, read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
GOOD = {
    "hello": {}, "set": {"changes": {"noise": 5}}, "open": {"fragment": ""}, "run": {}, "pause": {}, "step": {},
    "rewind": {}, "reset": {}, "reseed": {"seed": 7}, "regenerate": {}, "frame": {}, "clear": {}, "diagnose": {},
    "weight": {"layer": 0, "from": 1, "to": 2, "value": 0.5}, "bias": {"layer": 1, "unit": 0, "value": -1},
    "csv": {"text": "a,b\n"}, "columns": {}, "add": {"points": [[1, 2, 0]]}, "erase": {"x": 0, "y": 0, "radius": 1},
    "trace": {"point": [1, 2], "target": 1}, "code": {}, "export": {"format": "onnx"}, "bye": {},
    "load": {"base64": base64.b64encode(b"no model").decode()}, "digits.open": {}, "digits.set": {}, "digits.run": {},
    "digits.pause": {}, "digits.reset": {}, "digits.frame": {}, "digits.unit": {"layer": 1, "unit": 0},
    "digits.draw": {"width": 8, "height": 8, "base64": base64.b64encode(bytes(64)).decode()},
}  # fmt: skip


def test_every_message_of_the_protocol_is_read() -> None:
    assert set(GOOD) == set(MESSAGES)
    for name, fields in GOOD.items():
        message = read(json.dumps({"type": name, "id": 3, **fields}))
        assert (message.type, message.id) == (name, 3)
        assert set(message.fields) == set(MESSAGES[name])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "Messages are texts"),
        (b"{}", "Messages are texts"),
        ("", "not JSON"),
        ("{", "not JSON"),
        ('{"type": "run", "id": NaN}', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "must be a table"),
        ("{}", "no message 'None'"),
        ('{"type": ["run"]}', "no message"),
        ('{"type": "__class__"}', "no message '__class__'"),
        ('{"type": "run", "id": -1}', "id must be a whole number"),
        ('{"type": "run", "id": true}', "id must be a whole number"),
        ('{"type": "run", "more": 1}', "run has no field 'more'"),
        ('{"type": "weight"}', "weight lacks layer"),
        ('{"type": "step", "epochs": 0}', "epochs must be a whole number from 1 to 10000"),
        ('{"type": "step", "epochs": 1.5}', "epochs must be a whole number"),
        ('{"type": "step", "epochs": true}', "epochs must be a whole number"),
        ('{"type": "step", "epochs": ' + "9" * 10_000 + "}", "not JSON"),
        ('{"type": "erase", "x": 1e999, "y": 0, "radius": 1}', "x must be a number"),
        ('{"type": "add", "points": []}', "points must be a list of 1 to 1,000 values"),
        ('{"type": "add", "points": [[1, 2]]}', "points must be a list of 3 to 3 values"),
        ('{"type": "frame", "map_size": 4000}', "map_size must be a whole number from 4 to 40"),
        ('{"type": "frame", "unit": {"layer": 0}}', "unit must have a layer and a unit"),
        ('{"type": "load", "base64": "$$$"}', "not in base64"),
        ('{"type": "csv", "text": 5}', "text must be a text"),
        ('{"type": "export", "format": "' + "x" * 31 + '"}', "at most 30 characters"),
        ('{"type": "digits.draw", "width": 100000, "height": 8, "base64": ""}', "width must be a whole number from 8"),
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused_with_words(text, words) -> None:
    with pytest.raises(BadMessage, match=words) as refused:
        read(text)
    assert len(str(refused.value)) < 200


def test_a_refusal_knows_which_message_it_is_about() -> None:
    with pytest.raises(BadMessage) as refused:
        read('{"type": "step", "epochs": "many", "id": 12}')
    assert (refused.value.re, refused.value.code) == (12, "malformed")
    with pytest.raises(BadMessage) as refused:
        read('{"type": "fly", "id": 13}')
    assert (refused.value.re, refused.value.code) == (13, "unknown")


@given(st.text(max_size=200) | JSON.map(json.dumps) | st.dictionaries(
    st.sampled_from(["type", "id", "changes", "epochs", "value", "layer"]), JSON | st.sampled_from(list(MESSAGES))
).map(json.dumps))  # fmt: skip
def test_any_text_is_a_message_or_refused(text: str) -> None:
    try:
        message = read(text)
    except BadMessage:
        return
    assert message.type in MESSAGES


def test_a_binary_message_is_what_the_protocol_says_byte_by_byte() -> None:
    weight = np.array([[0.5, -2.0]], dtype=np.float32)
    maps = np.array([1, -1, 127], dtype=np.int8)
    message = wire.pack({"kind": "frame", "x": float("nan")}, {"maps": maps, "weight.0": weight})
    length = int.from_bytes(message[:4], "little")
    header = json.loads(message[4 : 4 + length])
    assert length % 4 == 0
    assert header["x"] is None
    assert header["arrays"] == {
        "maps": {"dtype": "i1", "shape": [3], "offset": 0},
        "weight.0": {"dtype": "f4", "shape": [1, 2], "offset": 4},
    }
    rest = message[4 + length :]
    assert rest == bytes([1, 255, 127, 0]) + np.array([0.5, -2.0], dtype="<f4").tobytes()
