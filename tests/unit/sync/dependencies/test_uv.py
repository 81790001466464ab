"""What uv says, in plain words; and what is served to it."""

import http.client
import json
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from packaging.version import Version

from wheelfix.errors import MirrorError
from wheelfix.mirror.storage import open_store
from wheelfix.sync.dependencies import loopback as served, uv
from wheelfix.sync.dependencies.corrected import Corrected
from wheelfix.sync.dependencies.loopback import serve
from wheelfix.sync.dependencies.offers import EVERYTHING, Catalogue, Offer, Offers, View, offer_of
from wheelfix.sync.dependencies.platforms import Target, find_platforms
from wheelfix.sync.dependencies.uv import Uv, find_uv
from wheelfix.sync.model import WantedFile

LINUX = Target(find_platforms(["manylinux*_x86_64"], [])[0], "2_28", "3.11.0")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "error: No solution found when resolving dependencies\n"
            "  cause: Because only c{sys_platform == 'darwin'}==1 is available and all versions of a depend on c>=2, we can "
            "conclude that all versions of a cannot be used.\n         And because you require a==1, we can conclude that "
            "your requirements are unsatisfiable.\n",
            "only c==1 is available and all versions of a depend on c>=2",
        ),
        (
            "  × No solution found when resolving dependencies:\n  ╰─▶ Because there is no version of a==7 and you require "  # noqa: RUF001
            "a==7, we can conclude that your requirements are unsatisfiable.\n",
            "there is no version of a==7 and you require a==7",
        ),
        (
            "error: Failed to resolve dependencies for package `u==1`\n  cause: Package `zz` was included as a URL "
            "dependency. Consider adding `zz @ https://example.org/zz-1-py3-none-any.whl` to it.\n",
            "Package `zz` was included as a URL dependency. Consider adding `zz @ a URL` to it",
        ),
    ],
)
def test_reasons_are_condensed(text: str, reason: str) -> None:
    assert uv._condensed(text) == reason


def test_what_a_reason_lists_is_part_of_it() -> None:
    text = """error: No solution found when resolving dependencies
  cause: Because demo==6.5 has no wheels with a matching platform tag and only the following versions of demo are available:
             demo<=6.5
             demo>=7.0
         and app depends on one of:
             demo==6.5
         we can conclude that demo>=6.1,<7.0 cannot be used. (1)

         Because the requested Python version (>=3.11) does not satisfy Python>=3.12, we can conclude nothing.

hint: Wheels are available
"""
    assert uv._condensed(text) == (
        "demo==6.5 has no wheels with a matching platform tag and only the following versions of demo are available: "
        "demo<=6.5, demo>=7.0 and app depends on one of: demo==6.5"
    )


def test_a_reason_that_is_too_long_ends_at_a_word() -> None:
    found = uv._condensed(f"error: x\n  cause: Because {'demo==1 ' * 100}\n")
    assert len(found) <= uv._LONGEST_REASON
    assert found.endswith(" demo==1...")


def test_a_reason_is_not_longer_than_a_person_reads() -> None:
    assert len(uv._condensed(f"error: x\n  cause: {'a' * 100_000}\x1b[31m\n")) <= uv._LONGEST_REASON


def fake_uv(path: Path, script: str) -> Uv:
    program = path / "uv"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Uv(program, path)


def test_uv_is_found_on_path_if_its_package_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_uv(tmp_path, "exit 0")
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_uv() == tmp_path / "uv"


def test_a_uv_that_cannot_be_started_is_no_answer(tmp_path: Path) -> None:
    broken = fake_uv(tmp_path, "exit 0")
    (tmp_path / "uv").chmod(0o644)
    with pytest.raises(MirrorError, match="uv did not resolve dependencies"):
        broken.resolve("http://127.0.0.1:1/", ["a==1"], LINUX, {})


def test_an_error_of_uv_itself_is_no_answer(tmp_path: Path) -> None:
    broken = fake_uv(tmp_path, "echo 'error: unexpected argument --frob at http://127.0.0.1:1/secret/' >&2; exit 2")
    with pytest.raises(MirrorError, match="uv did not resolve dependencies") as caught:
        broken.resolve("http://127.0.0.1:1/secret/", ["a==1"], LINUX, {})
    assert caught.value.code == "uv-failed"
    assert "unexpected argument" in str(caught.value.reason)
    assert "secret" not in str(caught.value)


def test_a_uv_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uv, "_LONGEST", 0.05)
    slow = fake_uv(tmp_path, "exec /bin/sleep 60")
    answer = slow.resolve("http://127.0.0.1:1/", ["a==1"], LINUX, {})
    assert (answer.found, answer.final) == (False, False)
    assert answer.reason == "uv did not find out within 0.05 seconds"


