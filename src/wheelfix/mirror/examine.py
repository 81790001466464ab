"""Reads and verifies a wheel before it is added, and makes its entry for the page of its project."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.codes import Client, Fix
from wheelfix.errors import MirrorError
from wheelfix.mirror.layout import file_key, url_of
from wheelfix.mirror.pages import Correction, ListedChange, ListedFile, Origin
from wheelfix.results import Change, Finding, Outcome, Severity, Status
from wheelfix.text import as_utf8
from wheelfix.verify.registry import BY_FIX, CHECKS
from wheelfix.verify.run import examine as verify
from wheelfix.wheel.sbom import Provenance
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip.output import RunningDigest
from wheelfix.wheel.zip.source import Readable, Source, sha256_of

_LARGE: Final = 1 << 22
"""In bytes."""
_AT_UPLOAD: Final = (str(Client.PYPI),)
"""Who refuses an upload, and nothing else."""
_NEVER: Final = frozenset({"entry-points-unsafe-name"})
"""What a mirror refuses even so: a script called ``bin\\tool`` or ``C:tool`` is no path on Linux, and one on Windows."""
_PASSED_OVER: Final = frozenset({"filename-tag-digit"})
"""What a mirror accepts although clients refuse it: uv and new versions of pip pass over the file, old ones of pip install
it."""
_REPAIRS: Final = {
    Fix.YES: BY_FIX[Fix.YES],
    Fix.TRUSTED: BY_FIX[Fix.TRUSTED],
    Fix.REBUILT: BY_FIX[Fix.REBUILT],
    Fix.RENAMED: "Run `wheelfix repair --rename-dist-info`.",
}
"""What to do about errors that `wheelfix repair` can fix."""
_MOST_CHANGES: Final = 200
_LONGEST: Final = 500


class ExaminedWheel(Struct, frozen=True):
    """A wheel that was read and verified: its ``metadata`` is the metadata file, ``file`` its entry on the page.

    It can also be a source distribution (:mod:`wheelfix.mirror.sdist`), which has no metadata file: ``None``.
    ``provenance`` is ``None`` for an original. ``errors`` are the codes of its errors. One that ``is_stored`` was put into
    the store by a job, with its metadata file: there may be no local file at ``path``.
    """

    path: Path
    project: str
    file: ListedFile
    metadata: bytes | None
    provenance: Provenance | None = None
    errors: tuple[str, ...] = ()
    is_stored: bool = False


def examine(
    path: Path, source: Readable, *, sha256: str | None, now: Callable[[], datetime], leniently: bool = False
) -> ExaminedWheel:
    """Verify the wheel at ``path``, open as ``source``, and return what is to be listed.

    ``sha256`` is that of the file where it is known. What PyPI alone refuses is no error here: clients install it; nor is
    what new ones pass over and old ones install.
    A wheel that is examined ``leniently`` may have errors, which are in ``errors`` then.

    :raises MirrorError: if it has an error, as ``wheelfix verify`` reports it.
    :raises WheelError: if it cannot be read.
    :raises SourceChanged: if somebody writes to it meanwhile.
    """
    is_large = sha256 is None and source.size > _LARGE  # worth a thread of its own
    with RunningDigest(source) if is_large and isinstance(source, Source) else nullcontext() as digest:
        found = [each.finding for each in verify(path, source=source).of_all().found]
        errors = [each for each in found if each.severity is Severity.ERROR and not _is_accepted(each)]
        if errors and not leniently:
            raise _invalid(errors)
        with Wheel(path, source=source) as wheel:
            metadata = wheel.read("METADATA")
            known = sha256 or (digest.hexdigest() if digest else sha256_of(source))
            provenance = provenance_of(wheel)
            listed = _listed(wheel, metadata, known, upload_time(now()), provenance)
    source.check_unchanged()
    codes = tuple(each.code for each in errors)
    return ExaminedWheel(path, wheel.filename.project, listed, metadata, provenance, codes)


def fixed_here(wheel: ExaminedWheel, outcome: Outcome | None) -> ExaminedWheel:
    """Return ``wheel``, marked as fixed here if ``outcome``, of this run, accounts for all that its provenance says.

    A wheel that had a provenance before keeps what that said: nobody here knows whether it is true.
    """
    provenance, origin = wheel.provenance, wheel.file.origin
    if outcome is None or outcome.status is not Status.FIXED or provenance is None or origin is None:
        return wheel
    if len(provenance.ancestors) > 1 or len(provenance.changes) != len(outcome.changes):
        return wheel
    return replace(wheel, file=replace(wheel.file, origin=replace(origin, fixed_here=True)))


def _is_accepted(finding: Finding) -> bool:
    """Whether a mirror accepts a wheel with this error: no client refuses it, or those that do pass over it."""
    return finding.code in _PASSED_OVER or (finding.refused_by == _AT_UPLOAD and finding.code not in _NEVER)


def _invalid(errors: Sequence[Finding]) -> MirrorError:
    first, more = next((each for each in errors if not each.fixable), errors[0]), len(errors) - 1
    place = f"{first.place}: " if first.place else ""
    return MirrorError(
        "invalid-wheel",
        f"`wheelfix verify` finds {'an error' if not more else f'{len(errors)} errors'}",
        reason=f"{first.code}: {place}{first.message}{f' ({more} more)' if more else ''}",
        hint=_next_step(first, errors),
    )


def _next_step(first: Finding, errors: Sequence[Finding]) -> str:
    """Return what helps: what `wheelfix repair` needs to be told, or what to do about the ``first``, if it leaves that."""
    if not first.fixable:
        return _without_repair(first.code)
    ways = dict.fromkeys(filter(None, map(_way, errors)))
    if len(ways) > 1:
        options = " ".join(str(each).removeprefix("with ") for each in ways)
        return f"`wheelfix repair {options}` may fix it. `wheelfix repair --help` says what these options trust."
    return _REPAIRS[next(iter(ways), Fix.YES)]


def _way(finding: Finding) -> Fix | None:
    """Return by which option `wheelfix repair` fixes a finding that is fixable, ``None`` if by none."""
    fix = Fix.TRUSTED if finding.needs_trust else Fix.REBUILT if finding.needs_rebuild else CHECKS[finding.code].fix
    return fix if fix in _REPAIRS and fix is not Fix.YES else None


def _without_repair(code: str) -> str:
    """Return what to do about a finding with this code that `wheelfix repair` cannot fix, whatever it fixes of the code."""
    remedy, fix = CHECKS[code].remedy, CHECKS[code].fix
    if fix is Fix.RENAMED and remedy == BY_FIX[fix]:
        return "Make the file name, dist-info and METADATA agree with `wheelfix edit --name NAME --version VERSION`."
    return BY_FIX[Fix.NO] if remedy == BY_FIX[fix] or remedy.startswith("Run `wheelfix repair") else remedy


def _listed(wheel: Wheel, metadata: bytes, sha256: str, time: str, provenance: Provenance | None) -> ListedFile:
    filename = str(wheel.filename)
    requires_python = wheel.document.first("Requires-Python")
    return ListedFile(
        filename=filename,
        url=url_of(file_key(wheel.filename.project, filename, sha256)),
        sha256=sha256,
        size=wheel.source.size,
        upload_time=time,
        added=time,
        requires_python=as_utf8(requires_python) if requires_python else None,
        metadata_sha256=hashlib.sha256(metadata).hexdigest(),
        origin=_origin(provenance) if provenance else None,
    )


def upload_time(moment: datetime) -> str:
    """Return ``moment`` in the form of PEP 700; one without a time zone counts as UTC, which that requires.

    :raises OverflowError: if no year of four digits is left of it in UTC.
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def provenance_of(wheel: Wheel) -> Provenance | None:
    """Return the provenance of a wheel, ``None`` for an original."""
    provenance = wheel.provenance
    return provenance if provenance and provenance.ancestors else None


