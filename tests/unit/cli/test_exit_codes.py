"""The table of exit codes: the help, the documentation and the commands say the same."""

import errno
import os
import re

import click
import pytest

from places import ROOT
from running import wheelfix
from wheelfix.cli.exit_codes import MEANINGS, OF_USAGE, ExitCode, render_end, stopped
from wheelfix.errors import ManifestError, MirrorError, ResultError, RulesError
from wheelfix.refusals import REFUSALS


@pytest.mark.parametrize("page", ["README.md", "docs/reference/exit-codes.md"])
def test_the_documentation_has_the_table(page: str) -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    assert rows == [(str(int(code)), meaning) for code, meaning in MEANINGS.items()]


def test_the_help_has_the_table() -> None:
    text = " ".join(wheelfix("--help").out.split())
    assert all(f"{code:d} {meaning.replace('`', '')}" in text for code, meaning in MEANINGS.items())


def test_refused_beats_found() -> None:
    assert max(ExitCode.FOUND, ExitCode.INCOMPLETE) is ExitCode.INCOMPLETE


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RulesError("invalid-rules", "x", hint=""), 2),
        (ManifestError("invalid-manifest", "x", hint=""), 2),
        (MirrorError("not-a-mirror", "x", hint=""), 2),
        (MirrorError("nothing-selected", "x", hint=""), 2),
        (MirrorError("no-answer", "x", hint=""), 3),
        (MirrorError("locked", "x", hint=""), 3),
        (ResultError("source-changed", "x", hint=""), 3),
        (OSError(errno.EACCES, "Permission denied", "somewhere"), 3),
    ],
    ids=str,
)
def test_what_ends_a_whole_run(error: "RulesError | ManifestError | MirrorError | ResultError | OSError", code: int) -> None:
    found = stopped(error)
    assert isinstance(found, click.ClickException)
    assert found.exit_code == code


def test_what_ends_a_whole_run_says_why() -> None:
    """The name of a missing permission, or of a profile, stood in the error and was not printed."""
    error = MirrorError("no-credentials", "no valid credentials for S3", reason="there is no profile team", hint="Log in.")
    assert render_end(stopped(error)).splitlines() == [
        "error[no-credentials]: no valid credentials for S3",
        "  reason: there is no profile team",
        "  help: Log in.",
    ]


@pytest.mark.parametrize("code", sorted(OF_USAGE))
def test_codes_of_wrong_usage_exist(code: str) -> None:
    assert code in REFUSALS
    assert stopped(MirrorError(code, "x", hint="")).exit_code == 2


def test_a_file_that_cannot_be_read_is_not_called_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "cases/METADATA.in")

    monkeypatch.setattr("wheelfix.cli.rules.list.chosen_rules", refuse)
    ran = wheelfix("rules", "list")
    assert (ran.code, ran.out) == (3, "")
    assert "Permission denied: cases/METADATA.in" in ran.err
    assert "standard output" not in ran.err


@pytest.mark.parametrize("words", [("mirror",), ("rules",)])
def test_a_group_without_a_command_prints_its_help(words: tuple[str, ...]) -> None:
    ran = wheelfix(*words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"Usage: {' '.join(('wheelfix', *words))} ")


def test_a_missing_argument_names_the_choices() -> None:
    assert wheelfix("completion").err.startswith("error: missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish\n")
