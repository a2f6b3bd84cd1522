"""The equal `torch.nn.Sequential`. What needs PyTorch itself is skipped, visibly, where it is not installed."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

import pellucid as pl
from pellucid.formats.pytorch import TRANSLATIONS
from pellucid.layers import LAYERS
from pellucid.layers.base import Context, Gradients
from pellucid.typing import Floats
from support.samples import FREE_LAYER_SAMPLES, LAYER_SAMPLES, LayerSample, random_numbers

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")


@dataclass(frozen=True)
class Square(pl.Layer):
    """y = x²."""

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        return x * x, x

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        return 2 * gradient * saved, {}


def scores_of(module: Any, x: Floats) -> Floats:
    """What a PyTorch module answers for rows x."""
    import torch

    with torch.no_grad():
        return module(torch.tensor(x)).numpy()


def filled(layers: list[pl.Layer], features: int, dtype: str = "float64", seed: int = 0) -> pl.Network:
    """A network none of whose numbers is what it started as."""
    network = pl.Network(layers, dtype=dtype).build(features, seed=seed)
    network.fit_statistics(random_numbers((20, features), scale=3.0) - 2.0)
    network.parameters = network.parameters + 0.1 * random_numbers(network.parameters.shape, seed=4)
    if network.statistics.size:
        network.statistics = network.statistics + 0.1 * np.abs(random_numbers(network.statistics.shape, seed=5))
    return network


def test_every_layer_has_a_translation() -> None:
    assert set(TRANSLATIONS) == set(LAYERS.values())


@needs_torch
@pytest.mark.parametrize("sample", LAYER_SAMPLES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_layer_agrees(sample: LayerSample, dtype: str) -> None:
    network = filled([sample.layer], sample.input_shape[0], dtype)
    x = sample.inputs(9, scale=3.0).astype(dtype)
    module = pl.to_torch(network)
    tolerance = 1e-12 if dtype == "float64" else 2e-6
    np.testing.assert_allclose(scores_of(module, x), network.scores(x), rtol=tolerance, atol=tolerance)
    assert len(module) == 1


@needs_torch
@given(
    layers=some.lists(some.sampled_from([sample.layer for sample in FREE_LAYER_SAMPLES]), min_size=1, max_size=6),
    features=some.integers(2, 6),
)
def test_any_network_agrees_and_comes_back(layers: list[pl.Layer], features: int) -> None:
    network = filled(layers, features)
    x = random_numbers((9, features))
    module = pl.to_torch(network)
    np.testing.assert_allclose(scores_of(module, x), network.scores(x), rtol=1e-9, atol=1e-9)
    again = pl.Network(layers, dtype="float64").build(features, seed=1)
    pl.load_torch_weights(again, module.state_dict())
    np.testing.assert_array_equal(again.parameters, network.parameters)
    np.testing.assert_array_equal(again.statistics, network.statistics)


@needs_torch
def test_the_module_is_a_copy_ready_to_predict_and_to_train() -> None:
    import torch

    state = torch.get_rng_state()
    network = filled(
        [pl.Standardize(), pl.Dense(4), pl.Dropout(0.5), pl.Maxout(2), pl.GaussianNoise(1.0)], 3, "float32"
    )
    module = pl.to_torch(network)
    assert torch.equal(torch.get_rng_state(), state), "to_torch drew random numbers"
    assert not module.training
    assert [name for name, _ in module.named_parameters()] == ["1.weight", "1.bias", "3.weight", "3.bias"]
    before = network.parameters.copy()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module.train()(torch.tensor(random_numbers((5, 3)).astype(np.float32))).sum().backward()
    optimizer.step()
    np.testing.assert_array_equal(network.parameters, before)
    assert not torch.equal(module[1].weight, torch.tensor(network.get("1.weight").T))


@needs_torch
def test_whole_numbers_are_scaled_as_they_come() -> None:
    network = filled([pl.Rescale(1 / 255, -0.5), pl.RobustScale(), pl.Center(), pl.Dense(2)], 4, "float32")
    x = np.array([[0, 51, 255, 7]], dtype=np.uint8)
    np.testing.assert_allclose(scores_of(pl.to_torch(network), x), network.scores(x), rtol=1e-5)


@needs_torch
def test_a_layer_of_ones_own_may_be_translated() -> None:
    import torch

    class Squared(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return x * x

    network = filled([pl.Dense(2), Square()], 3)
    module = pl.to_torch(network, translations={Square: lambda torch, layer, numbers, inputs: Squared()})
    x = random_numbers((4, 3))
    np.testing.assert_allclose(scores_of(module, x), network.scores(x))


def test_a_layer_of_ones_own_needs_a_translation() -> None:
    network = pl.Network([pl.Dense(2), Square()]).build(3)
    with pytest.raises(
        ValueError, match=r"^Square has no translation to PyTorch \(layer 1\): give one in translations="
    ):
        pl.to_torch(network)


def test_without_torch_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"^to_torch needs PyTorch: install it with pip install torch"):
        pl.to_torch(pl.Network([pl.Dense(1)]).build(1))


def test_a_network_without_weights() -> None:
    with pytest.raises(ValueError, match="no parameters yet"):
        pl.to_torch(pl.Network([pl.Dense(1)]))
