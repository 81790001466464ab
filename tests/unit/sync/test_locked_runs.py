"""A mirror that has what locks name, run after run: what is kept, what goes, and what a lock of the mirror itself holds."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from building import WheelSpec
from demos import GPU
from stores import MemoryStore, Objects
from syncing import Mirror, codes, done, pages_of, rows
from upstreams import Upstream, pypi
from wheelfix.results import PublishStatus
from wheelfix.sync.manifest.model import Manifest, OnRulesChange, Source
from wheelfix.sync.model import Action

ELSEWHERE = "nvidia-cublas-cu12; platform_system == 'Darwin'"
OLD, NEW = "demo-1.0-py3-none-any.whl", "demo-2.0-py3-none-any.whl"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with pypi() as found:
        found.add(WheelSpec(project="demo", version="1.0"))
        found.add(WheelSpec(project="demo", version="2.0"))
        yield found


@pytest.fixture(params=["directory", "bucket"])
def mirror(request: pytest.FixtureRequest, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    store = MemoryStore(tmp_path / "scratch", Objects()) if request.param == "bucket" else None
    return Mirror(tmp_path, upstream, monkeypatch, store)


def write_lock(mirror: Mirror, *pins: str) -> Path:
    path = mirror.folder / "requirements.txt"
    path.write_text("".join(f"{each}\n" for each in pins))
    return path


def pin(version: str, sha256: str) -> str:
    return f"demo=={version} --hash=sha256:{sha256}"


def locked(mirror: Mirror, *projects: str) -> Manifest:
    """Return a manifest with the lock as its source, and another one for ``projects``."""
    sources = [Source(name="locked", index=mirror.upstream.index, locks=(mirror.folder / "requirements.txt",))]
    if projects:
        sources.append(Source(name="main", index=mirror.upstream.index, projects=projects, keep=1))
    return mirror.of(*sources)


def test_what_a_lock_names_is_there_and_a_second_run_does_nothing(mirror: Mirror) -> None:
    write_lock(mirror, pin("1.0", mirror.upstream.file(OLD).sha256))
    assert done(mirror.sync(locked(mirror))) == [(PublishStatus.ADDED, OLD)]
    again = mirror.sync(locked(mirror))
    assert (rows(again.plan), again.files, again.ok) == ([], (), True)


def test_keep_prune_after_and_the_index_never_touch_what_a_lock_names(mirror: Mirror) -> None:
    write_lock(mirror, pin("1.0", mirror.upstream.file(OLD).sha256))
    manifest = locked(mirror, "demo")
    mirror.sync(manifest)
    assert mirror.served() == ["1.0", "2.0"]
    mirror.upstream.remove(OLD)
    for _ in range(3):
        mirror.pass_days(40)
        report = mirror.sync(manifest, allow_removals=True)
        assert codes(report) == []
        assert OLD in mirror.files()


def test_what_no_lock_names_any_more_is_yanked_and_then_removed(mirror: Mirror) -> None:
    write_lock(mirror, pin("1.0", mirror.upstream.file(OLD).sha256))
    mirror.sync(locked(mirror))
    write_lock(mirror, pin("2.0", mirror.upstream.file(NEW).sha256))
    mirror.sync(locked(mirror), allow_removals=True)
    assert mirror.served() == ["2.0"]
    mirror.pass_days(40)
    mirror.sync(locked(mirror), allow_removals=True)
    assert list(mirror.files()) == [NEW]


def test_a_lock_that_cannot_be_read_changes_nothing(mirror: Mirror) -> None:
    write_lock(mirror, pin("1.0", mirror.upstream.file(OLD).sha256))
    mirror.sync(locked(mirror))
    write_lock(mirror, "no requirement at all")
    mirror.pass_days(40)
    report = mirror.sync(locked(mirror), allow_removals=True)
    assert codes(report) == ["lock-damaged"]
    assert mirror.served() == ["1.0"]


def test_a_locked_file_is_served_as_it_is_and_reported(mirror: Mirror) -> None:
    mirror.options["rules"] = ("gpu",)
    file = mirror.upstream.add(WheelSpec(project="demo", version="1.0", requires=(GPU,)))
    write_lock(mirror, pin("1.0", file.sha256))
    report = mirror.sync(locked(mirror))
    assert mirror.files()[OLD].sha256 == file.sha256
    assert [(each.code, each.filename) for each in report.plan.of(Action.REPORT)] == [("lock-hash-changes", OLD)]


def test_a_lock_made_against_the_mirror_holds_corrections(mirror: Mirror) -> None:
    """It names a sha256 that no index has; the file is kept when nothing else wants it any more."""
    mirror.options["rules"] = ("gpu",)
    mirror.upstream.add(WheelSpec(project="demo", version="1.0", requires=(GPU,)))
    mirror.sync(mirror.manifest("demo==1.0"))
    corrected = mirror.files()[OLD]
    assert corrected.origin is not None
    write_lock(mirror, pin("1.0", corrected.sha256))
    for _ in range(2):
        mirror.pass_days(40)
        report = mirror.sync(locked(mirror, "demo>=2"), allow_removals=True)
        assert codes(report) == []
        assert mirror.files()[OLD].sha256 == corrected.sha256


def test_a_correction_beside_a_locked_original(mirror: Mirror) -> None:
    mirror.options |= {"rules": ("gpu",), "on_rules_change": OnRulesChange.BUILD_TAG}
    file = mirror.upstream.add(WheelSpec(project="demo", version="1.0", requires=(GPU,)))
    write_lock(mirror, pin("1.0", file.sha256))
    mirror.sync(locked(mirror, "demo==1.0"))
    report = mirror.sync(locked(mirror, "demo==1.0"))
    assert mirror.files()[OLD].sha256 == file.sha256
    assert [each.origin and each.origin.sha256 for each in mirror.files().values() if each.filename != OLD] == [file.sha256]
    assert mirror.sync(locked(mirror, "demo==1.0")).plan.changes is False
    assert codes(report) == []


def away(mirror: Mirror) -> None:
    (mirror.folder / "requirements.txt").unlink()


def damaged(mirror: Mirror) -> None:
    write_lock(mirror, "no requirement at all")


@pytest.mark.parametrize("lose", [away, damaged])
def test_while_a_lock_cannot_be_read_nothing_of_any_source_is_yanked_or_removed(
    lose: Callable[[Mirror], None], mirror: Mirror
) -> None:
    """Nobody knows what it names: a checkout is in progress, or the disk that it is on is away."""
    main = Source(name="main", index=mirror.upstream.index, projects=("demo",), keep=2)
    mirror.sync(mirror.of(main))
    pins = [pin("1.0", mirror.upstream.file(OLD).sha256)]
    write_lock(mirror, *pins)
    manifest = locked(mirror, "demo")
    mirror.sync(manifest)
    before = pages_of(mirror.store)
    lose(mirror)
    report = mirror.sync(manifest, allow_removals=True)
    assert (len(codes(report)), report.files, pages_of(mirror.store)) == (1, (), before)
    (row,) = (each for each in report.plan.files if each.filename == OLD)
    assert (row.action, row.reason) == (Action.KEEP, "requirements.txt cannot be read, and may name it.")
    write_lock(mirror, *pins)
    mirror.upstream.yank(OLD, "broken")
    mirror.sync(manifest)
    mirror.pass_days(60)
    lose(mirror)
    assert mirror.sync(manifest, allow_removals=True).files == ()
    assert OLD in mirror.files()


def test_while_a_lock_cannot_be_read_nothing_is_replaced(mirror: Mirror) -> None:
    mirror.options |= {"rules": ("gpu",), "on_rules_change": OnRulesChange.REPLACE}
    mirror.upstream.add(WheelSpec(project="demo", version="2.0", requires=(ELSEWHERE,)))
    mirror.sync(locked_with_nothing(mirror))
    mirror.options["rules"] = ()
    damaged(mirror)
    report = mirror.sync(locked_with_nothing(mirror), allow_removals=True)
    assert (rows(report.plan), report.files) == ([("report", "2.0")], ())
    (row,) = report.plan.of(Action.REPORT)
    assert row.reason.startswith("requirements.txt cannot be read, and may name it. The rules would correct it differently")
    write_lock(mirror)
    assert rows(mirror.sync(locked_with_nothing(mirror)).plan) == [("replace", "2.0")]


def locked_with_nothing(mirror: Mirror) -> Manifest:
    """Return a manifest with a lock that is not there yet, or names nothing, and the newest release of a project."""
    if not (mirror.folder / "requirements.txt").exists():
        write_lock(mirror)
    return locked(mirror, "demo")


def test_a_file_that_a_lock_without_hashes_names_stays_where_another_source_alone_is_looked_at(mirror: Mirror) -> None:
    write_lock(mirror, "demo==1.0.0")
    manifest = locked(mirror, "demo")
    mirror.sync(mirror.of(Source(name="main", index=mirror.upstream.index, projects=("demo",), keep=2)))
    report = mirror.sync(manifest, only=["main"], allow_removals=True)
    assert (report.files, mirror.served()) == ((), ["1.0", "2.0"])
    write_lock(mirror)
    mirror.sync(manifest, only=["main"], allow_removals=True)
    assert mirror.served() == ["2.0"]
