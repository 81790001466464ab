"""Whatever an index answers to any request: a sync, and reading a wheel at a URL, are right or say what went wrong."""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from math import inf
from pathlib import Path
from typing import Any, Final

import pytest

from building import Entry, WheelSpec
from fault_scenes import manifest_of
from fault_trials import contents, dangling, litter
from parts import PARTS, chosen_parts
from running import Ran, validator, wheelfix
from upstreams import Failure, Upstream, pypi

ANSWERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "not found": {"status": 404},
    "gone": {"status": 410},
    "forbidden": {"status": 403},
    "too many requests": {"status": 429, "headers": {"Retry-After": "0"}},
    "broken": {"status": 500},
    "unavailable": {"status": 503},
    "redirected to nothing": {"status": 302, "headers": {"Location": "/nothing"}},
    "redirected to what is no URL": {"status": 302, "headers": {"Location": "http://[/nothing"}},
    "a page of a proxy": {"status": 200, "headers": {"Content-Type": "text/html"}},
    "dropped": {"drops": True},
    "cut off": {"cut": 10},
    "without a body": {"cut": 0},
    "empty": {"spoil": lambda body: b""},
    "half": {"spoil": lambda body: body[: len(body) // 2]},
    "of somebody else": {"spoil": lambda body: b"<html><body>Log in first</body></html>"},
    "with a byte more": {"spoil": lambda body: body + b"x"},
}
"""What an answer can be, in place of the right one."""
DIFFERENT: Final[Mapping[str, Any]] = {"spoil": lambda body: body[:-30] + bytes([body[-30] ^ 1]) + body[-29:]}
"""One with a bit that differs: only who knows the sha256 can see it."""


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("http", "whole_file"):
        monkeypatch.setattr(f"wheelfix.upstream.{module}.sleep", lambda seconds: None)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with pypi() as found:
        yield found


class Synced:
    """A mirror that a manifest keeps up to date, again and again from the same start; the index has changed ``since``."""

    def __init__(self, folder: Path, upstream: Upstream, *, since: bool) -> None:
        self.upstream = upstream
        self._start = folder / "start"
        self._start.mkdir()
        manifest_of(upstream)(self._start)
        if since:
            assert self.sync(self._start).code == 0
            upstream.add(WheelSpec(project="demo", version="3.0"))
            upstream.yank("demo-1.0-py3-none-any.whl", "broken")
        upstream.forget()
        work = self.again()
        ran = self.sync(work)
        assert ran.code == 0, ran.err
        self.requests = [each.path for each in upstream.seen]
        self.wanted = pages(work)

    def again(self) -> Path:
        """Return a new directory with what there was at the start."""
        work = self._start.with_name("work")
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(self._start, work)
        return work

    def sync(self, work: Path) -> Ran:
        """Bring the mirror in ``work`` up to date."""
        return wheelfix("mirror", "sync", work / "mirror.toml", "--format", "json")

    def wrong(self, after: int, times: float, answer: Mapping[str, Any]) -> list[str]:
        """Give an ``answer`` to a request, or to all from there on; return what is wrong with what follows."""
        work = self.again()
        self.upstream.failures[:] = [Failure("", after=after, times=times, **answer)]
        ran = self.sync(work)
        self.upstream.failures.clear()
        found = [*_about_the_run(ran), *dangling(work / "mirror"), *_about_rows(ran, work / "mirror")]
        if ran.code == 0 and pages(work) != self.wanted:
            found.append("exit code 0, and the pages are not those of a right answer")
        again = self.sync(work)
        if again.code or pages(work) != self.wanted:
            found.append(f"the next run ends with {again.code}: {again.err}")
        if litter(contents(work)):
            found.append("something is left behind")
        return [f"{each}\n{ran.err}" for each in found]


def pages(work: Path) -> dict[str, bytes]:
    """Return all pages of the mirror in ``work``, by path."""
    return {path: data for path, data in contents(work).items() if "/simple/" in path}


def _about_the_run(ran: Ran) -> Iterator[str]:
    if ran.code not in (0, 3) or "Traceback" in ran.err:
        yield f"exit code {ran.code}"
    if ran.code and "error" not in ran.err:
        yield "no error is printed"


def _about_rows(ran: Ran, mirror: Path) -> Iterator[str]:
    """Yield what the report says of a file that is not so."""
    if not ran.out:
        return
    report = json.loads(ran.out)
    validator("sync.schema.json").validate(report)
    listed = {
        file["filename"]: file
        for page in (mirror / "public/simple").glob("*/index.json")
        for file in json.loads(page.read_bytes())["files"]
    }
    for row in report["files"]:
        there = listed.get(row["filename"])
        if row["status"] in ("added", "unchanged") and (there is None or there["hashes"]["sha256"] != row["sha256"]):
            yield f"{row['filename']} is {row['status']}, and is not listed"
        if row["status"] == "failed" and there is not None:
            yield f"{row['filename']} is failed, and is listed"
    if ran.code == 0 and any(each["problem"] for each in (*report["files"], *report["plan"], *report["wheels"])):
        yield "exit code 0 with a problem"


@pytest.fixture(params=[False, True], ids=["new", "later"])
def synced(request: pytest.FixtureRequest, tmp_path: Path, upstream: Upstream, stopped_clock: None) -> Synced:
    return Synced(tmp_path, upstream, since=request.param)


def tried(synced: Synced, answers: Mapping[str, Mapping[str, Any]], times: tuple[float, ...]) -> list[str]:
    """Return what is wrong after each answer to each request, once or from there on."""
    found = [
        f"{name}, {'once' if count == 1 else 'and so are those that follow'}, at {synced.requests[after]}: {each}"
        for after in range(len(synced.requests))
        for name, answer in answers.items()
        for count in times
        for each in synced.wrong(after, count, answer)
    ]
    assert len(synced.requests) >= 3
    return found


def test_answers_of_each_kind_to_a_sync(synced: Synced) -> None:
    assert tried(synced, {name: ANSWERS[name] for name in ("half", "dropped")}, (1,)) == []


@pytest.mark.long
@pytest.mark.parametrize("part", chosen_parts())
def test_every_answer_to_a_sync(part: int, synced: Synced) -> None:
    mine = [*ANSWERS][part::PARTS]
    assert tried(synced, {name: ANSWERS[name] for name in mine}, (1, inf)) == []


@pytest.mark.slow
def test_a_bit_that_differs_in_a_file_that_is_synced(synced: Synced) -> None:
    """The page of the index says its sha256."""
    different = [after for after, path in enumerate(synced.requests) if path.endswith(".whl")]
    assert different
    for after in different:
        assert synced.wrong(after, inf, DIFFERENT) == []


class Read:
    """A command that reads a wheel at a URL."""

    def __init__(self, upstream: Upstream, folder: Path, *command: str) -> None:
        files = (Entry("demo/__init__.py", b""), Entry("demo/version.py", b"cuda = None\n"), Entry("demo/data", bytes(9000)))
        file = upstream.add(WheelSpec(requires=("nvidia-cudnn-cu12==9.5.1.17",), files=files, stored=True))
        self.upstream = upstream
        self._url = f"{upstream.files_url}/{hashlib.sha256(file.data).hexdigest()[:8]}/{file.name}"
        self._folder, self._command = folder, command
        self.right = self.run()
        assert self.right[0].code == 0, self.right[0].err
        self.requests = len(upstream.seen)

    def run(self) -> tuple[Ran, dict[str, bytes]]:
        """Return how the command ends, and the files that it wrote."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        with contextlib.chdir(self._folder):
            ran = wheelfix(*self._command, self._url)
        return ran, contents(self._folder)

    def wrong(self, after: int, times: float, answer: Mapping[str, Any]) -> list[str]:
        """Give an ``answer`` to a request, or to all from there on; return what is wrong with what follows."""
        self.upstream.failures[:] = [Failure("", after=after, times=times, **answer)]
        ran, files = self.run()
        self.upstream.failures.clear()
        is_damaged = ran.code == 1 and "spoil" in answer and self._command[0] == "verify"
        found = [] if is_damaged else [*_about_the_run(ran)]
        is_said = "The metadata file beside the wheel " in ran.out  # what could not be read, or has no METADATA in it
        if ran.code == 0 and (ran.out, files) != (self.right[0].out, self.right[1]) and not is_said:
            found.append(f"exit code 0, and another result: {ran.out} {[*files]}")
        if ran.code and any(path.endswith(".whl") or "wheelfix" in path for path in files):
            found.append(f"it fails, and leaves {[*files]}")
        return [f"{each}\n{ran.err}" for each in found]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("show", "--format", "json"), id="show", marks=pytest.mark.slow),
        pytest.param(("strip-gpu", "--format", "json"), id="strip-gpu"),
        pytest.param(("verify", "--format", "json"), id="verify", marks=pytest.mark.slow),
    ],
)
def test_every_answer_to_who_reads_a_wheel(command: tuple[str, ...], upstream: Upstream, tmp_path: Path) -> None:
    read = Read(upstream, tmp_path / "work", *command)
    assert read.requests
    found = [
        f"{name} at {after}, {times} times: {each}"
        for after in range(read.requests)
        for name, answer in ANSWERS.items()
        for times in (1, inf)
        for each in read.wrong(after, times, answer)
    ]
    assert "\n".join(found) == ""
