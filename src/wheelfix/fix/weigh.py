"""What rules would drop from a wheel, weighed against what the wheel says of its needs."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace
from packaging.tags import Tag

from wheelfix.errors import ArchiveError, WheelError
from wheelfix.evidence.build import names_cpu_build
from wheelfix.evidence.catalogue import provided_by
from wheelfix.evidence.verdict import Evidence, what_breaks
from wheelfix.options import Policy, Scan
from wheelfix.results import Change, Problem, Verdict
from wheelfix.rules import BUILT_IN
from wheelfix.rules.match import names_a_pair
from wheelfix.rules.model import RuleSet
from wheelfix.text import shown
from wheelfix.version import HOME_PAGE
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.environments import Environments
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.requirement import Requirement, read_requirement
from wheelfix.wheel.sbom import PROVENANCE
from wheelfix.wheel.wheel import Wheel

if TYPE_CHECKING:
    from wheelfix.evidence.linkage import Linkage

_UNKNOWN: Final = frozenset({Tag("unknown", "unknown", "unknown")})
_MOST_NOTES: Final = 20
_WITH_CPU_BUILDS: Final = frozenset({"torch", "torchvision", "torchaudio"})
"""Projects that publish a CPU build of each release."""
_CPU_BUILDS: Final = f"{HOME_PAGE}/blob/main/docs/guides/which-cpu-torch.md"
"""Where those can be had."""


class Weighed(Struct, frozen=True):
    """Changes with their verdicts; ``problem`` says why they must not be made, ``None`` if they may.

    ``left`` says why none is to be made, as the policy says, as a clause; it is empty where they may.
    """

    changes: tuple[Change, ...] = ()
    problem: Problem | None = None
    notes: tuple[str, ...] = ()
    left: str = ""


def gather_evidence(wheel: Wheel, scan: Scan = Scan.AUTO, known: "Linkage | None" = None) -> Evidence:
    """Return the evidence in ``wheel``, which must be kept open: it is read as it is needed.

    ``scan`` says when binaries are read, and ``known`` is what was read of them before. They never are where only the
    directory of the wheel was read.
    """
    versions = [wheel.version, wheel.filename.version]
    if _set_by_us(wheel, "Version"):  # what we wrote ourselves is no evidence, and what only may be ours is none either
        versions = [version.partition("+")[0] for version in versions]
    project = "" if _set_by_us(wheel, "Name") else wheel.project
    tags = wheel.filename.tags | own_tags(wheel)
    return Evidence(wheel.source, wheel.listing, Environments(tags), project, versions, scan=scan, known=known)


def _set_by_us(wheel: Wheel, field: str) -> bool:
    """Whether the wheel's provenance says that wheelfix changed a field of METADATA, or cannot be read.

    A forged one takes evidence away by this, and never adds any.
    """
    if wheel.entry(PROVENANCE) is None:
        return False
    try:
        provenance = wheel.provenance
    except ArchiveError:
        return True
    return provenance is None or any(each.field == field for each in provenance.changes)


def own_tags(wheel: Wheel) -> frozenset[Tag]:
    """Return the tags of WHEEL; where they cannot be read, one that stands for any environment."""
    try:
        return wheel.tags
    except (WheelError, ValueError):
        return _UNKNOWN


def weigh(changes: Iterable[Change], rules: RuleSet | None, evidence: Evidence, policy: Policy) -> Weighed:
    """Return ``changes`` with verdicts on those that take a requirement of the GPU catalogue away.

    ``rules`` are those that ask for the changes, ``None`` where it is the caller.
    """
    changes = tuple(changes)
    if policy.force and any(map(_is_catalogued, changes)):
        evidence.read_all()  # so that the report does not depend on what was read first
    used = {each.rule for each in changes}
    known = rules.rules if rules and evidence.names_project else ()
    on_purpose = {rule.id for rule in known if rule.id in used and names_a_pair(rule)}
    weighed = tuple(
        _with_verdict(each, new, evidence, on_purpose=each.rule in on_purpose) for each, new in _with_new(changes)
    )
    unsafe = [each for each in weighed if each.verdict is Verdict.UNSAFE]
    unproven = [each for each in weighed if each.verdict is Verdict.UNPROVEN and not _is_own(each.rule, rules)]
    if policy.force:
        return Weighed(weighed, notes=_consequences(weighed, evidence) if unsafe or unproven else ())
    if unsafe and policy.skip_gpu_builds:
        return Weighed(weighed, left=f"it needs {_counted(unsafe)}: {unsafe[0].evidence}")
    if unsafe:
        return Weighed(weighed, _refusal(unsafe, evidence.project))
    if unproven and policy.skip_unproven:
        return Weighed(weighed, left=f"{_no_evidence(unproven)}: {unproven[0].evidence}")
    if unproven and not policy.allow_unproven:
        return Weighed(weighed, _doubt(unproven, policy))
    return Weighed(weighed)


def weigh_edits(changes: Iterable[Change], left: Document, evidence: Evidence, policy: Policy) -> Weighed:
    """Return ``changes`` of requirements by edits with verdicts; ``left`` is METADATA as the edits leave it.

    A field that is set to many values changes line by line, so what counts is what is left of a name, not the line.
    """
    changes = tuple(changes)
    there = defaultdict[str, list[Requirement]](list)
    for each in left.all(REQUIRES):
        if (found := read_requirement(each.value.strip())) is not None:
            there[found.name].append(found)
    results = [_result(each, there, evidence) for each in changes]
    weighed = weigh(results, None, evidence, policy)
    judged = zip(changes, weighed.changes, strict=True)
    return replace(weighed, changes=tuple(replace(each, after=change.after) for change, each in judged))


def _result(change: Change, left: Mapping[str, Sequence[Requirement]], evidence: Evidence) -> Change:
    """Return ``change`` with what it comes to: the requirement as it was where something of its name does as well."""
    before = _before(change)
    there = before is not None and not _takes_away(before, left.get(before.name, ()), evidence)
    return replace(change, after=change.before if there else None)


def weigh_local_version(local: str | None, wheel: Wheel, evidence: Callable[[], Evidence], policy: Policy) -> Weighed:
    """Return whether ``wheel`` may get the local version ``local``: a GPU build does not become one for the CPU by its name.

    Only one that says so is weighed, and one that the wheel does not have already; its binaries are read for that.
    """
    is_new = bool(local) and local is not None and wheel.filename.with_local_version(local) != wheel.filename
    sign = evidence().gpu_evidence() if local is not None and is_new and names_cpu_build(local) else ""
    if not sign:
        return Weighed()
    if policy.force:
        return Weighed(notes=(f"Forced: its local version says that it is a CPU build, but {sign}.",))
    if policy.skip_gpu_builds:
        return Weighed(left=f"it is a GPU build: {sign}")
    problem = Problem(
        "cpu-local-version",
        f"the local version {shown(local or '')} says that it is a CPU build, and it is a GPU build",
        "Copy GPU builds unchanged with --skip-gpu-builds, or choose another local version.",
        sign,
    )
    return Weighed(problem=problem)


def _before(change: Change) -> Requirement | None:
    """Return the requirement that changes, ``None`` if it is none."""
    return read_requirement(change.before) if change.field == REQUIRES and change.before else None


def _is_catalogued(change: Change) -> bool:
    before = _before(change)
    return before is not None and provided_by(before) is not None


def _with_new(changes: Sequence[Change]) -> Iterator[tuple[Change, list[Requirement]]]:
    """Return each change with the requirements that take the place of the old one: one, several or none."""
    found, more = list[tuple[Change, list[Requirement]]](), list[Requirement]()
    for change in reversed(changes):
        new = read_requirement(change.after) if change.after else None
        more = [new, *more] if new else more
        found.append((change, [] if change.continues else more))
        more = more if change.continues else []
    return reversed(found)


def _with_verdict(change: Change, new: Sequence[Requirement], evidence: Evidence, *, on_purpose: bool) -> Change:
    before = _before(change)
    if before is None or not _takes_away(before, new, evidence):
        return change
    judgement = evidence.judge(before, on_purpose=on_purpose)
    return replace(change, verdict=judgement.verdict, evidence=judgement.reason) if judgement else change


def _takes_away(before: Requirement, new: Sequence[Requirement], evidence: Evidence) -> bool:
    """Whether an installation without extras gets less: nothing, another project, fewer libraries, or by a marker.

    Another specifier takes nothing away: some version of the project is installed all the same.
    """
    environments = evidence.environments
    left = [each for each in new if each.name == before.name]
    if left and not environments.exclude(before, without_extras=True):
        left = [each for each in left if not environments.exclude(each, without_extras=True)]
        if left and not environments.still_need(before, left):
            return True
    if not left:
        return True
    brought = provided_by(before)
    libraries = {library for each in left if (found := provided_by(each)) for library in found.libraries}
    return brought is not None and not set(brought.libraries) <= libraries


def _is_own(rule: str | None, rules: RuleSet | None) -> bool:
    """Whether somebody wrote the rule for just this, rather than taking it from wheelfix."""
    if rules is None:
        return True
    origins = (origin for each, origin in zip(rules.rules, rules.origins, strict=True) if each.id == rule)
    return next(origins, "") not in BUILT_IN


def _refusal(unsafe: Sequence[Change], project: str) -> Problem:
    first = unsafe[0]
    hint = "Copy GPU builds unchanged with --skip-gpu-builds."
    if project in _WITH_CPU_BUILDS:
        hint += f" For a CPU, take a CPU build: {_CPU_BUILDS}"
    return Problem("unsafe", f"it needs {_counted(unsafe)}", hint, first.evidence)


def _doubt(unproven: Sequence[Change], policy: Policy) -> Problem:
    hint = "Copy such wheels unchanged with --skip-unproven, or drop what you know to be unused with --allow-unproven."
    if policy.scan is Scan.NEVER:
        hint = "Read the binaries (--scan auto or always), or copy such wheels unchanged with --skip-unproven."
    return Problem("unproven", _no_evidence(unproven), hint, unproven[0].evidence)


def _no_evidence(unproven: Sequence[Change]) -> str:
    verb = "are" if len(unproven) > 1 else "is"
    return f"no evidence that {_counted(unproven)} {verb} unused"


def _counted(changes: Sequence[Change]) -> str:
    first = read_requirement(changes[0].before or "")
    more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
    return (first.name if first else shown(changes[0].before or "")) + more


def _consequences(changes: Sequence[Change], evidence: Evidence) -> tuple[str, ...]:
    """Return what will not load after a removal that was forced."""
    dropped = [read_requirement(each.before) for each in changes if each.verdict is not None and each.before]
    provided = [found for each in dropped if each is not None and (found := provided_by(each))]
    lines = [f"Forced: {line}" for line in what_breaks(evidence.read_all(), provided)]
    if len(lines) > _MOST_NOTES:
        lines = [*lines[: _MOST_NOTES - 1], f"Forced: {len(lines) - _MOST_NOTES + 1} more lines like these.", lines[-1]]
    if not evidence.linkage.complete:
        lines.append("Forced: its binaries were not read; it is not known what will not load.")
    return tuple(lines)
