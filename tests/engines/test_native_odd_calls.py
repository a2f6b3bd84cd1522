"""The binding called with records of somebody's own making: it refuses them or does what they say; it never crashes."""

from __future__ import annotations

import gc
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from support.native_tasks import make_task

_native = pytest.importorskip("pellucid._native")
from pellucid.engines import marshalling, native_program  # noqa: E402
from pellucid.engines.native import NativeEngine  # noqa: E402
from support.native_records import layer, program  # noqa: E402

REFUSALS = (TypeError, ValueError, BufferError, OverflowError, MemoryError)
PROGRAMS: dict[str, list[pl.Layer]] = {
    "dense": [pl.Standardize(), pl.Dense(5), pl.ReLU(), pl.Dropout(0.2), pl.Dense(3)],
    "scheduled": [pl.Dense(5), pl.Dropout(pl.Cosine(0.5, steps=50)), pl.Dense(3)],
    "statistics": [pl.Dense(5), pl.BatchNormalization(), pl.RobustScale(), pl.LayerNormalization(), pl.Dense(3)],
    "shapes": [pl.PeriodicEmbedding(2, 3), pl.Maxout(5, 2), pl.PReLU(), pl.Scale(), pl.Dense(3), pl.Softmax()],
    "codes": [pl.CategoryEmbedding((3, 4), 2), pl.GaussianNoise(0.1), pl.Dense(3)],
    "branches": [
        pl.Residual([pl.Dense(5), pl.ReLU()], projection=pl.Dense(5)), pl.Parallel([pl.Tanh(), pl.Dense(4)]),
        pl.Reshape((3, 3)), pl.Dense(2), pl.Flatten(), pl.Dense(3),
    ],
}  # fmt: skip
ROWS, WIDTH, NUMBERS = 12, 6, [0, 1, -1, 2, 3, 2**31, 2**32, 2**40, 2**62, 2**63 - 1, -(2**63), 2**64]
ODD = [
    *[None, "", "relu", "dense", "dense\0", "\0", b"bytes", (), [], {}, object(), True, np.float32(1), 1j],
    *[0.5, -1.0, np.nan, np.inf, -np.inf, 1e300, *NUMBERS],
]


@dataclass
class Record:
    """A record of the core that is not made yet: its class, and what it is made of."""

    name: str
    fields: dict[str, Any]

    def made(self) -> Any:
        return getattr(_native, self.name)(**{name: made(value) for name, value in self.fields.items()})


def made(value: Any) -> Any:
    """The core's own records in the place of those that are not made yet."""
    if isinstance(value, Record):
        return value.made()
    return [made(part) for part in value] if isinstance(value, list) else value


class Recording:
    """Stands for the core, and for a program of it; keeps what is made and how it is called."""

    def __getattr__(self, name: str) -> Any:
        return lambda **fields: Record(name, fields)

    def train(self, **arguments: Any) -> Any:
        raise Recorded(arguments)


class Recorded(Exception):
    """The arguments of a call."""


def records(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Record, dict[str, Any]]:
    """What the engine hands to the core for a network and its training: records that are all right."""
    data = {"rows": ROWS, "batch": 5, "optimizer": pl.Adam(), "sample_weight": np.linspace(0.5, 1.5, ROWS)}
    task, start = make_task(layers=PROGRAMS[name], width=WIDTH, classes=3, **data)
    task.x[:, -2:] = np.arange(2 * ROWS).reshape(ROWS, 2) % 3  # codes
    engine = NativeEngine(2)
    with monkeypatch.context() as patched:
        patched.setattr(native_program, "_native", Recording())
        patched.setattr(marshalling, "_native", Recording())
        patched.setattr(engine, "_native_program", lambda *arguments: Recording())
        native = native_program.build(task.program, np.dtype(np.float32), start.statistics)
        with pytest.raises(Recorded) as caught:
            engine.train(task, start, start, 2)
    assert isinstance(native, Record)
    return native, caught.value.args[0]


