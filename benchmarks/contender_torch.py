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
        self.workload, self.batch = workload, workload.batch or len(x)
        self.loss = torch.nn.CrossEntropyLoss()
        if workload.layers:
            self.make_images()
            self.step = self.make_step()
            return
        layers: list[Any] = []
        for inputs, units in zip(workload.sizes[:-2], workload.sizes[1:-1], strict=True):
            layers.append(torch.nn.Linear(inputs, units))
            layers += [torch.nn.BatchNorm1d(units)] if workload.normalization else []
            layers.append(torch.nn.ReLU())
            layers += [torch.nn.Dropout(workload.dropout)] if workload.dropout else []
        self.model = torch.nn.Sequential(*layers, torch.nn.Linear(*workload.sizes[-2:]))
        self.step = self.make_step()

    def make_images(self) -> None:
        """A convolutional network, and the rows with their channels first, as PyTorch takes them."""
        shape, nn = self.workload.shape, torch.nn
        self.x, self.test_x = (each.reshape(-1, *shape).movedim(-1, 1).contiguous() for each in (self.x, self.test_x))
        image = len(shape) == 3
        make: dict[str, Any] = {
            "conv": lambda filters, size, padding: (nn.LazyConv2d if image else nn.LazyConv1d)(
                filters, size, padding=padding
            ),
            "norm": nn.LazyBatchNorm2d if image else nn.LazyBatchNorm1d,
            "relu": nn.ReLU,
            "pool": nn.MaxPool2d if image else nn.MaxPool1d,
            "mean": lambda: nn.AdaptiveAvgPool2d(1) if image else nn.AdaptiveAvgPool1d(1),
            "dense": nn.LazyLinear,
        }
        layers: list[Any] = []
        for kind, *numbers in self.workload.layers:
            flat = any(isinstance(each, nn.Flatten) for each in layers)
            layers += [nn.Flatten()] if kind == "dense" and not flat else []
            layers.append(make[kind](*numbers))
        self.model = nn.Sequential(*layers)
        self.model(self.x[:2])  # sizes follow from the input

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


class TorchChannelsLast(Torch):
    """The same with images and kernels in memory as we have them, which suits some of PyTorch's kernels better."""

    def make_images(self) -> None:
        super().make_images()
        self.x, self.test_x = (each.to(memory_format=torch.channels_last) for each in (self.x, self.test_x))
        self.model = self.model.to(memory_format=torch.channels_last)


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
