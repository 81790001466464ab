"""How many requests the check of an index makes, how many at a time, and that nothing else depends on it."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from building import Entry
from demos import GPU, demo_wheel
from running import mirror_report, wheelfix
from scripting import Asked, Index, Reply, answering
from serving import Server, free_port, static
from wheelfix.mirror.check import check_index
from wheelfix.mirror.registry import MirrorCheckReport
from wheelfix.mirror.upload import add_wheels
from wheelfix.options import Requests
from wheelfix.progress import NoProgress

CONNECTIONS = (1, 2, 7, 16)


class Counting:
    """A server that answers as ``index`` does, after ``delay`` seconds, and counts requests at a time."""

    def __init__(self, index: Callable[[Asked], Reply], delay: float = 0.02) -> None:
        self.asked: list[Asked] = []
        self.most = 0
        self._index = index
        self._delay = delay
        self._now = 0
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Reply:
        with self._lock:
            self.asked.append(asked)
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(self._delay)
        try:
            return self._index(asked)
        finally:
            with self._lock:
                self._now -= 1


def indexed(folder: Path, count: int) -> Index:
    """Return an index of ``count`` wheels, with a metadata file of each."""
    paths = [demo_wheel(folder, f"1.{number}", "six") for number in range(count)]
    index = Index({path.name: path.read_bytes() for path in paths})
    metadata = b"Metadata-Version: 2.1\nName: demo\n"
    index.said = {"core-metadata": True}
    index.spoil = lambda asked: Reply(metadata) if asked.path.endswith(".metadata") else None
    return index


def check(index: Callable[[Asked], Reply], **requests: int) -> MirrorCheckReport:
    with answering(index) as server:
        report = check_index(server.index, requests=Requests(**requests))  # type: ignore[arg-type]
        return without_port(report, server)


def without_port(report: MirrorCheckReport, server: Server) -> MirrorCheckReport:
    """Return ``report`` as it would be whatever the server's port."""
    findings = [
        replace(each, place=each.place.replace(server.url, ""), message=each.message.replace(server.url, ""))
        for each in report.findings
    ]
    return replace(report, findings=tuple(findings))


@pytest.mark.parametrize("connections", CONNECTIONS)
def test_requests_at_a_time_are_several_and_limited(connections: int, tmp_path: Path) -> None:
    counting = Counting(indexed(tmp_path, 30))
    assert check(counting, connections=connections).files == 30
    assert counting.most <= connections
    assert (counting.most > 1) is (connections > 1)


def test_a_server_that_closes_each_connection_gets_few_at_a_time(tmp_path: Path) -> None:
    index = indexed(tmp_path, 30)

    def closing(asked: Asked) -> Reply:
        reply = index(asked)
        return replace(reply, headers={**reply.headers, "Connection": "close"})

    counting = Counting(closing)
    assert check(counting, connections=16).files == 30
    assert 1 < counting.most <= 4


@pytest.mark.parametrize("connections", [1, 16])
def test_a_mirror_takes_two_requests_for_each_wheel_and_two_for_each_page(connections: int, tmp_path: Path) -> None:
    """One for the end of the wheel, or all of it, and one for its metadata file; none of them twice."""
    wheels = [demo_wheel(tmp_path / str(number), f"1.{number}", "six") for number in range(20)]
    assert add_wheels(tmp_path / "m", wheels).ok
    with static(tmp_path / "m/public", negotiates=True) as server:
        report = check_index(server.index, requests=Requests(connections=connections))
        asked = server.asked()
    assert {each.code for each in report.findings} == {"cache-unset"}
    assert report.traffic is not None
    assert report.traffic.requests == len(asked) == 1 + 2 + 2 * 20
    assert report.traffic.received == sum(each.sent for each in asked)
    paths = Counter(each.path.replace("index.json", "") for each in asked)
    assert [path for path, count in paths.items() if count > 1] == ["/simple/demo/"]  # in two forms


