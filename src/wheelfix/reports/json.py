"""The JSON report, version 1; its schema is docs/schemas/report.schema.json."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wheelfix.results import Outcome, Report, Status
from wheelfix.text import as_utf8

if TYPE_CHECKING:
    from wheelfix.results import PublishReport


def render_json(report: Report, published: "PublishReport | None" = None) -> str:
    """Return ``report`` as JSON with a final line end, and what became of the wheels in a mirror if they were published."""
    return document(
        report.command,
        wheels=[wheel_values(outcome) for outcome in report.outcomes],
        rules=report.rules,
        rule_findings=report.rule_findings,
        disagreements=report.disagreements,
        known_files=report.known_files,
        summary={status.value: report.count(status) for status in Status},
        **({"as_rules": report.as_rules} if report.as_rules else {}),
        **({} if published is None else {"published": published.files}),
    )


def wheel_values(outcome: Outcome) -> dict[str, Any]:
    """Return what is reported of a wheel."""
    return {
        "source": outcome.source,
        "url": outcome.url,
        "output": outcome.output,
        "status": outcome.status,
        "project": outcome.project,
        "version": outcome.version,
        "changes": outcome.changes,
        "kept": outcome.kept,
        "notes": outcome.notes,
        "sha256": {"source": outcome.source_sha256, "output": outcome.output_sha256},
        "shared": outcome.shared,
        "problem": outcome.problem,
        "findings": outcome.findings,
    }


def document(command: str, **contents: object) -> str:
    """Return what ``command`` found as JSON, version 1, with a final line end; of a struct all fields."""
    return encode({"version": 1, "command": command, **contents})


def encode(document: Mapping[str, Any]) -> str:
    """Return ``document`` as ASCII JSON that every reader takes, with a final line end."""
    return json.dumps(plain(document), indent=2, ensure_ascii=True) + "\n"


def plain(value: object) -> object:
    """Return ``value`` in the types of JSON, with every text in it made encodable; paths are text."""
    match value:
        case str() | Path():
            return as_utf8(str(value))
        case Mapping():
            return {name: plain(each) for name, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case Struct():
            return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        case _:
            return value
