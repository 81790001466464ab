"""Releases of another index, downloaded, fixed and published; and what is refused from a hostile index."""

import errno
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from building import Entry
from demos import GPU, TAGS, demo_wheel
from faults import no_answer
from fixing import values
from running import mirror_report, wheelfix
from scripting import Asked, Index, Reply, answering, chosen
from serving import Server, static
from stores import MemoryStore
from wheelfix import fix_wheels
from wheelfix.errors import MirrorError
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.from_index import mirror_releases
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import yank_files
from wheelfix.options import Policy, Publishing, Targets
from wheelfix.progress import NoProgress
from wheelfix.results import Published, PublishReport


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Continue a download that broke off at once."""
    monkeypatch.setattr("wheelfix.upstream.whole_file.sleep", lambda seconds: None)


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """Another index: demo 1.0 for some platforms, with GPU requirements, demo 2.0, and demo 3.0rc1."""
    folder, mirror = tmp_path / "theirs", tmp_path / "upstream"
    paths = [*(demo_wheel(folder, "1.0", GPU, tags=tags) for tags in TAGS), demo_wheel(folder, "2.0")]
    assert add_wheels(mirror, [*paths, demo_wheel(folder, "3.0rc1")]).ok
    return mirror


@pytest.fixture
def server(upstream: Path) -> Iterator[Server]:
    with static(upstream / "public", negotiates=True) as found:
        yield found


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def index_of(*paths: Path) -> Index:
    return Index({path.name: path.read_bytes() for path in paths})


def statuses(published: PublishReport) -> list[str]:
    return [each.status.value for each in published.files]


def codes(published: PublishReport) -> list[str | None]:
    return [each.problem.code if each.problem else None for each in published.files]


def downloaded(server: Server) -> list[str]:
    """Return the wheels that were downloaded from a server."""
    return [each.path.rpartition("/")[2] for each in server.asked() if each.path.endswith(".whl")]


def kept(mirror: Path) -> list[str]:
    """Return the kinds of what is kept of downloads."""
    return sorted(path.suffix for path in (mirror / "private/scratch/downloads").glob("*"))


def test_a_release_is_downloaded_fixed_and_published(server: Server, mirror: Path) -> None:
    report, published = mirror_releases(mirror, server.index, ["demo==1.0", "demo==2.0"], policy=Policy(allow_unproven=True))
    assert [each.status.value for each in report.outcomes] == ["fixed"] * 5 + ["unchanged"]
    assert statuses(published) == ["added"] * 6
    assert {str(each.source) for each in published.files} >= {"demo-2.0-py3-none-any.whl"}
    assert check_mirror(mirror).findings == ()
    page = json.loads((mirror / "public/simple/demo/index.json").read_bytes())
    wheels = [mirror / "public" / file["url"].removeprefix("../../") for file in page["files"]]
    assert all("nvidia" not in each.read_text("latin-1").partition("PK")[0] for each in wheels)
    assert kept(mirror) == []


def test_all_versions_that_fit_are_added(server: Server, mirror: Path) -> None:
    policy = Policy(allow_unproven=True)
    _, published = mirror_releases(mirror, server.index, "demo", all_versions=True, policy=policy)
    assert statuses(published) == ["added"] * 6
    page = json.loads((mirror / "public/simple/demo/index.json").read_bytes())
    assert page["versions"] == ["1.0", "2.0"]
    _, again = mirror_releases(mirror, server.index, ["demo>=1", "demo<2"], all_versions=True, policy=policy)
    assert statuses(again) == ["unchanged"] * 6
    _, rest = mirror_releases(mirror, server.index, "demo>=2.0rc1", all_versions=True, policy=policy)
    assert statuses(rest) == ["added", "unchanged"]
    _, none = mirror_releases(mirror, server.index, "demo>=4", all_versions=True)
    assert codes(none) == ["no-version"]


def test_all_versions_on_the_command_line(server: Server, mirror: Path) -> None:
    arguments = ["mirror", "add", mirror, "--allow-unproven", "--all-versions", "demo"]
    assert wheelfix(*arguments).code == 2
    ran = wheelfix(*arguments, "--from-index", server.index)
    assert (ran.code, len(ran.lines)) == (0, 6)


class _Seen(NoProgress):
    """The files that were published, by the names of their sources."""

    def __init__(self) -> None:
        self.files: list[tuple[str, str]] = []

    def file_published(self, published: Published) -> None:
        self.files.append((str(published.source), published.status.value))


def test_each_file_that_is_published_is_reported_by_its_name(server: Server, mirror: Path) -> None:
    seen = _Seen()
    _, published = mirror_releases(mirror, server.index, "demo==2.0", progress=seen)
    assert (
        seen.files == [("demo-2.0-py3-none-any.whl", "added")] == [(str(e.source), e.status.value) for e in published.files]
    )


def test_a_wheel_that_was_added_from_a_file_gets_the_time_of_the_index(server: Server, mirror: Path, tmp_path: Path) -> None:
    assert add_wheels(mirror, tmp_path / "theirs/demo-2.0-py3-none-any.whl").ok
    policy = Policy(allow_unproven=True)
    [first] = mirror_releases(mirror, server.index, "demo==2.0", policy=policy)[1].files
    [note] = first.notes
    assert (first.status.value, note[:40]) == ("unchanged", "Its upload time is now that of the index")
    [second] = mirror_releases(mirror, server.index, "demo==2.0", policy=policy)[1].files
    assert (second.status.value, second.notes) == ("unchanged", ())


def test_one_wheel_starts_no_other_process(server: Server, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of its own takes longer than a small wheel does."""

    def started(jobs: int, module: str, _: object) -> None:
        raise AssertionError(f"{jobs} processes for {module}")

    monkeypatch.setattr("wheelfix.executors._started", started)
    assert mirror_releases(mirror, server.index, "demo==2.0")[1].ok


