"""The wheels of one project as a page lists them, side by side.

Those of a release should agree, and those that can do without a GPU should not ask for its libraries.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from packaging.utils import canonicalize_version
from packaging.version import Version

from wheelfix.errors import FilenameError
from wheelfix.escaping import shown, shown_few
from wheelfix.evidence.verdict import Evidence, Judgement
from wheelfix.fix.plan import make_plan
from wheelfix.mirror.findings import Finding
from wheelfix.outcome import Verdict
from wheelfix.rules.apply import apply_rules
from wheelfix.rules.load import gpu_rules
from wheelfix.rules.match import make_facts
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.release import disagreements_of
from wheelfix.wheel.requirement import read_requirement
from wheelfix.wheel.tags import Environments, uncovered
from wheelfix.wheel.wheel import Wheel


@dataclass(frozen=True, slots=True)
class Needs:
    """What is known of the GPU requirements of a wheel: those that it can do ``without``, and the ``reason``.

    ``may_need_others`` tells that there are some that it needs, or of which nothing is known.
    """

    without: tuple[str, ...] = ()
    reason: str = ""
    may_need_others: bool = False


@dataclass(frozen=True, slots=True)
class Sibling:
    """A listed wheel that is not yanked: its ``requirements``, and what is known of its ``needs``."""

    filename: str
    requirements: Sequence[str]
    needs: Needs = field(default_factory=Needs)


_rules = cache(gpu_rules)


def read_needs(wheel: Wheel) -> Needs:
    """Return what the evidence in ``wheel`` says of what ``strip-gpu`` would drop."""
    plan = make_plan(wheel, _rules())
    return _needs(
        (each.before or "", each.verdict, each.evidence or "") for each in plan.changes if each.verdict is not None
    )


def needs_by_metadata(filename: WheelFilename, document: Document) -> Needs:
    """Return what markers, tags and the version's label alone say of what ``strip-gpu`` would drop."""
    evidence = Evidence.of_names(Environments(filename.tags), filename.project, (filename.version,))
    changes = apply_rules(_rules(), make_facts(document, filename, str)).changes
    judged = ((change.before, evidence.judge(change.before)) for change in changes if change.before)
    return _needs(_believed(text, judgement, evidence) for text, judgement in judged if judgement is not None)


def _believed(text: str, judgement: Judgement, evidence: Evidence) -> tuple[str, Verdict, str]:
    """Return the verdict on a requirement where the wheel is taken at its word: a report is no leave to drop anything."""
    words = evidence.says_it_is_without(text) if judgement.verdict is Verdict.UNPROVEN else ""
    return (text, Verdict.SAFE, words) if words else (text, judgement.verdict, judgement.reason)


def _needs(judged: Iterable[tuple[str, Verdict, str]]) -> Needs:
    judged = list(judged)
    safe = [(text, reason) for text, verdict, reason in judged if verdict is Verdict.SAFE]
    return Needs(tuple(text for text, _ in safe), safe[0][1] if safe else "", len(safe) < len(judged))


def compare_siblings(project: str, siblings: Iterable[Sibling]) -> Iterator[Finding]:
    """Yield wheels of ``project`` that lack what others of their release require, or require what they can do without."""
    siblings = list(siblings)
    missing: dict[str, list[str]] = {}
    for disagreement in disagreements_of({Path(each.filename): each.requirements for each in siblings}):
        for path in disagreement.missing:
            missing.setdefault(path.name, []).append(disagreement.requirement)
    for name, texts in sorted(missing.items()):
        message = f"other wheels of the release also require {shown_few(texts)}"
        yield Finding("siblings-disagree", _place(project, name), message)
    yield from _check_labels(project, (each.filename for each in siblings))
    others = {_version(each.filename) for each in siblings if each.needs.may_need_others}
    for each in siblings:  # beside a GPU build a wheel says what that says, and rightly so
        if each.needs.without and _version(each.filename) not in others:
            message = f"it requires {shown_few(_names(each.needs.without))}, and can do without: {each.needs.reason}"
            yield Finding("gpu-requirements", _place(project, each.filename), message)


def unyanked_originals(
    project: str, listed: Iterable[tuple[str, str]], originals: Container[tuple[str, str]]
) -> Iterator[Finding]:
    """Yield which of the files that are ``listed``, and not yanked, are ``originals`` of corrected ones beside them.

    Both are file names with sha256 (hexadecimal).
    """
    for filename, sha256 in listed:
        if (filename, sha256) in originals:
            message = "a corrected wheel that was made from it is listed too"
            yield Finding("original-not-yanked", _place(project, filename), message)


def _check_labels(project: str, filenames: Iterable[str]) -> Iterator[Finding]:
    """Yield the versions with a label that have no wheel for a Python and platform that the version without it has."""
    wheels: dict[Version, list[WheelFilename]] = {}
    for name in filter(None, map(_parsed, filenames)):
        if name.parsed_version is not None:
            wheels.setdefault(name.parsed_version, []).append(name)
    for version, labelled in sorted(wheels.items()):
        missing = uncovered(wheels.get(Version(version.public), ()), labelled) if version.local is not None else []
        if missing:
            message = f"it has no wheel for {shown_few(missing)}, and {version.public} has"
            yield Finding("label-covers-less", f"{project} {version}", message)


def _names(requirements: Iterable[str]) -> list[str]:
    read = ((text, read_requirement(text)) for text in requirements)
    return [text if requirement is None else requirement.name for text, requirement in read]


def _place(project: str, filename: str) -> str:
    return f"{project}: {shown(filename)}"


def _version(filename: str) -> str:
    """Return the version in a file name without differences of spelling, empty where there is none."""
    name = _parsed(filename)
    return canonicalize_version(name.version.replace("_", "-")) if name else ""


def _parsed(filename: str) -> WheelFilename | None:
    try:
        return WheelFilename.parse(filename)
    except FilenameError:  # the file itself is told
        return None
