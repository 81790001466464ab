"""What another index says of files that a mirror has from there: yanked, removed, uploaded when; and who wins."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from demos import GPU, demo_wheel
from fixing import values
from refusing import failing
from running import wheelfix
from scripting import Index, Reply, answering
from wheelfix.fix.batch import fix_wheels
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.from_index import mirror_releases
from wheelfix.mirror.publish import fix_into_mirror
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import unyank_files, yank_files
from wheelfix.options import Naming, Policy, Publishing
from wheelfix.results import PublishReport

TIME = "2026-01-01T00:00:00.000000Z"
"""What the index of these tests says of when its files were uploaded."""
ONE, TWO = "demo-1.0-py3-none-any.whl", "demo-2.0-py3-none-any.whl"

PORTS: dict[int, int] = {}
"""Where the index of a test listens, by its identity."""


@pytest.fixture(autouse=True)
def forget_ports() -> None:
    PORTS.clear()


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


@pytest.fixture
def index(tmp_path: Path) -> Index:
    paths = [demo_wheel(tmp_path / "in", "1.0"), demo_wheel(tmp_path / "in", "2.0")]
    return Index({path.name: path.read_bytes() for path in paths})


def sync(mirror: Path, index: Index, *requirements: str, **options: Any) -> PublishReport:
    """Run a line on the index, which has the same URL each time, unless its port is forgotten."""
    with answering(index, port=PORTS.get(id(index), 0)) as server:
        PORTS[id(index)] = int(server.url.rpartition(":")[2])
        return mirror_releases(mirror, server.index, requirements or ["demo"], **values(**options))[1]


def page(mirror: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((mirror / "public/simple/demo/index.json").read_bytes())
    return found


def files(mirror: Path, key: str = "yanked") -> dict[str, Any]:
    return {file["filename"]: file.get(key) for file in page(mirror)["files"]}


def statuses(published: PublishReport) -> list[tuple[str, str]]:
    return [(each.status.value, str(each.filename)) for each in published.files]


def notes(published: PublishReport) -> str:
    return "\n".join(note for each in published.files for note in each.notes)


def test_yanked_upstream_is_yanked_here_with_its_reason(index: Index, mirror: Path) -> None:
    index.of = {TWO: {"yanked": "breaks 1.0"}}
    published = sync(mirror, index, "demo==2.0", "demo==1.0")
    assert files(mirror) == {ONE: False, TWO: "breaks 1.0"}
    assert "The index has yanked it: breaks 1.0" in notes(published)
    assert 'data-yanked="breaks 1.0"' in (mirror / "public/simple/demo/index.html").read_text()
    assert check_mirror(mirror).findings == ()


@pytest.mark.parametrize("yanked", [True, "", "why", "a\nb\"'<"])
def test_a_yank_is_copied_as_it_is(yanked: bool | str, index: Index, mirror: Path) -> None:
    index.said = {"yanked": yanked}
    sync(mirror, index, "demo==2.0")
    assert files(mirror) == {TWO: yanked or True}


def test_a_later_yank_upstream_is_copied_and_so_is_its_end(index: Index, mirror: Path) -> None:
    """As with click 8.2.2: it is no longer what the line takes, and must not be the newest here."""
    assert statuses(sync(mirror, index)) == [("added", TWO)]
    index.of = {TWO: {"yanked": "broken"}}
    published = sync(mirror, index)
    assert statuses(published) == [("added", ONE), ("yanked", TWO)]
    assert "The index has yanked it: broken" in notes(published)
    assert files(mirror) == {ONE: False, TWO: "broken"}
    assert statuses(sync(mirror, index)) == [("unchanged", ONE)]
    index.of = {TWO: {"yanked": "very broken"}}
    assert statuses(sync(mirror, index)) == [("unchanged", ONE), ("yanked", TWO)]
    index.of = {}
    assert statuses(sync(mirror, index)) == [("unchanged", TWO), ("unyanked", TWO)]
    assert files(mirror) == {ONE: False, TWO: False}
    assert check_mirror(mirror).findings == ()


def test_what_is_removed_upstream_is_yanked_and_never_deleted(index: Index, mirror: Path) -> None:
    sync(mirror, index)
    gone = {TWO: index.files.pop(TWO)}
    published = sync(mirror, index)
    assert statuses(published) == [("added", ONE), ("yanked", TWO)]
    assert "no longer lists it" in notes(published)
    assert files(mirror) == {ONE: False, TWO: "removed upstream"}
    assert check_mirror(mirror).findings == ()
    index.files |= gone
    assert statuses(sync(mirror, index)) == [("unchanged", TWO), ("unyanked", TWO)]


def test_files_from_elsewhere_do_not_count_as_removed(index: Index, mirror: Path, tmp_path: Path) -> None:
    add_wheels(mirror, demo_wheel(tmp_path / "ours", "3.0"))
    sync(mirror, index)
    del index.files[TWO]
    PORTS.clear()  # it is another index
    sync(mirror, index)
    assert files(mirror) == {ONE: False, TWO: False, "demo-3.0-py3-none-any.whl": False}


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=404),
        Reply(status=500),
        Reply(b"{", headers={"Content-Type": "application/vnd.pypi.simple.v1+json"}),
        Reply(b"<html><body>We are working on it.</body></html>", headers={"Content-Type": "text/html"}),
        Reply(b'{"meta": ', length=1000, headers={"Content-Type": "application/vnd.pypi.simple.v1+json"}),
    ],
)
def test_an_upstream_that_gives_no_answer_changes_nothing(reply: Reply, index: Index, mirror: Path) -> None:
    sync(mirror, index)
    before = (mirror / "public/simple/demo/index.json").read_bytes()
    index.spoil = lambda asked: reply
    published = sync(mirror, index)
    assert not published.ok
    assert (mirror / "public/simple/demo/index.json").read_bytes() == before


def html_of(index: Index) -> bytes:
    links = (
        f'<a href="/files/{name}#sha256={hashlib.sha256(data).hexdigest()}">{name}</a>\n'
        for name, data in index.files.items()
    )
    return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()


@pytest.mark.parametrize("zipped", [False, True])
def test_half_a_page_does_not_count_as_all_of_it(zipped: bool, index: Index, mirror: Path) -> None:
    """It ends with the connection, or its second half is an entry of gzip of its own."""
    html, kind = html_of(index), {"Content-Type": "text/html"}
    index.spoil = lambda asked: Reply(html, headers=kind) if asked.path == "/simple/demo/" else None
    sync(mirror, index, "demo==1.0", "demo==2.0")
    before, half = files(mirror), html.index(b"<a", html.index(TWO.encode()) - 100)
    cut = Reply(html[:half], headers=kind, sends_length=False)
    if zipped:
        cut = Reply(gzip.compress(html[:half]) + gzip.compress(html[half:]), headers={**kind, "Content-Encoding": "gzip"})
    index.spoil = lambda asked: cut if asked.path == "/simple/demo/" else None
    assert statuses(sync(mirror, index, "demo==1.0")) == [("unchanged", ONE)]
    assert files(mirror) == before == {ONE: False, TWO: False}
    end = Reply(html[:half] + b"</BODY></HTML>", headers=kind, sends_length=False)
    index.spoil = lambda asked: end if asked.path == "/simple/demo/" else None
    assert ("yanked", TWO) in statuses(sync(mirror, index, "demo==1.0"))


def test_one_index_has_one_name_however_it_is_written(index: Index, mirror: Path) -> None:
    with answering(index) as server:
        mirror_releases(mirror, server.index, ["demo==1.0", "demo==2.0"])
        index.of = {TWO: {"yanked": "broken"}}
        mirror_releases(mirror, server.index.rstrip("/").replace("http", "HTTP"), "demo==1.0")
        assert files(mirror) == {ONE: False, TWO: "broken"}
        index.of = {}
        mirror_releases(mirror, server.index, "demo==1.0")
        assert files(mirror) == {ONE: False, TWO: False}
        del index.files[TWO]
        mirror_releases(mirror, server.index.rstrip("/"), "demo==1.0")
        assert files(mirror) == {ONE: False, TWO: "removed upstream"}
    assert files(mirror, "_wheelfix-upstream") == {ONE: server.index, TWO: server.index}


def test_a_project_that_is_gone_is_not_yanked_and_named(index: Index, mirror: Path) -> None:
    sync(mirror, index, "demo==1.0", "demo==2.0")
    index.spoil = lambda asked: Reply(status=404)
    problem = sync(mirror, index).files[0].problem
    assert problem is not None
    assert problem.message == "the index no longer has the project demo, and the mirror lists 2 files from there"
    assert "wheelfix mirror yank MIRROR demo" in problem.hint
    assert files(mirror) == {ONE: False, TWO: False}


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59.9-01:00", "0001-01-01T00:00:00+14:00"])
def test_an_upload_time_beyond_all_calendars_is_none(time: str, index: Index, mirror: Path) -> None:
    index.said = {"upload-time": time}
    assert "The index has no upload time for it" in notes(sync(mirror, index))


def test_an_early_upload_time_has_a_year_of_four_digits(index: Index, mirror: Path) -> None:
    index.said = {"upload-time": "0099-01-01T00:00:00Z"}
    sync(mirror, index)
    assert files(mirror, "upload-time") == {TWO: "0099-01-01T00:00:00.000000Z"}


def test_no_reason_makes_a_page_unreadable(index: Index, mirror: Path, tmp_path: Path) -> None:
    """uv refuses the whole page where it holds half a character (``lone leading surrogate in hex escape``)."""
    index.said, index.page = {"yanked": "a\ud800b"}, {"project-status": {"status": "archived", "reason": "\udcff"}}
    sync(mirror, index, "demo==1.0", "demo==2.0")
    assert statuses(sync(mirror, index, "demo==1.0")) == [("unchanged", ONE)]  # nothing is taken over again and again
    yank_files(mirror, "demo==1.0", "bad \udcff")
    made = demo_wheel(tmp_path / "gpu", "4.0", GPU, tags="cp311-cp311-macosx_11_0_arm64")
    fix_into_mirror(mirror, made, naming=Naming(build_tag="1x"), publishing=Publishing(yank_original="why \udcfe"))
    assert {*files(mirror).values()} == {"bad \\xff", "a\\ud800b", "why \\xfe", False}
    json.dumps(page(mirror), ensure_ascii=False).encode()
    assert check_mirror(mirror).findings == ()


def test_a_file_that_is_there_and_is_yanked_meanwhile_is_printed_once(index: Index, mirror: Path) -> None:
    sync(mirror, index)
    index.said = {"yanked": "why"}
    with answering(index, port=PORTS[id(index)]) as server:
        ran = wheelfix("mirror", "add", mirror, "--from-index", server.index, "demo==2.0")
    assert (ran.code, len(ran.lines)) == (0, 1)
    assert "It is yanked, as in the index: why" in ran.err


def test_who_yanks_here_wins_over_the_index(index: Index, mirror: Path) -> None:
    sync(mirror, index, "demo==1.0", "demo==2.0")
    yank_files(mirror, "demo==1.0", "ours")
    index.said = {"yanked": "theirs"}
    sync(mirror, index, "demo==1.0")
    assert files(mirror) == {ONE: "ours", TWO: "theirs"}
    index.said = {}
    sync(mirror, index, "demo==1.0")
    assert files(mirror) == {ONE: "ours", TWO: False}
    assert files(mirror, "_wheelfix-yanked-by") == {ONE: "mirror", TWO: None}


def test_who_unyanks_here_wins_over_the_index(index: Index, mirror: Path) -> None:
    index.said = {"yanked": "theirs"}
    sync(mirror, index, "demo==1.0", "demo==2.0")
    unyank_files(mirror, "demo==1.0")
    sync(mirror, index, "demo==1.0")
    assert files(mirror) == {ONE: False, TWO: "theirs"}
    unyank_files(mirror, "demo==1.0")  # it is not yanked: nothing is decided once more
    assert files(mirror, "_wheelfix-yanked-by") == {ONE: "mirror", TWO: "upstream"}
    published = sync(mirror, index, "demo==1.0", rules="gpu/nvidia")
    assert files(mirror) == {ONE: False, TWO: "theirs"}
    assert published.ok


def test_what_was_not_yanked_goes_on_to_follow_the_index(index: Index, mirror: Path) -> None:
    sync(mirror, index, "demo==1.0", "demo==2.0")
    unyank_files(mirror, "demo")
    index.said = {"yanked": "theirs"}
    sync(mirror, index, "demo==1.0")
    assert files(mirror) == {ONE: "theirs", TWO: "theirs"}


@pytest.mark.parametrize("yanks", ["before", "later"])
def test_the_yank_of_an_original_holds_for_what_was_made_from_it(yanks: str, mirror: Path, tmp_path: Path) -> None:
    """Under a build tag, in its place; and the upload time is the original's."""
    path = demo_wheel(tmp_path / "in", "1.0", GPU)
    index = Index({path.name: path.read_bytes()})
    options = {"allow_unproven": True, "build_tag": "1nogpu"}
    for each in ("before", "later"):
        if yanks == each:
            index.said = {"yanked": "broken"}
        sync(mirror, index, "demo==1.0", **options)
    assert files(mirror) == {"demo-1.0-1nogpu-py3-none-any.whl": "broken"}
    assert files(mirror, "upload-time") == {"demo-1.0-1nogpu-py3-none-any.whl": TIME}


