"""Running the command line in this process, and reading its JSON report."""

import contextlib
import io
import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from wheelfix.cli import run

SCHEMAS = Path(__file__).parents[1] / "docs"


@dataclass(frozen=True, slots=True)
class Ran:
    """The exit code, and what went to standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of standard output."""
        return self.out.splitlines()

    @property
    def report(self) -> dict[str, Any]:
        """The JSON report on standard output, which must fit its schema."""
        report: dict[str, Any] = json.loads(self.out)
        validator().validate(report)
        return report

    @property
    def audit(self) -> dict[str, Any]:
        """What ``verify`` found, as JSON on standard output, which must fit its schema."""
        audit: dict[str, Any] = json.loads(self.out)
        validator("verify.schema.json").validate(audit)
        return audit


def mirror_report(ran: Ran) -> dict[str, Any]:
    """Return what a command of ``wheelfix mirror`` printed as JSON, which must fit its schema."""
    report: dict[str, Any] = json.loads(ran.out)
    validator("mirror.schema.json").validate(report)
    return report


def wheelfix(*arguments: object, stdin: str = "") -> Ran:
    """Run ``wheelfix`` with ``arguments``."""
    out, err, old = io.StringIO(), io.StringIO(), sys.stdin
    sys.stdin = io.StringIO(stdin)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run([str(argument) for argument in arguments])
    finally:
        sys.stdin = old
    return Ran(code, out.getvalue(), err.getvalue())


@cache
def validator(name: str = "report.schema.json") -> jsonschema.Draft202012Validator:
    """Return a validator for a published schema."""
    schema = json.loads((SCHEMAS / name).read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)
