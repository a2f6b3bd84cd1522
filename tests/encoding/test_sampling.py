"""Samples of what comes part by part: exact where they hold all, uniform where they do not."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pellucid.encoding.measuring import Sampled
from pellucid.encoding.sampling import Sample


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_a_sample_that_holds_all_is_exact_however_it_is_divided(numbers: list[float], cuts: list[int]) -> None:
    whole, parts = Sampled(), Sampled(size=len(numbers))
    whole.add(np.array(numbers))
    for part in np.split(np.array(numbers), sorted(min(cut, len(numbers)) for cut in cuts)):
        parts.add(part)
    assert parts.spread() == whole.spread()


def test_a_sample_is_uniform_and_does_not_depend_on_the_division() -> None:
    """Each of 1,000 numbers is in a sample of 100 with probability 1/10: over 200 seeds 20 times, give or take."""
    counts = np.zeros(1000)
    for seed in range(200):
        sample, other = Sample(100, seed=seed), Sample(100, seed=seed)
        sample.add(np.arange(1000.0))
        for part in np.array_split(np.arange(1000.0), 7):
            other.add(part)
        assert sample.kept.tolist() == other.kept.tolist()
        counts[sample.kept.astype(int)] += 1
    assert counts.sum() == 200 * 100
    expected, spread = 20, np.sqrt(200 * 0.1 * 0.9)
    assert abs(counts[:100].mean() - expected) < 4 * spread / 10
    assert abs(counts[-100:].mean() - expected) < 4 * spread / 10
    assert counts.max() < expected + 6 * spread
