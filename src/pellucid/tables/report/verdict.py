"""Whether a network is worth it, and what to do next: the report's sentences."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pellucid.tables.report.intervals import Interval
from pellucid.tables.report.metrics import Measure
from pellucid.tables.report.report import CONSTANT, NETWORK, Contender, leads_constant
from pellucid.tables.report.rivals import LINEAR_MODEL
from pellucid.tables.words import minus


def verdict(contenders: Sequence[Contender], measures: Sequence[Measure]) -> str:
    """One or two sentences on the network beside its rivals.

    A difference counts where its 95 % interval does not hold 0; the first measure in which one does decides.
    """
    measure = measures[0]
    rivals = [each for each in contenders if each.name != NETWORK]
    constant = next((each for each in rivals if each.name == CONSTANT), None)
    if constant is not None and not any(leads_constant(contenders, each) for each in measures):
        return (
            f"The network is not measurably better than a constant answer "
            f"({_by(constant.lead[measure.name], measure)}): these columns do not tell the target, or there "
            f"are too few rows."
        )
    standings = {each.name: standing(each, measures) for each in rivals if each.name != CONSTANT}
    ahead = {name: found for name, found in standings.items() if found.lead.high < 0}
    beaten = {name: found for name, found in standings.items() if found.lead.low > 0}
    level = {name: found for name, found in standings.items() if name not in ahead and name not in beaten}
    if ahead:
        best = min(ahead, key=lambda name: ahead[name].lead.value)
        lead, measure = ahead[best]
        turned = Interval(-lead.value, -lead.high, -lead.low)
        return (
            f"{_sentence(best)} is better than the network here ({_by(turned, measure)}): a network is not worth it "
            f"unless tuning or an ensemble closes the gap."
        )
    if not standings:
        return "The network is better than a constant answer; there was nothing else to compare it with."
    if not level:
        parts = [f"{_list([name])} ({_by(*found)})" for name, found in beaten.items()]
        return f"A network is worth it here: it is better than {' and '.join(parts)}."
    words = f"No difference can be measured between the network and {_list(list(level))}"
    if beaten:
        parts = [f"{_list([name])} ({_by(*found)})" for name, found in beaten.items()]
        words += f"; it is better than {' and '.join(parts)}"
    return words + (". The simpler one will do." if LINEAR_MODEL in level else ". Take what is easier to ship.")


class Standing(NamedTuple):
    """By how much the network leads, and in what."""

    lead: Interval
    measure: Measure


def standing(each: Contender, measures: Sequence[Measure]) -> Standing:
    """The first measure in which a difference can be measured; where there is none, the first of all."""
    comparing = [measure for measure in measures if measure.compares]
    for measure in comparing:
        lead = each.lead[measure.name]
        if lead.low > 0 or lead.high < 0:
            return Standing(lead, measure)
    return Standing(each.lead[comparing[0].name], comparing[0])


def _by(difference: Interval, measure: Measure) -> str:
    """A difference with its interval, in the measure's words."""
    return f"{measure.title} {signed(difference)}"


def signed(difference: Interval) -> str:
    """A difference with its interval: +0.012 [+0.004, +0.020]."""
    size = max(abs(bound) for bound in difference)
    decimals = 4 if size < 0.02 else 3 if size < 10 else 1
    value, low, high = (minus(f"{bound:+.{decimals}f}") for bound in difference)
    return f"{value} [{low}, {high}]"


def _list(names: Sequence[str]) -> str:
    with_articles = [f"a {name}" if name == "linear model" else name for name in names]
    return " and ".join(with_articles)


def _sentence(name: str) -> str:
    words = _list([name])
    return words[0].upper() + words[1:]


def asked_again(source: str, target: str, said: Mapping[str, str]) -> str:
    """A file, its target and what was said of them, as words of a command."""
    options = [f"{name} {shlex.quote(value)}" for name, value in said.items()]
    return " ".join([shlex.quote(source), f"--target {shlex.quote(target)}", *options])


def next_steps(
    *,
    model: str,
    source: str,
    target: str,
    contenders: Sequence[Contender],
    ensemble: int,
    rows: int,
    tune: bool = True,
    said: Mapping[str, str] | None = None,
) -> tuple[tuple[str, str], ...]:
    """What to do next: a command, and why.

    Parameters
    ----------
    model, source, target : str
        The run's folder, the table's file and the column.
    contenders : sequence of Contender
        The network and its rivals.
    ensemble : int
        How many networks answer together.
    rows : int
        How many rows there are.
    tune : bool
        Whether the table can be searched on: in memory it can.
    said : mapping or None
        What else was said of the table and its target, by the names of options, that new trainings must be told too.
    """
    model, asked = shlex.quote(model), asked_again(source, target, said or {})
    steps = [(f"pellucid predict {model} new.csv", "predictions for new rows, beside them in a CSV file")]
    ahead = any(lead.high < 0 for each in contenders for lead in [*each.lead.values()][:1])
    if ensemble == 1:
        why = "eight networks that answer together: most often a little better"
        steps.append((f"pellucid train {asked} --ensemble 8", why))
    minutes = 5 if rows < 20_000 else 15
    why = "a search over the network's settings" + (": the gap to what was better may close" if ahead else "")
    if tune:
        steps.append((f"pellucid tune {asked} --minutes {minutes}", why))
    steps.append((f"pellucid export {model} --to onnx", "the network, encoding of columns included, for elsewhere"))
    return tuple(steps)
