"""Callbacks: when they wake, what they may do, and the progress bar."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

import pellucid as pl

X, Y = np.eye(4), np.arange(4.0)


def trainer(*callbacks: object, rate: float = 0.1) -> pl.Trainer:
    return pl.Trainer(
        pl.Network([pl.Dense(1)]), pl.SquaredError(), pl.GradientDescent(rate), batch_size=2, callbacks=callbacks
    )


class Diary(pl.Callback):
    """Writes down when it is woken."""

    def __init__(self, interval: int = 1) -> None:
        self.pause = interval
        self.entries: list[tuple[object, ...]] = []

    def on_fit_begin(self, trainer: pl.Trainer, epochs: int) -> None:
        self.entries.append(("start", trainer.epoch, epochs))

    def interval(self, trainer: pl.Trainer) -> int:
        return self.pause

    def on_epoch_end(self, trainer: pl.Trainer) -> None:
        self.entries.append((trainer.epoch, trainer.step, len(trainer.history)))

    def on_fit_end(self, trainer: pl.Trainer) -> None:
        self.entries.append(("end", trainer.epoch))


def test_woken_at_start_when_due_and_at_the_end(engine: str) -> None:
    each, third = Diary(), Diary(interval=3)
    trainer(each, third).fit(X, Y, epochs=7)
    assert each.entries == [("start", 0, 7), *[(n, 2 * n, n) for n in range(1, 8)], ("end", 7)]
    assert third.entries == [("start", 0, 7), (3, 6, 3), (6, 12, 6), ("end", 7)]


def test_the_base_does_nothing() -> None:
    trainer(pl.Callback()).fit(X, Y, epochs=2)


def test_an_interval_below_one_is_one() -> None:
    diary = Diary(interval=0)
    trainer(diary).fit(X, Y, epochs=2)
    assert [entry[0] for entry in diary.entries] == ["start", 1, 2, "end"]


def test_every_counts_over_all_of_training() -> None:
    """However training is cut into calls of fit."""

    def woken(calls: list[int]) -> list[int]:
        epochs: list[int] = []
        learner = trainer(pl.Every(3, lambda trainer: epochs.append(trainer.epoch)))
        for count in calls:
            learner.fit(X, Y, epochs=count)
        return epochs

    assert woken([10]) == woken([1] * 10) == woken([4, 6]) == [3, 6, 9]


def test_a_function_is_called_after_every_epoch() -> None:
    losses: list[float] = []
    history = trainer(lambda trainer: losses.append(trainer.history["loss"][-1])).fit(X, Y, epochs=3)
    assert losses == history["loss"]


def test_the_network_is_up_to_date_when_a_callback_looks() -> None:
    seen: list[np.ndarray] = []
    learner = trainer(lambda trainer: seen.append(trainer.network.parameters.copy()))
    learner.fit(X, Y, epochs=3)
    assert len({weights.tobytes() for weights in seen}) == 3
    np.testing.assert_array_equal(seen[-1], learner.network.parameters)


def test_stop() -> None:
    diary = Diary()
    learner = trainer(lambda trainer: trainer.stop("Enough.") if trainer.epoch == 2 else None, diary)
    history = learner.fit(X, Y, epochs=9)
    assert (learner.epoch, history.stopped) == (2, "Enough.")
    assert diary.entries[-1] == ("end", 2)  # told, though training ended before its time
    learner.fit(X, Y, epochs=1)
    assert (learner.epoch, history.stopped) == (3, "")


@dataclass
class Counting(pl.Callback):
    """A dataclass has no hash."""

    epochs: list[int] = field(default_factory=list)

    def on_epoch_end(self, trainer: pl.Trainer) -> None:
        self.epochs.append(trainer.epoch)


def test_a_callback_may_be_a_dataclass_and_two_may_be_equal() -> None:
    one, two = Counting(), Counting()
    trainer(one, two).fit(X, Y, epochs=2)
    assert one.epochs == two.epochs == [1, 2]


@pytest.mark.parametrize("wrong", [KeyboardInterrupt, ValueError])
def test_every_callback_is_told_the_end_whatever_happened(wrong: type[BaseException]) -> None:
    def fail(trainer: pl.Trainer) -> None:
        raise wrong

    diary = Diary()
    learner = trainer(fail, diary)
    with pytest.raises(wrong):
        learner.fit(X, Y, epochs=3)
    assert diary.entries == [("start", 0, 3), ("end", 1)]


def test_the_end_is_told_after_a_divergence() -> None:
    diary = Diary()
    with pytest.raises(pl.DivergenceError):
        trainer(diary, rate=1e30).fit(X, Y, epochs=9)
    assert diary.entries[-1][0] == "end"


def test_what_is_no_callback() -> None:
    with pytest.raises(TypeError, match=r"not the class EarlyStopping: write EarlyStopping\(\)\.$"):
        trainer(pl.EarlyStopping)
    with pytest.raises(TypeError, match=r"^callbacks must hold callbacks or functions of the trainer, not 3\.$"):
        trainer(3)
    with pytest.raises(TypeError, match=r"^function must be callable with the trainer, not 3\.$"):
        pl.Every(2, 3)  # type: ignore[arg-type]


# -- progress ----------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_an_epoch_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    trainer(pl.Progress(stream)).fit(X, Y, epochs=10, validation=(X, Y))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    number = r"-?\d+\.\d{4}"
    assert re.fullmatch(rf"epoch  1/10  loss {number}  validation loss {number}  validation r2 {number}", lines[0])
    assert lines[-1].startswith("epoch 10/10  loss ")


def test_fewer_lines_but_always_the_last() -> None:
    stream = io.StringIO()
    trainer(pl.Progress(stream, every=4)).fit(X, Y, epochs=10)
    assert [line.split()[1] for line in stream.getvalue().splitlines()] == ["4/10", "8/10", "10/10"]


def test_in_a_terminal_one_line_that_ends_full() -> None:
    stream = Terminal()
    trainer(pl.Progress(stream)).fit(X, Y, epochs=500)
    text = stream.getvalue()
    assert text.endswith("\n")
    assert text.count("\n") == 1
    frames = text.split("\r")[1:]
    assert len(frames) < 100  # about ten a second, not five hundred
    assert f"epoch 500/500 [{'━' * 24}]" in frames[-1]
    assert "loss" in frames[-1]


def test_progress_goes_on_where_training_goes_on() -> None:
    stream = io.StringIO()
    learner = trainer(pl.Progress(stream))
    learner.fit(X, Y, epochs=2)
    learner.fit(X, Y, epochs=1)
    assert [line.split()[1] for line in stream.getvalue().splitlines()] == ["1/2", "2/2", "3/3"]


def test_progress_writes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    trainer(pl.Progress()).fit(X, Y, epochs=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("epoch 1/1  loss ")


def test_fit_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    trainer().fit(X, Y, epochs=2)
    assert capsys.readouterr() == ("", "")


def test_fit_shows_its_progress_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    learner = trainer()
    learner.fit(X, Y, epochs=3)
    assert "epoch 3/3 [" in terminal.getvalue()
    assert terminal.getvalue().count("\n") == 1
    assert learner.callbacks == []  # it belongs to the fit, not to the training
    monkeypatch.setattr(sys, "stderr", silent := Terminal())
    learner.fit(X, Y, epochs=3, progress=False)
    assert silent.getvalue() == ""


def test_progress_is_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    stream = io.StringIO()
    trainer(pl.Progress(stream)).fit(X, Y, epochs=3, progress=True)
    assert terminal.getvalue() == ""
    assert len(stream.getvalue().splitlines()) == 3


def test_progress_asked_for_without_a_terminal_is_a_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    trainer().fit(X, Y, epochs=2, progress=True)
    assert [line.split()[1] for line in capsys.readouterr().err.splitlines()] == ["1/2", "2/2"]
    with pytest.raises(TypeError, match=r"^progress must be True, False or None, not 1\.$"):
        trainer().fit(X, Y, epochs=1, progress=1)  # type: ignore[arg-type]


def test_fit_shows_its_progress_in_a_notebook(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One place below the cell, whose text is replaced; nothing is printed."""
    shown: list[str] = []

    class ZMQInteractiveShell:
        """The class of a notebook's shell, by whose name a notebook is known."""

    class Handle:
        def update(self, data: dict[str, str], raw: bool) -> None:
            shown.append(data["text/plain"])

    def display(data: dict[str, str], raw: bool, display_id: bool) -> Handle:
        return Handle()

    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=ZMQInteractiveShell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    trainer().fit(X, Y, epochs=3)
    assert shown[-1].startswith("epoch 3/3 [━━━")
    assert capsys.readouterr() == ("", "")


def test_a_callback_needs_no_more_than_the_interface() -> None:
    """A training that is played, for `EarlyStopping`: what `TrainerInterface` lists is all that it uses."""

    class Played:
        epoch, stopped = 0, ""
        history = pl.History()
        state, shown = "state 0", ""

        def stop(self, reason: str) -> None:
            self.stopped = reason

        def show(self, state: str) -> None:
            self.shown = state

    played, stopping = Played(), pl.EarlyStopping(patience=2)
    stopping.on_fit_begin(played, 9)  # type: ignore[arg-type]
    for loss in (3.0, 1.0, 2.0, 2.0):
        played.epoch += 1
        played.state = f"state {played.epoch}"
        played.history.append({"epoch": played.epoch, "loss": loss})
        stopping.on_epoch_end(played)  # type: ignore[arg-type]
    stopping.on_fit_end(played)  # type: ignore[arg-type]
    assert played.stopped.startswith("Stopped early: loss has not improved for 2 epochs.")
    assert played.shown == "state 2"
