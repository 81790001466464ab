"""The wheels of one release as a page lists them, and whether they agree as well as they did where they came from.

Wheels of a release should agree, and CPU builds should not require what only a GPU build needs.
"""

from collections.abc import Container, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct, field
from packaging.utils import canonicalize_version
from packaging.version import Version

from wheelfix.errors import FilenameError, MirrorError
from wheelfix.evidence.verdict import Evidence, Judgement
from wheelfix.fix.plan import make_plan
from wheelfix.fix.release import Known, newly_differing
from wheelfix.mirror.examine import ExaminedWheel, provenance_of
from wheelfix.mirror.layout import METADATA, own_key
from wheelfix.mirror.pages import ListedFile
from wheelfix.mirror.registry import finding
from wheelfix.mirror.storage.base import Store
from wheelfix.results import Change, Finding, Verdict
from wheelfix.rules.actions import apply_rules
from wheelfix.rules.bundled import bundled
from wheelfix.rules.match import make_facts
from wheelfix.text import shown, shown_few
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.environments import Environments, uncovered
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.release import EXTRA, PYTHON, Declared, disagreements_of, release_of
from wheelfix.wheel.requirement import meaning, read_requirement
from wheelfix.wheel.sbom import Provenance
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
    """Return the verdict on a requirement where the wheel's own claim is enough: nothing is dropped by it."""
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
    """Yield which of the files that are ``listed``, and not yanked, are ``originals`` of fixed ones beside them.

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


_NEXT_STEPS: Final = (
    "Fix all wheels of the release; or give the fixed ones a release of their own (--local cpu), or add them with "
    "--allow-mixed."
)


def compare_release(
    store: Store, project: str, files: Sequence[ListedFile], new: Mapping[str, ExaminedWheel]
) -> tuple[str, ...]:
    """Return notes on where ``files``, the wheels of one release of ``project``, disagreed before they were fixed.

    ``new`` are wheels that are not in ``store`` yet, by sha256.

    :raises MirrorError: if they disagree more than their originals, or a file with the answer is missing.
    :raises WheelError: if a fixed wheel cannot be read.
    """
    if len(files) < 2:
        return ()
    declared = {file.filename: Declared.of(_metadata(store, project, file, new)) for file in files}
    found = disagreements_of({Path(name): each.requirements for name, each in declared.items()})
    if not found and len({(*sorted(each.extras), each.requires_python) for each in declared.values()}) < 2:
        return ()
    title = f"{project} {files[0].version}"
    worse = newly_differing(
        [_known(declared[file.filename], file, _provenance(store, project, file, new)) for file in files]
    )
    if worse:
        fixed = [file.filename for file in files if file.origin]
        were = "was" if len(fixed) == 1 else "were"
        message = f"the wheels of {title} would no longer agree on {shown_few(worse)}: {shown_few(fixed)} {were} fixed"
        reason = "resolvers read one wheel and assume that it speaks for the whole release"
        raise MirrorError("mixed-release", message, reason=reason, hint=_NEXT_STEPS)
    if not found:
        return ()
    texts = shown_few([each.requirement for each in found])
    missing = shown_few(sorted({path.name for each in found for path in each.missing}))
    return (f"The wheels of {title} disagreed before the run: {texts}, not required by {missing}.",)


def _metadata(store: Store, project: str, file: ListedFile, new: Mapping[str, ExaminedWheel]) -> bytes:
    if file.sha256 in new:
        return new[file.sha256].metadata
    key = own_key(project, file.filename, file.sha256, file.url)
    stored = None if key is None else store.read(key + METADATA)
    if stored is None:
        raise MirrorError(
            "no-metadata-file",
            f"the metadata file of {shown(file.filename)} is missing",
            hint="Run `wheelfix mirror check --fix`.",
        )
    return stored.data


def _known(after: Declared, file: ListedFile, provenance: Provenance | None) -> Known:
    if provenance is None:
        return Known(_release(file.filename), after, after)
    return Known(_release(provenance.ancestors[-1].filename), undone(after, provenance.changes), after)


def _release(filename: str) -> Hashable:
    try:
        return release_of(WheelFilename.parse(filename))
    except FilenameError:  # the provenance can name anything: a release that no other wheel is of
        return filename


def _provenance(store: Store, project: str, file: ListedFile, new: Mapping[str, ExaminedWheel]) -> Provenance | None:
    """Return what was changed in a wheel, ``None`` if it is as it came."""
    if file.origin is None or file.sha256 in new:
        return new[file.sha256].provenance if file.origin else None
    key = own_key(project, file.filename, file.sha256, file.url)
    if key is None or store.head(key) is None:
        raise MirrorError(
            "no-wheel",
            f"{shown(file.filename)} is missing, and only it says what was changed in it",
            hint="Add it again, or remove it with `wheelfix mirror remove`.",
        )
    with store.open(key) as source, Wheel(Path(key), source=source) as wheel:
        return provenance_of(wheel)


def undone(declared: Declared, changes: Iterable[Change]) -> Declared:
    """Return what was declared before ``changes``, oldest first.

    >>> undone(Declared(("six",)), [Change("Requires-Dist", "drop", "triton", None)]).requirements
    ('six', 'triton')
    """
    latest_first = tuple(reversed(tuple(changes)))
    fields = ((declared.requirements, REQUIRES), (declared.extras, EXTRA))
    requirements, extras = (
        _put_back(values, [each for each in latest_first if each.field == name]) for values, name in fields
    )
    pythons = [each.before or "" for each in latest_first if each.field == PYTHON]
    return Declared(requirements, extras, pythons[-1] if pythons else declared.requires_python)


def _put_back(values: Sequence[str], changes: Iterable[Change]) -> tuple[str, ...]:
    """Return what ``values`` were before ``changes``; each value is looked up, as a wheel can have thousands of both."""
    left: list[str | None] = list(values)
    places: dict[Hashable, list[int]] = {}
    for index, value in enumerate(values):
        places.setdefault(meaning(value), []).append(index)
    for change in changes:
        if change.after is not None and (indices := places.get(meaning(change.after))):
            left[indices.pop()] = None
        if change.before is not None:
            places.setdefault(meaning(change.before), []).append(len(left))
            left.append(change.before.strip())
    return tuple(each for each in left if each is not None)
