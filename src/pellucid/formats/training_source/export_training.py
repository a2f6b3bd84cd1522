"""`training_program`: forward, backward, optimizer and loop of one network, put together as a program."""

from __future__ import annotations

import io
import json
import os
import textwrap
from pathlib import Path

import numpy as np

from pellucid.datasets.dataset import Dataset
from pellucid.display import typed
from pellucid.formats.training_source.checking import check_constants, check_functions, ending, main
from pellucid.formats.training_source.functions import called_by
from pellucid.formats.training_source.layers import MEASUREMENTS, TRANSLATIONS
from pellucid.formats.training_source.loop import LoopText
from pellucid.formats.training_source.network import NetworkText
from pellucid.formats.training_source.parts import INITIALIZERS, LOSSES, OPTIMIZERS, PENALTIES
from pellucid.formats.training_source.run import Run, check_first_weights, run_of
from pellucid.formats.training_source.source_text import WIDTH
from pellucid.formats.writing import ExportReport, identifier, signature, without_ending, write_files
from pellucid.layers import LAYERS
from pellucid.network import Network
from pellucid.penalties import MaxNorm
from pellucid.training import Trainer


def write_training(
    source: Trainer | Network,
    path: str | os.PathLike[str],
    *,
    epochs: int | None = None,
    targets: str | None = None,
    data: Dataset | None = None,
) -> ExportReport:
    """Write `training_program` to a file.

    Parameters
    ----------
    source, epochs, targets
        As for `training_program`.
    path : path
        Where to, with or without `.py`.
    data : Dataset or None
        The rows the training had, which are written beside the program (`.npz`).

    Returns
    -------
    ExportReport
        The file, and how to run it.
    """
    place = without_ending(path, (".py",))
    target = place.with_name(f"{identifier(place.name)}.py")
    run = run_of(source, epochs, targets)
    files: dict[Path, str | bytes] = {target: _Writer(run).text(target.stem)}
    if data is None:
        return _written(files, f"Run it: python {target} data.npz  (with arrays {', '.join(_arrays(run))})")
    numbers, buffer = target.with_suffix(".npz"), io.BytesIO()
    arrays = {"x": data.train.x, "y": data.train.y}
    if run.validation and data.validation is not None:
        arrays |= {"validation_x": data.validation.x, "validation_y": data.validation.y}
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    files[numbers] = buffer.getvalue()
    return _written(files, f"Run it: python {target} {numbers}")


def _written(files: dict[Path, str | bytes], words: str) -> ExportReport:
    write_files(files)
    return ExportReport(tuple(files), (words,))


def _arrays(run: Run) -> list[str]:
    """What data.npz holds."""
    validation = ["validation_x", "validation_y"] if run.validation else []
    return ["x", "y", *validation, *(["weight"] if run.sample_weight else [])]


def training_program(
    source: Trainer | Network, *, epochs: int | None = None, targets: str | None = None, name: str = "training"
) -> str:
    r"""The whole program, in NumPy alone, that trains a network as it was trained, or as a trainer is about to.

    It holds forward, backward, the loss, the optimizer and the loop, and only what this network needs of them. With the
    same data it draws the same first weights, the same order of the rows and the same dropout masks, and comes to the
    same weights as `Trainer.fit`, but for rounding.

    Parameters
    ----------
    source : Network or Trainer
        A network that a `Trainer` trained, also one read from a file: the program is that of this training, with its
        epochs, its class weights and its early stopping. It knows the SHA-256 of the rows and some of the weights after
        the first epoch; run on the same rows, it stops where its own are others.
        A trainer: the training it has done; of one that has done none, or with `epochs` given, the training as it is
        set up, without callbacks. The unit of the targets (`network.target`) is written down, not measured again.
    epochs : int or None
        How many the program runs, of a trainer. None: as many as were done; of one that has done none, 20.
    targets : {"classes", "numbers"} or None
        What y holds, of a trainer. None: as the network was trained, or as the loss usually takes it.
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
        augmentation, `UnitVariance` and `DataDependentBias`, scalings behind a layer with weights. If the training
        cannot be repeated from its settings: it began with other weights than its seed draws, was steered by a callback
        (`ReduceOnPlateau`), went on with other rows or another rate, or an older version wrote the file without them.

    Examples
    --------
    >>> import pellucid as pl
    >>> network = pl.Network([pl.Dense(4), pl.Tanh(), pl.Dense(2)]).build(3)
    >>> text = training_program(pl.Trainer(network, "softmax_cross_entropy", "momentum"))
    >>> print("\n".join(line for line in text.splitlines() if line.startswith("    h")))
        h0 = x @ p["W0"] + p["b0"]  # Dense(4): (n, 3) @ (3, 4) -> (n, 4)
        h1 = np.tanh(h0)  # Tanh()
        h2 = h1 @ p["W2"] + p["b2"]  # Dense(2): (n, 4) @ (4, 2) -> (n, 2)
    """
    return _Writer(run_of(source, epochs, targets)).text(name)


