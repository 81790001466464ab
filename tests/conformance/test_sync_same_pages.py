"""One manifest, however it is brought about: a directory and a bucket, one process, two, and parts have the same bytes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from buckets import Bucket
from scenes import Scene, files, scene, served
from syncing import dangling
from wheelfix.mirror.layout import PUBLIC
from wheelfix.mirror.prune import prune_mirror
from wheelfix.mirror.storage import open_store
from wheelfix.options import Limits
from wheelfix.sync.manifest.model import OnRulesChange

pytestmark = [pytest.mark.slow, pytest.mark.parts]


def at_once(scene: Scene, store: str, policy: OnRulesChange) -> dict[str, Any]:
    return scene.sync(store, policy)


def by_two_processes(scene: Scene, store: str, policy: OnRulesChange) -> dict[str, Any]:
    return scene.sync(store, policy, "-j2")


def in_parts(scene: Scene, store: str, policy: OnRulesChange) -> dict[str, Any]:
    """Do the second part first: what comes from which must not matter."""
    prepared = [scene.sync(store, policy, "--shard", part)["prepared"] for part in ("2/2", "1/2")]
    scene.forget()
    report = scene.report("mirror", "index", scene.manifest(store, policy))
    assert scene.cpu.downloads() == scene.plain.downloads() == []
    planned = report["summary"]["planned"]
    assert sum(prepared) == planned["add"] + planned["replace"] + planned["supersede"]
    return report


WAYS: Final[Mapping[str, Callable[[Scene, str, OnRulesChange], dict[str, Any]]]] = {
    "at once": at_once, "by two processes": by_two_processes, "in parts": in_parts,
}  # fmt: skip
FIRST: Final = ("directory", "at once")
"""What the others are compared with."""
EVERY: Final = (FIRST, ("directory", "by two processes"), ("directory", "in parts"), ("s3", "at once"), ("s3", "in parts"))


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path) as made:
        yield made


def public(store: str) -> dict[str, bytes]:
    """Return everything that clients can see, by key."""
    opened = open_store(store)
    stored = {key: opened.read(key) for key in opened.keys(PUBLIC)}
    return {key: each.data for key, each in stored.items() if each is not None}


def differences(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> list[str]:
    """Return the keys at which two mirrors do not have the same."""
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


@pytest.mark.parametrize(
    ("policy", "compared"),
    [(OnRulesChange.BUILD_TAG, EVERY), (OnRulesChange.REPLACE, (FIRST, ("s3", "in parts")))],
    ids=("build-tag", "replace"),
)
def test_places_and_ways_make_no_difference(
    policy: OnRulesChange, compared: Sequence[tuple[str, str]], found: Scene, new_bucket: Callable[[str], Bucket],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """First, when indexes and rules have changed, and when what was yanked is removed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bucket = new_bucket("s3").url
    roots = {"directory": str(tmp_path), "s3": bucket}
    stores = {(place, way): f"{roots[place]}/{way.replace(' ', '-')}" for place, way in compared}
    for step in (None, found.change, found.wait):
        if step is not None:
            step()
        summaries = {each: WAYS[each[1]](found, store, policy)["summary"] for each, store in stores.items()}
        for store in stores.values():  # what is removed stays in a bucket until then, for those who have just read the page
            prune_mirror(store, limits=Limits(grace_seconds=0))
        every = {each: public(store) for each, store in stores.items()}
        for each, there in every.items():
            assert summaries[each]["files"] == summaries[FIRST]["files"], each
            assert dangling(open_store(stores[each])) == []
            assert {key for key in there.keys() | every[FIRST].keys() if there.get(key) != every[FIRST].get(key)} == set(), (
                each
            )
    assert [each.version for each in files(stores["s3", "in parts"], "applib")] == ["1.1", "1.3", "1.4"]
    assert served(stores["s3", "in parts"], "oldlib") == ["1.0"]  # a lock names it
    for each, store in stores.items():
        assert found.sync(store, policy)["files"] == [], each
