"""Releases of another index, taken, corrected and published; and what a hostile index is refused."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from building import write_wheel
from flaws import metadata, sound
from running import mirror_report, wheelfix
from serving import Server, static
from wheelfix.errors import MirrorError
from wheelfix.mirror.checking import check_index, check_mirror
from wheelfix.mirror.fetching import choose_wheels
from wheelfix.mirror.mirroring import mirror_releases
from wheelfix.mirror.publishing import add_wheels
from wheelfix.mirror.web import Web

GPU = 'nvidia-cudnn-cu12==9.5.1.17; platform_system == "Linux" and platform_machine == "x86_64"'
TAGS = ("py3-none-any", "cp311-cp311-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_28_x86_64",
        "cp39-abi3-win_amd64", "cp311-cp311-macosx_11_0_arm64")  # fmt: skip


def wheel(folder: Path, version: str, tags: str = "py3-none-any", *needs: str) -> Path:
    head = ("Metadata-Version: 2.1", "Name: demo", f"Version: {version}", "Summary: A wheel for tests")
    lines = [f"Requires-Dist: {need}" for need in needs]
    data = metadata(*lines, head=head, rest=("Description-Content-Type: text/plain",))
    return write_wheel(folder, sound(version=version, tags=tags, metadata=data))


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """Another index: demo 1.0 for some platforms, with GPU requirements, demo 2.0, and demo 3.0rc1."""
    folder, mirror = tmp_path / "theirs", tmp_path / "upstream"
    folder.mkdir()
    paths = [*(wheel(folder, "1.0", tags, GPU) for tags in TAGS), wheel(folder, "2.0"), wheel(folder, "3.0rc1")]
    assert add_wheels(mirror, paths).ok
    return mirror


@pytest.fixture
def server(upstream: Path) -> Iterator[Server]:
    with static(upstream, negotiates=True) as found:
        yield found


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


@pytest.mark.parametrize(
    ("requirement", "options", "names"),
    [
        ("demo==1.0", {}, {f"demo-1.0-{tags}.whl" for tags in TAGS}),
        ("demo==1.0", {"platforms": ["manylinux*_x86_64"]}, {f"demo-1.0-{TAGS[each]}.whl" for each in (0, 1, 2)}),
        ("demo==1.0", {"platforms": ["win*"], "pythons": ["3.11"]}, {f"demo-1.0-{TAGS[each]}.whl" for each in (0, 3)}),
        ("demo==1.0", {"pythons": ["3.12"]}, {f"demo-1.0-{TAGS[each]}.whl" for each in (0, 2, 3)}),
        ("demo==1.0", {"pythons": ["3.8", "3.11"]}, {f"demo-1.0-{TAGS[each]}.whl" for each in (0, 1, 3, 4)}),
        ("Demo", {}, {"demo-2.0-py3-none-any.whl"}),
        ("demo<2", {"platforms": ["none"]}, {"demo-1.0-py3-none-any.whl"}),
        ("demo==3.0rc1", {}, {"demo-3.0rc1-py3-none-any.whl"}),
    ],
)
def test_which_wheels_are_taken(requirement: str, options: dict[str, Any], names: set[str], server: Server) -> None:
    assert {each.filename for each in choose_wheels(Web(), server.index, requirement, **options)} == names


@pytest.mark.parametrize(
    ("requirement", "options", "code"),
    [
        ("demo==9", {}, "nothing-fits"),
        ("nosuch", {}, "nothing-fits"),
        ("demo==", {}, "bad-selection"),
        ("demo[x]==1.0", {}, "bad-selection"),
        ("demo @ https://example.invalid/demo-1.0-py3-none-any.whl", {}, "bad-selection"),
        ("demo", {"pythons": ["cp311"]}, "bad-python"),
    ],
)
def test_what_cannot_be_taken(requirement: str, options: dict[str, Any], code: str, server: Server) -> None:
    with pytest.raises(MirrorError) as caught:
        choose_wheels(Web(), server.index, requirement, **options)
    assert caught.value.code == code


def test_a_release_is_taken_corrected_and_published(server: Server, mirror: Path) -> None:
    report, published = mirror_releases(mirror, server.index, ["demo==1.0", "demo==2.0"], allow_unproven=True)
    assert [each.status.value for each in report.outcomes] == ["fixed"] * 5 + ["unchanged"]
    assert [each.status.value for each in published.files] == ["added"] * 6
    assert {str(each.source) for each in published.files} >= {"demo-2.0-py3-none-any.whl"}
    assert check_mirror(mirror).findings == ()
    page = json.loads((mirror / "simple/demo/index.json").read_bytes())
    assert all("nvidia" not in (mirror / file["url"].removeprefix("../../")).read_text("latin-1").partition("PK")[0]
               for file in page["files"])  # fmt: skip
    assert list((mirror / ".wheelfix/downloads").iterdir()) == []


def test_what_was_taken_is_not_loaded_again_unless_rules_change(server: Server, mirror: Path) -> None:
    mirror_releases(mirror, server.index, ["demo==1.0", "demo==2.0"], allow_unproven=True)
    before = server.wheel_bytes()
    report, published = mirror_releases(mirror, server.index, ["demo==1.0", "demo==2.0"], allow_unproven=True)
    assert server.wheel_bytes() == before
    assert report.outcomes == ()
    assert [each.status.value for each in published.files] == ["unchanged"] * 6
    mirror_releases(mirror, server.index, "demo==2.0", rules="gpu/nvidia", allow_unproven=True)
    assert server.wheel_bytes() > before


def test_an_interrupted_download_goes_on(server: Server, upstream: Path, mirror: Path) -> None:
    """Only the rest is loaded; what is there already is never trusted unseen."""
    [path] = upstream.glob("files/demo/*/demo-2.0-*.whl")
    [file] = choose_wheels(Web(), server.index, "demo==2.0")
    part = mirror / f".wheelfix/downloads/{file.digests['sha256']}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(path.read_bytes()[:100])
    before = server.wheel_bytes()
    _, published = mirror_releases(mirror, server.index, "demo==2.0")
    assert published.ok
    assert server.wheel_bytes() - before == path.stat().st_size - 100
    part.write_bytes(path.read_bytes() + b"more")
    mirror_releases(mirror, server.index, "demo==2.0", rules="gpu/nvidia", replace=True)
    assert check_mirror(mirror).findings == ()


def test_metadata_is_read_by_parts(server: Server, upstream: Path) -> None:
    for path in upstream.glob("files/demo/*/*.metadata"):
        path.write_bytes(b"stale")
    survey = check_index(server.index, download="none")
    assert {each.code for each in survey.findings} == {"cache-unset", "sidecar-differs", "sidecar-stale"}
    assert max(each.sent for each in server.asked() if each.method == "GET" and each.path.endswith(".whl")) <= 1 << 16


def test_who_asks_is_known_from_netrc(server: Server, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.password = "who:secret"
    with pytest.raises(MirrorError) as caught:
        mirror_releases(mirror, server.index, "demo==2.0")
    assert caught.value.code == "bad-answer"
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login who password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    _, published = mirror_releases(mirror, server.index, "demo==2.0")
    assert published.ok


def test_who_asks_is_known_from_keyring(server: Server, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is told to that server only."""
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
    with pytest.raises(MirrorError) as caught:
        mirror_releases(mirror, server.index, "demo==1.0")
    assert "secret" not in str(caught.value)


