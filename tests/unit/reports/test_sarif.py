"""Findings as SARIF 2.1.0: what its schema requires, and what code scanning needs to show a result."""

import json
from pathlib import Path
from typing import Any, Final

import jsonschema

from defects import DEFECTS
from wheelfix.codes import Check
from wheelfix.mirror.registry import MirrorCheckReport, finding
from wheelfix.reports.sarif import render_mirror_check_sarif, render_sarif, render_verify_sarif
from wheelfix.results import CheckedWheel, Finding, Severity, VerifyReport
from wheelfix.verify.batch import verify_wheels
from wheelfix.verify.registry import CHECKS

_MESSAGE: Final = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
_LEVEL: Final = {"enum": ["none", "note", "warning", "error"]}
_URI: Final = {"type": "string", "format": "uri"}
_LOCATION: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "additionalProperties": False,
            "required": ["artifactLocation", "region"],
            "properties": {
                "artifactLocation": {
                    "type": "object", "required": ["uri"], "properties": {"uri": {"pattern": "^[!-~]+$"}},
                },
                "region": {"type": "object", "properties": {"startLine": {"type": "integer", "minimum": 1}}},
            },
        },
        "logicalLocations": {"type": "array", "items": {"required": ["fullyQualifiedName"]}},
    },
}  # fmt: skip
_RULE: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "shortDescription", "help", "helpUri", "defaultConfiguration"],
    "properties": {
        "id": {"type": "string"}, "shortDescription": _MESSAGE, "help": _MESSAGE, "helpUri": _URI,
        "defaultConfiguration": {"type": "object", "properties": {"level": _LEVEL}},
    },
}  # fmt: skip
_RESULT: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["ruleId", "ruleIndex", "level", "message", "locations"],
    "properties": {
        "ruleId": {"type": "string"}, "ruleIndex": {"type": "integer", "minimum": 0}, "level": _LEVEL,
        "message": _MESSAGE, "locations": {"type": "array", "minItems": 1, "items": _LOCATION},
    },
}  # fmt: skip
_DRIVER: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "version", "informationUri", "rules"],
    "properties": {
        "name": {"type": "string"}, "version": {"type": "string"}, "informationUri": _URI,
        "rules": {"type": "array", "uniqueItems": True, "items": _RULE},
    },
}  # fmt: skip
ESSENTIALS: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["$schema", "version", "runs"],
    "properties": {
        "$schema": _URI,
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["tool", "results"],
                "properties": {
                    "tool": {"type": "object", "required": ["driver"], "properties": {"driver": _DRIVER}},
                    "results": {"type": "array", "items": _RESULT},
                },
            },
        },
    },
}
"""What the published schema says of the objects that are written here; the whole schema was tried on the same log."""


def run_of(text: str) -> dict[str, Any]:
    """Return the one run of a log, which must be valid."""
    log = json.loads(text)
    jsonschema.Draft7Validator(ESSENTIALS).validate(log)
    [run] = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rules[each["ruleIndex"]]["id"] for each in run["results"]] == [each["ruleId"] for each in run["results"]]
    return run  # type: ignore[no-any-return]


def test_log_of_every_flaw_is_valid(tmp_path: Path) -> None:
    wheels: list[CheckedWheel] = []
    for number, defect in enumerate(DEFECTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        wheels += verify_wheels(defect.write(folder)).wheels
    run = run_of(render_verify_sarif(VerifyReport(tuple(wheels))))
    assert {each["id"] for each in run["tool"]["driver"]["rules"]} == set(CHECKS)
    assert len(run["results"]) == sum(len(each.findings) for each in wheels)


def test_log_without_findings_is_valid() -> None:
    run = run_of(render_verify_sarif(VerifyReport((CheckedWheel(Path("a.whl")),))))
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])


def test_result_says_what_and_where() -> None:
    finding = CHECKS["record-wrong-hash"].finding("row 1: a\x1b.py", "its sha256 is x")
    run = run_of(render_verify_sarif(VerifyReport((CheckedWheel(Path("dist/a b.whl"), (finding,)),))))
    [result] = run["results"]
    assert result["message"]["text"] == "row 1: a\\x1b.py: its sha256 is x (refused by installer)"
    [location] = result["locations"]
    assert location["physicalLocation"]["artifactLocation"] == {"uri": "dist/a%20b.whl"}
    assert location["logicalLocations"] == [{"fullyQualifiedName": "row 1: a\\x1b.py"}]
    [rule] = run["tool"]["driver"]["rules"]
    assert rule["helpUri"].endswith("/docs/reference/checks.md#record-wrong-hash")


def test_findings_of_any_table_can_be_written() -> None:
    check = Check("page-missing", Severity.NOTE, "A page is missing.")
    finding = Finding("page-missing", Severity.NOTE, "simple/x", "it is gone")
    run = run_of(
        render_sarif([("https://example.org/simple/x/", finding)], {"page-missing": check}, page="mirror-checks.md")
    )
    assert run["results"][0]["level"] == "note"
    assert (
        run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "https://example.org/simple/x/"
    )


def test_findings_of_a_mirror_are_in_its_files() -> None:
    found = (finding("page-missing", "public/simple/demo", "x"), finding("release-disagrees", "demo: a.whl", "y"))
    run = run_of(render_mirror_check_sarif("mirror/", MirrorCheckReport(found, 1, 1)))
    uris = [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in run["results"]]
    assert uris == ["mirror/public/simple/demo", "mirror"]
    assert run["tool"]["driver"]["rules"][0]["helpUri"].endswith("/docs/reference/mirror-checks.md#page-missing")