@pytest.mark.parametrize("connections", CONNECTIONS)
def test_what_is_found_does_not_depend_on_who_answers_first(connections: int, tmp_path: Path) -> None:
    """The first wheels answer last, one is lost, one cannot be read; findings come in the order of the page."""

    def reply(asked: Asked) -> Reply:
        number = int(asked.path.partition("-1.")[2].partition("-")[0] or 0)
        time.sleep(0.01 * (5 - number % 5))
        return index(asked)

    index = indexed(tmp_path, 20)
    names = list(index.files)
    index.of = {names[3]: {"hashes": {}}, names[5]: {"size": 7}, names[7]: {"url": "/nosuch.whl"}, names[8]: {"size": None}}
    index.files[names[9]] = b"<html>"
    index.headers = {}
    expected = check(index, connections=1)
    assert {"hash-missing", "size-differs", "file-missing", "size-missing", "wheel-invalid", "metadata-file-stale"} <= {
        each.code for each in expected.findings
    }
    assert check(reply, connections=connections) == expected


def test_servers_without_ranges_are_reported_once_at_the_first_wheel(tmp_path: Path) -> None:
    index = indexed(tmp_path, 20)
    index.ranges = False
    expected = check(index, connections=1)
    assert [each.code for each in expected.findings].count("ranges-missing") == 1
    for _ in range(3):
        assert check(index, connections=16).findings == expected.findings


@pytest.mark.parametrize("broken", ["first", "later"])
def test_a_server_that_lies_about_ranges_is_one_without(broken: str, tmp_path: Path) -> None:
    """The wheel is valid; it is downloaded instead, as it is small."""
    files = tuple(Entry(f"demo/module_{each}.py", b"x") for each in range(1500))
    wheel = demo_wheel(tmp_path, "1.0", "six", files=files, dist_info_first=True)
    smallest = demo_wheel(tmp_path, "0.9", "six")  # it is downloaded whole in any case
    index = Index({path.name: path.read_bytes() for path in (wheel, smallest)})

    def reply(asked: Asked) -> Reply:
        found = index(asked)
        if found.status != 206:
            return found
        is_end = f"-{wheel.stat().st_size - 1}/" in found.headers["Content-Range"]
        return replace(found, body=found.body + b"x") if is_end is (broken == "first") else found

    report = check(reply)
    found = [each.code for each in report.findings]
    assert "ranges-missing" in found
    assert not {"wheel-invalid", "not-checked"} & set(found)


def test_head_is_for_wheels_that_are_not_read(tmp_path: Path) -> None:
    """There are no ranges, and a metadata file says what a wheel requires. Who refuses it is not asked again."""
    index = indexed(tmp_path, 6)
    index.ranges = False

    def refusing(asked: Asked) -> Reply:
        return Reply(status=405) if asked.method == "HEAD" else index(asked)

    for answers, heads in ((index, 4), (refusing, 1)):
        counting = Counting(answers, delay=0)
        assert check(counting, connections=1).files == 6
        assert [each.method for each in counting.asked].count("HEAD") == heads


@pytest.mark.parametrize("connections", [1, 16])
def test_a_dead_server_gets_three_requests_and_does_not_end_the_check(connections: int, tmp_path: Path) -> None:
    index = indexed(tmp_path, 20)
    dead = f"http://127.0.0.1:{free_port()}/x.whl"
    index.of = {name: {"url": dead} for name in list(index.files)[4:]}
    report = check(index, connections=connections)
    assert report.files == 4
    messages = [each.message for each in report.findings if each.code == "not-checked"]
    assert len([each for each in messages if "no more requests" in each]) == 16 - 3


@pytest.mark.parametrize("connections", CONNECTIONS)
def test_the_number_of_requests_is_limited_however_many_at_a_time(connections: int, tmp_path: Path) -> None:
    counting = Counting(indexed(tmp_path, 30))
    report = check(counting, connections=connections, max_requests=20)
    assert len(counting.asked) <= 20  # the end of the check cuts off those that are on their way
    assert report.traffic is not None
    assert report.traffic.requests == 20
    assert [each.code for each in report.findings][-1] == "not-checked" or not report.passes()


class _Interrupting(NoProgress):
    def file_checked(self, filename: str) -> None:
        raise KeyboardInterrupt