def test_an_original_that_is_listed_yanked_stays_so_and_has_its_upload_time(mirror: Path, tmp_path: Path) -> None:
    path = demo_wheel(tmp_path / "in", "1.0", GPU)
    index = Index({path.name: path.read_bytes()})
    for _ in range(2):
        sync(mirror, index, "demo", allow_unproven=True, build_tag="1nogpu", yank_original="gpu")
        assert files(mirror) == {"demo-1.0-1nogpu-py3-none-any.whl": False, path.name: "gpu"}
    assert set(files(mirror, "upload-time").values()) == {TIME}


def test_the_upload_time_is_that_of_the_index_and_ours_is_kept(index: Index, mirror: Path) -> None:
    index.of = {ONE: {"upload-time": "2025-05-05T05:05:05+02:00"}, TWO: {"upload-time": "2025-05-05T05:05:05"}}
    sync(mirror, index, "demo==1.0", "demo==2.0")
    assert files(mirror, "upload-time") == {ONE: "2025-05-05T03:05:05.000000Z", TWO: "2025-05-05T05:05:05.000000Z"}
    assert all(time > "2026-06" for time in files(mirror, "_wheelfix-added").values())
    before = page(mirror)
    sync(mirror, index, "demo==1.0", rules="gpu/nvidia")
    for file in before["files"]:
        file.pop("_wheelfix-rules", None)
    after = page(mirror)
    for file in after["files"]:
        file.pop("_wheelfix-rules", None)
    assert [{**file, "_wheelfix-upstream": None} for file in after["files"]] == [
        {**file, "_wheelfix-upstream": None} for file in before["files"]
    ]


