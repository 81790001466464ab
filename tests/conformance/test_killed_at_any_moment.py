"""``kill -9`` at moments of a run that are drawn by lot: each file is old or new, and the next run leaves no trace of it."""

import hashlib
import json
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from filelock import FileLock

import wheelfix.sync.planning.claim as claim
from buckets import Bucket, s3_client
from building import Entry, WheelSpec, write_wheel
from defects import metadata, valid
from moments import Ended, Who, kill, needs_strace, run_until
from parts import chosen_parts
from running import wheelfix
from syncing import dangling, pages_of
from upstreams import Upstream, pypi
from wheelfix.mirror.layout import SIMPLE
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.storage.base import Store
from wheelfix.sync.jobs.results import noted_results
from wheelfix.wheel.zip import staging

pytestmark = pytest.mark.slow
COUNT: Final = int(os.environ.get("TEST_KILLS", 2 * len(chosen_parts())))
"""How many moments are tried for each kind of run; ``make kills`` sets it."""
SEED: Final = int(os.environ.get("TEST_KILLS_SEED", "19"))
COMMAND: Final = [sys.executable, "-m", "wheelfix"]
GPU: Final = "nvidia-cudnn-cu12==9.5.1.17"
NOW: Final = "1767225600"
"""The first second of 2026: pages of several runs are compared."""
Files = Mapping[str, str]
"""The sha256 of each file by its path."""