class _Writer:
    """The parts of the text, for one training."""

    def __init__(self, run: Run) -> None:
        self.run, self.trainer = run, run.trainer
        self.program = run.trainer.network.program
        self._check()
        check_first_weights(run)
        self.network = NetworkText(run.trainer.network)
        self.loop = LoopText(run, self.network)

    def _check(self) -> None:
        trainer = self.trainer
        if trainer.augmentation is not None:
            raise ValueError("Augmentation is not part of the training program: make a trainer without it.")
        if (trainer.standardize_target or trainer.clamp) and trainer.network.target is None:
            raise ValueError("The unit of the targets is measured when training begins: call trainer.initialize(x, y).")
        if trainer.constraint is not None and type(trainer.constraint) is not MaxNorm:
            raise ValueError(f"{trainer.constraint!r} is a constraint of your own: use MaxNorm, or none.")
        for part, table in ((trainer.loss, LOSSES), (trainer.optimizer, OPTIMIZERS), (trainer.penalty, PENALTIES)):
            if part is not None and type(part) not in table:
                raise ValueError(f"{part!r} is a part of your own, which the training program cannot write down.")
        for instruction in self.program.instructions:
            layer = instruction.layer
            if len(instruction.sources) != 1:
                raise ValueError(f"{instruction.name} joins branches: the training program knows layers in a row.")
            if type(layer) in LAYERS.values() and type(layer) not in TRANSLATIONS:
                raise ValueError(f"{instruction.name}, is not part of the training program: use another layer.")
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
            if len(instruction.output_shape) != 1:
                shape = instruction.output_shape
                raise ValueError(f"{instruction.name} makes examples of the shape {shape}, not rows.")
            for spec in instruction.specs:
                initializer = spec.initializer
                if initializer is not None and type(initializer) not in INITIALIZERS:
                    raise ValueError(
                        f"{instruction.name} starts from {initializer!r}, which looks at the data: use another."
                    )

    def text(self, name: str) -> str:
        """The whole program."""
        network, loop = self.network, self.loop
        first = [network.forward(), loop.loss(), network.backward()]
        rest = [*loop.shaping(), loop.update(), *loop.schedules(), *loop.target(), loop.train(), *loop.evaluate()]
        rest += [*check_functions(self.run), loop.predict()]
        start = [*network.measure(), network.initial()]
        of_network, of_chance = called_by("\n".join([*first, *rest, *start]))
        chance = [f"# Random numbers\n\n\n{of_chance[0]}", *of_chance[1:]] if of_chance else []
        body = "\n\n\n".join([*first, *of_network, *rest, *start, *chance, main(self.run)])
        imports = [f"import {module}" for module in ("hashlib", "math") if f"{module}." in body]
        head = "\n".join([*imports, "import sys", "", "import numpy as np"])
        return f'"""{self._words(name)}"""\n\n{head}\n\n{self._constants(bool(of_chance))}\n\n\n{body}\n'

    def _words(self, name: str) -> str:
        trainer = self.trainer
        n_in, n_out = self.program.input_shape[0], self.program.outputs
        y = f"y (n,), the numbers of the classes 0 to {n_out - 1}" if self.run.classes else f"y (n, {n_out})"
        more = ", validation_x and validation_y" * self.run.validation
        more += ", and weight (n,), how much each row counts" * self.run.sample_weight
        kinds = ("loss", "optimizer", "penalty", "constraint")
        facts = {kind: typed(part) for kind in kinds if (part := getattr(trainer, kind)) is not None}
        if self.run.stopping is not None:
            given = {name: value for name, value in self.run.stopping.options().items() if name != "type"}
            facts["stopping"] = f"EarlyStopping({', '.join(f'{name}={value!r}' for name, value in given.items())})"
        facts |= {} if self.run.summary is None else {"run": ending(self.run)}
        table = "\n".join(f"{kind:<12}{words}" for kind, words in facts.items())
        measured = 's["mean0"] is what layer 0 has measured, ' if self.network.statistics else ""
        usage = (
            f"data.npz holds x (n, {n_in}) and {y}{more}. In the program rows are examples; h0, h1, … is what layer 0, "
            f'1, … makes of a batch, p["W1"] and p["b1"] are the parameters of layer 1, {measured}g["W1"] is the '
            f"derivative of the batch's mean loss with respect to W1, and d its derivative with respect to the value "
            f"that `backward` is at."
        )
        shown = textwrap.indent(f"{self.trainer.network.summary()}\n\n{table}", "    ")
        return f"""\
Trains a neural network with NumPy alone: forward, backward, optimizer and loop, all written out.

{shown}

Usage: python {name}.py data.npz

{textwrap.fill(usage, WIDTH)}

{signature()}, whose trainer comes to the same weights from the same data, but for rounding.
"""

    def _constants(self, chance: bool) -> str:
        trainer = self.trainer
        run = self.run
        lines = [f"EPOCHS = {run.epochs}"]
        if run.stopping is not None and run.stopping.patience is not None:
            lines.append(
                f"PATIENCE = {run.stopping.patience}  # epochs without a better {run.monitor.replace('_', ' ')}"
            )
        if run.class_weight is not None:
            lines.append(textwrap.fill(f"CLASS_WEIGHTS = {list(run.class_weight)}", WIDTH, subsequent_indent="    "))
        if isinstance(trainer.batch_size, int) or trainer.batch_size == "auto":
            lines.append(f"BATCH_SIZE = {32 if trainer.batch_size == 'auto' else trainer.batch_size}")
        if isinstance(trainer.optimizer.learning_rate, float):
            lines.append(f"LEARNING_RATE = {trainer.optimizer.learning_rate!r}")
        if trainer.learning_rate_factors:
            lines.append(f"RATE_FACTORS = {json.dumps(self._factors())}")
        if self._weights_matter():
            lines.append(f"WEIGHTS = {json.dumps(self.network.weights)}  # what is kept small; biases are not")
        target = trainer.network.target
        for part in () if target is None else ("mean", "scale", "low", "high"):
            column = getattr(target, part)
            value = {"low": "-np.inf", "high": "np.inf"}[part] if column is None else repr(column)
            lines.append(
                f"TARGET_{part.upper()} = {f'np.array({list(column)})' if isinstance(column, tuple) else value}"
            )
        if chance:
            lines.append(f"SEED = {trainer.seed}")
            lines.append("FOR_WEIGHTS, FOR_SHUFFLE, FOR_LAYER = 0, 1, 2  # what random numbers are for")
        names = {
            f"{i.index}.{i.parameters[number].name}": name for name, (i, number) in self.network.parameters().items()
        }
        return "\n".join([*lines, *check_constants(run, names)])

    def _weights_matter(self) -> bool:
        trainer = self.trainer
        return bool(trainer.penalty or trainer.constraint or trainer.optimizer.weight_decay)

    def _factors(self) -> dict[str, float]:
        """The factor of each parameter's rate; a parameter's own wins over its layer's."""
        given, factors = self.trainer.learning_rate_factors, {}
        for name, (instruction, number) in self.network.parameters().items():
            full = f"{instruction.path}.{instruction.parameters[number].name}"
            factor = given.get(full, given.get(str(instruction.index)))
            if factor is not None:
                factors[name] = factor
        return factors