def test_a_wheel_is_downloaded_again_only_if_rules_or_options_change(server: Server, mirror: Path) -> None:
    mirror_releases(mirror, server.index, ["demo==1.0", "demo==2.0"], policy=Policy(allow_unproven=True))
    before = server.wheel_bytes()
    report, published = mirror_releases(mirror, server.index, ["demo==1.0", "demo==2.0"], policy=Policy(allow_unproven=True))
    assert server.wheel_bytes() == before
    assert report.outcomes == ()
    assert statuses(published) == ["unchanged"] * 6
    yank_files(mirror, "demo==2.0", "why")
    _, published = mirror_releases(mirror, server.index, "demo==2.0", policy=Policy(allow_unproven=True))
    assert server.wheel_bytes() == before
    assert published.files[0].notes == ("It is yanked, as decided here.",)
    mirror_releases(mirror, server.index, "demo==2.0", rules="gpu/nvidia", policy=Policy(allow_unproven=True))
    once = server.wheel_bytes()
    assert once > before
    mirror_releases(mirror, server.index, "demo==2.0", rules="gpu/nvidia")
    assert server.wheel_bytes() > once


def test_an_interrupted_download_goes_on(server: Server, upstream: Path, mirror: Path) -> None:
    """Only the rest is downloaded; what is there already is never trusted unseen."""
    [path] = upstream.glob("public/files/demo/*/demo-2.0-*.whl")
    [file] = chosen(server.index, "demo==2.0")
    part = mirror / f"private/scratch/downloads/{file.digests['sha256']}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(path.read_bytes()[:100])
    before = server.wheel_bytes()
    _, published = mirror_releases(mirror, server.index, "demo==2.0")
    assert published.ok
    assert server.wheel_bytes() - before == path.stat().st_size - 100
    part.write_bytes(path.read_bytes() + b"more")
    mirror_releases(mirror, server.index, "demo==2.0", rules="gpu/nvidia", publishing=Publishing(replace=True))
    assert check_mirror(mirror).findings == ()


def breaking(name: str, data: bytes, times: int) -> Callable[[Asked], Reply | None]:
    """Return what breaks off the first ``times`` that the file is asked for, without parts; each run asks six times."""
    left = [times]

    def spoil(asked: Asked) -> Reply | None:
        if not asked.path.endswith(name) or not left[0]:
            return None
        left[0] -= 1
        return Reply(data[:50], length=len(data))

    return spoil


