"""Early stopping: patience counted right, the best weights always restored, and going on afterwards."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.training.watching import watched_column
from support.samples import classification

X, Y = np.zeros((4, 1)), np.zeros(4)


class Script(pl.Callback):
    """Writes values of a play into the history, before early stopping looks at it."""

    def __init__(self, column: str, values: list[float]) -> None:
        self.column, self.values = column, values

    def on_epoch_end(self, trainer: pl.Trainer) -> None:
        trainer.history.set_last({self.column: self.values[trainer.epoch - 1]})


def play(
    values: list[float], stopping: pl.EarlyStopping, column: str = "validation_loss", epochs: int | None = None
) -> pl.Trainer:
    """A trainer whose bias is a different number after each epoch, with the given course of a column."""
    network = pl.Network([pl.Dense(1, weight_initializer="zeros")], dtype="float64")
    trainer = pl.Trainer(
        network,
        pl.SquaredError(),
        pl.GradientDescent(0.5),
        batch_size="full",
        callbacks=[Script(column, values), stopping],
    )
    trainer.fit(X, Y + 1, epochs=epochs or len(values))
    return trainer


def bias_after(epochs: int) -> float:
    return 1 - 0.5**epochs  # b ← b + ½(1 − b)


def bias(trainer: pl.Trainer) -> float:
    return float(trainer.network.get("0.bias")[0])


def test_stops_after_so_many_epochs_in_a_row_and_restores_the_best() -> None:
    stopping = pl.EarlyStopping(patience=3)
    trainer = play([5, 4, 3, 3.5, 2, 2.5, 2.4, 2.3, 1], stopping)
    assert trainer.epoch == 8  # 5 was the best; 6, 7 and 8 were not better
    assert (stopping.best_epoch, stopping.best_value) == (5, 2)
    assert bias(trainer) == bias_after(5)
    assert trainer.history.best_epoch == 5
    assert trainer.history.stopped == (
        "Stopped early: validation_loss has not improved for 3 epochs. The weights of epoch 5 are restored."
    )


def test_restores_the_best_without_stopping_too() -> None:
    trainer = play([5, 4, 4.5, 4.6], pl.EarlyStopping(patience=9))
    assert (trainer.epoch, bias(trainer), trainer.history.stopped) == (4, bias_after(2), "")


def test_patience_of_one() -> None:
    trainer = play([5, 4, 4.1, 1], pl.EarlyStopping(patience=1))
    assert (trainer.epoch, bias(trainer)) == (3, bias_after(2))


def test_equal_is_no_improvement_and_the_first_best_stays() -> None:
    trainer = play([5, 4, 4, 4, 4], pl.EarlyStopping(patience=2))
    assert (trainer.epoch, bias(trainer)) == (4, bias_after(2))


def test_of_equally_good_epochs_the_last_counts_if_one_wants_it() -> None:
    """But patience is counted from the first: being as good is no improvement."""
    stopping = pl.EarlyStopping(patience=3, ties="last")
    trainer = play([5, 4, 4, 4.5, 4, 4, 1], stopping)
    assert (trainer.epoch, bias(trainer)) == (5, bias_after(5))
    assert (stopping.best_epoch, stopping.best_value) == (5, 4)
    trainer = play([5, 4, 4, 3, 4, 3, 4], pl.EarlyStopping(patience=3, ties="last"))
    assert (trainer.epoch, bias(trainer)) == (7, bias_after(6))


def test_without_patience_it_never_stops_and_restores_the_best() -> None:
    trainer = play([5, 4, 3, 3, *[9] * 40], pl.EarlyStopping(patience=None, ties="last"))
    assert (trainer.epoch, bias(trainer), trainer.history.stopped) == (44, bias_after(4), "")
    assert trainer.history.best_epoch == 4


def test_the_count_goes_on_after_a_checkpoint() -> None:
    stopping = pl.EarlyStopping(patience=3, ties="last")
    play([5, 4, 4, 4, 1, 1], stopping, epochs=4)  # improved in 2, equal in 3 and 4
    again = pl.EarlyStopping(patience=3, ties="last")
    again.restore(stopping.state())
    kept, restored = stopping.state(), again.state()
    np.testing.assert_array_equal(restored.pop("best_state").parameters, kept.pop("best_state").parameters)
    assert restored == kept
    older = {name: value for name, value in stopping.state().items() if name != "improved"}
    again.restore(older)  # as checkpoints were written before there were ties
    assert again.state()["improved"] == stopping.best_epoch == 4


def test_a_wrong_choice_of_ties() -> None:
    with pytest.raises(ValueError, match=r"ties 'newest' is unknown\. Allowed: first, last\."):
        pl.EarlyStopping(ties="newest")


def test_minimum_improvement() -> None:
    trainer = play([5, 4.95, 4.92, 4.91, 4.8], pl.EarlyStopping(patience=3, minimum_improvement=0.1))
    assert (trainer.epoch, bias(trainer)) == (4, bias_after(1))


@pytest.mark.parametrize("column", ["validation_accuracy", "accuracy", "validation_r2"])
def test_accuracies_and_r2_improve_by_growing(column: str) -> None:
    trainer = play([0.1, 0.5, 0.4, 0.3, 0.9], pl.EarlyStopping(patience=2, monitor=column), column)
    assert (trainer.epoch, bias(trainer)) == (4, bias_after(2))


def test_nan_is_never_the_best() -> None:
    nan = float("nan")
    trainer = play([nan, 3, nan, 2, nan, nan], pl.EarlyStopping(patience=2))
    assert (trainer.epoch, bias(trainer)) == (6, bias_after(4))
    trainer = play([nan] * 5, pl.EarlyStopping(patience=2))
    assert trainer.epoch == 2
    assert trainer.history.stopped == "Stopped early: validation_loss has not improved for 2 epochs."


def test_fit_again_goes_on_from_the_last_weights() -> None:
    """As if it had never ended, and finds an improvement that comes after all."""
    stopping = pl.EarlyStopping(patience=2)
    trainer = play([5, 4, 4.1, 4.2, 3, 6, 6], stopping)
    assert (trainer.epoch, bias(trainer)) == (4, bias_after(2))
    trainer.fit(X, Y + 1, epochs=3)
    assert (trainer.epoch, bias(trainer)) == (7, bias_after(5))
    assert trainer.state.parameters[-1] == bias_after(7)


def test_without_validation_it_watches_the_loss() -> None:
    x, y = classification()
    network = pl.Network([pl.Dense(3)])
    stopping = pl.EarlyStopping(patience=3)
    trainer = pl.Trainer(network, pl.SoftmaxCrossEntropy(), pl.Adam(0.1), callbacks=[stopping])
    trainer.fit(x, y, epochs=300)
    assert trainer.epoch < 300
    assert watched_column(trainer, stopping.monitor, "EarlyStopping") == "loss"
    assert stopping.best_value == min(trainer.history["loss"])


def test_with_validation_it_watches_that(engine: str) -> None:
    x, y = classification()
    network = pl.Network([pl.Dense(32), pl.Tanh(), pl.Dense(3)], engine=engine)
    stopping = pl.EarlyStopping(patience=5)
    trainer = pl.Trainer(network, pl.SoftmaxCrossEntropy(), pl.Adam(0.05), callbacks=[stopping])
    history = trainer.fit(x[:40], y[:40], epochs=500, validation=(x[40:], y[40:]))
    assert trainer.epoch == stopping.best_epoch + 5
    best = min(history["validation_loss"])
    assert history["validation_loss"].index(best) + 1 == stopping.best_epoch
    assert network.evaluate(x[40:], y[40:])["loss"] == pytest.approx(best, rel=1e-6)


def test_a_column_that_is_not_there() -> None:
    network = pl.Network([pl.Dense(1)])
    trainer = pl.Trainer(network, pl.SquaredError(), callbacks=[pl.EarlyStopping(monitor="validation_los")])
    with pytest.raises(ValueError) as caught:
        trainer.fit(X, Y, epochs=3)
    assert str(caught.value) == (
        "EarlyStopping watches 'validation_los', which is not in the history: it has epoch, loss, learning_rate, "
        "seconds. Give fit a validation set, or watch another column."
    )


def test_used_for_a_second_training_it_forgets_the_first() -> None:
    """One best value for two networks would put the first one's weights into the second."""
    stopping = pl.EarlyStopping(patience=2)
    play([1, 2, 3], stopping)
    trainer = play([9, 8, 9, 9], stopping)
    assert (trainer.epoch, bias(trainer), stopping.best_value) == (4, bias_after(2), 8)


def test_an_interrupt_restores_the_best_too() -> None:
    def interrupt(trainer: pl.Trainer) -> None:
        if trainer.epoch == 3:
            raise KeyboardInterrupt

    network = pl.Network([pl.Dense(1, weight_initializer="zeros")], dtype="float64")
    script = Script("validation_loss", [5, 4, 6])
    trainer = pl.Trainer(
        network,
        pl.SquaredError(),
        pl.GradientDescent(0.5),
        batch_size="full",
        callbacks=[script, pl.EarlyStopping(), interrupt],
    )
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(X, Y + 1, epochs=9)
    assert bias(trainer) == bias_after(2)
    assert trainer.state.parameters[-1] == bias_after(3)
