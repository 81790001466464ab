"""Wheels of many projects are added in rounds: what one flush can do for all is done together, and errors stay apart."""

import json
import os
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from building import write_wheel
from defects import metadata, valid
from wheelfix.errors import MirrorError
from wheelfix.mirror import project, upload
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.repository import load_page
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.mirror.upload import add_wheels
from wheelfix.options import Limits
from wheelfix.results import PublishReport

PROJECTS = [f"demo{number}" for number in range(12)]


def wheel(folder: Path, project: str, version: str = "1.0") -> Path:
    folder.mkdir(exist_ok=True)
    head = ("Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}", "Summary: A wheel for tests")
    return write_wheel(folder, valid(project=project, version=version, metadata=metadata(head=head)))


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    """Four wheels of each of twelve projects."""
    return [wheel(tmp_path / "in", project, f"{version}.0") for project in PROJECTS for version in range(4)]


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def counted(monkeypatch: pytest.MonkeyPatch, *names: str) -> Counter[str]:
    """Count calls of functions of ``os``."""
    counts = Counter[str]()

    def counting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            counts[name] += 1
            return real(*arguments, **options)

        return call

    for name in names:
        monkeypatch.setattr(os, name, counting(name, getattr(os, name)))
    return counts


def problems(report: PublishReport) -> dict[str, set[str | None]]:
    found: dict[str, set[str | None]] = {}
    for each in report.files:
        found.setdefault(str(each.project), set()).add(each.problem.code if each.problem else None)
    return found


