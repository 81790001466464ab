"""The wheels of a release beside each other: what each requires of what rules decided on, and what became of it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from packaging.version import Version

from wheelfix.html.components import badge, code, row, table
from wheelfix.html.markup import Content, Html, element, joined
from wheelfix.reports.html.filenames import is_never_true, platforms_of
from wheelfix.reports.html.parts import MOST_GROUPS, NOTHING, cut, grouped, limited, more, tag
from wheelfix.results import Change, ChangeAction, Outcome, Verdict
from wheelfix.text import counted
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.filename import parsed_version

_MOST_COLUMNS: Final = 40
_MOST_REQUIREMENTS: Final = 200


class Cell(NamedTuple):
    """What became of one requirement of a wheel: words, the colour, and whether its marker is never true there."""

    words: str
    kind: str
    never_true: bool


def release_matrices(outcomes: Iterable[Outcome], *, dry_run: bool = False) -> Iterator[Html]:
    """Yield a matrix for each release with more than one wheel of which rules decided on a requirement."""
    known = (each for each in outcomes if each.project)
    releases = grouped(known, lambda each: (each.project, version_key(each.version or "")))
    found = [wheels for wheels in releases.values() if len(wheels) > 1 and any(map(_decided, wheels))]
    blocks, rest = limited(found, lambda wheels: _matrix(wheels, dry_run), MOST_GROUPS, things="releases")
    yield from (*blocks, rest)


def version_key(version: str) -> tuple[bool, Version | str]:
    """Return what sorts versions by their order, and what is none last, by its text."""
    found = parsed_version(version)
    return found is None, found or version


def _decided(outcome: Outcome) -> list[Change]:
    return [each for each in (*outcome.changes, *outcome.kept) if each.field == REQUIRES and each.before is not None]


def _matrix(wheels: Sequence[Outcome], dry_run: bool) -> Html:
    """Return the matrix of one release; wheels of which the same is to be said share a column."""
    cells = [{each.before or "": _cell(each, wheel, dry_run) for each in _decided(wheel)} for wheel in wheels]
    requirements = list(dict.fromkeys(text for column in cells for text in column))
    columns = list(grouped(zip(wheels, cells, strict=True), lambda pair: tuple(sorted(pair[1].items()))).values())
    shown_columns, shown_requirements = columns[:_MOST_COLUMNS], requirements[:_MOST_REQUIREMENTS]
    heads: list[Content] = ["Requirement", *(_column([wheel for wheel, _ in group]) for group in shown_columns)]
    rows = [row(code(cut(text)), *(_words(group[0][1].get(text)) for group in shown_columns)) for text in shown_requirements]
    project, version = wheels[0].project or "", wheels[0].version or ""
    return element(
        "div",
        table(f"{project} {version}: {counted(len(wheels), 'wheel')}", heads, rows, class_="matrix"),
        more(len(requirements) - _MOST_REQUIREMENTS, "requirements"),
        more(len(columns) - _MOST_COLUMNS, "kinds of wheels"),
        data_item=True,
        data_project=tag(project),
    )


def _cell(change: Change, wheel: Outcome, dry_run: bool) -> Cell:
    would = "would be " * (dry_run or wheel.problem is not None)
    return Cell(*_fate(change, would), never_true=is_never_true(change.before or "", wheel.source.name))


def _fate(change: Change, would: str) -> tuple[str, str]:
    if change.after is None:
        return f"{would}dropped", "good"
    if change.action != ChangeAction.KEEP:
        return f"{would}changed", "note"
    match change.verdict:
        case Verdict.UNSAFE:
            return "needed", "error"
        case Verdict.UNPROVEN:
            return "unproven", "warning"
        case Verdict.SAFE:
            return "not needed, kept", "note"
        case None:
            return "kept", "plain"


def _words(cell: Cell | None) -> Html:
    if cell is None:
        return NOTHING
    never = element("div", "marker never true", class_="soft") if cell.never_true else ""
    return joined([badge(cell.words, cell.kind), never])


def _column(wheels: Sequence[Outcome]) -> Html:
    """Return the head of a column: what the wheels are for, and how many they are."""
    count = element("div", counted(len(wheels), "wheel"), class_="soft") if len(wheels) > 1 else ""
    return joined([platforms_of([each.source.name for each in wheels]), count])
