"""Whether a network is worth it, and what to do next: the report's sentences."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from pellucid.tables.report.baselines import LINEAR_MODEL
from pellucid.tables.report.intervals import Interval
from pellucid.tables.report.metrics import Measure
from pellucid.tables.report.scores import AS_IT_WAS, CONSTANT, NETWORK, ModelScore, as_printed, signed


def verdict(contenders: Sequence[ModelScore], measure: Measure) -> str:
    """A few sentences on the network beside its rivals, all by one measure.

    A difference counts where its 95 % interval, as it is printed, does not hold 0.
    """
    words = _beside_rivals(contenders, measure)
    for lead in (as_printed(each.lead[measure.name]) for each in contenders if each.name == AS_IT_WAS):
        found = "better" if lead.low > 0 else "not measurably better"
        words += f" The network that was found is {found} than the recipe as it was ({_by(lead, measure)})."
    return words


def _beside_rivals(contenders: Sequence[ModelScore], measure: Measure) -> str:
    others = [each for each in contenders if each.name not in (NETWORK, CONSTANT, AS_IT_WAS)]
    leads = {each.name: as_printed(each.lead[measure.name]) for each in others}
    ahead = {name: lead for name, lead in leads.items() if lead.high < 0}
    beaten = {name: lead for name, lead in leads.items() if lead.low > 0}
    level = {name: lead for name, lead in leads.items() if name not in ahead and name not in beaten}
    constant = next((as_printed(each.lead[measure.name]) for each in contenders if each.name == CONSTANT), None)
    better = ""
    if ahead:
        best = min(ahead, key=lambda name: ahead[name].value)
        better = f"{_sentence(best)} is better than the network here ({_by(-ahead[best], measure)})"
    if constant is not None and constant.low <= 0:
        words = f"The network is not measurably better than a constant answer ({_by(constant, measure)})"
        reason = "these columns do not tell the target, or there are too few rows"
        return f"{words}. {better}." if better else f"{words}: {reason}."
    if better:
        return f"{better}: a network is not worth it unless tuning or an ensemble closes the gap."
    if not leads:
        return "The network is better than a constant answer; there was nothing else to compare it with."
    over = " and ".join(f"{_article(name)} ({_by(lead, measure)})" for name, lead in beaten.items())
    if not level:
        return f"A network is worth it here: it is better than {over}."
    alike = " and ".join(f"{_article(name)} ({_by(lead, measure)})" for name, lead in level.items())
    words = f"No difference can be measured between the network and {alike}"
    words += f"; it is better than {over}" if over else ""
    return words + (". The simpler one will do." if LINEAR_MODEL in level else ". Take what is easier to ship.")


def _by(lead: Interval, measure: Measure) -> str:
    """A lead in the measure's words: "log loss lower by 0.012 [0.004, 0.020]"."""
    more = measure.higher == (lead.value >= 0)
    return f"{measure.title} {'higher' if more else 'lower'} by {signed(max(lead, -lead)).replace('+', '')}"


def _article(name: str) -> str:
    return f"a {name}" if name == LINEAR_MODEL else name


def _sentence(name: str) -> str:
    words = _article(name)
    return words[0].upper() + words[1:]


def asked_again(source: str, target: str, table_options: Mapping[str, str]) -> str:
    """A file, its target and what was said of them, as words of a command."""
    options = [f"{name} {shlex.quote(value)}" for name, value in table_options.items()]
    return " ".join([shlex.quote(source), f"--target {shlex.quote(target)}", *options])


def next_steps(
    *,
    model: str,
    source: str,
    target: str,
    contenders: Sequence[ModelScore],
    ensemble: int,
    rows: int,
    tune: bool = True,
    table_options: Mapping[str, str] | None = None,
    settings: str | None = None,
) -> tuple[tuple[str, str], ...]:
    """What to do next: a command, and why.

    Parameters
    ----------
    model, source, target : str
        The run's folder, the table's file and the column.
    contenders : sequence of ModelScore
        The network and its rivals.
    ensemble : int
        How many networks form an ensemble.
    rows : int
        How many rows there are.
    tune : bool
        Whether the table can be searched on: in memory it can.
    table_options : mapping or None
        What else was said of the table and its target, by the names of options, that new trainings must be told too.
    settings : str or None
        Where the recipe was read from.
    """
    model, asked = shlex.quote(model), asked_again(source, target, table_options or {})
    steps = [(f"pellucid predict {model} new.csv", "predictions for new rows, beside them in a CSV file")]
    ahead = any(lead.high < 0 for each in contenders for lead in [*each.lead.values()][:1])  # by the first measure
    if ensemble == 1:
        why = "eight networks of an ensemble: most often a little better"
        recipe = "" if settings is None else f" --settings {shlex.quote(settings)}"
        steps.append((f"pellucid train {asked}{recipe} --ensemble 8", why))
    minutes = 5 if rows < 20_000 else 15
    why = "a search over the network's settings" + (": the gap to what was better may close" if ahead else "")
    if tune:
        steps.append((f"pellucid tune {asked} --minutes {minutes}", why))
    steps.append((f"pellucid export {model} --to onnx", "the network, encoding of columns included, for elsewhere"))
    return tuple(steps)
