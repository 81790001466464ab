"""How the library reports its progress, so that it needs no terminal: a protocol, and an object that reports nothing.

A file is started, advances by bytes, and ends with what became of it. The events of one file come in this order; those of
several may be mixed. They are reported in the process that started the run: wheels that other processes work on only end,
and what they download for a sync is reported once it is there.

An exception in a progress object changes nothing else: what happens to a wheel, and what is reported of the run, are the
same as without it. The first one is logged, with its traceback, by the logger ``wheelfix``, as ``concurrent.futures`` does
with those of a callback; later ones are dropped, and events continue. Only what is no :class:`Exception`, such as
:exc:`KeyboardInterrupt`, ends the run.
"""

from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wheelfix.results import CheckedWheel, Outcome, Problem, Published


class Progress(Protocol):
    """What is called during a run. Derive from :class:`NoProgress` to see some events only."""

    def file_started(self, name: str, size: int | None, resumed: int = 0) -> None:
        """Report that the file ``name`` is read or downloaded from here on.

        It has ``size`` bytes, ``None`` where that is not known, of which ``resumed`` are there from an interrupted run.
        """

    def upload_started(self, name: str, size: int) -> None:
        """Report that the file ``name``, which has ``size`` bytes, is sent to a bucket from here on."""

    def file_advanced(self, name: str, count: int) -> None:
        """Report that ``count`` more bytes of ``name`` are done."""

    def waiting(self, name: str, seconds: float, reason: str) -> None:
        """Report that ``name`` continues in ``seconds``, and why."""

    def wheel_done(self, outcome: "Outcome") -> None:
        """Report what became of a wheel that was to be fixed."""

    def wheel_checked(self, checked: "CheckedWheel") -> None:
        """Report what was found in a wheel; what other wheels of its release say is known only at the end of the run."""

    def file_published(self, published: "Published") -> None:
        """Report what became of a file in a mirror."""

    def file_checked(self, filename: str) -> None:
        """Report that a file that an index lists was checked."""

    def project_done(self, project: str) -> None:
        """Report that all files of ``project`` are done."""

    def planned(self, counts: "Mapping[str, int]", size: int) -> None:
        """Report what a sync is about to do: how many files by action, such as ``add``.

        ``size`` is how many bytes are to be downloaded, as far as the indexes say it.
        """

    def source_failed(self, source: str, project: str | None, problem: "Problem") -> None:
        """Report what went wrong with a ``source`` of a manifest, or one ``project`` of it."""


class NoProgress:
    """Reports nothing."""

    def file_started(self, name: str, size: int | None, resumed: int = 0) -> None:
        """Do nothing."""

    def upload_started(self, name: str, size: int) -> None:
        """Do nothing."""

    def file_advanced(self, name: str, count: int) -> None:
        """Do nothing."""

    def waiting(self, name: str, seconds: float, reason: str) -> None:
        """Do nothing."""

    def wheel_done(self, outcome: "Outcome") -> None:
        """Do nothing."""

    def wheel_checked(self, checked: "CheckedWheel") -> None:
        """Do nothing."""

    def file_published(self, published: "Published") -> None:
        """Do nothing."""

    def file_checked(self, filename: str) -> None:
        """Do nothing."""

    def project_done(self, project: str) -> None:
        """Do nothing."""

    def planned(self, counts: "Mapping[str, int]", size: int) -> None:
        """Do nothing."""

    def source_failed(self, source: str, project: str | None, problem: "Problem") -> None:
        """Do nothing."""


NO_PROGRESS: Final[Progress] = NoProgress()


class _Guarded(NoProgress):
    """Passes events on to ``progress``, whose exceptions it logs."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._failed = False
        for event in (name for name in vars(NoProgress) if not name.startswith("_")):
            setattr(self, event, partial(self._pass_on, event))

    def _pass_on(self, event: str, *values: object) -> None:
        try:
            getattr(self._progress, event)(*values)
        except Exception:
            if not self._failed:
                import logging  # imported late: most progress objects have no errors

                self._failed = True
                logging.getLogger("wheelfix").exception(
                    "A progress object raised an exception in %s; the run goes on.", event
                )


def guarded(progress: Progress) -> Progress:
    """Return what reports to ``progress`` and never raises an :class:`Exception`; every run begins with this."""
    return progress if progress is NO_PROGRESS or isinstance(progress, _Guarded) else _Guarded(progress)
