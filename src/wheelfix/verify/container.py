"""Which findings go away if the archive is rebuilt, and whether RECORD confirms all its contents.

The archive says itself whether all readers read it alike (see :mod:`~wheelfix.wheel.zip.rebuild`). The rest is seen in the
rebuilt one: RECORD must have a matching hash for every file, and no error of the archive may be left.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.codes import Fix
from wheelfix.errors import ArchiveError, SourceChanged
from wheelfix.results import Severity
from wheelfix.verify.archive import check_entries
from wheelfix.verify.registry import CHECKS
from wheelfix.verify.subject import RawFinding, RebuildArchive, Subject
from wheelfix.wheel.zip.source import Readable

if TYPE_CHECKING:
    from wheelfix.verify.hashing import Sums
    from wheelfix.wheel.zip.rebuild import Rebuilt

_IN_DOUBT: Final = frozenset(
    {
        "record-unclosed-quote", "record-too-many-rows", "record-bad-row", "record-byte-order-mark", "record-unquoted-path",
        "record-missing-row", "record-wrong-hash", "record-wrong-size", "record-no-hash", "record-weak-hash",
        "record-unknown-hash", "record-contradicting-rows", "record-not-utf8",
        "dist-info-missing", "dist-info-several", "dist-info-no-record",
        "file-unreadable",
    }
)  # fmt: skip
"""What leaves a file without a strong hash that matches, or RECORD with rows that readers read differently."""

_NOT_OF_CONTAINER: Final = frozenset({"archive-compression-ratio"})
"""Errors of the archive that a new container neither has to answer for nor changes."""


class Rebuildable(Struct, frozen=True):
    """A wheel in a new container, ``view``, and the findings that go away with the old one, ``fixed``.

    ``doubt`` is why its contents are in doubt all the same, or its container not clean; ``None`` without such a reason.
    ``sums`` are those of its entries.
    """

    view: "Rebuilt"
    fixed: Sequence[RawFinding]
    doubt: RawFinding | None
    sums: "Mapping[str, Sums]"


def of_container(found: Iterable[RawFinding]) -> list[RawFinding]:
    """Return the findings that may be of the container, so that they go away if the archive is rebuilt."""
    return [each for each in found if CHECKS[each.code].fix is Fix.REBUILT]


def check_container(path: Path, source: Readable) -> list[RawFinding]:
    """Return the findings that may be of the container of the wheel at ``path``; contents are not read."""
    with Subject(path, source=source) as subject:
        return of_container([*subject.found, *check_entries(subject)])


_Examine = Callable[[Path, Readable, "Mapping[str, Sums]"], "tuple[list[RawFinding], Mapping[str, Sums]]"]


def rebuildable(
    path: Path, source: Readable, found: Sequence[RawFinding], known: "Mapping[str, Sums]", examine: _Examine
) -> Rebuildable | None:
    """Return what becomes of the wheel at ``path`` in a new container, ``None`` if none of ``found`` goes away.

    ``known`` are sums of entries that need not be read again, ``examine`` returns all findings in a wheel and its sums.

    :raises ArchiveError: if two readers could read different contents.
    """
    from wheelfix.wheel.zip.rebuild import Rebuilt  # imported late: hardly a wheel needs it

    view = Rebuilt(source)
    after, sums = examine(path, view, {name.replace("\\", "/"): each for name, each in known.items()})
    left = Counter((each.code, each.place) for each in after)
    fixed = [each for each in found if (each.code, each.place) not in left]
    doubt = next((each for each in after if _is_doubt(each)), None)
    return Rebuildable(view, fixed, doubt, sums) if fixed else None


def _is_doubt(found: RawFinding) -> bool:
    is_error = CHECKS[found.code].severity is Severity.ERROR
    of_archive = found.code.startswith("archive-") and found.code not in _NOT_OF_CONTAINER
    return found.code in _IN_DOUBT or (is_error and of_archive)


def marked(
    path: Path, source: Readable, found: Sequence[RawFinding], known: "Mapping[str, Sums]", examine: _Examine
) -> list[RawFinding]:
    """Return ``found``; what goes away if the archive is rebuilt, and may be rebuilt, says so."""
    candidates = of_container(found)
    if not candidates:
        return [*found]
    try:
        rebuilt = rebuildable(path, source, candidates, known, examine)
    except (ArchiveError, SourceChanged, OSError):  # it stays as it is; the findings say what is wrong with it
        return [*found]
    if rebuilt is None or rebuilt.doubt:
        return [*found]
    fixed = {*rebuilt.fixed}
    return [replace(each, fixes=(RebuildArchive(),)) if each in fixed else each for each in found]
