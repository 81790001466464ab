"""What became of the files of a job, as it is noted in the store: who lists them reads no wheel again.

A note is JSON, below ``private/results/``. It can be damaged, of another version or made up: then it counts as none, and its
job is done again.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final

from msgspec import DecodeError, Meta, Struct
from msgspec.json import Decoder, encode
from msgspec.structs import asdict

from wheelfix.errors import FilenameError, MirrorError, WheelfixError
from wheelfix.mirror.examine import ExaminedWheel
from wheelfix.mirror.json import FileAsWritten, file_as_written, read_file
from wheelfix.mirror.layout import RESULTS, attributes_of, file_key, key_of
from wheelfix.mirror.storage.base import NewFile, Store
from wheelfix.results import Change, ChangeAction, Outcome, Problem, Published, PublishStatus, Status, Verdict
from wheelfix.wheel.sbom import Ancestor, Provenance
from wheelfix.wheel.sdist_filename import project_of_file

_LARGEST: Final = 1 << 26
"""In bytes: more than any release needs, whose files have a METADATA each."""
_SUFFIX: Final = ".json"
_VERSION: Final = 1
_Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class FileResult(Struct, frozen=True, kw_only=True):
    """What became of one file of a job, which its index calls ``filename``; ``sha256`` is that of the index.

    ``outcome`` says how it was fixed, ``None`` if it never came so far. It is in the store as ``entry`` says, or that is
    ``None`` and it was ``stopped`` for a reason.
    """

    filename: str
    sha256: str
    outcome: Outcome | None = None
    entry: ExaminedWheel | None = None
    stopped: Published | None = None

    @property
    def is_open(self) -> bool:
        """Whether another run may do better: the network, the disk or a worker failed, and not the file."""
        return self.stopped is not None and self.stopped.status is PublishStatus.FAILED


class JobResult(Struct, frozen=True):
    """What became of the ``files`` of the job with this ``digest``."""

    digest: str
    files: tuple[FileResult, ...]

    @property
    def is_final(self) -> bool:
        """Whether nothing is to be gained by doing the job again."""
        return not any(each.is_open for each in self.files)


def result_key(project: str, digest: str) -> str:
    """Return the key of the result of a job."""
    return f"{RESULTS}/{project}/{digest}{_SUFFIX}"


class _Change(Struct, frozen=True, omit_defaults=True):
    field: str
    action: str
    before: str | None = None
    after: str | None = None
    rule: str | None = None
    verdict: Verdict | None = None
    reason: str | None = None
    evidence: str | None = None
    suggestion: str | None = None


class _Outcome(Struct, frozen=True, omit_defaults=True):
    status: Status
    project: str | None = None
    version: str | None = None
    changes: tuple[_Change, ...] = ()
    kept: tuple[_Change, ...] = ()
    notes: tuple[str, ...] = ()
    source_sha256: str | None = None
    output_sha256: str | None = None
    applied_rules: tuple[str, ...] = ()
    problem: Problem | None = None
    shared: int = 0


class _Provenance(Struct, frozen=True, omit_defaults=True):
    tool: str
    ancestors: tuple[Ancestor, ...]
    changes: tuple[_Change, ...]
    rules_digest: str | None = None
    rule_packs: tuple[str, ...] = ()


class _Entry(Struct, frozen=True, omit_defaults=True):
    """A file in the store: what its page is to say of it, its metadata file, and what was changed in it."""

    project: str
    listed: FileAsWritten
    metadata: bytes | None = None
    provenance: _Provenance | None = None


class _Stopped(Struct, frozen=True):
    status: PublishStatus
    problem: Problem


class _File(Struct, frozen=True, omit_defaults=True):
    filename: str
    sha256: _Sha256
    outcome: _Outcome | None = None
    entry: _Entry | None = None
    stopped: _Stopped | None = None


class _Note(Struct, frozen=True):
    version: int
    digest: _Sha256
    files: tuple[_File, ...]


_NOTES: Final = Decoder(_Note)
"""Made at import, before there are threads: msgspec 0.22 crashes where two of them prepare it at once."""


def save_results(store: Store, results: Iterable[tuple[str, JobResult]]) -> dict[str, WheelfixError | OSError]:
    """Note results of jobs, each with its project; return why one could not be noted, by the digest of its job.

    All that a result says is in the store must be there, and safe.
    """
    keys: dict[str, str] = {}

    def notes() -> Iterator[NewFile]:
        for project, result in results:
            key = result_key(project, result.digest)
            keys[key] = result.digest
            note = _Note(_VERSION, result.digest, tuple(map(_file_note, result.files)))
            yield NewFile(key, encode(note), attributes_of(key), replace=True)

    return {keys[key]: error for key, error in store.put_new(notes()).items()}


def load_result(store: Store, project: str, digest: str) -> JobResult | None:
    """Return the result of a job, ``None`` where none is noted.

    :raises WheelfixError, OSError: if the store does not give it.
    """
    key = result_key(project, digest)
    head = store.head(key)
    if head is None or head.size > _LARGEST:
        return None
    stored = store.read(key)
    return None if stored is None else _read(stored.data, digest)


def noted_results(store: Store) -> frozenset[tuple[str, str]]:
    """Return the projects and digests of all jobs on which there is a note."""
    keys = (key.removeprefix(f"{RESULTS}/").partition("/") for key in store.keys(RESULTS))
    return frozenset((project, name.removesuffix(_SUFFIX)) for project, _, name in keys)


def drop_result(store: Store, project: str, digest: str) -> None:
    """Delete the note on a job: the pages say all of it."""
    store.delete(result_key(project, digest))


def _file_note(file: FileResult) -> _File:
    outcome, entry, stopped = file.outcome, file.entry, file.stopped
    return _File(
        file.filename,
        file.sha256,
        None if outcome is None else _outcome_note(outcome),
        None if entry is None else _entry_note(entry),
        None if stopped is None or stopped.problem is None else _Stopped(stopped.status, stopped.problem),
    )


def _outcome_note(outcome: Outcome) -> _Outcome:
    known = {name: getattr(outcome, name) for name in _Outcome.__struct_fields__}
    changes, kept = (tuple(map(_change_note, each)) for each in (outcome.changes, outcome.kept))
    return _Outcome(**{**known, "changes": changes, "kept": kept})


def _change_note(change: Change) -> _Change:
    return _Change(**{**asdict(change), "action": str(change.action)})


def _entry_note(wheel: ExaminedWheel) -> _Entry:
    made = wheel.provenance
    provenance = None if made is None else _provenance_note(made)
    return _Entry(wheel.project, file_as_written(wheel.file), wheel.metadata, provenance)


def _provenance_note(made: Provenance) -> _Provenance:
    changes = tuple(map(_change_note, made.changes))
    return _Provenance(made.tool, made.ancestors, changes, made.rules_digest, made.rule_packs)


def _read(data: bytes, digest: str) -> JobResult | None:
    """Return the result in ``data``, ``None`` if it is none of the job with this digest."""
    try:
        note = _NOTES.decode(data)
        if (note.version, note.digest) != (_VERSION, digest):
            return None
        return JobResult(digest, tuple(map(_file, note.files)))
    except (DecodeError, FilenameError, MirrorError, ValueError, RecursionError):
        return None


def _file(note: _File) -> FileResult:
    """Return what ``note`` says of a file.

    :raises ValueError: if it is neither in the store nor stopped, or both.
    """
    if (note.entry is None) is (note.stopped is None):
        raise ValueError("a file is in the store, or is not")
    outcome, stopped = note.outcome, note.stopped
    return FileResult(
        filename=note.filename,
        sha256=note.sha256,
        outcome=None if outcome is None else _outcome(note.filename, outcome),
        entry=None if note.entry is None else _entry(note.entry),
        stopped=None if stopped is None else _stopped(note.filename, stopped),
    )


def _outcome(filename: str, note: _Outcome) -> Outcome:
    known = {name: getattr(note, name) for name in _Outcome.__struct_fields__}
    changes, kept = (tuple(map(_change, each)) for each in (note.changes, note.kept))
    return Outcome(Path(filename), **{**known, "changes": changes, "kept": kept})


def _change(note: _Change) -> Change:
    action = ChangeAction(note.action) if note.action in _ACTIONS else note.action
    return Change(**{**asdict(note), "action": action})


_ACTIONS: Final = frozenset(map(str, ChangeAction))


def _stopped(filename: str, note: _Stopped) -> Published:
    done = Published(Path(filename), note.status, filename=filename, problem=note.problem)
    if done.status not in (PublishStatus.REFUSED, PublishStatus.FAILED):
        raise ValueError("what is not in the store was refused, or failed")
    return done


def _entry(note: _Entry) -> ExaminedWheel:
    """Return the wheel that ``note`` is about, if it is one of its project, and its URL that of its content.

    :raises ValueError: if it is not: a note must not lead to files of another project.
    """
    listed, made = read_file(note.listed), note.provenance
    key = file_key(note.project, listed.filename, listed.sha256)
    if project_of_file(listed.filename, note.project) != note.project or key_of(listed.url) != key:
        raise ValueError("it is a file of another project")
    metadata_sha256 = None if note.metadata is None else hashlib.sha256(note.metadata).hexdigest()
    if metadata_sha256 != listed.metadata_sha256 or listed.is_wheel is (note.metadata is None):
        raise ValueError("it is another metadata file")
    provenance = None if made is None else _provenance(made)
    return ExaminedWheel(Path(key), note.project, listed, note.metadata, provenance, is_stored=True)


def _provenance(note: _Provenance) -> Provenance:
    changes = tuple(map(_change, note.changes))
    return Provenance(note.tool, note.ancestors, changes, note.rules_digest, note.rule_packs)
