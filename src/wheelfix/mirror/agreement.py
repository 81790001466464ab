"""Whether the wheels of one release that a mirror is to list agree as well as they did where they came from.

Resolvers read one wheel and assume that it speaks for the whole release. Wheels that disagree as their authors published
them are theirs to fix; a mirror must not make it worse, by listing a corrected wheel beside one that is not.
"""

from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Final

from wheelfix.errors import FilenameError, MirrorError
from wheelfix.escaping import shown, shown_few
from wheelfix.fix.release import Known, newly_differing
from wheelfix.mirror.folder import Folder
from wheelfix.mirror.layout import SIDECAR
from wheelfix.mirror.model import ListedFile, Page
from wheelfix.outcome import Change
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.release import EXTRA, PYTHON, Declared, disagreements_of, release_of
from wheelfix.wheel.requirement import meaning
from wheelfix.wheel.sbom import TRACE, Trace, read_trace
from wheelfix.wheel.wheel import Wheel

_NEXT_STEPS: Final = (
    "Resolvers read one wheel and assume that it speaks for the whole release. Fix all of them, give the fixed ones a "
    "release of their own (`strip-gpu --local cpu`), yank what is listed and not fixed (`wheelfix mirror yank`), or add "
    "them anyway with --allow-mixed."
)


def compare_release(folder: Folder, page: Page, files: Sequence[ListedFile]) -> tuple[str, ...]:
    """Return notes on what ``files``, the wheels of one release on ``page``, disagree on as they came.

    :raises MirrorError: if they disagree more than their originals, or a file that says so is lost.
    :raises WheelFault: if a corrected wheel cannot be read.
    """
    declared = {file.filename: Declared.of(_metadata(folder, page, file)) for file in files}
    found = disagreements_of({Path(name): each.requirements for name, each in declared.items()})
    if not found and len({(*sorted(each.extras), each.requires_python) for each in declared.values()}) < 2:
        return ()
    title = f"{page.project} {files[0].version}"
    worse = newly_differing([_known(folder, page, file, declared[file.filename]) for file in files])
    if worse:
        fixed = [file.filename for file in files if file.origin]
        were = "was" if len(fixed) == 1 else "were"
        message = f"the wheels of {title} would no longer agree on {shown_few(worse)}: {shown_few(fixed)} {were} fixed"
        raise MirrorError("mixed-release", message, hint=_NEXT_STEPS)
    if not found:
        return ()
    texts = shown_few([each.requirement for each in found])
    missing = shown_few(sorted({path.name for each in found for path in each.missing}))
    return (f"The wheels of {title} disagree as they came: {texts}, not required by {missing}.",)


def _metadata(folder: Folder, page: Page, file: ListedFile) -> bytes:
    place = page.place(file)
    data = None if place is None else folder.read(place + SIDECAR)
    if data is None:
        raise MirrorError(
            "no-sidecar",
            f"the mirror has lost the metadata file of {shown(file.filename)}",
            hint="`wheelfix mirror check --fix` writes it again.",
        )
    return data


def _known(folder: Folder, page: Page, file: ListedFile, after: Declared) -> Known:
    trace = _trace(folder, page, file) if file.origin else None
    if trace is None:
        return Known(_release(file.filename), after, after)
    return Known(_release(trace.ancestors[-1].filename), undone(after, trace.changes), after)


def _release(filename: str) -> Hashable:
    try:
        return release_of(WheelFilename.parse(filename))
    except FilenameError:  # the provenance can name anything: a release that no other wheel is of
        return filename


def _trace(folder: Folder, page: Page, file: ListedFile) -> Trace | None:
    place = page.place(file)
    if place is None or folder.size(place) is None:
        raise MirrorError(
            "no-wheel",
            f"the mirror has lost {shown(file.filename)}, which says what was changed in it",
            hint="Add it again, or remove it with `wheelfix mirror remove`.",
        )
    with Wheel(folder.at(place)) as wheel:
        trace = read_trace(wheel.read(TRACE)) if wheel.member(TRACE) else None
    return trace if trace and trace.ancestors else None


def undone(declared: Declared, changes: Iterable[Change]) -> Declared:
    """Return what was declared before ``changes``, given from the oldest on, were made.

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