def test_ctrl_c_does_not_wait_for_servers(tmp_path: Path) -> None:
    """The requests that are under way get no answer as long as the test runs."""
    index, done = indexed(tmp_path, 30), threading.Event()
    first, metadata = next(iter(index.files)), index.spoil

    def reply(asked: Asked) -> Reply | None:
        if asked.path.endswith((".whl", ".whl.metadata")) and first not in asked.path:
            assert done.wait(60)
        return metadata(asked)

    index.spoil = reply
    before = threading.active_count()
    with answering(index) as server:
        with pytest.raises(KeyboardInterrupt):
            check_index(server.index, requests=Requests(connections=4), progress=_Interrupting())
        assert not done.is_set()
        ours = [each for each in threading.enumerate() if each.name.startswith("wheelfix")]
        for each in ours:
            each.join(20)
        assert not any(each.is_alive() for each in ours)
        done.set()
    assert threading.active_count() <= before + 40


@pytest.mark.parametrize("said", [{}, {"size": None}, {"size": 1 << 40}, {"size": 9}, {"size": 0}])
@pytest.mark.parametrize(("ranges", "suffixes"), [(True, True), (True, False), (False, False)])
def test_the_size_and_the_ranges_of_a_server_need_not_be_what_they_seem(
    said: dict[str, object], ranges: bool, suffixes: bool, tmp_path: Path
) -> None:
    """The page may lie about sizes, the server ignore ranges: what wheels require is read, or reported as not read."""
    paths = [demo_wheel(tmp_path, "1.0+cpu", GPU, tags=f"py3{each}-none-any") for each in range(4)]
    index = Index({path.name: path.read_bytes() for path in paths}, said=said, ranges=ranges, suffixes=suffixes)
    report = check(index, connections=3)
    counts = Counter(each.code for each in report.findings)
    assert report.files == 4
    unread = 3 if said == {"size": 1 << 40} and not ranges else 0  # too large to be downloaded, by what the page says
    assert (counts["gpu-requirements"], counts["not-checked"]) == (4 - unread, unread)
    assert counts["size-differs"] == (4 if "size" in said and said["size"] is not None else 0)
    assert counts["ranges-missing"] == (not ranges)


def test_a_large_page_is_read_in_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is begun ahead of that, up to a limit, and given up; what is found is the same."""
    index = indexed(tmp_path, 20)
    expected = check(index, connections=1)
    monkeypatch.setattr("wheelfix.mirror.check_url._LARGEST_AHEAD", 300)
    counting = Counting(index)
    report = check(counting, connections=8)
    assert (report.findings, report.files) == (expected.findings, expected.files)
    assert [each.path for each in counting.asked].count("/simple/demo/") == 1 + 2


@pytest.mark.parametrize("connections", [1, 8])
def test_a_page_that_is_too_large_is_a_finding(connections: int, tmp_path: Path) -> None:
    index = indexed(tmp_path, 1)
    index.page = {"_more": "x" * (1 << 25)}
    report = check(index, connections=connections)
    assert [each.code for each in report.findings] == ["page-unreadable"] * 2  # in both forms


def test_an_empty_wheel_is_invalid(tmp_path: Path) -> None:
    index = indexed(tmp_path, 2)
    index.files[list(index.files)[1]] = b""
    index.said["size"] = 9
    found = [each for each in check(index).findings if "-1.1-" in each.place]
    assert {"wheel-invalid": "the file is empty", "size-differs": "it has 0 bytes, the page says 9"}.items() <= {
        each.code: each.message for each in found
    }.items()


def test_the_summary_counts_requests(tmp_path: Path) -> None:
    wheels = [demo_wheel(tmp_path, "1.0", GPU), demo_wheel(tmp_path, "2.0")]
    assert add_wheels(tmp_path / "m", wheels).ok
    with static(tmp_path / "m/public", negotiates=True) as server:
        said = wheelfix("mirror", "check", server.index, "--connections", 3, "--format", "json")
        received = sum(each.sent for each in server.asked())
    assert f"Checked 2 files of 1 project with 7 requests ({received:,} bytes): 0 errors" in said.err
    assert mirror_report(said)["summary"]["traffic"] == {"requests": 7, "received": received, "unchanged": 0}
    assert mirror_report(wheelfix("mirror", "check", tmp_path / "m", "--format", "json"))["summary"]["traffic"] is None


@pytest.mark.parametrize("words", [("--connections", "0"), ("--connections", "65"), ("--connections", "x")])
def test_connections_that_are_none_or_too_many(words: tuple[str, str]) -> None:
    assert wheelfix("mirror", "check", "http://127.0.0.1:9/", *words).code == 2
