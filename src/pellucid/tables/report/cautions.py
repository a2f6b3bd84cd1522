"""What should make one look twice at a score: a column that gives the target away, copied rows, classes of few rows.

Contract: `cautions_of` returns sentences, most often none. Each says what was seen, why it matters and what to do; none
of them is certain, since a table does not say what its columns mean.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pellucid.encoding.cells import kind_given
from pellucid.tables.targets import Target, rare_classes
from pellucid.typing import Array, Floats

_MOST, _NEARLY_ALL = 0.87, 0.95  # shares of what all columns are worth
_COPIES = 0.01  # of the rows: fewer change no score
_FEW_COPIES = 5
_FINE = 0.5  # a column with different values in more of the different rows than this makes copies by chance unlikely
_FEW_ROWS = 10  # a class of fewer is hardly learnt, and hardly measured


def cautions_of(
    x: Floats, y: Array, target: Target, importance: Mapping[str, float], weight: Array | None = None
) -> tuple[str, ...]:
    """What is to be looked at again.

    Parameters
    ----------
    x, y : array (n, d), array (n,)
        All rows as the network gets them, and their targets.
    target : Target
        What is predicted.
    importance : mapping
        By column, what the score loses without it; empty where the network is no better than a constant.
    weight : array (n,) or None
        How much each row counts: a class that weighs as much as the others is not rare.
    """
    of_classes = (_few(y, target), _rare(y, target, weight), _alike(target)) if target.task == "classes" else ()
    found = (_giving_away(importance, target.name), _copies(x, y), *of_classes)
    return tuple(words for words in found if words)


def _giving_away(importance: Mapping[str, float], target: str) -> str:
    worth = {name: max(0.0, drop) for name, drop in importance.items()}
    total = sum(worth.values())
    if len(worth) < 2 or total <= 0:
        return ""
    name = max(worth, key=lambda each: worth[each])
    share = worth[name] / total
    if share < _MOST:
        return ""
    much = "Nearly all" if share >= _NEARLY_ALL else "Most"
    return (
        f"{much} of what the network knows comes from one column, {name!r:.60} ({share:.0%} of what all columns are "
        f"worth). Is it known before {target!r:.60} is? If it is made from it, or comes after it, this score cannot be "
        f"kept up on new rows: leave the column out, {kind_given(name, 'ignore')}."
    )


def _copies(x: Floats, y: Array) -> str:
    count = copies_in(x, y)
    different = len(x) - count
    fine = any(len(np.unique(column)) > _FINE * different for column in x.T)
    if count < max(_FEW_COPIES, _COPIES * len(x)) or not fine:
        return ""
    return (
        f"{count:,} of {len(x):,} rows ({count / len(x):.0%}) are copies of others, target included. Where they are "
        f"the same case twice, one was trained on and the other measured: the scores are too good. Remove them."
    )


def copies_in(x: Floats, y: Array) -> int:
    """How many rows would go if each stood there once, by a hash of 64 bits of each row with its target."""
    keys = np.zeros(len(x), dtype=np.uint64)
    for column in (*x.T, y):
        bits = (np.asarray(column, dtype=np.float64) + 0.0).view(np.uint64)  # + 0: −0 is 0
        keys = (keys ^ bits) * np.uint64(0x9E3779B97F4A7C15)  # modulo 2⁶⁴; the odd number nearest to 2⁶⁴ / golden ratio
        keys ^= keys >> np.uint64(32)
    return len(keys) - len(np.unique(keys))


def _few(y: Array, target: Target) -> str:
    counts = np.bincount(y, minlength=len(target.classes))
    rare = [(name, count) for name, count in zip(target.class_names, counts.tolist(), strict=True) if count < _FEW_ROWS]
    if not rare:
        return ""
    shown = ", ".join(f"{name!r:.40} has {count}" for name, count in rare[:5]) + (", …" if len(rare) > 5 else "")
    which, they = ("One class has", "it") if len(rare) == 1 else (f"{len(rare):,} classes have", "they")
    return (
        f"{which} fewer than {_FEW_ROWS} rows ({shown}): {they} can hardly be learnt or measured. Find more such rows, "
        f"or put them together with another class."
    )


def _rare(y: Array, target: Target, weight: Array | None) -> str:
    """The classes below a tenth of all rows, as these weigh, with the way to make them count; not those of `_few`."""
    totals = np.bincount(y, weights=weight, minlength=len(target.classes))
    counts = np.bincount(y, minlength=len(target.classes))
    rare = [place for place in rare_classes(totals.tolist()) if counts[place] >= _FEW_ROWS]
    if not rare:
        return ""
    shown = ", ".join(f"{target.class_names[place]!r:.40} {totals[place] / totals.sum():.1%}" for place in rare[:5])
    which, they = ("One class is rare", "it is") if len(rare) == 1 else (f"{len(rare):,} classes are rare", "they are")
    return (
        f"{which} ({shown}{', …' if len(rare) > 5 else ''}): accuracy says little of whether {they} found; see the "
        f'confusion table. To make every class count as much as the others: class_weight="balanced" '
        f"(--class-weight balanced)."
    )


def _alike(target: Target) -> str:
    groups: dict[str, list[str]] = {}
    for name in target.class_names:
        groups.setdefault(" ".join(name.casefold().split()), []).append(name)
    several = [names for names in groups.values() if len(names) > 1]
    if not several:
        return ""
    shown = "; ".join(" and ".join(f"{name!r:.40}" for name in names) for names in several[:3])
    return f"Classes differ in capitals or spaces alone ({shown}): where they mean the same, write them alike."
