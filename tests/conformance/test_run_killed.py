"""A run that is killed at each of its steps: the old wheel stays or the new one is there, and the next run tidies up."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

import pytest

from building import Entry, WheelSpec, write_wheel
from fixing import values
from killing import killed_at
from wheelfix import Status, fix_wheels
from wheelfix.options import Policy

STEPS: Final = (
    "open",
    "link",
    "replace",
    "unlink",
    "fsync",
    "pwrite",
    "posix_fadvise",
    "copy_file_range",
    "fchmod",
    "fchown",
    "rename",
    "close",
    "mkdir",
    "symlink",
    "rmdir",
)
"""What changes a directory, or may come before or after that."""
WAYS: Final[dict[str, dict[str, Any]]] = {
    "new": {"output_dir": "out"},
    "overwrite": {"output_dir": "out", "overwrite": True},
    "in-place": {"in_place": True},
}
SLOW: Final = (pytest.mark.slow, pytest.mark.parts)
_SPEC: Final = WheelSpec(files=(Entry("demo/__init__.py", b"ANSWER = 42\n" * 99),))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # the child uses none of the threads of the test runner
@pytest.mark.parametrize(
    ("way", "system"),
    [
        ("in-place", "without temporary files"),
        ("overwrite", "with all"),
        ("new", "without nameless files"),
        pytest.param("in-place", "with all", marks=SLOW),
        pytest.param("in-place", "without nameless files", marks=SLOW),
        pytest.param("new", "with all", marks=SLOW),
        pytest.param("new", "without temporary files", marks=SLOW),
        pytest.param("overwrite", "without nameless files", marks=SLOW),
        pytest.param("overwrite", "without temporary files", marks=SLOW),
    ],
)
def test_the_next_run_removes_what_a_kill_left(
    way: str, system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if system == "without nameless files":
        monkeypatch.delattr(os, "O_TMPFILE")
    (tmp_path / "temporary").mkdir()
    place = "nowhere" if system == "without temporary files" else "temporary"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / place))
    monkeypatch.chdir(tmp_path)
    expected = (
        fix_wheels(write_wheel(tmp_path, _SPEC), output="expected", policy=Policy(allow_unproven=True)).outcomes[0].output
    )
    assert expected is not None
    at, littered = 0, 0
    done = False
    while not done:
        at += 1
        folder = tmp_path / str(at)
        folder.mkdir()
        monkeypatch.chdir(folder)
        path = write_wheel(Path(), _SPEC)
        old = path.read_bytes()
        target = path if way == "in-place" else Path("out") / path.name
        if way == "overwrite":
            target.parent.mkdir()
            target.write_bytes(b"of before")
        before = target.read_bytes() if target.exists() else None

        def run() -> Status:
            return fix_wheels(path, **values(allow_unproven=True, **WAYS[way])).outcomes[0].status  # noqa: B023 - called at once

        done = not killed_at(at, STEPS, run)
        there = target.read_bytes() if target.exists() else None
        assert there in (before, (tmp_path / expected).read_bytes()), at
        litter = [*target.parent.glob(".wheelfix-*")]
        littered += len(litter)
        fix_wheels(path, **values(dry_run=True, allow_unproven=True, **WAYS[way]))
        assert [*target.parent.glob(".wheelfix-*")] == litter, "a dry run changes nothing"
        assert run() in (Status.FIXED, Status.UNCHANGED), at
        assert target.read_bytes() == (tmp_path / expected).read_bytes(), at
        assert way == "in-place" or path.read_bytes() == old
        assert [*Path().rglob(".wheelfix-*")] == [], at
        assert sorted(each.name for each in Path().rglob("*") if each.is_file()) == [path.name] * (
            1 + (way != "in-place")
        ), at
        shutil.rmtree(folder)
    assert at > 10
    assert (littered > 0) is (system != "with all" or way != "new"), "there was something to remove"


@pytest.mark.slow
@pytest.mark.parts
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # as above
@pytest.mark.parametrize("system", ["with all", "without nameless files"])
@pytest.mark.parametrize("way", ["in-place", "new"])
def test_of_wheels_that_get_their_names_together_each_is_old_or_new(
    way: str, system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 5, for several wheels of one run: and the next run finishes the work."""
    if system == "without nameless files":
        monkeypatch.delattr(os, "O_TMPFILE")
    monkeypatch.chdir(tmp_path)
    specs = [WheelSpec(project=project, files=_SPEC.files) for project in ("a", "b", "c")]
    (tmp_path / "first").mkdir()
    first = [write_wheel(tmp_path / "first", spec) for spec in specs]
    expected = {
        outcome.source.name: Path(outcome.output).read_bytes()
        for outcome in fix_wheels(first, output="expected", policy=Policy(allow_unproven=True)).outcomes
        if outcome.output
    }
    at, done = 0, False
    while not done:
        at += 1
        folder = tmp_path / str(at)
        folder.mkdir()
        monkeypatch.chdir(folder)
        paths = [write_wheel(Path(), spec) for spec in specs]
        old = {path.name: path.read_bytes() for path in paths}
        place = Path() if way == "in-place" else Path("out")

        def run() -> set[Status]:
            return {each.status for each in fix_wheels(paths, **values(allow_unproven=True, **WAYS[way])).outcomes}  # noqa: B023 - called at once

        done = not killed_at(at, STEPS, run)
        there = {path.name: path.read_bytes() for path in place.glob("*.whl")}
        assert all(data in (expected[name], old[name] if way == "in-place" else None) for name, data in there.items()), at
        assert not done or there == expected
        assert run() <= {Status.FIXED, Status.UNCHANGED}, at
        assert {path.name: path.read_bytes() for path in place.glob("*.whl")} == expected, at
        assert [*Path().rglob(".wheelfix-*")] == [], at
        shutil.rmtree(folder)
    assert at > 30
