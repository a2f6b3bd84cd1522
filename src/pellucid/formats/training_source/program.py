"""`training_program`: forward, backward, optimizer and loop of one network, put together as a program."""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.engines.program import Instruction
from pellucid.formats.training_source.functions import called_by
from pellucid.formats.training_source.layers import MEASUREMENTS, PARAMETER_NAMES, TRANSLATIONS, Lines, Place
from pellucid.formats.training_source.parts import INITIALIZERS, LOSSES, OPTIMIZERS, PENALTIES, rate_lines
from pellucid.formats.writing import Report, identifier, signature, without_ending, write_files
from pellucid.losses import Hinge, SoftmaxCrossEntropy, SquaredError
from pellucid.penalties import MaxNorm
from pellucid.training import Trainer
from pellucid.validation import check_choice, check_integer

_CLASSES, _NUMBERS = "classes", "numbers"
_WIDTH = 116


def write_training(
    trainer: Trainer, path: str | os.PathLike[str], *, epochs: int = 20, targets: str | None = None
) -> Report:
    """Write `training_program` to a file.

    Parameters
    ----------
    trainer, epochs, targets
        As for `training_program`.
    path : path
        Where to, with or without `.py`.

    Returns
    -------
    Report
        The file, and how to run it.
    """
    place = without_ending(path, (".py",))
    target = place.with_name(f"{identifier(place.name)}.py")
    write_files({target: training_program(trainer, epochs=epochs, targets=targets, name=target.stem)})
    return Report((Path(target),), (f"Run it: python {target} data.npz  (with arrays x and y)",))


def training_program(trainer: Trainer, *, epochs: int = 20, targets: str | None = None, name: str = "training") -> str:
    r"""The whole program, in NumPy alone, that trains this very network as this trainer does.

    It holds forward, backward, the loss, the optimizer and the loop, and only what this network needs of them. With the
    same data it draws the same first weights, the same order of the rows and the same dropout masks, and comes to the
    same weights as `Trainer.fit`, but for rounding.

    Parameters
    ----------
    trainer : Trainer
        Its network must be built. Of the trainer are taken: loss, optimizer with schedule, clipping and decay, penalty,
        constraint, average, learning-rate factors, batch size, shuffling and seed. Callbacks are not: a program runs
        all epochs.
    epochs : int
        How many the program runs where it is not told otherwise.
    targets : {"classes", "numbers"} or None
        What y holds. None: as the network was trained, or as the loss usually takes it.
    name : str
        What the program is called in its own head.

    Returns
    -------
    str
        Python source with `train(x, y)`, `predict(x, p, s)` and what they call.

    Raises
    ------
    ValueError
        If the network is not built, or a part is of one's own, or of those that need more than a step sees:
        augmentation, `UnitVariance`, scalings behind a layer with weights.

    Examples
    --------
    >>> import pellucid as pl
    >>> network = pl.Network([pl.Dense(4), pl.Tanh(), pl.Dense(2)]).build(3)
    >>> text = training_program(pl.Trainer(network, "softmax_cross_entropy", "momentum"))
    >>> print("\n".join(line for line in text.splitlines() if line.startswith("    h")))
        h0 = x @ p["W0"] + p["b0"]  # (n, 3) @ (3, 4) -> (n, 4)
        h1 = np.tanh(h0)
        h2 = h1 @ p["W2"] + p["b2"]  # (n, 4) @ (4, 2) -> (n, 2)
    """
    check_integer("epochs", epochs, minimum=1)
    return _Writer(trainer, epochs, _targets(trainer, targets)).text(name)


def _targets(trainer: Trainer, targets: str | None) -> str:
    """What y holds."""
    if targets is not None:
        return check_choice("targets", targets, (_CLASSES, _NUMBERS))
    loss, network = trainer.loss, trainer.network
    if isinstance(loss, SoftmaxCrossEntropy) or (isinstance(loss, Hinge) and network.outputs > 1):
        return _CLASSES
    return _CLASSES if isinstance(loss, SquaredError) and network.link == "argmax" else _NUMBERS


