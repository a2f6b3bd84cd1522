"""The equal module of PyTorch. What needs PyTorch itself is skipped, visibly, where it is not installed."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

import pellucid as pl
from pellucid.program.operations import OPERATIONS
from pellucid.typing import Floats, Shape
from support.nested import nested_layers
from support.samples import FREE_LAYER_SAMPLES, RANKED_LAYER_SAMPLES, LayerSample, random_numbers

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")


def scores_of(module: Any, x: Floats) -> Floats:
    """What a PyTorch module answers for rows x."""
    import torch

    with torch.no_grad():
        return module(torch.tensor(x)).numpy()


def filled(layers: list[pl.Layer], shape: int | Shape, dtype: str = "float64", seed: int = 0) -> pl.Network:
    """A network none of whose numbers is what it started as."""
    network = pl.Network(layers, dtype=dtype).build(shape, seed=seed)
    if not network.program.coded:
        network.fit_statistics(random_numbers((20, *network.input_shape), scale=3.0) - 2.0)
    network.parameters = network.parameters + 0.1 * random_numbers(network.parameters.shape, seed=4)
    if network.statistics.size:
        network.statistics = network.statistics + 0.1 * np.abs(random_numbers(network.statistics.shape, seed=5))
    return network


@needs_torch
def test_every_operation_is_known() -> None:
    import torch

    from pellucid.formats.pytorch.module import OPERATIONS as TRANSLATED

    assert [name for name in OPERATIONS if name not in TRANSLATED and not hasattr(torch, name)] == []
    assert set(TRANSLATED) <= set(OPERATIONS)


@needs_torch
@pytest.mark.parametrize("sample", RANKED_LAYER_SAMPLES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_layer_agrees(sample: LayerSample, dtype: str) -> None:
    network = filled([sample.layer], sample.input_shape, dtype)
    x = sample.inputs(9, scale=3.0).astype(dtype)
    module = pl.to_torch(network)
    tolerance = 1e-12 if dtype == "float64" else 2e-6
    np.testing.assert_allclose(scores_of(module, x), network.scores(x), rtol=tolerance, atol=tolerance)


@needs_torch
@given(layers=nested_layers(), positions=some.sampled_from([(), (2,), (2, 3)]))
def test_nested_networks_agree_with_their_gradients_and_come_back(
    layers: list[pl.Layer], positions: tuple[int, ...]
) -> None:
    """Without the layers that work otherwise in training: the gradient is that of `loss_and_gradient`."""
    import torch

    network = filled(layers, (*positions, 3))
    x, y = random_numbers((4, *positions, 3)), random_numbers((4, *positions, 3), seed=1)
    module = pl.to_torch(network)
    scores = module(torch.tensor(x))
    np.testing.assert_allclose(scores.detach().numpy(), network.scores(x), rtol=1e-9, atol=1e-9)
    again = pl.Network(layers, dtype="float64").build((*positions, 3), seed=1)
    pl.load_torch_weights(again, module.state_dict())
    np.testing.assert_array_equal(again.parameters, network.parameters)
    np.testing.assert_array_equal(again.statistics, network.statistics)
    if "BatchNormalization" in str(layers) or not network.parameters.size:
        return
    _, gradient = network.loss_and_gradient(x, y, loss="squared_error")
    (0.5 * ((scores - torch.tensor(y)) ** 2).sum() / scores[..., 0].numel()).backward()
    for name, view in network.program.views().items():
        if name.endswith(("weight", "bias")) and view.shape:
            theirs = module.get_parameter(name).grad.numpy()
            np.testing.assert_allclose(theirs.T, view.of(gradient), rtol=1e-8, atol=1e-9)


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
    assert list(module.state_dict())[:2] == ["0.mean", "0.scale"]
    before = network.parameters.copy()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module.train()(torch.tensor(random_numbers((5, 3)).astype(np.float32))).sum().backward()
    optimizer.step()
    np.testing.assert_array_equal(network.parameters, before)
    assert not torch.equal(module.get_parameter("1.weight"), torch.tensor(network.get("1.weight").T))


@needs_torch
def test_the_module_prints_its_layers() -> None:
    network = pl.Network([pl.Standardize(), pl.Residual([pl.Dense(3), pl.ReLU()]), pl.Dense(2)]).build(3)
    assert str(pl.to_torch(network)) == (
        "PellucidModule(\n"
        "  (0): Standardize()\n"
        "  (1): Residual(\n    (0): Dense(3)\n    (1): ReLU()\n  )\n"
        "  (2): Dense(2)\n)"
    )


@needs_torch
def test_weights_lie_as_in_the_sequential_of_pytorch() -> None:
    import torch

    module = pl.to_torch(pl.Network([pl.Dense(4), pl.ReLU(), pl.Dense(2)]).build(3))
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    module.load_state_dict(theirs.state_dict())
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(module(x), theirs(x))


@needs_torch
def test_the_derivative_of_relu_at_0_is_0() -> None:
    import torch

    x = torch.zeros(1, 2, requires_grad=True)
    pl.to_torch(pl.Network([pl.ReLU()]).build(2))(x).sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0]]


@needs_torch
def test_whole_numbers_are_scaled_as_they_come() -> None:
    network = filled([pl.Rescale(1 / 255, -0.5), pl.RobustScale(), pl.Center(), pl.Dense(2)], 4, "float32")
    x = np.array([[0, 51, 255, 7]], dtype=np.uint8)
    np.testing.assert_allclose(scores_of(pl.to_torch(network), x), network.scores(x), rtol=1e-5)


def test_without_torch_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"^to_torch needs PyTorch: install it with pip install torch"):
        pl.to_torch(pl.Network([pl.Dense(1)]).build(1))


def test_a_network_without_weights() -> None:
    with pytest.raises(ValueError, match="no parameters yet"):
        pl.to_torch(pl.Network([pl.Dense(1)]))