def test_a_wheel_that_is_corrected_once_more_keeps_its_upload_time(mirror: Path, tmp_path: Path) -> None:
    """Whoever corrects it: the index by other rules, or somebody with the original at hand."""
    path = demo_wheel(tmp_path / "in", "1.0", GPU, "nvidia-cublas-cu12")
    index = Index({path.name: path.read_bytes()})
    sync(mirror, index, "demo", allow_unproven=True)
    sync(mirror, index, "demo", rules=None, replace=True)
    assert files(mirror, "upload-time") == {path.name: TIME}
    fix_into_mirror(mirror, path, policy=Policy(allow_unproven=True), publishing=Publishing(replace=True))
    assert files(mirror, "upload-time") == {path.name: TIME}


@pytest.mark.parametrize("has_time", [True, False])
def test_an_index_of_html_only_gives_the_time_when_the_file_was_first_seen(
    has_time: bool, index: Index, mirror: Path
) -> None:
    """And the report says so; our own pages, and what uv reads, have a time in HTML, too."""
    with answering(index) as server:
        from wheelfix.upstream.client import get_page
        from wheelfix.upstream.http import Session

        answer = get_page(Session(), server.index, "demo")
        assert answer is not None
        more = f' data-upload-time="{TIME}" data-size="1"' if has_time else ""
        html = "".join(
            f'<a href="/files/{each.filename}#sha256={each.digests["sha256"]}"{more}>{each.filename}</a><br>'
            for each in answer.wheels
        )
    reply = Reply(html.encode(), headers={"Content-Type": "text/html"})
    index.spoil = lambda asked: reply if asked.path == "/simple/demo/" else None
    published = sync(mirror, index, "demo==2.0")
    assert ("when the mirror first saw the file" in notes(published)) is not has_time
    [first] = files(mirror, "upload-time").values()
    assert (first == TIME) is has_time
    sync(mirror, index, "demo==2.0", rules="gpu/nvidia")
    assert files(mirror, "upload-time") == {TWO: first}
    assert files(mirror, "_wheelfix-added")[TWO] > "2026-06"


