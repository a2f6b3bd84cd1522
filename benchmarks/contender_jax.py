"""JAX: the whole epoch (or all full-batch iterations) in one `lax.scan`, buffers donated.

Chosen because they were faster here than what one writes first: the cross-entropy with one-hot targets (its gradient
needs no scatter), and four steps of a small network to a turn of the loop.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.workloads import Workload, load


class Jax:
    """The state is (parameters, running averages, first and second moments, number of steps)."""

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
        parameters, running = [], []
        for inputs, units in zip(workload.sizes[:-1], workload.sizes[1:], strict=True):
            weight = jax.numpy.asarray(rng.normal(0, np.sqrt(2 / inputs), (inputs, units)), dtype="float32")
            layer = {"w": weight, "b": jax.numpy.zeros(units)}
            if workload.normalization and len(parameters) < len(workload.sizes) - 2:
                layer |= {"gain": jax.numpy.ones(units), "shift": jax.numpy.zeros(units)}
                running.append({"mean": jax.numpy.zeros(units), "variance": jax.numpy.ones(units)})
            parameters.append(layer)
        self.unroll = 4 if sum(weight.size for weight in jax.tree.leaves(parameters)) < 50_000 else 1
        zeros = lambda: jax.tree.map(jax.numpy.zeros_like, parameters)  # noqa: E731
        self.state = (parameters, running, zeros(), zeros(), jax.numpy.zeros((), dtype="int32"))
        self.rng, self.key = rng, jax.random.key(0)
        self.epoch = jax.jit(self._epoch(), donate_argnums=(0,))
        self.round()  # compiles

    def _scores(self, parameters: Any, running: Any, x: Any, key: Any, training: bool) -> tuple[Any, Any]:
        jax, moved, rate = self.jax, [], self.workload.dropout
        for number, layer in enumerate(parameters):
            x = x @ layer["w"] + layer["b"]
            if number == len(parameters) - 1:
                break
            if running:
                mean, variance = running[number]["mean"], running[number]["variance"]
                if training:
                    unbiased = len(x) / (len(x) - 1)
                    old, mean, old_variance, variance = mean, x.mean(axis=0), variance, x.var(axis=0)
                    moved.append(
                        {"mean": 0.9 * old + 0.1 * mean, "variance": 0.9 * old_variance + 0.1 * unbiased * variance}
                    )
                x = (x - mean) * (layer["gain"] * jax.lax.rsqrt(variance + 1e-5)) + layer["shift"]
            x = jax.nn.relu(x)
            if rate and training:
                keep = jax.random.bernoulli(jax.random.fold_in(key, number), 1 - rate, x.shape)
                x = jax.numpy.where(keep, x / (1 - rate), 0.0)
        return x, moved

    def _step(self) -> Callable[..., Any]:
        jax, np_, rate = self.jax, self.jax.numpy, self.workload.rate

        def objective(parameters: Any, running: Any, x: Any, y: Any, key: Any) -> Any:
            scores, moved = self._scores(parameters, running, x, key, training=True)
            return -(jax.nn.log_softmax(scores) * jax.nn.one_hot(y, scores.shape[1])).sum() / len(x), moved

        def step(state: Any, x: Any, y: Any, key: Any) -> Any:
            parameters, running, first, second, count = state
            gradient, running = jax.grad(objective, has_aux=True)(parameters, running, x, y, key)
            if self.workload.optimizer == "descent":
                parameters = jax.tree.map(lambda w, g: w - rate * g, parameters, gradient)
            elif self.workload.optimizer == "momentum":
                first = jax.tree.map(lambda v, g: 0.9 * v + g, first, gradient)
                parameters = jax.tree.map(lambda w, v: w - rate * v, parameters, first)
            else:
                count = count + 1
                first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
                second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
                a, b = rate / (1 - 0.9**count), (1 - 0.999**count) ** 0.5
                update = lambda w, m, v: w - a * m / (np_.sqrt(v) / b + 1e-8)  # noqa: E731
                parameters = jax.tree.map(update, parameters, first, second)
            return parameters, running, first, second, count

        return step

    def _epoch(self) -> Callable[..., Any]:
        jax, step, dropout = self.jax, self._step(), self.workload.dropout

        if not self.workload.batch:

            def iterations(state: Any, x: Any, y: Any, order: Any, rest: Any, key: Any) -> Any:
                turn = lambda s, _: (step(s, x, y, None), None)  # noqa: E731
                return jax.lax.scan(turn, state, None, self.workload.epochs, unroll=self.unroll)[0]

            return iterations

        def epoch(state: Any, x: Any, y: Any, order: Any, rest: Any, key: Any) -> Any:
            def body(carry: Any, rows: Any) -> Any:
                state, key = carry
                key, now = jax.random.split(key) if dropout else (key, None)
                return (step(state, x[rows], y[rows], now), key), None

            (state, key), _ = jax.lax.scan(body, (state, key), order, unroll=self.unroll)
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
        scores, _ = self._scores(*self.state[:2], self.test_x, None, training=False)
        return float((np.asarray(scores).argmax(axis=1) == self.test_y).mean())
