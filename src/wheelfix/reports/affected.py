"""Which lock files a mirror affects, as text and as JSON."""

from collections.abc import Iterator
from typing import Any, Final

from wheelfix.mirror.affected import AffectedEntry, AffectedFile, AffectedLock, AffectedReport, Fate
from wheelfix.reports.json import document
from wheelfix.reports.text import render_problem
from wheelfix.text import counted, shown, shown_few

_FATES: Final = {
    Fate.YANKED: "yanked",
    Fate.CORRECTED: "corrected under another name",
    Fate.REPLACED: "other bytes under the same name",
    Fate.REMOVED: "no longer listed",
    Fate.MISSING: "not in the mirror",
}
"""What became of an entry, in words."""


def render_affected(report: AffectedReport, *, verbose: bool = False) -> str:
    """Return what is affected of each lock, what still installs, and the commands that move it over, in lines.

    With ``verbose`` each file has a line, and so has what was skipped.
    """
    return "".join(
        render_problem(f"{each.path} not checked", each.problem)
        if each.problem
        else "".join(f"{line}\n" for line in _lines(each, verbose=verbose))
        for each in report.locks
    )


def _lines(lock: AffectedLock, *, verbose: bool) -> Iterator[str]:
    others = f" ({lock.others} not of this mirror)" if lock.others else ""
    total = len(lock.entries) + lock.served
    yield shown(f"{lock.path}: {len(lock.entries)} of {counted(total, 'project')} affected{others}")
    for each in lock.entries:
        yield from _entry_lines(each, verbose=verbose)
    for warning in lock.warnings:
        yield f"  note: {shown(warning)}"
    if verbose:
        yield from (f"  skipped {shown(each.project)}: {each.reason}" for each in lock.skipped)
    if lock.steps:
        yield "  help: to move over, run in the directory of the project:"
        yield from (f"    {shown(str(each) if each.command else f'# {each}')}" for each in lock.steps)


def _entry_lines(entry: AffectedEntry, *, verbose: bool) -> Iterator[str]:
    to = f", {entry.to} takes its place" if entry.to not in (None, entry.version) else ""
    yield shown(f"  {entry.project} {entry.version}: {_FATES[entry.fate]}{to}; {_what_installs(entry)}")
    if verbose:
        yield from (shown(f"    {_name(each)}: {_fate_of(each)}") for each in entry.files)


def _what_installs(entry: AffectedEntry) -> str:
    hosts = sorted({each.elsewhere for each in entry.files if each.elsewhere})
    if entry.installs:
        return f"the lock still installs {_it(entry)}" + (f" from {shown_few(hosts)}" if hosts else "")
    reason = "its hash fails" if entry.fate in (Fate.CORRECTED, Fate.REPLACED) else "it is not found"
    if any(each.installs for each in entry.files):
        return f"the lock does not install some of its files any more: {reason}"
    return f"the lock does not install it any more: {reason}"


def _it(entry: AffectedEntry) -> str:
    return "the old files" if entry.fate in (Fate.CORRECTED, Fate.REPLACED) else "it"


def _name(file: AffectedFile) -> str:
    return file.filename or (f"sha256 {file.sha256}" if file.sha256 else "any file")


def _fate_of(file: AffectedFile) -> str:
    replacement = f" -> {file.replacement}" if file.replacement and file.replacement != file.filename else ""
    return f"{_FATES[file.fate]}{replacement}; {'installs' if file.installs else 'does not install'}"


def render_affected_summary(report: AffectedReport) -> str:
    """Return the line that ends a run: how many locks were checked, and how many are affected."""
    entries = sum(len(each.entries) for each in report.locks)
    failed = sum(each.problem is not None for each in report.locks)
    end = f"; {failed} not checked" if failed else ""
    what = f"{len(report.affected)} affected ({counted(entries, 'project')})"
    return f"Checked {counted(len(report.locks) - failed, 'lock file')}: {what}{end}\n"


def render_affected_json(report: AffectedReport) -> str:
    """Return the report as JSON, version 1, with a final line end; its schema is docs/schemas/mirror.schema.json."""
    summary = {
        "locks": len(report.locks),
        "affected": len(report.affected),
        "entries": sum(len(each.entries) for each in report.locks),
        "not_examined": sum(each.problem is not None for each in report.locks),
    }
    return document("mirror affected", mirror=report.mirror, locks=[_values(each) for each in report.locks], summary=summary)


def _values(lock: AffectedLock) -> dict[str, Any]:
    return {**{name: getattr(lock, name) for name in lock.__struct_fields__}, "steps": [
        {"command": str(each) if each.command else None, "note": each.note} for each in lock.steps
    ]}  # fmt: skip
