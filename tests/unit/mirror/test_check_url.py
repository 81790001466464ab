"""What is reported of an index that is broken, old, slow, or not an index."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demos import GPU, demo_wheel
from running import mirror_report, wheelfix
from scripting import Asked, Index, Reply, answering
from serving import free_port, static
from wheelfix.errors import MirrorError
from wheelfix.mirror.check import check_against, check_index
from wheelfix.mirror.registry import MirrorCheckReport
from wheelfix.mirror.upload import add_wheels
from wheelfix.options import Requests

USUAL = {"json-not-offered", "metadata-file-not-announced"}
"""What the index of these tests has in any case: it gives JSON, whatever is requested, and no metadata files."""


def codes(survey: MirrorCheckReport) -> set[str]:
    return {each.code for each in survey.findings} - USUAL


def messages(survey: MirrorCheckReport, code: str) -> list[str]:
    return [each.message for each in survey.findings if each.code == code]


@pytest.fixture
def index(tmp_path: Path) -> Index:
    paths = [demo_wheel(tmp_path / "in", "1.0"), demo_wheel(tmp_path / "in", "2.0")]
    return Index({path.name: path.read_bytes() for path in paths})


def check(index: Callable[[Asked], Reply], **options: Any) -> MirrorCheckReport:
    with answering(index) as server:
        return check_index(server.index, **options)


def test_an_index_without_findings(index: Index) -> None:
    survey = check(index)
    assert codes(survey) == set()
    assert survey.files == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"headers": {}}, "cache-unset"),
        ({"headers": {"Cache-Control": "max-age=86400"}}, "cache-too-long"),
        ({"headers": {"Cache-Control": "public, immutable"}}, "cache-too-long"),
        ({"headers": {"Cache-Control": "max-age=" + "9" * 5000}}, "cache-too-long"),
        ({"kind": "application/json"}, "content-type-wrong"),
        ({"kind": "text/plain"}, "content-type-wrong"),
        ({"said": {"hashes": {}}}, "hash-missing"),
        ({"said": {"size": None}}, "size-missing"),
        ({"said": {"upload-time": None}}, "time-missing"),
        ({"ranges": False}, "ranges-missing"),
        ({"page": {"project-status": {"status": "frozen"}}}, "status-unknown"),
        ({"said": {"url": "http://[::1"}}, "page-unreadable"),
        ({"said": {"url": "file:///etc/passwd"}}, "file-missing"),
    ],
)
def test_findings_of_an_index(change: dict[str, Any], code: str, index: Index) -> None:
    for name, value in change.items():
        setattr(index, name, value)
    assert code in codes(check(index, download="none"))


@pytest.mark.parametrize("value", [["x"], "x", 1, {"original": ["x"]}, {"original": None}, {"original": {}}])
def test_private_keys_may_be_anything(value: object, index: Index) -> None:
    index.said = {"_wheelfix": value}
    assert codes(check(index)) == set()


@pytest.mark.parametrize("status", [403, 405, 501])
@pytest.mark.parametrize("ranges", [True, False])
def test_a_server_that_knows_no_head(status: int, ranges: bool, index: Index) -> None:
    index.spoil = lambda asked: Reply(status=status) if asked.method == "HEAD" else None
    index.ranges = ranges
    with answering(index) as server:
        assert codes(check_index(server.index)) == (set() if ranges else {"ranges-missing"})
        assert not [each for each in server.asked() if each.method == "HEAD"]  # any other request says as much


def test_a_file_that_is_lost_is_seen_without_head_too(index: Index) -> None:
    index.spoil = lambda asked: Reply(status=405) if asked.method == "HEAD" else None
    index.said = {"url": "/nosuch.whl"}
    assert codes(check(index)) == {"file-missing"}


def test_sums_may_be_in_upper_case(index: Index) -> None:
    with answering(index) as server:
        from wheelfix.upstream.client import get_page
        from wheelfix.upstream.http import Session

        page = get_page(Session(), server.index, "demo")
        assert page is not None
        name = page.wheels[0].filename
        index.files = {name: index.files[name]}
        index.said = {"hashes": {"sha256": page.wheels[0].digests["sha256"].upper()}}
        assert codes(check_index(server.index, download="all")) == set()


def test_a_dead_host_does_not_end_the_check(index: Index) -> None:
    """What was found before and after is reported, and what was not checked."""
    index.headers = {}
    index.said = {"url": f"http://127.0.0.1:{free_port()}/x.whl"}
    survey = check(index)
    assert codes(survey) == {"cache-unset", "not-checked"}
    assert not survey.passes()
    assert survey.files == 0


def test_a_dead_host_gets_few_requests(index: Index, tmp_path: Path) -> None:
    for number in range(5):
        path = demo_wheel(tmp_path / "in", f"3.{number}")
        index.files[path.name] = path.read_bytes()
    index.said = {"url": f"http://127.0.0.1:{free_port()}/x.whl"}
    said = messages(check(index), "not-checked")
    assert len(said) == 7
    assert len([each for each in said if "no more requests" in each]) == 4


@pytest.mark.parametrize("limit", [{"max_requests": 4}, {"max_time": 1}])
def test_what_was_found_before_a_limit_is_reported(limit: dict[str, Any], index: Index) -> None:
    index.headers = {}
    if "max_time" in limit:
        index.spoil = lambda asked: Reply(b"x" * 300, pause=0.1) if asked.path.endswith(".whl") else None
    survey = check(index, projects=["demo", "other"], requests=Requests(**limit))
    assert codes(survey) >= {"cache-unset", "not-checked"}
    [message] = messages(survey, "not-checked")
    assert "demo was not checked completely, and other not at all" in message
    assert not survey.passes()


@pytest.mark.parametrize("options", [{"max_time": 0}, {"max_requests": 0}])
def test_limits_that_allow_nothing(options: dict[str, Any], index: Index) -> None:
    with pytest.raises(MirrorError) as caught:
        check(index, requests=Requests(**options))
    assert caught.value.code == "limit-reached"


def test_an_index_that_does_not_answer_at_all() -> None:
    with pytest.raises(MirrorError) as caught:
        check_index(f"http://127.0.0.1:{free_port()}/simple/", ["demo"])
    assert caught.value.code == "no-answer"


def test_a_listing_of_directories_is_not_an_index(tmp_path: Path) -> None:
    assert add_wheels(tmp_path / "m", demo_wheel(tmp_path, "1.0")).ok
    with static(tmp_path / "m/public") as server, pytest.raises(MirrorError) as caught:
        check_index(server.url)
    assert (caught.value.code, caught.value.message) == ("no-index", f"{server.url}/ is not an index")
    assert caught.value.hint == f"Did you mean {server.url}/simple/?"


def test_a_listing_of_a_whole_mirror_is_not_an_index(tmp_path: Path) -> None:
    assert add_wheels(tmp_path / "m", demo_wheel(tmp_path, "1.0")).ok
    with static(tmp_path / "m") as server, pytest.raises(MirrorError) as caught:
        check_index(server.url)
    assert caught.value.hint == f"Did you mean {server.url}/public/simple/?"


def test_a_mirror_is_not_compared_with_what_is_above_its_index(tmp_path: Path) -> None:
    """One error, in place of a missing page for each project."""
    assert add_wheels(tmp_path / "m", demo_wheel(tmp_path, "1.0")).ok
    with static(tmp_path / "m/public") as server, pytest.raises(MirrorError, match="Did you mean"):
        check_against(tmp_path / "m", server.url)


@pytest.mark.parametrize(
    "body",
    [b"<html>Welcome", b'<a href="files/">files/</a><a href="simple/">simple/</a>', b'<a href="x">More information...</a>'],
)
def test_a_page_that_lists_no_projects_is_not_an_index(body: bytes) -> None:
    with pytest.raises(MirrorError) as caught:
        check(lambda asked: Reply(body, headers={"Content-Type": "text/html"}))
    assert caught.value.code == "no-index"


def test_a_directory_of_projects_is_an_index(index: Index) -> None:
    listing = Reply(b'<a href="demo/">demo/</a>', headers={"Content-Type": "text/html"})
    index.spoil = lambda asked: listing if asked.path == "/simple/" else None
    assert check(index).files == 2


def test_a_url_that_is_not_there(index: Index) -> None:
    with pytest.raises(MirrorError) as caught:
        check(lambda asked: Reply(status=404))
    assert caught.value.code == "no-index"
    assert codes(check(index, projects=["nosuch"])) == {"page-missing"}


@pytest.mark.parametrize("url", ["", "x", "file:///etc/passwd", "https://", "http://[::1", "https://a:b@example.invalid/"])
def test_urls_that_are_not_valid(url: str) -> None:
    with pytest.raises(MirrorError) as caught:
        check_index(url, ["demo"])
    assert caught.value.code in ("bad-url", "credentials-in-url")
    assert "a:b" not in str(caught.value)


def test_metadata_is_read_by_parts(tmp_path: Path) -> None:
    assert add_wheels(tmp_path / "m", [demo_wheel(tmp_path, "1.0", GPU), demo_wheel(tmp_path, "2.0")]).ok
    for path in tmp_path.glob("m/public/files/demo/*/*.metadata"):
        path.write_bytes(b"stale")
    with static(tmp_path / "m/public", negotiates=True) as server:
        survey = check_index(server.index, download="none")
        assert codes(survey) == {"cache-unset", "metadata-file-differs", "metadata-file-stale"}
        sent = [each.sent for each in server.asked() if each.method == "GET" and each.path.endswith(".whl")]
    assert max(sent) <= 1 << 16


def test_the_command_line_knows_any_url() -> None:
    for url in ("FTP://who:secret@example.invalid/", "HTTP://who:secret@example.invalid/"):
        ran = wheelfix("mirror", "check", url)
        assert ran.code == 2
        assert "no mirror" not in ran.err
        assert "secret" not in ran.err


@pytest.mark.parametrize("words", [("--max-time", "nan"), ("--max-time", "inf"), ("--max-time", "-1"), ("--timeout", "nan")])
def test_limits_that_limit_nothing(words: tuple[str, str]) -> None:
    assert wheelfix("mirror", "check", "http://127.0.0.1:9/", *words).code == 2


def test_any_file_name_can_be_shown(index: Index) -> None:
    index.said = {"filename": "demo-\ud800\x1b-py3-none-any.whl"}
    with answering(index) as server:
        for form in ("json", "text"):
            ran = wheelfix("mirror", "check", server.index, "--format", form)
            assert ran.code == 1
            assert "\x1b" not in ran.out
        assert mirror_report(wheelfix("mirror", "check", server.index, "--format", "json"))["summary"]["files"] == 2


@pytest.fixture
def leaking(tmp_path: Path) -> Index:
    """An index as that of devpi: no metadata files, no ranges; one of its wheels, not the smallest, leaks."""
    paths = [demo_wheel(tmp_path / "in", "1.0+cpu", GPU), demo_wheel(tmp_path / "in", "2.0")]
    return Index({path.name: path.read_bytes() for path in paths}, ranges=False)


def test_a_server_without_ranges_is_checked_all_the_same(leaking: Index) -> None:
    survey = check(leaking)
    assert codes(survey) == {"ranges-missing", "gpu-requirements"}
    assert messages(survey, "gpu-requirements")[0].startswith("it requires nvidia-cudnn-cu12")


def test_a_wheel_that_must_not_be_downloaded_was_not_checked(leaking: Index) -> None:
    """ "0 errors" would be a lie."""
    survey = check(leaking, download="none")
    assert codes(survey) == {"ranges-missing", "not-checked"}
    assert len(messages(survey, "not-checked")) == 2
    assert not survey.passes()
    with answering(leaking) as server:
        ran = wheelfix("mirror", "check", server.index, "--download", "none")
    assert ran.code == 3
    assert "--download is none" in ran.out


@pytest.mark.parametrize("limit", ["_LARGEST_FOR_METADATA", "_MOST_FOR_METADATA"])
@pytest.mark.parametrize("says", [True, False])
def test_a_large_wheel_is_not_downloaded_for_its_metadata(
    says: bool, limit: str, leaking: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"wheelfix.mirror.served_wheel.{limit}", 1000)
    if not says:
        leaking.said = {"size": None}
        leaking.sends_length = False
    survey = check(leaking, download="some")
    [message] = messages(survey, "not-checked")
    assert "its METADATA was not read" in message
    assert "bytes" in message
    assert "not-checked" not in codes(check(leaking, download="all"))


def test_a_length_that_is_not_true_gets_round_no_limit(leaking: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """HEAD says a few bytes, the page and the file itself have more."""
    monkeypatch.setattr("wheelfix.mirror.served_wheel._LARGEST_FOR_METADATA", 1000)
    leaking.spoil = lambda asked: Reply(b"x" * 10) if asked.method == "HEAD" and asked.path.endswith(".whl") else None
    survey = check(leaking, download="some")
    assert len(messages(survey, "not-checked")) == 1


def test_a_metadata_file_is_enough_where_there_are_no_ranges(tmp_path: Path) -> None:
    assert add_wheels(tmp_path / "m", [demo_wheel(tmp_path, "1.0+cpu", GPU), demo_wheel(tmp_path, "2.0")]).ok
    with static(tmp_path / "m/public") as server:
        survey = check_index(server.index, download="none")
    assert {"gpu-requirements"} <= codes(survey)
    assert "not-checked" not in codes(survey)


@pytest.mark.parametrize("head", [True, False])
def test_a_plus_is_an_error_only_where_the_server_misreads_it(head: bool, tmp_path: Path) -> None:
    """devpi has ``+f/`` in all of its paths, and finds them; S3 looks for a blank."""
    path = demo_wheel(tmp_path / "in", "1.0+cpu")
    index = Index({path.name: path.read_bytes()})
    index.said = {"url": f"/root/dev/+f/{path.name}?x=a+b"}

    def reply(asked: Asked) -> Reply | None:
        if asked.method == "HEAD" and not head:
            return Reply(status=405)
        if not asked.path.startswith("/root"):
            return None
        given = asked.path.partition("?")[0]
        found = "+" not in given if misreads else "+" in given
        return index._data(path.read_bytes(), asked.headers.get("range", "")) if found else Reply(status=404)

    index.spoil = reply
    misreads = False
    assert codes(check(index, download="none")) == set()
    misreads = True
    survey = check(index, download="none")
    assert codes(survey) == {"plus-in-url"}
    assert not survey.passes()


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("what", ["/simple/demo/", ".whl", ".metadata"])
def test_missing_credentials_get_help_with_netrc(what: str, status: int, index: Index) -> None:
    index.said = {"core-metadata": {"sha256": "0" * 64}}
    index.spoil = lambda asked: Reply(status=status) if asked.path.endswith(what) else None
    with answering(index) as server:
        ran = wheelfix("mirror", "check", server.index, "demo")
    assert f"answers {status}. Put your credentials into ~/.netrc (machine 127.0.0.1 login" in ran.out
