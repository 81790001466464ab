"""A mirror and what its server shows, side by side: each thing that can differ is found, and nothing else."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demos import demo_wheel
from running import mirror_report, wheelfix
from serving import Server, static
from stores import MemoryStore
from wheelfix.errors import MirrorError
from wheelfix.mirror.check import check_against
from wheelfix.mirror.registry import MirrorCheckReport
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import remove_files, yank_files
from wheelfix.options import Publishing, Requests
from wheelfix.upstream.answers import length_of

SERVER = {"cache-unset"}
"""What the server of the tests lacks."""


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A mirror with two wheels, whose pages were written yesterday."""
    paths = [demo_wheel(tmp_path / "in", version) for version in ("1.0", "2.0")]
    assert add_wheels(tmp_path / "mirror", paths).ok
    age(tmp_path / "mirror")
    return tmp_path / "mirror"


def age(mirror: Path) -> None:
    """Let the pages of ``mirror`` be a day old."""
    for path in mirror.glob("public/simple/**/index.*"):
        os.utime(path, (path.stat().st_mtime - 86400,) * 2)


@pytest.fixture
def shown(mirror: Path, tmp_path: Path) -> Iterator[Server]:
    """A server that shows what the mirror had in the beginning."""
    shutil.copytree(mirror / "public", tmp_path / "cdn")
    with static(tmp_path / "cdn", negotiates=True) as server:
        yield server


def against(mirror: Path, server: Server, **options: Any) -> MirrorCheckReport:
    return check_against(mirror, server.index, requests=Requests(timeout=5), **options)


def codes(report: MirrorCheckReport) -> set[str]:
    return {each.code for each in report.findings} - SERVER


def words(report: MirrorCheckReport, code: str) -> set[str]:
    return {each.message.partition(": ")[2] for each in report.findings if each.code == code}


def test_a_server_that_shows_the_mirror_is_right(mirror: Path, shown: Server) -> None:
    report = against(mirror, shown)
    assert codes(report) == set()
    assert (report.projects, report.files) == (1, 2)


