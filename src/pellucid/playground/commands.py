"""What each message of the page does to its session, and what is answered.

Contract: `answer(session, message)` runs in the session's thread and answers messages to send: tables for JSON, bytes
for binary ones. It raises `Refused` or `DataError` where something cannot be done; then nothing was changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pellucid.playground import downloads, wire
from pellucid.playground.catalogue import as_table
from pellucid.playground.data import MOST_POINTS, PlaneData, from_table, thumbnails
from pellucid.playground.diagnostics import findings, traced
from pellucid.playground.messages import MOST_BYTES, Message
from pellucid.playground.network_recipe import resolved
from pellucid.playground.pasted_table import MOST_BYTES as MOST_CSV_BYTES
from pellucid.playground.pasted_table import MOST_COLUMNS, MOST_ROWS, DataError, PastedTable
from pellucid.playground.session import Session
from pellucid.playground.state import (
    CONTROLS,
    LIVE,
    MOST_LAYERS,
    MOST_SEED,
    MOST_UNITS,
    PlaygroundState,
    Problem,
    Refused,
    changed,
    read_fragment,
)
from pellucid.version import __version__

Answer = list[Any]
_RETUNING = {
    "learningRate", "regularization", "regularizationRate", "optimizer", "momentum", "schedule", "scheduleEpochs",
}  # fmt: skip
_OF_DATA = {"problem", "dataset", "regDataset", "percTrainData", "noise", "seed"}


def welcome(session: Session, *, resumed: bool, session_seconds: float) -> Answer:
    """The first answer of a connection."""
    limits = {
        "message_bytes": MOST_BYTES,
        "csv_bytes": MOST_CSV_BYTES,
        "csv_rows": MOST_ROWS,
        "csv_columns": MOST_COLUMNS,
        "layers": MOST_LAYERS,
        "units": MOST_UNITS,
        "formulas": 8,
        "points": MOST_POINTS,
        "session_seconds": session_seconds,
    }
    head = {
        "type": "welcome",
        "session": session.name,
        "resumed": resumed,
        "version": __version__,
        "catalogue": {"datasets": list(thumbnails()), **as_table()},
        "limits": limits,
        "exports": downloads.available_formats(),
        "doctor": findings(session, ask=False)["available"],
    }
    return [{**state_message(session), **head}, data_message(session.data, session)]


def state_message(session: Session) -> dict[str, Any]:
    """All controls and what they made."""
    recipe, network = session.recipe, session.network
    problems, session.problems = session.problems, []
    state = session.state
    units = [network.program.instructions[index].output_shape[0] for index in recipe.dense]
    layers = [
        {
            "units": count,
            "activation": state.activation_of(place) if place < len(recipe.hidden) else _output_activation(session),
            "dropout": state.dropout_of(place) if place < len(recipe.hidden) else 0,
            "output": place == len(recipe.hidden),
        }
        for place, count in enumerate(units)
    ]
    labels = [*(label for _, label, _ in recipe.formulas), *recipe.others]
    return {
        "type": "state",
        "state": state.to_table(),
        "fragment": state.to_fragment(),
        "problems": [problem._asdict() for problem in problems],
        "own": session.own_names,
        "running": session.running,
        "epoch": session.epoch,
        "generation": session.generation,
        "network": {
            "inputs": [{"name": name, "label": label} for name, label in zip(recipe.input_names, labels, strict=True)],
            "layers": layers,
            "parameters": network.program.parameter_count,
            "loss": str(recipe.loss),
            "optimizer": str(session.trainer.optimizer),
            "engine": session.trainer.history.engine or network.engines.choose(network.program)[0].name,
            "engine_note": session.trainer.history.engine_note,
        },
    }


def _output_activation(session: Session) -> str:
    if session.recipe.targets == "signed":
        return "tanh"
    link = session.recipe.loss.link(session.recipe.encode(session.data.y_train[:1]))
    return link if link in ("softmax", "sigmoid") else "identity"


def data_message(data: PlaneData, session: Session) -> bytes:
    """The points and what is known of them."""
    import numpy as np

    table = data.table
    header = {
        "kind": "data",
        "generation": session.generation,
        "problem": data.problem,
        "name": data.name,
        "classes": list(data.classes),
        "domain": list(data.domain),
        "axes": list(data.axes[:2]),
        "range": list(data.target_range),
        "columns": list(table.columns) if table else [],
        "inputs": list(data.axes) if table else [],
        "map": list(data.axes[:2]) if table else [],
        "target": data.target,
        "notes": list(data.notes),
    }
    arrays = {
        name: np.column_stack([x[:, :2], y]).astype(np.float32)
        for name, x, y in (("train", data.x_train, data.y_train), ("test", data.x_test, data.y_test))
    }
    return wire.pack(header, arrays)


def answer(session: Session, message: Message) -> Answer:
    """Do what a message says."""
    data = session.data
    answers = COMMANDS[message.type](session, **{_NAMES.get(name, name): each for name, each in message.fields.items()})
    if answers is None:
        answers = [state_message(session)]
        if session.data is not data:
            answers.append(data_message(session.data, session))
    return answers


def _set(session: Session, changes: dict[str, Any]) -> None:
    before = session.state
    state, problems = changed(before, changes)
    state, more = resolved(state)
    problems += more
    keys = {key for key, item in CONTROLS.items() if getattr(state, item.name) != getattr(before, item.name)}
    if keys <= LIVE:
        session.state = state
        session.problems = problems
        if keys & _RETUNING:
            session.retune()
        if "speed" in keys and session.running:
            session.run()
        session.touch()
    elif keys <= LIVE | {"seed"} and not session.data.own:
        _redraw(session, state, problems)
    else:
        session.adopt(state, _data_for(session, state, keys), tuple(problems))


def _data_for(session: Session, state: PlaygroundState, keys: set[str]) -> PlaneData | None:
    """The data that stay where the controls change; None: they are drawn anew."""
    data = session.data
    own = state.chosen_dataset in ("own", "reg-own")
    if own and not data.own:
        kept = session.kept(state)
        if kept is None:
            raise Refused("There are no own data yet: drop a CSV file, or add points to the plane.")
        return kept
    if not own:
        return None if data.own or keys & _OF_DATA else data
    if data.problem != state.problem:
        raise Refused(f"The own data are for {data.problem}: choose a data set of {state.problem}, or another target.")
    return data.divided(state.training_percent, state.seed) if keys & {"percTrainData", "seed"} else data


def _redraw(session: Session, state: PlaygroundState, problems: list[Problem]) -> None:
    """New data for the same network."""
    from pellucid.playground.data import drawn

    session.problems = problems
    session.change_data(drawn(state), state)


def _open(session: Session, fragment: str) -> None:
    state, problems = read_fragment(fragment)
    own = session.kept(state) if state.chosen_dataset in ("own", "reg-own") else None
    session.adopt(state, own, tuple(problems))


def _regenerate(session: Session) -> None:
    state = replace(session.state, seed=(session.state.seed + 1) & MOST_SEED)
    if session.data.own:
        session.change_data(session.data.divided(state.training_percent, state.seed), state)
    else:
        _redraw(session, state, [])


def _reseed(session: Session, seed: int) -> None:
    session.state = replace(session.state, weight_seed=seed)
    session.build()


def _weight(session: Session, layer: int, from_: int, to: int, value: float) -> None:
    session.set_parameter(layer, "weight", (from_, to), value)


def _bias(session: Session, layer: int, unit: int, value: float) -> None:
    session.set_parameter(layer, "bias", (unit,), value)


def _own(session: Session, data: PlaneData) -> None:
    """The data are the user's from now on."""
    session.change_data(data, data.chosen_in(session.state))
    session.keep()