class _Writer:
    """The parts of the text, for one trainer."""

    def __init__(self, trainer: Trainer, epochs: int, targets: str) -> None:
        self.trainer, self.epochs, self.classes = trainer, epochs, targets == _CLASSES
        self.network, self.program = trainer.network, trainer.network.program
        self.dtype = f"np.{self.network.dtype.name}"
        self._check()
        self.places, self.lines = self._translate()
        self.result = self.lines[-1].output or self.places[-1].y
        self.statistics = any(i.statistics for i in self.program.instructions)
        self.random_step = any("step" in line for part in self.lines for line in part.forward)

    def _check(self) -> None:
        trainer = self.trainer
        if trainer.augmentation is not None:
            raise ValueError("Augmentation is not part of the training program: make a trainer without it.")
        if trainer.constraint is not None and type(trainer.constraint) is not MaxNorm:
            raise ValueError(f"{trainer.constraint!r} is a constraint of your own: use MaxNorm, or none.")
        for part, table in ((trainer.loss, LOSSES), (trainer.optimizer, OPTIMIZERS), (trainer.penalty, PENALTIES)):
            if part is not None and type(part) not in table:
                raise ValueError(f"{part!r} is a part of your own, which the training program cannot write down.")
        for instruction in self.program.instructions:
            layer = instruction.layer
            if type(layer) not in TRANSLATIONS:
                raise ValueError(
                    f"{instruction.name} is a layer of your own. Put layers of Pellucid in its place, or write its "
                    f"lines: pellucid.formats.training_source.layers.TRANSLATIONS[{type(layer).__name__}] = function."
                )
            if type(layer) in MEASUREMENTS and instruction.index >= self.program.leading_scalings:
                raise ValueError(
                    f"{instruction.name} stands behind other layers: put scalings in front of the network."
                )
            if len(instruction.input_shape) != 1:
                raise ValueError(f"{instruction.name} takes examples of the shape {instruction.input_shape}, not rows.")
            for spec in instruction.specs:
                initializer = spec.initializer
                if initializer is not None and type(initializer) not in INITIALIZERS:
                    raise ValueError(
                        f"{instruction.name} starts from {initializer!r}, which looks at the data: use another."
                    )

    # -- layers --------------------------------------------------------------------------------------------------

    def _translate(self) -> tuple[list[Place], list[Lines]]:
        """Each layer in its place, and its lines."""
        places, lines, value = [], [], "x"
        for instruction in self.program.instructions:
            wanted = instruction.index > self.program.first_trained
            sizes = instruction.input_shape[0], instruction.output_shape[0]
            places.append(Place(instruction.layer, instruction.index, value, *sizes, wanted))
            lines.append(TRANSLATIONS[type(instruction.layer)](places[-1]))
            value = lines[-1].output or places[-1].y
        return places, lines

    def _name(self, instruction: Instruction, parameter: str) -> str:
        return f"{PARAMETER_NAMES.get(parameter, parameter)}{instruction.index}"

    def parameters(self) -> dict[str, tuple[Instruction, int]]:
        """Every parameter's name in the program, with its layer and its number there."""
        return {
            self._name(i, view.name): (i, number)
            for i in self.program.instructions
            for number, view in enumerate(i.parameters)
        }

    @property
    def weights(self) -> list[str]:
        """The names of the parameters that penalties, decay and limits are for."""
        return [name for name, (i, number) in self.parameters().items() if i.specs[number].penalized]

    # -- text ----------------------------------------------------------------------------------------------------

    def text(self, name: str) -> str:
        """The whole program."""
        network = [self._forward(), self._loss(), self._backward()]
        rest = [*self._shaping(), self._update(), *self._rate(), self._train(), self._predict()]
        start = [*self._measure(), self._initial()]
        of_network, of_chance = called_by("\n".join([*network, *rest, *start]))
        chance = self._chance(of_chance)
        main = (
            'if __name__ == "__main__":\n    if len(sys.argv) != 2:\n        sys.exit(__doc__)\n'
            '    with np.load(sys.argv[1], allow_pickle=False) as data:\n        train(data["x"], data["y"])'
        )
        functions = [*network, *of_network, *rest, *start, *chance, main]
        body = "\n\n\n".join(functions)
        imports = ["import math"] if "math." in body else []
        head = "\n".join([*imports, "import sys", "", "import numpy as np"])
        return f'"""{self._words(name)}"""\n\n{head}\n\n{self._constants(bool(of_chance))}\n\n\n{body}\n'

    def _words(self, name: str) -> str:
        trainer = self.trainer
        n_in, n_out = self.program.input_shape[0], self.program.outputs
        y = f"y (n,), the numbers of the classes 0 to {n_out - 1}" if self.classes else f"y (n, {n_out})"
        kinds = ("loss", "optimizer", "penalty", "constraint")
        facts = {kind: part for kind in kinds if (part := getattr(trainer, kind)) is not None}
        table = "\n".join(f"{kind:<12}{words_of(part)}" for kind, part in facts.items())
        usage = (
            f"data.npz holds x (n, {n_in}) and {y}. In the program rows are examples; h0, h1, … is what layer 0, 1, … "
            f'makes of a batch, p["W1"] and p["b1"] are the parameters of layer 1, g["W1"] is the derivative of the '
            f"batch's mean loss with respect to W1, and d its derivative with respect to the value that `backward` is "
            f"at."
        )
        shown = textwrap.indent(f"{self.network.summary()}\n\n{table}", "    ")
        return f"""\
Trains a neural network with NumPy alone: forward, backward, optimizer and loop, all written out.

{shown}

Usage: python {name}.py data.npz

{textwrap.fill(usage, _WIDTH)}

{signature()}, whose trainer comes to the same weights from the same data, but for rounding.
"""

    def _constants(self, chance: bool) -> str:
        trainer = self.trainer
        lines = [f"EPOCHS = {self.epochs}"]
        if isinstance(trainer.batch_size, int) or trainer.batch_size == "auto":
            lines.append(f"BATCH_SIZE = {32 if trainer.batch_size == 'auto' else trainer.batch_size}")
        if isinstance(trainer.optimizer.learning_rate, float):
            lines.append(f"LEARNING_RATE = {trainer.optimizer.learning_rate!r}")
        if trainer.learning_rate_factors:
            lines.append(f"RATE_FACTORS = {json.dumps(self._factors())}")
        if self._weights_matter():
            lines.append(f"WEIGHTS = {json.dumps(self.weights)}  # what is kept small; biases are not")
        if chance:
            lines.append(f"SEED = {trainer.seed}")
            lines.append("FOR_WEIGHTS, FOR_SHUFFLE, FOR_LAYER = 0, 1, 2  # what random numbers are for")
        return "\n".join(lines)

    def _weights_matter(self) -> bool:
        trainer = self.trainer
        return bool(trainer.penalty or trainer.constraint or trainer.optimizer.weight_decay)

    def _factors(self) -> dict[str, float]:
        """The factor of each parameter's rate; a parameter's own wins over its layer's."""
        given, factors = self.trainer.learning_rate_factors, {}
        for name, (instruction, number) in self.parameters().items():
            full = f"{instruction.index}.{instruction.parameters[number].name}"
            factor = given.get(full, given.get(str(instruction.index)))
            if factor is not None:
                factors[name] = factor
        return factors

    def _arguments(self, first: str) -> str:
        names = [first, "p", *(["s"] if self.statistics else []), *(["step=None"] if self.random_step else [])]
        return ", ".join(names)

    def _forward(self) -> str:
        n_in, n_out = self.program.input_shape[0], self.program.outputs
        lines, leading = [], self.program.leading_scalings
        double = "np.float64" if leading else self.dtype
        lines.append(f"x = np.asarray(x, dtype={double})  # (n, {n_in})")
        for place, part in zip(self.places, self.lines, strict=True):
            if leading and place.index == leading and double != self.dtype:
                lines.append(f"{place.x} = {place.x}.astype({self.dtype})")
            lines += _noted(part.forward, place)
        if leading == len(self.places) and double != self.dtype:
            lines.append(f"{self.result} = {self.result}.astype({self.dtype})")
        lines.append(f"return {self.result}, ({', '.join(self._kept())}{',' if len(self._kept()) == 1 else ''})")
        head = f"The scores (n, {n_out}) of rows x (n, {n_in}), and what `backward` needs of the way there."
        more = "With the number of a step it is a training step, without one a prediction." if self.random_step else ""
        return _function(f"forward({self._arguments('x')})", [*_docstring(head, more), *lines])

    def _kept(self) -> list[str]:
        """The values that `backward` needs, in the order in which they are made."""
        trained = self.lines[self.program.first_trained :]
        return list(dict.fromkeys(name for part in trained for name in part.keeps))

    def _backward(self) -> str:
        kept = self._kept()
        head = "The derivative of the loss with respect to every parameter, from that with respect to the scores."
        lines = _docstring(head, "The chain rule, from the last layer back to the first.")
        lines += [f"{', '.join(kept)}{',' if len(kept) == 1 else ''} = kept"] if kept else []
        lines.append("g = {}")
        pairs = list(zip(self.places, self.lines, strict=True))[self.program.first_trained :]
        for place, part in reversed(pairs):
            lines += _noted(part.backward, place)
        return _function("backward(d, kept, p)", [*lines, "return g"])

    def _loss(self) -> str:
        loss = self.trainer.loss
        y = "classes y (n,)" if self.classes else f"targets y (n, {self.program.outputs})"
        return _function(
            "loss_and_gradient(z, y)",
            [
                *_docstring(
                    f"The mean loss of scores z (n, {self.program.outputs}) for {y}, and its derivative by z.",
                    _formula(loss),
                ),
                *LOSSES[type(loss)](loss, self.classes),
                "return float(values.mean(dtype=np.float64)), d / len(z)",
            ],
        )

    def _shaping(self) -> list[str]:
        """What changes the gradient or the weights around the optimizer."""
        trainer, functions = self.trainer, []
        if trainer.penalty is not None:
            functions.append(
                _function(
                    "add_penalty(g, p)",
                    [
                        f'"""Add the derivative of the price of large weights: {words_of(trainer.penalty)}."""',
                        "for name in WEIGHTS:",
                        f"    g[name] = g[name] + {PENALTIES[type(trainer.penalty)](trainer.penalty)}",
                    ],
                )
            )
        optimizer, lines = trainer.optimizer, []
        if optimizer.clip_value is not None:
            limit = optimizer.clip_value
            lines += ["for name in g:", f"    g[name] = np.clip(g[name], {-limit!r}, {limit!r})"]
        if optimizer.clip_norm is not None:
            lines += [
                "norm = np.sqrt(sum(np.square(g[name], dtype=np.float64).sum() for name in g))  # of all",
                f"if norm > {optimizer.clip_norm!r}:",
                "    for name in g:",
                f"        g[name] = g[name] * g[name].dtype.type({optimizer.clip_norm!r} / norm)",
            ]
        if lines:
            functions.append(_function("clip(g)", ['"""Shorten a gradient that is too long."""', *lines]))
        return functions

    def _update(self) -> str:
        optimizer, constraint = self.trainer.optimizer, self.trainer.constraint
        body = OPTIMIZERS[type(optimizer)](optimizer)
        memory = ", memory" if optimizer.slot_names else ""
        constant = isinstance(optimizer.learning_rate, float)
        rate = "LEARNING_RATE" if constant else "learning_rate(step)"
        lines = _docstring(f"One step of {words_of(optimizer)}.", _formula(optimizer))
        if any(word in line for line in body for word in ("**t", "t + ")):
            lines.append("t = step + 1")
        factors = bool(self.trainer.learning_rate_factors)
        lines += [] if factors else [f"rate = {rate}"]
        lines.append("for name in p:")
        inside = [f"rate = {rate} * RATE_FACTORS.get(name, 1)"] if factors else []
        if optimizer.weight_decay:
            inside += [
                "if name in WEIGHTS:",
                f"    p[name] = p[name] * (1 - rate * {optimizer.weight_decay!r})  # decay",
            ]
        inside += body
        if isinstance(constraint, MaxNorm):
            inside += [
                f"if name in WEIGHTS:  # no column longer than {constraint.limit!r}",
                "    length = np.sqrt(np.square(p[name], dtype=np.float64).sum(axis=0))",
                f"    shorter = {constraint.limit!r} / np.maximum(length, {constraint.limit!r})",
                "    p[name] = p[name] * shorter.astype(p[name].dtype)",
            ]
        return _function(f"update(p, g{memory}, step)", [*lines, *(f"    {line}" for line in inside)])

    def _rate(self) -> list[str]:
        if isinstance(self.trainer.optimizer.learning_rate, float):
            return []
        body = rate_lines(self.trainer.optimizer.learning_rate)
        return [_function("learning_rate(step)", ['"""How far a step goes; steps are counted from 0."""', *body])]

    def _train(self) -> str:
        trainer, optimizer = self.trainer, self.trainer.optimizer
        statistics = "s" if self.statistics else ""
        y = "y = np.asarray(x), np.asarray(y, dtype=np.int64)  # (n, inputs), (n,)"
        if not self.classes:
            y = f"y = np.asarray(x), np.asarray(y, dtype={self.dtype}).reshape(len(x), -1)  # (n, inputs), (n, outputs)"
        slots = len(optimizer.slot_names)
        zeros = ", ".join(["np.zeros_like(p[name])"] * slots) + ("," if slots == 1 else "")
        batch = "BATCH_SIZE" if trainer.batch_size != "full" else "n"
        shuffle = trainer.shuffle and trainer.batch_size != "full"
        average, counted = trainer.average, self._right()
        accuracy = ", accuracy {right / n:.4f}" if counted else ""
        what = "parameters and statistics" if statistics else "parameters"
        lines = [
            f'"""The {what} after some epochs; the parameters start from p, or anew."""',
            f"x, {y}",
            *(["s = measure(x)"] if statistics else []),
            "p = initial_parameters() if p is None else dict(p)",
            *([f"memory = {{name: ({zeros}) for name in p}}"] if slots else []),
            *(["average = None"] if average is not None else []),
            "n, step = len(x), 0",
            "for epoch in range(epochs):",
            *(["    order = shuffled(n, epoch) if BATCH_SIZE < n else np.arange(n)"] if shuffle else []),
            "    total = right = 0" if counted else "    total = 0",
            f"    for start in range(0, n, {batch}):",
            f"        rows = {'order[start : start + BATCH_SIZE]' if shuffle else f'slice(start, start + {batch})'}",
            f"        scores, kept = forward({self._call('x[rows]')})",
            "        loss, d = loss_and_gradient(scores, y[rows])",
            "        g = backward(d, kept, p)",
            *(["        add_penalty(g, p)"] if trainer.penalty is not None else []),
            *(["        clip(g)"] if optimizer.clip_norm is not None or optimizer.clip_value is not None else []),
            f"        update(p, g{', memory' if slots else ''}, step)",
            *(self._average(average) if average is not None else []),
            "        step += 1",
            "        total += loss * len(scores)",
            *([f"        right += ({counted}).sum()"] if counted else []),
            f'    print(f"epoch {{epoch + 1}}: loss {{total / n:.4f}}{accuracy}")',
            f"return {'p' if average is None else 'average'}{', s' if statistics else ''}",
        ]
        return _function("train(x, y, epochs=EPOCHS, p=None)", lines)

    def _average(self, stays: float) -> list[str]:
        moved = f"{stays!r} * average[name] + {round(1 - stays, 12)!r} * p[name]"
        return [
            "        if average is None:",
            "            average = dict(p)",
            "        else:",
            f"            average = {{name: {moved} for name in p}}",
        ]

    def _call(self, x: str) -> str:
        return ", ".join([x, "p", *(["s"] if self.statistics else []), *(["step"] if self.random_step else [])])

    def _right(self) -> str:
        """An expression for which rows of a batch are predicted right; nothing where numbers are predicted."""
        link = self._link()
        if link == "argmax":
            return "scores.argmax(axis=1) == y[rows]"
        return "((scores > 0) == (y[rows] > 0.5)).all(axis=1)" if link in ("sigmoid", "sign") else ""

    def _link(self) -> str:
        """How scores become predictions."""
        return "argmax" if self.classes else self.trainer.loss.link(np.zeros((1, self.program.outputs)))

    def _predict(self) -> str:
        arguments = ", ".join(["x", "p", *(["s"] if self.statistics else [])])
        answers = {
            "argmax": ("The class of each row of x, (n,).", "scores.argmax(axis=1)"),
            "sigmoid": ("Yes (1) or no (0) for each output, (n, outputs).", "(scores > 0).astype(np.int64)"),
            "exponential": ("The predicted numbers, (n, outputs).", "np.exp(scores)"),
        }
        answers |= {"softmax": answers["argmax"], "sign": answers["sigmoid"]}
        words, answer = answers.get(self._link(), ("The predicted numbers, (n, outputs).", "scores"))
        return _function(
            f"predict({arguments})", [f'"""{words}"""', f"scores, _ = forward({arguments})", f"return {answer}"]
        )

    def _measure(self) -> list[str]:
        """What is known of the data before the first step."""
        if not self.statistics:
            return []
        lines = ['"""What the network keeps of the training rows besides its parameters."""', "s = {}"]
        measured = [place for place in self.places if type(place.layer) in MEASUREMENTS]
        if measured:
            lines.append("x = np.asarray(x, dtype=np.float64)")
        for place, part in zip(self.places, self.lines, strict=True):
            if measured and place.index <= measured[-1].index:
                lines += MEASUREMENTS[type(place.layer)](place) if place in measured else []
                lines += part.forward if place.index < measured[-1].index else []
            elif self.program.instructions[place.index].statistics:
                shape = (place.inputs,)
                lines += [f"{place.s('mean')}, {place.s('variance')} = np.zeros({shape}), np.ones({shape})"]
        return [_function("measure(x)", [*lines, "return s"])]

    def _initial(self) -> str:
        lines = ['"""The first parameters, drawn so that a signal keeps its size from layer to layer."""', "p = {"]
        for name, (instruction, number) in self.parameters().items():
            spec = instruction.specs[number]
            initializer = spec.initializer or self.network.initializer_of(instruction.index)
            place = f"{instruction.index}, {number}"
            lines.append(f'    "{name}": {INITIALIZERS[type(initializer)](initializer, spec.shape, place)},')
        return _function(
            "initial_parameters()",
            [*lines, "}", f"return {{name: values.astype({self.dtype}) for name, values in p.items()}}"],
        )

    def _chance(self, functions: list[str]) -> list[str]:
        return [f"# Random numbers\n\n\n{functions[0]}", *functions[1:]] if functions else []


