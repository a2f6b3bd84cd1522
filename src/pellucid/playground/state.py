"""All controls of the playground as one value, and its two forms: a JSON table and an address.

Contract: `read_fragment` and `changed` return a `PlaygroundState` and the `Problem`s: what was wrong with a value,
which then has its default (or stays as it was). The keys are the TensorFlow Playground's where it has them, so that its
links open here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_plus

from pellucid.playground.catalogue import (
    ACTIVATION_NAMES,
    DATASET_NAMES,
    HIDEABLE,
    INITIALIZER_NAMES,
    LOSS_NAMES,
    OPTIMIZER_NAMES,
    REGRESSION_NAMES,
    REGULARIZATION_NAMES,
    SCHEDULE_NAMES,
)
from pellucid.playground.features import MOST_FORMULAS, check_formula
from pellucid.validation import check_choice, check_integer, check_number

MOST_LAYERS = 10
MOST_UNITS = 64
MOST_SEED = 2**32 - 1
MOST_CHARACTERS = 8000  # of an address
_MOST_PROBLEMS = 50
_MOST_SHOWN = 60  # characters of a bad value
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_OF_NO_EFFECT = ("cosX", "cosY", "collectStats", "tutorial")  # the TensorFlow Playground writes these into every link

Check = Callable[[str, Any], Any]
"""Takes the key and a JSON value, answers the checked value or raises ValueError or TypeError."""


class Problem(NamedTuple):
    """A value that could not be used."""

    key: str
    value: str
    message: str


class Refused(ValueError):
    """What was asked for cannot be done; the message is for people, and nothing was changed."""


def _number(low: float, high: float) -> Check:
    def check(key: str, value: Any) -> float:
        number = check_number(key, value, minimum=low, maximum=high)
        return int(number) if number == int(number) else number

    return check


def _whole(low: int, high: int) -> Check:
    return lambda key, value: check_integer(
        key, int(value) if isinstance(value, float) and value.is_integer() else value, minimum=low, maximum=high
    )


def _choice(allowed: tuple[str, ...]) -> Check:
    return lambda key, value: check_choice(key, value, allowed)


def _boolean(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{key} must be true or false, not {value!r}.")
    return value


def _list(item: Check, most: int) -> Check:
    def check(key: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise TypeError(f"{key} must be a list, not {value!r:.60}.")
        if len(value) > most:
            raise ValueError(f"{key} may hold at most {most}, not {len(value)}.")
        return tuple(item(key, each) for each in value)

    return check


def _optional_activation(key: str, value: Any) -> str:
    return check_choice(key, value, ("", *ACTIVATION_NAMES))


def _seed(key: str, value: Any) -> int:
    """A whole number; of the TensorFlow Playground's seeds 0.12345 the decimals."""
    if isinstance(value, float) and 0 < value < 1:
        value = round(value * 100_000)
    return int(_whole(0, MOST_SEED)(key, value))


def _formula(key: str, value: Any) -> str:
    return check_formula(value)


def _control(key: str, default: Any, check: Check) -> Any:
    return field(default=default, metadata={"key": key, "check": check})


def _switch(key: str, default: bool = False) -> Any:
    return _control(key, default, _boolean)


@dataclass(frozen=True)
class PlaygroundState:
    """Every control's value. PROTOCOL.md has what each means; the defaults are the TensorFlow Playground's."""

    problem: str = _control("problem", "classification", _choice(("classification", "regression")))
    dataset: str = _control("dataset", "circle", _choice(DATASET_NAMES))
    regression_dataset: str = _control("regDataset", "reg-plane", _choice(REGRESSION_NAMES))
    training_percent: float = _control("percTrainData", 50, _number(10, 90))
    noise: float = _control("noise", 0, _number(0, 80))
    batch_size: int = _control("batchSize", 10, _whole(1, 1000))
    seed: int = _control("seed", 0, _seed)
    weight_seed: int = _control("weightSeed", 0, _seed)
    shuffle: bool = _switch("shuffle")
    x: bool = _switch("x", True)
    y: bool = _switch("y", True)
    x_squared: bool = _switch("xSquared")
    y_squared: bool = _switch("ySquared")
    x_times_y: bool = _switch("xTimesY")
    sin_x: bool = _switch("sinX")
    sin_y: bool = _switch("sinY")
    formulas: tuple[str, ...] = _control("formulas", (), _list(_formula, MOST_FORMULAS))
    network_shape: tuple[int, ...] = _control("networkShape", (4, 2), _list(_whole(1, MOST_UNITS), MOST_LAYERS))
    activation: str = _control("activation", "tanh", _choice(ACTIVATION_NAMES))
    activations: tuple[str, ...] = _control("activations", (), _list(_optional_activation, MOST_LAYERS))
    dropout: tuple[float, ...] = _control("dropout", (), _list(_number(0, 0.9), MOST_LAYERS))
    initializer: str = _control("initializer", "playground", _choice(INITIALIZER_NAMES))
    start_at_zero: bool = _switch("initZero")
    loss: str = _control("loss", "auto", _choice(LOSS_NAMES))
    optimizer: str = _control("optimizer", "gradient_descent", _choice(OPTIMIZER_NAMES))
    momentum: float = _control("momentum", 0.9, _number(0, 0.999))
    learning_rate: float = _control("learningRate", 0.03, _number(0, 100))
    schedule: str = _control("schedule", "none", _choice(SCHEDULE_NAMES))
    schedule_epochs: int = _control("scheduleEpochs", 100, _whole(1, 100_000))
    regularization: str = _control("regularization", "none", _choice(REGULARIZATION_NAMES))
    regularization_rate: float = _control("regularizationRate", 0, _number(0, 10))
    stop_at: int = _control("stopAt", 0, _whole(0, 10_000_000))
    speed: float = _control("speed", 60, _number(0, 10_000))
    show_test_data: bool = _switch("showTestData")
    discretize: bool = _switch("discretize")
    hide_text: bool = _switch("hideText")
    output: int = _control("output", 0, _whole(0, MOST_UNITS - 1))
    tab: str = _control("tab", "plane", _choice(("plane", "digits")))
    hide: tuple[str, ...] = _control("hide", (), _list(_choice(HIDEABLE), len(HIDEABLE)))

    @property
    def chosen_dataset(self) -> str:
        """The data set of the present problem."""
        return self.dataset if self.problem == "classification" else self.regression_dataset

    def activation_of(self, layer: int) -> str:
        """The activation of a hidden layer, its own or the common one."""
        own = self.activations[layer] if layer < len(self.activations) else ""
        return own or self.activation

    def dropout_of(self, layer: int) -> float:
        """The dropout behind a hidden layer."""
        return self.dropout[layer] if layer < len(self.dropout) else 0.0

    def to_table(self) -> dict[str, Any]:
        """All keys with their JSON values."""
        return {key: _plain(getattr(self, item.name)) for key, item in CONTROLS.items()}

    def to_fragment(self) -> str:
        """The address, without #: what differs from the defaults, in the order of the controls."""
        parts = []
        for key, item in CONTROLS.items():
            value = getattr(self, item.name)
            if key == "hide":
                parts += [f"{name}_hide=true" for name in value]
            elif value != item.default:
                parts.append(f"{key}={_write(key, value)}")
        return "&".join(parts)