def edit(upstream: Path, **values: object) -> None:
    """Let the other index say something else of demo 2.0."""
    page = upstream / "simple/demo/index.json"
    document = json.loads(page.read_bytes())
    next(file for file in document["files"] if "2.0" in file["filename"]).update(values)
    page.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"hashes": {"sha256": "0" * 64}}, "wrong-hash"),
        ({"hashes": {}}, "no-hash"),
        ({"hashes": {"sha256": "../../x"}}, "no-hash"),
        ({"hashes": {"md5": "0" * 32}}, "no-hash"),
        ({"filename": "../../demo-2.0-py3-none-any.whl"}, "nothing-fits"),
        ({"filename": "demo-2.0-py3-none-any/../x.whl"}, "nothing-fits"),
        ({"filename": "other-2.0-py3-none-any.whl"}, "nothing-fits"),
        ({"url": "file:///etc/passwd"}, "bad-address"),
        ({"url": "ftp://example.invalid/demo-2.0-py3-none-any.whl"}, "bad-address"),
        ({"url": "http://user:secret@127.0.0.1/demo-2.0-py3-none-any.whl"}, "credentials-in-address"),
        ({"url": "../../files/nosuch.whl"}, "bad-answer"),
    ],
)
def test_a_hostile_index_is_refused(
    values: dict[str, object], code: str, server: Server, upstream: Path, mirror: Path, tmp_path: Path
) -> None:
    edit(upstream, **values)
    before = sorted(path for path in tmp_path.rglob("*") if mirror not in path.parents)
    with pytest.raises(MirrorError) as caught:
        mirror_releases(mirror, server.index, "demo==2.0")
    assert caught.value.code == code
    assert "secret" not in str(caught.value)
    assert not (mirror / "simple").exists()
    assert sorted(path for path in tmp_path.rglob("*") if mirror not in path.parents and path != mirror) == before


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"<html>", b"\xff", b'{"meta": {"api-version": "9.0"}, "name": "demo", "files": []}']
)
def test_pages_that_are_none(body: bytes, server: Server, upstream: Path, mirror: Path) -> None:
    (upstream / "simple/demo/index.json").write_bytes(body)
    with pytest.raises(MirrorError) as caught:
        mirror_releases(mirror, server.index, "demo==2.0")
    assert caught.value.code in ("bad-page", "nothing-fits")


@pytest.mark.parametrize("url", ["", "x", "file:///etc/passwd", "https://", "http://[::1", "https://a:b@example.invalid/"])
def test_addresses_that_cannot_be(url: str) -> None:
    with pytest.raises(MirrorError) as caught:
        check_index(url, ["demo"])
    assert caught.value.code in ("bad-address", "credentials-in-address")
    assert "a:b" not in str(caught.value)


def test_bounds(server: Server) -> None:
    with pytest.raises(MirrorError) as caught:
        check_index(server.index, most_requests=5)
    assert caught.value.code == "out-of-bounds"
    with pytest.raises(MirrorError) as caught:
        check_index(server.index, seconds=0)
    assert caught.value.code == "out-of-bounds"


def test_the_whole_index_from_the_command_line(server: Server, mirror: Path) -> None:
    ran = wheelfix(
        "mirror", "add", mirror, "--from-index", server.index, "--platform", "win*", "--format", "json", "demo==2.0"
    )
    assert ran.code == 0, ran.err
    assert mirror_report(ran)["summary"]["added"] == 1
    assert "loading demo-2.0-py3-none-any.whl" in ran.err
    ran = wheelfix("mirror", "check", server.index, "--format", "json", "--download", "all")
    assert {each["code"] for each in mirror_report(ran)["findings"]} == {"cache-unset", "gpu-requirements"}
    assert mirror_report(ran)["summary"]["files"] == 7
