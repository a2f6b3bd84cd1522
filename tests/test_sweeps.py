"""Sweeps: the same numbers for any number of workers, failures told, and going on where one was cut off."""

from __future__ import annotations

import io
import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid.engines.pool import LOOK
from pellucid.sweeps.workers import _Watch

DATA = pl.datasets.load_toy("crescent-moons", n_per_class=60)
GRID = pl.grid(units=[2, 5], learning_rate=[0.01, 0.1, 1.0])


def make_trainer(units: int = 3, learning_rate: float = 0.1, seed: int = 0, callbacks: Any = ()) -> pl.Trainer:
    network = pl.Network([pl.Dense(units), pl.Tanh(), pl.Dense(2)])
    optimizer = pl.Adam(learning_rate)
    return pl.Trainer(network, "softmax_cross_entropy", optimizer, batch_size=16, seed=seed, callbacks=callbacks)


def run(make: Any = make_trainer, configurations: Any = GRID, **options: Any) -> pl.SweepResults:
    options = {"epochs": 4, "validation": DATA.validation, **options}
    return pl.sweep(make, configurations, *DATA.train, **options)


def numbers(results: pl.SweepResults) -> list[Any]:
    """All that must not depend on workers."""
    return [(row.parameters, row.state, row.metrics, row.history and row.history["loss"]) for row in results]


# -- configurations ----------------------------------------------------------------------------------------------------


def test_grid() -> None:
    assert GRID[0] == {"units": 2, "learning_rate": 0.01}
    assert GRID[1] == {"units": 2, "learning_rate": 0.1}
    assert len(GRID) == 6
    values = pl.grid(rate=np.logspace(-2, 0, 3), seed=range(2))
    assert [type(one["rate"]) for one in values] == [float] * 6
    assert [one["seed"] for one in values] == [0, 1] * 3


def test_samples_are_in_their_ranges_and_a_longer_list_begins_the_same() -> None:
    options = {
        "a": pl.Between(-1.0, 3.0),
        "b": pl.LogBetween(1e-4, 1e-1),
        "c": pl.Choice(["x", "y", "z"]),
        "d": pl.Between(2, 5, whole=True),
        "e": pl.LogBetween(1, 20, whole=True),
        "f": 7,
    }
    many = pl.samples(3000, seed=1, **options)
    assert pl.samples(10, seed=1, **options) == many[:10]
    assert pl.samples(10, seed=2, **options) != many[:10]
    column = {name: [one[name] for one in many] for name in options}
    assert -1 < min(column["a"]) < max(column["a"]) < 3
    assert abs(np.mean(column["a"]) - 1) < 0.1
    assert 1e-4 < min(column["b"]) < max(column["b"]) < 1e-1
    assert abs(np.mean(np.log10(column["b"])) + 2.5) < 0.1
    for name, values in (("c", "xyz"), ("d", (2, 3, 4, 5))):
        counts = [column[name].count(value) for value in values]
        assert sum(counts) == 3000
        assert max(abs(count * len(values) / 3000 - 1) for count in counts) < 0.15
    assert set(map(type, column["d"])) == set(map(type, column["e"])) == {int}
    assert (min(column["e"]), max(column["e"])) == (1, 20)
    assert 0.4 < np.mean(np.array(column["e"]) < 5) < 0.65
    assert set(column["f"]) == {7}


@given(share=st.floats(0, 1, exclude_min=True, exclude_max=True), low=st.integers(1, 50), more=st.integers(1, 50))
def test_whole_numbers_stay_in_their_range(share: float, low: int, more: int) -> None:
    for kind in (pl.Between, pl.LogBetween):
        assert low <= kind(low, low + more, whole=True).at(share) <= low + more


