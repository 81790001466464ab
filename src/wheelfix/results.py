"""What a run found or did, as plain data."""

import errno
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from wheelfix.errors import ResultError, WheelfixError
from wheelfix.locations import Location, Url


class Status(StrEnum):
    """How it went for one wheel."""

    FIXED = "fixed"
    """Fixed, or would be fixed where nothing was to be written."""
    UNCHANGED = "unchanged"
    """Nothing to fix; an output directory holds an identical copy."""
    REFUSED = "refused"
    """The wheel, or the place for the result, does not allow it."""
    FAILED = "failed"
    """The machine did not allow it: permissions, space, a file that changed while it was read."""


class Verdict(StrEnum):
    """Whether a wheel can do without a requirement of the GPU catalogue."""

    SAFE = "safe"
    """Proven: no installer ever acts on it, or the wheel is a build that does not use it."""
    UNSAFE = "unsafe"
    """The wheel's own binaries or constants say that it needs it."""
    UNPROVEN = "unproven"
    """There is no evidence either way."""


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """A tool of today refuses the wheel, or could install something else than what was meant."""
    WARNING = "warning"
    """Against a specification or good custom, and installed all the same."""
    NOTE = "note"
    """Worth knowing, and harmless: nothing needs to be done, and --strict does not mind."""


UNREADABLE: Final = "file-unreadable"
"""The code of a wheel that could not be read: of it nothing is known."""


class Finding(Struct, frozen=True):
    """What a check reports: of a wheel, a mirror or a rule file.

    ``code`` is stable, for scripts. ``place`` is where it is: a file, row or field of a wheel, a path or URL of a mirror, a
    rule; empty for the whole. ``fixable`` says whether wheelfix can fix it, some only if they are selected by name. It
    ``needs_trust`` where that takes the content of a file for right, which may be damaged, and ``needs_rebuild`` where the
    contents go into a new container. ``refused_by`` names the clients that refuse a wheel with it: pip, uv, installer, PyPI.
    ``consequence`` is a sentence on who is affected, ``hint`` one on what to do; both are empty where there is nothing to
    add. ``str()`` gives all but code, severity and consequence.
    """

    code: str
    severity: Severity
    place: str
    message: str
    fixable: bool = False
    needs_trust: bool = False
    needs_rebuild: bool = False
    refused_by: tuple[str, ...] = ()
    consequence: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        refused = f" (refused by {', '.join(self.refused_by)})" if self.refused_by else ""
        return f"{place}{self.message}{refused}" + (f". {self.hint}" if self.hint else "")


class CheckedWheel(Struct, frozen=True):
    """The findings of the wheel at ``source``, errors first; ``suppressed`` counts those left out.

    ``url`` is where it was downloaded from, ``None`` for a file; ``source`` is its file name then.
    """

    source: Path
    findings: tuple[Finding, ...] = ()
    suppressed: int = 0
    url: Url | None = None

    def count(self, severity: Severity) -> int:
        """Return how many findings of this severity there are."""
        return sum(each.severity is severity for each in self.findings)


class VerifyReport(Struct, frozen=True):
    """What ``verify`` found in the ``wheels`` of one run, in the order in which they were given."""

    wheels: tuple[CheckedWheel, ...]

    def count(self, severity: Severity) -> int:
        """Return how many findings of this severity there are in all wheels."""
        return sum(each.count(severity) for each in self.wheels)

    @property
    def suppressed(self) -> int:
        """How many findings were left out by ``select`` or ``ignore``."""
        return sum(each.suppressed for each in self.wheels)

    @property
    def complete(self) -> bool:
        """Whether every file could be read: of one that could not, nothing is known."""
        return not any(finding.code == UNREADABLE for each in self.wheels for finding in each.findings)

    def passes(self, *, strict: bool = False) -> bool:
        """Whether there is no error, and with ``strict`` no warning either; notes never count."""
        return not (self.count(Severity.ERROR) or (strict and self.count(Severity.WARNING)))


class Part(StrEnum):
    """In what part of a wheel something changes."""

    FIELD = "field"
    """A field of METADATA."""
    LINE_ENDS = "line-ends"
    """The line ends of METADATA."""
    BUILD_TAG = "build-tag"
    """The file name and the field Build of WHEEL."""
    NAME = "name"
    """The file name of the wheel, or the name of its dist-info or .data directory."""
    TAG = "tag"
    """The file name and the fields Tag of WHEEL."""
    WHEEL_FIELD = "wheel-field"
    """Another field of WHEEL."""
    FILE = "file"
    """A file of dist-info."""
    ENTRY_POINT = "entry-point"
    """An entry point."""
    PAYLOAD = "payload"
    """A file, or a directory, that is not in dist-info."""
    ROW = "row"
    """A row of RECORD."""
    ARCHIVE = "archive"
    """The container: the contents of all files stay."""