def _csv(session: Session, text: str, name: str, **choice: Any) -> None:
    _own(session, from_table(PastedTable.read(text, name), session.state, **choice))


def _columns(session: Session, **choice: Any) -> None:
    if session.data.table is None:
        raise Refused("There is no CSV whose columns could be chosen: drop one first.")
    _own(session, from_table(session.data.table, session.state, **choice))


def _load(session: Session, base64: bytes, name: str) -> None:
    session.load(downloads.read_network(base64), name)


COMMANDS: dict[str, Callable[..., Answer | None]] = {
    "set": _set,
    "open": _open,
    "run": lambda session: session.run(),
    "pause": lambda session: session.pause(),
    "step": lambda session, epochs: session.step(epochs),
    "rewind": lambda session: session.rewind(),
    "reset": lambda session: _reseed(session, (session.state.weight_seed + 1) & MOST_SEED),
    "reseed": _reseed,
    "regenerate": _regenerate,
    "weight": _weight,
    "bias": _bias,
    "csv": _csv,
    "columns": _columns,
    "add": lambda session, points: _own(session, session.data.with_points(points, session.state.training_percent)),
    "erase": lambda session, x, y, radius: _own(session, session.data.without_points(x, y, radius)),
    "clear": lambda session: _own(session, session.data.cleared()),
    "trace": lambda session, point, target: [traced(session, point, target)],
    "diagnose": lambda session: [findings(session)],
    "code": lambda session: [downloads.code(session)],
    "export": lambda session, format: [downloads.export(session, format)],
    "load": _load,
}
"""Every message of the plane's tab, but `hello`, `frame` and `bye`, which are the connection's."""

_NAMES = {"from": "from_"}

__all__ = ["COMMANDS", "DataError", "answer", "data_message", "state_message", "welcome"]