def test_what_is_complete_survives_a_download_that_breaks_off(tmp_path: Path, mirror: Path) -> None:
    """It is published; and kept, where the mirror refuses it for now."""
    paths = [demo_wheel(tmp_path / "in", "1.0", tags=tags) for tags in ("py2-none-any", "py3-none-any")]
    index = index_of(*paths)
    index.spoil = breaking(paths[1].name, paths[1].read_bytes(), 12)
    with answering(index) as server:
        _, published = mirror_releases(mirror, server.index, "demo")
        assert [(each.status.value, each.filename) for each in published.files] == [
            ("added", paths[0].name), ("failed", paths[1].name)]  # fmt: skip
        assert codes(published) == [None, "no-answer"]
        server.requests.clear()
        mirror_releases(mirror, server.index, "demo")
        assert set(downloaded(server)) == {paths[1].name}
        _, published = mirror_releases(mirror, server.index, "demo")
    assert statuses(published) == ["unchanged", "added"]
    assert kept(mirror) == []


def test_a_download_is_kept_until_the_mirror_accepts_it(tmp_path: Path, mirror: Path) -> None:
    add_wheels(mirror, demo_wheel(tmp_path / "ours", "1.0", "six"))
    with answering(index_of(demo_wheel(tmp_path / "in", "1.0"))) as server:
        _, published = mirror_releases(mirror, server.index, "demo")
        assert codes(published) == ["name-taken"]
        assert kept(mirror) == [".whl"]
        _, published = mirror_releases(mirror, server.index, "demo", publishing=Publishing(replace=True))
        assert statuses(published) == ["replaced"]
        assert len(downloaded(server)) == 1
    assert kept(mirror) == []


def test_what_is_kept_is_not_trusted_unseen(tmp_path: Path, mirror: Path) -> None:
    add_wheels(mirror, demo_wheel(tmp_path / "ours", "1.0", "six"))
    with answering(index_of(demo_wheel(tmp_path / "in", "1.0"))) as server:
        mirror_releases(mirror, server.index, "demo")
        [path] = (mirror / "private/scratch/downloads").iterdir()
        path.write_bytes(b"other")
        assert mirror_releases(mirror, server.index, "demo", publishing=Publishing(replace=True))[1].ok
        assert len(downloaded(server)) == 2


def test_requirements_and_files_are_handled_independently(tmp_path: Path, mirror: Path) -> None:
    paths = [demo_wheel(tmp_path / "in", "1.0", tags=tags) for tags in ("py2-none-any", "py3-none-any")]
    index = index_of(*paths)
    index.spoil = lambda asked: Reply(b"x" * 100) if asked.path.endswith(paths[0].name) else None
    with answering(index) as server:
        _, published = mirror_releases(mirror, server.index, ["nosuch", "demo", "demo==9"])
    assert [(str(each.source), each.status.value) for each in published.files] == [
        ("nosuch", "refused"), (paths[0].name, "failed"), (paths[1].name, "added"), ("demo==9", "refused")]  # fmt: skip
    assert codes(published) == ["no-project", "wrong-hash", None, "no-version"]
    assert not published.ok
    assert check_mirror(mirror).findings == ()


def test_a_few_wheels_are_downloaded_at_a_time(tmp_path: Path, mirror: Path) -> None:
    """Their results are in the order of the page, whichever comes first; one that fails ends no other."""
    paths = [demo_wheel(tmp_path / "in", "1.0", tags=f"py3-none-macosx_{number}_0_arm64") for number in range(11, 21)]
    index, now, most, lock = index_of(*paths), [0], [0], threading.Lock()

    def reply(asked: Asked) -> Reply:
        if not asked.path.endswith(".whl"):
            return index(asked)
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.05 if asked.path.endswith(paths[0].name) else 0.02)
        with lock:
            now[0] -= 1
        return Reply(status=404) if asked.path.endswith(paths[3].name) else index(asked)

    with answering(reply) as server:
        _, published = mirror_releases(mirror, server.index, "demo")
    assert [str(each.source) for each in published.files] == [path.name for path in paths]
    assert codes(published) == [None] * 3 + ["bad-answer"] + [None] * 6
    assert 2 <= most[0] <= 4


