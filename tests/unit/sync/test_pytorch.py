"""A family of PyTorch's CPU index, brought into a mirror: one release for Linux and macOS, whose wheels agree."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from uv import find_uv_bin

from choosing import EVERY, epoch
from serving import Server, static
from upstreams import LINUX, MACOS, Upstream, add_family, pytorch, vision
from wheelfix.mirror.check import check_mirror
from wheelfix.options import Targets
from wheelfix.sync.manifest.model import Local, Manifest, Source
from wheelfix.sync.model import Action, SyncReport
from wheelfix.sync.run import sync_mirror
from wheelfix.wheel.wheel import Wheel

NAMES = ("torch", "torchvision", "torchaudio")
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin")


class Synced(Struct):
    """A mirror after its first sync, and its manifest."""

    manifest: Manifest
    upstream: Upstream
    report: SyncReport

    @property
    def folder(self) -> Path:
        """Where the mirror is."""
        return Path(self.manifest.store)

    def page(self, project: str) -> Mapping[str, Any]:
        """Return the page of a project."""
        found: Mapping[str, Any] = json.loads((self.folder / "public" / "simple" / project / "index.json").read_text())
        return found

    def metadata(self, project: str) -> set[tuple[str, ...]]:
        """Return what the wheels of a project require, each list once."""
        files = (self.folder / "public" / "files" / project).rglob("*.metadata")
        lines = (each.read_text().splitlines() for each in files)
        return {tuple(sorted(each for each in text if each.startswith("Requires-Dist"))) for text in lines}


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synced]:
    """A mirror of the newest release of the family; a companion pins ``torch==2.9.0+cpu``."""
    folder = tmp_path_factory.mktemp("mirror")
    with pytest.MonkeyPatch.context() as patch, pytorch() as upstream:
        patch.setenv("SOURCE_DATE_EPOCH", epoch("2026-01-10"))
        add_family(upstream, "2.8.0", "2.9.0")
        for platform in LINUX:
            upstream.add(vision("0.24.0", "2.9.0+cpu", platform), requires_python=">=3.10")
        source = Source(
            name="pytorch-cpu", index=upstream.index, projects=NAMES, family=True, local=Local.STRIP, keep=1, targets=EVERY
        )
        manifest = Manifest(path=folder / "mirror.toml", store=str(folder / "mirror"), sources=(source,))
        yield Synced(manifest, upstream, sync_mirror(manifest))


def test_everything_is_added(synced: Synced) -> None:
    assert synced.report.ok
    assert len(synced.report.files) == 9
    assert {each.action for each in synced.report.plan.files} == {Action.ADD}


@pytest.mark.parametrize(("project", "version"), [("torch", "2.9.0"), ("torchvision", "0.24.0"), ("torchaudio", "2.9.0")])
def test_linux_and_macos_are_one_release_whose_wheels_agree(synced: Synced, project: str, version: str) -> None:
    page = synced.page(project)
    assert page["versions"] == [version]
    platforms = {each["filename"].removesuffix(".whl").rpartition("-")[2] for each in page["files"]}
    assert platforms == {*LINUX, MACOS}
    assert len(synced.metadata(project)) == 1
    assert not any("nvidia" in each for each in next(iter(synced.metadata(project))))


def test_pins_on_a_local_version_follow(synced: Synced) -> None:
    [lines] = synced.metadata("torchvision")
    assert "Requires-Dist: torch==2.9.0" in lines


def test_stripped_wheels_keep_their_provenance(synced: Synced) -> None:
    for path in (synced.folder / "public" / "files" / "torch").rglob("*.whl"):
        with Wheel(path) as wheel:
            provenance = wheel.provenance
        if "manylinux" in path.name:
            assert provenance is not None
            [original] = provenance.ancestors
            assert original.filename == path.name.replace("2.9.0", "2.9.0+cpu")
            assert original.sha256 == synced.upstream.file(original.filename).sha256


def test_time_of_first_sight_is_served_and_said(synced: Synced) -> None:
    assert {each["upload-time"] for each in synced.page("torch")["files"]} == {"2026-01-10T00:00:00.000000Z"}
    assert all("has no upload time" in " ".join(each.notes) for each in synced.report.files)


def test_mirror_has_no_findings(synced: Synced) -> None:
    assert [each.code for each in check_mirror(synced.folder).findings] == []


@pytest.fixture(scope="module")
def server(synced: Synced) -> Iterator[Server]:
    """The mirror behind a web server."""
    with static(synced.folder / "public", negotiates=True) as found:
        yield found


@pytest.mark.parametrize("platform", PLATFORMS)
def test_uv_finds_the_family_for_each_platform(server: Server, platform: str, tmp_path: Path) -> None:
    wanted = tmp_path / "requirements.in"
    wanted.write_text("torch\ntorchvision\ntorchaudio\n")
    others = tmp_path / "overrides.txt"
    names = ("filelock", "typing-extensions", "sympy", "numpy")  # no mirror has them here
    others.write_text("".join(f"{each}; sys_platform == 'never'\n" for each in names))
    command: list[str | Path] = [
        find_uv_bin(), "pip", "compile", wanted, "--override", others, "--no-config", "--no-header", "--no-annotate",
        "--index-url", server.index, "--python-platform", platform, "--python-version", "3.11", "--only-binary", ":all:",
        "--cache-dir", tmp_path / "cache",
    ]  # fmt: skip
    found = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
    assert found.stdout.split() == ["torch==2.9.0", "torchaudio==2.9.0", "torchvision==0.24.0"], found.stderr


def test_second_run_does_nothing_and_sends_conditional_requests_only(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch("2026-02-10"))
    before = {path: path.stat().st_mtime_ns for path in (synced.folder / "public").rglob("*")}
    synced.upstream.forget()
    report = sync_mirror(synced.manifest)
    assert (report.ok, report.plan.changes) == (True, False)
    assert {(each.status, each.conditional) for each in synced.upstream.seen} == {(304, True)}
    assert len(synced.upstream.seen) == 3
    assert {path: path.stat().st_mtime_ns for path in (synced.folder / "public").rglob("*")} == before


def test_without_strip_the_local_version_stays(synced: Synced, tmp_path: Path) -> None:
    [source] = synced.manifest.sources
    source = Source(
        name="kept", index=source.index, projects=("torch", "torchaudio"), family=True, keep=1,
        targets=Targets("manylinux*_x86_64", "3.11"),
    )  # fmt: skip
    manifest = Manifest(path=tmp_path / "mirror.toml", store=str(tmp_path / "mirror"), sources=(source,))
    report = sync_mirror(manifest)
    assert report.ok
    assert sorted(each.filename or "" for each in report.files) == [
        f"{project}-2.9.0+cpu-cp311-cp311-{LINUX[0]}.whl" for project in ("torch", "torchaudio")
    ]
