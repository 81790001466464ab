"""``mirror prune``, ``mirror check`` and ``mirror list`` on servers that stand in for clouds, on the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest

import buckets
from buckets import Bucket
from demos import demo_wheel
from running import mirror_report, wheelfix
from serving import static
from wheelfix.mirror.layout import FILES, METADATA, attributes_of
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.storage.base import NewFile

pytest.importorskip("obstore")
pytestmark = [pytest.mark.slow, pytest.mark.parts]
LEFT = f"{FILES}/demo/0123456789abcdef/demo-9.0%2Bcpu-py3-none-any.whl".replace("%2B", "+")


@pytest.fixture(params=buckets.KINDS)
def mirror(request: pytest.FixtureRequest, new_bucket: Callable[[str], Bucket], tmp_path: Path) -> str:
    """A mirror with two releases, below a prefix of a bucket of each kind in turn."""
    url = f"{new_bucket(request.param).url}/team/a"
    paths = [demo_wheel(tmp_path / "in", version) for version in ("1.0", "2.0+cpu")]
    ran = wheelfix("mirror", "add", url, *paths)
    assert ran.code == 0, ran.err
    assert all(line.startswith(f"{url}/public/files/demo/") for line in ran.lines)
    return url


def test_what_was_published_is_listed_and_in_order(mirror: str) -> None:
    assert [line.split("  ")[0] for line in wheelfix("mirror", "list", mirror).lines] == [
        "demo-1.0-py3-none-any.whl",
        "demo-2.0+cpu-py3-none-any.whl",
    ]
    for words in (("--quick",), ("--connections", "1"), ("--fix",)):
        ran = wheelfix("mirror", "check", mirror, *words)
        assert (ran.code, ran.out) == (0, ""), ran.err
        assert ran.err == "Checked 2 files of 1 project: 0 errors, 0 warnings\n"


def test_removed_files_wait_for_the_grace(mirror: str) -> None:
    assert wheelfix("mirror", "remove", mirror, "demo==2.0+cpu").code == 0
    ran = wheelfix("mirror", "check", mirror)
    assert (ran.code, ran.out) == (0, "")
    assert "; 2 unlisted files younger than the grace period" in ran.err
    ran = wheelfix("mirror", "prune", mirror)
    assert (ran.code, ran.out) == (0, "")
    assert "kept 2 unlisted files: younger than the grace period" in ran.err
    ran = wheelfix("mirror", "prune", "--check", "--grace", "0", mirror)
    assert ran.code == 1
    found = set(ran.lines)
    ran = wheelfix("mirror", "prune", "--grace", "0", mirror)
    assert (ran.code, set(ran.lines)) == (0, found)
    assert len(found) == 3  # the wheel, its metadata file, and the journal of the run that removed it
    assert {key for key in open_store(mirror).keys(FILES) if "2.0" in key} == set()
    assert wheelfix("mirror", "prune", "--grace", "0", mirror).out == ""
    assert wheelfix("mirror", "check", "--grace", "0", mirror).code == 0


def test_a_mirror_can_become_empty_and_be_filled_again(mirror: str, tmp_path: Path) -> None:
    assert wheelfix("mirror", "remove", mirror, "demo").code == 0
    assert wheelfix("mirror", "prune", "--grace", "0", mirror).code == 0
    assert list(open_store(mirror).keys(FILES)) == []
    ran = wheelfix("mirror", "check", mirror)
    assert (ran.code, ran.err) == (0, "Checked 0 files of 0 projects: 0 errors, 0 warnings\n")
    assert wheelfix("mirror", "add", mirror, demo_wheel(tmp_path / "in", "1.0")).code == 0
    assert wheelfix("mirror", "check", mirror).code == 0


def test_files_of_unknown_origin_and_replaced_ones_are_deleted_if_asked_for(mirror: str, tmp_path: Path) -> None:
    store = open_store(mirror)
    assert not store.put_new(NewFile(key, b"x", attributes_of(key)) for key in (LEFT, LEFT + METADATA))
    assert wheelfix("mirror", "add", "--replace", mirror, demo_wheel(tmp_path / "again", "1.0", "six")).code == 0
    ran = wheelfix("mirror", "prune", "--grace", "0", mirror)
    assert (ran.code, [line for line in ran.lines if "/public/" in line]) == (0, [])
    ran = wheelfix("mirror", "prune", "--grace", "0", "--all-unlisted", "--replaced", mirror)
    gone = {line.removeprefix(f"{mirror}/") for line in ran.lines if "/public/" in line}
    assert ran.code == 0
    assert {LEFT, LEFT + METADATA} < gone
    assert len(gone) == 4
    assert gone.isdisjoint(store.keys(FILES))
    assert wheelfix("mirror", "check", mirror, "--grace", "0").err.startswith("Checked 2 files of 1 project: 0 errors, 0 ")


def test_what_is_broken_is_fixed(mirror: str) -> None:
    store = open_store(mirror)
    [metadata, *_] = [key for key in store.keys(FILES) if key.endswith(METADATA)]
    for key in (metadata, "public/simple/demo/index.html", "public/simple/index.html"):
        store.delete(key)
    assert wheelfix("mirror", "check", mirror).code == 1
    ran = wheelfix("mirror", "check", "--fix", mirror, "--format", "json")
    report = mirror_report(ran)
    assert (report["findings"], {each["code"] for each in report["fixed"]}) == (
        [],
        {"metadata-file-missing", "html-differs"},
    )
    assert wheelfix("mirror", "check", mirror).code == 0


def test_a_bucket_and_what_its_cdn_shows(mirror: str, tmp_path: Path) -> None:
    store, cdn = open_store(mirror), tmp_path / "cdn"
    for key in store.keys("public"):
        path = cdn / key.removeprefix("public/")
        path.parent.mkdir(parents=True, exist_ok=True)
        stored = store.read(key)
        assert stored is not None
        path.write_bytes(stored.data)
    ignored = ("--ignore", "cache-unset")
    with static(cdn, negotiates=True) as server:
        ran = wheelfix("mirror", "check", mirror, "--against", server.index, *ignored)
        assert (ran.code, ran.out) == (0, ""), ran.out
        assert wheelfix("mirror", "yank", mirror, "demo==1.0", "--reason", "bad").code == 0
        ran = wheelfix("mirror", "check", mirror, "--against", server.index, *ignored)
        assert (ran.code, ran.out.count("warning[served-stale]")) == (0, 2), ran.out
        next(cdn.glob("files/demo/*/demo-2.0*.metadata")).unlink()
        ran = wheelfix("mirror", "check", mirror, "--against", server.index, *ignored)
        assert (ran.code, ran.out.count("error[metadata-file-missing]")) == (1, 1), ran.out
