"""scikit-learn's API: `fit`, `predict` of one row and a search, ours beside scikit-learn's, skorch's and Keras'.

Everybody gets the same float32 rows, split alike, and Adam in batches of 200. `fit` on the small data sets goes on
until scikit-learn's rule stops it (skorch and Keras have no such rule: they train for as many epochs as we did); the
score stands beside each time. Peers that are not installed are left out.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.preprocessing import StandardScaler

import pellucid as pl
from benchmarks.measure import in_turn
from pellucid import estimators

Row = tuple[str, str, str, str]
Split = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

ROUNDS, SEARCHES, CALLS = 5, 1, 300
TABLE_ROWS, MNIST_ROWS = 20_000, 60_000
GRID = {
    "hidden_layer_sizes": [(32,), (64,), (128,)],
    "alpha": [1e-4, 1e-2],
    "learning_rate_init": [1e-3, 1e-2],
    "activation": ["relu", "tanh"],
}


def digits() -> Split:
    """1,797 digits of 8 × 8."""
    return _split(*load_digits(return_X_y=True))


def cancer() -> Split:
    """569 rows of 30 columns."""
    return _split(*load_breast_cancer(return_X_y=True))


def table() -> Split:
    """20,000 rows of 20 columns."""
    return _split(*make_classification(TABLE_ROWS, 20, n_informative=10, flip_y=0.05, random_state=0))


def _split(x: np.ndarray, y: np.ndarray) -> Split:
    x, x_test, y, y_test = train_test_split(x, y, random_state=0, stratify=y)
    scaler = StandardScaler().fit(x)
    return scaler.transform(x).astype(np.float32), scaler.transform(x_test).astype(np.float32), y, y_test


def mnist() -> Split:
    """60,000 training images, 10,000 to score."""
    data = pl.datasets.load_mnist(download=False)
    x, y = np.concatenate([data.train.x, data.validation.x]), np.concatenate([data.train.y, data.validation.y])
    scaled = [(part / np.float32(255)).astype(np.float32) for part in (x[:MNIST_ROWS], data.test.x)]
    return scaled[0], scaled[1], y[:MNIST_ROWS], data.test.y


def rows() -> Iterator[Row]:
    """What, measured, beside what, wanted."""
    data = digits()
    yield fits("`fit` on the digits", data, {}, ROUNDS, "≥ 5 ×")
    yield fits("`fit` on breast cancer", cancer(), {}, ROUNDS, "")
    yield fits("`fit` on MNIST, 5 epochs", mnist(), {"max_iter": 5, "batch_size": 200}, max(1, ROUNDS - 2), "≥ 3 ×")
    yield fits(f"`fit` on a table, {TABLE_ROWS:,} × 20", table(), {"max_iter": 20}, max(1, ROUNDS - 2), "")
    yield one_row(data)
    yield searches(data)


def fits(what: str, data: Split, parameters: dict[str, Any], rounds: int, wanted: str) -> Row:
    """Median seconds of a whole `fit`, with the accuracy on the rows held out."""
    x, x_test, y, y_test = data
    models: dict[str, Any] = {}
    ours = estimators.MLPClassifier(random_state=0, **parameters)
    theirs = neural_network.MLPClassifier(random_state=0, **parameters)

    def fit(name: str, model: Any) -> Callable[[], None]:
        def run() -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of training that is cut short
                models[name] = model.fit(x, y)

        return run

    contenders = {"ours": fit("ours", ours), "scikit-learn": fit("scikit-learn", theirs)}
    contenders["ours"]()
    for name, make in PEERS.items():
        try:
            peer = make(x.shape[1], len(np.unique(y)), ours.n_iter_)
        except ImportError:
            continue
        contenders[name] = fit(name, peer)
    seconds = in_turn(contenders, rounds, time.perf_counter)
    scores = {name: accuracy_score(y_test, models[name].predict(x_test)) for name in contenders}
    shown = {name: f"{seconds[name]:.3f} s ({scores[name]:.1%})" for name in contenders}
    others = "".join(f"; {name} {shown[name]}" for name in contenders if name not in ("ours", "scikit-learn"))
    ratio = seconds["scikit-learn"] / seconds["ours"]
    beside = f"scikit-learn {shown['scikit-learn']}, {theirs.n_iter_} epochs: **{ratio:.1f} ×**{others}"
    return what, f"{shown['ours']}, {ours.n_iter_} epochs", beside, wanted


def one_row(data: Split) -> Row:
    """Median microseconds of `predict` of a single row."""
    x, x_test, y, _ = data
    parameters = {"random_state": 0, "max_iter": 20}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = {
            "ours": estimators.MLPClassifier(**parameters).fit(x, y),
            "scikit-learn": neural_network.MLPClassifier(**parameters).fit(x, y),
        }
    calls = {name: (lambda model=model: model.predict(x_test[:1])) for name, model in models.items()}
    seconds = in_turn(calls, CALLS, time.perf_counter)
    ratio = seconds["scikit-learn"] / seconds["ours"]
    theirs = f"scikit-learn {1e6 * seconds['scikit-learn']:.0f} µs: **{ratio:.1f} ×**"
    return "`predict` of one row, 64-100-10", f"{1e6 * seconds['ours']:.0f} µs", theirs, "≥ 5 ×"


def searches(data: Split) -> Row:
    """Seconds of a grid search of 24 configurations in 3 folds."""
    x, x_test, y, y_test = data
    found: dict[str, Any] = {}

    def search(name: str, module: Any) -> Callable[[], None]:
        def run() -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = module.MLPClassifier(max_iter=40, random_state=0)
                found[name] = GridSearchCV(model, GRID, cv=3).fit(x, y)

        return run

    contenders = {"ours": search("ours", estimators), "scikit-learn": search("scikit-learn", neural_network)}
    seconds = in_turn(contenders, SEARCHES, time.perf_counter)
    shown = {name: f"{seconds[name]:.1f} s ({found[name].score(x_test, y_test):.1%})" for name in contenders}
    ratio = seconds["scikit-learn"] / seconds["ours"]
    return (
        "`GridSearchCV` of 24 configurations, 3 folds, digits, 40 epochs",
        shown["ours"],
        f"scikit-learn {shown['scikit-learn']}: **{ratio:.1f} ×**",
        "≥ 5 ×",
    )


# -- peers that may be installed ---------------------------------------------------------------------------------


def skorch(inputs: int, outputs: int, epochs: int) -> Any:
    """The same network in PyTorch, by skorch."""
    import torch
    from skorch import NeuralNetClassifier

    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(inputs, 100), torch.nn.ReLU(), torch.nn.Linear(100, outputs))
    return NeuralNetClassifier(
        network,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.001,
        batch_size=200,
        max_epochs=epochs,
        train_split=None,
        verbose=0,
    )


class KerasClassifier:
    """The same network in Keras, on PyTorch."""

    def __init__(self, inputs: int, outputs: int, epochs: int) -> None:
        os.environ.setdefault("KERAS_BACKEND", "torch")
        import keras

        self.keras, self.sizes, self.epochs = keras, (inputs, outputs), epochs

    def fit(self, x: np.ndarray, y: np.ndarray) -> KerasClassifier:
        """Train anew."""
        keras, (inputs, outputs) = self.keras, self.sizes
        keras.utils.set_random_seed(0)
        layers = [keras.Input((inputs,)), keras.layers.Dense(100, activation="relu"), keras.layers.Dense(outputs)]
        self.model = keras.Sequential(layers)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.model.compile(optimizer=keras.optimizers.Adam(0.001), loss=loss)
        self.model.fit(x, y, epochs=self.epochs, batch_size=200, verbose=0)
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Classes."""
        scores: np.ndarray = self.model.predict(x, verbose=0)
        return scores.argmax(axis=1)


PEERS: dict[str, Callable[[int, int, int], Any]] = {"skorch": skorch, "Keras": KerasClassifier}