@pytest.mark.parametrize(
    ("mistake", "error", "message"),
    [
        (
            lambda: pl.grid(),
            ValueError,
            "The grid is empty: give at least one parameter with its values, learning_rate=[0.1, 0.01].",
        ),
        (lambda: pl.grid(units=[]), ValueError, "The grid is empty: units has no values. Give at least one."),
        (
            lambda: pl.grid(activation="relu"),
            TypeError,
            "activation must be a list of values, not 'relu': write activation=['relu'].",
        ),
        (lambda: pl.grid(units=3), TypeError, "units must be a list of values, not 3: write units=[3]."),
        (
            lambda: pl.grid(rate=pl.Between(0, 1)),
            TypeError,
            "rate is Between(low=0, high=1, whole=False), from which samples are drawn: use samples(n, rate=…).",
        ),
        (lambda: pl.samples(0, a=pl.Between(0, 1)), ValueError, "n must be a whole number of at least 1, not 0."),
        (
            lambda: pl.samples(3, a=1),
            ValueError,
            "There is nothing to draw: give at least one parameter a distribution, "
            "learning_rate=LogBetween(1e-4, 0.1).",
        ),
        (lambda: pl.Between(1, 1), ValueError, "low must be below high, but Between got 1 and 1."),
        (lambda: pl.LogBetween(0, 1), ValueError, "low must be a number above 0, not 0."),
        (lambda: pl.LogBetween(2, 1), ValueError, "low must be below high, but LogBetween got 2 and 1."),
        (
            lambda: pl.Between(0.5, 2, whole=True),
            TypeError,
            "low must be a whole number of at least -9007199254740992 and at most 9007199254740992, not 0.5 (float).",
        ),
        (lambda: pl.Choice([]), ValueError, "The grid is empty: values has no values. Give at least one."),
        (
            lambda: run(configurations=[]),
            ValueError,
            "configurations is empty: there is nothing to train. Give at least one, see grid and samples.",
        ),
        (
            lambda: run(configurations={"units": [1]}),
            TypeError,
            "configurations must be a list of dictionaries, not one: use grid(**…), or put it into a list.",
        ),
        (
            lambda: run(configurations=[{"units": 1}, 2]),
            TypeError,
            "configurations[1] must be a dictionary of keyword arguments such as {'units': 32}, not 2.",
        ),
        (lambda: run(make=3), TypeError, "make_trainer must be a function that answers a Trainer, not 3."),
        (lambda: run(workers=0), ValueError, "workers must be a whole number of at least 1, not 0."),
        (lambda: run(epochs=0), ValueError, "epochs must be a whole number of at least 1, not 0."),
        (
            lambda: run(progress=True),
            TypeError,
            "progress must be a text stream such as sys.stderr, a callable, or None, not True.",
        ),
    ],
)
def test_messages(mistake: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        mistake()
    assert str(caught.value) == message


# -- results -----------------------------------------------------------------------------------------------------------


def test_every_row_is_what_training_alone_gives() -> None:
    results = run(workers=3)
    for row, parameters in zip(results, GRID, strict=True):
        trainer = make_trainer(**parameters)
        history = trainer.fit(*DATA.train, epochs=4, validation=DATA.validation)
        assert row.parameters == parameters
        assert row.history is not None
        assert row.history["loss"] == history["loss"]
        names = ("loss", "accuracy", "validation_loss", "validation_accuracy")
        assert row.metrics == {name: history[name][-1] for name in names}
        assert (row.state, row.epochs, row.error) == ("done", 4, "")
        assert row.seconds > 0


def test_the_number_of_workers_changes_nothing() -> None:
    alone = run(workers=1)
    for workers in (2, 5, None):
        assert numbers(run(workers=workers)) == numbers(alone)


def test_processes_give_the_same(tmp_path: Path) -> None:
    module = tmp_path / "makers_of_this_test.py"
    module.write_text(
        textwrap.dedent(
            """
            import pellucid as pl
            def make_trainer(units, learning_rate):
                if learning_rate == 1.0:
                    raise ValueError("too high")
                network = pl.Network([pl.Dense(units), pl.Tanh(), pl.Dense(2)])
                return pl.Trainer(network, "softmax_cross_entropy", pl.Adam(learning_rate), batch_size=16)
            """
        )
    )
    sys.path.insert(0, str(tmp_path))
    try:
        import makers_of_this_test  # type: ignore[import-not-found]

        separate = run(makers_of_this_test.make_trainer, workers=2, processes=True, directory=tmp_path / "kept")
        together = run(makers_of_this_test.make_trainer)
    finally:
        sys.path.remove(str(tmp_path))
    assert numbers(separate) == numbers(together)
    assert [row.error for row in separate.failed] == ["ValueError: too high"] * 2
    assert len(list((tmp_path / "kept").iterdir())) == 4


def test_what_other_processes_cannot_have() -> None:
    with pytest.raises(
        ValueError, match=r"^make_trainer cannot be sent to other processes \(.+\)\. Define it with def"
    ):
        run(lambda units, learning_rate: make_trainer(units), processes=True)
    with pytest.raises(ValueError, match=r"^configurations cannot be sent to other processes"):
        run(configurations=[{"units": threading.Lock()}], processes=True)


def test_lambdas_and_early_stopping() -> None:
    results = run(
        lambda patience: make_trainer(learning_rate=1.0, callbacks=[pl.EarlyStopping(patience)]),
        pl.grid(patience=[1, 2]),
        epochs=30,
    )
    for row in results:
        history = row.history
        assert history is not None
        assert history.best_epoch is not None
        assert row.metrics["validation_loss"] == min(history["validation_loss"])
        assert row.metrics["loss"] == history["loss"][history.best_epoch - 1]
        assert row.epochs == len(history) < 30


def test_a_failed_configuration_is_told_and_not_fatal() -> None:
    def make(kind: str) -> Any:
        if kind == "raises":
            raise ZeroDivisionError("no such thing")
        if kind == "nothing":
            return None
        if kind == "bad data":
            return pl.Trainer(pl.Network([pl.Dense(1)]), "softmax_cross_entropy")
        return make_trainer()

    kinds = ["good", "raises", "nothing", "bad data", "another word"]
    results = run(make, [*pl.grid(kind=kinds), {"king": 1}])
    assert results["state"] == ["done", "failed", "failed", "failed", "done", "failed"]
    errors = results["error"]
    assert errors[1] == "ZeroDivisionError: no such thing"
    assert errors[2] == "TypeError: make_trainer must answer a Trainer, not None."
    assert errors[3].startswith("ValueError: ")
    assert "king" in errors[5]
    assert 'raise ZeroDivisionError("no such thing")' in results[1].traceback
    assert "no such thing" in str(results)
    assert results.best().parameters == {"kind": "good"}
    assert len(results.failed) == 4


def test_divergence_is_told_with_the_epochs_before() -> None:
    def make(rate: float) -> pl.Trainer:
        return pl.Trainer(pl.Network([pl.Dense(4), pl.Dense(1)]), pl.SquaredError(), pl.GradientDescent(rate))

    x, y = DATA.train
    results = pl.sweep(make, pl.grid(rate=[1e-3, 1e10]), x, y.astype(float), epochs=20)
    assert results["state"] == ["done", "failed"]
    assert results["error"][1].startswith("DivergenceError: The ")
    assert results.metrics == ("loss",)


def test_what_is_shared_by_two_configurations_is_refused() -> None:
    network, stopping = pl.Network([pl.Dense(2)]), pl.EarlyStopping(2)
    for make, name in (
        (lambda a: pl.Trainer(network, "softmax_cross_entropy"), "Network"),
        (lambda a: make_trainer(callbacks=[stopping]), "EarlyStopping"),
    ):
        results = run(make, pl.grid(a=[1, 2, 3]), workers=2)
        assert sorted(results["state"]) == ["done", "failed", "failed"]
        assert results.failed[0].error == (
            f"ValueError: make_trainer answered with the {name} of another configuration, so that one would change the "
            f"other: make a new one inside make_trainer."
        )


def test_best() -> None:
    results = run()
    assert results.best() is min(results, key=lambda row: row.metrics["validation_loss"])
    assert results.best("accuracy") is max(results, key=lambda row: row.metrics["accuracy"])
    assert results.best("accuracy", highest=False) is min(results, key=lambda row: row.metrics["accuracy"])
    with pytest.raises(ValueError, match=r"^metric 'validation_los' is unknown\. Did you mean 'validation_loss'\?"):
        results.best("validation_los")
    with pytest.raises(
        ValueError, match=r"^No configuration was finished, so none is the best\. The first error: Zero"
    ):
        run(lambda a: 1 / 0, pl.grid(a=[1])).best()
    rows = [pl.Trial({"a": i}, "done", {"loss": value}) for i, value in enumerate([math.nan, 3.0, 2.0, 2.0])]
    assert pl.SweepResults(rows).best().parameters == {"a": 2}


def test_columns_and_text() -> None:
    results = run()
    assert results["units"] == [2, 2, 2, 5, 5, 5]
    assert results["loss"] == [row.metrics["loss"] for row in results]
    assert results["epochs"] == [4] * 6
    assert results.parameters == ("units", "learning_rate")
    with pytest.raises(KeyError, match="column 'unit' is unknown"):
        results["unit"]
    lines = str(results).split("\n")
    assert lines[0].split()[:4] == ["units", "learning", "rate", "loss"]
    assert lines[4].split()[:3] == ["3", "5", "0.01"]
    assert lines[7] == "6 configurations: 6 done"
    assert lines[8].startswith("best validation loss ")
    assert repr(results) == "SweepResults(6 configurations: 6 done)"
    assert str(results[0]).startswith("units=2, learning_rate=0.01: loss ")


def test_other_forms() -> None:
    results = run(lambda optimizer: make_trainer(), [{"optimizer": pl.Adam(0.1)}, {"optimizer": object}])
    data = json.loads(results.to_json())
    assert data["rows"][0]["parameters"]["optimizer"]["type"] == "Adam"
    assert data["rows"][0]["history"]["columns"]["epoch"] == [1, 2, 3, 4]
    assert data["rows"][1]["metrics"] == results[1].metrics


def test_a_data_frame() -> None:
    pytest.importorskip("pandas")
    frame = run().to_frame()
    assert list(frame["units"]) == [2, 2, 2, 5, 5, 5]
    assert list(frame["state"]) == ["done"] * 6


def test_pictures() -> None:
    pytest.importorskip("matplotlib")
    results = run()
    figure = results.plot("learning_rate", "validation_accuracy")
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["units 2", "units 5", "best"]
    assert axes.get_xscale() == "log"
    assert list(axes.lines[0].get_ydata()) == results["validation_accuracy"][:3]
    (axes,) = results.plot("units", by="learning_rate").axes
    assert len(axes.lines) == 4
    words = run(lambda kind: make_trainer(), [*pl.grid(kind=["b", "a"]), {"kid": 0}])
    (axes,) = words.plot("kind").axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["b", "a"]
    assert axes.texts[0].get_text() == "1 not finished"
    with pytest.raises(ValueError, match="parameter 'rate' is unknown"):
        results.plot("rate")


# -- progress ----------------------------------------------------------------------------------------------------------


def test_nothing_is_printed_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    run()
    assert capsys.readouterr() == ("", "")


def test_lines_and_calls() -> None:
    stream = io.StringIO()
    run(progress=stream, workers=1)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("1/6  units=2, learning_rate=0.01: loss ")
    seen: list[int] = []
    run(progress=lambda results: seen.append(sum(row.state == "done" for row in results)), workers=1)
    assert seen == sorted(seen)
    assert seen[-1] == 6


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_live_table() -> None:
    stream = Terminal()

    def slow(units: int) -> pl.Trainer:
        return make_trainer(units, callbacks=[lambda trainer: time.sleep(0.15)])

    run(slow, pl.grid(units=[2, 3, 4]), progress=stream, workers=2, epochs=8)
    pictures = stream.getvalue().split("\x1b[J")
    assert len(pictures) >= 4
    assert any("running" in picture and "3 configurations: 2 running" in picture for picture in pictures)
    assert "best validation loss" in pictures[-1]


# -- going on ----------------------------------------------------------------------------------------------------------


def test_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    calls: list[int] = []
    broken = [True]

    def make(units: int) -> pl.Trainer:
        calls.append(units)
        if broken[0] and units == 4:
            raise OSError("the disk is full")
        return make_trainer(units)

    folder = tmp_path / "deep" / "kept"
    first = run(make, pl.grid(units=[2, 3, 4]), directory=folder)
    assert first["state"] == ["done", "done", "failed"]
    assert len(list(folder.iterdir())) == 2
    broken[0] = False
    calls.clear()
    second = run(make, pl.grid(units=[5, 4, 3, 2]), directory=folder)  # another order, one more
    assert sorted(calls) == [4, 5]
    assert numbers(second) == numbers(run(make, pl.grid(units=[5, 4, 3, 2])))
    assert second[3].seconds == first[0].seconds
    calls.clear()
    assert numbers(run(make, pl.grid(units=[5, 4, 3, 2]), directory=folder)) == numbers(second)
    assert calls == []


def test_whatever_decides_the_numbers_decides_the_file(tmp_path: Path) -> None:
    def count(make: Any = make_trainer, **options: Any) -> int:
        before = set(tmp_path.iterdir())
        run(make, [{"units": 2}], directory=tmp_path, **options)
        return len(set(tmp_path.iterdir()) - before)

    assert count() == 1
    assert count() == 0
    assert count(epochs=5) == 1
    assert count(validation=None) == 1
    assert count(validation=(DATA.validation.x + 1e-9, DATA.validation.y)) == 1
    assert count(sample_weight=np.arange(len(DATA.train.y)) + 1.0) == 1
    assert count(class_weight="balanced") == 1
    assert count(lambda units: make_trainer(units, 0.5)) == 1
    assert count(lambda units: make_trainer(units, 0.5)) == 0  # another line, the same code
    assert count(lambda units: make_trainer(units, 0.6)) == 1
    for rate in (0.5, 0.6, 0.5):  # a value from around the function
        found = count(lambda units: make_trainer(units, rate))  # noqa: B023
    assert found == 0


def test_what_cannot_be_written_down(tmp_path: Path) -> None:
    with pytest.raises(
        TypeError, match=r"^configurations\[0\] cannot be kept in a directory: <unlocked .+ Give a name"
    ):
        run(lambda a: make_trainer(), [{"a": threading.Lock()}], directory=tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": "done"}', '{"state": "done", "metrics": {}, "history": 3}'])
def test_a_damaged_file(tmp_path: Path, text: str) -> None:
    run(configurations=[{"units": 2}], directory=tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_text(text)
    with pytest.raises(ValueError) as error:
        run(configurations=[{"units": 2}], directory=tmp_path)
    assert str(error.value) == f"{path} is damaged: delete it, and its configuration is trained again."


SCRIPT = """
import sys, time
import numpy as np
import pellucid as pl
from pellucid.engines.pool import LOOK
from pellucid.sweeps.workers import _Watch

def make_trainer(units):
    slow = units > 3
    network = pl.Network([pl.Dense(units), pl.Dense(2)])
    return pl.Trainer(network, "softmax_cross_entropy", callbacks=[lambda t: time.sleep(1.0 if slow else 0)])

if __name__ == "__main__":
    x = np.random.default_rng(0).random((40, 3))
    def tell(results):
        if sum(row.state == "done" for row in results) == 2:
            print("now", flush=True)
    results = pl.sweep(make_trainer, pl.grid(units=[2, 3, 4, 5, 6]), x, np.arange(40) % 2, epochs=400, workers=2,
                       directory=sys.argv[1], progress=tell, processes=sys.argv[2] == "True")
    print([row.state for row in results], results.stopped)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as on Unix")
@pytest.mark.parametrize("processes", [False, True])
def test_an_interrupt_keeps_what_is_finished(tmp_path: Path, processes: bool) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)  # the first two take a moment, the others would take minutes
    command = [sys.executable, str(script), str(tmp_path / "kept"), str(processes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the worker processes too
        answer = process.stdout.read().splitlines()[-1]
        assert process.wait() == 0
    states = "['done', 'done', 'waiting', 'waiting', 'waiting']"
    assert answer == (f"{states} Interrupted: 2 of 5 configurations are finished. The same call goes on from here.")
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_slow_callbacks_are_part_of_an_epoch() -> None:
    looks: list[int] = []
    watch = _Watch(threading.Event(), lambda history: looks.append(len(history)))
    trainer = make_trainer(2, callbacks=[lambda trainer: time.sleep(2 * LOOK), watch])
    trainer.fit(*DATA.train, epochs=3)
    assert looks == [1, 2, 3]