class Run:
    """A kind of run: the directory that it works in, as it is before and after one that nobody disturbs."""

    words: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    mirror: str | None = None

    def __init__(self, folder: Path) -> None:
        self.before = folder / "before"
        self.work = folder / "work"
        self.before.mkdir()
        self.build(self.before)
        (self.before / "tmp").mkdir()

    def build(self, folder: Path) -> None:
        """Write what is there before the run into ``folder``."""
        raise NotImplementedError

    def reset(self) -> None:
        """Put everything back to where it was before the run."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.before, self.work)

    def files(self) -> dict[str, str]:
        """Return all that is there now."""
        return {
            path.relative_to(self.work).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            if path.is_file() else "no file" for path in self.work.rglob("*") if not path.is_dir() or not any(path.iterdir())
        }  # fmt: skip

    def store(self) -> Store | None:
        """Return the mirror that is written to, if the run writes to one."""
        return None if self.mirror is None else open_store(str(self.work / self.mirror), create=True)

    def check_locks(self) -> None:
        """Confirm that no lock is held."""
        for path in self.work.rglob("*.lock"):
            with FileLock(path, timeout=60):  # the system may still be at work on the end of a process
                pass
        end = time.monotonic() + 60
        while held := [path for path in self.work.rglob(".wheelfix-*") if not staging.is_leftover(path)]:
            assert time.monotonic() < end, held
            time.sleep(0.002)


def wheels(folder: Path, *names: str) -> None:
    for name in names:
        write_wheel(
            folder, WheelSpec(project=name, requires=(GPU, "six"), files=(Entry(f"{name}/a.py", b"a = 1\n" * 5000),))
        )


class InPlace(Run):
    """Wheels are fixed where they are."""

    words = ("strip-gpu", "--allow-unproven", "--in-place", "in")

    def build(self, folder: Path) -> None:
        (folder / "in").mkdir()
        wheels(folder / "in", "a", "b", "c")
        (folder / "in/other.txt").write_text("not a wheel")


class Batch(Run):
    """Wheels are fixed by two processes, into a directory in which one of them is already, and an older result."""

    words = ("strip-gpu", "--allow-unproven", "--overwrite", "-o", "out", "in")
    jobs = ("-j", "2")

    def build(self, folder: Path) -> None:
        for name in ("in", "out"):
            (folder / name).mkdir()
        wheels(folder / "in", *"abcdefgh")
        wheels(folder / "out", "z")
        (folder / "out" / "a-1.0-py3-none-any.whl").write_bytes(b"an older result")


def simple(folder: Path, version: str, *, project: str = "demo", needs: str = "six") -> Path:
    """Write a wheel without findings."""
    folder.mkdir(exist_ok=True)
    head = ("Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}", "Summary: A wheel for tests")
    data = metadata(f"Requires-Dist: {needs}", head=head, rest=("Description-Content-Type: text/plain",))
    files = (Entry(f"{project}/__init__.py", b"a = 1\n" * 5000), Entry(f"{project}/version.py", b"cuda = None\n"))
    return write_wheel(folder, valid(project=project, version=version, metadata=data, files=files))


class Add(Run):
    """Wheels are added to a mirror: to a project that is listed, and to a new one."""

    words = ("mirror", "add", "mirror", "in")
    mirror = "mirror"

    def build(self, folder: Path) -> None:
        first = simple(folder / "first", "1.0")
        assert wheelfix("mirror", "add", folder / "mirror", first).code == 0
        for version in ("2.0", "3.0"):
            simple(folder / "in", version)
        simple(folder / "in", "1.0", project="new")


class Sync(Run):
    """A mirror is brought to what a manifest says: files are added and fixed, one is yanked."""

    words = ("mirror", "sync", "mirror.toml")
    mirror = "mirror"

    def __init__(self, folder: Path, upstream: Upstream) -> None:
        self.upstream = upstream
        super().__init__(folder)

    def place(self) -> str:
        return "mirror"

    def build(self, folder: Path) -> None:
        lines = (
            "schema = 1", "[mirror]", f'store = "{self.place()}"', "[[source]]", 'name = "main"',
            f'index = "{self.upstream.index}"', 'projects = ["demo", "six"]',
        )  # fmt: skip
        (folder / "mirror.toml").write_text("\n".join(lines))
        for project in ("demo", "six"):
            self.upstream.add(WheelSpec(project=project, version="1.0", requires=("colorama",)))
        ran = wheelfix("mirror", "sync", folder / "mirror.toml")
        assert ran.code == 0, ran.err
        files = (Entry("demo/version.py", b"cuda = None\n"), Entry("demo/a.py", b"a = 1\n" * 5000))
        self.upstream.add(WheelSpec(project="demo", version="2.0", requires=(GPU,), files=files))
        self.upstream.add(WheelSpec(project="six", version="2.0"))
        self.upstream.yank("six-1.0-py3-none-any.whl", "broken")


class SyncBucket(Sync):
    """The same in a bucket."""

    def __init__(self, folder: Path, upstream: Upstream, bucket: Bucket) -> None:
        self.bucket, self.client = bucket, s3_client(bucket)
        super().__init__(folder, upstream)
        self.objects = self.read()

    def place(self) -> str:
        return f"{self.bucket.url}/team"

    def store(self) -> Store:
        return open_store(self.place(), create=True)

    def read(self) -> dict[str, dict[str, Any]]:
        """Return each object as it is written."""
        found = {}
        for each in self.client.list_objects_v2(Bucket=self.bucket.name).get("Contents", ()):
            answer = self.client.get_object(Bucket=self.bucket.name, Key=each["Key"])
            kept = {name: answer[name] for name in ("Metadata", "ContentType", "CacheControl") if name in answer}
            found[each["Key"]] = {"Body": answer["Body"].read(), **kept}
        return found

    def reset(self) -> None:
        super().reset()
        there = self.read()
        for key in there.keys() - self.objects.keys():
            self.client.delete_object(Bucket=self.bucket.name, Key=key)
        for key, fields in self.objects.items():
            if there.get(key) != fields:
                self.client.put_object(Bucket=self.bucket.name, Key=key, **fields)

    def files(self) -> dict[str, str]:
        there = {f"mirror/{key.removeprefix('team/')}": each["Body"] for key, each in self.read().items()}
        return super().files() | {key: hashlib.sha256(body).hexdigest() for key, body in there.items()}


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with pypi() as found:
        yield found


@pytest.fixture
def make(
    tmp_path: Path, upstream: Upstream, new_bucket: Callable[[str], Bucket], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Run]:
    """Makes what is there before a kind of run."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", NOW)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kinds: dict[str, Callable[[], Run]] = {
        "in-place": lambda: InPlace(tmp_path),
        "batch": lambda: Batch(tmp_path),
        "add": lambda: Add(tmp_path),
        "sync-directory": lambda: Sync(tmp_path, upstream),
        "sync-bucket": lambda: SyncBucket(tmp_path, upstream, new_bucket("s3")),
    }
    return lambda kind: kinds[kind]()


def killed(run: Run, at: int | None, who: Who) -> Ended:
    environment = {**os.environ, "TMPDIR": str(run.work / "tmp")}
    return run_until(at, partial(kill, who), [*COMMAND, *run.words, *run.jobs], run.work, environment)


def is_ours(name: str, sha256: str) -> bool:
    """Whether a killed run may leave a file of this name for the next one to remove, or an empty directory."""
    return "/.wheelfix-" in f"/{name}" or name.startswith(("tmp", "mirror/private/")) or sha256 == "no file"