def test_a_page_from_before_is_brought_on(index: Index, mirror: Path, tmp_path: Path) -> None:
    """Its files have no private keys of this: a yank was somebody's here, and the time was ours."""
    add_wheels(mirror, [tmp_path / "in" / ONE, tmp_path / "in" / TWO])
    path = mirror / "public/simple/demo/index.json"
    document = page(mirror)
    document["files"][0] |= {"yanked": "ours", "_wheelfix-unknown": {"x": 1}}
    path.write_text(json.dumps(document))
    before = files(mirror, "upload-time")
    index.said = {"yanked": "theirs"}
    sync(mirror, index, "demo==1.0")
    assert files(mirror) == {ONE: "ours", TWO: "theirs"}
    assert files(mirror, "upload-time") == {ONE: TIME, TWO: TIME}
    assert files(mirror, "_wheelfix-added") == before
    assert files(mirror, "_wheelfix-unknown")[ONE] == {"x": 1}
    assert check_mirror(mirror).findings == ()


def test_the_status_of_a_project_is_copied_by_the_first_run(index: Index, mirror: Path) -> None:
    """Whoever quarantines a project does not want to wait for the second one."""
    index.page = {"project-status": {"status": "quarantined"}}
    assert statuses(sync(mirror, index)) == [("added", TWO)]
    assert page(mirror)["project-status"] == {"status": "quarantined"}


