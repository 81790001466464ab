"""Descriptions of wheels: the lines around the table of requirements, its rows, and JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from wheelfix.fix.describe import Description, RequirementLine
from wheelfix.reports.json import document
from wheelfix.reports.text import render_change
from wheelfix.results import ChangeAction, Disagreement, Verdict
from wheelfix.text import counted, shown

_RUNTIMES = {"cuda": "CUDA", "rocm": "ROCm", "xpu": "SYCL (XPU)"}
_MOST_WORDS = 2
_MARKS: Final[Mapping[str | None, str]] = {ChangeAction.KEEP: "=", ChangeAction.DROP: "-", None: " "}
"""The mark in front of a requirement, by its action; ``~`` for all others."""


class Row(Struct, frozen=True):
    """One requirement: what strip-gpu does to it, the verdict, and why; ready to be shown."""

    mark: str
    requirement: str
    verdict: str
    why: str


def render_head(description: Description) -> str:
    """Return what the wheel is, and what it says of its build."""
    lines = [
        shown(description.url or description.source.name),
        f"  {shown(description.project or '?')} {shown(description.version or '?')}, {_size(description.size or 0)}, "
        f"{description.files} files, Metadata-Version {shown(description.metadata_version or '?')}, "
        f"Python {shown(description.requires_python or 'any')}",
        f"  build: {_build(description)}",
        *_history(description),
    ]
    return _lines(lines)


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _build(description: Description) -> str:
    uses = [each for each in description.build if each.uses]
    explicit = [each for each in uses if each.explicit]
    denied = [each for each in description.build if each.uses is False]
    doubtful = bool({each.runtime for each in explicit} & {each.runtime for each in denied})
    words = list(dict.fromkeys(each.words for each in explicit or denied or uses))[:_MOST_WORDS]
    words += [next(each.words for each in denied if each.words not in words)] if doubtful else []
    because = shown(" and ".join(words))
    if explicit or uses:
        names = " and ".join(dict.fromkeys(_RUNTIMES.get(each.runtime, each.runtime) for each in explicit or uses))
        doubt = ", and contradicts itself" if doubtful else ""
        return f"for {names}{'' if explicit else ', it seems'}{doubt}: {because}"
    return f"for the CPU: {because}" if denied else "unknown"


def _history(description: Description) -> Iterator[str]:
    provenance = description.provenance
    if provenance:
        yield f"  fixed by wheelfix {shown(provenance.tool)}: {counted(len(provenance.changes), 'change')}"
        yield from (f"    from {shown(each.filename)}, sha256 {shown(each.sha256)}" for each in provenance.ancestors)


def render_rows(description: Description, *, verbose: bool = False) -> list[Row]:
    """Return the requirements that are shown: those behind extras only if rules decide on them, or if ``verbose``."""
    return [
        Row(_mark(each), shown(each.text), each.verdict or "", _why(each))
        for each in description.requirements
        if verbose or not each.needs_extra or each.action
    ]


def _mark(line: RequirementLine) -> str:
    if line.verdict is Verdict.UNSAFE:
        return "!"
    if line.verdict is Verdict.UNPROVEN:
        return "?"
    return _MARKS.get(line.action, "~")


def _why(line: RequirementLine) -> str:
    rule = f"{line.rule}: {line.reason}" if line.rule else line.reason or ""
    reasons = [f"malformed: {line.problem}" if line.problem else "", line.evidence or "", rule if not line.evidence else ""]
    return shown("; ".join(filter(None, reasons)))


def render_tail(description: Description, *, verbose: bool = False) -> str:
    """Return what strip-gpu would do, and what else is known of the wheel."""
    hidden = len(description.requirements) - len(render_rows(description, verbose=verbose))
    lines = [f"  {counted(hidden, 'optional requirement')} hidden (use -v)"] if hidden else []
    lines += [f"  note: {shown(note)}" for note in description.notes]
    lines += [f"  finding: {shown(each)}" for each in description.findings]
    if verbose and description.provenance:
        lines += [
            f"  earlier: {render_change(each)}{f'  [{each.verdict}]' if each.verdict else ''}"
            for each in description.provenance.changes
        ]
    lines.append(f"  strip-gpu {_fate(description)}")
    return _lines(lines)


def _fate(description: Description) -> str:
    if description.directory_only and description.refusal and description.refusal.code == "unproven":
        open_ = sum(each.verdict is Verdict.UNPROVEN for each in description.requirements)
        return f"would read its binaries first: they decide on {open_} of these."
    if description.refusal:
        because = f": {description.refusal.reason}" if description.refusal.reason else ""
        return shown(f"would refuse it: {description.refusal.message}{because}.")
    changed = [each for each in description.requirements if each.action not in (None, ChangeAction.KEEP)]
    safe = all(each.verdict is Verdict.SAFE for each in changed)
    if not changed:
        return "would change nothing."
    return f"would drop {len(changed)} of these{': all are safe to drop.' if safe else '.'}"


def _size(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 100_000 else f"{size / 1000:.1f} kB"


def render_descriptions_json(descriptions: Sequence[Description], disagreements: Sequence[Disagreement] = ()) -> str:
    """Return the wheels as JSON, version 1, with a final line end."""
    return document("show", wheels=descriptions, disagreements=disagreements)