def served(mirror: Path) -> dict[str, bytes]:
    """Return all that is served, with one upload time for all."""
    found = {}
    for path in sorted((mirror / "public").rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.name == "index.json" and path.parent.name != "simple":
                document = json.loads(data)
                for file in document["files"]:
                    file["upload-time"] = file["_wheelfix-added"] = ""
                data = json.dumps(document).encode()
            found[path.relative_to(mirror).as_posix()] = b"" if path.suffix == ".html" else data
    return found


@pytest.mark.parametrize("jobs", [2, 3])
def test_what_is_served_does_not_depend_on_the_jobs(jobs: int, wheels: list[Path], mirror: Path, tmp_path: Path) -> None:
    wheels[5].write_bytes(b"no zip")
    one, several = add_wheels(tmp_path / "one", wheels), add_wheels(mirror, wheels, jobs=jobs)
    assert [(each.source, each.status, each.path) for each in one.files] == [
        (each.source, each.status, each.path) for each in several.files
    ]
    assert served(mirror) == served(tmp_path / "one")
    assert check_mirror(mirror).findings == ()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_of_many_rounds_is_like_one_of_one(
    jobs: int, wheels: list[Path], mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert add_wheels(tmp_path / "one", wheels).ok
    monkeypatch.setattr(upload, "_MOST_WHEELS", 10)
    report = add_wheels(mirror, wheels, jobs=jobs)
    assert report.ok
    assert [each.source for each in report.files] == wheels
    assert served(mirror) == served(tmp_path / "one")


def test_processes_examine_one_round_at_a_time(wheels: list[Path], mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a process dies, the wheel that may have killed it is tried alone: no other round may lose its wheels then."""
    running = most = calls = 0
    real = project.examine_all

    def examine(*arguments: Any) -> Any:
        nonlocal running, most, calls
        running, calls = running + 1, calls + 1
        most = max(most, running)
        try:
            return real(*arguments)
        finally:
            running -= 1

    monkeypatch.setattr(upload, "examine_all", examine)
    monkeypatch.setattr(upload, "_MOST_PROJECTS", 1)
    assert add_wheels(mirror, wheels, jobs=2).ok
    assert (calls, most) == (len(PROJECTS), 1)


@pytest.mark.parametrize(("name", "most"), [("_MOST_PROJECTS", 2), ("_MOST_BYTES", 1), ("_MOST_OF_PAGES", 1)])
def test_what_a_round_takes_on_is_limited(
    name: str, most: int, wheels: list[Path], mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Locks that are held, bytes on the disk without a page, pages in memory: a project is never cut in two, though."""
    assert add_wheels(mirror, [each for each in wheels if "-0.0-" in each.name]).ok
    rounds: list[int] = []
    real = upload._commit

    def commit(store: Any, uploads: Any) -> None:
        rounds.append(len(uploads))
        real(store, uploads)

    monkeypatch.setattr(upload, "_commit", commit)
    monkeypatch.setattr(upload, name, most)
    assert add_wheels(mirror, wheels).ok
    assert rounds == ([2] * 6 if name == "_MOST_PROJECTS" else [1] * 12)


def test_the_disk_is_waited_for_once_for_many(wheels: list[Path], mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel, its metadata file and their directory are flushed once each; all else once for a project or a run."""
    counts = counted(monkeypatch, "fsync", "open", "readlink", "getcwd", "mkdir")
    assert add_wheels(mirror, wheels).ok
    projects = len(PROJECTS)
    for_each_project = 6  # the journal, two pages, their directory, and the directory of files; one more for what is above
    assert counts["fsync"] <= 3 * len(wheels) + for_each_project * projects + 20
    assert counts["mkdir"] <= len(wheels) + 3 * projects + 10  # filelock asks for its directory each time
    assert counts["open"] <= 8 * len(wheels) + 25 * projects + 40
    assert counts["readlink"] == 0
    assert counts["getcwd"] <= 20


def test_the_list_of_projects_is_written_once(wheels: list[Path], mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    real = LocalStore.put_if

    def put_if(store: LocalStore, writes: Any) -> None:
        writes = list(writes)
        written.extend(each.key for each in writes)
        real(store, writes)

    monkeypatch.setattr(LocalStore, "put_if", put_if)
    assert add_wheels(mirror, wheels).ok
    assert Counter(written).most_common(1)[0][1] == 1
    pages = [key for key in written if key.startswith("public/simple/")]
    assert pages[-2:] == ["public/simple/index.json", "public/simple/index.html"]


def test_a_project_that_another_process_writes_to_keeps_no_other_waiting(
    wheels: list[Path], mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock is only waited for where no other is held: two publishers never wait for each other."""
    held: set[str] = set()
    real = LocalStore.locked

    def locked(store: LocalStore, name: str, timeout: float) -> Any:
        if timeout and name != ".root":
            held.add(name)
        return real(store, name, timeout)

    with LocalStore(mirror).locked("demo3", 1):
        monkeypatch.setattr(LocalStore, "locked", locked)
        report = add_wheels(mirror, wheels, limits=Limits(lock_seconds=0.1))
    assert problems(report) == {project: {"locked"} if project == "demo3" else {None} for project in PROJECTS}
    assert held == {"demo3"}
    assert add_wheels(mirror, wheels).ok
    assert check_mirror(mirror).findings == ()


@pytest.mark.parametrize("place", ["public/simple/demo3", "public/files/demo3", "private/journal/demo3"])
def test_an_error_of_one_project_is_not_one_of_the_others(place: str, wheels: list[Path], mirror: Path) -> None:
    (mirror / place).parent.mkdir(parents=True)
    (mirror / "private").mkdir(exist_ok=True)
    if place.startswith("private"):
        (mirror / place).mkdir()
    else:
        (mirror / place).write_text("a file where a directory belongs")
    report = add_wheels(mirror, wheels)
    found = problems(report)
    assert None not in found.pop("demo3")
    assert found == {project: {None} for project in PROJECTS if project != "demo3"}
    store = LocalStore(mirror)
    assert [len(load_page(store, project).files) for project in found] == [4] * 11
    assert {each.place for each in check_mirror(mirror).findings if "demo3" not in each.place} == set()


def test_a_damaged_page_is_one_of_its_project(wheels: list[Path], mirror: Path) -> None:
    assert add_wheels(mirror, wheels[:8]).ok
    (mirror / "public/simple/demo1/index.json").write_text("{")
    found = problems(add_wheels(mirror, wheels))
    assert found == {project: {"bad-page"} if project == "demo1" else {None} for project in PROJECTS}


def test_pages_that_cannot_be_written_together_are_written_alone(
    wheels: list[Path], mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save_pages(*_: object) -> None:
        raise MirrorError("changed-meanwhile", "one of them changed", hint="")

    monkeypatch.setattr(upload, "save_pages", save_pages)
    assert add_wheels(mirror, wheels).ok
    assert check_mirror(mirror).findings == ()


def test_new_directories_can_be_read_by_a_server(wheels: list[Path], mirror: Path) -> None:
    before = os.umask(0o077)
    try:
        assert add_wheels(mirror, wheels[:4]).ok
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) & 0o055 for path in (mirror / "public").rglob("*") if path.is_dir()}
    assert modes == {0o055}
