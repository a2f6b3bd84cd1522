"""Whether a network is worth it, and what to do next: the report's sentences."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.tables.report.intervals import Interval
from pellucid.tables.report.metrics import Measure
from pellucid.tables.report.report import NETWORK, Contender
from pellucid.tables.report.rivals import CONSTANT, LINEAR_MODEL


def verdict(contenders: Sequence[Contender], measure: Measure) -> str:
    """One or two sentences on the network beside its rivals.

    A difference counts where its 95 % interval does not hold 0.
    """
    rivals = [each for each in contenders if each.name != NETWORK]
    constant = next((each for each in rivals if each.name == CONSTANT), None)
    if constant is not None and not any(lead.low > 0 for lead in constant.lead.values()):
        return (
            f"The network is not measurably better than a constant answer ({_by(constant.lead[measure.name], measure)}): "
            f"these columns do not tell the target, or there are too few rows."
        )
    leads = {each.name: each.lead[measure.name] for each in rivals if each.name != CONSTANT}
    ahead = {name: lead for name, lead in leads.items() if lead.high < 0}
    beaten = [name for name, lead in leads.items() if lead.low > 0]
    if ahead:
        best = min(ahead, key=lambda name: ahead[name].value)
        lead = ahead[best]
        turned = Interval(-lead.value, -lead.high, -lead.low)
        return (
            f"{_sentence(best)} is better than the network here ({_by(turned, measure)}): a network is not worth it "
            f"unless tuning or an ensemble closes the gap."
        )
    if not leads:
        return "The network is better than a constant answer; there was nothing else to compare it with."
    level = [name for name in leads if name not in beaten]
    if not level:
        closest = min(leads, key=lambda name: leads[name].value)
        return (
            f"A network is worth it here: it is better than {_list(list(leads))}, than the closest by "
            f"{_by(leads[closest], measure)}."
        )
    verb = "No difference can be measured between the network and"
    words = f"{verb} {_list(level)} ({_by(leads[level[-1]], measure)})"
    if beaten:
        words += f"; it is better than {_list(beaten)}"
    return words + (". The simpler one will do." if LINEAR_MODEL in level else ". Take what is easier to ship.")


def _by(difference: Interval, measure: Measure) -> str:
    """A difference with its interval, in the measure's words."""
    low, high = (f"{bound:+.3g}" for bound in (difference.low, difference.high))
    return f"{difference.value:+.3g} in {measure.title}, 95 %: {low} to {high}"


def _list(names: Sequence[str]) -> str:
    with_articles = [f"a {name}" if name == "linear model" else name for name in names]
    return " and ".join(with_articles)


def _sentence(name: str) -> str:
    words = _list([name])
    return words[0].upper() + words[1:]


def next_steps(
    *, model: str, source: str, target: str, contenders: Sequence[Contender], ensemble: int, rows: int
) -> tuple[tuple[str, str], ...]:
    """What to do next: a command, and why.

    Parameters
    ----------
    model, source, target : str
        The run's folder, the table's file and the column, as one would type them.
    contenders : sequence of Contender
        The network and its rivals.
    ensemble : int
        How many networks answer together.
    rows : int
        How many rows there are.
    """
    steps = [(f"pellucid predict {model} new.csv", "predictions for new rows, beside them in a CSV file")]
    ahead = any(lead.high < 0 for each in contenders for lead in [*each.lead.values()][:1])
    if ensemble == 1:
        why = "eight networks that answer together: most often a little better"
        steps.append((f"pellucid train {source} --target {target} --ensemble 8", why))
    minutes = 5 if rows < 20_000 else 15
    why = "a search over the network's settings" + (": the gap to what was better may close" if ahead else "")
    steps.append((f"pellucid tune {source} --target {target} --minutes {minutes}", why))
    steps.append((f"pellucid export {model} --to onnx", "the network, encoding of columns included, for elsewhere"))
    return tuple(steps)
