"""Carrying out a plan: the only place where a plan meets an archive."""

import hashlib
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from wheelfix.archive.digest import RunningDigest
from wheelfix.archive.encode import NewMember
from wheelfix.archive.layout import Member
from wheelfix.archive.splice import Edits, copy_whole, splice
from wheelfix.archive.staging import StagedFile
from wheelfix.archive.writing import Growing
from wheelfix.errors import EditError, OutputError, SourceChanged
from wheelfix.outcome import Outcome, Status
from wheelfix.plan import Plan
from wheelfix.sbom import TRACE, write_trace
from wheelfix.verification import verify
from wheelfix.version import __version__
from wheelfix.wheel import Wheel


def preview(plan: Plan) -> Outcome:
    """Return the outcome that ``plan`` would have; nothing is read or written."""
    return Outcome(
        plan.source,
        Status.UNCHANGED if plan.is_empty else Status.FIXED,
        project=plan.project,
        version=plan.version,
        changes=plan.changes,
        kept=plan.kept,
        notes=plan.notes,
        metadata_diff=plan.metadata_diff,
        applied_rules=plan.applied_rules,
    )


def apply(
    wheel: Wheel,
    plan: Plan,
    target: Path | None = None,
    *,
    sbom: bool = True,
    digest: RunningDigest | None = None,
) -> Outcome:
    """Write the wheel that ``plan`` describes to ``target``, or in place of ``wheel`` without one; return the outcome.

    The folder of ``target`` is made if need be. The new wheel appears whole and verified, or not at all. One that is there
    already and has the same bytes is left alone. An empty plan gives an identical copy, or in place nothing. With ``sbom``
    a changed wheel says what it was made from and how. ``digest`` is the running sha256 of the wheel's source, if the
    caller has started one.

    :raises EditError: if ``plan`` was not made for ``wheel``.
    :raises OutputError: if ``target`` is the wheel itself, or exists with other bytes.
    :raises ResultError: if the wheel changed meanwhile, or the new one is not as planned.
    :raises OSError: if the system refuses to read or write.
    """
    if plan.source != wheel.path or plan.metadata != wheel.document.data:
        raise EditError("foreign-plan", f"the plan is for {plan.source}", hint="Apply a plan to the wheel it was made for.")
    if target is not None and target.exists() and wheel.source.is_at(target):
        raise OutputError(
            "output-is-input", f"{target} is the wheel itself", hint="Choose another folder, or correct it in place."
        )
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
    with nullcontext(digest) if digest else RunningDigest(wheel.source) as running:
        if plan.is_empty:
            return _leave(wheel, plan, target, running)
        return _rewrite(wheel, plan, target, running, sbom=sbom)


def _leave(wheel: Wheel, plan: Plan, target: Path | None, digest: RunningDigest) -> Outcome:
    """Copy a wheel that needs no change, or leave it where it is."""
    notes = plan.notes
    if target is None:
        sha256 = digest.hexdigest()
        wheel.source.check_unchanged()
    else:
        with StagedFile(target.parent, wheel.source.mode) as staged, Growing(staged.descriptor) as output:
            sha256 = copy_whole(wheel.source, output, digest)
            output.flush_to_disk()
            notes += _put(wheel, staged, target, sha256)
    return replace(preview(plan), output=target or wheel.path, source_sha256=sha256, output_sha256=sha256, notes=notes)


def _rewrite(wheel: Wheel, plan: Plan, target: Path | None, digest: RunningDigest, *, sbom: bool) -> Outcome:
    place = target or wheel.path.resolve()
    work = _Work(wheel, plan, sbom=sbom)
    with StagedFile(place.parent, wheel.source.mode) as staged, Growing(staged.descriptor) as output:
        sums = splice(wheel.source, wheel.layout, work.edits, work.closing, output, digest)
        remark = verify(staged.path, wheel.dist_info, work.expected, wheel.path, place.parent)
        output.flush_to_disk()
        there = _put(wheel, staged, place, sums.output_sha256, in_place=target is None)
    return replace(
        preview(plan),
        output=target or wheel.path,
        source_sha256=sums.source_sha256,
        output_sha256=sums.output_sha256,
        notes=(*plan.notes, *work.notes, *([remark] if remark else []), *there),
    )


