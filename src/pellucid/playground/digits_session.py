"""The second tab's thread: handwritten digits, a network, and its training.

Contract: a `DigitsSession` is a thread beside the session's, made when the tab is opened. Drawings are answered from
the weights of the moment, beside the training and not after it.
"""

from __future__ import annotations

import base64
import copy
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pellucid import inspection
from pellucid.engines.engine import Model
from pellucid.layers import ACTIVATIONS, Dense, Dropout, Layer, Rescale
from pellucid.losses import SoftmaxCrossEntropy
from pellucid.network import Network
from pellucid.numerics import softmax
from pellucid.optimizers import OPTIMIZERS
from pellucid.playground import wire
from pellucid.playground.actor import Actor
from pellucid.playground.catalogue import ACTIVATION_NAMES
from pellucid.playground.curve import Curve
from pellucid.playground.images import Images, available, images_of
from pellucid.playground.state import Refused
from pellucid.training import DivergenceError, Trainer
from pellucid.typing import Array
from pellucid.validation import check_choice

_DEFAULTS: dict[str, Any] = {
    "hidden": [64],
    "activation": "relu",
    "learningRate": 0.003,
    "batchSize": 32,
    "optimizer": "adam",
    "dropout": 0.0,
}
_MISTAKES = 24
_TOP = 9
_MEASURED = 5000  # training rows whose loss and accuracy are shown
_PACE = 1 / 30  # seconds between two epochs, at least: on few images they would pass unseen


class Shown(NamedTuple):
    """What drawings are answered from: one moment of a network."""

    model: Model
    images: Images
    hidden: tuple[int, ...]


