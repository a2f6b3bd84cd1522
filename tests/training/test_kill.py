"""A training that is killed, or whose disk fills up, comes to the end of one that never was.

`python -m benchmarks kill` does the same with two hundred kills.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.engines import ENGINES
from support.killing import fill_often, kill_often, small_disk

KILLS, FILLINGS = 10, 15


def test_killed_at_random_moments(tmp_path: Path) -> None:
    *_, (killed, ended) = kill_often(tmp_path, ENGINES[-1], threads=2, kills=KILLS, seed=1)
    assert killed == KILLS
    assert ended >= 1


def test_killed_on_the_reference_engine(tmp_path: Path) -> None:
    *_, (killed, ended) = kill_often(tmp_path, "reference", threads=1, kills=3, seed=2)
    assert killed == 3
    assert ended >= 1


def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", kilobytes=800) as disk:
        if disk is None:
            pytest.skip("no disk can be mounted here: only a privileged user may")
        failed, _ = fill_often(tmp_path, disk, ENGINES[-1], threads=1, fillings=FILLINGS, seed=3)
        assert failed, "the disk was never full when a checkpoint was written"
