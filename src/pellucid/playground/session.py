"""One session: settings, data, network and trainer of one page, in a thread of its own.

Contract: everything here runs in the session's thread (`Session.call`); `commands.py` says what each message does.
Training goes in bursts of some milliseconds, between which messages are answered and, if the page has asked for one,
a frame is made of what there is then.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import replace

import numpy as np

from pellucid.engines.engine import TrainingState as EngineState
from pellucid.network import Network
from pellucid.playground import frames
from pellucid.playground.actor import Actor
from pellucid.playground.curve import Curve
from pellucid.playground.data import PlaneData, drawn
from pellucid.playground.frames import View
from pellucid.playground.loading import state_for
from pellucid.playground.log import Log
from pellucid.playground.network_recipe import NetworkRecipe, batch_rows, optimizer_of, penalty_of, resolved
from pellucid.playground.pace import Pace
from pellucid.playground.pasted_table import DataError
from pellucid.playground.screen import FrameSender
from pellucid.playground.state import PlaygroundState, Problem, Refused
from pellucid.training import DivergenceError, Trainer
from pellucid.training.history import History

_LONGEST_STEP = 10.0  # seconds
_MOST_HISTORY = 20_000  # epochs of the trainer's own history that are kept


class Session(Actor):
    """One page's network.

    Parameters
    ----------
    name : str
        Its secret name, by which a page finds it again.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = PlaygroundState()
        self.network: Network
        self.recipe: NetworkRecipe
        self.problems: list[Problem] = []
        self.running = False
        self.diverged = self.stopped = ""
        self.generation = self.version = 0
        self._own: dict[str, tuple[PlaneData, tuple[float, int]]] = {}  # by problem, and as what they were divided
        self.rooms: list[Actor] = []
        self.screen, self.pace = FrameSender(), Pace()
        self._view: View | None = None
        self.data: PlaneData = drawn(self.state)
        self.build()
        super().__init__(f"pellucid-playground-{name[:6]}")

    # -- building ------------------------------------------------------------------------------------------------

    def adopt(self, state: PlaygroundState, data: PlaneData | None = None, problems: tuple[Problem, ...] = ()) -> None:
        """Be in another state, with other data or those the state names, and a new network."""
        state, more = resolved(state)
        found = [*problems, *more]
        if data is None:
            try:
                data = drawn(state)
            except DataError as error:
                key = "dataset" if state.problem == "classification" else "regDataset"
                found.append(Problem(key, state.chosen_dataset, str(error)))
                state = replace(
                    state, dataset=PlaygroundState().dataset, regression_dataset=PlaygroundState().regression_dataset
                )
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
            found.append(Problem("loss", state.loss, f"{error} The loss is chosen by the problem."))
            self.adopt(replace(state, loss="auto"), data, tuple(found))
            return
        self.problems = found

    def build(self) -> None:
        """A new network at epoch 0, paused."""
        recipe = NetworkRecipe.of(self.state, self.data)
        network = Network(recipe.layers)
        network.build(len(recipe.input_names), seed=self.state.weight_seed)
        network.features = recipe.input_names
        self.recipe, self.network, self.origin = recipe, network, ""
        self.begun = (self.data, self.state)  # what its first weights, and the scales of its inputs, come from
        self._start()
        self.first = (network.parameters, network.statistics)
        self.generation += 1

    def _start(self) -> None:
        """A trainer before its first step, for the network as it is."""
        state, data, recipe = self.state, self.data, self.recipe
        seed = self.begun[1].weight_seed  # that of the controls may be the next reset's
        self.running, self.diverged, self.stopped = False, "", ""
        self.curve = Curve(3)
        self.pace.reset()
        self.trainer = Trainer(
            self.network,
            loss=recipe.loss,
            optimizer=optimizer_of(state, data),
            batch_size=batch_rows(state, data),
            penalty=penalty_of(state),
            seed=seed,
            shuffle=state.shuffle,
        )
        self.take_data()
        if len(data.x_train):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a class without a training row: the page shows the points
                self.trainer.initialize(self.x_train, self.y_train)
        self.log = Log(state, data, recipe, self.begun, self.origin)
        self.measure()

    def take_data(self) -> None:
        """What the trainer is given from now on."""
        self.x_train = self.recipe.inputs(self.data.x_train)
        self.y_train = self.recipe.encode(self.data.y_train)
        self.trainer.batch_size = batch_rows(self.state, self.data)

    def rewind(self) -> None:
        """The weights that this network began with."""
        self.network.parameters, self.network.statistics = self.first
        self._start()
        self.generation += 1

    def change_data(self, data: PlaneData, state: PlaygroundState | None = None) -> None:
        """Other data for the same network; a new one if its inputs or classes are others."""
        state = self.state if state is None else state
        if (data.classes, data.axes, data.problem) != (self.data.classes, self.data.axes, self.data.problem) or (
            not len(self.data.x_train)
        ):
            self.adopt(state, data)
            return
        self.state, self.data = state, data
        self.take_data()
        self.pace.reset()
        self.log.data(data, state)
        if not len(data.x_train):
            self.running = False
        self.changed()

    def keep(self) -> None:
        """The present data are the user's: what "own" stands for from now on."""
        self._own[self.data.problem] = self.data, (self.state.training_percent, self.state.seed)

    def kept(self, state: PlaygroundState) -> PlaneData | None:
        """The user's data for a state's problem, divided as it says; None if there are none."""
        data, divided = self._own.get(state.problem, (None, None))
        wanted = (state.training_percent, state.seed)
        return data if data is None or divided == wanted else data.divided(*wanted)

    @property
    def own_names(self) -> dict[str, str]:
        """What the user's data are called, by problem."""
        return {problem: data.name for problem, (data, _) in self._own.items()}

    def retune(self) -> None:
        """Another optimizer, rate or penalty for the training that goes on."""
        self.trainer.optimizer = optimizer_of(self.state, self.data)
        self.trainer.penalty = penalty_of(self.state)
        self.trainer.divergence, self.trainer.history = None, History()  # those of the rate that was left
        self.diverged = self.stopped = ""
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

    def load(self, network: Network, name: str) -> None:
        """Go on with a network that somebody brings; the controls follow it."""
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
        self.screen.changed()

    def changed(self) -> None:
        """Something of the network, its data or its training is another."""
        self.version += 1
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
        self.pace.start(self.epoch)

    def pause(self) -> None:
        """Stop after the burst that is running."""
        self.running = False
        self.pace.pause()

    def step(self, epochs: int) -> None:
        """This many epochs at once, paused before and after; some seconds of them at most."""
        self._check_trainable()
        self.pause()
        self.diverged = self.stopped = ""
        last, end = self.epoch + epochs, time.perf_counter() + _LONGEST_STEP
        while self.epoch < last and not self.diverged and not self._ended:
            self._train(min(self._most, last - self.epoch))
            if time.perf_counter() > end and self.epoch < last:
                self.stopped = f"Paused {last - self.epoch:,} epochs before the end: they take too long."
                break

    def _check_trainable(self) -> None:
        if not len(self.data.x_train):
            raise Refused("There are no training points: add some, or choose a data set.")

    def work(self) -> float | None:
        """A burst of training, and a frame if one is wanted."""
        wait = self._burst() if self.running else None
        frame = self.screen.show(self)
        return min((each for each in (wait, frame) if each is not None), default=None)

    def _burst(self) -> float | None:
        state = self.state
        owed = self.pace.owed(self.epoch, state.speed)
        if owed < 1:
            return (1 - owed) / state.speed
        most = min(int(owed), self._most)
        if state.stop_at > self.epoch:
            most = min(most, state.stop_at - self.epoch)
        self._train(most)
        if state.stop_at and self.epoch == state.stop_at and self.running:
            self.pause()
            self.stopped = f"Paused at epoch {state.stop_at:,}, as wished."
        return 0 if self.running else None

    @property
    def _most(self) -> int:
        """Epochs of a burst: few at first, where the chart bends."""
        return min(self.pace.most, 1 + self.epoch // 20)

    def _train(self, epochs: int) -> None:
        began, before = time.perf_counter(), self.epoch
        self.diverged = ""
        try:
            with np.errstate(all="ignore"):
                self.trainer.fit(self.x_train, self.y_train, epochs=epochs, progress=False)
        except DivergenceError as error:
            self.pause()
            self.diverged = self.stopped = str(error)
        done = self.epoch - before
        self.log.fit(done)
        if len(self.trainer.history) > _MOST_HISTORY:
            self.trainer.history = History()
        self.changed()
        self.pace.trained(done, time.perf_counter() - began, self.epoch)

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

    def forget_frames(self) -> None:
        """Another connection has seen nothing yet."""
        self.screen.forget()
        for room in self.rooms:
            room.call(room.forget_frames)

    def failed(self, error: Exception) -> None:
        """A fault of ours must not look as if training went on."""
        self.pause()
        self.stopped = f"This is a fault in Pellucid, please report it: {type(error).__name__}: {error}"
        self.screen.changed()

    def ended(self) -> None:
        """Let go of data, network and rooms."""
        for room in self.rooms:
            room.end(wait=True)
        self.rooms.clear()
        self._view = None
        self.screen.forget()
        for name in ("data", "network", "trainer", "recipe", "first", "begun", "x_train", "y_train", "curve", "log"):
            self.__dict__.pop(name, None)
