"""Network, trainer and history as text and in a notebook, and the warning of a softmax before a loss that has one."""

from __future__ import annotations

import re
import warnings
from html.parser import HTMLParser

import numpy as np
import pytest

import pellucid as pl
from pellucid.training import OutputLossWarning

X, Y = np.eye(4), np.array([0, 1, 0, 1])


class Cells(HTMLParser):
    """The cells of tables, row by row; every tag that is opened is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def trained() -> tuple[pl.Trainer, pl.History]:
    network = pl.Network([pl.Dense(3), pl.ReLU(), pl.Dense(2)])
    callbacks = [pl.Every(2, print)]
    trainer = pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.01), penalty=pl.L2(0.1), callbacks=callbacks)
    return trainer, trainer.fit(X, Y, epochs=1)


def test_a_network_in_a_notebook() -> None:
    trainer, _ = trained()
    assert Cells(trainer.network._repr_html_()).rows == [
        ["layer", "", "output", "parameters"],
        ["0", "Dense(3)", "3", "15"],
        ["1", "ReLU()", "3", "0"],
        ["2", "Dense(2)", "2", "8"],
        ["", "", "total", "23"],
    ]
    unbuilt = pl.Network([pl.Dense(2)])._repr_html_()
    assert Cells(unbuilt).rows[1:] == [["0", "Dense(2)", "?", "?"], ["", "", "total", "?"]]


def test_a_trainer() -> None:
    trainer, _ = trained()
    assert repr(trainer) == (
        "Trainer(Network([Dense(3), ReLU(), Dense(2)], dtype='float32', 23 parameters), loss=SoftmaxCrossEntropy(), "
        "optimizer=Adam(learning_rate=0.01), batch_size='auto', seed=0, penalty=L2(0.1), callbacks=[Every]): "
        "epoch 1, step 1"
    )
    fresh = pl.Trainer(pl.Network([pl.Dense(1)]), "squared_error")
    assert repr(fresh).endswith("batch_size='auto', seed=0): not begun")
    rows = Cells(trainer._repr_html_()).rows
    assert rows[:2] == [["trainer", "epoch 1, step 1"], ["loss", "SoftmaxCrossEntropy()"]]
    assert ["layer", "", "output", "parameters"] in rows
    assert any(row[:2] == ["epoch", "loss"] for row in rows)


def test_a_history_in_a_notebook() -> None:
    _, history = trained()
    titles, row = Cells(history._repr_html_()).rows
    assert titles == ["epoch", "loss", "accuracy", "learning rate", "seconds"]
    assert float(row[1]) == pytest.approx(history["loss"][0], rel=1e-3)
    assert re.search(r"<p>1 epoch in .* s on the \w+ engine", history._repr_html_())
    assert pl.History()._repr_html_() == "<p>History: no epoch yet</p>"
    history.stopped = "x < y"
    assert "<p>x &lt; y</p>" in history._repr_html_()


@pytest.mark.parametrize(
    ("last", "loss", "own"),
    [
        (pl.Softmax(), pl.SoftmaxCrossEntropy(), "softmax"),
        (pl.Sigmoid(), pl.SigmoidCrossEntropy(), "sigmoid"),
        (pl.Sigmoid(), pl.SoftmaxCrossEntropy(), "softmax"),
    ],
)
def test_an_output_function_that_the_loss_contains(last: pl.Layer, loss: pl.Loss, own: str) -> None:
    trainer = pl.Trainer(pl.Network([pl.Dense(2), last]), loss)
    y = np.eye(2)[Y] if own == "sigmoid" else Y
    message = rf"contains its own {own}: .* Omit the last layer: predict_proba applies the {own}\.$"
    with pytest.warns(OutputLossWarning, match=message) as caught:
        trainer.fit(X, y, epochs=1)
    assert [each.filename for each in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # once for a training
        trainer.fit(X, y, epochs=1)


def test_output_functions_that_belong_there() -> None:
    """No warning: it would be an error here."""
    for last, loss in ((pl.Sigmoid(), "squared_error"), (pl.Softmax(), "squared_error"), (pl.Tanh(), "hinge")):
        y = Y if loss == "hinge" else np.eye(2)[Y]
        pl.Trainer(pl.Network([pl.Dense(2), last]), loss).fit(X, y, epochs=1)