CHANGES: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "a new file": (
        lambda mirror, folder: add_wheels(mirror, demo_wheel(folder, "3.0")),
        "lacks demo-3.0-py3-none-any.whl",
    ),
    "a file less": (lambda mirror, _: remove_files(mirror, "demo==1.0"), "also lists demo-1.0-py3-none-any.whl"),
    "a yank": (lambda mirror, _: yank_files(mirror, "demo==1.0", "bad"), "yank differs for demo-1.0-py3-none-any.whl"),
    "other bytes": (
        lambda mirror, folder: add_wheels(mirror, demo_wheel(folder, "1.0", "six"), publishing=Publishing(replace=True)),
        "sha256 differs for demo-1.0-py3-none-any.whl; metadata file differs for demo-1.0-py3-none-any.whl",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_an_old_page_is_a_warning_while_it_may_be_cached(name: str, mirror: Path, shown: Server, tmp_path: Path) -> None:
    change, told = CHANGES[name]
    change(mirror, tmp_path / "more")
    report = against(mirror, shown)
    assert codes(report) - {"served-stale"} == set()
    assert all(each.startswith(told) for each in words(report, "served-stale")), report.findings
    assert len(words(report, "served-stale")) <= 2  # JSON knows the size, too
    assert report.passes()
    age(mirror)
    report = against(mirror, shown)
    assert codes(report) - {"served-differs"} == set()
    assert len([each for each in report.findings if each.code == "served-differs"]) == 2  # JSON and HTML
    assert not report.passes()


def edited(cdn: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = cdn / "simple/demo/index.json"
    document = json.loads(path.read_text())
    change(document["files"][0])
    path.write_text(json.dumps(document))


SPOILED: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "a page is lost": (lambda cdn: shutil.rmtree(cdn / "simple/demo"), {"page-missing"}),
    "the size is another one": (
        lambda cdn: edited(cdn, lambda file: file.update(size=5)),
        {"served-differs", "size-differs"},
    ),
    "Requires-Python is another one": (
        lambda cdn: edited(cdn, lambda file: file.update({"requires-python": ">=3.99"})),
        {"served-differs", "html-differs", "requires-python-differs"},
    ),
    "the metadata file is not announced": (
        lambda cdn: edited(cdn, lambda file: file.pop("core-metadata")),
        {"served-differs", "html-differs", "metadata-file-not-announced"},
    ),
    "the sha256 of the metadata file is another one": (
        lambda cdn: edited(cdn, lambda file: file.update({"core-metadata": {"sha256": "0" * 64}})),
        {"served-differs", "metadata-file-differs"},
    ),
    "a wheel is not there": (lambda cdn: next(cdn.glob("files/demo/*/demo-1.0-*.whl")).unlink(), {"file-missing"}),
    "a wheel is cut off": (
        lambda cdn: (path := next(cdn.glob("files/demo/*/demo-1.0-*.whl"))).write_bytes(path.read_bytes()[:-9]),
        {"size-differs", "file-differs", "wheel-invalid"},
    ),
    "a metadata file is not there": (
        lambda cdn: next(cdn.glob("files/demo/*/demo-1.0-*.metadata")).unlink(),
        {"metadata-file-missing"},
    ),
    "a metadata file is an old one": (
        lambda cdn: next(cdn.glob("files/demo/*/demo-1.0-*.metadata")).write_text("Name: demo\n"),
        {"metadata-file-differs", "metadata-file-stale"},
    ),
    "a page is no page": (lambda cdn: (cdn / "simple/demo/index.json").write_text("{"), {"page-unreadable"}),
}


@pytest.mark.parametrize("name", SPOILED)
def test_what_a_server_spoils_is_found(name: str, mirror: Path, shown: Server, tmp_path: Path) -> None:
    spoil, expected = SPOILED[name]
    spoil(tmp_path / "cdn")
    assert codes(against(mirror, shown, download="all")) == expected


def test_the_lists_of_projects_are_compared(mirror: Path, shown: Server) -> None:
    store = LocalStore(mirror)
    for name in ("other", "third"):
        (mirror / f"public/simple/{name}").mkdir()
    root = json.loads((mirror / "public/simple/index.json").read_text())
    root["projects"] = [{"name": name} for name in ("other", "third")]
    (mirror / "public/simple/index.json").write_text(json.dumps(root))
    age(mirror)
    report = check_against(store, shown.index)
    [message] = [each.message for each in report.findings if each.code == "served-differs"]
    assert message == "not the list of projects of the mirror: lacks other, third; also lists demo"
    assert codes(check_against(store, shown.index, "demo")) == set()


def test_the_age_of_a_cached_page_is_shown(mirror: Path, shown: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    yank_files(mirror, "demo==1.0")
    monkeypatch.setattr("wheelfix.upstream.client.length_of", lambda text: length_of(text or "321"))
    assert {each.endswith(" (its Age is 321 s)") for each in words(against(mirror, shown), "served-stale")} == {True}


def test_a_page_of_the_mirror_that_is_damaged_is_reported(mirror: Path, shown: Server) -> None:
    (mirror / "public/simple/demo/index.json").write_text("{")
    assert "page-unreadable" in codes(against(mirror, shown))


def test_a_store_without_times_has_no_excuse(mirror: Path, shown: Server, tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "scratch")
    for path in (mirror / "public").rglob("*"):
        if path.is_file():
            store.objects.write(str(path.relative_to(mirror)), path.read_bytes())
    store.objects.now = store.objects.now.replace(year=2020)
    assert codes(check_against(store, shown.index)) == set()
    yank_files(store, "demo==1.0")
    assert codes(check_against(store, shown.index)) == {"served-differs"}


def test_on_the_command_line(mirror: Path, shown: Server) -> None:
    ran = wheelfix("mirror", "check", mirror, "--against", shown.index, "--ignore", "cache-unset")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("Checked 2 files of 1 project with ")
    yank_files(mirror, "demo==1.0")
    age(mirror)
    ran = wheelfix("mirror", "check", mirror, "--against", shown.index, "demo", "--format", "json")
    assert ran.code == 1
    assert "served-differs" in {each["code"] for each in mirror_report(ran)["findings"]}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("m", "--against", "ftp://example.invalid/"), "m does not exist"),
        (("m", "--against", "http://127.0.0.1:9/", "--fix"), "--fix and --against exclude each other: use two commands"),
        (("m", "--against", "http://127.0.0.1:9/", "--quick"), "--quick and --against exclude each other: use two commands"),
        (("https://example.invalid/", "--against", "http://127.0.0.1:9/"), "name the mirror first"),
    ],
)
def test_usage(given: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = wheelfix("mirror", "check", *given)
    assert (ran.code, told in ran.err) == (2, True), ran.err


def test_what_is_no_url_is_refused(mirror: Path) -> None:
    with pytest.raises(MirrorError, match="is not the URL of an index"):
        check_against(mirror, "ftp://example.invalid/")
    with pytest.raises(ValueError, match="download must be"):
        check_against(mirror, "https://example.invalid/", download="few")
