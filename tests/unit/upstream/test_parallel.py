"""Several requests at a time: shared limits, pauses and credentials, and results in the order of what was asked for."""

import sys
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from scripting import Asked, Reply, answering
from wheelfix.errors import MirrorError
from wheelfix.progress import NoProgress
from wheelfix.upstream.http import Session
from wheelfix.upstream.pacing import Server
from wheelfix.upstream.parallel import Calls, parallel


@pytest.mark.parametrize("count", [1, 2, 8])
def test_results_come_in_the_order_of_the_items_which_are_taken_as_needed(count: int) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for each in range(40):
            taken.append(each)
            yield each

    def slower_first(item: int) -> int:
        time.sleep(0.002 * (4 - item % 5))
        return item

    calls, ahead = Calls(count), 5
    for number, result in enumerate(calls.map(slower_first, items(), ahead)):
        assert result == number
        assert len(taken) <= number + 1 + ahead
    assert calls.end()


def test_threads_are_started_for_calls_and_no_more_than_there_can_be_at_a_time() -> None:
    calls, go = Calls(4), threading.Event()
    before = frozenset(threading.enumerate())
    for started in (0, 1, 2, 3, 4, 4, 4):
        assert len(frozenset(threading.enumerate()) - before) == started
        calls.begin(go.wait, 20)
    go.set()
    calls.end()


def test_one_call_may_feed_another() -> None:
    calls = Calls(3)
    doubled = calls.map(lambda item: 2 * item, range(20), 4)
    assert [*calls.map(str, doubled, 6)] == [str(2 * each) for each in range(20)]
    assert calls.end()


@pytest.mark.parametrize("count", [1, 4])
def test_an_error_is_raised_in_its_turn(count: int) -> None:
    def call(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return item

    calls, found = Calls(count), []
    with pytest.raises(ValueError, match="three"):
        for each in calls.map(call, range(10), 8):
            found.append(each)  # noqa: PERF402 - those before the error
    assert found == [0, 1, 2]
    calls.end()


def test_leaving_early_ends_what_waits() -> None:
    """The server answers the first request only; the others wait for 30 seconds each, and then for the next ones."""
    done = threading.Event()

    def reply(asked: Asked) -> Reply:
        if asked.path != "/0":
            done.wait(60)
        return Reply(b"x")

    before = frozenset(threading.enumerate())  # another test may have left a thread that waits for its server
    with answering(reply) as server:
        session = Session(connections=4)
        with parallel(session, 4) as calls:
            assert next(calls.map(lambda item: session.get(f"{server.url}/{item}").body, range(50), 20)) == b"x"
        started = frozenset(threading.enumerate()) - before
        ours = [each for each in started if each.name.startswith("wheelfix-request")]
        for each in ours:
            each.join(20)
        assert not any(each.is_alive() for each in ours)
        assert not done.is_set()
        done.set()


def test_there_is_at_least_one_connection() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Calls(0)


def test_a_server_gets_one_request_until_it_has_answered() -> None:
    server, now, most, lock = Server(), 0, [0], threading.Lock()

    def request(answers: bool) -> None:
        nonlocal now
        with server.turn():
            with lock:
                now += 1
                most[0] = max(most[0], now)
            time.sleep(0.01)
            with lock:
                now -= 1
            if answers:
                server.answered(busy=False, closes=False)

    def requests(*, answers: bool) -> int:
        most[0] = 0
        threads = [threading.Thread(target=request, args=(answers,)) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return most[0]

    assert requests(answers=False) == 1
    request(answers=True)
    assert requests(answers=True) > 1
    server.answered(busy=True, closes=False)
    assert requests(answers=False) == 1


def test_a_pause_holds_for_all_threads_and_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another request is about to be made while the first one pauses, and a third hears of the same pause."""
    slept: list[float] = []
    heard: list[float] = []

    class Heard(NoProgress):
        def waiting(self, name: str, seconds: float, reason: str) -> None:
            heard.append(seconds)

    busy = [Reply(status=429, headers={"Retry-After": "100"})] * 2

    def reply(asked: Asked) -> Reply:
        return busy.pop() if asked.path == "/first" and busy else Reply(b"x")

    session = Session(progress=Heard())

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 1:  # as another thread would meanwhile
            assert session.get(f"{server.url}/other").body == b"x"

    monkeypatch.setattr("wheelfix.upstream.http.sleep", sleep)
    with answering(reply) as server:
        assert session.get(f"{server.url}/first").body == b"x"
    first, other, second = slept
    assert (first, second) == (100, 100)
    assert 99 < other <= 100
    assert heard == [100, 100]
    server_now = Server()
    assert server_now.pause(100)[0] == 100
    added, ends = server_now.pause(100)
    assert 0 <= added < 1
    assert server_now.pause_left() > 99
    server_now.resume(ends - 50)  # that of somebody else, which was shorter
    assert server_now.pause_left() > 99
    server_now.resume(ends)
    assert server_now.pause_left() == 0


def test_keyring_is_asked_once_for_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was refused before the credentials were found asks again with them."""
    asked: list[str] = []

    def found(service: str, user: str | None) -> SimpleNamespace:
        asked.append(service)
        time.sleep(0.05)
        return SimpleNamespace(username="who", password="secret")

    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_credential=found))
    session = Session(connections=8)
    with answering(lambda each: Reply(b"x", 200 if "authorization" in each.headers else 401)) as server:
        server_url = f"{server.url}/x"
        with parallel(session, 8) as calls:
            statuses = [*calls.map(lambda number: session.get(server_url).status, range(16), 16)]
    assert statuses == [200] * 16
    assert len(asked) == 1


def test_a_session_that_is_closed_makes_no_requests() -> None:
    with answering(lambda asked: Reply(b"x")) as server:
        session = Session()
        session.close()
        with pytest.raises(MirrorError) as caught:
            session.get(f"{server.url}/x")
        assert caught.value.code == "limit-reached"
        assert not server.requests


def test_proxies_are_looked_up_once_for_each_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """And found: a server that is asked by way of a proxy sees the whole URL."""
    looked_up: list[str] = []
    import requests.sessions

    real = requests.sessions.get_environ_proxies

    def counted(url: str, no_proxy: str | None = None) -> dict[str, str]:
        looked_up.append(url)
        return real(url, no_proxy=no_proxy)

    monkeypatch.setattr("requests.sessions.get_environ_proxies", counted)
    with answering(lambda asked: Reply(asked.path.encode())) as server:
        monkeypatch.setenv("http_proxy", server.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        session = Session()
        for path in ("a", "b"):
            assert session.get(f"http://wheels.invalid/{path}").body == f"http://wheels.invalid/{path}".encode()
            assert session.get(f"{server.url}/{path}").body == f"/{path}".encode()
    assert looked_up == ["http://wheels.invalid/a", f"{server.url}/a"]
