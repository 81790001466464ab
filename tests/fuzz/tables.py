"""Files that people write: rules, manifests and lock files are read, or refused with every error and its place."""

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from fuzz.target import Bound, Target, check_error, outcome, same
from places import ROOT
from ruling import facts_of
from wheelfix.errors import ManifestError, RulesError, WheelfixError
from wheelfix.locks.commands import Move, steps_for
from wheelfix.locks.read import read_lock
from wheelfix.locks.text import LARGEST
from wheelfix.rules.actions import apply_rules
from wheelfix.rules.cases import try_cases
from wheelfix.rules.explain import explain
from wheelfix.rules.lint import lint_rules
from wheelfix.rules.load import load_rules
from wheelfix.rules.match import Facts
from wheelfix.rules.model import RuleSet
from wheelfix.rules.schema import print_rule, print_rules
from wheelfix.sync.manifest.read import read_manifest
from wheelfix.wheel.metadata import Document

_LONGEST_SEED: Final = 1_500
_REQUIRES: Final = (
    "triton", "nvidia-cublas-cu12==12.6 ; platform_system == 'Linux'", "foo>=1,<2 ; extra == 'x'", "bar[a]~=1.4",
    "x @ https://y.z/", "numpy (>=1.0)", "broken >=",
)  # fmt: skip


@cache
def _folder() -> Path:
    """Return a directory for the files of this process."""
    folder = tempfile.TemporaryDirectory()
    _KEPT.append(folder)
    return Path(folder.name)


_KEPT: Final = list[tempfile.TemporaryDirectory[str]]()


def _file(name: str, data: bytes) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    return path


def _check_findings(error: RulesError | ManifestError, data: bytes) -> None:
    """Confirm that each finding of a file has a code, a message, something to do, and a place that is there."""
    assert error.findings or error.hint
    assert all(char.isprintable() or char == "\n" for char in str(error)), ascii(str(error))
    lines = data.count(b"\n") + 1
    for each in error.findings:
        assert each.code
        assert each.message
        assert each.hint
        assert str(each.message).isprintable(), ascii(each.message)
        number = each.place.split(":")[1] if each.place.count(":") else ""
        assert not number.isdigit() or 1 <= int(number) <= lines, each.place


@cache
def _facts() -> tuple[Facts, ...]:
    torch = facts_of(*_REQUIRES, project="torch", version="2.7.0+cpu", tags="cp311-cp311-manylinux_2_28_x86_64")
    return facts_of(*_REQUIRES, fields="Provides-Extra: x\nClassifier: A\n"), torch


def check_rules(data: bytes) -> None:
    """Rules that are read can be written, read again, checked, explained and applied; others are refused with places."""
    path = _file("ours.toml", data)
    try:
        rules = load_rules(path)
    except RulesError as error:
        _check_findings(error, data)
        return
    again = load_rules(_file("again.toml", print_rules(rules).encode()))
    same(again.rules, rules.rules)
    assert all(each.message and each.code for each in lint_rules(rules))
    for rule in rules.rules:
        assert print_rule(rule)
    outcome(lambda: try_cases(rules))
    for facts in _facts():
        explain(rules, facts)
        _check_applied(rules, facts)


def _check_applied(rules: RuleSet, facts: Facts) -> None:
    try:
        applied = apply_rules(rules, facts)
    except WheelfixError as error:
        check_error(error)
        return
    assert Document.parse(applied.document.data) == applied.document
    if not applied.changes:
        assert applied.document.data == facts.document.data
    assert applied.document.body == facts.document.body


def _rules() -> Iterator[bytes]:
    for path in sorted((ROOT / "tests/golden").glob("*/rules.toml")):
        yield path.read_bytes()[:_LONGEST_SEED]
    for path in sorted((ROOT / "examples/rules").glob("*.toml")):
        yield path.read_bytes()
    for path in sorted((ROOT / "tests/invalid_rules").glob("*.toml"))[::4]:
        yield path.read_bytes()[:_LONGEST_SEED]


def check_manifest(data: bytes) -> None:
    """A manifest is read, or refused with every error and its place; what is read has what it must have."""
    path = _file("mirror.toml", data)
    try:
        manifest = read_manifest(path)
    except ManifestError as error:
        _check_findings(error, data)
        return
    assert manifest.store
    assert manifest.sources
    names = [each.name for each in manifest.sources]
    assert len({*names}) == len(names)
    for source in manifest.sources:
        assert source.index.lower().startswith(("http://", "https://"))  # case does not matter in a scheme (RFC 3986)
        assert source.keep is None or source.keep >= 1
        assert manifest.source(source.name) == source
    assert read_manifest(path) == manifest


