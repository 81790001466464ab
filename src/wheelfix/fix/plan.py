"""What would change in one wheel, as data. Planning reads the wheel and writes nothing."""

import posixpath
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from wheelfix.errors import EditError
from wheelfix.fix.naming import Renaming
from wheelfix.results import Change, ChangeAction, Finding, Outcome, Part, Problem, Status
from wheelfix.text import shown, unified_diff
from wheelfix.wheel.record import any_doubts
from wheelfix.wheel.sbom import PROVENANCE
from wheelfix.wheel.wheel import SIGNATURES, Wheel, limit_of

_HINT: Final = (
    "Download the wheel again, or compare the file (`wheelfix verify`) and trust it with `wheelfix repair --trust-content`."
)
_MOST_COMPARED: Final = 1 << 25
_CODES: Final = {"METADATA": "damaged-metadata", "WHEEL": "damaged-wheel-file", PROVENANCE: "damaged-provenance"}
"""The files of which a new wheel keeps something, and the code if RECORD contradicts them."""


def problem_of(wheel: Wheel, file: str) -> Problem | None:
    """Return why ``file``, one of dist-info, must not be kept, ``None`` where RECORD does not contradict it.

    A hash that is right and only spelled in another way contradicts nothing, and neither does a row without one.

    :raises RecordError: if RECORD cannot be read.
    """
    if wheel.entry(file) is None or not wheel.record.doubts(f"{wheel.dist_info}/{file}", wheel.read(file)):
        return None
    hint = f"{_HINT} Without a provenance in the new wheel (--no-sbom) it is left out." if file == PROVENANCE else _HINT
    reason = "it may be damaged, and a fixed wheel would hide that"
    return Problem(_CODES.get(file, "damaged-file"), f"{shown(file)} is not what RECORD says", hint, reason)


def contradicted_files(wheel: Wheel) -> list[str]:
    """Return the files of dist-info that RECORD contradicts, as :func:`problem_of` understands it, in their order.

    All of them together are read up to 32 MiB; what lies beyond is left to ``wheelfix verify``. Where only the directory of
    the wheel was read none is: each may take a request.

    :raises RecordError: if a row of RECORD that names one has not three columns.
    """
    if wheel.directory is not None:
        return []
    rows = wheel.record.below(wheel.dist_info)
    found, left = list[str](), _MOST_COMPARED
    for file in wheel.dist_info_files:
        entry = wheel.entry(file)
        said = rows.get(f"{wheel.dist_info}/{file}", ())
        if entry is None or file == "RECORD" or not said or entry.size > min(left, limit_of(file)):
            continue
        left -= entry.size
        if any_doubts(said, wheel.read(file)):
            found.append(file)
    return found


class Plan(Struct, frozen=True, dict=True):
    """What is to become of one wheel.

    ``metadata`` is METADATA before, ``new_metadata`` after. ``written`` maps files of dist-info (without its name) to
    their new content, ``removed`` names those that go; METADATA and RECORD are in neither. ``kept`` lists the
    requirements on which a rule decided that they are kept. ``rules_digest`` identifies the rules, ``None`` without any,
    and ``rule_packs`` are the installed packs that those which applied come from, with their versions;
    ``applied_rules`` are the ids of those that applied. ``renaming`` says what the wheel is called afterwards, and
    ``problem`` why the plan must not be applied, ``None`` if it may be. ``record`` is RECORD before and after its
    findings are fixed, apart from the rows of what changes, ``None`` where none is; ``left`` are the findings that a repair
    leaves, and ``trusted`` says that it takes the content of the wheel for right. With ``sbom`` the new wheel carries its
    provenance. ``origin_sha256`` is the sum (hexadecimal) of the wheel as it came, where its archive was rebuilt since.
    ``removed_entries`` are the entries outside of dist-info that go, with their full names, and ``removed_rows``
    the paths of the rows of RECORD that go with them.
    """

    source: Path
    project: str
    version: str
    renaming: Renaming
    metadata: bytes
    new_metadata: bytes
    changes: tuple[Change, ...] = ()
    kept: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    written: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    removed: tuple[str, ...] = ()
    rules_digest: str | None = None
    applied_rules: tuple[str, ...] = ()
    problem: Problem | None = None
    record: tuple[bytes, bytes] | None = None
    left: tuple[Finding, ...] = ()
    trusted: bool = False
    sbom: bool = True
    origin_sha256: str | None = None
    rule_packs: tuple[str, ...] = ()
    removed_entries: tuple[str, ...] = ()
    removed_rows: frozenset[str] = frozenset()

    @property
    def rebuilds(self) -> bool:
        """Whether the archive gets a new container."""
        return any(each.part is Part.ARCHIVE for each in self.changes)

    @property
    def only_rebuilds(self) -> bool:
        """Whether the archive gets a new container, and no file in it changes."""
        return self.rebuilds and replace(self, changes=()).is_empty and not self.sbom

    @property
    def is_empty(self) -> bool:
        """Whether the wheel would be unchanged, byte for byte."""
        same_name = str(self.renaming.filename) == self.source.name and not self.renaming.directories
        same_rows = self.record is None and self.new_metadata == self.metadata
        same_files = not self.written and not self.removed and not self.removed_entries
        return same_rows and same_files and same_name and not self.rebuilds

    @cached_property
    def metadata_diff(self) -> str:
        """The unified diff of METADATA, empty if it does not change."""
        return unified_diff(self.metadata, self.new_metadata, self.source.name)

    @cached_property
    def record_diff(self) -> str:
        """The unified diff of the rows of RECORD that a repair changes, empty if none is."""
        return unified_diff(*self.record, self.source.name, file="RECORD") if self.record else ""