def test_the_status_of_a_project_is_copied(index: Index, mirror: Path) -> None:
    sync(mirror, index)
    for status in ({"status": "quarantined", "reason": "malware"}, {"status": "archived"}):
        index.page = {"project-status": status}
        sync(mirror, index)
        assert page(mirror)["project-status"] == status
        assert f'content="{status["status"]}"' in (mirror / "public/simple/demo/index.html").read_text()
    index.page = {}
    sync(mirror, index)
    assert "project-status" not in page(mirror)
    document = page(mirror)
    (mirror / "public/simple/demo/index.json").write_text(
        json.dumps(document | {"project-status": {"status": "deprecated"}})
    )
    index.page = {"project-status": {"status": "archived"}}
    sync(mirror, index)
    assert page(mirror)["project-status"] == {"status": "deprecated"}


@pytest.mark.parametrize("status", ["frozen", "ACTIVE", "", "\x1b[2J"])
def test_a_status_that_nobody_defined_is_a_note(status: str, index: Index, mirror: Path) -> None:
    """PEP 792 has four; a fifth one makes nothing else unreadable, and takes nothing back."""
    index.page = {"project-status": {"status": "archived"}}
    sync(mirror, index)
    index.page = {"project-status": {"status": status, "reason": "x"}}
    published = sync(mirror, index, "demo==1.0")
    assert statuses(published) == [("added", ONE)]
    [note] = [each for each in published.files[0].notes if "PEP 792" in each]
    assert "\x1b" not in note
    assert page(mirror)["project-status"] == {"status": "archived"}


def test_extras_are_not_followed_and_keep_nobody_out(index: Index, mirror: Path) -> None:
    published = sync(mirror, index, "demo[socks]", "demo==1.0")
    assert statuses(published) == [("added", TWO), ("added", ONE)]
    assert published.ok
    assert published.files[0].notes[0].startswith("Extras are not followed (socks)")
    assert published.files[1].notes == ()


@pytest.mark.parametrize(("requirement", "versions"), [("demo", "2.0, 1.0"), ("demo==2.0", "2.0"), ("demo<2", "1.0")])
def test_a_project_of_source_distributions_says_so(requirement: str, versions: str, index: Index, mirror: Path) -> None:
    index.files = {"demo-1.0.tar.gz": b"x", "demo-2.0.zip": b"y", "demo-0.5-py3-none-any.whl": b"z"}
    if requirement != "demo==2.0":
        del index.files["demo-0.5-py3-none-any.whl"]
    published = sync(mirror, index, requirement)
    [each] = published.files
    assert each.problem is not None
    assert each.problem.code == "only-sdists"
    assert each.problem.reason == f"it has {versions}"


