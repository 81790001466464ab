"""What monitoring wants to know of a sync, as OpenMetrics text.

It follows https://prometheus.io/docs/specs/om/open_metrics_spec/ and is what the textfile collector of node_exporter, which
reads the older text format of Prometheus, understands, too: gauges only, whose names end with their unit. Each describes the
last run, so that a file of it is complete by itself.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from msgspec import Struct

from wheelfix.reports.sync import problems_of
from wheelfix.results import Problem, PublishStatus
from wheelfix.sync.model import SyncReport

_PREFIX: Final = "wheelfix_sync"
_ESCAPED: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_LAST_SUCCESS: Final = "last_success_timestamp_seconds"
_SAMPLE: Final = re.compile(rf"{_PREFIX}_{_LAST_SUCCESS}{{manifest=\"((?:[^\"\\]|\\.)*)\"}} (\d+(?:\.\d+)?)")


class SyncRun(Struct, frozen=True, kw_only=True):
    """A run that is over: of which ``manifest``, as it was named; when it ended (Unix time); how many ``seconds`` it took.

    ``report`` is ``None`` where the run ended with ``problem`` before there was one. ``last_success`` is when a run ended
    without problems, this one or the last one before; ``None`` if there was none.
    """

    manifest: str
    ended: float
    seconds: float
    report: SyncReport | None = None
    problem: Problem | None = None
    last_success: float | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong."""
        return self.report is not None and self.report.ok and self.problem is None


class _Metric(NamedTuple):
    name: str
    help: str
    samples: Mapping[tuple[tuple[str, str], ...], float]


def render_metrics(run: SyncRun) -> str:
    """Return what monitoring wants to know of ``run``, as OpenMetrics text with its end."""
    lines = [line for metric in _metrics(run) if metric.samples for line in _lines(metric, run.manifest)]
    return "".join(f"{line}\n" for line in (*lines, "# EOF"))


def last_success(text: str, manifest: str) -> float | None:
    """Return when the last run of ``manifest`` without problems ended (Unix time), as the metrics in ``text`` say it."""
    found = {sample[1]: float(sample[2]) for sample in _SAMPLE.finditer(text)}
    return found.get(manifest.translate(_ESCAPED))


def _lines(metric: _Metric, manifest: str) -> Iterator[str]:
    name = f"{_PREFIX}_{metric.name}"
    yield f"# HELP {name} {metric.help}"
    yield f"# TYPE {name} gauge"
    if (unit := metric.name.rpartition("_")[2]) in ("seconds", "bytes"):
        yield f"# UNIT {name} {unit}"
    for labels, value in metric.samples.items():
        pairs = (("manifest", manifest), *labels)
        shown = ",".join(f'{key}="{text.translate(_ESCAPED)}"' for key, text in pairs)
        yield f"{name}{{{shown}}} {value:.3f}" if value != int(value) else f"{name}{{{shown}}} {int(value)}"


def _one(value: float | None) -> Mapping[tuple[tuple[str, str], ...], float]:
    return {} if value is None else {(): value}


def _each(label: str, counts: Mapping[str, int]) -> Mapping[tuple[tuple[str, str], ...], float]:
    return {((label, str(name)),): count for name, count in counts.items()}


def _metrics(run: SyncRun) -> Iterator[_Metric]:
    yield _Metric("last_run_timestamp_seconds", "When the last run ended.", _one(run.ended))
    yield _Metric(_LAST_SUCCESS, "When the last run without problems ended.", _one(run.last_success))
    yield _Metric("success", "Whether the last run had no problems.", _one(run.ok))
    yield _Metric("duration_seconds", "How long the last run took.", _one(run.seconds))
    yield _Metric("problems", "What went wrong in the last run, by code.", _each("code", _problems(run)))
    if run.report is not None:
        yield from _of_report(run.report)


def _of_report(report: SyncReport) -> Iterator[_Metric]:
    statuses = {status.value: sum(each.status is status for each in report.files) for status in PublishStatus}
    yield _Metric("planned_files", "What the last run planned, by action.", _each("action", report.plan.counts))
    yield _Metric("planned_download_bytes", "What the last run was to download.", _one(report.plan.download_size))
    yield _Metric("files", "What became of files in the last run, by status.", _each("status", statuses))
    yield _Metric("served_files", "Files of manifests that were listed when the run began.", _one(report.plan.served))
    yield _Metric("requests", "Requests of the last run.", _one(report.traffic.requests))
    yield _Metric("unchanged_requests", "Answers that were 304 Not Modified.", _one(report.traffic.unchanged))
    yield _Metric("received_bytes", "What the last run received.", _one(report.traffic.received))


def _problems(run: SyncRun) -> Mapping[str, int]:
    found: Iterable[Problem] = () if run.report is None else (problem for _, problem in problems_of(run.report))
    return Counter(each.code for each in (*found, *([run.problem] if run.problem else ())))