def test_a_wheel_for_two_requirements_is_downloaded_once(tmp_path: Path, mirror: Path) -> None:
    with answering(index_of(demo_wheel(tmp_path / "in", "1.0"))) as server:
        _, published = mirror_releases(mirror, server.index, ["demo", "demo==1.0", "demo"])
        assert statuses(published) == ["added"]
        assert len(downloaded(server)) == 1


def refusing(tmp_path: Path) -> Index:
    """Return an index with a wheel without evidence whether it needs a GPU."""
    files = (Entry("demo/__init__.py", b""),)
    return index_of(demo_wheel(tmp_path / "in", "1.0", "nvidia-cudnn-cu12", tags=TAGS[1], files=files))


def test_a_refusal_is_reported_again_without_a_download(tmp_path: Path, mirror: Path) -> None:
    with answering(refusing(tmp_path)) as server:
        report, first = mirror_releases(mirror, server.index, "demo")
        assert [each.status.value for each in report.outcomes] == statuses(first) == ["refused"]
        assert first.files[0].filename == "demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"
        assert first.files[0].problem == report.outcomes[0].problem
        assert kept(mirror) == []
        report, again = mirror_releases(mirror, server.index, "demo")
        assert report.outcomes == ()
        assert again.files == first.files
        assert len(downloaded(server)) == 1


@pytest.mark.parametrize(
    "option", ["allow_unproven", "skip_gpu_builds", "skip_unproven", "force", "allow_mixed", "rules", "scan"]
)
def test_a_refusal_holds_for_the_same_rules_and_options_only(option: str, tmp_path: Path, mirror: Path) -> None:
    value = {"rules": "gpu/nvidia", "scan": "never"}.get(option, True)
    with answering(refusing(tmp_path)) as server:
        mirror_releases(mirror, server.index, "demo")
        mirror_releases(mirror, server.index, "demo", **values(**{option: value}))
        assert len(downloaded(server)) == 2


@pytest.mark.parametrize("option", ["skip_unproven", "allow_unproven"])
def test_what_is_unproven_is_mirrored_unchanged_or_fixed(option: str, tmp_path: Path, mirror: Path) -> None:
    with answering(refusing(tmp_path)) as server:
        report, published = mirror_releases(mirror, server.index, "demo", **values(**{option: True}))
    assert [each.status.value for each in report.outcomes] == ["unchanged" if option == "skip_unproven" else "fixed"]
    assert statuses(published) == ["added"]
    original = next((tmp_path / "in").glob("*.whl")).read_bytes()
    assert (report.outcomes[0].source_sha256 == report.outcomes[0].output_sha256) is (option == "skip_unproven")
    assert (original in [path.read_bytes() for path in mirror.rglob("*.whl")]) is (option == "skip_unproven")


def test_a_refusal_does_not_outlive_this_version(tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(refusing(tmp_path)) as server:
        mirror_releases(mirror, server.index, "demo")
        monkeypatch.setattr("wheelfix.mirror.fetch.__version__", "99")
        mirror_releases(mirror, server.index, "demo")
        assert len(downloaded(server)) == 2


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"terms": "x"}', '{"terms": "x", "problem": {"code": 1}}', '{"problem": []}']
)
def test_a_note_of_a_refusal_that_cannot_be_read_is_none(text: str, tmp_path: Path, mirror: Path) -> None:
    with answering(refusing(tmp_path)) as server:
        mirror_releases(mirror, server.index, "demo")
        [note] = (mirror / "private/scratch/refusals").iterdir()
        note.write_text(text)
        _, published = mirror_releases(mirror, server.index, "demo")
        assert statuses(published) == ["refused"]
        assert len(downloaded(server)) == 2


