"""What users of other libraries type is an error that shows how it is done here."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid import foreign

X, Y = np.eye(4), np.arange(4.0)


def network() -> pl.Network:
    return pl.Network([pl.Dense(1)])


def fit(**options: Any) -> pl.History:
    return pl.Trainer(network(), "squared_error").fit(X, Y, **{"epochs": 1, **options})


CASES: list[tuple[type[Exception], Callable[[], Any], str]] = [
    (TypeError, lambda: pl.Dense(3, activation="relu"), "[Dense(3), ReLU()]"),
    (TypeError, lambda: pl.Dense(64, 32), "Dense(32)"),
    (ValueError, lambda: pl.Dense(64, "relu"), "[Dense(32), ReLU()]"),
    (TypeError, lambda: pl.Dense(in_features=64, out_features=32), "inferred"),
    (TypeError, lambda: pl.Dense(units=3, use_bias=False), "bias="),
    (TypeError, lambda: pl.Dropout(p=0.5), "Dropout(0.2)"),
    (TypeError, lambda: pl.Adam(lr=0.1), "Adam(0.001)"),
    (TypeError, lambda: pl.Adam(iter([]), lr=0.1), "Adam(0.001)"),
    (TypeError, lambda: pl.GradientDescent(0.1, momentum=0.9), "Momentum(0.1, momentum=0.9)"),
    (TypeError, lambda: pl.SoftmaxCrossEntropy(from_logits=True), "plain scores"),
    (TypeError, lambda: pl.EarlyStopping(min_delta=0.1), "minimum_improvement="),
    (TypeError, lambda: pl.EarlyStopping(restore_best_weights=True), "always restored"),
    (TypeError, lambda: pl.Network([pl.Dense(1)], loss="mse"), "Trainer(network, loss=…)"),
    (TypeError, lambda: pl.Trainer(network(), "squared_error", lr=0.1), "optimizer=Adam(0.001)"),
    (TypeError, lambda: pl.Trainer(network(), criterion="squared_error"), "loss="),
    (TypeError, lambda: fit(batch_size=2), "Trainer(network, loss=…, batch_size=…)"),
    (TypeError, lambda: fit(validation_split=0.2), "validation=0.2"),
    (TypeError, lambda: fit(validation_data=(X, Y)), "validation=(x, y)"),
    (TypeError, lambda: fit(verbose=0), "progress=False"),
    (TypeError, lambda: fit(callbacks=[]), "Trainer(network, loss=…, callbacks=…)"),
    (TypeError, lambda: pl.Trainer(network(), "squared_error").fit(X, Y, 10), "trainer.fit(x, y, epochs=10)"),
    (TypeError, lambda: network().build(4).evaluate(X, Y, batch_size=2), "omit it"),
    (ValueError, lambda: pl.Trainer(network(), "mse"), "'squared_error'"),
    (ValueError, lambda: pl.Trainer(network(), "squared_error", "sgd"), "'gradient_descent'"),
    (KeyError, lambda: fit()["val_loss"], "'validation_loss'"),
    (AttributeError, lambda: pl.Linear, "Dense(units)"),
    (AttributeError, lambda: pl.CrossEntropyLoss, "SoftmaxCrossEntropy()"),
    (AttributeError, lambda: network().compile, "Trainer"),
    (AttributeError, lambda: network().fit, "pl.Trainer(network"),
    (AttributeError, lambda: network().forward, "reference.forward"),
    (AttributeError, lambda: pl.Trainer(network(), "squared_error").predict, "trainer.network.predict(x)"),
]


@pytest.mark.parametrize(("error", "act", "way"), CASES, ids=range(len(CASES)))
def test_the_error_shows_how_it_is_done_here(error: type[Exception], act: Callable[[], Any], way: str) -> None:
    with pytest.raises(error) as caught:
        act()
    assert type(caught.value) is error
    assert way in str(caught.value)


def test_what_is_nobodys_is_answered_with_what_there_is() -> None:
    with pytest.raises(TypeError, match=r"^Dense takes no argument 'unit': did you mean 'units'\? Allowed: units, "):
        pl.Dense(unit=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^ReLU takes 0 positional arguments, not 1\. It takes none\.$"):
        pl.ReLU(3)  # type: ignore[call-arg]
    with pytest.raises(AttributeError, match=r"^'Network' object has no attribute 'wight'$"):
        network().wight  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match=r"^module 'pellucid' has no attribute 'Desne'$"):
        pl.Desne  # type: ignore[attr-defined]  # noqa: B018


def test_an_error_within_is_not_taken_for_one_of_the_call() -> None:
    with pytest.raises(TypeError, match=r"^units must be a whole number of at least 1, not 'a' \(str\)\.$"):
        pl.Dense("a")  # type: ignore[arg-type]


def test_signatures_and_copies_are_as_without_it() -> None:
    assert next(iter(inspect.signature(pl.Dense).parameters)) == "units"
    assert list(inspect.signature(pl.Trainer.fit).parameters)[:4] == ["self", "x", "y", "epochs"]
    again = pickle.loads(pickle.dumps(copy.deepcopy(network().build(4))))
    np.testing.assert_array_equal(again.parameters, network().build(4).parameters)
    assert not hasattr(network(), "compile")


def test_no_table_has_a_name_that_is_one_of_ours() -> None:
    """Advice for what works as it is would never be seen; advice that names what is not there would mislead."""
    assert not [name for name in foreign.NAMES if name in pl.__all__]
    for kind, attributes in foreign.ATTRIBUTES.items():
        assert not [name for name in attributes if hasattr(getattr(pl, kind), name)]
    for text in foreign.NAMES.values():
        for name in re.findall(r"\b([A-Z]\w+)\(", text):
            assert hasattr(pl, name), text


HOOKS = {
    "on_train_begin": "on_fit_begin",
    "on_train_batch_end": "on_batch_end",
    "on_epoch_ends": "on_epoch_end",
    "onEpochEnd": "on_epoch_end",
    "epoch_end": "on_epoch_end",
    "on_epoch_begin": "on_epoch_end",
    "on_fit_ended": "on_fit_end",
}


@pytest.mark.parametrize(("name", "right"), HOOKS.items())
def test_a_hook_that_would_never_be_called(name: str, right: str) -> None:
    with pytest.raises(TypeError, match=rf"^Mine\.{name} would never be called: the hook is {right}[,.]"):
        type("Mine", (pl.Callback,), {name: lambda self, trainer: None})


def test_a_hook_with_the_arguments_of_another_library() -> None:
    message = (
        r"^Mine\.on_epoch_end\(self, epoch, logs=None\) does not fit how it is called: write "
        r"on_epoch_end\(self, trainer\)\. Epoch, step, history and network are the trainer's\.$"
    )
    with pytest.raises(TypeError, match=message):

        class Mine(pl.Callback):
            def on_epoch_end(self, epoch, logs=None):  # type: ignore[no-untyped-def, override]
                pass

    with pytest.raises(TypeError, match=r"write on_batch_end\(self, trainer, loss\)"):
        type("Mine", (pl.Callback,), {"on_batch_end": lambda self, trainer: None})


def test_methods_of_ones_own_are_left_alone() -> None:
    class Mine(pl.Callback):
        def epochs(self) -> int:
            return 1

        def on_epoch_end(self, learner: pl.Trainer, *, detail: bool = False) -> None:
            self.seen = learner.epoch

        def finish(self) -> None: ...

    mine = Mine()
    pl.Trainer(network(), "squared_error", callbacks=[mine]).fit(X, Y, epochs=2)
    assert mine.seen == 2