CONTROLS = {item.metadata["key"]: item for item in fields(PlaygroundState)}
"""The fields by their keys."""

LIVE = {
    "learningRate", "regularization", "regularizationRate", "optimizer", "momentum", "schedule", "scheduleEpochs",
    "stopAt", "speed", "weightSeed", "showTestData", "discretize", "hideText", "output", "tab", "hide",
}  # fmt: skip
"""Keys whose change leaves network and data as they are."""


def changed(state: PlaygroundState, changes: Mapping[str, Any]) -> tuple[PlaygroundState, list[Problem]]:
    """The state with some JSON values changed; a bad one leaves its control as it was."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value in changes.items():
        item = CONTROLS.get(key)
        if item is None:
            problems.append(_problem(key, value, f"There is no control {key!r:.60}; it is left out."))
            continue
        try:
            values[item.name] = item.metadata["check"](key, value)
        except (ValueError, TypeError, OverflowError) as error:
            problems.append(_problem(key, value, f"{_sentence(error)} It stays as it was."))
    return replace(state, **values), problems[:_MOST_PROBLEMS]


def read_fragment(fragment: str) -> tuple[PlaygroundState, list[Problem]]:
    """The state that an address stands for; each bad value is replaced by its default, and said."""
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    hidden: list[str] = []
    if len(fragment) > MOST_CHARACTERS:
        words = f"The address is longer than {MOST_CHARACTERS:,} characters: all controls are at their defaults."
        return PlaygroundState(), [_problem("", fragment, words)]
    for part in fragment.removeprefix("#").split("&"):
        key, _, text = part.partition("=")
        key, text = unquote_plus(key), unquote_plus(text) if key != "formulas" else text
        if not key or text in ("null", "undefined") or key in _OF_NO_EFFECT:
            continue
        if key.endswith("_hide"):
            name = key.removesuffix("_hide")
            if name not in HIDEABLE:
                problems.append(_problem(key, text, f"There is no control {name!r:.60} to hide; it is left out."))
            elif text == "true" and name not in hidden:
                hidden.append(name)
            continue
        item = CONTROLS.get(key)
        if item is None or key == "hide":
            problems.append(_problem(key, text, f"There is no control {key!r:.60}; it is left out."))
            continue
        try:
            values[item.name] = item.metadata["check"](key, _read(key, text, item.default))
        except (ValueError, TypeError, OverflowError) as error:
            values.pop(item.name, None)
            problems.append(_problem(key, text, f"{_sentence(error)} It is at its default, {_shown(item.default)}."))
    return PlaygroundState(**values, hide=tuple(hidden)), problems[:_MOST_PROBLEMS]


def _read(key: str, text: str, default: Any) -> Any:
    """The JSON value that a text of the address stands for."""
    if isinstance(default, bool):
        return {"true": True, "false": False}.get(text, text)
    if isinstance(default, int | float):
        return _read_number(text)
    if key == "formulas":
        return [unquote_plus(part) for part in text.split(";")] if text else []
    if isinstance(default, tuple):
        numbers = key in ("networkShape", "dropout")
        return [_read_number(part) if numbers else part for part in text.split(",")] if text else []
    return {"none": "identity", "linear": "identity"}.get(text, text) if key.startswith("activation") else text


def _read_number(text: str) -> Any:
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _write(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if key == "formulas":
        return ";".join(quote(item, safe="") for item in value)
    if isinstance(value, tuple):
        return ",".join(quote(str(item), safe="") for item in value)
    return quote(str(value), safe="")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value).lower()


def _sentence(error: Exception) -> str:
    """The words for people: without the type that programmers are told."""
    return re.sub(r" \((str|bool|list|dict|float|NoneType)\)", "", str(error))[:300]


def _problem(key: str, value: Any, message: str) -> Problem:
    return Problem(str(key)[:_MOST_SHOWN], str(value)[:_MOST_SHOWN], message)
