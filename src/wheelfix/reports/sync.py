"""What a sync plans and did: text that stays short for ten thousand files, and JSON; docs/schemas/sync.schema.json."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from msgspec import Struct
from packaging.version import InvalidVersion, Version

from wheelfix.mirror.pages import version_of
from wheelfix.reports.json import document, wheel_values
from wheelfix.reports.text import render_problem
from wheelfix.results import Problem, Published, PublishStatus
from wheelfix.sync.model import Action, PlannedFile, SourceProblem, SyncPlan, SyncReport
from wheelfix.text import counted, shown, shown_size

_MOST_ROWS: Final = 20
"""How many releases are listed of each action, unless all are wanted."""
_MOST_ALIKE: Final = 5
"""How many problems of one code are printed, unless all are wanted."""
_PLANNED: Final = (
    Action.ADD, Action.REPLACE, Action.SUPERSEDE, Action.UNYANK, Action.YANK, Action.REMOVE, Action.REPORT, Action.WAIT,
)  # fmt: skip
"""The actions that a plan lists, in this order; what is kept is counted only."""
_DONE: Final = (
    PublishStatus.ADDED, PublishStatus.REPLACED, PublishStatus.UNYANKED, PublishStatus.YANKED, PublishStatus.REMOVED,
)  # fmt: skip
"""What became of a file, where that is a change."""
_LED_TO: Final = {
    PublishStatus.ADDED: (Action.ADD, Action.SUPERSEDE, Action.REPLACE),
    PublishStatus.REPLACED: (Action.REPLACE, Action.ADD),
    PublishStatus.UNYANKED: (Action.UNYANK,),
    PublishStatus.YANKED: (Action.YANK, Action.SUPERSEDE, Action.REPLACE),
    PublishStatus.REMOVED: (Action.REMOVE,),
}
"""Which actions of a plan lead to what became of a file, the usual one first: a correction can be served beside a file."""
_CORRECTED: Final = (Action.REPLACE, Action.SUPERSEDE)
_PARTS_WITH_TAG: Final = 6
_PLANNED_KEYS: Final = (
    "action", "project", "version", "filename", "source", "reason", "code", "size", "sha256", "why", "details", "yanked",
    "problem",
)  # fmt: skip
"""What the JSON report has of a file of the plan."""
_ENDS: Final = {"not-closed": "complete"}
"""What a project is not, by the code of its problem, where it is synced all the same."""
_OF_PROJECTS: Final = frozenset({"no-job-result"})
"""The codes of problems that all files of a job have, or none: they are reported once for each project."""
_FOLLOWED: Final = "the page only: upload times, status, source or rules"
_HEADS: Final = ("action", "project", "version", "files", "size", "source", "reason")
_Key = TypeVar("_Key")
_RIGHT: Final = frozenset({"files", "size"})


class _Line(Struct, frozen=True):
    """One file of the table."""

    action: str
    project: str
    version: str
    filename: str
    size: int | None
    source: str
    reason: str
    details: tuple[str, ...] = ()

    @property
    def release(self) -> tuple[str, ...]:
        """What the files on one row have in common."""
        return self.project, self.version, self.source, self.reason


def render_plan(plan: SyncPlan, *, verbose: bool = False) -> str:
    """Return what will be done as a table, a row for each release; with ``verbose`` all rows, and the names of the files."""
    lines = [_planned(each) for action in _PLANNED for each in plan.of(action)]
    return _table([*lines, *(_page_line("update", each) for each in plan.followed)], verbose=verbose)


def render_sync(report: SyncReport, *, verbose: bool = False) -> str:
    """Return what was done as a table like that of :func:`render_plan`.

    With ``verbose`` it has also what waits, and what a person should look at. Both are the same with each run, and a job
    that changes nothing prints nothing.
    """
    rows = _Rows(report.plan)
    done = [_published(each, rows) for status in _DONE for each in report.files if each.status is status]
    left = [_planned(each) for action in (Action.REPORT, Action.WAIT) for each in report.plan.of(action) if verbose]
    return _table([*done, *(_page_line("updated", each) for each in _updated(report)), *left], verbose=verbose)


def _page_line(action: str, project: str) -> _Line:
    """Return the line of a page that says something else of its files, without a change of one."""
    return _Line(action, project, "", "", None, "", _FOLLOWED)


def _updated(report: SyncReport) -> list[str]:
    """Return the projects whose pages were brought up to date besides what was done with their files."""
    failed = {each.project for each in report.files if each.status is PublishStatus.FAILED}
    return [each for each in report.plan.followed if each not in failed]


def _planned(file: PlannedFile) -> _Line:
    reason = f"{file.reason} [{file.code}]" if file.code else file.reason
    return _Line(
        str(file.action), file.project, file.version, file.filename, file.size, file.source or "", reason.strip(),
        file.details,
    )  # fmt: skip


class _Rows:
    """The rows of a plan, by what they lead to: several can be about one file name, such as a wheel and its correction."""

    def __init__(self, plan: SyncPlan) -> None:
        self._rows = {(each.project, _untagged(each.filename), each.action): each for each in plan.files}
        self._rows |= {(each.project, each.filename, each.action): each for each in plan.files}

    def of(self, file: Published) -> PlannedFile | None:
        """Return the row that led to what became of ``file``, known by its name in the index, or in the mirror."""
        name = file.filename or ""
        given = file.source.name if file.source else name
        actions = _LED_TO.get(file.status, ())
        if name not in (given, _untagged(name)):  # the build tag is that of a correction
            actions = actions[::-1]
        keys = ((file.project or "", each, action) for action in actions for each in (given, name, _untagged(name)))
        return next((self._rows[key] for key in keys if key in self._rows), None)


def _untagged(name: str) -> str:
    """Return the name of a wheel without its build tag."""
    parts = name.split("-")
    return "-".join([*parts[:2], *parts[3:]]) if len(parts) == _PARTS_WITH_TAG else name


def _published(file: Published, rows: _Rows) -> _Line:
    """Return what became of a file, and the reason that the plan has for that."""
    name, plan = file.filename or "", rows.of(file)
    version = version_of(name) or (plan.version if plan else "")  # without +cpu where a manifest strips it
    source, reason, size = (plan.source or "", plan.reason, plan.size) if plan else ("", "", None)
    if plan and plan.action in _CORRECTED and file.status is PublishStatus.ADDED:  # the row is about the other one
        reason = f"As the rules correct it now, beside {plan.filename}"
    return _Line(str(file.status), file.project or "", version, name, size, source, reason)


def _table(lines: Sequence[_Line], *, verbose: bool) -> str:
    """Return ``lines`` as a table of releases, by action; of many the first ones, unless ``verbose``."""
    rows: list[tuple[tuple[str, ...], Sequence[_Line]]] = []
    ends: dict[int, str] = {}
    for action, group in _grouped(lines, lambda each: each.action).items():
        releases = sorted(_grouped(group, lambda each: each.release).items(), key=lambda item: _order(*item[0]))
        rows += [(_cells(files), files) for _, files in (releases if verbose else releases[:_MOST_ROWS])]
        if not verbose and len(releases) > _MOST_ROWS:
            hidden = [file for _, files in releases[_MOST_ROWS:] for file in files]
            more = f"{len(releases) - _MOST_ROWS} more with {counted(len(hidden), 'file')}"
            ends[len(rows)] = f"{action}  ... {more} (use -v to show all)"
    if not rows:
        return ""
    return "".join(f"{line}\n" for line in _aligned(rows, ends, verbose=verbose))


def _grouped(lines: Iterable[_Line], key: Callable[[_Line], _Key]) -> dict[_Key, list[_Line]]:
    groups: dict[_Key, list[_Line]] = {}
    for each in lines:
        groups.setdefault(key(each), []).append(each)
    return groups


def _order(project: str, version: str, *rest: str) -> tuple[object, ...]:
    try:
        return project, Version(version), version, *rest
    except InvalidVersion:  # a file of the mirror whose name says none
        return project, Version("0"), version, *rest


def _cells(files: Sequence[_Line]) -> tuple[str, ...]:
    first = files[0]
    sizes = [each.size for each in files]
    size = shown_size(sum(filter(None, sizes))) if any(sizes) else ""
    count = sum(bool(each.filename) for each in files)  # a release or project can be reported as a whole
    return first.action, first.project, first.version, str(count or ""), size, first.source, first.reason


def _aligned(
    rows: Sequence[tuple[tuple[str, ...], Sequence[_Line]]], ends: Mapping[int, str], *, verbose: bool
) -> Iterator[str]:
    """Yield the lines of a table; ``ends`` stand behind so many rows."""
    cells = [tuple(map(shown, row)) for row, _ in rows]
    widths = [max(map(len, column)) for column in zip(_HEADS, *cells, strict=True)]
    yield _row(_HEADS, widths)
    for number, (row, (_, files)) in enumerate(zip(cells, rows, strict=True), 1):
        yield _row(row, widths)
        if verbose:
            yield from (f"    {shown(line)}" for each in files for line in (each.filename, *each.details) if line)
        if number in ends:
            yield ends[number]


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.rjust(width) if head in _RIGHT else cell.ljust(width)
        for head, cell, width in zip(_HEADS, cells, widths, strict=True)
    )
    return "  ".join(padded).rstrip()


def problems_of(report: SyncReport) -> list[tuple[str, Problem]]:
    """Return each problem of a sync, with the words for what it happened to: sources first, then files."""
    found = [(_source_subject(each), each.problem) for each in report.plan.problems]
    found += [(_subject(each), each.problem) for each in report.plan.files if each.problem]
    groups: dict[object, list[Published]] = {}
    for number, file in enumerate(report.files):
        if file.problem is not None:
            is_shared = file.problem.code in _OF_PROJECTS
            groups.setdefault((file.project, file.status, file.problem) if is_shared else number, []).append(file)
    return found + [(_file_subject(files), files[0].problem) for files in groups.values() if files[0].problem]


def _source_subject(found: SourceProblem) -> str:
    """Return the words for a source, or a project of one, of which nothing changes; what is not closed is there."""
    what = f"{found.project} of source {found.source}" if found.project else f"source {found.source}"
    return f"{what} not {_ENDS.get(found.problem.code, 'synced')}"


def _subject(file: PlannedFile) -> str:
    """Return the words for a file that cannot be had, or for a release or project that is reported as a whole."""
    return f"{file.filename or f'{file.project} {file.version}'.strip()} not added"


def _file_subject(files: Sequence[Published]) -> str:
    """Return the words for files of one project that have the same problem; most often it is one file."""
    file = files[0]
    name = str(file.url or (file.source.name if file.source else file.filename) or "")
    end = "not added" if file.status in (PublishStatus.REFUSED, PublishStatus.FAILED) else str(file.status)
    return f"{name} {end}" if len(files) == 1 else f"{len(files)} files of {file.project} {end}"


def render_sync_problems(report: SyncReport, *, verbose: bool = False) -> str:
    """Return what went wrong, in the shape of all messages; of many problems with one code the first, unless ``verbose``."""
    groups: dict[str, list[tuple[str, Problem]]] = {}
    for subject, problem in problems_of(report):
        groups.setdefault(problem.code, []).append((subject, problem))
    texts = []
    for code, problems in groups.items():
        kept = problems if verbose else problems[:_MOST_ALIKE]
        texts += [render_problem(subject, problem) for subject, problem in kept]
        if len(kept) < len(problems):
            texts.append(f"... {len(problems) - len(kept)} more {code} (use -v to show all)\n")
    return "".join(texts)


_TO_DO: Final = (*_CORRECTED, Action.UNYANK, Action.YANK, Action.REMOVE)
_ALSO_DONE: Final = (
    PublishStatus.REPLACED, PublishStatus.UNYANKED, PublishStatus.YANKED, PublishStatus.REMOVED, PublishStatus.REFUSED,
    PublishStatus.FAILED,
)  # fmt: skip


def render_planned(counts: Mapping[str, int], size: int, *, for_parts: bool = False) -> str:
    """Return the line that says what a sync, or all parts of it, are about to do, empty where that is nothing.

    >>> render_planned({"add": 2, "yank": 1}, 612_345_678)
    'Planned: add 2 files (612.3 MB), yank 1\\n'
    """
    words = _plan_words(counts, size)
    return f"Planned{' for all parts' * for_parts}: {', '.join(words)}\n" if words else ""


def _plan_words(counts: Mapping[str, int], size: int) -> list[str]:
    words = [f"add {counted(counts[Action.ADD], 'file')}{_size(size)}"] if counts.get(Action.ADD) else []
    return words + [f"{action} {counts[action]}" for action in _TO_DO if counts.get(action)]


def render_sync_summary(report: SyncReport) -> str:
    """Return the line that ends a sync: what changed, what is kept or waits, and what that took."""
    counts = report.plan.counts
    if report.prepared is not None:
        return _part_summary(report)
    words = _plan_words(counts, report.plan.download_size) if report.dry_run else _done_words(report)
    if report.dry_run and report.plan.followed:
        words.append(f"update {counted(len(report.plan.followed), 'page')}")
    head = f"{'Would ' * report.dry_run}{', '.join(words)}" if words else "Up to date" if report.ok else "Nothing changed"
    rest = [f"{counts[Action.KEEP]} kept"] if counts[Action.KEEP] else []
    rest += [f"{counts[Action.WAIT]} waiting"] if counts[Action.WAIT] else []
    rest += [f"{counts[Action.REPORT]} to look at"] if counts[Action.REPORT] else []
    listed = " (--check lists them)" if len(rest) > bool(counts[Action.KEEP]) and not report.dry_run else ""
    failed = len(report.plan.problems)
    problems = f"; {counted(failed, 'problem')} with sources" if failed else ""
    return f"{', '.join([head, *rest])}{listed}{problems}{_traffic(report)} -> {shown(str(report.mirror))}\n"


def _part_summary(report: SyncReport) -> str:
    """Return the line that ends a part of a sync, which lists nothing."""
    failed = sum(each.problem is not None for each in report.files) + len(report.plan.problems)
    problems = f", {counted(failed, 'problem')}" if failed else ""
    done = f"Prepared {counted(report.prepared or 0, 'file')}{problems}{_traffic(report)} -> {shown(str(report.mirror))}"
    return f"{done}; `wheelfix mirror index` lists them\n"


def _done_words(report: SyncReport) -> list[str]:
    counts = {status: sum(each.status is status for each in report.files) for status in PublishStatus}
    rows = _Rows(report.plan)
    added = [rows.of(each) for each in report.files if each.status in (PublishStatus.ADDED, PublishStatus.REPLACED)]
    size = sum(each.size or 0 for each in added if each is not None)
    words = list[str]()
    for status in (PublishStatus.ADDED, *_ALSO_DONE):
        if not (count := counts[status]):
            continue
        if words:
            words.append(f"{count} {status}")
        elif status in (PublishStatus.REFUSED, PublishStatus.FAILED):
            words = ["Added 0 files", f"{count} {status}"]
        else:
            about = _size(size) if status in (PublishStatus.ADDED, PublishStatus.REPLACED) else ""
            words.append(f"{status.capitalize()} {counted(count, 'file')}{about}")
    if pages := _updated(report):
        words.append(f"{'updated' if words else 'Updated'} {counted(len(pages), 'page')}")
    return words


def _size(size: int) -> str:
    return f" ({shown_size(size)})" if size else ""


def _traffic(report: SyncReport) -> str:
    traffic = report.traffic
    unchanged = f", {traffic.unchanged:,} unchanged" if traffic.unchanged else ""
    asked = f"{counted(traffic.requests, 'request')} ({shown_size(traffic.received)}{unchanged})"
    return f"; {asked}" if traffic.requests else ""


def sync_figures(report: SyncReport) -> dict[str, object]:
    """Return the figures of a sync by name: how many files were planned by action, and what became of files, by status."""
    plan = report.plan
    statuses = Counter(each.status for each in report.files)
    return {
        "planned": plan.counts,
        "files": {status.value: statuses[status] for status in PublishStatus},
        "served": plan.served,
        "problems": len(problems_of(report)),
        "traffic": report.traffic,
    }


def render_sync_json(report: SyncReport) -> str:
    """Return the report as JSON, version 1, with a final line end; its schema is docs/schemas/sync.schema.json."""
    return document(
        "mirror sync",
        manifest=report.manifest,
        mirror=report.mirror,
        dry_run=report.dry_run,
        prepared=report.prepared,
        warnings=report.warnings,
        plan=[{name: getattr(each, name) for name in _PLANNED_KEYS} for each in report.plan.files],
        followed=report.plan.followed,
        problems=report.plan.problems,
        files=report.files,
        wheels=[wheel_values(each) for each in report.outcomes],
        summary={**sync_figures(report), "ok": report.ok},
    )
