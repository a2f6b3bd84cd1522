"""The binding called with records of somebody's own making: it refuses them or does what they say; it never crashes."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from support.native_tasks import make_task

_native = pytest.importorskip("pellucid._native")
from pellucid.engines import machines  # noqa: E402
from pellucid.engines.native import NativeEngine  # noqa: E402

REFUSALS = (TypeError, ValueError, BufferError, OverflowError, MemoryError)
PROGRAMS: dict[str, list[pl.Layer]] = {
    "dense": [pl.Standardize(), pl.Dense(5), pl.ReLU(), pl.Dropout(0.2), pl.Dense(3)],
    "scheduled": [pl.Dense(5), pl.Dropout(pl.Cosine(0.5, steps=50)), pl.Dense(3)],
    "statistics": [pl.Dense(5), pl.BatchNormalization(), pl.RobustScale(), pl.LayerNormalization(), pl.Dense(3)],
    "shapes": [pl.PeriodicEmbedding(2, 3), pl.Maxout(5, 2), pl.PReLU(), pl.Scale(), pl.Dense(3), pl.Softmax()],
    "codes": [pl.Embedding((3, 4), 2), pl.GaussianNoise(0.1), pl.Dense(3)],
}
ROWS, WIDTH, NUMBERS = 12, 6, [0, 1, -1, 2, 3, 2**31, 2**32, 2**40, 2**62, 2**63 - 1, -(2**63), 2**64]
ODD = [
    *[None, "", "relu", "dense", "dense\0", "\0", b"bytes", (), [], {}, object(), True, np.float32(1), 1j],
    *[0.5, -1.0, np.nan, np.inf, -np.inf, 1e300, *NUMBERS],
]


class Recorder:
    """Stands for a machine of the core, and keeps what it is called with."""

    def train(self, **arguments: Any) -> Any:
        raise Recorded(arguments)


class Recorded(Exception):
    """The arguments of a call."""


def records(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What the engine tells the core for a network and its training: records that are all right."""
    data = {"rows": ROWS, "batch": 5, "optimizer": pl.Adam(), "sample_weight": np.linspace(0.5, 1.5, ROWS)}
    task, start = make_task(layers=PROGRAMS[name], width=WIDTH, classes=3, **data)
    task.x[:, -2:] = np.arange(2 * ROWS).reshape(ROWS, 2) % 3  # codes
    with monkeypatch.context() as patched:
        patched.setattr(machines, "_native", SimpleNamespace(Machine32=lambda *arguments: arguments))
        made = machines.make_machine(task.program, np.dtype(np.float32), start.statistics)
    engine = NativeEngine(2)
    monkeypatch.setattr(engine, "_machine_for", lambda *arguments: Recorder())
    with pytest.raises(Recorded) as caught:
        engine.train(task, start, start, 2)
    return made, caught.value.args[0]


def one_of(things: list[Any], draw: Any) -> Any:
    return things[draw(st.integers(0, len(things) - 1))]


def array_like(array: Any, draw: Any) -> Any:
    """Something like an array, and not quite it."""
    if not array.size or array.dtype == object:
        return np.zeros(draw(st.integers(0, 2)))
    wide, fixed, spoilt = np.repeat(array, 2, axis=0), array.copy(), array.astype(np.float64)
    fixed.flags.writeable = False
    spoilt.reshape(-1)[draw(st.integers(0, array.size - 1))] = one_of([np.nan, np.inf, -1.0, 1e300, 2.0**40], draw)
    forms = [array[:-1], wide, wide[::2], array[::-1], fixed, spoilt, array[None], array.reshape(-1), array[:0]]
    forms += [np.broadcast_to(array[:1], array.shape), memoryview(array), array.tolist(), array.tobytes(), array[0]]
    with np.errstate(all="ignore"):  # of numbers that the type does not hold
        forms += [
            spoilt.astype(array.dtype),
            *(array.astype(code) for code in ("f4", "f8", "i8", "u1", "f2", "O", ">f8")),
        ]
    return one_of(forms, draw)


