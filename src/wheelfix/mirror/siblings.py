"""The wheels of one project as a page lists them, side by side.

Those of a release should agree, and those that can do without a GPU should not ask for its libraries.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packaging.utils import canonicalize_version

from wheelfix.errors import FilenameError
from wheelfix.escaping import shown, shown_few
from wheelfix.evidence.catalogue import provided_by
from wheelfix.filename import WheelFilename
from wheelfix.metadata.requirement import read_requirement
from wheelfix.mirror.findings import Finding
from wheelfix.outcome import Scan, Verdict
from wheelfix.plan import make_plan
from wheelfix.releases import disagreements_of
from wheelfix.rules.gpu import gpu_rules
from wheelfix.weighing import Caution
from wheelfix.wheel import Wheel


@dataclass(frozen=True, slots=True)
class Needs:
    """What the evidence in a wheel says of its GPU requirements: those that it can do ``without``, and why.

    ``is_gpu_build`` tells that it cannot do without all of them.
    """

    without: tuple[str, ...] = ()
    reason: str = ""
    is_gpu_build: bool = False


@dataclass(frozen=True, slots=True)
class Sibling:
    """A listed wheel that is not yanked: its ``requirements``, and its ``needs`` where the wheel itself was read."""

    filename: str
    requirements: Sequence[str]
    needs: Needs | None = None


_rules = cache(gpu_rules)


def read_needs(wheel: Wheel) -> Needs:
    """Return what the evidence in ``wheel`` says of what ``strip-gpu`` would drop; binaries are not read for it."""
    plan = make_plan(wheel, _rules(), caution=Caution(scan=Scan.NEVER))
    judged = [change for change in plan.changes if change.verdict is not None]
    safe = [change for change in judged if change.verdict is Verdict.SAFE]
    return Needs(
        tuple(change.before for change in safe if change.before),
        next((change.evidence for change in safe if change.evidence), ""),
        any(change.verdict is Verdict.UNSAFE for change in judged),
    )


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
    gpu_releases = {_version(each.filename) for each in siblings if each.needs is not None and each.needs.is_gpu_build}
    for each in siblings:
        yield from _check_needs(project, each, has_gpu_build=_version(each.filename) in gpu_releases)


def _check_needs(project: str, sibling: Sibling, *, has_gpu_build: bool) -> Iterator[Finding]:
    """Yield that a wheel requires a GPU in vain; one of a release with GPU builds says what those say, and rightly so."""
    place = _place(project, sibling.filename)
    if _version(sibling.filename).partition("+")[2].startswith("cpu"):
        read = (read_requirement(each) for each in sibling.requirements)
        found = [each.text for each in read if each is not None and not each.needs_extra and provided_by(each) is not None]
        if found:
            yield Finding("gpu-requirements", place, f"a CPU build requires {shown_few(found)}")
    elif sibling.needs is not None and sibling.needs.without and not has_gpu_build:
        message = f"it requires {shown_few(sibling.needs.without)}, and can do without: {sibling.needs.reason}"
        yield Finding("gpu-requirements", place, message)


def _place(project: str, filename: str) -> str:
    return f"{project}: {shown(filename)}"


def _version(filename: str) -> str:
    """Return the version in a file name without differences of spelling, empty where there is none."""
    try:
        version = WheelFilename.parse(filename).version
    except FilenameError:  # the file itself is told
        return ""
    return canonicalize_version(version.replace("_", "-"))