class ChangeAction(StrEnum):
    """What is done to a part of a wheel; the first ones are the actions of rules."""

    DROP = "drop"
    KEEP = "keep"
    REPLACE = "replace"
    RENAME = "rename"
    SET_SPECIFIER = "set-specifier"
    SET_MARKER = "set-marker"
    AND_MARKER = "and-marker"
    DROP_EXTRA = "drop-extra"
    SET_FIELD = "set-field"
    ADD_FIELD = "add-field"
    REMOVE_FIELD = "remove-field"
    COPY_FROM = "copy-from"
    FIX_LINE_ENDS = "fix-line-ends"
    SET_NAME = "set-name"
    SET_VERSION = "set-version"
    SET_BUILD_TAG = "set-build-tag"
    RENAME_WHEEL = "rename-wheel"
    RENAME_DIRECTORY = "rename-directory"
    SET_TAG = "set-tag"
    ADD_TAG = "add-tag"
    REMOVE_TAG = "remove-tag"
    SET_WHEEL_FIELD = "set-wheel-field"
    ADD_FILE = "add-file"
    REPLACE_FILE = "replace-file"
    REMOVE_FILE = "remove-file"
    ADD_ENTRY_POINT = "add-entry-point"
    REMOVE_ENTRY_POINT = "remove-entry-point"
    REMOVE_PAYLOAD_FILE = "remove-payload-file"
    SET_ROW = "set-row"
    ADD_ROW = "add-row"
    REMOVE_ROW = "remove-row"
    REBUILD_ARCHIVE = "rebuild-archive"


_PARTS: Final[Mapping[str, Part]] = {
    ChangeAction.FIX_LINE_ENDS: Part.LINE_ENDS,
    ChangeAction.REBUILD_ARCHIVE: Part.ARCHIVE,
    ChangeAction.SET_BUILD_TAG: Part.BUILD_TAG,
    **dict.fromkeys((ChangeAction.RENAME_WHEEL, ChangeAction.RENAME_DIRECTORY), Part.NAME),
    **dict.fromkeys((ChangeAction.SET_TAG, ChangeAction.ADD_TAG, ChangeAction.REMOVE_TAG), Part.TAG),
    ChangeAction.SET_WHEEL_FIELD: Part.WHEEL_FIELD,
    **dict.fromkeys((ChangeAction.ADD_FILE, ChangeAction.REPLACE_FILE, ChangeAction.REMOVE_FILE), Part.FILE),
    **dict.fromkeys((ChangeAction.ADD_ENTRY_POINT, ChangeAction.REMOVE_ENTRY_POINT), Part.ENTRY_POINT),
    ChangeAction.REMOVE_PAYLOAD_FILE: Part.PAYLOAD,
    **dict.fromkeys((ChangeAction.SET_ROW, ChangeAction.ADD_ROW, ChangeAction.REMOVE_ROW), Part.ROW),
}
"""The part that an action changes, where that is no field of METADATA."""


class Change(Struct, frozen=True):
    """One change to a wheel, or one thing that a rule kept as it is.

    ``field`` is the METADATA field, the dist-info file, the entry point with its group, or with ``remove-payload-file``
    another file by its path from the top; ``action`` is a plain text only where another version of wheelfix wrote it into
    a wheel's provenance. ``before`` and ``after`` are the values, ``None`` where there is none. ``rule`` is the id of the
    rule that decided and ``reason`` that rule's sentence, or the edit's. ``verdict`` says whether the wheel
    can do without the requirement and ``evidence`` why; both are ``None`` where none was weighed, as for everything that is
    not in the GPU catalogue. ``suggestion`` is a rule, as TOML, that would change a requirement which looks like GPU and is
    kept; ``None`` for all others.
    """

    field: str
    action: ChangeAction | str
    before: str | None
    after: str | None
    rule: str | None = None
    verdict: Verdict | None = None
    reason: str | None = None
    evidence: str | None = None
    suggestion: str | None = None

    @property
    def part(self) -> Part:
        """The part of the wheel that changes.

        >>> Change("RECORD", ChangeAction.ADD_ROW, None, "demo/a.py,,").part
        <Part.ROW: 'row'>
        """
        return _PARTS.get(self.action, Part.FIELD)

    @property
    def continues(self) -> bool:
        """Whether it is one more line of what the change before it in the list replaces: one requirement became several."""
        return self.action == ChangeAction.REPLACE and self.before is None


