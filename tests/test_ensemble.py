"""Networks of an ensemble say the mean of what each says, from memory and from files."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

import pellucid as pl
from pellucid.losses import LINKS
from pellucid.tables import Table, TableEncoder
from support.exports import network_of

X = 3 * np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)


def networks(link: str, outputs: int = 3, count: int = 3) -> list[pl.Network]:
    return [network_of([pl.Dense(9), pl.Tanh(), pl.Dense(outputs)], 5, link, seed) for seed in range(6, 6 + count)]


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("outputs", [1, 3])
def test_one_alone_says_what_it_says(link: str, outputs: int) -> None:
    (network,) = networks(link, outputs, count=1)
    alone = pl.Ensemble([network])
    assert np.array_equal(alone.predict(X), network.predict(X))
    if link in ("softmax", "sigmoid"):
        assert np.array_equal(alone.predict_proba(X), network.predict_proba(X))


@pytest.mark.parametrize(("link", "outputs"), [("softmax", 3), ("sigmoid", 1), ("sigmoid", 3)])
def test_classes_are_those_of_the_mean_probabilities(link: str, outputs: int) -> None:
    members = networks(link, outputs)
    expected = np.stack([network.predict_proba(X).astype(np.float64) for network in members]).mean(axis=0)
    together = pl.Ensemble(members)
    np.testing.assert_allclose(together.predict_proba(X), expected, rtol=1e-6)
    classes = (expected > 0.5).astype(int) if link == "sigmoid" and outputs > 1 else expected.argmax(axis=1)
    assert np.array_equal(together.predict(X), classes)
    assert len(np.unique(classes)) > 1
    assert any(not np.array_equal(network.predict(X), classes) for network in members)


@pytest.mark.parametrize(("link", "outputs"), [("argmax", 3), ("sign", 1), ("sign", 3)])
def test_classes_without_probabilities_are_those_of_the_mean_scores(link: str, outputs: int) -> None:
    members = networks(link, outputs)
    mean = np.stack([network.scores(X).astype(np.float64) for network in members]).mean(axis=0)
    expected = mean.argmax(axis=1) if link == "argmax" else (mean > 0).astype(int)
    expected = expected[:, 0] if outputs == 1 else expected
    assert np.array_equal(pl.Ensemble(members).predict(X), expected)
    with pytest.raises(ValueError, match="has no probabilities"):
        pl.Ensemble(members).predict_proba(X)


@pytest.mark.parametrize("link", ["identity", "exponential"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_numbers_are_the_mean_of_the_numbers(link: str, outputs: int) -> None:
    members = networks(link, outputs)
    expected = np.mean([network.predict(X) for network in members], axis=0, dtype=np.float64)
    np.testing.assert_allclose(pl.Ensemble(members).predict(X), expected, rtol=1e-6, atol=1e-7)


def test_each_network_has_a_unit_of_its_own() -> None:
    members = networks("identity", 1)
    for place, network in enumerate(members):
        network.target = pl.TargetScaling(mean=100.0 * place, scale=1.0 + place, low=-0.5, high=201.0)
    expected = np.mean([network.predict(X) for network in members], axis=0)
    assert np.array_equal(pl.Ensemble(members).predict(X), expected)


@pytest.mark.parametrize("levels", [(0.1, 0.5, 0.9), (0.9, 0.1, 0.5)])
def test_quantiles_are_in_the_order_of_their_levels(levels: tuple[float, ...]) -> None:
    members = networks("identity")
    for network in members:
        network.loss = pl.Quantile(levels)
    for answer in (members[0].predict(X), pl.Ensemble(members).predict(X)):
        assert (np.diff(answer[:, np.argsort(levels)], axis=1) >= 0).all()
    scores = members[0].scores(X)
    assert (np.diff(scores, axis=1) < 0).any()
    assert np.array_equal(np.sort(members[0].predict(X), axis=1), np.sort(scores, axis=1))
    y = X[:, 0]
    loss = members[0].loss
    assert loss is not None
    target = loss.encode(y, 3)
    assert (loss.values(members[0].predict(X), target) <= loss.values(scores, target) + 1e-6).all()  # never worse


def test_networks_that_differ_cannot_answer_together() -> None:
    with pytest.raises(ValueError, match="At least one network must answer"):
        pl.Ensemble([])
    with pytest.raises(ValueError, match=r"the same outputs, but that of network 2 is 2, and that of the first one 3"):
        pl.Ensemble([*networks("softmax", 3, count=1), *networks("softmax", 2, count=1)])
    with pytest.raises(ValueError, match=r"the same link, but that of network 2 is 'sigmoid'"):
        pl.Ensemble([*networks("softmax", count=1), *networks("sigmoid", count=1)])
    members = networks("identity", count=2)
    members[0].loss, members[1].loss = pl.Quantile((0.1, 0.5, 0.9)), pl.Quantile((0.2, 0.5, 0.8))
    with pytest.raises(ValueError, match=r"the same levels, but that of network 2 is \(0.2, 0.5, 0.8\)"):
        pl.Ensemble(members)
    encoders = [TableEncoder.fit(Table.of({name: [1.0, 2.0, 4.0] for name in names})) for names in ("abcde", "abcdf")]
    members = networks("softmax", count=2)
    for network, encoder in zip(members, encoders, strict=True):
        network.preprocessing = encoder
    with pytest.raises(ValueError, match="the same preprocessing"):
        pl.Ensemble(members)


def test_a_folder_keeps_them_and_gives_them_back_to_the_bit(tmp_path) -> None:
    members = networks("softmax")
    folder = tmp_path / "new" / "folder"
    assert pl.save_ensemble(members, folder) == ["model.pellucid", "model-2.pellucid", "model-3.pellucid"]
    again = pl.load_ensemble(folder, engine="reference")
    assert np.array_equal(again.predict_proba(X), pl.Ensemble(members).predict_proba(X))
    assert np.array_equal(
        pl.load_ensemble(folder / "model-2.pellucid", engine="reference").predict(X), members[1].predict(X)
    )
    pl.save_ensemble(pl.Ensemble(members[:2]), folder)
    assert len(pl.load_ensemble(folder).networks) == 2
    pl.save_ensemble(members[0], folder)
    assert len(pl.load_ensemble(folder).networks) == 1


@pytest.mark.parametrize("number", range(3))
def test_a_full_disk_keeps_the_networks_that_were_there(number: int, tmp_path, monkeypatch) -> None:
    pl.save_ensemble(networks("softmax", count=5), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    synced, calls = os.fsync, []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) == number + 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        synced(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        pl.save_ensemble(networks("identity"), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_network_that_is_missing_is_named(tmp_path) -> None:
    pl.save_ensemble(networks("softmax"), tmp_path)
    (tmp_path / "model-2.pellucid").unlink()
    with pytest.raises(FileNotFoundError, match=r"model-2\.pellucid does not exist, but model-3\.pellucid does"):
        pl.load_ensemble(tmp_path)
