"""The wheels of one release as a page lists them, and whether they agree as well as they did where they came from."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from wheelfix.errors import FilenameError, MirrorError
from wheelfix.fix.release import Known, newly_differing
from wheelfix.mirror.examine import ExaminedWheel, provenance_of
from wheelfix.mirror.layout import METADATA, own_key
from wheelfix.mirror.pages import ListedFile
from wheelfix.mirror.storage.base import Store
from wheelfix.results import Change
from wheelfix.text import shown, shown_few
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.release import EXTRA, PYTHON, Declared, disagreements_of, release_of
from wheelfix.wheel.requirement import meaning
from wheelfix.wheel.sbom import Provenance
from wheelfix.wheel.wheel import Wheel

_NEXT_STEPS: Final = (
    "Fix all wheels of the release; or give the fixed ones a release of their own with `wheelfix edit --local NAME WHEEL`; "
    "or add them with --allow-mixed."
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
    declared = {file.filename: Declared.of(metadata_in(store, project, file, new)) for file in files}
    found = disagreements_of({Path(name): each.requirements for name, each in declared.items()})
    if not found and len({(*sorted(each.extras), each.requires_python) for each in declared.values()}) < 2:
        return ()
    title = f"{project} {files[0].version}"
    worse = newly_differing(
        [_known(declared[file.filename], file, provenance_in(store, project, file, new)) for file in files]
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


def metadata_in(
    store: Store, project: str, file: ListedFile, new: Mapping[str, ExaminedWheel] = MappingProxyType({})
) -> bytes:
    """Return the metadata file of a listed wheel; ``new`` are wheels that are to be added.

    :raises MirrorError: if it is missing.
    """
    if file.sha256 in new and (metadata := new[file.sha256].metadata) is not None:
        return metadata
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


def provenance_in(
    store: Store, project: str, file: ListedFile, new: Mapping[str, ExaminedWheel] = MappingProxyType({})
) -> Provenance | None:
    """Return what was changed in a listed wheel, ``None`` if it is as it came; ``new`` are wheels that are to be added.

    :raises MirrorError: if it is missing.
    :raises WheelError: if it cannot be read.
    """
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
