"""A trainer as plain values and arrays, and back: all that training goes on from, and nothing that is run.

Contract: `snapshot(trainer)` returns a tree (`pellucid.storage.trees`), `trainer_from(tree, …)` a trainer that goes on
to the bit as the first one would have. Parts that hold functions of one's own cannot be written; the tree says which
they are, and `trainer_from` asks for them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from pellucid.augmentation.transforms import TRANSFORMS, Transform
from pellucid.configuration import from_configuration, to_configuration
from pellucid.engines.engine import TrainingState
from pellucid.network import Network
from pellucid.storage.networks import check_own, describe_network, known, network_from, schedule_from
from pellucid.training.callbacks import Callback
from pellucid.training.history import History
from pellucid.training.parts import TrainerParts
from pellucid.training.settings import FAMILIES, SETTINGS, Family
from pellucid.training.states import TrainingStates
from pellucid.training.watching import check_state
from pellucid.typing import Array
from pellucid.validation import check_integer

TrainerT = TypeVar("TrainerT", bound=TrainerParts)


def snapshot(trainer: TrainerParts) -> dict[str, Any]:
    """Everything that training goes on from, as a tree."""
    network, progress = trainer.network, _progress_table(trainer)
    return {
        "network": {**describe_network(network), "engine": network.engines.name, "threads": network.threads},
        "parts": {name: part_table(getattr(trainer, name), family) for name, family in FAMILIES.items()},
        "settings": {name: getattr(trainer, name) for name in SETTINGS},
        "progress": progress,
        "history": _history_table(trainer.history),
        "callbacks": [
            {"type": type(callback).__name__, "state": state}
            for callback in trainer.callbacks
            if (state := callback.state())
        ],
    }


def trainer_from(
    make: Callable[..., TrainerT],
    tree: Mapping[str, Any],
    *,
    callbacks: Sequence[Any] | None,
    custom: Sequence[type],
    engine: str | None,
    threads: int | None,
    parts: Mapping[str, Any],
) -> TrainerT:
    """The trainer that a snapshot tells of.

    Raises
    ------
    ValueError, TypeError, KeyError
        If something is missing that no file holds, or the tree is not a snapshot.
    """
    said = tree["network"]
    network = network_from(
        said,
        engine=said["engine"] if engine is None else engine,
        threads=said["threads"] if threads is None else threads,
        custom=custom,
    )
    fitted = network.statistics_fitted
    chosen = {name: part_from(name, tree["parts"][name], parts.get(name), custom) for name in FAMILIES}
    trainer = make(network, **chosen, **tree["settings"], callbacks=callbacks or ())
    network.loss = trainer.loss
    trainer.history = _history_from(tree["history"])
    _go_on(trainer, tree["progress"], fitted)
    _restore_callbacks(trainer.callbacks, tree["callbacks"], asked=callbacks is not None)
    if trainer.history.engine == "native" and network.engines.native is None:
        warnings.warn(
            "The checkpoint was trained on the native engine, which is not used here: the reference engine goes on, "
            "equal to rounding and not to the bit.",
            UserWarning,
            stacklevel=4,
        )
    return trainer


# -- where training is -------------------------------------------------------------------------------------------


def _progress_table(trainer: TrainerParts) -> dict[str, Any]:
    """The state, the one to go back to after a divergence, and what the network shows (the best epoch's, maybe)."""
    progress, network = trainer.progress, trainer.network
    return {
        "state": progress.state,
        "safe": progress.safe,
        "first": {"parameters": progress.initial.parameters, "statistics": progress.initial.statistics},
        "parameters": network.parameters,
        "statistics": network.statistics,
        "changed": progress.changed_outside(network),
        "slot_names": progress.slot_names,
        "batches": progress.batches,
        "stopped": trainer.stopped,
    }


def _go_on(trainer: TrainerParts, table: Mapping[str, Any], statistics_fitted: bool) -> None:
    """Be where the training was that answered `_progress_table`."""
    network, names = trainer.network, tuple(table["slot_names"])
    state, safe = check_state("state", table["state"]), check_state("safe", table["safe"])
    for each in (state, safe):
        _check_fits(each, network, len(names))
    network.adopt(table["parameters"], table["statistics"], statistics_fitted)
    begun = table.get("first", {"parameters": state.parameters, "statistics": state.statistics})  # it came later
    first = TrainingState.start(begun["parameters"], begun["statistics"], trainer.optimizer)
    _check_fits(first, network, len(first.slots))
    # `fit` takes over what was changed from outside: it knows that by the network's vectors being others than shown.
    parameters = state.parameters.copy() if table["changed"] else network.parameters
    shown = replace(state, parameters=parameters, statistics=network.statistics)
    batches = check_integer("batches", table["batches"])
    trainer.restore(TrainingStates(first, state, safe, shown, names, batches), stopped=str(table["stopped"]))


def _check_fits(state: TrainingState, network: Network, slots: int) -> None:
    """Raise if a state is none of the network's."""
    program, average = network.program, () if state.average is None else (state.average,)
    if len(state.slots) != slots:
        raise ValueError(f"The state holds {len(state.slots)} vectors of the optimizer, not {slots}.")
    for vector in (state.parameters, *state.slots, *average):
        if vector.shape != (program.parameter_count,) or vector.dtype != network.dtype:
            raise ValueError(f"The state holds a vector {vector.shape} of {vector.dtype}, which does not fit.")
    if state.statistics.shape != (program.statistic_count,) or state.statistics.dtype != np.float64:
        raise ValueError(f"The state holds statistics of the shape {state.statistics.shape}, which do not fit.")


# -- parts -------------------------------------------------------------------------------------------------------


def part_table(part: Any, family: Family) -> dict[str, Any] | None:
    """A part as plain data; where it cannot be, what stands in the way."""
    if part is None:
        return None
    try:
        check_own(part, family.classes)
        return to_configuration(part)
    except TypeError as error:
        return {"unwritten": str(error)}


def part_from(name: str, table: Any, given: Any, custom: Sequence[type]) -> Any:
    """A part of the trainer: the one that is given, else the one that is written down."""
    if given is not None or table is None:
        return given
    if "unwritten" in table:
        raise ValueError(f"No file holds the {name} of this training: {table['unwritten']} Give it again: {name}=…")
    family = FAMILIES[name]
    values = dict(table)
    for scheduled in ("learning_rate", "weight_decay"):
        if isinstance(values.get(scheduled), Mapping):
            values[scheduled] = schedule_from(values[scheduled], custom)
    if name == "augmentation":
        transforms = known(TRANSFORMS.values(), Transform, custom)
        values["transforms"] = [from_configuration(each, transforms, "transform") for each in values["transforms"]]
    try:
        return from_configuration(values, known(family.classes, family.base, custom), name)
    except ValueError as error:
        raise ValueError(f"{error} If it is a class of your own, name it in custom=[…].") from None


# -- history and callbacks ---------------------------------------------------------------------------------------


def _history_table(history: History) -> dict[str, Any]:
    data = history.to_dict()
    return {**data, "columns": {name: _column(values) for name, values in data["columns"].items()}}


def _column(values: list[Any]) -> Array | list[Any]:
    """An array where every number is one, to take little room; else the list."""
    for kind, dtype in ((int, np.int64), (float, np.float64)):
        if all(type(value) is kind for value in values):
            return np.array(values, dtype=dtype)
    return values


def _history_from(table: Mapping[str, Any]) -> History:
    columns = {
        name: column.tolist() if isinstance(column, np.ndarray) else column for name, column in table["columns"].items()
    }
    return History.from_dict({**table, "columns": columns})


def _restore_callbacks(callbacks: Sequence[Callback], saved: Sequence[Mapping[str, Any]], asked: bool) -> None:
    """Give each callback the state that one of its class had, in their order."""
    waiting = list(callbacks)
    left = []
    for entry in saved:
        match = next((callback for callback in waiting if type(callback).__name__ == entry["type"]), None)
        if match is None:
            left.append(entry["type"])
            continue
        waiting.remove(match)
        match.restore(entry["state"])
    if not left:
        return
    names = ", ".join(left)
    if not asked:
        raise ValueError(
            f"The training had callbacks that remember something: {names}. Give them again, "
            f"callbacks=[{', '.join(f'{name}(…)' for name in left)}], or callbacks=[] to go on without."
        )
    warnings.warn(f"Training goes on without {names}, which it had before.", UserWarning, stacklevel=5)
