"""Running the command line in this process, and reading its JSON report."""

import contextlib
import io
import json
import os
import re
import sys
from functools import cache
from typing import Any

import jsonschema
from msgspec import Struct

from places import SCHEMAS
from wheelfix.cli import run

_DURATION = re.compile(r" in (?:\d+ min )?[\d.]+ s(?= -> |$)", re.MULTILINE)


class Ran(Struct, frozen=True):
    """The exit code, and what went to standard output and standard error, without the time that the run took."""

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


def wheelfix(*arguments: object, stdin: str = "", terminal: bool = False) -> Ran:
    """Run ``wheelfix`` with ``arguments``; standard output is a pipe, or as if it were a ``terminal``."""
    out, err, old = _Output(terminal=terminal), io.StringIO(), sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(os.fsencode(stdin)))
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run([str(argument) for argument in arguments])
    finally:
        sys.stdin = old
    out.flush()
    return Ran(code, out.buffer.getvalue().decode("utf-8", "surrogateescape"), _DURATION.sub("", err.getvalue()))


class _Output(io.TextIOWrapper):
    """Standard output as a pipe or a terminal gives it: text over bytes, to which some results are written."""

    buffer: io.BytesIO

    def __init__(self, *, terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="surrogateescape", newline="")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@cache
def validator(name: str = "report.schema.json") -> jsonschema.Draft202012Validator:
    """Return a validator for a published schema."""
    schema = json.loads((SCHEMAS / name).read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)
