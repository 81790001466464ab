"""Every error that wheelfix raises on purpose.

The tree, by what is wrong::

    WheelfixError
    ├── WheelError           the wheel cannot be fixed as it is
    │   ├── FilenameError        its file name
    │   ├── ArchiveError         the ZIP archive
    │   ├── StructureError       dist-info: directories and files that must be there
    │   ├── MetadataError        METADATA
    │   └── RecordError          RECORD
    ├── NeedError            the wheel needs what would be dropped, or may need it, or may be damaged
    ├── RegressionError      the fixed wheel would have an error that the original has not
    ├── RulesError           a rule file
    ├── ManifestError        the manifest of a mirror
    ├── LockError            a lock file
    ├── EditError            an edit is not possible
    │   └── CopySourceError      the wheels of the release do not say what is to be copied
    ├── OutputError          the result cannot be written where it should be
    ├── MirrorError          the mirror cannot do what it is given to do
    │   ├── ChangedMeanwhile     another writer was faster
    │   └── PlaceError           something else is where a file or directory of it belongs
    └── ResultError          the run went wrong; nothing was published
        ├── SourceChanged        the wheel changed while it was read
        └── VerificationError    what was written is not what was planned

Each carries a stable ``code`` for scripts, a ``message`` that says what is wrong and where, and a ``hint`` that says what to
do. Errors of the operating system (no permission, disk full) remain :class:`OSError`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from wheelfix.results import Finding


class WheelfixError(Exception):
    """Base of all errors of wheelfix.

    ``code`` is a short, stable, kebab-case name; ``message`` is a clause without a full stop; ``reason`` is one, too, where
    there is more to say of the cause; ``hint`` is a sentence.
    """

    def __init__(self, code: str, message: str, *, hint: str, reason: str | None = None) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.hint = hint
        self.reason = reason

    def __str__(self) -> str:
        message = f"{self.message} ({self.reason})" if self.reason else self.message
        return f"{message}. {self.hint}" if self.hint else message


class WheelError(WheelfixError):
    """The wheel cannot be fixed as it is."""


class FilenameError(WheelError):
    """The file name is not the name of a wheel."""


class ArchiveError(WheelError):
    """The archive is damaged, or two readers could understand it differently."""


class StructureError(WheelError):
    """The wheel lacks a part that every wheel has, or has it twice."""


class MetadataError(WheelError):
    """METADATA cannot be understood in one way only."""


class RecordError(WheelError):
    """RECORD cannot be read as a table of three columns."""


class NeedError(WheelfixError):
    """The wheel needs what would be dropped, there is no evidence that it does not, or it may be damaged."""


class RegressionError(WheelfixError):
    """The fixed wheel would have an error that the original has not: a tool that takes it now would refuse it."""


class RulesError(WheelfixError):
    """A rule set is not there, or has errors: ``findings`` lists them all, each with file, rule and key."""

    def __init__(self, code: str, message: str, *, hint: str, findings: "tuple[Finding, ...]" = ()) -> None:
        super().__init__(code, message, hint=hint)
        self.findings = findings


class ManifestError(WheelfixError):
    """A manifest is not there, or has errors: ``findings`` lists them all, each with file, source and key."""

    def __init__(self, code: str, message: str, *, hint: str, findings: "tuple[Finding, ...]" = ()) -> None:
        super().__init__(code, message, hint=hint)
        self.findings = findings


class LockError(WheelfixError):
    """The lock file at ``path`` cannot be read: ``problem`` says why, ``line`` where, counted from 1 if it is known."""

    def __init__(self, code: str, path: "Path", problem: str, *, hint: str, line: int | None = None) -> None:
        place = f"{path}, line {line}" if line else str(path)
        super().__init__(code, f"{place} cannot be used as a lock file: {problem}", hint=hint)
        self.path = path
        self.problem = problem
        self.line = line


class EditError(WheelfixError):
    """The edit is not possible on this wheel, or on none."""


class CopySourceError(EditError):
    """What a rule copies from another wheel of the release is not known: none is given, or they say different things."""


class OutputError(WheelfixError):
    """The result cannot be put where it should go."""


class MirrorError(WheelfixError):
    """The mirror cannot do what it is given to do, or is damaged."""


class ChangedMeanwhile(MirrorError):
    """Another writer changed the file at ``key`` since it was read; those at the keys ``written`` are written."""

    def __init__(self, key: str, written: "Collection[str]" = ()) -> None:
        super().__init__(
            "changed-meanwhile", f"another process changed {key} during the run", hint="Run the same command again."
        )
        self.key = key
        self.written = frozenset(written)


class PlaceError(MirrorError):
    """Something else is at ``place``, a key of the mirror, than belongs there; ``problem`` says what, beside that place."""

    def __init__(self, code: str, message: str, *, place: str, problem: str, hint: str) -> None:
        super().__init__(code, message, hint=hint)
        self.place = place
        self.problem = problem


class ResultError(WheelfixError):
    """The run went wrong; the target was left as it was."""


class SourceChanged(ResultError):
    """The wheel changed while it was read."""


class VerificationError(ResultError):
    """What was written is not what was planned: a bug in wheelfix, or a bad disk."""