def odd(value: Any, draw: Any, arrays: list[Any]) -> Any:
    """Another value in the place of one that was all right: odd somewhere within, or altogether."""
    if isinstance(value, np.ndarray):
        return one_of([array_like(value, draw), one_of(arrays, draw), one_of(ODD, draw)], draw)
    if isinstance(value, tuple | list) and value and draw(st.integers(0, 4)):
        place, kind = draw(st.integers(0, len(value) - 1)), type(value)
        parts = list(value)
        changed = one_of(["within", "within", "within", "without", "twice", "swapped"], draw)
        if changed == "within":
            parts[place] = odd(parts[place], draw, arrays)
        elif changed == "without":
            del parts[place]
        elif changed == "twice":
            parts.insert(place, parts[place])
        else:
            parts[place], parts[0] = parts[0], parts[place]
        return kind(parts)
    if isinstance(value, int | float) and draw(st.booleans()):
        return one_of([value + 1, value - 1, -value, 2 * value, float(value)], draw)
    return one_of(ODD, draw)


def copied(value: Any) -> Any:
    """The same records, on memory of their own."""
    if isinstance(value, np.ndarray):
        return value.copy()
    return type(value)(copied(part) for part in value) if isinstance(value, tuple | list) else value


def arrays_in(value: Any) -> list[Any]:
    if isinstance(value, np.ndarray):
        return [value]
    return [each for part in value for each in arrays_in(part)] if isinstance(value, tuple | list) else []


def scores(machine: Any, training: dict[str, Any]) -> bytes:
    out = np.zeros(ROWS * 3, np.float32)
    machine.scores(training["state"][0], training["state"][-1], training["x"], out, 2)
    return out.tobytes()