class Problem(Struct, frozen=True):
    """Why a wheel was refused or failed: ``code`` for scripts; ``message``, ``reason`` and ``hint`` for people.

    ``message`` is a clause without a full stop, and so is ``reason``, ``None`` where there is no more to say of the cause;
    ``hint`` is a sentence.
    """

    code: str
    message: str
    hint: str
    reason: str | None = None

    @classmethod
    def of(cls, error: WheelfixError) -> "Problem":
        """Return what ``error`` says, as data."""
        return cls(error.code, error.message, error.hint, error.reason)


class Outcome(Struct, frozen=True):
    """What happened to one wheel.

    ``source`` is the path as it was given; ``output`` the path that now holds the result, ``None`` where nothing was
    written. The sha256 sums are lower-case hexadecimal, ``None`` where they were not computed. ``metadata_diff`` is the
    unified diff of METADATA, and of RECORD where a repair changed its rows, empty where neither changes; patch(1) applies
    it, a terminal needs it escaped. ``notes`` are sentences that a person should read. ``applied_rules`` are the ids of the
    rules that applied, whether or not something was left to change. ``findings`` are those that remain after a repair.
    ``shared`` is how many bytes of the result lie on the same disk blocks as the original (XFS and btrfs can do that).
    ``url`` is where a wheel was downloaded from, ``None`` for a file; ``source`` is its file name then.
    """

    source: Path
    status: Status
    output: Path | None = None
    project: str | None = None
    version: str | None = None
    changes: tuple[Change, ...] = ()
    kept: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    source_sha256: str | None = None
    output_sha256: str | None = None
    metadata_diff: str = ""
    applied_rules: tuple[str, ...] = ()
    problem: Problem | None = None
    findings: tuple[Finding, ...] = ()
    shared: int = 0
    url: Url | None = None


class Disagreement(Struct, frozen=True):
    """A requirement that wheels of one release did not share before the run: ``present`` in some, ``missing`` from others.

    Resolvers read one wheel and assume that it speaks for the whole release. ``resolved`` says that the wheels agree on it
    after the run, or would where nothing was to be written.
    """

    project: str
    version: str
    requirement: str
    present: tuple[Location, ...]
    missing: tuple[Location, ...]
    resolved: bool = False


class AppliedRule(Struct, frozen=True):
    """A rule that applied to a wheel of a run.

    ``origin`` is where it comes from: a file, a built-in set, an installed rule pack with its version. ``until`` is the day
    from which on a warning says that it has expired (ISO 8601), ``None`` where there is none.
    """

    id: str
    reason: str
    origin: str
    url: str | None = None
    until: str | None = None


class KnownFile(Struct, frozen=True):
    """A file that a dropped requirement would install, as far as the run saw one: its name, and its ``size`` in bytes."""

    filename: str
    size: int


