"""Findings by code: what each code means, who is affected, how to fix it, and where it was found."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from wheelfix.codes import Check
from wheelfix.html.components import badge, code, fold, prose
from wheelfix.html.markup import Html, element, joined, link
from wheelfix.reports.codes import paragraphs
from wheelfix.reports.html.parts import (
    KINDS,
    Filter,
    among,
    by_severity,
    code_badge,
    count_figures,
    finding_text,
    grouped,
    limited,
    tag,
)
from wheelfix.results import Finding, Severity
from wheelfix.text import counted

Located = tuple[str, Finding]
"""A finding with the name of what it is about, empty where its place says that."""
_MOST_ALIKE: Final = 200


def severity_figures(found: Sequence[Located]) -> list[tuple[str, str, str]]:
    """Return how many findings there are of each severity, as figures."""
    counts = by_severity(finding for _, finding in found)
    words = {f"{each}s" if counts[each] != 1 else str(each): counts[each] for each in Severity}
    always = [word for word in words if not word.startswith(Severity.NOTE)]
    kinds = {word: str(each) for word, each in zip(words, Severity, strict=True)}
    return [(number, word, kinds[word]) for number, word, _ in count_figures(words, always=always)]


def finding_filters(found: Sequence[Located]) -> list[Filter]:
    """Return the filters of a page of findings."""
    severities = [each.value for each in Severity if any(finding.severity is each for _, finding in found)]
    return [Filter("severity", "Severity", severities), Filter("code", "Code", among(finding.code for _, finding in found))]


def findings_by_code(
    found: Sequence[Located], checks: Mapping[str, Check], project_at: Callable[[str], str] = lambda _: ""
) -> list[Html]:
    """Return a block for each code, errors first: what it means, who is affected, how to fix it, and where it was found.

    ``project_at`` returns the project that a place belongs to, empty where it is of none.
    """
    groups = grouped(found, lambda each: each[1].code)
    ordered = sorted(groups.values(), key=lambda group: [*Severity].index(group[0][1].severity))
    return [_code_block(group, checks.get(group[0][1].code), project_at) for group in ordered]


def _code_block(group: Sequence[Located], check: Check | None, project_at: Callable[[str], str]) -> Html:
    first = group[0][1]
    title = element("h3", badge(first.severity, KINDS[first.severity]), " ", code_badge(first.code, "plain"),
                    f" {counted(len(group), 'finding')}")  # fmt: skip
    lines, rest = limited(group, lambda each: _finding(each, project_at), _MOST_ALIKE, things="findings with this code")
    listed = fold("Where", element("ul", *lines, class_="findings"), rest, is_open=len(group) <= 10)
    return element("article", title, _about(first, check), listed, class_=f"card {KINDS[first.severity]}", data_holder=True)


_NOT_SHOWN: Final = ("", "Example", "Specification")
"""What has a form of its own, or is in the findings themselves."""


def _about(finding: Finding, check: Check | None) -> Html:
    """Return what a code means, who is affected, and what to do, as far as that is known."""
    if check is None:
        return element("p", prose(finding.consequence)) if finding.consequence else Html("")
    facts = [(label, prose(text)) for label, text in paragraphs(check) if label not in _NOT_SHOWN]
    if check.specification:
        facts.append(("Specification", link(check.specification, check.specification.removeprefix("https://"))))
    listed = [joined([element("dt", name), element("dd", text)]) for name, text in facts]
    return joined([element("p", prose(check.meaning)), element("dl", *listed, class_="facts") if listed else ""])


def _finding(located: Located, project_at: Callable[[str], str]) -> Html:
    """Return a finding under the name of what it is about."""
    name, finding = located
    project = project_at(finding.place)
    return element(
        "li",
        joined([code(name), " \N{MIDDLE DOT} "]) if name else "",
        finding_text(finding),
        joined([" ", badge("fixable", "good")]) if finding.fixable else "",
        data_item=True,
        data_severity=finding.severity,
        data_code=finding.code,
        data_project=tag(project) if project else None,
    )