def test_a_refusal_is_not_noted_while_wheels_of_the_release_are_missing(tmp_path: Path, mirror: Path) -> None:
    index, other = refusing(tmp_path), demo_wheel(tmp_path / "in", "1.0")
    index.files[other.name] = other.read_bytes()
    index.spoil = breaking(other.name, other.read_bytes(), 6)
    with answering(index) as server:
        _, published = mirror_releases(mirror, server.index, "demo", publishing=Publishing(allow_mixed=True))
        assert sorted(statuses(published)) == ["failed", "refused"]
        assert not (mirror / "private/scratch/refusals").exists()
        assert ".whl" in kept(mirror)
        mirror_releases(mirror, server.index, "demo", publishing=Publishing(allow_mixed=True))
        assert len(list((mirror / "private/scratch/refusals").iterdir())) == 1
    assert kept(mirror) == []


def test_an_index_of_fixed_wheels_is_not_downloaded_again(tmp_path: Path, mirror: Path) -> None:
    original = demo_wheel(tmp_path / "in", "1.0", GPU)
    [fixed] = fix_wheels(original, output=tmp_path / "fixed", policy=Policy(allow_unproven=True)).outcomes
    assert fixed.output is not None
    with answering(index_of(fixed.output)) as server:
        for expected in ("added", "unchanged"):
            _, published = mirror_releases(mirror, server.index, "demo", publishing=Publishing(yank_original="gpu"))
            assert statuses(published) == [expected]
        assert len(downloaded(server)) == 1


def test_several_runs_at_once_download_a_wheel_once(tmp_path: Path, mirror: Path) -> None:
    paths = [demo_wheel(tmp_path / "in", "1.0", GPU, tags=tags) for tags in ("py2-none-any", "py3-none-any")]
    meet = threading.Barrier(3)
    with answering(index_of(*paths)) as server:

        def run(_: int) -> PublishReport:
            meet.wait()
            return mirror_releases(mirror, server.index, "demo", policy=Policy(allow_unproven=True))[1]

        with ThreadPoolExecutor(3) as pool:
            reports = list(pool.map(run, range(3)))
        assert sorted(downloaded(server)) == sorted(path.name for path in paths)
    assert all(report.ok for report in reports)
    assert check_mirror(mirror).findings == ()
    assert kept(mirror) == []


def test_the_original_is_listed_too_and_yanked_later_on_as_well(tmp_path: Path, mirror: Path) -> None:
    with answering(index_of(demo_wheel(tmp_path / "in", "1.0", GPU))) as server:
        options = values(allow_unproven=True, build_tag="1nogpu")
        _, published = mirror_releases(mirror, server.index, "demo", **options)
        assert statuses(published) == ["added"]
        _, published = mirror_releases(mirror, server.index, "demo", **options, publishing=Publishing(yank_original="gpu"))
        assert statuses(published) == ["unchanged", "yanked"]
        before = downloaded(server)
        _, published = mirror_releases(mirror, server.index, "demo", **options, publishing=Publishing(yank_original="gpu"))
        assert statuses(published) == ["unchanged"]
        assert downloaded(server) == before
    page = json.loads((mirror / "public/simple/demo/index.json").read_bytes())
    assert {file["filename"]: file["yanked"] for file in page["files"]} == {
        "demo-1.0-py3-none-any.whl": "gpu", "demo-1.0-1nogpu-py3-none-any.whl": False}  # fmt: skip
    assert check_mirror(mirror).findings == ()


def test_an_original_that_cannot_be_listed_is_reported_each_time(tmp_path: Path, mirror: Path) -> None:
    with answering(index_of(demo_wheel(tmp_path / "in", "1.0", GPU))) as server:
        for _ in range(2):
            _, published = mirror_releases(
                mirror, server.index, "demo", policy=Policy(allow_unproven=True), publishing=Publishing(yank_original="gpu")
            )
            assert "has the same name" in published.files[0].notes[0]
        assert len(downloaded(server)) == 1


def test_downloads_that_no_run_uses_are_deleted(tmp_path: Path, mirror: Path) -> None:
    with answering(index_of(demo_wheel(tmp_path / "in", "1.0"))) as server:
        mirror_releases(mirror, server.index, "demo")
        old, young = (mirror / f"private/scratch/downloads/{digit * 64}.part" for digit in "01")
        for path in (old, young):
            path.write_bytes(b"x")
        os.utime(old, (0, 0))
        mirror_releases(mirror, server.index, "demo")
    assert not old.exists()
    assert young.exists()


