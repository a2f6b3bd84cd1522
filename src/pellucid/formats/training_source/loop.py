"""What happens around the network in the training program: the loss, the step, the loop, and a prediction."""

from __future__ import annotations

import numpy as np

from pellucid.display import typed
from pellucid.formats.training_source.network import NetworkText
from pellucid.formats.training_source.parts import LOSSES, OPTIMIZERS, PENALTIES, rate_lines
from pellucid.formats.training_source.run import Run
from pellucid.formats.training_source.source_text import docstring, formula, function
from pellucid.layers import Dropout
from pellucid.losses import Quantile
from pellucid.metrics import higher_is_better
from pellucid.penalties import MaxNorm


class LoopText:
    """The functions of one training."""

    def __init__(self, run: Run, network: NetworkText) -> None:
        self.run, self.trainer, self.network, self.classes = run, run.trainer, network, run.classes
        self.outputs = run.trainer.network.outputs

    def loss(self) -> str:
        """`loss_and_gradient`."""
        loss = self.trainer.loss
        y = "classes y (n,)" if self.classes else f"targets y (n, {self.outputs})"
        head, result = f"scores z (n, {self.outputs}) for {y}", ["values.mean(dtype=np.float64)", "d / len(z)"]
        share = []
        if self.run.weighted:
            head += ", each row weighted by w (n,)"
            share = ["share = w / (w.sum() or 1)  # (n,)"]
            result = ["(values * share).sum(dtype=np.float64)", "d * share[:, None].astype(z.dtype)"]
        return function(
            f"loss_and_gradient(z, y{', w' * self.run.weighted})",
            [
                *docstring(f"The mean loss of {head}, and its derivative by z.", formula(loss)),
                *LOSSES[type(loss)](loss, self.classes),
                *share,
                f"return float({result[0]}), {result[1]}",
            ],
        )

    def shaping(self) -> list[str]:
        """What changes the gradient or the weights around the optimizer."""
        trainer, functions = self.trainer, []
        if trainer.penalty is not None:
            n, words = ", n" * trainer.penalty.per_example, typed(trainer.penalty)
            head = f'"""Add the derivative of the price of large weights: {words}."""'
            lines = [head, "for name in WEIGHTS:", f"    g[name] = g[name] + {self._price(1)}"]
            functions.append(function(f"add_penalty(g, p{n})", lines))
            if trainer.penalty_in_loss:
                price = f"return float(sum({self._price(0)} for name in WEIGHTS))"
                functions.append(function(f"penalty(p{n})", [f'"""The price of large weights: {words}."""', price]))
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
        slots = len(optimizer.slot_names)
        zeros = ", ".join(["np.zeros_like(p[name])"] * slots) + ("," if slots == 1 else "")
        batch = "BATCH_SIZE" if trainer.batch_size != "full" else "n"
        shuffle = trainer.shuffle and trainer.batch_size != "full"
        average, counted, weighted = trainer.average, self._right("y[rows]"), self.run.weighted
        what = "parameters and statistics" if statistics else "parameters"
        mass = "w[rows].sum()" if weighted else "len(scores)"
        lines = [
            f'"""The {what} after some epochs; the parameters start from p, or anew."""',
            f"x, y = np.asarray(x), {self._targets()}  # (n, inputs), {'(n,)' if self.classes else '(n, outputs)'}",
            *self._weights(),
            *(["s = measure(x)"] if statistics else []),
            "p = initial_parameters() if p is None else dict(p)",
            *([f"memory = {{name: ({zeros}) for name in p}}"] if slots else []),
            *(["average = None"] if average is not None else []),
            *(["best = best_epoch = None"] if self.run.stopping is not None else []),
            "n, step = len(x), 0",
            "for epoch in range(epochs):",
            *(["    order = shuffled(n, epoch) if BATCH_SIZE < n else np.arange(n)"] if shuffle else []),
            "    total = right = 0" if counted else "    total = 0",
            f"    for start in range(0, n, {batch}):",
            f"        rows = {'order[start : start + BATCH_SIZE]' if shuffle else f'slice(start, start + {batch})'}",
            f"        scores, kept = forward({self.network.call('x[rows]', 'step')})",
            f"        loss, d = loss_and_gradient(scores, y[rows]{', w[rows]' * weighted})",
            "        g = backward(d, kept, p)",
            *self._penalized(mass),
            *(["        clip(g)"] if optimizer.clip_norm is not None or optimizer.clip_value is not None else []),
            f"        update(p, g{', memory' if slots else ''}, step)",
            *(self._average(average) if average is not None else []),
            "        step += 1",
            f"        total += loss * {mass}",
            *([f"        right += ({'w[rows] * ' * weighted}({counted})).sum()"] if counted else []),
            *(["    if checked and epoch == 0:", "        check(p)"] if self.run.summary is not None else []),
            *(f"    {line}" for line in self._end_of_epoch()),
            *self._result(),
        ]
        more = [
            *(["validation=None"] if self.run.validation else []),
            *(["weight=None"] if self.run.sample_weight else []),
            *(["checked=False"] if self.run.summary is not None else []),
        ]
        return function(f"train({', '.join(['x, y, epochs=EPOCHS, p=None', *more])})", lines)

    def _targets(self) -> str:
        """Targets y as the loss takes them."""
        if self.classes:
            return "np.asarray(y, dtype=np.int64)"
        if self.trainer.network.target is not None:
            return "in_unit(y, len(x))"
        return f"np.asarray(y, dtype={self.network.dtype}).reshape(len(x), -1)"

    def _weights(self) -> list[str]:
        """How much each row counts, w (n,)."""
        of_rows, classes = "np.asarray(weight, dtype=np.float64)", "y" if self.classes else "y[:, 0].astype(np.int64)"
        factors = [f"np.array(CLASS_WEIGHTS)[{classes}]"] if self.run.class_weight is not None else []
        factors += [of_rows] if self.run.sample_weight else []
        return [f"w = {' * '.join(factors)}  # (n,): how much each row counts"] if factors else []

    def _penalized(self, mass: str) -> list[str]:
        """The lines for the penalty: its gradient, and its price where the loss is told with it."""
        trainer = self.trainer
        if trainer.penalty is None:
            return []
        of = f", {mass}" if trainer.penalty.per_example else ""
        told = [f"        loss = loss + penalty(p{of})"] if trainer.penalty_in_loss else []
        return [f"        add_penalty(g, p{of})", *told]

    def _end_of_epoch(self) -> list[str]:
        """What is printed, and what early stopping makes of it."""
        total = "w.sum()" if self.run.weighted else "n"
        names = ["loss", *(["accuracy"] if self._right("y") else [])]
        parts = {"loss": f"total / {total}", "accuracy": f"right / {total}"}
        lines = [f"{', '.join(names)} = {', '.join(parts[name] for name in names)}"]
        lines.append(f'line = f"epoch {{epoch + 1}}: {_shown(names)}"')
        if self.run.validation:
            of_validation = [f"validation_{name}" for name in names]
            shown = self.network.call("*validation").replace("p", self._judged, 1)
            lines.append(f"{', '.join(of_validation)}{',' if len(names) == 1 else ''} = evaluate({shown})")
            lines.append(f'line += f", {_shown(of_validation)}"')
        return [*lines, "print(line)", *self._stopping()]

    @property
    def _judged(self) -> str:
        """The parameters that an epoch is judged by."""
        return "p" if self.trainer.average is None else "average"

    def _stopping(self) -> list[str]:
        """Keep the best epoch's weights, and stop when it is too long ago."""
        stopping = self.run.stopping
        if stopping is None:
            return []
        value, least = self.run.monitor, stopping.minimum_improvement
        low, high = ("best", value) if higher_is_better(value, stopping.higher_is_better) else (value, "best")
        gain = f"{low} < {high}" if not least else f"{high} - {low} > {least!r}"
        kept = f"dict({self._judged})"
        kept = f"({kept}, dict(s))" if self.network.statistics else kept
        lines = [f"if best is None or {gain}:", f"    best, best_epoch, restored = {value}, epoch + 1, {kept}"]
        since = "best_epoch"
        if stopping.ties == "last":
            since = "improved"
            lines[1:1] = ["    improved = epoch + 1"]
            lines += [
                f"elif {value} == best:  # of equally good epochs the last",
                f"    best_epoch, restored = epoch + 1, {kept}",
            ]
        if stopping.patience is not None:
            lines += [f"if epoch + 1 - {since} >= PATIENCE:", "    break"]
        return lines

    def _result(self) -> list[str]:
        """What `train` returns."""
        statistics = ", s" if self.network.statistics else ""
        if self.run.stopping is None:
            return [f"return {self._judged}{statistics}"]
        words = self.run.monitor.replace("_", " ")
        return [f'print(f"The weights of epoch {{best_epoch}} are restored: {words} {{best:.4f}}")', "return restored"]

    def evaluate(self) -> list[str]:
        """`evaluate`; nothing where there are no validation rows."""
        if not self.run.validation:
            return []
        right = self._right("y")
        arguments = self.network.call("x")
        lines = [
            f'"""The mean loss of rows{", and the fraction that is predicted right" if right else ""}."""',
            f"scores, _ = forward({arguments})",
            f"y = {self._targets()}",
            f"loss, _ = loss_and_gradient(scores, y{', np.ones(len(y))' * self.run.weighted})",
            f"return loss, ({right}).mean()" if right else "return (loss,)",
        ]
        return [function(f"evaluate({arguments.replace('x', 'x, y', 1)})", lines)]

    def _price(self, derivative: int) -> str:
        """The penalty of a weight, or its derivative; divided by the number of examples where it is for all of them."""
        penalty = self.trainer.penalty
        assert penalty is not None
        price = PENALTIES[type(penalty)](penalty)[derivative]
        return f"({price}) / n" if penalty.per_example else price

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

    def _right(self, y: str) -> str:
        """An expression for which rows are predicted right; nothing where numbers are predicted."""
        link = self._link()
        if link in ("argmax", "softmax"):
            return f"scores.argmax(axis=1) == {y}{'' if self.classes else '.argmax(axis=1)'}"
        return f"((scores > 0) == ({y} > 0.5)).all(axis=1)" if link in ("sigmoid", "sign") else ""

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


def _shown(names: list[str]) -> str:
    """Numbers with their names, within an f-string."""
    return ", ".join(f"{name.replace('_', ' ')} {{{name}:.4f}}" for name in names)
