"""Answers kept from run to run: asked for again each time, received again only where they have changed."""

import os
from pathlib import Path

import pytest

from demos import demo_wheel
from running import mirror_report, wheelfix
from scripting import JSON, Asked, Reply, answering
from serving import static
from wheelfix.mirror.upload import add_wheels
from wheelfix.upstream.cache import KEPT, Cache
from wheelfix.upstream.http import Session

TYPE = {"Content-Type": "text/plain", "Cache-Control": "max-age=60"}


class Versioned:
    """A server with one text, of a version that it states in the header ``name``; it notes what it was asked for."""

    def __init__(self, name: str, version: str) -> None:
        self.name, self.version, self.body = name, version, b"one"
        self.more: dict[str, str] = {}
        self.asked: list[Asked] = []

    def __call__(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        known = asked.headers.get("if-none-match", asked.headers.get("if-modified-since"))
        if known == self.version:
            return Reply(status=304, headers=self.more, sends_length=False)
        return Reply(self.body, headers={**TYPE, **self.more, self.name: self.version})


@pytest.mark.parametrize(("name", "version"), [("ETag", '"1"'), ("Last-Modified", "Wed, 21 Oct 2026 07:28:00 GMT")])
def test_what_has_not_changed_is_not_received_again(name: str, version: str, tmp_path: Path) -> None:
    versioned = Versioned(name, version)
    with answering(versioned) as server:
        first = Session(cache=Cache(tmp_path)).get(f"{server.url}/x")
        session = Session(cache=Cache(tmp_path))
        again = session.get(f"{server.url}/x")
        assert (again.status, again.url, again.body) == (200, first.url, b"one")
        assert again.headers["Content-Type"] == "text/plain"
        assert (session.traffic.requests, session.traffic.received, session.traffic.unchanged) == (1, 0, 1)
        versioned.version, versioned.body = "2", b"two"
        assert session.get(f"{server.url}/x").body == b"two"
        assert Session(cache=Cache(tmp_path)).get(f"{server.url}/x").body == b"two"
    assert session.traffic.unchanged == 1


def test_the_server_may_say_otherwise_of_how_long_a_page_is_fresh(tmp_path: Path) -> None:
    versioned = Versioned("ETag", '"1"')
    with answering(versioned) as server:
        Session(cache=Cache(tmp_path)).get(f"{server.url}/x")
        versioned.more = {"Cache-Control": "max-age=9"}
        assert Session(cache=Cache(tmp_path)).get(f"{server.url}/x").headers["Cache-Control"] == "max-age=9"


def test_an_entry_that_the_disk_damaged_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    versioned = Versioned("ETag", '"1"')
    with answering(versioned) as server:
        Session(cache=Cache(tmp_path)).get(f"{server.url}/x")
        [entry] = tmp_path.iterdir()
        data = entry.read_bytes()
        for at in range(len(data)):
            entry.write_bytes(data[:at] + bytes([data[at] ^ 0x80]) + data[at + 1 :])
            Cache(tmp_path).load(f"{server.url}/x", "*/*")  # it raises nothing
        entry.write_bytes(b"\x80")
        assert Session(cache=Cache(tmp_path)).get(f"{server.url}/x").body == b"one"


@pytest.mark.parametrize("reason", ["no version", "no-store", "an error", "another form"])
def test_what_is_not_kept(reason: str, tmp_path: Path) -> None:
    versioned = Versioned("X-None" if reason == "no version" else "ETag", '"1"')
    if reason == "no-store":
        versioned.more = {"Cache-Control": "private, No-Store"}

    def reply(asked: Asked) -> Reply:
        versioned.asked.append(asked)
        return Reply(status=404, headers={"ETag": '"1"'}) if reason == "an error" else versioned(asked)

    with answering(reply) as server:
        Session(cache=Cache(tmp_path)).get(f"{server.url}/x", "text/html" if reason == "another form" else "*/*")
        Session(cache=Cache(tmp_path)).get(f"{server.url}/x")
    assert not any("if-none-match" in each.headers for each in versioned.asked)


def test_a_redirect_to_another_url_is_not_answered_from_the_cache(tmp_path: Path) -> None:
    """Versions are those of one URL: the same one at another URL stands for other bytes."""
    target = "/one"

    def reply(asked: Asked) -> Reply:
        if asked.path == "/x":
            return Reply(status=302, headers={"Location": target})
        if "if-none-match" in asked.headers:
            return Reply(status=304, sends_length=False)
        return Reply(asked.path.encode(), headers={**TYPE, "ETag": '"same"'})

    with answering(reply) as server:
        assert Session(cache=Cache(tmp_path)).get(f"{server.url}/x").body == b"/one"
        target = "/two"
        answer = Session(cache=Cache(tmp_path)).get(f"{server.url}/x")
    assert (answer.body, answer.url) == (b"/two", f"{server.url}/two")


def test_a_cache_that_is_damaged_or_cannot_be_written_makes_nothing_fail(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with answering(Versioned("ETag", '"1"')) as server:
        Session(cache=Cache(tmp_path / "cache")).get(f"{server.url}/x")
        [kept] = (tmp_path / "cache").iterdir()
        kept.write_bytes(kept.read_bytes()[:-1])
        for place in ("cache", "file", "file/below"):
            session = Session(cache=Cache(tmp_path / place))
            assert session.get(f"{server.url}/x").body == b"one"
            assert session.traffic.unchanged == 0


def test_a_cache_is_private_and_forgets_what_nobody_needs(tmp_path: Path) -> None:
    place = tmp_path / "cache"
    with answering(Versioned("ETag", '"1"')) as server:
        for name in ("x", "y"):
            Session(cache=Cache(place)).get(f"{server.url}/{name}")
    assert place.stat().st_mode & 0o077 == 0
    old, young = place.iterdir()
    age = young.stat().st_mtime - KEPT - 60
    os.utime(old, (age, age))
    Cache(place)
    assert [*place.iterdir()] == [young]


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    """DIR can be any directory, the current one too: nothing is removed that the cache did not make."""
    others = [tmp_path / name for name in ("thesis.tex", "a" * 64, "wheelfix-notes.answer", ".hidden")]
    for path in others:
        path.write_bytes(b"mine")
        os.utime(path, (0, 0))
    (tmp_path / "wheelfix-directory.answer").mkdir()
    with answering(Versioned("ETag", '"1"')) as server:
        Session(cache=Cache(tmp_path)).get(f"{server.url}/x")
    assert [path.read_bytes() for path in others] == [b"mine"] * 4
    [answer] = [path for path in tmp_path.glob("wheelfix-*.answer") if path.is_file() and path not in others]
    assert answer.stat().st_mode & 0o077 == 0  # whatever the mode of the directory


def test_an_index_is_checked_with_a_cache_as_without(tmp_path: Path) -> None:
    """Pages and metadata files come from it; that a wheel is lost is noticed all the same."""
    wheels = [demo_wheel(tmp_path, "1.0"), demo_wheel(tmp_path, "2.0"), demo_wheel(tmp_path, "3.0")]
    assert add_wheels(tmp_path / "m", wheels).ok
    with static(tmp_path / "m/public", negotiates=True) as server:
        words = ("mirror", "check", server.index, "--format", "json", "--cache", tmp_path / "cache")
        first, again = mirror_report(wheelfix(*words)), mirror_report(wheelfix(*words))
        assert again["findings"] == first["findings"]
        assert first["summary"]["traffic"]["unchanged"] == 0
        assert again["summary"]["traffic"]["unchanged"] == 3 + 3  # the list of projects, two pages, metadata files
        assert again["summary"]["traffic"]["requests"] == first["summary"]["traffic"]["requests"]
        assert again["summary"]["traffic"]["received"] == sum(path.stat().st_size for path in wheels)
        [lost] = tmp_path.glob("m/public/files/demo/*/demo-2.0-*.whl")
        lost.unlink()
        assert "file-missing" in {each["code"] for each in mirror_report(wheelfix(*words))["findings"]}


def test_json_and_html_of_one_url_are_two_answers(tmp_path: Path) -> None:
    with answering(lambda asked: Reply(asked.headers["accept"].encode(), headers={"ETag": '"1"'})) as server:
        for _ in range(2):
            for accept in (JSON, "text/html"):
                assert Session(cache=Cache(tmp_path)).get(f"{server.url}/x", accept).body == accept.encode()
