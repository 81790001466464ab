"""What a remote wheel is called, and which sha256 it has: as the index says, or the URL; never as nobody said."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import wheelfix as api
from building import WheelSpec, build_wheel
from places import ROOT
from running import wheelfix
from scripting import Asked, Index, Reply, answering
from serving import Server, static

SAMPLES = ROOT / "sample_wheels"
TORCH = "torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"
SPECS = (WheelSpec(requires=("triton",)), WheelSpec(requires=("numpy",), tags="py3-none-win_amd64"))
WRONG = "#sha256=" + "0" * 64


@pytest.fixture(autouse=True)
def _in_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def url() -> Iterator[str]:
    with static(SAMPLES, negotiates=True) as server:
        yield f"{server.url}/{TORCH}"


@pytest.fixture(params=["7", "x.whl", "cleanpkg-1.0-py3-none-any.whl"])
def numbered(request: pytest.FixtureRequest) -> Iterator[Server]:
    """An index whose URLs do not end with the names of the wheels, as that of a repository of packages may have it."""
    files = {each.filename: build_wheel(each) for each in SPECS}
    places = {f"/get/{number}/{request.param}": name for number, name in enumerate(files)}

    def spoil(asked: Asked) -> Reply | None:
        if asked.path not in places:
            return None
        return index(asked._replace(path=f"/files/{places[asked.path]}"))

    index = Index(files, of={name: {"url": path} for path, name in places.items()}, spoil=spoil)
    with answering(index) as server:
        yield server


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("command", ["strip-gpu --check", "verify"])
def test_a_sum_is_compared_though_the_wheel_is_given_again_without_it(command: str, turned: bool, url: str) -> None:
    given = [f"{url}{WRONG}", url]
    ran = wheelfix(*command.split(), *(reversed(given) if turned else given))
    assert ran.code == 3
    assert "another sha256 than the URL says" in ran.err + ran.out


def test_a_sum_is_compared_of_paths_on_standard_input(url: str) -> None:
    ran = wheelfix("strip-gpu", "--check", "-", stdin=f"{url}{WRONG}\n{url}\n")
    assert (ran.code, "wrong-hash" in ran.err) == (3, True)


def test_two_hashes_of_one_wheel_cannot_both_be_right(url: str) -> None:
    ran = wheelfix("verify", f"{url}{WRONG}", f"{url}#sha256={'1' * 64}")
    assert ran.code == 2
    assert f"{url} is given twice, with different sha256 hashes" in ran.err
    given = [f"{url}{WRONG}", f"{url}#sha256={'1' * 64}"]
    with pytest.raises(api.MirrorError, match="different sha256 hashes"):
        api.fetch_wheels(given).__enter__()


def test_scripts_get_the_sum_compared_too(url: str) -> None:
    with api.fetch_wheels([f"{url}{WRONG}", url]) as fetched:
        assert [each.code for each in fetched.problems.values()] == ["wrong-hash"]


def test_show_says_that_a_sum_was_not_compared(url: str) -> None:
    note = "nor its sha256 compared. Use --scan always to download the wheel"
    assert note in wheelfix("show", f"{url}{WRONG}").out
    assert note not in wheelfix("show", url).out
    assert wheelfix("show", "--scan", "always", f"{url}{WRONG}").code == 3


@pytest.mark.parametrize("scan", ["auto", "always"])
def test_show_calls_a_wheel_as_the_index_does(scan: str, numbered: Server) -> None:
    ran = wheelfix("show", "--scan", scan, "--format", "json", "--from-index", numbered.index, "demo")
    assert ran.code == 0, ran.err
    wheels = [(each["source"], each["tags"]) for each in json.loads(ran.out)["wheels"]]
    assert wheels == [(each.filename, [each.tags]) for each in SPECS]


def test_rules_are_explained_by_the_name_in_the_index(numbered: Server) -> None:
    ran = wheelfix("rules", "explain", "--rules", "gpu", "--from-index", numbered.index, "demo", "--format", "json")
    assert ran.code == 0, ran.err
    assert [each["source"] for each in json.loads(ran.out)["wheels"]] == [each.filename for each in SPECS]


def test_wheels_of_one_release_are_compared_by_their_names(numbered: Server) -> None:
    """Also those whose URLs end with anything."""
    ran = wheelfix("show", "--from-index", numbered.index, "demo")
    assert f"{numbered.url}/get/0" in ran.out
    assert "disagree" in ran.out


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ("file:///etc/passwd", "at file:///etc/passwd, which is no http or https URL"),
        ("ftp://example.invalid/x.whl", "which is no http or https URL"),
        ("https://user:secret@example.invalid/x.whl", "at https://example.invalid/x.whl, which is one with credentials"),
    ],
)
@pytest.mark.parametrize("command", ["show", "verify", "strip-gpu --check", "rules explain --rules gpu"])
def test_a_url_that_the_index_has_wrong_is_its_mistake(command: str, listed: str, words: str) -> None:
    """Nobody typed it: no help says how to, and the other wheels are done."""
    files = {each.filename: build_wheel(each) for each in SPECS}
    with answering(Index(files, of={SPECS[0].filename: {"url": listed}})) as server:
        ran = wheelfix(
            *command.split(), "--allow-mixed" if "strip" in command else "-q", "--from-index", server.index, "demo"
        )
    assert ran.code == 3
    assert f"the index lists {SPECS[0].filename} {words}" in ran.err + ran.out or words in ran.err + ran.out
    assert "Report it to the operator of the index." in ran.err + ran.out
    assert not any(each in ran.err + ran.out for each in ("secret", "netrc", "begins with https"))