def test_credentials_come_from_netrc(server: Server, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.password = "who:secret"
    _, published = mirror_releases(mirror, server.index, "demo==2.0")
    assert codes(published) == ["access-denied"]
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login who password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    _, published = mirror_releases(mirror, server.index, "demo==2.0")
    assert published.ok


def test_credentials_come_from_keyring(server: Server, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And that server alone gets it."""
    asked: list[str] = []

    def get_credential(service: str, user: str | None) -> SimpleNamespace | None:
        asked.append(service)
        return SimpleNamespace(username="who", password="secret") if server.url.endswith(service) else None

    server.password = "who:secret"
    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_credential=get_credential))
    _, published = mirror_releases(mirror, server.index, "demo==2.0")
    assert published.ok
    assert server.url.removeprefix("http://") in asked
    server.password = "who:changed"
    _, published = mirror_releases(mirror, server.index, "demo==1.0")
    assert codes(published) == ["access-denied"]
    assert "secret" not in str(published)


def test_credentials_do_not_follow_a_redirect_to_another_server(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []

    def elsewhere(asked: Asked) -> Reply:
        seen.append(asked.headers.get("authorization"))
        return Reply(status=404)

    def get_credential(service: str, user: str | None) -> SimpleNamespace | None:
        return SimpleNamespace(username="who", password="secret") if "127.0.0.1" in service else None

    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_credential=get_credential))
    with answering(elsewhere) as other:
        target = other.url.replace("127.0.0.1", "localhost")

        def here(asked: Asked) -> Reply:
            if "authorization" not in asked.headers:
                return Reply(status=401)
            return Reply(status=302, headers={"Location": f"{target}/simple/demo/"})

        with answering(here) as server:
            mirror_releases(mirror, server.index, "demo")
    assert seen == [None]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"hashes": {"sha256": "0" * 64}}, "wrong-hash"),
        ({"hashes": {}}, "no-hash"),
        ({"hashes": {"sha256": "../../x"}}, "no-hash"),
        ({"hashes": {"md5": "0" * 32}}, "no-hash"),
        ({"filename": "../../demo-2.0-py3-none-any.whl"}, "no-version"),
        ({"filename": "demo-2.0-py3-none-any/../x.whl"}, "no-version"),
        ({"filename": "other-2.0-py3-none-any.whl"}, "no-version"),
        ({"url": "file:///etc/passwd"}, "bad-url"),
        ({"url": "ftp://example.invalid/demo-2.0-py3-none-any.whl"}, "bad-url"),
        ({"url": "http://user:secret@127.0.0.1/demo-2.0-py3-none-any.whl"}, "credentials-in-url"),
        ({"url": "/nosuch.whl?X-Amz-Signature=secret"}, "bad-answer"),
        ({"upload-time": "secret"}, "bad-page"),
    ],
)
def test_a_hostile_index_is_refused(values: dict[str, object], code: str, mirror: Path, tmp_path: Path) -> None:
    index = index_of(demo_wheel(tmp_path / "in", "2.0"))
    index.said = values
    before = sorted(path for path in tmp_path.rglob("*") if mirror not in path.parents)
    with answering(index) as server:
        _, published = mirror_releases(mirror, server.index, "demo==2.0")
    assert codes(published) == [code]
    assert "secret" not in str(published)
    assert not (mirror / "public/simple").exists()
    assert sorted(path for path in tmp_path.rglob("*") if mirror not in path.parents and path != mirror) == before


def test_a_sum_may_be_in_upper_case(mirror: Path, tmp_path: Path) -> None:
    index = index_of(demo_wheel(tmp_path / "in", "2.0"))
    with answering(index) as server:
        [file] = chosen(server.index, "demo")
        index.said = {"hashes": {"sha256": file.digests["sha256"].upper()}}
        for expected in ("added", "unchanged"):
            assert statuses(mirror_releases(mirror, server.index, "demo")[1]) == [expected]


@pytest.mark.parametrize("tag", [f"cp3{'9' * 5000}", "cp3\u0661", "py3\u00b2"])
def test_a_tag_that_no_python_has_fits_none(tag: str, mirror: Path, tmp_path: Path) -> None:
    index = index_of(demo_wheel(tmp_path / "in", "2.0"))
    index.said = {"filename": f"demo-2.0-{tag}-none-any.whl"}
    with answering(index) as server:
        _, published = mirror_releases(mirror, server.index, "demo", targets=Targets(pythons=["3.11"]))
    assert codes(published)[0] in ("no-wheel", "no-version")


@pytest.mark.parametrize("name", ["other", "demo2", ""])
def test_a_page_of_another_project_says_nothing_of_this_one(name: str, mirror: Path, tmp_path: Path) -> None:
    index = index_of(demo_wheel(tmp_path / "in", "2.0"))
    with answering(index) as server:
        assert statuses(mirror_releases(mirror, server.index, "demo")[1]) == ["added"]
        index.page, index.files = {"name": name}, {}
        _, published = mirror_releases(mirror, server.index, "demo")
        index.page = {"name": "DEMO"}
        _, spelled_otherwise = mirror_releases(mirror, server.index, "demo")
    assert codes(published) == ["bad-page"]
    assert codes(spelled_otherwise)[0] != "bad-page"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"<html>", b"\xff", b'{"meta": {"api-version": "9.0"}, "name": "demo", "files": []}']
)
def test_pages_that_are_none(body: bytes, server: Server, upstream: Path, mirror: Path) -> None:
    (upstream / "public/simple/demo/index.json").write_bytes(body)
    _, published = mirror_releases(mirror, server.index, "demo==2.0")
    assert codes(published) == ["bad-page"]


@pytest.mark.parametrize(
    ("requirement", "index", "pythons", "code"),
    [
        ("demo", "ftp://who:secret@example.invalid/", (), "bad-url"),
        ("demo[", "http://127.0.0.1:9/", (), "bad-selection"),
        ("demo", "http://127.0.0.1:9/", ["cp311"], "bad-python"),
    ],
)
def test_what_nobody_can_mean_is_raised(requirement: str, index: str, pythons: list[str], code: str, mirror: Path) -> None:
    with pytest.raises(MirrorError) as caught:
        mirror_releases(mirror, index, requirement, targets=Targets(pythons=pythons))
    assert caught.value.code == code
    assert "secret" not in str(caught.value)
    assert not mirror.exists()


def test_the_whole_index_from_the_command_line(server: Server, mirror: Path) -> None:
    ran = wheelfix(
        "mirror", "add", mirror, "--from-index", server.index, "--platform", "win*", "--format", "json", "demo==2.0"
    )
    assert ran.code == 0, ran.err
    assert mirror_report(ran)["summary"]["added"] == 1
    assert "downloading demo-2.0-py3-none-any.whl" in ran.err
    ran = wheelfix("mirror", "check", server.index, "--format", "json", "--download", "all")
    assert {each["code"] for each in mirror_report(ran)["findings"]} == {"cache-unset", "gpu-requirements"}
    assert mirror_report(ran)["summary"]["files"] == 7


def test_a_pause_is_printed(tmp_path: Path, mirror: Path) -> None:
    """A run that waits for a busy server does not look like one that hangs."""
    index = index_of(demo_wheel(tmp_path / "in", "1.0"))
    answers = [Reply(b"busy", 429, {"Retry-After": "1"})]
    index.spoil = lambda asked: answers.pop() if answers and asked.path.endswith(".whl") else None
    with answering(index) as server:
        ran = wheelfix("mirror", "add", mirror, "--from-index", server.index, "demo")
    assert ran.code == 0
    assert f"waiting 1 s for {server.url}/files/demo-1.0-py3-none-any.whl: the server answers 429\n" in ran.err


def test_what_a_job_needs_from_the_command_line(server: Server, mirror: Path) -> None:
    words = ("mirror", "add", mirror, "--from-index", server.index, "--format", "json", "demo==1.0")
    ran = wheelfix(*words, "--allow-unproven", "--build-tag", "1nogpu", "--yank-original", "gpu", "--jobs", "2")
    assert ran.code == 0, ran.err
    assert mirror_report(ran)["summary"] | {"added": 5, "yanked": 5} == mirror_report(ran)["summary"]
    assert wheelfix("mirror", "check", "--strict", mirror).code == 0
    ran = wheelfix(*words, "--allow-unproven", "--local", "cpu")
    assert {each["filename"] for each in mirror_report(ran)["files"]} >= {"demo-1.0+cpu-py3-none-any.whl"}


def test_a_refusal_is_in_the_report_and_printed_once(tmp_path: Path, mirror: Path) -> None:
    name = "demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"
    with answering(refusing(tmp_path)) as server:
        for _ in range(2):  # the second time without loading it
            ran = wheelfix("mirror", "add", mirror, "--from-index", server.index, "--format", "json", "demo")
            report = mirror_report(ran)
            assert ran.code == 3
            assert report["summary"]["refused"] == 1
            assert (report["files"][0]["project"], report["files"][0]["filename"]) == ("demo", name)
            problem = report["files"][0]["problem"]
            assert all(problem[key] for key in ("code", "message", "hint"))
            assert ran.err.count(f"{name} not ") == 1
        ran = wheelfix("mirror", "add", mirror, "--from-index", server.index, "--allow-unproven", "demo")
        assert ran.code == 0, ran.err


def test_a_refusal_is_not_noted_where_a_wheel_of_the_release_failed(
    tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one was refused because of it; that is not remembered."""
    paths = [demo_wheel(tmp_path / "in", "1.0", GPU, tags=tags) for tags in ("py2-none-any", "py3-none-any")]
    real = os.open

    def failing(path: str, *arguments: int, **options: int) -> int:
        if "making-" in str(path) and str(path).endswith("py2-none-any.whl"):
            raise OSError(errno.EIO, "Input/output error")
        return real(path, *arguments, **options)

    with answering(index_of(*paths)) as server:
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", failing)
            _, published = mirror_releases(mirror, server.index, "demo", policy=Policy(allow_unproven=True))
        assert statuses(published) == ["failed", "refused"]
        _, published = mirror_releases(mirror, server.index, "demo", policy=Policy(allow_unproven=True))
        assert statuses(published) == ["added", "added"]


def test_a_wheel_that_the_mirror_has_lost_is_downloaded_again(tmp_path: Path, mirror: Path) -> None:
    path = demo_wheel(tmp_path / "in", "1.0", "six")
    with answering(index_of(path)) as server:
        mirror_releases(mirror, server.index, "demo")
        [lost] = mirror.glob("public/files/demo/*/*.whl")
        lost.unlink()
        _, published = mirror_releases(mirror, server.index, "demo")
    assert any("is restored" in note for each in published.files for note in each.notes)
    assert check_mirror(mirror).findings == ()


@pytest.mark.parametrize("answers", [0, 1])
def test_a_bucket_that_does_not_answer_is_not_asked_for_every_wheel(answers: int, server: Server, tmp_path: Path) -> None:
    """Each question waits for minutes then; every wheel has failed, and the next run adds all of them."""
    store, asked = MemoryStore(tmp_path / "scratch"), list[str]()

    def before(operation: str, key: str) -> None:
        asked.append(key)
        if len(asked) > answers:
            raise no_answer(key)

    store.before = before
    requirements, policy = ["demo==1.0", "demo==2.0"], Policy(allow_unproven=True)
    _, published = mirror_releases(store, server.index, requirements, policy=policy)
    assert len(published.files) == (6 if answers else 2)
    assert {(each.status.value, each.problem.code if each.problem else "") for each in published.files} == {
        ("failed", "no-answer")
    }
    assert len(asked) <= answers + 4  # one for each of the wheels that are looked for at the same time
    store.before = lambda operation, key: None
    assert statuses(mirror_releases(store, server.index, requirements, policy=policy)[1]) == ["added"] * 6
