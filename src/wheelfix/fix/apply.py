"""A plan is applied: the only place where a plan meets an archive."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from wheelfix.errors import EditError, NeedError, OutputError, RegressionError, SourceChanged, WheelError
from wheelfix.fix.assemble import Assembly, guarded, new_error
from wheelfix.fix.plan import Plan, preview
from wheelfix.fix.prove import confirm_readable, prove
from wheelfix.results import Outcome
from wheelfix.wheel.sbom import Ancestor
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip.output import Growing, RunningDigest
from wheelfix.wheel.zip.rewrite import copy_whole, splice
from wheelfix.wheel.zip.source import Span
from wheelfix.wheel.zip.staging import NotConfirmed, StagedFile


def apply(wheel: Wheel, plan: Plan, target: Path | None = None, *, overwrite: bool = False) -> Outcome:
    """Write the wheel that ``plan`` describes to ``target``, or in place of ``wheel`` without one; return the outcome.

    The directory of ``target`` is made if need be. The new wheel appears whole and verified, or not at all. One that is
    there already and has the same bytes is left alone, one that differs is replaced only with ``overwrite``. An empty plan
    gives an identical copy, or in place nothing.

    :raises EditError: if ``plan`` was not made for ``wheel``, or that is no local file.
    :raises ArchiveError: if ``wheel`` was opened with ``directory_only`` and its archive turns out to be invalid.
    :raises NeedError: if the plan has a problem: the wheel needs what would be dropped, or there is no evidence that it does
        not, or RECORD contradicts what would be kept.
    :raises OutputError: if ``target`` is the wheel itself, or exists with other bytes and ``overwrite`` is not given, or has
        not the name that the plan gives the wheel.
    :raises RegressionError: if the new wheel would have an error that the old one has not.
    :raises ResultError: if the wheel changed meanwhile, or the new one is not as planned.
    :raises OSError: if the system refuses to read or write.
    """
    source = wheel.file  # read first: a wheel that is not a local file has none
    if plan.source != wheel.path or plan.metadata != wheel.document.data:
        raise EditError("foreign-plan", f"the plan is for {plan.source}", hint="Apply a plan to the wheel it was made for.")
    plan = guarded(plan, wheel)
    if plan.problem:
        raise NeedError(plan.problem.code, plan.problem.message, hint=plan.problem.hint, reason=plan.problem.reason)
    with RunningDigest(source) as digest:
        return write(wheel, plan, target, digest, overwrite=overwrite)


def write(
    wheel: Wheel,
    plan: Plan,
    target: Path | None,
    digest: RunningDigest,
    *,
    overwrite: bool = False,
) -> Outcome:
    """Do what :func:`apply` does, with a plan that has no problem and the running sum of the wheel's source."""
    wheel.layout  # noqa: B018 - reading it checks the archive: a wheel is not copied on the word of its directory alone
    name = str(plan.renaming.filename)
    if name != str(wheel.filename) and (target is None or target.name != name):
        raise OutputError(
            "other-name", f"the wheel is to be called {name}", hint="Choose a directory and give it this name."
        )
    if target is not None and target.exists() and wheel.file.is_at(target):
        raise OutputError(
            "output-is-input", f"{target} is the wheel itself", hint="Choose another directory, or fix it in place."
        )
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
    if plan.is_empty:
        return _leave(wheel, plan, target, digest, overwrite=overwrite)
    return _rewrite(wheel, plan, target, digest, overwrite=overwrite)


def _leave(wheel: Wheel, plan: Plan, target: Path | None, digest: RunningDigest, *, overwrite: bool) -> Outcome:
    """Copy a wheel that needs no change, or leave it where it is."""
    notes = plan.notes
    if target is None:
        sha256 = digest.hexdigest()
        wheel.file.check_unchanged()
    else:
        with StagedFile(target.parent, wheel.file.mode) as staged, Growing(staged.descriptor) as output:
            sha256 = copy_whole(wheel.file, output, digest)
            output.flush_to_disk()
            notes += _put(staged, target, Ancestor(wheel.path.name, sha256), sha256, overwrite=overwrite)
    return replace(preview(plan), output=target or wheel.path, source_sha256=sha256, output_sha256=sha256, notes=notes)


