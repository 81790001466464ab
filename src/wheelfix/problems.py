"""Errors as data: what stopped one wheel, told so that a person knows what to do."""

import errno
import os
import traceback
from pathlib import Path
from typing import Final

from wheelfix.errors import ResultError, WheelfixError
from wheelfix.outcome import Outcome, Problem, Status

_SYSTEM_HINTS: Final = {
    errno.EACCES: "Check the permissions of the file and of its folder.",
    errno.EPERM: "Check the permissions of the file and of its folder.",
    errno.EROFS: "The file system is read-only; choose another output folder.",
    errno.ENOENT: "Check the path.",
    errno.ENOSPC: "The disk is full; free space or choose another output folder.",
    errno.EDQUOT: "The quota is used up; free space or choose another output folder.",
    errno.EMFILE: "Allow more open files with `ulimit -n`, or run with fewer jobs.",
    errno.ENFILE: "The system has no more open files to give; run with fewer jobs.",
    errno.EEXIST: "A file has the name of the output folder; choose another.",
    errno.ENOTDIR: "A part of the path is a file, not a folder.",
    errno.ELOOP: "The symbolic link leads to itself.",
}


WORKER_DIED: Final = Problem(
    "worker-died",
    "a worker process ended without a result",
    "It may have been killed for lack of memory: run again with fewer jobs. A script that asks for more than one job needs "
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
        case WheelfixError(code=code, message=message, hint=hint):
            status = Status.FAILED if isinstance(error, ResultError) else Status.REFUSED
            return Outcome(path, status, problem=Problem(code, message, hint))
        case OSError():
            return Outcome(path, Status.FAILED, problem=_system_problem(path, error))
        case _:
            return Outcome(path, Status.FAILED, problem=_own_problem(error))


def _own_problem(error: Exception) -> Problem:
    """Return what to say of an error that nobody foresaw: its text and the place where it arose."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return Problem(
        "internal-error",
        f"{type(error).__name__}: {error}{place}",
        "This is a fault of wheelfix; please report it, with the wheel if you can.",
    )


def _system_problem(path: Path, error: OSError) -> Problem:
    name = errno.errorcode.get(error.errno or 0, "os-error").lower()
    where = f": {error.filename}" if error.filename and os.fspath(error.filename) != os.fspath(path) else ""
    hint = _SYSTEM_HINTS.get(error.errno or 0, "The operating system refused it.")
    return Problem(name, f"{error.strerror or error}{where}", hint)