class _Work:
    """What a plan means for the members of the archive."""

    def __init__(self, wheel: Wheel, plan: Plan, *, sbom: bool) -> None:
        self._wheel = wheel
        self._plan = plan
        self._sbom = sbom
        self._prefix = f"{wheel.dist_info}/"
        self.expected: dict[str, bytes] = {}
        """The content of every member that is written anew, by name."""
        written = {self._prefix + path: content for path, content in plan.written.items()}
        if plan.new_metadata != plan.metadata:
            written[self._prefix + "METADATA"] = plan.new_metadata
        self._replaced = {name: content for name, content in written.items() if self._present(name)}
        self._added = {name: content for name, content in written.items() if not self._present(name)}
        self.expected.update(written)

    def _present(self, name: str) -> bool:
        return self._wheel.member(name.removeprefix(self._prefix)) is not None

    @property
    def gone(self) -> frozenset[str]:
        """The members that the new wheel does not have."""
        names = {self._prefix + path for path in self._plan.removed}
        return frozenset(names | {name for name in [self._prefix + TRACE] if self._present(name)})

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the trace."""
        if self._sbom or not self._present(self._prefix + TRACE):
            return ()
        return ("The trace of earlier corrections was removed with --no-sbom: it would be out of date.",)

    @property
    def edits(self) -> Edits:
        """The edits of the members but for those at the end: new files, the trace and RECORD."""
        return Edits(replaced=self._replaced, removed=self.gone | {f"{self._prefix}RECORD"})

    def closing(self, source_sha256: str) -> Sequence[NewMember]:
        """Return the members that come last in the new archive."""
        metadata = self._like("METADATA")
        last = dict(self._added)
        if self._sbom:
            last[self._prefix + TRACE] = self._trace(source_sha256)
        last[self._prefix + "RECORD"] = self._record(last)
        self.expected.update(last)
        record = self._like("RECORD")
        return [NewMember(name, content, record if name == record.name else metadata) for name, content in last.items()]

    def _like(self, file: str) -> Member:
        member = self._wheel.member(file)
        if member is None:
            raise KeyError(file)  # Wheel does not open without it
        return member

    def _trace(self, source_sha256: str) -> bytes:
        plan = self._plan
        return write_trace(
            project=plan.project,
            version=plan.version,
            filename=plan.source.name,
            sha256=source_sha256,
            changes=plan.changes,
            diff=plan.metadata_diff,
            rules_digest=plan.rules_digest,
            tool=__version__,
            before=self._wheel.read(TRACE) if self._present(self._prefix + TRACE) else None,
        )

    def _record(self, last: dict[str, bytes]) -> bytes:
        record = self._wheel.record
        for name in self.gone:
            record = record.without(name)
        for name, content in {**self._replaced, **last}.items():
            record = record.with_content(name, content, like=f"{self._prefix}METADATA", before=f"{self._prefix}RECORD")
        return record.data


def _put(wheel: Wheel, staged: StagedFile, target: Path, sha256: str, *, in_place: bool = False) -> tuple[str, ...]:
    """Give the new wheel its place, unless the same bytes are there already; a note tells if they were."""
    if in_place:
        if not wheel.source.is_at(target):
            raise SourceChanged(
                "source-changed", "another file took its place while it was read", hint="Run again for the new file."
            )
        staged.keep_owner(wheel.source.owner)
        staged.put(target, replace=True)
        return ()
    try:
        staged.put(target, replace=False)
    except FileExistsError as error:
        if target.exists() and _has_sha256(target, sha256):
            return ("The same bytes were there already.",)
        raise OutputError(
            "output-exists",
            f"{target} exists and differs",
            hint="Remove it, or choose another folder with --output-dir.",
        ) from error
    return ()


def _has_sha256(path: Path, sha256: str) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
