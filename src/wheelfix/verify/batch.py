"""Many wheels verified, and those of one release compared: resolvers read one of them and assume that it speaks for all."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace
from packaging.utils import canonicalize_name

from wheelfix.errors import WheelError
from wheelfix.executors import Workers, file_size, run_all
from wheelfix.locations import Location
from wheelfix.options import Selection, local_paths
from wheelfix.progress import NO_PROGRESS, Progress, guarded
from wheelfix.results import UNREADABLE, CheckedWheel, Finding, Outcome, VerifyReport, failure, no_result
from wheelfix.text import shown_few
from wheelfix.verify.registry import CHECKS
from wheelfix.verify.run import check_wheel
from wheelfix.wheel.release import Declared, disagreements_of, releases_of, views_of
from wheelfix.wheel.requirement import plain_specifier, specifier_meaning
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip.source import Source

if TYPE_CHECKING:
    from concurrent.futures import Executor

_EVERYTHING: Final = Selection()


class Statement(Struct, frozen=True):
    """What a wheel declares, and the file names of the wheels that it was fixed from."""

    requirements: tuple[str, ...]
    extras: frozenset[str]
    requires_python: str
    made_from: frozenset[str]


def read_statement(path: Path) -> Statement | None:
    """Return what the wheel at ``path`` declares, ``None`` where it cannot be read: its own findings say why."""
    try:
        with Wheel(path) as wheel:
            declared = Declared.of(wheel.document.data)
            provenance = wheel.provenance
    except (WheelError, OSError):
        return None
    return Statement(
        declared.requirements,
        frozenset(map(canonicalize_name, declared.extras)),
        plain_specifier(declared.requires_python),
        frozenset(each.filename for each in provenance.ancestors) if provenance else frozenset(),
    )


def compare_releases(statements: Mapping[Path, Statement]) -> list[tuple[Location, Finding]]:
    """Return the wheels that disagree with others of their release, each with a finding that says on what.

    The wheels of each directory are compared, and all of them: a directory more never hides what is found in another one.
    """
    found: dict[tuple[Location, str], dict[str, None]] = {}
    for group in _groups(statements):
        for view in views_of({path: each.made_from for path, each in group.items()}):
            for path, place, texts in _disagreeing({path: group[path] for path in view}):
                found.setdefault((path, place), {}).update(dict.fromkeys(texts))
    return [(path, _finding(place, [*texts])) for (path, place), texts in found.items()]


def _groups(statements: Mapping[Path, Statement]) -> Iterator[Mapping[Path, Statement]]:
    """Yield all the wheels and, where they are in several directories, those of each."""
    yield statements
    directories: dict[Path, dict[Path, Statement]] = {}
    for path, each in statements.items():
        directories.setdefault(path.parent, {})[path] = each
    if len(directories) > 1:
        yield from directories.values()


def _disagreeing(statements: Mapping[Path, Statement]) -> Iterator[tuple[Location, str, list[str]]]:
    """Yield the field on which a wheel disagrees with others of its release, and what those say, which it does not."""
    for release in releases_of(statements):
        pythons = {path: specifier_meaning(statements[path].requires_python) for path in release}
        for path in release:
            others = {statements[each].requires_python for each in release if pythons[each] != pythons[path]}
            if others:
                yield path, "Requires-Python", sorted(others)
    for each in disagreements_of({path: statement.requirements for path, statement in statements.items()}):
        yield from ((location, "Requires-Dist", [each.requirement]) for location in each.missing)
    for release in releases_of(statements):
        extras = frozenset().union(*(statements[path].extras for path in release))
        for path in release:
            if missing := sorted(extras - statements[path].extras):
                yield path, "Provides-Extra", missing


def _finding(place: str, texts: list[str]) -> Finding:
    """Return the finding on a wheel whose release says ``texts`` in the field ``place``, which it does not."""
    if place == "Requires-Python":
        said = shown_few([each or "nothing" for each in texts])
        message = f"wheels of the same release say {said}; whether uv lock fails depends on which of them it reads"
        return CHECKS["release-requires-python"].finding(place, message)
    verb = "require" if place == "Requires-Dist" else "provide"
    return CHECKS["release-disagrees"].finding(place, f"wheels of the same release also {verb} {shown_few(texts)}")


def verify_wheels(
    paths: Iterable[Path | str] | Path | str,
    *,
    selection: Selection = _EVERYTHING,
    jobs: int = 1,
    executor: "Executor | None" = None,
    progress: Progress = NO_PROGRESS,
) -> VerifyReport:
    """Return the findings of every wheel: archive, names, RECORD, METADATA, entry points, and releases that disagree.

    ``paths`` are wheels, not directories. Every file in each is read, in bounded memory and with up to four threads.
    ``selection`` says which codes are reported; a file that cannot be read is always reported. ``jobs`` processes work at a
    time, or those of ``executor``. Nothing is raised for a wheel that is damaged, missing or no wheel at all: that is a
    finding too.

    :raises ValueError: if a text of ``selection`` begins no code, ``jobs`` is less than one, or one of ``paths`` is a URL:
        :func:`wheelfix.fetch_wheels` downloads it.
    :raises ResultError: if the system does not let this process start so many others.
    """
    selection, progress = selection.among(CHECKS), guarded(progress)
    given = local_paths(paths)
    statements: dict[Path, Statement] = {}
    checked: dict[Location, CheckedWheel] = {}

    def done(path: Path, result: tuple[CheckedWheel, Statement | None]) -> None:
        wheel, statement = result
        checked[path] = _selected(wheel, selection)
        if statement is not None:
            statements[path] = statement
        progress.wheel_checked(checked[path])

    distinct, workers = list(dict.fromkeys(given)), Workers(jobs, executor)
    run_all(
        partial(_check_each, progress=progress if workers.work_here(len(distinct)) else NO_PROGRESS),
        distinct,
        workers,
        lost=lambda path, error: _unreadable(no_result(path, error)),
        done=done,
        size=file_size,
    )
    for path, finding in compare_releases({path: statements[path] for path in distinct if path in statements}):
        before = checked[path]
        added = _selected(CheckedWheel(before.source, (finding,)), selection)
        findings, suppressed = (*before.findings, *added.findings), before.suppressed + added.suppressed
        checked[path] = replace(before, findings=findings, suppressed=suppressed)
    return VerifyReport(tuple(checked[path] for path in given))


class _Counted:
    """``source``, with what is read of its entries reported to ``progress``."""

    def __init__(self, source: Source, progress: Progress) -> None:
        self._source = source
        self._progress = progress
        self.size = source.size
        self.check_unchanged = source.check_unchanged

    def read_at(self, offset: int, size: int) -> bytes:
        """Return exactly ``size`` bytes from ``offset``."""
        self._progress.file_advanced(self._source.path.name, size)
        return self._source.read_at(offset, size)


def _check_each(paths: Iterable[Path], progress: Progress) -> Iterator[tuple[CheckedWheel, Statement | None]]:
    return (_check(path, progress) for path in paths)


def _check(path: Path, progress: Progress) -> tuple[CheckedWheel, Statement | None]:
    """Return the findings of one wheel, and what it declares if it can be read."""
    try:
        try:
            source = Source(path)
        except (WheelError, OSError):
            return check_wheel(path), None  # the finding says why
        with source:
            progress.file_started(path.name, source.size)
            return check_wheel(path, source=_Counted(source, progress)), read_statement(path)
    except Exception as error:  # noqa: BLE001 - one wheel never stops the others; its finding says what it was
        return _unreadable(failure(path, error))


def _unreadable(outcome: Outcome) -> tuple[CheckedWheel, None]:
    problem = outcome.problem
    message = f"{problem.message}. {problem.hint}" if problem else "it cannot be read"
    return CheckedWheel(outcome.source, (CHECKS[UNREADABLE].finding("", message),)), None


def _selected(wheel: CheckedWheel, selection: Selection) -> CheckedWheel:
    chosen = tuple(each for each in wheel.findings if each.code == UNREADABLE or selection.includes(each.code))
    return replace(wheel, findings=chosen, suppressed=len(wheel.findings) - len(chosen))
