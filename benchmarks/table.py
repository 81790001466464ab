"""Figures as Markdown: tables, and verdicts against the targets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from checking import Judgement
from measuring import Cost, typical

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Target:
    """What was promised: ``figure`` is to be at most ``limit``; or, if not ``promised``, what it is good to know beside."""

    promise: str
    figure: float
    limit: float
    unit: str = ""
    promised: bool = True

    def __str__(self) -> str:
        if not self.promised:
            return f"- for comparison: {self.promise}: {self.figure:.3g}{self.unit}"
        word = "met" if self.figure <= self.limit else "MISSED"
        return f"- {word}: {self.promise}: {self.figure:.3g}{self.unit}, at most {self.limit:.3g}{self.unit}"


def cost_table(costs: dict[str, list[Cost]], limit: str, floor: int, absent: dict[str, str]) -> str:
    """Return a row for each name, with its ratio to ``limit``; peaks near ``floor`` (bytes) cannot be measured."""
    whole = typical(costs[limit]).wall
    rows = [_cost_row(name, each, whole, floor) for name, each in costs.items()]
    rows += [[name, "-", why.replace("\n", " "), *[""] * 5] for name, why in absent.items()]
    head = ["", "wall s", "min..max", "user s", "system s", "peak MiB", "x limit", "runs"]
    return markdown(head, rows)


def _cost_row(name: str, costs: Sequence[Cost], whole: float, floor: int) -> list[str]:
    middle = typical(costs)
    peak = f"< {floor / MEBIBYTE + 1:.0f}" if middle.peak < floor + MEBIBYTE else f"{middle.peak / MEBIBYTE:.0f}"
    times = [f"{middle.wall:.3f}", spread(costs), f"{middle.user:.2f}", f"{middle.system:.2f}"]
    return [name, *times, peak, f"{middle.wall / whole:.2f}", str(len(costs))]


def spread(costs: Sequence[Cost]) -> str:
    """Return the shortest and the longest time by the wall clock."""
    walls = [each.wall for each in costs]
    return f"{min(walls):.2f}..{max(walls):.2f}"


def judgement_table(judgements: dict[str, Judgement]) -> str:
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