class Outline(Struct, frozen=True):
    """What rules would change in a wheel, as far as its directory and dist-info say; to be shown, and never carried out.

    The fields are those of a :class:`Plan`.
    """

    new_metadata: bytes
    changes: tuple[Change, ...] = ()
    kept: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    problem: Problem | None = None


def preview(plan: Plan) -> Outcome:
    """Return the outcome that ``plan`` would have; nothing is read or written.

    Where the plan has a problem, the requirements that would have been dropped are kept, with their verdicts.
    """
    outcome = Outcome(
        plan.source,
        Status.UNCHANGED,
        project=plan.project,
        version=plan.version,
        kept=plan.kept,
        notes=plan.notes,
        applied_rules=plan.applied_rules,
        problem=plan.problem,
        findings=plan.left,
    )
    if plan.problem:
        kept = (as_kept(each) for each in plan.changes if each.verdict is not None)
        return replace(outcome, status=Status.REFUSED, kept=(*plan.kept, *kept))
    status = Status.UNCHANGED if plan.is_empty else Status.FIXED
    return replace(outcome, status=status, changes=plan.changes, metadata_diff=plan.metadata_diff + plan.record_diff)


def void_signatures(wheel: Wheel) -> list[Change]:
    """Return the removal of each signature of RECORD, for a wheel that changes."""
    reason = "RECORD changes, so the signature is void (PEP 427; deprecated by PEP 815)"
    return [Change(name, ChangeAction.REMOVE_FILE, None, None, reason=reason) for name in SIGNATURES if wheel.entry(name)]


def as_kept(change: Change) -> Change:
    """Return a change that is not made, as one that keeps what is there."""
    return replace(change, action=ChangeAction.KEEP, after=change.before)


_VOID: Final = "A signature of RECORD is removed with any change: it would be void."
_OWN: Final = {
    "metadata": "Use --set, --add-field and --remove, or SetField, AddField and RemoveField from Python.",
    "wheel": "Use --tag, --build-tag and --set, or SetTags, SetBuildTag and SetRootIsPurelib from Python.",
    "record": "Its rows follow from the other edits.",
    **dict.fromkeys((name.casefold() for name in SIGNATURES), _VOID),
    PROVENANCE: "It is written with each fix; leave it out with --no-sbom, or Output(sbom=False) from Python.",
}
"""The files of dist-info, in lower case, that wheelfix looks after itself, and what works instead."""


def check_path(path: str) -> None:
    """Confirm that a file of dist-info can be written or removed as a whole.

    :raises EditError: if ``path`` is no plain file below dist-info, or one that wheelfix looks after itself.
    """
    plain = posixpath.normpath(path) == path and not path.startswith(("/", "../")) and path not in (".", "..")
    if not plain or "\\" in path or ":" in path or shown(path) != path:
        raise EditError(
            "invalid-path", f"{shown(path)!r} is no path below dist-info", hint="Use one such as licenses/NOTICE."
        )
    hint = _OWN.get(path.casefold())
    if hint is not None:
        raise EditError("own-file", f"{path} cannot be replaced or removed as a whole", hint=hint)
