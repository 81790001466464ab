"""What strip-gpu, fix, edit and repair did: refusals, each distinct change with its reasons, releases, sizes, all wheels."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from wheelfix.html.components import badge, code, diff_lines, fold, items, row, table
from wheelfix.html.markup import Html, element, joined, link
from wheelfix.reports.diff import changed_lines
from wheelfix.reports.html.matrix import release_matrices, version_key
from wheelfix.reports.html.parts import (
    KINDS,
    MOST_GROUPS,
    MOST_ROWS,
    Filter,
    among,
    code_badge,
    count_figures,
    cut,
    finding_line,
    grouped,
    limited,
    more,
    names,
    render_page,
    render_problems,
    section,
    tag,
)
from wheelfix.reports.html.savings import size_chart
from wheelfix.reports.mirror import render_published
from wheelfix.reports.text import is_dry_run, render_change, render_disagreements, render_summary
from wheelfix.results import AppliedRule, Change, Finding, KnownFile, Outcome, Part, Problem, Report, Status
from wheelfix.text import counted, shown, shown_few
from wheelfix.wheel.editor import REQUIRES

if TYPE_CHECKING:
    from wheelfix.results import Published, PublishReport

_MOST_LINES: Final = 400
_MOST_CHANGES: Final = 500
_MOST_REASONS: Final = 3
_FOLDED: Final = 40
"""How many lines of a diff are shown unfolded."""
_ORDER: Final = (Status.FAILED, Status.REFUSED, Status.FIXED, Status.UNCHANGED)
"""Of many wheels those are shown that a person looks for."""
_IN_METADATA: Final = (Part.FIELD, Part.LINE_ENDS)


def render_html(report: Report, published: "PublishReport | None" = None) -> str:
    """Return ``report`` as one HTML page with a final line end; ``published`` says what became of the wheels in a mirror."""
    dry_run = is_dry_run(report, published)
    figures = count_figures({each.value: report.count(each) for each in Status}, always=("fixed", "unchanged", "refused"))
    figures = [(number, f"would be {name}" if dry_run and name == "fixed" else name, kind) for number, name, kind in figures]
    fixed = [each for each in report.outcomes if each.problem is None]
    dropped = sum(_is_dropped(each) for outcome in fixed for each in outcome.changes)
    if dropped:
        words = f"requirement{'s' * (dropped != 1)} {'would be ' * dry_run}dropped"
        figures.append((f"{dropped:,}", words, "good"))
    refused = _not_published(report.outcomes, published)
    found: list[Outcome | Published] = [*report.outcomes, *(published.files if published else ())]
    filters = [
        Filter("status", "Status", among(each.status for each in report.outcomes)),
        Filter("result", "In the mirror", among(each.status for each in published.files) if published else ()),
        Filter("project", "Project", among(each.project for each in found)),
        Filter("code", "Code", among(each.problem.code for each in found if each.problem)),
    ]
    sections = outcome_sections(report.outcomes, report.rules, report.known_files, dry_run=dry_run)
    return render_page(
        report.command,
        render_summary(report, dry_run=dry_run, where=render_published(published) if published else "").strip(),
        [*figures, *_published_figures(published)],
        filters,
        [
            section("Not published", *refused, id="not-published"),
            *sections,
            _notes(report, dry_run),
            _publication(published),
        ],
    )


def outcome_sections(
    outcomes: Sequence[Outcome],
    rules: Iterable[AppliedRule] = (),
    files: Sequence[KnownFile] = (),
    *,
    dry_run: bool = False,
    reported: Collection[Problem] = (),
) -> list[Html]:
    """Return the sections on what became of wheels, for a sync, too; problems that are ``reported`` are not repeated."""
    problems = [
        (_name(each), each.problem, _data(each)) for each in outcomes if each.problem and each.problem not in reported
    ]
    return [
        section("Not changed", *render_problems(problems), id="refused"),
        section(f"What {'would change' if dry_run else 'changed'}", *_changes(outcomes, rules, dry_run), id="changes"),
        section("Download size", *size_chart(outcomes, files, dry_run=dry_run), id="sizes"),
        section(
            "Releases",
            *release_matrices(outcomes, dry_run=dry_run),
            about="Resolvers read the metadata of one wheel and assume that it speaks for all wheels of its release. "
            "A dash: the wheel has no such requirement, or no rule decides on it.",
            id="releases",
        ),
        section("Wheels", *_wheels(outcomes, dry_run=dry_run), id="wheels"),
    ]


def _name(outcome: Outcome) -> str:
    return str(outcome.url or outcome.source)


def _data(outcome: Outcome) -> dict[str, str]:
    code = outcome.problem.code if outcome.problem else ""
    return {"status": outcome.status.value, "code": code, **({"project": outcome.project} if outcome.project else {})}


def _is_dropped(change: Change) -> bool:
    return change.field == REQUIRES and change.after is None


def _changes(outcomes: Sequence[Outcome], rules: Iterable[AppliedRule], dry_run: bool) -> list[Html]:
    """Return each distinct change once: the wheels, what becomes of each requirement and why, the diff, and the rest."""
    changed = [each for each in outcomes if each.changes and each.problem is None]
    groups = [*grouped(changed, _key).values()]
    known = {rule.id: rule for rule in rules}
    blocks, rest = limited(groups, lambda group: _change(group, known, dry_run), MOST_GROUPS, things="distinct changes")
    return [*blocks, rest]


def _key(outcome: Outcome) -> tuple[object, ...]:
    beside = (render_change(each) for each in outcome.changes if each.part not in _IN_METADATA and each.part is not Part.ROW)
    return outcome.project, changed_lines(outcome.metadata_diff), *beside


def _change(outcomes: Sequence[Outcome], rules: Mapping[str, AppliedRule], dry_run: bool) -> Html:
    first = outcomes[0]
    requirements = [each for each in first.changes if each.field == REQUIRES]
    others = [each for each in first.changes if each.field != REQUIRES]
    versions = sorted({each.version for each in outcomes if each.version}, key=version_key)
    title = f"{first.project or '?'} {shown_few(versions, 5)}".strip()
    data = {
        "data_status": tag(*(each.status for each in outcomes)),
        "data_code": "",
        "data_project": tag(*(each.project for each in outcomes if each.project)),
    }
    return element(
        "article",
        element("h3", title, ": ", _words(requirements, others, would=dry_run)),
        names([_name(each) for each in outcomes], is_open=len(outcomes) <= 3),
        _rules(outcomes, rules),
        _requirements(requirements, outcomes, dry_run),
        _others(others),
        _diff(first.metadata_diff),
        class_="card good",
        data_item=True,
        **data,
    )


def _words(requirements: Sequence[Change], others: Sequence[Change], *, would: bool) -> str:
    """Return how much changes, or ``would``, where nothing was written."""
    verb, dropped = "would be " * would, sum(map(_is_dropped, requirements))
    parts = [f"{counted(dropped, 'requirement')} {verb}dropped"] if dropped else []
    changed = len(requirements) - dropped
    parts += [f"{counted(changed, 'requirement')} {verb}changed"] if changed else []
    parts += [counted(len(others), "other change" if parts else "change")] if others else []
    return ", ".join(parts)


def _rules(outcomes: Sequence[Outcome], known: Mapping[str, AppliedRule]) -> Html:
    """Return the rules behind the changes: what each says, where it comes from, and a link to where that is discussed."""
    found = Counter((each.rule, each.reason) for outcome in outcomes for each in outcome.changes if each.rule)
    lines = []
    for (name, reason), count in found.items():
        rule = known.get(name or "")
        named = link(rule.url, code(name or "")) if rule and rule.url else code(name or "")
        origin = f" ({shown(rule.origin)})" if rule else ""
        lines.append(joined([named, origin, ": ", cut(reason), f" · {counted(count, 'change')}"]))
    return joined([element("p", "Rules:"), items(lines)]) if lines else Html("")


def _requirements(changes: Sequence[Change], outcomes: Sequence[Outcome], dry_run: bool) -> Html:
    """Return the requirements that change as a table, with the verdicts and the evidence of all wheels that share them."""
    if not changes:
        return Html("")
    why: dict[str | None, Counter[tuple[str, str]]] = {}
    for outcome in outcomes:
        for each in outcome.changes:
            if each.field == REQUIRES and each.verdict:
                why.setdefault(each.before, Counter())[each.verdict.value, each.evidence or ""] += 1
    rows, rest = limited(changes, lambda each: _requirement(each, why.get(each.before, Counter()), dry_run), _MOST_CHANGES,
                         things="requirements", items=False)  # fmt: skip
    return joined(
        [table("Requirements", ("Requirement", "Result", "Verdict and evidence", "Rule"), rows, class_="changes"), rest]
    )


def _requirement(change: Change, why: Counter[tuple[str, str]], dry_run: bool) -> Html:
    verb = "would be " * dry_run
    before = code(cut(change.before)) if change.before is not None else Html("")
    if change.after is None:
        result = badge(f"{verb}dropped", "good")
    else:
        word = "added" if change.before is None else "changed"
        result = joined([badge(f"{verb}{word}", "note"), " ", code(cut(change.after))])
    reasons = [joined([badge(verdict, KINDS[verdict]), " ", cut(text)]) for verdict, text in [*why][:_MOST_REASONS]]
    if len(why) > _MOST_REASONS:
        reasons.append(element("span", f"and {len(why) - _MOST_REASONS} more", class_="soft"))
    evidence = items(reasons, class_="plain") if why else element("span", "not weighed", class_="soft")
    return row(before, result, evidence, code(change.rule) if change.rule else cut(change.reason) if change.reason else "")


def _others(changes: Sequence[Change]) -> Html:
    if not changes:
        return Html("")
    lines = map(_other, changes[:_MOST_CHANGES])
    listed = joined([items(lines), more(len(changes) - _MOST_CHANGES, "changes")])
    return fold(counted(len(changes), "other change"), listed, is_open=len(changes) <= 12)


def _other(change: Change) -> Html:
    why = f" {cut(change.reason)}" if change.rule and change.reason else ""  # where no rule decided, the line says why
    return joined([code(cut(render_change(change))), why])


def _diff(diff: str) -> Html:
    if not diff:
        return Html("")
    block = diff_lines(diff, most=_MOST_LINES)
    return fold("METADATA before and after", block, is_open=diff.count("\n") <= _FOLDED)


def _wheels(outcomes: Sequence[Outcome], *, dry_run: bool) -> list[Html]:
    """Return all wheels as a table, those first that a person looks for, and what was kept of each and why."""
    ordered = sorted(outcomes, key=lambda each: _ORDER.index(each.status))
    rows, rest = limited(ordered, lambda each: _wheel(each, dry_run), MOST_ROWS, things="wheels")
    heads = ("Wheel", "Result", "Changes")
    return [table(counted(len(outcomes), "wheel"), heads, rows), rest] if rows else []


def _wheel(outcome: Outcome, dry_run: bool) -> Html:
    status = outcome.status.value
    result: list[Html | str] = [
        badge(f"would be {status}" if dry_run and outcome.status is Status.FIXED else status, KINDS[status])
    ]
    result += [" ", code_badge(outcome.problem.code)] if outcome.problem else []
    output = element("div", "→ ", code(str(outcome.output)), class_="soft") if outcome.output else Html("")
    requirements = [each for each in outcome.changes if each.field == REQUIRES]
    others = [each for each in outcome.changes if each.field != REQUIRES]
    return row(
        joined([code(_name(outcome)), output, _kept(outcome.kept), _sums(outcome)]),
        joined(result),
        _words(requirements, others, would=dry_run or outcome.problem is not None),
        data_item=True,
        **{f"data_{name}": tag(value) for name, value in _data(outcome).items()},
    )


def _kept(kept: Sequence[Change]) -> Html:
    if not kept:
        return Html("")
    lines = [
        joined([
            code(cut(each.before)), " ", *([badge(each.verdict, KINDS[each.verdict]), " "] if each.verdict else []),
            cut(each.evidence or each.reason or "no rule matches"),
        ])
        for each in kept[:_FOLDED]
    ]  # fmt: skip
    return fold(f"{counted(len(kept), 'requirement')} kept", items(lines), more(len(kept) - _FOLDED, "requirements"))


def _sums(outcome: Outcome) -> Html:
    if not outcome.source_sha256:
        return Html("")
    lines = [("before", outcome.source_sha256), ("after", outcome.output_sha256)]
    return fold("sha256", items((joined([f"{name} ", code(value)]) for name, value in lines if value), class_="plain"))


def _notes(report: Report, dry_run: bool) -> Html:
    """Return what concerns more than one wheel, or should be read for other reasons."""
    noted: dict[str, dict[str, None]] = {}
    for each in report.outcomes:
        for note in each.notes:
            noted.setdefault(note, {})[each.source.name] = None
    lines: list[Html | str] = [f"{shown_few([*names])}: {note}" for note, names in noted.items()]
    left = dict.fromkeys(finding for outcome in report.outcomes for finding in outcome.findings)
    found: list[Finding] = [*report.rule_findings, *left]
    lines += map(finding_line, found)
    lines += render_disagreements(report.disagreements, dry_run=dry_run).splitlines()
    shown_lines, rest = limited(lines, lambda each: joined([each]), MOST_GROUPS, things="notes", items=False)
    rules = (
        fold("These changes as rules, for wheelfix.toml", element("pre", *_lines(report.as_rules)))
        if report.as_rules
        else ""
    )
    return section("Notes", items(shown_lines), rest, rules, id="notes")


def _lines(text: str) -> Iterable[Html]:
    return (Html(f"{joined([line])}\n") for line in text.splitlines())


def _published_figures(published: "PublishReport | None") -> list[tuple[str, str, str]]:
    """Return what became of files in a mirror, as figures."""
    if published is None:
        return []
    words = {"added": "added to the mirror", "unchanged": "in the mirror already", "refused": "refused by the mirror"}
    counts = Counter(each.status.value for each in published.files)
    found = {"added": counts.pop("added", 0), **counts}
    return [(f"{count:,}", words.get(name, f"{name} in the mirror"), _kind(name)) for name, count in found.items()]


def _kind(status: str) -> str:
    return KINDS.get(status, "error")


def _not_published(outcomes: Iterable[Outcome], published: "PublishReport | None") -> list[Html]:
    """Return the problems that files had with the mirror, without those for which wheels were not changed at all."""
    if published is None:
        return []
    reported = {each.problem for each in outcomes}
    return render_problems(
        (_published_name(each), each.problem, _published_data(each))
        for each in published.files
        if each.problem and each.problem not in reported
    )


def _publication(published: "PublishReport | None") -> Html:
    """Return what became of the wheels in a mirror."""
    if published is None or not published.files:
        return Html("")
    rows, rest = limited(published.files, _published, MOST_ROWS, things="files")
    listed = table(f"In the mirror {published.mirror}", ("File", "Result", "sha256", "Notes"), rows)
    return section("Published", listed, rest, id="published")


def _published(file: "Published") -> Html:
    problem = joined([" ", code_badge(file.problem.code)]) if file.problem else ""
    return row(
        code(file.filename or _published_name(file)),
        joined([badge(file.status, _kind(file.status)), problem]),
        code(file.sha256 or ""),
        joined(map(cut, file.notes), " "),
        data_item=True,
        **{f"data_{name}": tag(value) for name, value in _published_data(file).items()},
    )


def _published_data(file: "Published") -> dict[str, str]:
    code = file.problem.code if file.problem else ""
    return {"result": file.status.value, "code": code, **({"project": file.project} if file.project else {})}


def _published_name(published: "Published") -> str:
    return str(published.url or published.source or published.filename or "")
