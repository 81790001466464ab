"""What all reports share: the page with its figures and filters, problems, codes with a link, and lists that are cut.

What can be filtered is an *item*: an element with ``data-item`` and, for each filter, an attribute such as ``data-status``.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from msgspec import Struct

from wheelfix.html.components import badge, fold, items, prose
from wheelfix.html.document import BASE, document, skip_link
from wheelfix.html.markup import Content, Html, Value, element, joined, link
from wheelfix.reports.codes import docs_url
from wheelfix.results import Finding, Problem, Severity, Verdict
from wheelfix.text import counted, shown_anywhere, shown_size
from wheelfix.version import HOME_PAGE, __version__

_STYLES: Final = (BASE, "report.css")
_SCRIPTS: Final = ("report.js",)
_LONGEST: Final = 400
"""How much of a text of a wheel is shown, in characters."""
MOST_ROWS: Final = 2_000
"""How many rows of a table are shown: browsers stay quick."""
_MOST_NAMES: Final = 200
MOST_GROUPS: Final = 200
_MOST_CHOICES: Final = 500
_SEPARATOR: Final = "|"
KINDS: Final[Mapping[str, str]] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.NOTE: "note",
    Verdict.SAFE: "good",
    Verdict.UNSAFE: "error",
    Verdict.UNPROVEN: "warning",
    "fixed": "good",
    "unchanged": "plain",
    "refused": "error",
    "failed": "error",
    "added": "good",
    "replaced": "good",
    "unyanked": "good",
    "yanked": "warning",
    "removed": "warning",
}
"""The colour of a word."""
NOTHING: Final = element("span", "\N{EN DASH}", class_="soft")
"""A cell where there is nothing."""
NO_DATA: Final[Mapping[str, str]] = {}
"""The attributes of an item that no filter but the search is about."""
_Item = TypeVar("_Item")
_Key = TypeVar("_Key")


class Filter(Struct, frozen=True):
    """A choice among the ``values`` that items have for ``name``; ``label`` is what people call it."""

    name: str
    label: str
    values: Sequence[str]


def render_page(
    command: str, summary: str, figures: Sequence[tuple[str, str, str]], filters: Sequence[Filter], sections: Iterable[Html]
) -> str:
    """Return the page of a report with a final line end.

    ``figures`` are what counts most: a number, what it counts, and the kind of badge that colours it.
    """
    tiles = element("ul", *map(_tile, figures), class_="figures")
    head = element("header", element("h1", f"wheelfix {command}"), element("p", summary, class_="lead"), tiles)
    main = element("main", _controls(filters), *sections, id="main")
    made = element("footer", "Written by ", link(HOME_PAGE, "wheelfix"), f" {__version__}. This file loads nothing else.")
    body = joined([skip_link(), head, main, made])
    return document(f"wheelfix {command}: {summary}", body, styles=_STYLES, scripts=_SCRIPTS)


def _tile(figure: tuple[str, str, str]) -> Html:
    number, words, kind = figure
    return element("li", element("strong", number), " ", words, class_=f"figure {kind if number != '0' else 'plain'}")


def _controls(filters: Sequence[Filter]) -> Html:
    """Return the search, and the filters with more than one value to choose from; the script of the page shows them."""
    choices = [_choice(each) for each in filters if len(each.values) > 1]
    text = element("label", "Search ", element("input", type="search", name="q", autocomplete="off"))
    found = element("output", class_="soft", aria_live="polite")
    reset = element("button", "Reset", type="button")
    return element("form", text, *choices, reset, found, class_="controls", role="search", aria_label="Filter", hidden=True)


def _choice(chosen: Filter) -> Html:
    options = [element("option", each, value=tag(each)) for each in chosen.values[:_MOST_CHOICES]]
    everything = element("option", "all", value="")
    left = len(chosen.values) - _MOST_CHOICES
    rest = element("option", f"{left:,} more: use Search", disabled=True) if left > 0 else ""
    return element("label", f"{chosen.label} ", element("select", everything, *options, rest, name=chosen.name))


def tag(*values: str) -> str:
    """Return ``values`` as the attribute of an item that a filter compares."""
    return _SEPARATOR.join(each.replace(_SEPARATOR, " ") for each in dict.fromkeys(values))


def among(values: Iterable[str | None]) -> list[str]:
    """Return what a filter can choose from, sorted."""
    return sorted({each for each in values if each})


def section(title: str, *content: Content, about: Content = "", **attributes: Value) -> Html:
    """Return a section with a heading, and a sentence ``about`` it; nothing without content."""
    inner = joined(content)
    if not inner:
        return inner
    sentence = element("p", about, class_="soft") if about else Html("")
    return element("section", element("h2", title), sentence, inner, data_holder=True, **attributes)


def limited(
    found: Sequence[_Item], render: Callable[[_Item], Html], most: int = MOST_ROWS, *, things: str, items: bool = True
) -> tuple[list[Html], Html]:
    """Return the first of ``found`` rendered, and the sentence on how many ``things`` are not shown, see :func:`more`."""
    return [render(each) for each in found[:most]], more(len(found) - most, things, items=items)


def more(number: int, things: str, *, items: bool = False) -> Html:
    """Return the sentence that ``number`` things are not shown; nothing where that is none.

    Of things that are ``items`` it stays, whatever is searched for: what is looked for may be among them.
    """
    text = f"{number:,} more {things} are not shown here; --format json has all."
    return element("p", text, class_="more soft", data_more=number if items else None) if number > 0 else Html("")


def cut(text: str | None) -> str:
    """Return a text of a wheel for a cell: the first characters of a long one, and words for an empty one."""
    value = shown_anywhere(text or "")
    if not value.strip():
        return "(empty)"
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}… ({len(value):,} characters)"


def size_text(size: int | None) -> Html:
    """Return a number of bytes for people, on one line."""
    return element("span", "unknown" if size is None else shown_size(size), class_="nowrap")


def names(found: Sequence[str], *, is_open: bool = False, things: str = "wheel") -> Html:
    """Return names as a folded list; a single one stands by itself."""
    if len(found) == 1:
        return element("p", element("code", found[0]), class_="name")
    lines = [element("code", each) for each in found[:_MOST_NAMES]]
    listed = items(lines, class_="names")
    return fold(f"{counted(len(found), things)}", listed, more(len(found) - _MOST_NAMES, f"{things}s"), is_open=is_open)


def code_badge(code: str, kind: str = "error") -> Html:
    """Return a code, with a link to what the documentation says of it."""
    url = docs_url(code)
    return link(url, badge(code, kind), class_="code") if url else badge(code, kind)


def problem_text(problem: Problem) -> Html:
    """Return what happened, why, and what to do."""
    what = element("p", element("strong", prose(cut(problem.message))), " ", code_badge(problem.code))
    return joined([what, *_labelled(("Reason", problem.reason), ("Help", problem.hint))])


def _labelled(*lines: tuple[str, str | None]) -> Iterable[Html]:
    return (element("p", element("span", f"{name}: ", class_="soft"), prose(cut(text))) for name, text in lines if text)


def render_problems(found: Iterable[tuple[str, Problem, Mapping[str, str]]]) -> list[Html]:
    """Return each distinct problem once, with what it happened to; the mapping has the attributes of the filters."""
    groups: dict[Problem, list[tuple[str, Mapping[str, str]]]] = {}
    for subject, problem, values in found:
        groups.setdefault(problem, []).append((subject, values))
    blocks, rest = limited([*groups.items()], _problem_block, MOST_GROUPS, things="problems")
    return [*blocks, rest]


def _problem_block(group: tuple[Problem, Sequence[tuple[str, Mapping[str, str]]]]) -> Html:
    problem, subjects = group
    keys = dict.fromkeys(key for _, values in subjects for key in values)
    data = {f"data_{key}": tag(*(values[key] for _, values in subjects if key in values)) for key in keys}
    listed = names([subject for subject, _ in subjects], is_open=len(subjects) <= 5)
    return element("article", listed, problem_text(problem), class_="card error", data_item=True, **data)


def finding_text(finding: Finding) -> Html:
    """Return one finding: its place, message, and what to do."""
    place = joined([element("code", cut(finding.place)), ": "]) if finding.place else Html("")
    refused = f" (refused by {', '.join(finding.refused_by)})" if finding.refused_by else ""
    hint = joined([". ", prose(cut(finding.hint))]) if finding.hint else ""
    return joined([place, cut(finding.message), refused, hint])


def finding_line(finding: Finding, label: str = "") -> Html:
    """Return one finding with its severity, or another ``label``, and its code, for a list."""
    kind = "good" if label else KINDS[finding.severity]
    return joined(
        [badge(label or finding.severity, kind), " ", code_badge(finding.code, "plain"), " ", finding_text(finding)]
    )


def count_figures(counts: Mapping[str, int], *, always: Sequence[str] = ()) -> list[tuple[str, str, str]]:
    """Return figures of a table of counts, those of 0 only where they are ``always`` shown."""
    return [(f"{number:,}", name, KINDS.get(name, "plain")) for name, number in counts.items() if number or name in always]


def grouped(found: Iterable[_Item], key: Callable[[_Item], _Key]) -> dict[_Key, list[_Item]]:
    """Return ``found`` by ``key``, in the order in which keys come first."""
    groups: dict[_Key, list[_Item]] = {}
    for each in found:
        groups.setdefault(key(each), []).append(each)
    return groups


def by_severity(findings: Iterable[Finding]) -> Counter[Severity]:
    """Return how many findings there are of each severity."""
    return Counter(each.severity for each in findings)


def severity_badges(findings: Iterable[Finding]) -> list[Html]:
    """Return how many findings there are of each severity, as badges; those of 0 are left out."""
    counts = by_severity(findings)
    return [badge(counted(counts[each], each), KINDS[each]) for each in Severity if counts[each]]
