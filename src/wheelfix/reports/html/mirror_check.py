"""What ``mirror check`` found: by code, and by project."""

from collections.abc import Callable, Sequence

from packaging.utils import canonicalize_name, is_normalized_name

from wheelfix.html.components import code, items, row, table
from wheelfix.html.markup import Html, joined
from wheelfix.mirror.registry import MIRROR_CHECKS, MirrorCheckReport
from wheelfix.reports.html.findings import finding_filters, findings_by_code, severity_figures
from wheelfix.reports.html.parts import (
    MOST_ROWS,
    Filter,
    among,
    finding_line,
    grouped,
    limited,
    more,
    render_page,
    section,
    severity_badges,
    tag,
)
from wheelfix.reports.mirror import render_mirror_check_summary
from wheelfix.results import Finding
from wheelfix.text import counted, shown
from wheelfix.upstream.urls import looks_like_url

_WHOLE = "(the whole)"
"""Where a finding is of no project."""


def render_mirror_check_html(mirror: str, report: MirrorCheckReport) -> str:
    """Return the findings of a mirror or an index as one HTML page with a final line end."""
    found = [("", each) for each in report.findings]
    figures = [
        (f"{number:,}", f"{name}{'s' * (number != 1)}", "plain")
        for number, name in ((report.projects, "project"), (report.files, "file"))
    ]
    figures += severity_figures(found)
    figures += [(f"{len(report.fixed):,}", "fixed", "good")] if report.fixed else []
    fixed = (finding_line(each, "fixed") for each in report.fixed[:MOST_ROWS])

    def project_of(place: str) -> str:
        return project_at(place, mirror if looks_like_url(mirror) else "") or _WHOLE

    sections = [
        section("Findings", *findings_by_code(found, MIRROR_CHECKS, project_of), id="findings"),
        section("Projects", *_projects(report.findings, project_of), id="projects"),
        section("Fixed", items(fixed), more(len(report.fixed) - MOST_ROWS, "findings"), id="fixed"),
    ]
    summary = f"{shown(mirror)}: {render_mirror_check_summary(report).strip()}"
    projects = Filter("project", "Project", among(project_of(each.place) for each in report.findings))
    return render_page("mirror check", summary, figures, [*finding_filters(found), projects], sections)


def _projects(findings: Sequence[Finding], project_of: Callable[[str], str]) -> list[Html]:
    """Return what was found of each project, as far as a finding says of which it is."""
    groups = grouped(findings, lambda each: project_of(each.place))
    rows, rest = limited(sorted(groups.items()), lambda item: _project(*item), MOST_ROWS, things="projects")
    return [table(counted(len(groups), "project"), ("Project", "Findings", "Codes"), rows), rest] if rows else []


def project_at(place: str, index: str = "") -> str:
    """Return the project that a place of a mirror or an index belongs to, in its normal form; empty where it is of none.

    ``index`` is the URL of the index that was checked, if it was one.

    >>> project_at("public/simple/torch/index.json"), project_at("https://example.org/simple/torch/?a=b")
    ('torch', 'torch')
    >>> project_at("https://example.org/x/flash_attn-2.8.0-py3-none-any.whl"), project_at("torch 2.7.0")
    ('flash-attn', 'torch')
    >>> project_at("torch: x-1.0-py3-none-any.whl"), project_at("https://example.org/cpu/torch/", "https://example.org/cpu")
    ('torch', 'torch')
    >>> project_at("public/simple/index.json"), project_at("https://example.org/cpu/", "https://example.org/cpu")
    ('', '')
    """
    before, colon, _ = place.partition(": ")
    if colon and is_normalized_name(before):
        return before
    path = place.partition("#")[0]
    path = path.partition("?")[0] if looks_like_url(place) else path
    *directories, last = path.rstrip("/").split("/")
    if last.endswith((".whl", ".whl.metadata", ".tar.gz")) and "-" in last:
        return canonicalize_name(last.partition("-")[0])
    if not directories:
        return canonicalize_name(last.partition(" ")[0]) if last and not last.startswith("-") else ""
    if last in ("index.json", "index.html"):
        last = directories.pop()
    is_page = directories[-1:] == ["simple"] or directories == index.partition("?")[0].rstrip("/").split("/")
    return canonicalize_name(last) if is_page else ""


def _project(name: str, findings: Sequence[Finding]) -> Html:
    codes = list(dict.fromkeys(each.code for each in findings))
    return row(
        code(name),
        joined(severity_badges(findings), " "),
        joined(map(code, codes), ", "),
        data_item=True,
        data_severity=tag(*(each.severity for each in findings)),
        data_code=tag(*codes),
        data_project=tag(name),
    )
