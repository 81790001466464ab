"""Lock files that the clients wrote: all say the same of one application."""

from pathlib import Path

import pytest

from lock_files import EXAMPLE, MAKERS
from places import ROOT
from wheelfix.locks.model import Lock, LockKind, Skipped
from wheelfix.locks.read import read_lock

LOCKS = ROOT / "tests/locks"
KINDS = {
    "uv.lock": LockKind.UV,
    "pylock.toml": LockKind.PYLOCK,
    "pylock.pip.toml": LockKind.PYLOCK,
    "pylock.pdm.toml": LockKind.PYLOCK,
    "poetry.lock": LockKind.POETRY,
    "pdm.lock": LockKind.PDM,
    "pdm-static.lock": LockKind.PDM,
    "requirements.txt": LockKind.REQUIREMENTS,
    "compiled.txt": LockKind.REQUIREMENTS,
    "exported.txt": LockKind.REQUIREMENTS,
    "frozen.txt": LockKind.REQUIREMENTS,
}
PROJECTS = {
    "torch", "filelock", "typing-extensions", "sympy", "networkx", "jinja2", "fsspec", "nvidia-cudnn-cu12",
    "nvidia-cublas-cu12", "nvidia-nccl-cu12", "triton",
}  # fmt: skip
ONE_PLATFORM = {"pylock.pip.toml"}


@pytest.fixture(params=sorted(KINDS))
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def lock(name: str) -> Lock:
    return read_lock(LOCKS / name)


def test_there_is_a_lock_of_each_client() -> None:
    assert {each.name for each in LOCKS.iterdir()} == set(MAKERS) == set(KINDS)


def test_every_project_is_there(name: str, lock: Lock) -> None:
    assert lock.kind is KINDS[name]
    assert {each.project for each in lock.files} == PROJECTS
    assert lock.warnings == ()
    assert {each.version for each in lock.files if each.project == "torch"} == {"2.7.0+cpu"}


def test_each_file_has_its_line(name: str, lock: Lock) -> None:
    lines = (LOCKS / name).read_text().splitlines()
    for each in lock.files:
        assert each.line is not None
        near = "\n".join(lines[each.line - 1 : each.line + 2])
        assert each.project in near


def test_files_and_hashes(name: str, lock: Lock) -> None:
    torch = [each for each in lock.files if each.project == "torch"]
    hashes = {sha256 for each in torch for sha256 in each.sha256}
    expected = 0 if name == "frozen.txt" else 1 if name in ONE_PLATFORM else 2
    assert len(hashes) == expected
    assert all(len(each) == 64 for each in hashes)
    if lock.kind is LockKind.REQUIREMENTS:
        assert [each.filename for each in torch] == [None]
    else:
        assert len(torch) == expected
        assert all(str(each.filename).startswith("torch-2.7.0+cpu-cp3") for each in torch)


def test_all_locks_name_the_same_files() -> None:
    files = {
        (each.filename, each.sha256)
        for name in KINDS
        for each in read_lock(LOCKS / name).files
        if each.filename and name not in ONE_PLATFORM
    }
    assert len(files) == len(PROJECTS) + 1


def test_urls_and_indexes(name: str, lock: Lock) -> None:
    with_urls = {"uv.lock", "pylock.toml", "pylock.pip.toml", "pdm-static.lock", "pylock.pdm.toml"}
    assert {each.url is not None for each in lock.files} == {name in with_urls}
    with_index = {"uv.lock", "pylock.toml", "poetry.lock", "exported.txt", "compiled.txt"}
    expected = {EXAMPLE.rstrip("/")} if name in with_index else {None}
    assert {each.index and each.index.rstrip("/") for each in lock.files} == expected


def test_what_is_no_file_of_an_index_has_a_reason(name: str, lock: Lock) -> None:
    found = {each.project: each.reason for each in lock.skipped}
    if name == "uv.lock":
        assert found == {"app": Skipped.PROJECT, "inner": Skipped.DIRECTORY}
    elif name == "exported.txt":
        assert found == {"../inner": Skipped.DIRECTORY}
    else:
        assert found == {}


def test_the_content_says_the_kind_where_the_name_does_not(name: str, lock: Lock, tmp_path: Path) -> None:
    for other in ("locked", "requirements.lock", "app.txt"):
        path = tmp_path / other
        path.write_bytes((LOCKS / name).read_bytes())
        found = read_lock(path)
        assert (found.kind, found.files) == (lock.kind, lock.files)