class DigitsSession(Actor):
    """Digits, a network and its training."""

    def __init__(self, data: str = "digits") -> None:
        self.settings = dict(_DEFAULTS)
        self.images = images_of(data)
        self.generation = 0
        self.running = False
        self.message = ""
        self._wanted: Callable[[bytes], None] | None = None
        self._sent: tuple[Any, ...] = ()
        self._due = 0.0
        self._build()
        super().__init__("pellucid-playground-digits")

    # -- building ------------------------------------------------------------------------------------------------

    def open(self, data: str) -> None:
        """Take these images, and a new network."""
        if data != self.images.name:
            self.images = images_of(data)
        self._build()

    def change(self, **changes: Any) -> None:
        """Other settings, and a new network."""
        values = {name: value for name, value in changes.items() if value is not None}
        try:
            check_choice("activation", values.get("activation", "relu"), ACTIVATION_NAMES)
            check_choice("optimizer", values.get("optimizer", "adam"), OPTIMIZERS)
        except ValueError as error:
            raise Refused(str(error)) from None
        self.settings |= values
        self._build()

    def reset(self) -> None:
        """A new network, drawn from another seed."""
        self._build()

    def _build(self) -> None:
        settings = self.settings
        layers: list[Layer] = [Rescale(1 / self.images.manner.highest)]
        hidden = []
        for units in settings["hidden"]:
            layers += [Dense(units), ACTIVATIONS[settings["activation"]]()]
            hidden.append(len(layers) - 1)
            if settings["dropout"]:
                layers.append(Dropout(settings["dropout"]))
        self._adopt(Network([*layers, Dense(10)]), tuple(hidden))

    def _adopt(self, network: Network, hidden: tuple[int, ...]) -> None:
        self.network, self.hidden = network, hidden
        self.running = False
        self.generation += 1
        self.curve = Curve(5)
        self.trainer = Trainer(
            network,
            loss=SoftmaxCrossEntropy(),
            optimizer=OPTIMIZERS[self.settings["optimizer"]](self.settings["learningRate"]),
            batch_size=self.settings["batchSize"],
            seed=self.generation - 1,
        )
        self.trainer.initialize(*self.images.train)
        self._measure()

    def bring(self, network: Network) -> None:
        """Show a copy of a network that somebody brings; training goes on from its weights."""
        network = copy.deepcopy(network)
        kinds = tuple(ACTIVATIONS[name] for name in ACTIVATION_NAMES)
        hidden = [index for index, layer in enumerate(network.layers) if isinstance(layer, kinds)]
        self.settings["hidden"] = [int(np.prod(network.program.instructions[index].output_shape)) for index in hidden]
        self._adopt(network, tuple(hidden))

    # -- training ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Train until told otherwise."""
        self.running, self.message = True, ""

    def pause(self) -> None:
        """Stop after this epoch."""
        self.running = False

    def work(self) -> float | None:
        """An epoch, and a frame if one is wanted."""
        wait = None
        if self.running:
            wait = self._due - time.perf_counter()
            if wait <= 0:
                self._due, wait = time.perf_counter() + _PACE, 0.0
                self._epoch()
        self._frame()
        return wait

    def _epoch(self) -> None:
        try:
            with np.errstate(all="ignore"):
                self.trainer.fit(*self.images.train, epochs=1, progress=False)
        except DivergenceError as error:
            self.running, self.message = False, str(error)
        self._measure()

    def _measure(self) -> None:
        train, test = self.images.train, self.images.test
        self.of_train = self.network.evaluate(train[0][:_MEASURED], train[1][:_MEASURED])
        scores = self.network.scores(test[0])
        self.predicted, self.probabilities = scores.argmax(axis=1), softmax(scores)
        self.of_test = self.network.evaluate(*test)
        parts = (self.of_train, self.of_test)
        self.curve.add(self.trainer.epoch, *(part[name] for name in ("loss", "accuracy") for part in parts))
        self.shown = Shown(self.network.model, self.images, self.hidden)

    def failed(self, error: Exception) -> None:
        """A fault of ours must not look as if training went on."""
        self.running = False
        self.message = f"This is a fault in Pellucid, please report it: {type(error).__name__}: {error}"

    # -- looking -------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """The message with all settings."""
        there = {name: reason == "" for name, reason in available().items()}
        return {
            "type": "digits.state",
            "data": self.images.name,
            "image": [self.images.manner.size] * 2,
            "available": there,
            "reason": " ".join(reason for reason in available().values() if reason),
            **self.settings,
            "running": self.running,
            "epoch": self.trainer.epoch,
            "generation": self.generation,
            "classes": list("0123456789"),
            "train": len(self.images.train[0]),
            "test": len(self.images.test[0]),
            "message": self.message,
        }

    def want_frame(self, deliver: Callable[[bytes], None]) -> None:
        """Remember that the page wants to see what is new."""
        self._wanted = deliver

    def forget_frames(self) -> None:
        """Another connection has seen nothing yet."""
        self._wanted, self._sent = None, ()

    def _frame(self) -> None:
        news = (self.generation, self.trainer.epoch, self.running, self.message)
        if self._wanted is None or news == self._sent:
            return
        deliver, self._wanted, self._sent = self._wanted, None, news
        deliver(self.frame())

    def frame(self) -> bytes:
        """One binary message: curves, accuracy, confusion, and the mistakes that the network was surest of."""
        x, y = self.images.test
        confusion = np.zeros((10, 10), dtype=np.int64)
        np.add.at(confusion, (y, self.predicted), 1)
        wrong = np.flatnonzero(self.predicted != y)
        certain = self.probabilities[wrong, self.predicted[wrong]]
        worst = wrong[np.argsort(-certain, kind="stable")[:_MISTAKES]]
        header = {
            "kind": "digits",
            "epoch": self.trainer.epoch,
            "running": self.running,
            "generation": self.generation,
            "loss": {"train": self.of_train["loss"], "test": self.of_test["loss"]},
            "accuracy": {"train": self.of_train["accuracy"], "test": self.of_test["accuracy"]},
            "confusion": confusion.tolist(),
            "mistakes": [
                {
                    "true": int(y[row]),
                    "predicted": int(self.predicted[row]),
                    "probability": float(self.probabilities[row].max()),
                }
                for row in worst
            ],
            "message": self.message,
        }
        size = self.images.manner.size
        pictures = self.images.bytes(x[worst]).reshape(-1, size, size)
        return wire.pack(header, {"curve": self.curve.since(-1), "mistakes": pictures})

    def unit(self, layer: int, unit: int) -> dict[str, Any]:
        """What a hidden unit responds to."""
        if layer > len(self.hidden):
            raise Refused(f"There is no hidden layer {layer}: the network has {len(self.hidden)}.")
        index = self.hidden[layer - 1]
        size = self.network.program.instructions[index].output_shape[0]
        if unit >= size:
            raise Refused(f"There is no unit {unit}: the layer has {size}.")
        x, y = self.images.train[0][:2000], self.images.train[1]
        sums = index - 1  # in front of the activation, whose slope may be 0 where the search begins
        excites = inspection.exciting_input(self.network, x, sums, unit, steps=60).input
        weights = None
        if layer == 1:
            dense = next(place for place, each in enumerate(self.network.layers) if isinstance(each, Dense))
            column = self.network.get(f"{dense}.weight")[:, unit]
            weights = as_base64(128 + 127 * column / max(1e-12, float(np.abs(column).max())))
        top = inspection.top_inputs(self.network, x, sums, unit, count=_TOP)
        return {
            "type": "digits.unit",
            "excites": as_base64(self.images.bytes(excites)),
            "weights": weights,
            "top": [{"label": int(y[row]), "image": as_base64(self.images.bytes(x[row]))} for row in top],
        }

    def ended(self) -> None:
        """Let go of images and network."""
        self._wanted = None
        for name in ("images", "network", "trainer", "shown", "curve", "predicted", "probabilities"):
            self.__dict__.pop(name, None)


def as_base64(values: Array) -> str:
    """Bytes in base64."""
    return base64.b64encode(np.clip(np.rint(values), 0, 255).astype(np.uint8).tobytes()).decode()
