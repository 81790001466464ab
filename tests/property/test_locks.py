"""Lock files that are damaged in any way are an error with a place, or are read; nothing else happens."""

import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import given, settings, strategies as st

from places import ROOT
from wheelfix.errors import LockError
from wheelfix.locks.read import read_lock

LOCKS = sorted((ROOT / "tests/locks").iterdir())
ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 62), 1 << 62),
    st.floats(allow_nan=False),
    st.sampled_from(["", "..", "1" * 5000, "(" * 3000, "sha256:", "http://[", "a\x00b", "\u202e", "==1", "x" * 300]),
    st.lists(st.sampled_from(["", 1, {}]), max_size=2),
    st.just({}),
)
WORDS = st.sampled_from([
    "\\\n", "--hash=", "--hash ", "sha256:", "-r ", "-e ", "-c .", " ; ", "(" * 3000, "==", "=== ", "1" * 5000, "@ http://[",
    "#", "'", "\x00", "\r", "\u2028", "${X}", "[", "-", "--index-url", "é",
])  # fmt: skip


def damage(tables: Any, path: list[int], value: Any) -> Any:
    """Put ``value`` in place of the part of ``tables`` that ``path`` leads to; ``None`` removes it."""
    if not path or not isinstance(tables, dict | list) or not tables:
        return tables if value is None else value
    keys = list(tables) if isinstance(tables, dict) else list(range(len(tables)))
    key = keys[path[0] % len(keys)]
    if len(path) == 1 and value is None:
        del tables[key]
    else:
        tables[key] = damage(tables[key], path[1:], value)
    return tables


def read_or_refuse(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    refused: LockError | None = None
    try:
        files = read_lock(path).files
    except LockError as error:
        refused, files = error, ()
    assert refused is None or (str(path.parent) in refused.message and refused.hint)
    for each in files:
        assert each.project
        assert each.version
        assert "/" not in (each.filename or "")
        assert all(len(sha256) == 64 for sha256 in each.sha256)


@given(st.sampled_from(LOCKS), st.lists(st.integers(0, 99), max_size=6), ODD)
@settings(deadline=None)
def test_any_value_in_any_place(tmp_path_factory: Any, lock: Path, path: list[int], value: Any) -> None:
    folder = tmp_path_factory.mktemp("lock")
    try:
        tables = tomllib.loads(lock.read_text())
    except tomllib.TOMLDecodeError:  # a file of requirements
        return
    damaged = damage(tables, path, value)
    if isinstance(damaged, dict):
        with suppress(UnicodeEncodeError):
            read_or_refuse(folder / lock.name, tomli_w.dumps(damaged).encode())


@given(st.sampled_from(LOCKS), st.integers(0, 5000), st.integers(0, 200), st.one_of(WORDS, st.text(max_size=9)))
@settings(deadline=None)
def test_any_text_in_any_place(tmp_path_factory: Any, lock: Path, start: int, length: int, text: str) -> None:
    data = lock.read_bytes()
    inserted = text.encode("utf-8", "surrogatepass")
    read_or_refuse(tmp_path_factory.mktemp("lock") / lock.name, data[:start] + inserted + data[start + length :])
