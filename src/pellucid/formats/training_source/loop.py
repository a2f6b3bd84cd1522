"""What happens around the network in the training program: the loss, the step, the loop, and a prediction."""

from __future__ import annotations

import numpy as np

from pellucid.formats.training_source.network import NetworkText
from pellucid.formats.training_source.parts import LOSSES, OPTIMIZERS, PENALTIES, rate_lines
from pellucid.formats.training_source.words import docstring, formula, function, words_of
from pellucid.layers import Dropout
from pellucid.losses import Quantile
from pellucid.penalties import MaxNorm
from pellucid.training import Trainer


class LoopText:
    """The functions of one training; `classes` says that y holds classes."""

    def __init__(self, trainer: Trainer, network: NetworkText, classes: bool) -> None:
        self.trainer, self.network, self.classes = trainer, network, classes
        self.outputs = trainer.network.outputs

    def loss(self) -> str:
        """`loss_and_gradient`."""
        loss = self.trainer.loss
        y = "classes y (n,)" if self.classes else f"targets y (n, {self.outputs})"
        return function(
            "loss_and_gradient(z, y)",
            [
                *docstring(
                    f"The mean loss of scores z (n, {self.outputs}) for {y}, and its derivative by z.",
                    formula(loss),
                ),
                *LOSSES[type(loss)](loss, self.classes),
                "return float(values.mean(dtype=np.float64)), d / len(z)",
            ],
        )

    def shaping(self) -> list[str]:
        """What changes the gradient or the weights around the optimizer."""
        trainer, functions = self.trainer, []
        if trainer.penalty is not None:
            functions.append(
                function(
                    f"add_penalty(g, p{', n' if trainer.penalty.per_example else ''})",
                    [
                        f'"""Add the derivative of the price of large weights: {words_of(trainer.penalty)}."""',
                        "for name in WEIGHTS:",
                        f"    g[name] = g[name] + {self._price()}",
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
            functions.append(function("clip(g)", ['"""Shorten a gradient that is too long."""', *lines]))
        return functions

    def update(self) -> str:
        """`update`."""
        optimizer, constraint = self.trainer.optimizer, self.trainer.constraint
        body = OPTIMIZERS[type(optimizer)](optimizer)
        memory = ", memory" if optimizer.slot_names else ""
        constant = isinstance(optimizer.learning_rate, float)
        rate = "LEARNING_RATE" if constant else "learning_rate(step)"
        lines = docstring(f"One step of {type(optimizer).__name__}.", formula(optimizer))
        if any(word in line for line in body for word in ("**t", "t + ")):
            lines.append("t = step + 1")
        factors = bool(self.trainer.learning_rate_factors)
        lines += [] if factors else [f"rate = {rate}"]
        lines.append("for name in p:")
        inside = [f"rate = {rate} * RATE_FACTORS.get(name, 1)"] if factors else []
        if optimizer.weight_decay:
            decay = "weight_decay(step)" if callable(optimizer.weight_decay) else repr(optimizer.weight_decay)
            inside += ["if name in WEIGHTS:", f"    p[name] = p[name] * (1 - rate * {decay})  # decay"]
        inside += body
        if isinstance(constraint, MaxNorm):
            inside += [
                f"if name in WEIGHTS:  # no column longer than {constraint.limit!r}",
                "    length = np.sqrt(np.square(p[name], dtype=np.float64).sum(axis=0))",
                f"    shorter = {constraint.limit!r} / np.maximum(length, {constraint.limit!r})",
                "    p[name] = p[name] * shorter.astype(p[name].dtype)",
            ]
        return function(f"update(p, g{memory}, step)", [*lines, *(f"    {line}" for line in inside)])

    def schedules(self) -> list[str]:
        """A function of the step for each number that a schedule moves: `learning_rate`, `weight_decay`, `dropout1`."""
        optimizer = self.trainer.optimizer
        moved = {
            "learning_rate": (optimizer.learning_rate, "How far a step goes; steps are counted from 0."),
            "weight_decay": (optimizer.weight_decay, "How much of the weights decays in a step, times its rate."),
        }
        for instruction in self.trainer.network.program.instructions:
            if isinstance(instruction.layer, Dropout):
                words = f"Which part of its inputs layer {instruction.index} sets to zero in a step."
                moved[f"dropout{instruction.index}"] = (instruction.layer.rate, words)
        return [
            function(f"{name}(step)", [f'"""{words}"""', *rate_lines(value)])
            for name, (value, words) in moved.items()
            if callable(value)
        ]

    def train(self) -> str:
        """`train`."""
        trainer, optimizer = self.trainer, self.trainer.optimizer
        statistics = "s" if self.network.statistics else ""
        y = "np.asarray(y, dtype=np.int64)  # (n, inputs), (n,)"
        if not self.classes:
            y = f"np.asarray(y, dtype={self.network.dtype}).reshape(len(x), -1)  # (n, inputs), (n, outputs)"
        if trainer.network.target is not None:
            y = "in_unit(y, len(x))  # (n, inputs), (n, outputs)"
        slots = len(optimizer.slot_names)
        zeros = ", ".join(["np.zeros_like(p[name])"] * slots) + ("," if slots == 1 else "")
        batch = "BATCH_SIZE" if trainer.batch_size != "full" else "n"
        shuffle = trainer.shuffle and trainer.batch_size != "full"
        average, counted = trainer.average, self._right()
        accuracy = ", accuracy {right / n:.4f}" if counted else ""
        what = "parameters and statistics" if statistics else "parameters"
        lines = [
            f'"""The {what} after some epochs; the parameters start from p, or anew."""',
            f"x, y = np.asarray(x), {y}",
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
            f"        scores, kept = forward({self.network.call('x[rows]', 'step')})",
            "        loss, d = loss_and_gradient(scores, y[rows])",
            "        g = backward(d, kept, p)",
            *([f"        add_penalty(g, p{self._counted()})"] if trainer.penalty is not None else []),
            *(["        clip(g)"] if optimizer.clip_norm is not None or optimizer.clip_value is not None else []),
            f"        update(p, g{', memory' if slots else ''}, step)",
            *(self._average(average) if average is not None else []),
            "        step += 1",
            "        total += loss * len(scores)",
            *([f"        right += ({counted}).sum()"] if counted else []),
            f'    print(f"epoch {{epoch + 1}}: loss {{total / n:.4f}}{accuracy}")',
            f"return {'p' if average is None else 'average'}{', s' if statistics else ''}",
        ]
        return function("train(x, y, epochs=EPOCHS, p=None)", lines)

    def _price(self) -> str:
        """The derivative of the penalty; divided by the number of examples where it is a price for all of them."""
        penalty = self.trainer.penalty
        assert penalty is not None
        price = PENALTIES[type(penalty)](penalty)
        return f"({price}) / n" if penalty.per_example else price

    def _counted(self) -> str:
        penalty = self.trainer.penalty
        return ", len(scores)" if penalty is not None and penalty.per_example else ""

    def _average(self, stays: float) -> list[str]:
        moved = f"{stays!r} * average[name] + {round(1 - stays, 12)!r} * p[name]"
        return [
            "        if average is None:",
            "            average = dict(p)",
            "        else:",
            f"            average = {{name: {moved} for name in p}}",
        ]

    def target(self) -> list[str]:
        """`in_unit`; nothing where targets are taken as they are."""
        if self.trainer.network.target is None:
            return []
        lines = [
            '"""The targets (n, outputs) in the unit of the scores; `predict` goes back."""',
            "y = np.asarray(y, dtype=np.float64).reshape(rows, -1)",
            f"return ((y - TARGET_MEAN) / TARGET_SCALE).astype({self.network.dtype})",
        ]
        return [function("in_unit(y, rows)", lines)]

    def _right(self) -> str:
        """An expression for which rows of a batch are predicted right; nothing where numbers are predicted."""
        link = self._link()
        if link == "argmax":
            return "scores.argmax(axis=1) == y[rows]"
        return "((scores > 0) == (y[rows] > 0.5)).all(axis=1)" if link in ("sigmoid", "sign") else ""

    def _link(self) -> str:
        """How scores become predictions."""
        return "argmax" if self.classes else self.trainer.loss.link(np.zeros((1, self.outputs)))

    def predict(self) -> str:
        """`predict`."""
        arguments = self.network.call("x")
        answers = {
            "argmax": ("The class of each row of x, (n,).", "scores.argmax(axis=1)"),
            "sigmoid": ("Yes (1) or no (0) for each output, (n, outputs).", "(scores > 0).astype(np.int64)"),
            "exponential": ("The predicted numbers, (n, outputs).", "np.exp(scores)"),
        }
        answers |= {"softmax": answers["argmax"], "sign": answers["sigmoid"]}
        words, answer = answers.get(self._link(), ("The predicted numbers, (n, outputs).", "scores"))
        if self.trainer.network.target is not None:
            answer = f"np.clip({answer} * TARGET_SCALE + TARGET_MEAN, TARGET_LOW, TARGET_HIGH)"
        places = self.trainer.loss.places if isinstance(self.trainer.loss, Quantile) else ()
        if places:
            words = "The predicted quantiles, (n, outputs), in order."
            answer = f"np.sort({answer}, axis=1)" + ("" if list(places) == sorted(places) else f"[:, {list(places)}]")
        return function(
            f"predict({arguments})", [f'"""{words}"""', f"scores, _ = forward({arguments})", f"return {answer}"]
        )
