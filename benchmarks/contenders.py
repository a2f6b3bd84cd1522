"""The contenders: the same workload in each library's best form.

A contender is made with a workload and a number of threads; `round()` trains the workload's epochs once more,
shuffling included, and `score()` is the accuracy on the test rows. Data and compilation are ready before the first
round. Whoever wants bytes as floats converts them once, outside the clock; Pellucid reads the bytes themselves.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.workloads import Workload, load


class Pellucid:
    """`Trainer.fit` on the native engine."""

    engine = "native"

    def __init__(self, workload: Workload, threads: int) -> None:
        import pellucid as pl

        self.x, self.y, self.test_x, self.test_y = load(workload)
        layers: list[Any] = [pl.Rescale(1 / 255)] if workload.data == "mnist" else []
        for units in workload.sizes[1:-1]:
            layers += [pl.Dense(units), pl.ReLU()] + ([pl.Dropout(workload.dropout)] if workload.dropout else [])
        self.network = pl.Network([*layers, pl.Dense(workload.sizes[-1])], engine=self.engine, threads=threads)
        optimizer = {"descent": pl.GradientDescent, "momentum": pl.Momentum, "adam": pl.Adam}[workload.optimizer]
        self.trainer = pl.Trainer(
            self.network, pl.SoftmaxCrossEntropy(), optimizer(workload.rate), batch_size=workload.batch or "full"
        )
        self.epochs = workload.epochs
        self.trainer.initialize(self.x, self.y)

    def round(self) -> None:
        self.trainer.fit(self.x, self.y, epochs=self.epochs)

    def score(self) -> float:
        return self.network.evaluate(self.test_x, self.test_y)["accuracy"]


class Reference(Pellucid):
    """`Trainer.fit` on the reference engine."""

    engine = "reference"


class Torch:
    """Eager PyTorch, denormals flushed, fused optimizers, the batch gathered from a float tensor."""

    compiled = False

    def __init__(self, workload: Workload, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        torch.manual_seed(0)
        x, y, test_x, self.test_y = load(workload)
        scale = 255.0 if workload.data == "mnist" else 1.0
        self.x, self.y = torch.from_numpy(x.astype(np.float32) / scale), torch.from_numpy(np.array(y))
        self.test_x = torch.from_numpy(test_x.astype(np.float32) / scale)
        layers: list[Any] = []
        for inputs, units in zip(workload.sizes[:-2], workload.sizes[1:-1], strict=True):
            layers += [torch.nn.Linear(inputs, units), torch.nn.ReLU()]
            layers += [torch.nn.Dropout(workload.dropout)] if workload.dropout else []
        self.model = torch.nn.Sequential(*layers, torch.nn.Linear(*workload.sizes[-2:]))
        parameters = self.model.parameters()
        self.optimizer: Any = {
            "descent": lambda: torch.optim.SGD(parameters, workload.rate, fused=True),
            "momentum": lambda: torch.optim.SGD(parameters, workload.rate, momentum=0.9, fused=True),
            "adam": lambda: torch.optim.Adam(parameters, workload.rate, fused=True),
        }[workload.optimizer]()
        self.torch, self.batch, self.epochs = torch, workload.batch or len(x), workload.epochs
        loss = torch.nn.CrossEntropyLoss()

        def objective(x: Any, y: Any) -> Any:
            return loss(self.model(x), y)

        self.objective = torch.compile(objective, dynamic=False) if self.compiled else objective
        if self.compiled:
            for size in {self.batch, len(x) % self.batch or self.batch}:
                self.objective(self.x[:size], self.y[:size]).backward()
            self.optimizer.zero_grad()

    def round(self) -> None:
        full = self.batch == len(self.x)
        for _ in range(self.epochs):
            order = None if full else self.torch.randperm(len(self.x))
            for start in range(0, len(self.x), self.batch):
                rows = slice(None) if order is None else order[start : start + self.batch]
                self.optimizer.zero_grad(set_to_none=True)
                self.objective(self.x[rows], self.y[rows]).backward()
                self.optimizer.step()

    def score(self) -> float:
        self.model.eval()
        with self.torch.no_grad():
            predicted = self.model(self.test_x).argmax(dim=1).numpy()
        self.model.train()
        return float((predicted == self.test_y).mean())


class TorchCompiled(Torch):
    """The same with forward and backward compiled."""

    compiled = True


class Jax:
    """JAX: the whole epoch (or all full-batch iterations) in one `lax.scan`, buffers donated."""

    def __init__(self, workload: Workload, threads: int) -> None:
        if threads == 1:
            os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        import jax

        self.jax, self.workload = jax, workload
        x, y, test_x, self.test_y = load(workload)
        scale = 255.0 if workload.data == "mnist" else 1.0
        self.x, self.y = jax.numpy.asarray(x.astype(np.float32) / scale), jax.numpy.asarray(y.astype(np.int32))
        self.test_x = jax.numpy.asarray(test_x.astype(np.float32) / scale)
        rng = np.random.default_rng(0)
        weights = [
            (jax.numpy.asarray(rng.normal(0, np.sqrt(2 / m), (m, n)), dtype="float32"), jax.numpy.zeros(n))
            for m, n in zip(workload.sizes[:-1], workload.sizes[1:], strict=True)
        ]
        zeros = lambda: jax.tree.map(jax.numpy.zeros_like, weights)  # noqa: E731
        self.state = (weights, zeros(), zeros(), jax.numpy.zeros((), dtype="int32"))
        self.rng, self.key = rng, jax.random.key(0)
        self.epoch = jax.jit(self._epoch(), donate_argnums=(0,))
        self.round()  # compiles

    def _scores(self, weights: Any, x: Any, key: Any) -> Any:
        jax = self.jax
        for number, (weight, bias) in enumerate(weights):
            x = x @ weight + bias
            if number < len(weights) - 1:
                x = jax.nn.relu(x)
                if self.workload.dropout and key is not None:
                    keep = jax.random.bernoulli(jax.random.fold_in(key, number), 1 - self.workload.dropout, x.shape)
                    x = jax.numpy.where(keep, x / (1 - self.workload.dropout), 0.0)
        return x

    def _step(self) -> Callable[..., Any]:
        jax, np_, rate = self.jax, self.jax.numpy, self.workload.rate

        def objective(weights: Any, x: Any, y: Any, key: Any) -> Any:
            log_p = jax.nn.log_softmax(self._scores(weights, x, key))
            return -log_p[np_.arange(len(y)), y].mean()

        def step(state: Any, x: Any, y: Any, key: Any) -> Any:
            weights, first, second, count = state
            gradient = jax.grad(objective)(weights, x, y, key)
            if self.workload.optimizer == "descent":
                return jax.tree.map(lambda w, g: w - rate * g, weights, gradient), first, second, count
            if self.workload.optimizer == "momentum":
                first = jax.tree.map(lambda v, g: 0.9 * v + g, first, gradient)
                return jax.tree.map(lambda w, v: w - rate * v, weights, first), first, second, count
            count = count + 1
            first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
            second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
            a, b = rate / (1 - 0.9**count), (1 - 0.999**count) ** 0.5
            update = lambda w, m, v: w - a * m / (np_.sqrt(v) / b + 1e-8)  # noqa: E731
            return jax.tree.map(update, weights, first, second), first, second, count

        return step

    def _epoch(self) -> Callable[..., Any]:
        jax, step, dropout = self.jax, self._step(), self.workload.dropout

        if not self.workload.batch:

            def iterations(state: Any, x: Any, y: Any, order: Any, rest: Any, key: Any) -> Any:
                return jax.lax.scan(lambda s, _: (step(s, x, y, None), None), state, None, self.workload.epochs)[0]

            return iterations

        def epoch(state: Any, x: Any, y: Any, order: Any, rest: Any, key: Any) -> Any:
            def body(carry: Any, rows: Any) -> Any:
                state, key = carry
                key, now = jax.random.split(key) if dropout else (key, None)
                return (step(state, x[rows], y[rows], now), key), None

            (state, key), _ = jax.lax.scan(body, (state, key), order)
            return step(state, x[rest], y[rest], key if dropout else None) if rest.size else state

        return epoch

    def round(self) -> None:
        for _ in range(self.workload.epochs if self.workload.batch else 1):
            order = rest = np.zeros(0, dtype=np.int32)
            if self.workload.batch:
                rows = self.rng.permutation(len(self.x)).astype(np.int32)
                whole = len(rows) - len(rows) % self.workload.batch
                order, rest = rows[:whole].reshape(-1, self.workload.batch), rows[whole:]
            self.key, key = self.jax.random.split(self.key)
            self.state = self.epoch(self.state, self.x, self.y, order, rest, key)
        self.jax.block_until_ready(self.state)

    def score(self) -> float:
        predicted = np.asarray(self._scores(self.state[0], self.test_x, None)).argmax(axis=1)
        return float((predicted == self.test_y).mean())


CONTENDERS: dict[str, type[Any]] = {
    "pellucid": Pellucid,
    "reference": Reference,
    "torch": Torch,
    "torch-compiled": TorchCompiled,
    "jax": Jax,
}