def words_of(part: Any) -> str:
    """A part as one would type it, with only what differs from the defaults."""
    told = []
    for item in dataclasses.fields(part):
        value = getattr(part, item.name)
        shown = words_of(value) if dataclasses.is_dataclass(value) else repr(value)
        if item.default is dataclasses.MISSING:
            told.append(shown)
        elif value != item.default:
            told.append(f"{item.name}={shown}")
    return f"{type(part).__name__}({', '.join(told)})"


def _formula(part: Any) -> str:
    """What a part computes: the first paragraph of its documentation."""
    return " ".join((inspect.getdoc(type(part)) or "").split("\n\n")[0].split())


def _noted(lines: list[str], place: Place) -> list[str]:
    """The lines of a layer, the first with its name."""
    if not lines:
        return []
    code, _, comment = lines[0].partition("  # ")
    noted = f"{code}  # {place.words}{': ' if comment else ''}{comment}"
    return [noted, *lines[1:]] if len(noted) <= _WIDTH else [f"# {place.words}", *lines]


def _docstring(head: str, more: str = "") -> list[str]:
    """The lines of a docstring: a sentence, and what there is to say besides."""
    if not more:
        return [f'"""{head}"""']
    return [f'"""{head}', "", *textwrap.wrap(more, _WIDTH - 4), '"""']


def _function(head: str, lines: list[str]) -> str:
    return f"def {head}:\n" + "\n".join(f"    {line}" if line else "" for line in lines)