def _manifests() -> Iterator[bytes]:
    for path in sorted((ROOT / "examples").glob("*/mirror.toml")):
        yield path.read_bytes()
    for path in sorted((ROOT / "tests/invalid_manifests").glob("*.toml"))[::3]:
        yield path.read_bytes()[:_LONGEST_SEED]
    head = b'schema = 1\n[mirror]\nstore = "m"\nrules = []\nkeep = "all"\n'
    yield head + b'[[source]]\nindex = "https://a.b/simple/"\nprojects = "x"\n'


_LOCKS: Final = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "requirements.txt", "other.lock")


def check_lock(data: bytes) -> None:
    """A lock file is read, or refused with its path; each file that it names has a project, a version and whole sums.

    The first byte says what the file is called.
    """
    path = _file(_LOCKS[data[0] % len(_LOCKS) if data else 0], data[1:])
    lock = outcome(lambda: read_lock(path))
    if lock is None:
        return
    for each in lock.files:
        assert each.project
        assert each.version
        assert "/" not in (each.filename or "")
        assert all(len(sha256) == 64 for sha256 in each.sha256)
    for step in steps_for(lock, [Move(project="demo", version="1.0"), Move(project="other", obsolete=("gone",))]):
        assert str(step)


def _locks() -> Iterator[bytes]:
    for path in sorted((ROOT / "tests/locks").iterdir()):
        number = (
            _LOCKS.index(path.name)
            if path.name in _LOCKS
            else (5 if path.suffix == ".lock" else 3 + (path.suffix == ".txt"))
        )
        yield bytes([number]) + path.read_bytes()[:_LONGEST_SEED]


_TOML: Final = (
    '"""',
    "'''",
    "[[",
    "]]\n",
    " = ",
    '"',
    "{ ",
    " }",
    "[",
    "]",
    "\n",
    "#",
    "true",
    "1979-05-27",
    "\\u0000",
    "inf",
    ".",
)
_OF_RULES: Final = (
    "[[rule]]\n", 'id = "r"\n', 'reason = "r"\n', "action = ", '"drop"', '"keep"', "match = ", "when = ", "name = ",
    "set-specifier", "set-field", "replace", "rename", "extra = ", "version = ", "platform = ", "schema = 1\n",
    "extends = ", '"gpu"', "{specifier}", "{version}", "{marker}", "[[rule.test]]\n", "add", "marker = ", "copy-from",
    "until = ", "lacks = ", "has = ", "on-mismatch = ",
)  # fmt: skip
_OF_MANIFESTS: Final = (
    "schema = 1\n", "[mirror]\n", "store = ", "[[source]]\n", "index = ", '"https://a.b/"', "projects = ", "keep = ",
    '"all"', "min-age = ", "prune-after = ", "lock = ", "family = true\n", "local = ", '"strip"', "rules = ",
    "platforms = ", "pythons = ", '"torch>=2"', "sdists = ", "dependencies = true\n", "36h", "s3://b/p",
)  # fmt: skip
_OF_LOCKS: Final = (
    "[[package]]\n", "name = ", "version = ", "wheels = [", "{ url = ", "hash = ", "sha256:", "[metadata]\n",
    "lock-version = ", "==", " --hash=sha256:", "\\\n", "-r ", " ; ", "[package.source]\n", "files = [", "file = ",
    "[[packages]]\n", "hashes = {", "-e ", "@ ",
)  # fmt: skip
_MEMORY: Final = Bound(1 << 24, 1 << 14)
_OF_LOCK: Final = Bound(LARGEST + (1 << 24), 1 << 14)
"""To read a file of at most so many bytes Python reserves them, and gives back what it does not need."""
TARGETS: Final = {
    "rules": Target(
        check_rules, _rules, words=(*_TOML, *_OF_RULES), longest=1_500, calls=Bound(400_000, 2_000), memory=_MEMORY
    ),
    "manifest": Target(
        check_manifest,
        _manifests,
        words=(*_TOML, *_OF_MANIFESTS),
        longest=1_500,
        calls=Bound(200_000, 1_000),
        memory=_MEMORY,
    ),
    "lock": Target(check_lock, _locks, words=(*_TOML, *_OF_LOCKS), calls=Bound(100_000, 500), memory=_OF_LOCK),
}
