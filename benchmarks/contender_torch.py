"""PyTorch, eager and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.workloads import Workload, load


class Torch:
    """Eager PyTorch: denormals flushed, fused optimizers, the batch gathered from a float tensor."""

    def __init__(self, workload: Workload, threads: int) -> None:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        torch.manual_seed(0)
        x, y, test_x, self.test_y = load(workload)
        scale = 255.0 if workload.data == "mnist" else 1.0
        self.x, self.y = torch.from_numpy(x.astype(np.float32) / scale), torch.from_numpy(np.array(y))
        self.test_x = torch.from_numpy(test_x.astype(np.float32) / scale)
        layers: list[Any] = []
        for inputs, units in zip(workload.sizes[:-2], workload.sizes[1:-1], strict=True):
            layers.append(torch.nn.Linear(inputs, units))
            layers += [torch.nn.BatchNorm1d(units)] if workload.normalization else []
            layers.append(torch.nn.ReLU())
            layers += [torch.nn.Dropout(workload.dropout)] if workload.dropout else []
        self.model = torch.nn.Sequential(*layers, torch.nn.Linear(*workload.sizes[-2:]))
        self.loss = torch.nn.CrossEntropyLoss()
        self.workload, self.batch = workload, workload.batch or len(x)
        self.step = self.make_step()

    def make_step(self) -> Callable[[Any, Any], object]:
        """A function that makes one step on a batch."""
        optimizer = self.optimizer()

        def step(x: Any, y: Any) -> None:
            optimizer.zero_grad(set_to_none=True)
            self.loss(self.model(x), y).backward()
            optimizer.step()

        return step

    def optimizer(self) -> Any:
        parameters, rate = self.model.parameters(), self.workload.rate
        return {
            "descent": lambda: torch.optim.SGD(parameters, rate, fused=True),
            "momentum": lambda: torch.optim.SGD(parameters, rate, momentum=0.9, fused=True),
            "adam": lambda: torch.optim.Adam(parameters, rate, fused=True),
        }[self.workload.optimizer]()

    def round(self) -> None:
        full = self.batch == len(self.x)
        for _ in range(self.workload.epochs):
            if full:
                self.step(self.x, self.y)
                continue
            for rows in torch.randperm(len(self.x)).split(self.batch):
                self.step(self.x.index_select(0, rows), self.y.index_select(0, rows))

    def score(self) -> float:
        self.model.eval()
        with torch.no_grad():
            predicted = self.model(self.test_x).argmax(dim=1).numpy()
        self.model.train()
        return float((predicted == self.test_y).mean())


class TorchCompiled(Torch):
    """Forward and backward compiled into one graph, a single call a batch; then the fused optimizer.

    The last batch of an epoch, where it is smaller, runs uncompiled: one step of hundreds. The usual way, to compile
    the loss and call `backward`, costs a small network several times as much in calls.
    """

    def make_step(self) -> Callable[[Any, Any], object]:
        optimizer = self.optimizer()
        parameters, buffers = dict(self.model.named_parameters()), dict(self.model.named_buffers())

        def objective(parameters: Any, buffers: Any, x: Any, y: Any) -> Any:
            moved = {name: value.clone() for name, value in buffers.items()}
            return self.loss(torch.func.functional_call(self.model, (parameters, moved), (x,)), y), moved

        gradient_of = torch.func.grad(objective, has_aux=True)
        compiled = torch.compile(gradient_of, dynamic=False, fullgraph=True)

        @torch.no_grad()
        def step(x: Any, y: Any) -> None:
            make = compiled if len(x) == self.batch else gradient_of
            gradient, moved = make(parameters, buffers, x, y)
            for name, parameter in parameters.items():
                parameter.grad = gradient[name]
            optimizer.step()
            for name, buffer in buffers.items():
                buffer.copy_(moved[name])

        step(self.x[: self.batch], self.y[: self.batch])
        return step
