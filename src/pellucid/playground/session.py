"""One session: settings, data, network and trainer of one page, in a thread of its own.

Contract: everything here runs in the session's thread (`Session.call`); `commands.py` says what each message does.
Training goes in bursts of some milliseconds, between which messages are answered and, if the page has asked for one,
a frame is made of what there is then.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.engines.base import State as EngineState
from pellucid.playground import frames, wire
from pellucid.playground.actor import Actor
from pellucid.playground.curve import Curve
from pellucid.playground.data import PlaneData, drawn
from pellucid.playground.frames import View
from pellucid.playground.log import Log
from pellucid.playground.recipe import Recipe, optimizer_of, penalty_of, rows_a_step, settled
from pellucid.playground.state import Problem, State
from pellucid.playground.table import DataError
from pellucid.training.history import History
from pellucid.typing import Array

_BURST = 0.005  # seconds of training between two looks at what the page wants
_FRAME = 1 / 61  # seconds between two frames, at least
_MOST_BEHIND = 0.25  # seconds: what cannot be made up at the wanted speed is let go
_DIAGNOSIS = 2.0  # seconds between two looks of the doctor
_MOST_HISTORY = 20_000  # epochs of the trainer's own history that are kept

Deliver = Callable[[bytes], None]


class Refused(ValueError):
    """What was asked for cannot be done; the message is for people, and nothing was changed."""


class Session(Actor):
    """One page's network.

    Parameters
    ----------
    name : str
        Its secret name, by which a page finds it again.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = State()
        self.network: pl.Network
        self.recipe: Recipe
        self.problems: list[Problem] = []
        self.running = False
        self.diverged = self.stopped = ""
        self.generation = 0
        self.own_data: dict[str, PlaneData] = {}  # the user's, by problem: what "own" stands for
        self.rooms: list[Actor] = []
        self._wanted: tuple[dict[str, Any], Deliver] | None = None
        self._sent: tuple[Any, ...] = ()
        self._change = 0
        self._frame_due = 0.0
        self._seconds = 1e-3  # an epoch takes
        self._speed = 0.0
        self._view: View | None = None
        self._diagnosed: tuple[Any, float] = ((), 0.0)
        self.data: PlaneData = drawn(self.state)
        self.build()
        super().__init__(f"pellucid-playground-{name[:6]}")

    # -- building ------------------------------------------------------------------------------------------------

    def adopt(self, state: State, data: PlaneData | None = None, problems: tuple[Problem, ...] = ()) -> None:
        """Be in another state, with other data or those the state names, and a new network."""
        state, more = settled(state)
        said = [*problems, *more]
        if data is None:
            try:
                data = drawn(state)
            except DataError as error:
                key = "dataset" if state.problem == "classification" else "regDataset"
                said.append(Problem(key, state.chosen_dataset, str(error)))
                state = replace(state, dataset=State().dataset, regression_dataset=State().regression_dataset)
                data = drawn(state)
        before = self.state, self.data
        self.state, self.data = state, data
        try:
            self.build()
        except (ValueError, TypeError) as error:  # a loss that cannot take these targets, above all
            if state.loss == "auto":
                self.state, self.data = before
                self.build()
                raise Refused(str(error)) from None
            said.append(Problem("loss", state.loss, f"{error} The loss is chosen by the problem."))
            self.adopt(replace(state, loss="auto"), data, tuple(said))
            return
        self.problems = said

    def build(self) -> None:
        """A new network at epoch 0, paused."""
        recipe = Recipe.of(self.state, self.data)
        network = pl.Network(recipe.layers)
        network.build(len(recipe.input_names), seed=self.state.weight_seed)
        network.features = recipe.input_names
        self.recipe, self.network, self.origin = recipe, network, ""
        self._start()
        self.first = (network.parameters, network.statistics)
        self.generation += 1

    def _start(self) -> None:
        """A trainer before its first step, for the network as it is."""
        state, data, recipe = self.state, self.data, self.recipe
        self.running, self.diverged, self.stopped = False, "", ""
        self.curve = Curve(3)
        self.trainer = pl.Trainer(
            self.network,
            loss=recipe.loss,
            optimizer=optimizer_of(state, data),
            batch_size=rows_a_step(state, data),
            penalty=penalty_of(state),
            seed=state.weight_seed,
            shuffle=state.shuffle,
        )
        self.take_data()
        if len(data.x_train):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a class without a training row: the page shows the points
                self.trainer.initialize(self.x_train, self.y_train)
        self.log = Log(state, data, recipe, self.origin)
        self.measure()

    def take_data(self) -> None:
        """What the trainer is given from now on."""
        self.x_train = self.recipe.inputs(self.data.x_train)
        self.y_train = self.recipe.encode(self.data.y_train)
        self.trainer.batch_size = rows_a_step(self.state, self.data)

    def rewind(self) -> None:
        """The weights that this network began with."""
        self.network.parameters, self.network.statistics = self.first
        self._start()
        self.generation += 1

    def change_data(self, data: PlaneData, state: State | None = None) -> None:
        """Other data for the same network; a new one if its inputs or classes are others."""
        state = self.state if state is None else state
        if (data.classes, data.axes, data.problem) != (self.data.classes, self.data.axes, self.data.problem) or (
            not len(self.data.x_train)
        ):
            self.adopt(state, data)
            return
        self.state, self.data = state, data
        self.take_data()
        self.log.data(data, state)
        if not len(data.x_train):
            self.running = False
        self.changed()

    def retune(self) -> None:
        """Another optimizer, rate or penalty for the training that goes on."""
        self.trainer.optimizer = optimizer_of(self.state, self.data)
        self.trainer.penalty = penalty_of(self.state)
        self.log.parts(self.trainer.optimizer, self.trainer.penalty)
        self.changed()

    def set_parameter(self, place: int, name: str, index: tuple[int, ...], value: float) -> None:
        """One weight or bias; the next epoch goes on from it."""
        if place >= len(self.recipe.dense):
            raise Refused(f"There is no layer {place}: the network has {len(self.recipe.dense)}, from 0 on.")
        key = f"{self.recipe.dense[place]}.{name}"
        array = self.network.get(key).copy()
        if any(each >= size for each, size in zip(index, array.shape, strict=True)):
            raise Refused(f"There is no such {name}: those of layer {place} are {' × '.join(map(str, array.shape))}.")
        array[index] = value
        self.network.set(key, array)
        self.log.edit(key, index, float(array[index]))
        self.changed()

    def load(self, network: pl.Network, name: str) -> None:
        """Go on with a network that somebody brings; the controls follow it."""
        from pellucid.playground.loading import state_for

        state, data = state_for(network, self.state, self.data)
        self.adopt(state, data)
        self.network.parameters, self.network.statistics = network.parameters, network.statistics
        self.first = (self.network.parameters, self.network.statistics)
        self.origin = name or "network.pellucid"
        self._start()

    def present_state(self) -> EngineState | None:
        """What the next step would go on from, weights set by hand included; None before there is an optimizer's."""
        state = replace(self.trainer.state, parameters=self.network.parameters, statistics=self.network.statistics)
        return state if len(state.slots) == len(self.trainer.optimizer.slot_names) else None

    def touch(self) -> None:
        """Frames are to be sent again, though nothing in them is measured anew."""
        self._change += 1

    def changed(self) -> None:
        """Something that frames show is another."""
        self.touch()
        self.measure()

    # -- training ------------------------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """Epochs of this network."""
        return self.trainer.epoch

    def run(self) -> None:
        """Train until told otherwise."""
        self._check_trainable()
        self.running, self.stopped = True, ""
        self._paced = (time.perf_counter(), self.epoch)
        self._measured = (time.perf_counter(), self.epoch)

    def pause(self) -> None:
        """Stop after the burst that is running."""
        self.running, self._speed = False, 0.0

    def step(self, epochs: int) -> None:
        """So many epochs at once, paused before and after."""
        self._check_trainable()
        self.pause()
        self._train(epochs)

    def _check_trainable(self) -> None:
        if not len(self.data.x_train):
            raise Refused("There are no training points: add some, or choose a data set.")

    def work(self) -> float | None:
        """A burst of training, and a frame if one is wanted."""
        wait = self._burst() if self.running else None
        frame = self._frame()
        return min((each for each in (wait, frame) if each is not None), default=None)

    def _burst(self) -> float | None:
        now = time.perf_counter()
        most = max(1, int(_BURST / self._seconds))
        if self.state.speed:
            began, first = self._paced
            owed = (now - began) * self.state.speed - (self.epoch - first)
            if owed < 1:
                return (1 - owed) / self.state.speed
            if owed > max(1.0, _MOST_BEHIND * self.state.speed):
                self._paced = (now, self.epoch)
            most = min(most, int(owed))
        if self.state.stop_at > self.epoch:
            most = min(most, self.state.stop_at - self.epoch)
        self._train(most)
        if self.state.stop_at and self.epoch >= self.state.stop_at and self.running:
            self.pause()
            self.stopped = f"Paused at epoch {self.state.stop_at:,}, as wished."
        since, first = self._measured if self.running else (now, self.epoch)
        if now - since > 0.5:
            self._speed = (self.epoch - first) / (now - since)
            self._measured = (now, self.epoch)
        return 0 if self.running else None

    def _train(self, epochs: int) -> None:
        start = time.perf_counter()
        before = self.epoch
        self.diverged = ""
        try:
            with np.errstate(all="ignore"):
                self.trainer.fit(self.x_train, self.y_train, epochs=epochs)
        except pl.DivergenceError as error:
            self.pause()
            self.diverged = self.stopped = str(error)
        done = self.epoch - before
        self.log.fit(done)
        if done:
            self._seconds = 0.7 * self._seconds + 0.3 * (time.perf_counter() - start) / done
        if len(self.trainer.history) > _MOST_HISTORY:
            self.trainer.history = History()
        self.changed()

    def measure(self) -> None:
        """Losses and accuracy of the present moment, and a point of the chart."""
        view = self.view
        self.of_train = frames.measure(view, self.data.x_train, self.data.y_train)
        self.of_test = frames.measure(view, self.data.x_test, self.data.y_test)
        losses = [None if each is None else each["loss"] for each in (self.of_train, self.of_test)]
        self.curve.add(self.epoch, *losses)

    # -- looking -------------------------------------------------------------------------------------------------

    @property
    def view(self) -> View:
        """What frames are made of."""
        parts = self.network, self.recipe, self.data
        if self._view is None or not self._view.shows(*parts):
            self._view = View(*parts)
        return self._view

    def want_frame(self, request: dict[str, Any], deliver: Deliver) -> None:
        """Remember what the page wants to see next; what it wanted before is forgotten."""
        self._wanted = (request, deliver)

    def forget_frames(self) -> None:
        """Another connection has seen nothing yet."""
        self._wanted, self._sent = None, ()
        for room in self.rooms:
            room.call(room.forget_frames)

    def _frame(self) -> float | None:
        """Deliver a frame if one is wanted and there is something new; else answer when to look again."""
        if self._wanted is None:
            return None
        request, deliver = self._wanted
        shows = {name: value for name, value in request.items() if name != "since"}
        news = (self.generation, self._change, self.running, self.stopped, tuple(map(str, shows.values())))
        if news == self._sent:
            return None
        now = time.perf_counter()
        if now < self._frame_due:
            return self._frame_due - now
        self._wanted, self._sent, self._frame_due = None, news, now + _FRAME
        deliver(self.frame(request))
        return None

    def frame(self, request: dict[str, Any]) -> bytes:
        """One binary message with all that the page draws."""
        view = self.view
        arrays: dict[str, Array] = frames.parameters(view)
        size = frames.large_size(self.network, request["output_size"])
        if request["maps"]:
            arrays["maps"] = frames.unit_maps(view, request["map_size"])
        arrays["output"] = frames.output_map(view, size)
        if request["unit"] is not None:
            values = frames.unit_map(view, **request["unit"], size=size)
            if values is not None:
                arrays["unit"] = values
        arrays["curve"] = self.curve.since(request["since"])
        train, test = self.of_train, self.of_test if request["test"] else None
        header = {
            "kind": "frame",
            "generation": self.generation,
            "epoch": self.epoch,
            "steps": self.trainer.step,
            "running": self.running,
            "rate": self.trainer.optimizer.rate_at(self.trainer.step),
            "epochs_per_second": self._speed,
            "loss": {"train": train and train["loss"], "test": test and test["loss"]},
            "metric": {
                "name": "accuracy" if self.recipe.classes else "r2",
                "train": train and train["metric"],
                "test": test and test["metric"],
            },
            "confusion": {"train": train and train["confusion"], "test": test and test["confusion"]},
            "diverged": self.diverged or None,
            "stopped": self.stopped,
            "range": list(self.data.target_range),
            "signed": len(arrays["output"]) == 1,
            "findings_changed": self._to_be_diagnosed(),
            "histograms": frames.histograms(view) if request["histograms"] else None,
        }
        return wire.pack(header, arrays)

    def _to_be_diagnosed(self) -> bool:
        """Whether the doctor, if asked now, might say something else; not more than every two seconds."""
        now = time.perf_counter()
        shown = (self.generation, self.epoch, self.diverged)
        if shown == self._diagnosed[0] or (self.running and now - self._diagnosed[1] < _DIAGNOSIS):
            return False
        self._diagnosed = (shown, now)
        return True

    def failed(self, error: Exception) -> None:
        """A fault of ours must not look as if training went on."""
        self.pause()
        self.stopped = f"This is a fault in Pellucid, please report it: {type(error).__name__}: {error}"
        self._change += 1

    def ended(self) -> None:
        """Let go of data, network and rooms."""
        for room in self.rooms:
            room.end(wait=True)
        self.rooms.clear()
        self._wanted = self._view = None
        for name in ("data", "network", "trainer", "recipe", "first", "x_train", "y_train", "curve", "log"):
            self.__dict__.pop(name, None)