LIMITS, AVERAGE = "clip_value, clip_norm and max_norm must be finite", "average must be at least 0 and below 1, or -1"
SHARED = "must not share memory"
BAD: dict[str, tuple[Any, str]] = {
    "a weight below 0": (lambda t: {"sample_weight": np.full(ROWS, -1.0)}, "sample_weight must hold finite numbers"),
    "a weight that is NaN": (lambda t: {"sample_weight": np.full(ROWS, np.nan)}, "sample_weight must hold finite"),
    "a rate that is NaN": (lambda t: {"rates": np.array([np.nan])}, "rates and decays must be finite"),
    "a decay that is infinite": (lambda t: {"decays": np.array([np.inf])}, "rates and decays must be finite"),
    "rates for one step of six": (lambda t: {"rates": np.ones(5)}, "rates must be a contiguous vector of 6"),
    "a clip that is NaN": (lambda t: {"around": (np.nan, 0.0, 0.0, -1.0)}, LIMITS),
    "a clip below 0": (lambda t: {"around": (0.0, -1.0, 0.0, -1.0)}, LIMITS),
    "an average of 1": (lambda t: {"around": (0.0, 0.0, 0.0, 1.0)}, AVERAGE),
    "an average that is NaN": (lambda t: {"around": (0.0, 0.0, 0.0, np.nan)}, AVERAGE),
    "factors below 0": (lambda t: {"rate_factors": -np.ones_like(t["state"][0])}, "rate_factors must be finite"),
    "an optimizer of NaN": (lambda t: {"optimizer": ("adam", [np.nan] * 3)}, "the numbers of a part must be finite"),
    "a name that ends twice": (lambda t: {"loss": ("hinge\0", [1.0])}, "has no loss hinge"),
    "a batch too far": (lambda t: {"moment": (0, 4, 0, 0.0, 0.0, 0.0)}, "batch at most the number of batches"),
    "out is state": (lambda t: {"out": t["state"]}, SHARED),
    "out is safe": (lambda t: {"out": t["safe"]}, SHARED),
    "two of out": (lambda t: {"out": [t["out"][0], *t["out"][:2], t["out"][-1]]}, SHARED),
    "records in the weights": (lambda t: {"records": t["sample_weight"][:8]}, SHARED),
}


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_each_refusal_says_why(changes: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made, training = records("dense", monkeypatch)
    machine = _native.Machine32(*made)
    kept = [array.copy() for array in arrays_in(list(training.values()))]
    with pytest.raises(ValueError, match=message):
        machine.train(**{**training, **changes(training)})
    for array, before in zip(arrays_in(list(training.values())), kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_scores_into_what_they_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    made, training = records("dense", monkeypatch)
    machine = _native.Machine32(*made)
    both = np.zeros(ROWS * (WIDTH + 3), np.float32)
    x, out = both[: ROWS * WIDTH].reshape(ROWS, WIDTH), both[ROWS * WIDTH :]
    machine.scores(training["state"][0], training["state"][-1], x, out, 1)  # beside each other is well
    with pytest.raises(ValueError, match=SHARED):
        machine.scores(training["state"][0], training["state"][-1], x[::-1], both[: ROWS * 3], 1)
    gradient = training["state"][0]
    parts = (training["loss"], None, training["x"], training["classes"], None, None)
    with pytest.raises(ValueError, match=SHARED):
        machine.gradient(training["state"][0], training["state"][-1], *parts, gradient, 1)


def test_parameters_that_may_change_are_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made, training = records("dense", monkeypatch)
    machine = _native.Machine32(*made)
    parameters = training["state"][0]
    before = scores(machine, training)
    parameters *= 2
    assert scores(machine, training) != before
    parameters /= 2
    assert scores(machine, training) == before


def test_the_least_number_of_threads_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below 0 it is a limit on what is chosen; this one has no opposite."""
    line = ("dense", 0, 2000, 2000, [1.0], [(0, 2000, 2000, True)], [])
    machine = _native.Machine32(2000, 2000, 2000**2, [line], [], [], [], [], 0.0)
    numbers, x, out = np.zeros(2000**2, np.float32), np.zeros((2, 2000), np.float32), np.ones(4000, np.float32)
    machine.scores(numbers, np.zeros(0), x, out, -(2**31))
    assert not out.any()


@pytest.mark.parametrize("name", PROGRAMS)
def test_odd_programs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is accepted runs, too: whatever the core is told of sizes and places lies within the arrays."""
    made, training = records(name, monkeypatch)

    @settings(max_examples=300)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        changed = odd(made, data.draw, [np.zeros(3)])
        try:
            machine = _native.Machine32(*changed)
        except REFUSALS:
            return
        with suppress(*REFUSALS):
            scores(machine, training)
        with suppress(*REFUSALS):
            machine.train(**copied_of(training))

    check()


@pytest.mark.parametrize("name", PROGRAMS)
def test_odd_trainings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made, training = records(name, monkeypatch)
    machine = _native.Machine32(*made)
    before = scores(machine, training)

    @settings(max_examples=300)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        changed = copied_of(training)
        for _ in range(data.draw(st.integers(1, 2))):
            key = data.draw(st.sampled_from(sorted(changed)))
            changed[key] = odd(changed[key], data.draw, arrays_in(list(changed.values())))
        with suppress(*REFUSALS):
            machine.train(**changed)
        assert scores(machine, training) == before

    check()


def copied_of(training: dict[str, Any]) -> dict[str, Any]:
    return {key: copied(value) for key, value in training.items()}


@pytest.mark.parametrize("name", PROGRAMS)
def test_odd_rows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two calls that compute a batch in prediction."""
    made, training = records(name, monkeypatch)
    machine = _native.Machine32(*made)
    state = training["state"]
    common = {"parameters": state[0], "statistics": state[-1], "x": training["x"], "threads": 2}
    parts = {key: training[key] for key in ("loss", "penalty", "classes", "targets", "sample_weight")}
    calls = {
        "scores": {**common, "out": np.zeros(ROWS * 3, np.float32)},
        "gradient": {**common, **parts, "out": np.zeros_like(state[0])},
    }
    before = scores(machine, training)

    @settings(max_examples=300)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        method = data.draw(st.sampled_from(sorted(calls)))
        changed = copied_of(calls[method])
        for _ in range(data.draw(st.integers(1, 2))):
            key = data.draw(st.sampled_from(sorted(changed)))
            changed[key] = odd(changed[key], data.draw, arrays_in(list(changed.values())))
        with suppress(*REFUSALS):
            getattr(machine, method)(**changed)
        assert scores(machine, training) == before

    check()