_PROBES: Final = frozenset(hashlib.sha256(data).hexdigest() for data in (b"", b"blat"))
"""What Python's tempfile writes, and removes, where it looks for a directory; see _get_default_tempdir in its source."""
_KEPT: Final = (
    "mirror/private/locks/",  # empty files
    "mirror/private/runs/",  # the clock of a bucket
    "mirror/private/probes/",  # of a store: those of an hour ago are leftovers, younger ones may be those of another run
    "mirror/private/results",  # empty notes in place of none
    "mirror/private/scratch/pages",  # answers of indexes: a half-written one is removed after two weeks, as they all are
    "mirror/private/scratch/downloads",  # of a run that was killed when it was nearly done: for the next one, for two weeks
)
"""What runs leave on purpose."""


def lasting(files: Files) -> Files:
    """Return what stays the same in every run: notes of runs have the time and the number of the process in them.

    A directory for work that has no lock yet, or none any more, may be in use for all that others know: it stays, empty.
    And to find out where temporary files can be, Python writes one, which is empty at first and then has four letters.
    """
    return {
        name: "a note" if name.startswith("mirror/private/") else sha256
        for name, sha256 in files.items()
        if not name.startswith(_KEPT)
        and not re.fullmatch(r"mirror/private/scratch/making-\w+", name)
        and name != "tmp"
        and (sha256 not in _PROBES or not re.fullmatch(r"tmp/\w{8}", name))
    }


def check_old_or_new(run: Run, before: Files, after: Files, note: object) -> None:
    """Confirm that nothing is half written, damaged or lost; a page can have some of the new rows, and be whole."""
    there = run.files()
    for name, sha256 in there.items():
        if not is_ours(name, sha256) and sha256 not in (before.get(name), after.get(name)):
            assert name.startswith(f"mirror/{SIMPLE}/"), (note, name)
    assert {name for name in before.keys() - there.keys() if name in after and not is_ours(name, "")} == set(), note
    store = run.store()
    if store is not None:
        assert dangling(store) == [], note
        for key, data in pages_of(store).items():
            if key.endswith(".html"):
                assert data.rstrip().endswith(b"</html>"), (note, key)
            else:
                json.loads(data)


def check_afterwards(run: Run, before: Files, after: Files, ended: Ended, note: object) -> None:
    """Confirm that what a run left that was killed is right, that what it printed is true, and that no lock is held."""
    assert ended.code == -9 or "Traceback" not in ended.err, note  # Python's fork server prints one where it is left alone
    check_old_or_new(run, before, after, note)
    printed = [line for line in ended.out.splitlines() if line in after]
    there = run.files()
    assert {name: there.get(name) for name in printed} == {name: after[name] for name in printed}, note
    run.check_locks()
    if ended.code == 0:
        assert lasting(there) == lasting(after), note


@pytest.mark.parametrize("kind", ["in-place", "batch", "add", "sync-directory", "sync-bucket"])
def test_the_next_run_completes_it(kind: str, make: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch) -> None:
    needs_strace()
    monkeypatch.setattr(claim, "_LEASE", -1.0)  # the note of a run that was killed counts for nothing
    run = make(kind)
    run.reset()
    before = run.files()
    whole = killed(run, None, Who.ALL)
    assert whole.code == 0, whole.err
    after = run.files()
    assert after != before
    lot = random.Random(f"{SEED} {kind} {chosen_parts()}")
    hit = tried = 0
    while hit < COUNT:
        at, who, tried = lot.randint(1, whole.steps), lot.choice(list(Who)), tried + 1
        assert tried < 3 * COUNT, "most runs end before the moment comes"
        run.reset()
        ended = killed(run, at, who)
        hit += ended.steps >= at
        check_afterwards(run, before, after, ended, note=(tried, at, who.name, ended))
        monkeypatch.chdir(run.work)
        monkeypatch.setattr(tempfile, "tempdir", str(run.work / "tmp"))
        monkeypatch.setattr(staging, "_swept", set())  # as in a new process
        again = wheelfix(*run.words)
        assert again.code == 0, (ended, again)
        assert lasting(run.files()) == lasting(after), (tried, at, who.name, ended)
        store = run.store()
        if store is not None:
            assert noted_results(store) == frozenset()
            checked = wheelfix("mirror", "check", str(store.location))
            assert (checked.code, checked.out) == (0, ""), (ended, checked)
    sys.stdout.write(f"{kind}: {hit} kills in {tried} runs of {whole.steps} steps\n")
