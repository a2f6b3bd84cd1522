"""Where a training is: what it goes on from, what it turns back to, and what the network shows of it.

Contract: states are never changed in place, so that one which is kept stays what it was. `show` is the only way from a
state into the network; `sync_from_network` is the way back, for what was changed in the network from outside.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pellucid.engines.engine import TrainingState
from pellucid.network import Network
from pellucid.optimizers import Optimizer


@dataclass
class TrainingStates:
    """The states of a training.

    Parameters
    ----------
    initial : TrainingState
        Before the first step: first weights, and slots at 0.
    state : TrainingState
        What training goes on from.
    safe : TrainingState
        What it turns back to where the loss is no number any more.
    shown : TrainingState
        What the network was given last; where it holds other vectors now, they were changed from outside.
    slot_names : tuple of str
        What the optimizer remembers that the states are of.
    batches : int
        How many steps an epoch of the last `fit` had; 0 before the first.
    """

    initial: TrainingState
    state: TrainingState
    safe: TrainingState
    shown: TrainingState
    slot_names: tuple[str, ...]
    batches: int = 0

    @classmethod
    def begin(cls, network: Network, optimizer: Optimizer) -> TrainingStates:
        """Before the first step, from the network's weights."""
        first = TrainingState.start(network.parameters, network.statistics, optimizer)
        return cls(first, first, first, first, optimizer.slot_names)

    def show(self, network: Network, state: TrainingState) -> None:
        """Put a state's numbers into the network: the moving average's, where there is one."""
        parameters = state.parameters if state.average is None else state.average
        shown = replace(state, parameters=parameters)
        network.adopt(parameters, state.statistics)
        self.shown = shown

    def changed_outside(self, network: Network) -> bool:
        """Whether the network holds other numbers than `show` put there."""
        return network.parameters is not self.shown.parameters or network.statistics is not self.shown.statistics

    def sync_from_network(self, network: Network, optimizer: Optimizer, batches: int) -> None:
        """Go on from what was changed since the last `fit`: weights, the kind of the optimizer, the number of rows."""
        state, safe = self.state, self.safe
        if self.changed_outside(network):
            state = replace(state, parameters=network.parameters, statistics=network.statistics, average=None)
            safe = state
        if self.slot_names != optimizer.slot_names:  # another kind of optimizer remembers nothing yet
            state = replace(state, slots=TrainingState.start(state.parameters, state.statistics, optimizer).slots)
            safe = state
        if state.batch and batches != self.batches:  # other data: the unfinished epoch starts anew
            state = replace(state, batch=0, loss_sum=0.0, weight_sum=0.0, correct_sum=0.0)
        # a single call, so that an interrupt comes before all of it or after
        self.__dict__.update(state=state, safe=safe, slot_names=optimizer.slot_names, batches=batches)
