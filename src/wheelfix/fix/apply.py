"""A plan is applied: the only place where a plan meets an archive."""

import errno
import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from wheelfix.errors import EditError, NeedError, OutputError, RegressionError, ResultError, SourceChanged, WheelError
from wheelfix.fix.assemble import Assembly, guarded, new_error
from wheelfix.fix.plan import Plan, preview
from wheelfix.fix.prove import confirm_readable, prove
from wheelfix.results import Outcome
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip.commit import Committed, commit
from wheelfix.wheel.zip.output import Growing, RunningDigest
from wheelfix.wheel.zip.rewrite import Written, copy_whole, splice
from wheelfix.wheel.zip.source import Source
from wheelfix.wheel.zip.staging import StagedFile


def apply(wheel: Wheel, plan: Plan, target: Path | None = None, *, overwrite: bool = False) -> Outcome:
    """Write the wheel that ``plan`` describes to ``target``, or in place of ``wheel`` without one; return the outcome.

    The directory of ``target`` is made if need be. The new wheel appears whole and verified, or not at all. One that is
    there already and has the same bytes is left alone, one that differs is replaced only with ``overwrite``. An empty plan
    gives an identical copy, or in place nothing.

    :raises EditError: if ``plan`` was not made for ``wheel``, or that is no local file.
    :raises ArchiveError: if only the directory of ``wheel`` was read, and its archive turns out to be invalid.
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
    prepared = prepare(wheel, plan, target, digest, overwrite=overwrite)
    if isinstance(prepared, Outcome):
        return prepared
    with prepared:
        return concluded(*commit([prepared]))


def concluded(committed: Committed[Outcome]) -> Outcome:
    """Return what happened to a wheel whose result was committed; one that is in its place counts as written.

    :raises Exception: what :meth:`Prepared.flush` or :meth:`Prepared.place` raised.
    """
    outcome, doubt = committed.get(), committed.unconfirmed
    if doubt is None:
        return outcome
    note = (
        f"It is in its place, but the system did not confirm that its directory is on the disk ({doubt.strerror}): "
        "check that it is still there after a power failure."
    )
    return replace(outcome, notes=(*outcome.notes, note))


class Prepared:
    """A result that is complete and proved, and has no name yet: ``staged``, of ``size`` bytes, for ``target``.

    Commit it, alone or with others: the wheel that it was made from need not be open any more. Use it as a context manager:
    on leaving, one that was not placed is removed.
    """

    def __init__(self, staged: StagedFile, output: Growing, target: Path, place: Callable[[], Outcome]) -> None:
        self.staged = staged
        self.size = output.size
        self.target = target
        self._output = output
        self._place = place

    def flush(self) -> None:
        """Wait until the file is on the disk; this may be called in any thread.

        :raises OSError: if it cannot be written there: then it must not get its name.
        """
        self._output.flush_to_disk()

    def place(self) -> Outcome:
        """Give the file its name, once it is flushed, and return what happened to the wheel.

        :raises OutputError: if a file of that name exists with other bytes, and was not to be overwritten.
        :raises SourceChanged: if it was to replace the wheel that it was made from, and that is another file now.
        :raises OSError: if the system refuses; then it is not there.
        """
        return self._place()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self.staged, self._output:
            pass  # the staged file is closed once nothing writes it back any more


@contextmanager
def _writing_to(directory: Path) -> Iterator[None]:
    """Let an error of permissions say that it is about the output ``directory``, and not about the wheel.

    :raises ResultError: if nothing can be written there.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise
        raise ResultError(
            errno.errorcode[error.errno].lower(),
            f"cannot write to {directory}/: {error.strerror}",
            hint="Choose another output directory (-o DIR), or check the permissions of this one.",
        ) from error


def prepare(
    wheel: Wheel,
    plan: Plan,
    target: Path | None,
    digest: RunningDigest,
    *,
    overwrite: bool = False,
) -> Prepared | Outcome:
    """Do what :func:`write` does except for flushing the result and giving it its name: write and prove it.

    Where there is nothing to write, the outcome is returned at once.
    """
    wheel.layout  # noqa: B018 - reading it checks the archive: a wheel is not copied on the word of its directory alone
    name = str(plan.renaming.filename)
    if name != str(wheel.filename) and (target is None or target.name != name):
        raise OutputError(
            "other-name", f"the wheel is to be called {name}", hint="Choose a directory and give it this name."
        )
    if target is not None and target.exists() and wheel.file.is_at(target):
        raise OutputError(
            "output-is-input",
            "the result would replace the wheel itself",
            hint="Use --in-place, or choose another directory with -o.",
        )
    if target is None and plan.is_empty:
        return _leave(wheel, plan, digest)
    place = target or wheel.path.resolve()
    with ExitStack() as stack:
        with _writing_to(place.parent):
            if target is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
            staged = stack.enter_context(StagedFile(place.parent, wheel.file.mode))
        output = stack.enter_context(Growing(staged.descriptor))
        if plan.is_empty or (plan.only_rebuilds and wheel.provenance is None):
            outcome = _copy(wheel, plan, digest, output)
        else:
            outcome = _rewrite(wheel, plan, digest, output, partial(confirm_readable, staged.path, beside=place.parent))
        outcome = replace(outcome, output=target or wheel.path)
        put = partial(_put_in_place, wheel.file) if target is None else partial(_put, outcome, overwrite=overwrite)
        stack.pop_all()
    return Prepared(staged, output, place, lambda: replace(outcome, notes=(*outcome.notes, *put(staged, place))))