class Report(Struct, frozen=True):
    """The outcomes of one run, in the order in which the wheels were given, and what concerns more than one wheel.

    ``rule_findings`` are of the rules; ``disagreements`` of wheels of one release, as they came. ``rules`` are those that
    applied, in their order. ``as_rules`` is what was asked for as rules in TOML, to be pasted into a rule file; empty where
    it came from one. ``known_files`` are those of projects whose requirements were dropped: wheels that were given, or that
    the mirror lists.
    """

    command: str
    outcomes: tuple[Outcome, ...] = field(default=())
    rule_findings: tuple[Finding, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    rules: tuple[AppliedRule, ...] = ()
    as_rules: str = ""
    known_files: tuple[KnownFile, ...] = ()

    def count(self, status: Status) -> int:
        """Return how many wheels ended with ``status``."""
        return sum(outcome.status is status for outcome in self.outcomes)

    @property
    def ok(self) -> bool:
        """Whether no wheel was refused or failed."""
        return not any(outcome.problem for outcome in self.outcomes)


_SYSTEM_HINTS: Final = {
    errno.EACCES: "Check the permissions of the file and of its directory.",
    errno.EPERM: "Check the permissions of the file and of its directory.",
    errno.EROFS: "The file system is read-only; choose another output directory.",
    errno.ENOENT: "Check the path.",
    errno.ENOSPC: "The disk is full; free space or choose another output directory.",
    errno.EDQUOT: "The quota is used up; free space or choose another output directory.",
    errno.EMFILE: "Allow more open files with `ulimit -n`, or run with fewer jobs.",
    errno.ENFILE: "The system has no more open files to give; run with fewer jobs.",
    errno.EEXIST: "A file has the name of the output directory; choose another.",
    errno.ENOTDIR: "A part of the path is a file, not a directory.",
    errno.ELOOP: "The symbolic link leads to itself.",
    errno.ENAMETOOLONG: "Use shorter names, or a directory that is less deeply nested.",
    errno.EFBIG: "Allow larger files with `ulimit -f`, or choose another file system.",
}


WORKER_DIED: Final = Problem(
    "worker-died",
    "a worker process ended without a result",
    "It may have been killed for lack of memory: run again with fewer jobs. A script with more than one job needs "
    'the guard if __name__ == "__main__".',
)


def no_result(path: Path, error: BaseException) -> Outcome:
    """Return the outcome for a wheel of which an executor gave no outcome, but ``error``."""
    from concurrent.futures import BrokenExecutor  # imported late: one wheel needs no executor

    if isinstance(error, BrokenExecutor):
        return Outcome(path, Status.FAILED, problem=WORKER_DIED)
    if isinstance(error, WheelfixError | OSError):
        return failure(path, error)
    text = f": {error}" if str(error) else ""
    problem = Problem(
        "no-result",
        f"the executor gave no result: {type(error).__name__}{text}",
        "Nothing is known of this wheel. Run it again, without the executor if it persists.",
    )
    return Outcome(path, Status.FAILED, problem=problem)


def failure(path: Path, error: Exception) -> Outcome:
    """Return the outcome for a wheel that ``error`` stopped."""
    match error:
        case WheelfixError():
            status = Status.FAILED if isinstance(error, ResultError) else Status.REFUSED
            return Outcome(path, status, problem=Problem.of(error))
        case OSError():
            return Outcome(path, Status.FAILED, problem=_system_problem(path, error))
        case _:
            return Outcome(path, Status.FAILED, problem=_own_problem(error))


def _own_problem(error: Exception) -> Problem:
    """Return what to say of an error that nobody foresaw: its text and the place where it arose."""
    import traceback  # imported late: it is for errors that nobody foresaw

    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return Problem(
        "internal-error",
        f"{type(error).__name__}: {error}{place}",
        "This is a bug in wheelfix; please report it, with the wheel if you can.",
    )


def _system_problem(path: Path, error: OSError) -> Problem:
    name = errno.errorcode.get(error.errno or 0, "os-error").lower()
    where = f": {error.filename}" if error.filename and os.fspath(error.filename) != os.fspath(path) else ""
    hint = _SYSTEM_HINTS.get(error.errno or 0, "The operating system refused it.")
    return Problem(name, f"{error.strerror or error}{where}", hint)


class PublishStatus(StrEnum):
    """What became of one file."""

    ADDED = "added"
    REPLACED = "replaced"
    """Added in place of one of the same name, which is kept for old locks and is no longer listed."""
    UNCHANGED = "unchanged"
    """It was there already, with the same bytes."""
    YANKED = "yanked"
    UNYANKED = "unyanked"
    REMOVED = "removed"
    REFUSED = "refused"
    """The wheel, or what the mirror has, does not allow it."""
    FAILED = "failed"
    """The machine did not allow it."""


class Published(Struct, frozen=True):
    """What became of one file: ``source`` is the wheel as it was given, ``None`` for a file that was in the mirror.

    ``url`` is where a wheel was downloaded from that was given by it, or chosen from an index; ``source`` is its name then.
    ``path`` is relative to the mirror, with slashes; ``sha256`` is lower-case hexadecimal. ``problem`` is
    why it was refused or failed; with any other status that is what happened, and the problem is what could not be done
    afterwards, such as writing the HTML page.
    """

    source: Path | None
    status: PublishStatus
    project: str | None = None
    filename: str | None = None
    path: str | None = None
    sha256: str | None = None
    notes: tuple[str, ...] = ()
    problem: Problem | None = None
    url: Url | None = None

    @property
    def is_listed(self) -> bool:
        """Whether the mirror lists the file now."""
        return self.path is not None and self.status not in (
            PublishStatus.REMOVED,
            PublishStatus.REFUSED,
            PublishStatus.FAILED,
        )


class PublishReport(Struct, frozen=True):
    """What one run did to a mirror: wheels in the order in which they were given, then files that were in the mirror."""

    command: str
    mirror: Location
    files: tuple[Published, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no file was refused or failed, and every page could be written."""
        return not any(each.problem for each in self.files)

    def count(self, status: PublishStatus) -> int:
        """Return how many files ended with ``status``."""
        return sum(each.status is status for each in self.files)


class Traffic(Struct, frozen=True):
    """The HTTP traffic of a run: how many ``requests``, and how many bytes of bodies were ``received``, compressed as sent.

    ``unchanged`` counts the answers that were 304 Not Modified.
    """

    requests: int = 0
    received: int = 0
    unchanged: int = 0
