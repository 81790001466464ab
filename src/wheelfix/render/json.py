"""The JSON report, version 1; its schema is docs/report.schema.json."""

import json
from dataclasses import asdict
from typing import Any

from wheelfix.outcome import Change, Outcome, Report, Status


def render_json(report: Report) -> str:
    """Return ``report`` as JSON with a final line end."""
    document = {
        "version": 1,
        "command": report.command,
        "wheels": [_wheel(outcome) for outcome in report.outcomes],
        "summary": {status.value: report.count(status) for status in Status},
    }
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def _wheel(outcome: Outcome) -> dict[str, Any]:
    return {
        "source": _text(str(outcome.source)),
        "output": None if outcome.output is None else _text(str(outcome.output)),
        "status": outcome.status.value,
        "project": outcome.project,
        "version": outcome.version,
        "changes": [change_as_json(each) for each in outcome.changes],
        "kept": [change_as_json(each) for each in outcome.kept],
        "notes": list(outcome.notes),
        "sha256": {"source": outcome.source_sha256, "output": outcome.output_sha256},
        "problem": None if outcome.problem is None else asdict(outcome.problem),
    }


def change_as_json(change: Change) -> dict[str, str | None]:
    """Return ``change`` as the report writes it."""
    return {name: None if value is None else _text(value) for name, value in asdict(change).items()}


def _text(value: str) -> str:
    """Return ``value`` as text that every JSON reader takes: bytes that are no UTF-8 become replacement characters."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
