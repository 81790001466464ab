"""Sizes that no index says, and the space that a sync needs before it begins."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from building import WheelSpec
from syncing import Mirror
from upstreams import Upstream, pypi, pytorch
from wheelfix.errors import MirrorError
from wheelfix.mirror.storage import open_store
from wheelfix.sync.model import Action, PlannedFile
from wheelfix.sync.planning.guards import refuse_lack_of_space


@pytest.fixture
def html() -> Iterator[Upstream]:
    with pytorch() as found:
        for version in ("1.0", "1.1"):
            found.add(WheelSpec(project="demo", version=version))
        yield found


def heads(upstream: Upstream) -> int:
    return sum(each.method == "HEAD" for each in upstream.seen)


def test_servers_are_asked_for_sizes_that_their_index_does_not_say(
    html: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = Mirror(tmp_path, html, monkeypatch)
    plan = mirror.sync_without_a_look(dry_run=True).plan
    assert [each.size for each in plan.files] == [len(html.file(each.filename).data) for each in plan.files]
    assert heads(html) == 2
    assert mirror.sync().ok
    mirror.sync()
    assert heads(html) == 0


def test_a_size_that_nobody_says_is_no_error(html: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    html.fail("demo-1.0", status=405, times=1)
    html.fail("demo-1.1", status=404, times=1)
    mirror = Mirror(tmp_path, html, monkeypatch)
    report = mirror.sync()
    assert [each.size for each in report.plan.files] == [None, None]
    assert report.ok


def test_what_an_index_says_is_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pypi() as upstream:
        upstream.add(WheelSpec(project="demo"))
        assert Mirror(tmp_path, upstream, monkeypatch).sync().ok
        assert heads(upstream) == 0


def rows(*sizes: tuple[str, int | None]) -> list[PlannedFile]:
    return [
        PlannedFile(action=Action.ADD, project="demo", version=version, filename=f"{number}.whl", size=size)
        for number, (version, size) in enumerate(sizes)
    ]


@pytest.mark.parametrize(
    ("at_once", "needed"), [(1, 70 + 2 * 40), (2, 70 + 2 * 70), (9, 70 + 2 * 70)], ids=["one", "two", "more than there are"]
)
def test_results_and_the_largest_releases_at_work_need_space(
    at_once: int, needed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    million = 1_000_000
    files = rows(("1.0", 30 * million), ("1.0", 10 * million), ("2.0", 30 * million), ("3.0", None))
    store = open_store(tmp_path / "mirror", create=True)
    free: dict[str, Any] = {}
    monkeypatch.setattr("wheelfix.sync.planning.guards.shutil.disk_usage", lambda path: type("Usage", (), free)())
    free["free"] = needed * million + (1 << 26)
    refuse_lack_of_space(store, files, at_once)
    free["free"] -= 1
    with pytest.raises(MirrorError, match="not enough space in") as caught:
        refuse_lack_of_space(store, files, at_once)
    assert "the size of 1 more file is not known" in str(caught.value)


def test_what_an_interrupted_run_did_needs_no_space_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that goes on is not stopped for what lies in the mirror already."""
    with pypi() as upstream:
        upstream.add(WheelSpec(project="demo"))
        mirror = Mirror(tmp_path, upstream, monkeypatch)
        mirror.sync(shard=(1, 1))  # all is in the store, and no page lists it
        monkeypatch.setattr("wheelfix.sync.planning.guards.shutil.disk_usage", lambda path: type("Usage", (), {"free": 0})())
        assert mirror.sync().ok
        assert mirror.served() == ["1.0"]
        assert upstream.downloads() == []