def _leave(wheel: Wheel, plan: Plan, digest: RunningDigest) -> Outcome:
    """Leave a wheel that needs no change where it is."""
    sha256 = digest.hexdigest()
    wheel.file.check_unchanged()
    return replace(preview(plan), output=wheel.path, source_sha256=sha256, output_sha256=sha256)


def _copy(wheel: Wheel, plan: Plan, digest: RunningDigest, output: Growing) -> Outcome:
    """Copy a wheel that needs no change, or none but the new container that it is read from."""
    sha256 = copy_whole(wheel.file, output, digest)
    before = plan.origin_sha256 or sha256
    return replace(preview(plan), source_sha256=before, output_sha256=sha256, shared=output.shared)


def _rewrite(
    wheel: Wheel, plan: Plan, digest: RunningDigest, output: Growing, confirm: Callable[[Assembly], str | None]
) -> Outcome:
    """Write the wheel that the plan describes, and prove it; ``confirm`` reads it with readers that are not ours."""
    work, refusals = Assembly(wheel, plan), list[str | None]()

    def confirm_sparingly() -> None:
        # The other reader keeps 900 bytes for each entry, a third more than we do: both at once would be the peak.
        wheel.forget()
        refusals.append(confirm(work))

    def proof(written: Written) -> Callable[[], None]:
        _prove(work, output, written)
        return confirm_sparingly

    sums = splice(wheel.file, wheel.layout, work.edits, work.closing, output, digest, proof=proof)
    return replace(
        preview(plan),
        source_sha256=plan.origin_sha256 or sums.source_sha256,
        output_sha256=sums.output_sha256,
        shared=output.shared,
        notes=(*plan.notes, *work.notes, *filter(None, refusals)),
    )


def _prove(work: Assembly, output: Growing, written: Written) -> None:
    """Confirm that the new wheel differs from the old one as planned, nowhere else, and has no new error."""
    layout = prove(work, output, written)
    problem = new_error(work, output, layout)
    if problem:
        raise RegressionError(problem.code, problem.message, hint=problem.hint, reason=problem.reason)


def _put_in_place(source: Source, staged: StagedFile, target: Path) -> tuple[str, ...]:
    """Replace the old wheel, ``source``, with the new one."""
    if not source.is_at(target):
        raise SourceChanged(
            "source-changed", "another file took its place while it was read", hint="Run again for the new file."
        )
    source.check_unchanged_at(target)  # it may have waited for others to be flushed
    staged.keep_owner(source.owner)
    staged.name(target, replace=True)
    return ()


def _put(outcome: Outcome, staged: StagedFile, target: Path, *, overwrite: bool) -> tuple[str, ...]:
    """Give the new wheel its place; a note says if the same bytes were there already, or others."""
    try:
        staged.name(target, replace=False)
    except FileExistsError as error:
        if target.exists() and _has_sha256(target, outcome.output_sha256):
            return ("Up to date: the result was already there.",)
        earlier = _earlier_changes(target, outcome)
        if not overwrite:
            raise _exists(target, earlier) from error
        replaced = (
            f"An earlier fix of the same wheel was replaced; the new file is without its {earlier}."
            if earlier
            else "Another file of this name was there and was replaced."
        )
        staged.name(target, replace=True)
        return (replaced,)
    return ()


def _exists(target: Path, earlier: str) -> OutputError:
    if not earlier:
        hint = "Replace it with --overwrite, or choose another directory with --output-dir."
        return OutputError("output-exists", f"{target} exists and differs", hint=hint)
    return OutputError(
        "output-exists",
        f"{target} is an earlier fix of the same wheel, with {earlier}",
        hint="Make all changes in one run, a --repair too, with --overwrite; or fix that file itself with --in-place."
        f" --overwrite alone loses its {earlier}.",
    )


def _earlier_changes(target: Path, outcome: Outcome) -> str:
    """Return how many changes the wheel at ``target`` has if it was fixed from that of ``outcome``, empty if it is none.

    A wheel of the same name is one too: the original may have been built or downloaded again.
    """
    try:
        with Wheel(target, leniently=True) as wheel:
            provenance = wheel.provenance
    except (WheelError, SourceChanged, OSError):  # whatever lies there, we did not write it
        return ""
    if provenance is None or not any(
        each.sha256 == outcome.source_sha256 or each.filename == outcome.source.name for each in provenance.ancestors
    ):
        return ""
    count = len(provenance.changes)
    return f"{count} change{'s' * (count != 1)}"


def _has_sha256(path: Path, sha256: str | None) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
