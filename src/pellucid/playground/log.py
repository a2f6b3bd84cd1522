"""What happened to a network since its first weights, and the Python lines that do it again.

Contract: the session tells the log of every training, change of parts, data and weights; `python()` returns a program
which, run with the same Pellucid on the same machine, comes to the same losses, to the bit.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from pellucid.display import typed
from pellucid.optimizers import Optimizer
from pellucid.penalties import Penalty
from pellucid.playground.data import PlaneData
from pellucid.playground.network_recipe import NetworkRecipe, batch_rows, optimizer_of, penalty_of
from pellucid.playground.state import PlaygroundState
from pellucid.typing import Array

_MOST_ROWS = 200  # that are written into the program; more are a file beside it
_MOST_ENTRIES = 500
_MOST_DATA = 50
_WIDTH = 110

_typed = partial(typed, prefix="pl.")

_ARRAYS = ("x_train", "y_train", "x_test", "y_test")
_ENDING = (
    'print("epoch", trainer.epoch)',
    'print("training loss", network.evaluate(inputs(x_train), targets(y_train), loss=trainer.loss)["loss"])',
    "if len(x_test):",
    '    print("test loss", network.evaluate(inputs(x_test), targets(y_test), loss=trainer.loss)["loss"])',
)


class Code(NamedTuple):
    """A program, whether it is exact, and what there is to say about it."""

    python: str
    exact: bool
    note: str


class Log:
    """The history of one network.

    Parameters
    ----------
    state : PlaygroundState
        Of its beginning.
    data : PlaneData
        It begins to train on.
    recipe : NetworkRecipe
        It was made by.
    begun : (PlaneData, PlaygroundState)
        What its first weights were drawn with: after a rewind, not always what it trains on.
    origin : str
        The model file its first weights come from; "" if they were drawn.
    """

    def __init__(
        self,
        state: PlaygroundState,
        data: PlaneData,
        recipe: NetworkRecipe,
        begun: tuple[PlaneData, PlaygroundState],
        origin: str = "",
    ) -> None:
        self._state, self._data, self._recipe, self._origin = state, data, recipe, origin
        self._begun, self._seed = begun, begun[1].weight_seed
        self._entries: list[tuple[str, Any]] = []
        self._exact = True

    def fit(self, epochs: int) -> None:
        """This many epochs were trained; fewer than none, where training turned back."""
        last = self._entries[-1] if self._entries else ("", 0)
        if last[0] == "fit":
            self._entries[-1] = ("fit", last[1] + epochs)
            if last[1] + epochs <= 0:
                self._entries.pop()
                self._exact = self._exact and last[1] + epochs == 0
        elif epochs:
            self._exact = self._exact and epochs > 0
            self._add("fit", epochs)

    def parts(self, optimizer: Optimizer, penalty: Penalty | None) -> None:
        """Training goes on with these."""
        self._drop_last("parts")
        self._add("parts", (_typed(optimizer), _typed(penalty)))

    def data(self, data: PlaneData, state: PlaygroundState) -> None:
        """Training goes on with these rows."""
        self._drop_last("data")
        if sum(entry[0] == "data" for entry in self._entries) >= _MOST_DATA:
            self._exact = False
            return
        self._add("data", (data, state))

    def edit(self, key: str, index: tuple[int, ...], value: float) -> None:
        """A weight or bias was set."""
        if self._entries and self._entries[-1][0] == "edit" and self._entries[-1][1][:2] == (key, index):
            self._entries.pop()
        self._add("edit", (key, index, value))

    def _drop_last(self, kind: str) -> None:
        if self._entries and self._entries[-1][0] == kind:
            self._entries.pop()

    def _add(self, kind: str, value: Any) -> None:
        if len(self._entries) >= _MOST_ENTRIES:
            self._exact = False
        else:
            self._entries.append((kind, value))

    def python(self, title: str) -> Code:
        """The program."""
        notes = []
        size = batch_rows(self._state, self._data)
        body = [*self._rows(*self._begun), "", *self._functions(), "", *self._network(), ""]
        if self._begun[0] is not self._data:
            body += ["trainer.initialize(inputs(x_train), targets(y_train))", *self._rows(self._data, self._state)]
        for kind, value in self._entries:
            if kind == "fit":
                body.append(f"trainer.fit(inputs(x_train), targets(y_train), epochs={value})")
            elif kind == "parts":
                body += [f"trainer.optimizer = {value[0]}", f"trainer.penalty = {value[1]}"]
            elif kind == "data":
                size, size_before = batch_rows(value[1], value[0]), size
                body += self._rows(*value)
                body += [] if size == size_before else [f"trainer.batch_size = {size}"]
            else:
                body += _edited(*value)
        body += ["", *_ENDING]
        if any(line.startswith("with np.load") for line in body):
            notes.append('It reads "points.npz": take that file away too (Points).')
        if self._origin:
            notes.append(f'It begins with the weights of "{self._origin}".')
        if not self._exact:
            notes.append("Too much was changed on the way: it trains the same network, but not along the same way.")
        head = [f'"""{title}"""', "", "import numpy as np", "", "import pellucid as pl"]
        if any("draw(" in line for line in body):
            head.append("from pellucid.playground.plane import divide, draw")
        return Code("\n".join([*head, "", *body]) + "\n", self._exact, " ".join(notes))

    def points_file(self) -> dict[str, Array]:
        """The arrays of "points.npz": all rows that are not written into the program, and those of now."""
        arrays: dict[str, Array] = {}
        for place, data in enumerate(self._in_file()):
            arrays |= {f"{name}_{place}": np.asarray(getattr(data, name)) for name in _ARRAYS}
        last = next((value[0] for kind, value in reversed(self._entries) if kind == "data"), self._data)
        return arrays | {name: np.asarray(getattr(last, name)) for name in _ARRAYS}

    def _in_file(self) -> list[PlaneData]:
        trained = [
            *dict.fromkeys((self._begun[0], self._data)),
            *(value[0] for kind, value in self._entries if kind == "data"),
        ]
        return [data for data in trained if data.own and data.rows > _MOST_ROWS]

    def _rows(self, data: PlaneData, state: PlaygroundState) -> list[str]:
        """The lines that make the rows."""
        if not data.own:
            drawn = f'x, y = draw("{data.name}", noise={state.noise / 100!r}, seed={state.seed})'
            return [drawn, f"x_train, y_train, x_test, y_test = divide(x, y, {state.training_percent!r})"]
        places = [place for place, each in enumerate(self._in_file()) if each is data]
        if places:
            parts = ", ".join(f'points["{name}_{places[0]}"]' for name in _ARRAYS)
            return ['with np.load("points.npz") as points:', f"    {', '.join(_ARRAYS)} = {parts}"]
        return [line for name in _ARRAYS for line in _array(name, getattr(data, name))]

    def _functions(self) -> list[str]:
        recipe = self._recipe
        own = set(self._state.formulas)
        columns = [
            f"np.clip(np.nan_to_num({formula.python()}, nan=0.0), -1e6, 1e6)" if name in own else formula.python()
            for name, _, formula in recipe.formulas
        ]
        columns = [text if "x1" in text or "x2" in text else f"np.full(len(x), {text})" for text in columns]
        columns += ["x[:, 2:]"] if recipe.others else []
        lines = ["", "def inputs(x):", "    x1, x2 = x[:, 0], x[:, 1]"]
        lines += (
            ['    with np.errstate(all="ignore"):', *_call("        return np.column_stack", columns)]
            if own
            else _call("    return np.column_stack", columns)
        )
        rows = (
            "y[:, None].astype(float)"
            if recipe.classes == 2
            else f"(y[:, None] == np.arange({recipe.classes})).astype(float)"
        )
        encoded = {"signed": f"2.0 * {rows} - 1.0", "zero_one": rows}.get(recipe.targets, "y")
        return [*lines, "", "", "def targets(y):", f"    return {encoded}", ""]

    def _network(self) -> list[str]:
        state, recipe = self._state, self._recipe
        if self._origin:
            network = [f'network = pl.load("{self._origin}")']
        else:
            network = _call("network = pl.Network", [_typed(layer) for layer in recipe.layers])
            network.append(f"network.build({len(recipe.input_names)}, seed={self._seed})")
        return [
            *network,
            "trainer = pl.Trainer(",
            "    network,",
            f"    loss={_typed(recipe.loss)},",
            f"    optimizer={_typed(optimizer_of(state, self._data))},",
            f"    batch_size={batch_rows(state, self._data)},",
            f"    penalty={_typed(penalty_of(state))},",
            f"    seed={self._seed},",
            f"    shuffle={state.shuffle},",
            ")",
        ]


def _edited(key: str, index: tuple[int, ...], value: float) -> list[str]:
    """The lines that set one weight."""
    place = ", ".join(map(str, index))
    return [f'array = network.get("{key}").copy()', f"array[{place}] = {value!r}", f'network.set("{key}", array)']


def _array(name: str, values: Array) -> list[str]:
    """A literal that gives the same bits."""
    kind = "np.int64" if values.dtype.kind == "i" else "np.float64"
    text = f"{name} = np.array({values.tolist()!r}, dtype={kind})"
    if not values.size and values.ndim == 2:
        text = f"{name} = np.empty({values.shape}, dtype={kind})"
    if len(text) <= _WIDTH:
        return [text]
    lines = [f"{name} = np.array(", "    ["]
    line = "       "
    for item in values.tolist():
        if len(line) + len(repr(item)) + 2 > _WIDTH:
            lines.append(line)
            line = "       "
        line += f" {item!r},"
    return [*lines, line, "    ],", f"    dtype={kind},", ")"]


def _call(function: str, items: list[str]) -> list[str]:
    """function([item, …]), on one line if it fits; as far to the right as the function's name."""
    line = f"{function}([{', '.join(items)}])"
    if len(line) <= _WIDTH:
        return [line]
    margin = " " * (len(function) - len(function.lstrip()))
    rows = ["    [", *(f"        {item}," for item in items), "    ]", ")"]
    return [f"{function}(", *(margin + row for row in rows)]
