"""Requests of a sync: bounded, polite, and conditional where they can be."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from building import Entry, WheelSpec
from choosing import Machine, source, versions, wanted
from upstreams import TIME, Upstream, pypi, pytorch, torch
from wheelfix.errors import MirrorError
from wheelfix.options import Limits
from wheelfix.progress import NO_PROGRESS, NoProgress
from wheelfix.sync.choice.metadata import MetadataReader
from wheelfix.sync.choice.upstreams import Upstreams
from wheelfix.sync.manifest.model import Manifest, Source
from wheelfix.sync.run import sync_mirror

PROJECTS = tuple(f"demo-{number:02}" for number in range(20))


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """An index like PyPI with twenty projects."""
    with pypi() as found:
        for project in PROJECTS:
            found.add(WheelSpec(project=project, requires=(), files=(Entry(f"{project}.py", b"x = 1\n"),)))
        yield found


def manifest_of(tmp_path: Path, *sources: Source) -> Manifest:
    """Return a manifest for a mirror in a directory."""
    return Manifest(path=tmp_path / "mirror.toml", store=str(tmp_path / "mirror"), sources=sources)


def test_a_few_pages_are_requested_at_a_time_over_a_few_connections(upstream: Upstream, tmp_path: Path) -> None:
    upstream.fail("/simple/", seconds=0.05, times=99)
    choice = Machine(tmp_path).choose(source(upstream, *PROJECTS))
    assert len(choice.wanted) == len(PROJECTS)
    assert sorted(each.path for each in upstream.pages()) == [f"/simple/{each}/" for each in PROJECTS]
    assert 1 < upstream.most_at_once <= 4
    assert upstream.connections <= 4


@pytest.mark.parametrize("validators", [("ETag",), ("Last-Modified",), ("ETag", "Last-Modified")])
@pytest.mark.parametrize("compress", [False, True])
def test_a_second_run_sends_conditional_requests_only(
    upstream: Upstream, tmp_path: Path, validators: tuple[str, ...], compress: bool
) -> None:
    upstream.validators, upstream.compress = validators, compress
    manifest = manifest_of(tmp_path, source(upstream, *PROJECTS[:3]))
    first = sync_mirror(manifest)
    assert first.ok
    upstream.forget()
    second = sync_mirror(manifest)
    assert (second.ok, second.plan.changes) == (True, False)
    assert [(each.status, each.conditional) for each in upstream.seen] == [(304, True)] * 3
    assert upstream.sent() == 0
    assert (second.traffic.requests, second.traffic.unchanged) == (3, 3)


def test_a_page_without_validators_is_sent_again_and_nothing_else(upstream: Upstream, tmp_path: Path) -> None:
    upstream.validators = ()
    manifest = manifest_of(tmp_path, source(upstream, PROJECTS[0]))
    sync_mirror(manifest)
    upstream.forget()
    assert not sync_mirror(manifest).plan.changes
    assert [(each.host, each.status) for each in upstream.seen] == [("index", 200)]


def test_what_is_kept_may_be_lost_or_damaged(upstream: Upstream, tmp_path: Path) -> None:
    manifest = manifest_of(tmp_path, source(upstream, PROJECTS[0]))
    sync_mirror(manifest)
    kept = [*(tmp_path / "mirror" / "private" / "scratch" / "pages").iterdir()]
    assert kept
    for each in kept:
        each.write_bytes(b"damaged")
    report = sync_mirror(manifest)
    assert (report.ok, report.plan.changes) == (True, False)


def test_a_busy_index_is_asked_again_when_it_says(upstream: Upstream, tmp_path: Path) -> None:
    pauses = list[float]()

    class Patient(NoProgress):
        def waiting(self, name: str, seconds: float, reason: str) -> None:
            pauses.append(seconds)

    upstream.fail(f"/{PROJECTS[0]}/", status=429, headers={"Retry-After": "1"}, times=1)
    upstreams = Upstreams(tmp_path, Limits(), Patient())
    assert upstreams.page(upstream.index, PROJECTS[0]) is not None
    assert [each.status for each in upstream.seen] == [429, 200]
    assert pauses == [1.0]


def test_an_index_that_wants_a_long_pause_is_a_problem_and_not_waited_for(upstream: Upstream, tmp_path: Path) -> None:
    upstream.fail(f"/{PROJECTS[0]}/", status=503, headers={"Retry-After": "86400"}, times=99)
    choice = Machine(tmp_path).choose(source(upstream, *PROJECTS[:2]))
    assert wanted(choice) == ["demo_01-1.0-py3-none-any.whl"]
    assert [(each.project, each.problem.code) for each in choice.problems] == [(PROJECTS[0], "bad-answer")]
    assert len(upstream.pages()) == 2


def test_a_dead_index_gets_a_few_requests_and_others_go_on(upstream: Upstream, tmp_path: Path) -> None:
    dead = Source(name="dead", index="http://127.0.0.1:9/simple/", projects=tuple(f"x{number}" for number in range(30)))
    choice = Machine(tmp_path).choose(dead, source(upstream, PROJECTS[0]))
    assert {(each.source, each.problem.code) for each in choice.problems} == {("dead", "no-answer")}
    assert len(choice.problems) == 30
    assert len(choice.wanted) == 1


def test_each_page_is_requested_once_in_a_run_whoever_asks(upstream: Upstream, tmp_path: Path) -> None:
    upstream.fail("/simple/", seconds=0.05, times=99)
    upstreams = Upstreams(tmp_path, Limits(), NO_PROGRESS)
    threads = [threading.Thread(target=upstreams.page, args=(upstream.index, PROJECTS[0])) for _ in range(8)]
    for each in threads:
        each.start()
    upstreams.fetch([(upstream.index, PROJECTS[0]), (upstream.index, PROJECTS[1])])
    for each in threads:
        each.join()
    assert sorted(each.path for each in upstream.seen) == [f"/simple/{each}/" for each in PROJECTS[:2]]


def test_error_of_a_page_is_kept_for_the_run(upstream: Upstream, tmp_path: Path) -> None:
    upstream.fail(f"/{PROJECTS[0]}/", status=404, times=1)
    upstream.fail(f"/{PROJECTS[1]}/", status=403, times=1)
    upstreams = Upstreams(tmp_path, Limits(), NO_PROGRESS)
    for _ in range(2):
        assert upstreams.page(upstream.index, PROJECTS[0]) is None
        with pytest.raises(MirrorError, match="403"):
            upstreams.page(upstream.index, PROJECTS[1])
    assert len(upstream.seen) == 2


def test_a_download_that_breaks_off_is_resumed(tmp_path: Path) -> None:
    with pypi() as upstream:
        content = Entry("big.py", b"x = %d\n" % 7 + bytes(range(32, 127)) * 4000)
        file = upstream.add(WheelSpec(project="big", requires=(), files=(content,), stored=True))
        upstream.fail(".whl", cut=100_000, times=1)
        report = sync_mirror(manifest_of(tmp_path, source(upstream, "big")))
        assert report.ok
        parts = [(each.status, each.part) for each in upstream.seen if each.path.endswith(".whl")]
    assert parts == [(200, None), (206, "bytes=100000-")]
    assert (
        file.sha256
        == json.loads((tmp_path / "mirror/public/simple/big/index.json").read_text())["files"][0]["hashes"]["sha256"]
    )


def test_credentials_go_to_the_host_that_they_are_for(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(netrc))
    upstream.passwords = {"index": "me:secret"}
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    manifest = manifest_of(tmp_path, source(upstream, PROJECTS[0]))
    assert sync_mirror(manifest).ok
    assert {(each.host, each.user) for each in upstream.seen} == {("index", "me:secret"), ("files", None)}
    upstream.passwords = {"index": "me:secret", "files": "other:word"}
    other = manifest_of(tmp_path / "other", source(upstream, PROJECTS[0]))
    refused = sync_mirror(other)
    assert [each.problem.code for each in refused.files if each.problem] == ["access-denied"]
    assert "secret" not in str(refused)
    netrc.write_text("machine 127.0.0.1 login me password secret\nmachine localhost login other password word\n")
    assert sync_mirror(other).ok


def test_a_proxy_is_used_but_for_hosts_that_need_none(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", upstream.index.removesuffix("/simple/"))
    monkeypatch.setenv("NO_PROXY", "localhost")
    behind = Source(name="main", index="http://index.example.org/simple/", projects=(PROJECTS[0],))
    assert sync_mirror(manifest_of(tmp_path, behind)).ok
    paths = [each.path for each in upstream.seen]
    assert paths[0] == f"http://index.example.org/simple/{PROJECTS[0]}/"
    assert all(each.startswith("/packages/") for each in paths[1:])


def test_a_change_of_the_index_is_seen_by_the_next_run(upstream: Upstream, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert versions(machine.choose(source(upstream, PROJECTS[0])), PROJECTS[0]) == ["1.0"]
    upstream.add(WheelSpec(project=PROJECTS[0], version="2.0", requires=()), uploaded=TIME)
    assert versions(machine.choose(source(upstream, PROJECTS[0])), PROJECTS[0]) == ["1.0", "2.0"]


def test_metadata_is_read_once_by_all_runs_of_a_machine(tmp_path: Path) -> None:
    with pytorch() as upstream:
        upstream.add(torch("2.9.0", "manylinux_2_28_x86_64"))
        upstream.add(torch("2.8.0", "manylinux_2_28_x86_64"), metadata=None)
        upstreams = Upstreams(tmp_path, Limits(), NO_PROGRESS)
        page = upstreams.page(upstream.index, "torch")
        assert page is not None
        read = [MetadataReader(upstreams).read(each) for each in page.page.packages]
        requests = len(upstream.seen)
        assert [MetadataReader(upstreams).read(each) for each in page.page.packages] == read
        assert len(upstream.seen) == requests
        for each in (tmp_path / "metadata").iterdir():
            each.write_bytes(each.read_bytes().replace(b"Version", b"version"))
        assert [MetadataReader(upstreams).read(each) for each in page.page.packages] == read
    assert [b"\nVersion: 2.9.0+cpu\n" in read[0], b"\nVersion: 2.8.0+cpu\n" in read[1]] == [True, True]