def test_a_uv_that_is_killed_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(MirrorError, match="it ended without a message"):
        fake_uv(tmp_path, "kill -9 $$").resolve("http://127.0.0.1:1/", ["a==1"], LINUX, {})


def test_the_url_of_the_index_is_no_argument(tmp_path: Path) -> None:
    shown = fake_uv(tmp_path, 'echo "args==1 $*" > seen; echo "$UV_DEFAULT_INDEX" >> seen; echo demo==1')
    assert shown.resolve("http://127.0.0.1:1/token/", ["a==1"], LINUX, {}).pins == {"demo": "1"}
    arguments, index = (tmp_path / "seen").read_text().splitlines()
    assert "token" not in arguments
    assert index == "http://127.0.0.1:1/token/"


def offer(filename: str, *, settled: bool = True) -> Offer:
    found = offer_of(filename, ">=3.9", settled=settled)
    assert found is not None
    return found


def catalogue(tmp_path: Path, find: Callable[[str], Offers]) -> Catalogue:
    def read(wanted: WantedFile, release: object) -> Corrected:
        raise AssertionError

    return Catalogue(open_store(tmp_path / "mirror", create=True), find, read)


def get(url: str, path: str = "") -> tuple[int, str, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", path or parts.path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers["Content-Type"], body


def test_pages_show_what_is_in_view_and_nobody_else_finds_them(tmp_path: Path) -> None:
    files = (offer("demo-1.0-py3-none-any.whl"), offer("demo-2.0-py3-none-any.whl", settled=False))
    with serve(catalogue(tmp_path, lambda project: Offers(project, files if project == "demo" else ()))) as loopback:
        index = loopback.show(View())
        status, kind, body = get(f"{index}demo/")
        page = json.loads(body)
        assert (status, kind) == (200, "application/vnd.pypi.simple.v1+json")
        assert [(each["filename"], each["core-metadata"]) for each in page["files"]] == [("demo-1.0-py3-none-any.whl", True)]
        everything = loopback.show(EVERYTHING)
        assert everything != index
        assert len(json.loads(get(f"{everything}demo/")[2])["files"]) == 2
        one = loopback.show(View(frozenset({("demo", Version("2.0"))})))
        assert len(json.loads(get(f"{one}demo/")[2])["files"]) == 2
        wheel = page["files"][0]["url"]
        root = urlsplit(index).path
        for path in ("/simple/demo/", "/0/simple/demo/", f"{root}Demo/", f"{root}other/", f"{root}../simple/demo/", wheel):
            assert get(index, path)[0] == 404
        assert list(loopback.visited) == ["demo", "other"]


def test_what_cannot_be_found_out_is_no_missing_project(tmp_path: Path) -> None:
    def fail(project: str) -> Offers:
        raise MirrorError("no-answer", "the index does not answer", hint="Wait.")

    with serve(catalogue(tmp_path, fail)) as loopback:
        index = loopback.show(EVERYTHING)
        assert get(f"{index}demo/")[0] == 500
        assert loopback.failures == {"demo": "the index does not answer"}


def test_a_resolution_asks_for_a_limited_number_of_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "_MOST_PROJECTS", 3)
    asked = []

    def find(project: str) -> Offers:
        asked.append(project)
        return Offers(project, why="is in no source")

    with serve(catalogue(tmp_path, find)) as loopback:
        index = loopback.show(EVERYTHING)
        assert [get(f"{index}p{number}/")[0] for number in range(5)] == [404, 404, 404, 500, 500]
    assert asked == ["p0", "p1", "p2"]


def test_the_real_uv_resolves_what_is_served(tmp_path: Path) -> None:
    class Known(Catalogue):
        def metadata(self, project: str, offer: Offer) -> bytes:
            return f"Metadata-Version: 2.1\nName: {project}\nVersion: {offer.version}\n\n".encode()

    def find(project: str) -> Offers:
        return Offers(project, (offer("demo-1.0-py3-none-any.whl"), offer("demo-2.0-py3-none-any.whl")))

    with serve(Known(open_store(tmp_path / "mirror", create=True), find)) as loopback:
        work = tmp_path / "work"
        work.mkdir()
        real = Uv(find_uv(), work)
        index = loopback.show(EVERYTHING)
        assert real.resolve(index, ["demo"], LINUX, {}).pins == {"demo": "2.0"}
        assert real.resolve(index, ["demo"], LINUX, {"demo": "1.0"}).pins == {"demo": "1.0"}
        assert real.resolve(index, ["demo>5"], LINUX, {}).reason == "only demo<=2.0 is available and you require demo>5"
        assert real.runs == 3
