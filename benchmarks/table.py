"""Figures as Markdown: what each process cost, and every figure against its target."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from checking import Judgement
from measuring import Cost, typical
from targets import Target

MEBIBYTE = 1 << 20


class Figure(NamedTuple):
    """What was measured of ``subject``, a wheel or a set of wheels: one value for each round.

    Without values it could not be measured, and ``why`` says the reason.
    """

    name: str
    subject: str
    values: Sequence[float] = ()
    why: str = ""


def ratios(ours: Sequence[Cost], *theirs: Sequence[Cost]) -> list[float]:
    """Return our time by the wall clock to the sum of theirs, round by round."""
    return [our.wall / sum(each.wall for each in those) for our, *those in zip(ours, *theirs, strict=True)]


def verdicts(targets: Iterable[Target], figures: Mapping[str, Figure], *, judged: bool) -> str:
    """Return a row for each target; one whose figure is not there was not measured. Medians, of ratios round by round.

    Where sizes or rounds are too small to say anything, nothing is ``judged``.
    """
    rows = [_verdict(target, figures.get(target.name), judged) for target in targets]
    return markdown(["figure", "of", "value", "min..max", "target", ""], rows, numbers=False)


def _verdict(target: Target, figure: Figure | None, judged: bool) -> list[str]:
    if figure is None or not figure.values:
        why = f"not measured: {' '.join(figure.why.split())}" if figure else "not measured"
        return [target.name, figure.subject if figure else "", "-", "", str(target), why]
    value = median(figure.values)
    word = "met" if target.met(value) else "MISSED"
    between = f"{min(figure.values):.3g}..{max(figure.values):.3g}" if len(figure.values) > 1 else ""
    return [target.name, figure.subject, f"{value:.3g}{target.unit}", between, str(target), word if judged else "not judged"]


def cost_table(costs: Mapping[str, Sequence[Cost]], base: str, absent: Mapping[str, str] | None = None) -> str:
    """Return a row for each name: medians, and the ratio to ``base``; below, those that are ``absent`` and why."""
    rows = [_cost_row(name, each, costs[base]) for name, each in costs.items()]
    rows += [[name, "-", " ".join(why.split()), *[""] * 4] for name, why in (absent or {}).items()]
    return markdown(["", "wall s", "min..max", "CPU s", "peak MiB", f"/ {base}", "rounds"], rows)


def _cost_row(name: str, costs: Sequence[Cost], base: Sequence[Cost]) -> list[str]:
    middle = typical(costs)
    # A contender that is slow runs in fewer rounds: then the medians are compared.
    paired = ratios(costs, base) if len(costs) == len(base) else [middle.wall / typical(base).wall]
    times = [f"{middle.wall:.3f}", spread(costs), f"{middle.cpu:.3f}"]
    return [name, *times, f"{middle.peak / MEBIBYTE:.0f}", f"{median(paired):.2f}", str(len(costs))]


def spread(costs: Sequence[Cost]) -> str:
    """Return the shortest and the longest time by the wall clock."""
    walls = [each.wall for each in costs]
    return f"{min(walls):.2f}..{max(walls):.2f}"


def judgement_table(judgements: Mapping[str, Judgement]) -> str:
    """Return a row for each result: whether it is a correct wheel, and what else is not as it was."""
    rows = [
        [name, "no: " + "; ".join(each.wrong) if each.wrong else "yes", "; ".join(each.disturbed) or "nothing"]
        for name, each in judgements.items()
    ]
    return markdown(["", "a correct wheel", "what else changed"], rows, numbers=False)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = True) -> str:
    """Return a Markdown table; ``numbers`` are aligned to the right, but for the first column."""
    lines = [head, ["---", *["--:" if numbers else "---"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
