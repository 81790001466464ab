"""What the listed wheels of a project require, and whether they agree and need it, as findings.

Wheels of a release should agree, and CPU builds should not require what only a GPU build needs.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct, field
from packaging.utils import canonicalize_version
from packaging.version import Version

from wheelfix.errors import FilenameError
from wheelfix.evidence.verdict import Evidence, Judgement
from wheelfix.fix.draft import make_plan
from wheelfix.mirror.registry import finding
from wheelfix.results import Finding, Verdict
from wheelfix.rules.actions import apply_rules
from wheelfix.rules.bundled import bundled
from wheelfix.rules.match import make_facts
from wheelfix.text import shown, shown_few
from wheelfix.wheel.environments import Environments, uncovered
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.release import disagreements_of
from wheelfix.wheel.requirement import read_requirement
from wheelfix.wheel.wheel import Wheel


class Needs(Struct, frozen=True):
    """What is known of the GPU requirements of a wheel: those that it does not need (``without``), and the ``reason``.

    ``may_need_others`` says that it needs some of them, or may need them.
    """

    without: tuple[str, ...] = ()
    reason: str = ""
    may_need_others: bool = False


class ListedWheel(Struct, frozen=True):
    """A listed wheel that is not yanked: its ``requirements``, and what is known of its ``needs``."""

    filename: str
    requirements: Sequence[str]
    needs: Needs = field(default_factory=Needs)


def read_needs(wheel: Wheel) -> Needs:
    """Return whether ``wheel`` needs what ``strip-gpu`` would drop, by its evidence."""
    plan = make_plan(wheel, bundled("gpu"))
    return _needs(
        (each.before or "", each.verdict, each.evidence or "") for each in plan.changes if each.verdict is not None
    )


def needs_by_metadata(filename: WheelFilename, document: Document) -> Needs:
    """Return the same by markers, tags and the local version alone."""
    evidence = Evidence.of_names(Environments(filename.tags), filename.project, (filename.version,))
    changes = apply_rules(bundled("gpu"), make_facts(document, filename, str)).changes
    judged = ((change.before, evidence.judge(change.before)) for change in changes if change.before)
    return _needs(_believed(text, judgement, evidence) for text, judgement in judged if judgement is not None)


def _believed(text: str, judgement: Judgement, evidence: Evidence) -> tuple[str, Verdict, str]:
    """Return the verdict on a requirement; as nothing is dropped here, the wheel's own claim is enough."""
    words = evidence.denial_of(text) if judgement.verdict is Verdict.UNPROVEN else ""
    return (text, Verdict.SAFE, words) if words else (text, judgement.verdict, judgement.reason)


def _needs(judged: Iterable[tuple[str, Verdict, str]]) -> Needs:
    judged = list(judged)
    safe = [(text, reason) for text, verdict, reason in judged if verdict is Verdict.SAFE]
    return Needs(tuple(text for text, _ in safe), safe[0][1] if safe else "", len(safe) < len(judged))


def compare_releases(project: str, wheels: Iterable[ListedWheel]) -> Iterator[Finding]:
    """Yield wheels of ``project`` that do not require what others of their release do, or require what they do not need."""
    wheels = list(wheels)
    missing: dict[str, list[str]] = {}
    for disagreement in disagreements_of({Path(each.filename): each.requirements for each in wheels}):
        for path in disagreement.missing:
            missing.setdefault(path.name, []).append(disagreement.requirement)
    for name, texts in sorted(missing.items()):
        message = f"other wheels of the release also require {shown_few(texts)}"
        yield finding("release-disagrees", _place(project, name), message)
    yield from _compare_coverage(project, (each.filename for each in wheels))
    others = {_version(each.filename) for each in wheels if each.needs.may_need_others}
    for each in wheels:  # in a release with a GPU build all wheels should require what that needs
        if each.needs.without and _version(each.filename) not in others:
            message = f"it requires {shown_few(_names(each.needs.without))} and does not need it: {each.needs.reason}"
            yield finding("gpu-requirements", _place(project, each.filename), message)


def unyanked_originals(
    project: str, listed: Iterable[tuple[str, str]], originals: Container[tuple[str, str]]
) -> Iterator[Finding]:
    """Yield which of the files that are ``listed``, and not yanked, are ``originals`` of fixed ones that are not either.

    Where the fixed one is yanked, somebody went back to the original: a person, or a manifest whose rules were withdrawn.

    Both are file names with sha256 (hexadecimal).
    """
    for filename, sha256 in listed:
        if (filename, sha256) in originals:
            message = "a fixed wheel that was made from it is listed too"
            yield finding("original-not-yanked", _place(project, filename), message)


def _compare_coverage(project: str, filenames: Iterable[str]) -> Iterator[Finding]:
    """Yield the local versions that have no wheel for a Python and platform that their public version has."""
    wheels: dict[Version, list[WheelFilename]] = {}
    for name in filter(None, map(_parsed, filenames)):
        if name.parsed_version is not None:
            wheels.setdefault(name.parsed_version, []).append(name)
    for version, local in sorted(wheels.items()):
        missing = uncovered(wheels.get(Version(version.public), ()), local) if version.local is not None else []
        if missing:
            message = f"it has no wheel for {shown_few(missing)}, and {version.public} has"
            yield finding("local-version-covers-less", f"{project} {version}", message)


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
    except FilenameError:  # that is a finding of the file
        return None