def test_one_index_at_a_time(mirror: Path) -> None:
    words = ("--from-index", "http://127.0.0.1:9/", "--from-index", "http://127.0.0.1:10/")
    ran = wheelfix("mirror", "add", mirror, *words, "demo")
    assert ran.code == 2
    assert "give --from-index once" in ran.err


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_is_resumed_says_so(ranges: bool, index: Index, mirror: Path) -> None:
    """And does not, where the server sends all of it again."""
    data, index.ranges = index.files[TWO], ranges
    parts = mirror / "private/scratch/downloads"
    parts.mkdir(parents=True)
    import hashlib

    (parts / f"{hashlib.sha256(data).hexdigest()}.part").write_bytes(data[:100])
    with answering(index) as server:
        ran = wheelfix("mirror", "add", mirror, "--from-index", server.index, "demo")
    assert ran.code == 0, ran.err
    assert (f"resuming {TWO}: 100 of {len(data):,} bytes are there\n" in ran.err) is ranges
    assert (f"downloading {TWO}" in ran.err) is not ranges


def test_two_indexes_do_not_change_a_page_in_turn(index: Index, mirror: Path) -> None:
    other = Index(index.files, said={"upload-time": "2020-02-02T00:00:00Z"})
    times = []
    for each in (index, other, index, other):
        sync(mirror, each)
        times.append(files(mirror, "upload-time")[TWO])
    assert times == [TIME, *["2020-02-02T00:00:00.000000Z"] * 3]


def test_what_another_index_still_lists_is_not_removed(index: Index, mirror: Path) -> None:
    other = Index(dict(index.files))
    sync(mirror, other, "demo==1.0", "demo==2.0")
    sync(mirror, index, "demo==1.0", "demo==2.0")
    del index.files[TWO]
    sync(mirror, index, "demo==1.0")
    assert files(mirror) == {ONE: False, TWO: "removed upstream"}
    for each in (other, index, other):
        sync(mirror, each, "demo==1.0")
        assert files(mirror) == {ONE: False, TWO: False}


def test_what_one_index_has_yanked_no_other_one_unyanks(index: Index, mirror: Path) -> None:
    """Some know of no yanks; one that has yanked it, too, counts as well."""
    index.said = {"yanked": "broken"}
    sync(mirror, index, "demo==2.0")
    first = dict(PORTS)
    PORTS.clear()
    index.said = {}
    for rules in ("gpu", "gpu/nvidia"):
        sync(mirror, index, "demo==2.0", rules=rules)
        assert files(mirror) == {TWO: "broken"}
    PORTS.update(first)
    sync(mirror, index, "demo==2.0")
    assert files(mirror) == {TWO: False}


def test_pages_that_are_behind_are_brought_on_by_the_next_run(index: Index, mirror: Path) -> None:
    """Also where nothing is left to download; and what is copied is not reported as failed."""
    with failing("index.html"):
        published = sync(mirror, index)
        assert statuses(published) == [("added", TWO)]
        assert not published.ok
    assert statuses(sync(mirror, index)) == [("unchanged", TWO)]
    assert check_mirror(mirror).findings == ()
    index.of = {TWO: {"yanked": "broken"}}
    with failing("index.html"):
        published = sync(mirror, index, "demo==2.0")
    assert statuses(published) == [("unchanged", TWO), ("yanked", TWO)]
    assert published.files[1].problem is not None
    assert sync(mirror, index, "demo==2.0").ok
    assert check_mirror(mirror).findings == ()


def test_a_file_that_the_index_has_corrected_itself_is_not_removed_from_there(mirror: Path, tmp_path: Path) -> None:
    """The index is a mirror of ours, which lists a correction under a build tag, and not its original."""
    outcome = fix_wheels(
        demo_wheel(tmp_path / "in", "1.0"), output=tmp_path / "out", naming=Naming(build_tag="1x", rename_unchanged=True)
    )
    corrected = Path(str(outcome.outcomes[0].output))
    index = Index({corrected.name: corrected.read_bytes()})
    for _ in range(2):
        assert [each.problem for each in sync(mirror, index).files] == [None]
        assert files(mirror) == {corrected.name: False}
