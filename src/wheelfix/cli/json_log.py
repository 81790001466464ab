"""The log of a run as JSON lines on standard error, one event a line; docs/schemas/sync-log.schema.json."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from wheelfix.cli.printing import say_exactly, seconds_since_start
from wheelfix.progress import NoProgress
from wheelfix.reports.json import plain
from wheelfix.reports.sync import sync_figures
from wheelfix.results import Problem, PublishStatus, Status
from wheelfix.version import __version__

if TYPE_CHECKING:
    from wheelfix.results import Finding, Outcome, Published
    from wheelfix.sync.model import SyncReport


_ALWAYS: Final = ("problem", "summary")
"""The events that a quiet log has, too: what collects log lines sees that the run was, and how it ended."""


class JsonLog(NoProgress):
    """Writes an object for each event; if ``quiet`` only problems and the summary. Use it as a context manager, like others.

    Each has ``time`` (RFC 3339, UTC) and ``event``; the other keys depend on the event, and are always there.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.is_quiet = quiet
        self._lock = Lock()  # downloads are reported by other threads
        self._planned: Mapping[str, int] | None = None
        self._files: Counter[str] = Counter()
        self._problems = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Do nothing: each line is written at once."""

    def write(self, event: str, **values: object) -> None:
        """Write an event, unless the log is quiet."""
        if not self.is_quiet or event in _ALWAYS:
            now = datetime.now(UTC)  # noqa: TID251 - when it happened
            time = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            line = json.dumps(plain({"time": time, "event": event, **values}), ensure_ascii=True)
            with self._lock:
                say_exactly(f"{line}\n")

    def start(self, command: str, manifest: str, *, check: bool, shard: str | None) -> None:
        """Write that a run of ``command`` begins, ``shard`` says of which part."""
        self.write("start", wheelfix=__version__, command=command, manifest=manifest, check=check, shard=shard)

    def warning(self, finding: "Finding") -> None:
        """Write what is worth knowing of the manifest, or of how the run ends."""
        self.write(
            "warning", severity=finding.severity, place=finding.place, code=finding.code, message=finding.message,
            help=finding.hint,
        )  # fmt: skip

    def problem(
        self, problem: Problem, *, source: str | None = None, project: str | None = None, filename: str | None = None
    ) -> None:
        """Write what went wrong, and with what; with the whole run where nothing is named."""
        self._problems += 1
        self.write(
            "problem", source=source, project=project, filename=filename,
            code=problem.code, message=problem.message, reason=problem.reason, help=problem.hint,
        )  # fmt: skip

    def summary(self, report: "SyncReport", *, ok: bool, exit_code: int) -> None:
        """Write how the run ended."""
        self._end({"prepared": report.prepared, **sync_figures(report)}, ok=ok, exit_code=exit_code)

    def stopped(self, exit_code: int) -> None:
        """Write that the run ended without a report; what is not known of it then is ``null``."""
        files = {status.value: self._files[status] for status in PublishStatus}
        known = {"prepared": None, "planned": self._planned, "files": files, "served": None, "problems": self._problems}
        self._end({**known, "traffic": None}, ok=False, exit_code=exit_code)

    def interrupted(self, exit_code: int) -> None:
        """Write that a signal ended the run."""
        self.problem(Problem("interrupted", "a signal ended the run", "Complete files are kept; run it again."))
        self.stopped(exit_code)

    def _end(self, figures: Mapping[str, object], *, ok: bool, exit_code: int) -> None:
        self.write("summary", ok=ok, exit_code=int(exit_code), seconds=round(seconds_since_start(), 3), **figures)

    def planned(self, counts: Mapping[str, int], size: int) -> None:
        """Write what is planned."""
        self._planned = counts
        self.write("plan", files=counts, bytes=size)

    def source_failed(self, source: str, project: str | None, problem: Problem) -> None:
        """Write what went wrong with a source."""
        self.problem(problem, source=source, project=project)

    def file_started(self, name: str, size: int | None, resumed: int = 0) -> None:
        """Write that a download starts or resumes."""
        self.write("download", filename=name, bytes=size, resumed=resumed)

    def upload_started(self, name: str, size: int) -> None:
        """Write that a file is sent to a bucket."""
        self.write("upload", filename=name, bytes=size)

    def waiting(self, name: str, seconds: float, reason: str) -> None:
        """Write why nothing happens for a while."""
        self.write("waiting", filename=name, seconds=seconds, reason=reason)

    def wheel_done(self, outcome: "Outcome") -> None:
        """Write that a wheel was changed; what was refused or failed is a problem of its file in the mirror."""
        if not outcome.problem and outcome.status is Status.FIXED:
            self.write(
                "fixed", project=outcome.project, version=outcome.version, filename=outcome.source.name,
                changes=len(outcome.changes), sha256=outcome.output_sha256,
            )  # fmt: skip

    def file_published(self, published: "Published") -> None:
        """Write what became of a file of the mirror."""
        self._files[published.status] += 1
        if published.problem:
            name = published.source.name if published.source else published.filename
            self.problem(published.problem, project=published.project, filename=name)
        if published.is_listed or published.problem is None:
            self.write(
                "published", status=published.status, project=published.project, filename=published.filename,
                path=published.path, sha256=published.sha256,
            )  # fmt: skip
