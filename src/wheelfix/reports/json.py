"""The JSON report, version 1; its schema is docs/report.schema.json."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wheelfix.results import Outcome, Report, Status
from wheelfix.text import as_utf8

if TYPE_CHECKING:
    from wheelfix.results import Published, PublishReport


def render_json(report: Report, published: "PublishReport | None" = None) -> str:
    """Return ``report`` as JSON with a final line end, and what became of the wheels in a mirror if they were published."""
    document: dict[str, Any] = {
        "version": 1,
        "command": report.command,
        "wheels": [_wheel(outcome) for outcome in report.outcomes],
        "rule_findings": [asdict(each) for each in report.rule_findings],
        "disagreements": [asdict(each) for each in report.disagreements],
        "summary": {status.value: report.count(status) for status in Status},
    }
    if published is not None:
        document["published"] = [published_values(each) for each in published.files]
    return encode(document)


def published_values(published: "Published") -> dict[str, Any]:
    """Return what became of a file in a mirror, as the JSON reports have it."""
    return {
        "source": None if published.source is None else str(published.source),
        "status": published.status.value,
        "project": published.project,
        "filename": published.filename,
        "path": published.path,
        "sha256": published.sha256,
        "notes": list(published.notes),
        "problem": None if published.problem is None else asdict(published.problem),
    }


def _wheel(outcome: Outcome) -> dict[str, Any]:
    return {
        "source": str(outcome.source),
        "output": None if outcome.output is None else str(outcome.output),
        "status": outcome.status.value,
        "project": outcome.project,
        "version": outcome.version,
        "changes": [asdict(each) for each in outcome.changes],
        "kept": [asdict(each) for each in outcome.kept],
        "notes": list(outcome.notes),
        "sha256": {"source": outcome.source_sha256, "output": outcome.output_sha256},
        "problem": None if outcome.problem is None else asdict(outcome.problem),
        "findings": [asdict(each) for each in outcome.findings],
    }


def encode(document: Mapping[str, Any]) -> str:
    """Return ``document`` as ASCII JSON that every reader takes, with a final line end."""
    return json.dumps(_clean(document), indent=2, ensure_ascii=True) + "\n"


def _clean(value: object) -> object:
    """Return ``value`` with every text in it made encodable, and paths as text."""
    match value:
        case str() | Path():
            return as_utf8(str(value))
        case Mapping():
            return {name: _clean(each) for name, each in value.items()}
        case list() | tuple():
            return [_clean(each) for each in value]
        case _:
            return value