def _origin(provenance: Provenance) -> Origin:
    first = provenance.ancestors[-1]
    listed = provenance.changes[:_MOST_CHANGES]
    more = len(provenance.changes) - len(listed)
    return Origin(first.filename, first.sha256, provenance.tool, provenance.rules_digest, _corrections(listed), more)


def _corrections(changes: Iterable[Change]) -> tuple[Correction, ...]:
    """Return the changes by what decided them, in the order in which that comes first."""
    found: dict[Correction, list[ListedChange]] = {}
    for change in changes:
        why = Correction(_cut(change.rule), _cut(change.reason), change.verdict, _cut(change.evidence))
        found.setdefault(why, []).append(_listed_change(change))
    return tuple(replace(why, changes=tuple(listed)) for why, listed in found.items())


def _listed_change(change: Change) -> ListedChange:
    return ListedChange(
        as_utf8(str(change.action)), as_utf8(change.field[:_LONGEST]), _cut(change.before), _cut(change.after)
    )


def _cut(text: str | None) -> str | None:
    """Return ``text`` of a wheel as a page has it."""
    return text if text is None else as_utf8(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


def change_sentence(change: Change) -> str:
    """Return ``change`` in one line, as pages have it.

    >>> change_sentence(Change("Requires-Dist", "drop", "triton", None))
    'drop Requires-Dist: triton'
    """
    return _listed_change(change).sentence
