"""The unified diffs of METADATA, each distinct change once."""

from collections.abc import Iterator

from wheelfix.escaping import shown
from wheelfix.outcome import Outcome, Report


def render_diff(report: Report) -> str:
    """Return every distinct change of METADATA once, with the wheels that it applies to.

    Two changes are the same if the same lines go and come in the same order, wherever in the file they stand; the
    diff is that of the first wheel, as patch(1) applies it; a terminal needs it escaped.
    """
    groups: dict[tuple[str, ...], list[Outcome]] = {}
    for outcome in report.outcomes:
        if outcome.metadata_diff:
            groups.setdefault(_changed_lines(outcome.metadata_diff), []).append(outcome)
    return "".join(piece for outcomes in groups.values() for piece in _group(outcomes))


def _changed_lines(diff: str) -> tuple[str, ...]:
    return tuple(line for line in diff.split("\n")[2:] if line.startswith(("+", "-")))


def _group(outcomes: list[Outcome]) -> Iterator[str]:
    if len(outcomes) > 1:
        yield f"# {len(outcomes)} wheels change like this:\n"
        yield from (f"#   {shown(str(outcome.source))}\n" for outcome in outcomes)
    yield outcomes[0].metadata_diff