def train(native: Any, training: dict[str, Any]) -> Any:
    return native.train(**{name: made(value) for name, value in training.items()})


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
    if isinstance(value, Record) and draw(st.integers(0, 4)):
        name = one_of(sorted(value.fields), draw)
        fields = {**value.fields, name: odd(value.fields[name], draw, arrays)}
        if not draw(st.integers(0, 9)):
            del fields[name]
        return Record(value.name, fields)
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
    if isinstance(value, Record):
        return Record(value.name, copied_of(value.fields))
    return type(value)(copied(part) for part in value) if isinstance(value, tuple | list) else value


def arrays_in(value: Any) -> list[Any]:
    if isinstance(value, np.ndarray):
        return [value]
    value = list(value.fields.values()) if isinstance(value, Record) else value
    return [each for part in value for each in arrays_in(part)] if isinstance(value, tuple | list) else []


def scores(native: Any, training: dict[str, Any]) -> bytes:
    out, state = np.zeros(ROWS * 3, np.float32), training["state"].fields
    native.scores(state["parameters"], state["statistics"], examples_in(training)["x"], out, 2)
    return out.tobytes()


def examples_in(training: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = training["task"].fields["examples"].fields
    return fields


def put(training: dict[str, Any], path: str, value: Any) -> None:
    """Change a field of a record within a record, in place."""
    *way, last = path.split(".")
    fields = training
    for name in way:
        fields = fields[name].fields
    fields[last] = value(training) if callable(value) else value


LIMITS, AVERAGE = "clip_value, clip_norm and max_norm must be finite", "average must be at least 0 and below 1, or None"
SHARED = "must not share memory"
BAD: dict[str, tuple[str, Any, str]] = {
    "a weight below 0": ("task.examples.sample_weight", np.full(ROWS, -1.0), "sample_weight must hold finite numbers"),
    "a weight that is NaN": ("task.examples.sample_weight", np.full(ROWS, np.nan), "sample_weight must hold finite"),
    "a rate that is NaN": ("schedules.rates", np.array([np.nan]), "rates and decays must be finite"),
    "a decay that is infinite": ("schedules.decays", np.array([np.inf]), "rates and decays must be finite"),
    "rates for five steps of six": ("schedules.rates", np.ones(5), "must have a number for each step, or one alone"),
    "rates in a matrix": ("schedules.rates", np.ones((6, 1)), "rates and decays must be vectors"),
    "a clip that is NaN": ("task.options.clip_value", np.nan, LIMITS),
    "a clip below 0": ("task.options.clip_norm", -1.0, LIMITS),
    "an average of 1": ("task.options.average", 1.0, AVERAGE),
    "an average that is NaN": ("task.options.average", np.nan, AVERAGE),
    "an average with no place": ("task.options.average", 0.5, "out and safe must have an average where the task keeps"),
    "an average that is not kept": (
        "state.average", lambda t: t["state"].fields["parameters"], "there is an average, but the task keeps none"
    ),
    "out that is not writable": ("out.writable", False, "out and safe must be writable"),
    "factors below 0": (
        "task.rate_factors", lambda t: -np.ones_like(t["state"].fields["parameters"]), "rate_factors must be finite"
    ),
    "an optimizer of NaN": ("task.optimizer.numbers", [np.nan] * 3, "the numbers of a part must be finite"),
    "a name that ends twice": ("task.loss.kernel", "hinge\0", "has no loss hinge"),
    "an unknown link": ("task.link", "softmax", "link must be identity, sigmoid or largest"),
    "no batches": ("task.batch_size", 0, "batch_size must be at least 1"),
    "a batch too far": ("position.batch", 4, "batch must be at most the number of batches"),
    "a step below 0": ("position.step", -1, "epoch, batch and step must not be negative"),
    "epochs below 0": ("epochs", -1, "too many epochs or steps, or fewer than none"),
    "examples of another shape": ("task.examples.outputs", 4, "made for a program of another shape"),
    "out is state": ("out.parameters", lambda t: t["state"].fields["parameters"], SHARED),
    "out is safe": ("out.statistics", lambda t: t["safe"].fields["statistics"], SHARED),
    "two of out": ("out.slots", lambda t: [t["out"].fields["parameters"]] * 2, SHARED),
    "records in the weights": ("records", lambda t: examples_in(t)["sample_weight"][:8], SHARED),
}  # fmt: skip


@pytest.mark.parametrize(("path", "value", "message"), BAD.values(), ids=BAD)
def test_each_refusal_says_why(path: str, value: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program_record, training = records("dense", monkeypatch)
    native = program_record.made()
    put(training, path, value)
    kept = [array.copy() for array in arrays_in(list(training.values()))]
    with pytest.raises(ValueError, match=message):
        train(native, training)
    for array, before in zip(arrays_in(list(training.values())), kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_the_table_of_a_schedule_is_checked_as_the_layer_is(monkeypatch: pytest.MonkeyPatch) -> None:
    program_record, training = records("scheduled", monkeypatch)
    native = program_record.made()
    table = training["schedules"].fields["layers"]
    for threshold, message in (
        (2.0**32 + 1, "layer 1, dropout: dropout compares"), (-1.0, "threshold from 0"), (np.nan, "must be finite"),
    ):  # fmt: skip
        put(training, "schedules.layers", np.concatenate([table[:-2], [threshold, 1.0]]))
        with pytest.raises(ValueError, match=message):
            train(native, training)
    put(training, "schedules.layers", None)
    with pytest.raises(ValueError, match="needs their numbers at each step"):
        train(native, training)


def test_scores_into_what_they_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    program_record, training = records("dense", monkeypatch)
    native, state = program_record.made(), training["state"].fields
    both = np.zeros(ROWS * (WIDTH + 3), np.float32)
    x, out = both[: ROWS * WIDTH].reshape(ROWS, WIDTH), both[ROWS * WIDTH :]
    native.scores(state["parameters"], state["statistics"], x, out, 1)  # beside each other is well
    with pytest.raises(ValueError, match=SHARED):
        native.scores(state["parameters"], state["statistics"], x[::-1], both[: ROWS * 3], 1)
    task = training["task"].fields
    parts = (made(task["loss"]), None, made(task["examples"]))
    with pytest.raises(ValueError, match=SHARED):
        native.gradient(state["parameters"], state["statistics"], *parts, state["parameters"], 1)


def test_parameters_that_may_change_are_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    program_record, training = records("dense", monkeypatch)
    native, parameters = program_record.made(), training["state"].fields["parameters"]
    before = scores(native, training)
    parameters *= 2
    assert scores(native, training) != before
    parameters /= 2
    assert scores(native, training) == before


def test_the_least_number_of_threads_there_is() -> None:
    """Below 0 it is a limit on what is chosen; this one has no opposite."""
    native = program([layer("dense", 2000, 2000, [(2000, 2000)])], 2000, 2000, 2000**2)
    numbers, x, out = np.zeros(2000**2, np.float32), np.zeros((2, 2000), np.float32), np.ones(4000, np.float32)
    native.scores(numbers, np.zeros(0), x, out, -(2**31))
    assert not out.any()


def test_examples_live_as_long_as_their_task() -> None:
    """A task holds no arrays but those of its examples."""
    numbers = np.zeros(12, np.float32)
    native = program([layer("dense", 3, 4, [(3, 4)])], 3, 4, 12)
    task = _native.TrainTask(
        examples=_native.Examples(np.ones((5, 3)), np.zeros(5, np.int64), None, None, 3, 1, 4),
        loss=_native.Part("softmax_cross_entropy", [0.0]), penalty=None, optimizer=_native.Part("gradient_descent", []),
        options=_native.UpdateOptions(0.0, 0.0, 0.0, None), link="largest", rate_factors=None, batch_size=5,
        shuffle=False, seed=0, penalty_per_example=False, penalty_in_loss=False,
    )  # fmt: skip
    gc.collect()
    vectors = [_native.Vectors(numbers.copy(), [], None, np.zeros(0), writable) for writable in (False, True, True)]
    start, one = _native.TrainingPosition(0, 0, 0, 0.0, 0.0, 0.0), np.ones(1)
    result = native.train(
        task, vectors[0], start, _native.Schedules(one, one, None), 1, *vectors[1:], np.zeros(4), False, 1
    )
    assert (result.stopped, result.finished, result.position.step) == ("", 1, 1)
    assert (result.safe.epoch, result.safe.batch, result.safe.step) == (0, 0, 0)


def test_records_show_what_they_were_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(record: Record) -> None:
        native = record.made()
        for name, value in record.fields.items():
            if isinstance(value, Record):
                check(value)
            elif hasattr(native, name) and not (isinstance(value, list) and value and isinstance(value[0], Record)):
                assert getattr(native, name) == value, (record.name, name)
                with pytest.raises(AttributeError):
                    setattr(native, name, value)

    for name in PROGRAMS:
        program_record, training = records(name, monkeypatch)
        for each in (*program_record.fields["layers"], program_record.fields["scaling"], *training.values()):
            if isinstance(each, Record):
                check(each)


@pytest.mark.parametrize("name", PROGRAMS)
def test_odd_programs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is accepted runs, too: whatever the core is given as sizes and places lies within the arrays."""
    program_record, training = records(name, monkeypatch)

    @settings(max_examples=300)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        changed = odd(program_record, data.draw, [np.zeros(3)])
        try:
            native = changed.made()
        except (*REFUSALS, AttributeError):  # an odd value has no class
            return
        with suppress(*REFUSALS):
            scores(native, training)
        with suppress(*REFUSALS):
            train(native, copied_of(training))

    check()


@pytest.mark.parametrize("name", PROGRAMS)
def test_odd_trainings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program_record, training = records(name, monkeypatch)
    native = program_record.made()
    before = scores(native, training)

    @settings(max_examples=300)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        changed = copied_of(training)
        for _ in range(data.draw(st.integers(1, 2))):
            key = data.draw(st.sampled_from(sorted(changed)))
            changed[key] = odd(changed[key], data.draw, arrays_in(list(changed.values())))
        with suppress(*REFUSALS):
            train(native, changed)
        assert scores(native, training) == before

    check()


def copied_of(training: dict[str, Any]) -> dict[str, Any]:
    return {key: copied(value) for key, value in training.items()}


@pytest.mark.parametrize("name", PROGRAMS)
def test_odd_rows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two calls that compute a batch in prediction."""
    program_record, training = records(name, monkeypatch)
    native, state, task = program_record.made(), training["state"].fields, training["task"].fields
    common = {"parameters": state["parameters"], "statistics": state["statistics"], "threads": 2}
    parts = {key: task[key] for key in ("loss", "penalty", "examples")}
    calls = {
        "scores": {**common, "x": examples_in(training)["x"], "out": np.zeros(ROWS * 3, np.float32)},
        "gradient": {**common, **parts, "out": np.zeros_like(state["parameters"])},
    }
    before = scores(native, training)

    @settings(max_examples=300)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        method = data.draw(st.sampled_from(sorted(calls)))
        changed = copied_of(calls[method])
        for _ in range(data.draw(st.integers(1, 2))):
            key = data.draw(st.sampled_from(sorted(changed)))
            changed[key] = odd(changed[key], data.draw, arrays_in(list(changed.values())))
        with suppress(*REFUSALS):
            getattr(native, method)(**{key: made(value) for key, value in changed.items()})
        assert scores(native, training) == before

    check()