def _rewrite(wheel: Wheel, plan: Plan, target: Path | None, digest: RunningDigest, *, overwrite: bool) -> Outcome:
    place = target or wheel.path.resolve()
    work = Assembly(wheel, plan)
    with StagedFile(place.parent, wheel.file.mode) as staged, Growing(staged.descriptor) as output:
        proof = partial(_prove, work, output)
        sums = splice(wheel.file, wheel.layout, work.edits, work.closing, output, digest, proof=proof)
        refusal = confirm_readable(staged.path, work, place.parent)
        output.flush_to_disk()
        if target is None:
            there = _put_in_place(wheel, staged, place)
        else:
            source = Ancestor(wheel.path.name, sums.source_sha256)
            there = _put(staged, place, source, sums.output_sha256, overwrite=overwrite)
    return replace(
        preview(plan),
        output=target or wheel.path,
        source_sha256=sums.source_sha256,
        output_sha256=sums.output_sha256,
        notes=(*plan.notes, *work.notes, *([refusal] if refusal else []), *there),
    )


def _prove(work: Assembly, output: Growing, known: Sequence[Span]) -> None:
    """Confirm that the new wheel differs from the old one as planned, nowhere else, and has no new error."""
    layout = prove(work, output, known)
    problem = new_error(work, output, layout)
    if problem:
        raise RegressionError(problem.code, problem.message, hint=problem.hint, reason=problem.reason)


def _put_in_place(wheel: Wheel, staged: StagedFile, target: Path) -> tuple[str, ...]:
    """Replace the old wheel with the new one."""
    if not wheel.file.is_at(target):
        raise SourceChanged(
            "source-changed", "another file took its place while it was read", hint="Run again for the new file."
        )
    staged.keep_owner(wheel.file.owner)
    return _place(staged, target, replace=True)


def _place(staged: StagedFile, target: Path, *, replace: bool) -> tuple[str, ...]:
    """Give the new wheel its name; a note says if the system failed after that: a wheel that is there has not failed.

    :raises FileExistsError: if ``target`` exists and ``replace`` is false.
    """
    try:
        staged.put(target, replace=replace)
    except NotConfirmed as error:
        return (
            f"It is in its place, but the system did not confirm that its directory is on the disk ({error.strerror}): "
            "check that it is still there after a power failure.",
        )
    return ()


def _put(staged: StagedFile, target: Path, source: Ancestor, sha256: str, *, overwrite: bool) -> tuple[str, ...]:
    """Give the new wheel, made from ``source``, its place; a note says if the same bytes were there already, or others."""
    try:
        return _place(staged, target, replace=False)
    except FileExistsError as error:
        if target.exists() and _has_sha256(target, sha256):
            return ("Up to date.",)
        earlier = _earlier_changes(target, source)
        if not overwrite:
            raise _exists(target, earlier) from error
        replaced = (
            f"An earlier fix of the same wheel was replaced; the new file is without its {earlier}."
            if earlier
            else "Another file of this name was there and was replaced."
        )
        return (replaced, *_place(staged, target, replace=True))


def _exists(target: Path, earlier: str) -> OutputError:
    if not earlier:
        hint = "Replace it with --overwrite, or choose another directory with --output-dir."
        return OutputError("output-exists", f"{target} exists and differs", hint=hint)
    return OutputError(
        "output-exists",
        f"{target} is an earlier fix of the same wheel, with {earlier}",
        hint="Do everything in one run, with --repair beside the rules, and --overwrite; or fix that file itself with "
        f"--in-place. --overwrite alone loses its {earlier}.",
    )


def _earlier_changes(target: Path, source: Ancestor) -> str:
    """Return how many changes the wheel at ``target`` has if it was fixed from ``source``, empty if it is none.

    A wheel of the same name is one too: the original may have been built or downloaded again.
    """
    try:
        with Wheel(target, leniently=True) as wheel:
            provenance = wheel.provenance
    except (WheelError, SourceChanged, OSError):  # whatever lies there, we did not write it
        return ""
    if provenance is None or not any(
        each.sha256 == source.sha256 or each.filename == source.filename for each in provenance.ancestors
    ):
        return ""
    count = len(provenance.changes)
    return f"{count} change{'s' * (count != 1)}"


def _has_sha256(path: Path, sha256: str) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
