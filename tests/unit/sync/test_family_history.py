"""A family in a mirror while its index changes: what is there stays until something that fits takes its place."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from choosing import EVERY, epoch
from upstreams import LINUX, MACOS, Upstream, add_family, pytorch, torch
from wheelfix.sync.manifest.model import Local, Manifest, Source
from wheelfix.sync.model import Action, SyncReport
from wheelfix.sync.run import sync_mirror

NAMES = ("torch", "torchvision", "torchaudio")


class Mirror(Struct):
    """A mirror in ``folder`` of the newest family of ``upstream``."""

    folder: Path
    upstream: Upstream

    def sync(self) -> SyncReport:
        """Bring it up to date, and confirm that a second run has nothing to do."""
        source = Source(
            name="cpu", index=self.upstream.index, projects=NAMES, family=True, local=Local.STRIP, keep=1, targets=EVERY
        )
        manifest = Manifest(path=self.folder / "mirror.toml", store=str(self.folder / "mirror"), sources=(source,))
        report = sync_mirror(manifest, allow_removals=True)
        assert not sync_mirror(manifest).plan.changes
        return report

    def served(self) -> dict[str, set[str]]:
        """Return the versions of each project that are served, and not yanked."""
        return {
            project: {file["filename"].split("-")[1] for file in self._files(project) if not file["yanked"]}
            for project in NAMES
        }

    def _files(self, project: str) -> list[dict[str, Any]]:
        page = json.loads((self.folder / "mirror" / "public" / "simple" / project / "index.json").read_text())
        files: list[dict[str, Any]] = page["files"]
        return files


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A mirror of 2.9.0."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch("2026-01-10"))
    with pytorch() as upstream:
        add_family(upstream, "2.9.0")
        found = Mirror(tmp_path, upstream)
        assert found.sync().ok
        yield found


BEFORE = {"torch": {"2.9.0"}, "torchvision": {"0.24.0"}, "torchaudio": {"2.9.0"}}
AFTER = {"torch": {"2.10.0"}, "torchvision": {"0.25.0"}, "torchaudio": {"2.10.0"}}


def test_a_new_family_takes_the_place_of_the_old_one_once_it_is_whole(mirror: Mirror) -> None:
    for platform in (*LINUX, MACOS):
        mirror.upstream.add(torch("2.10.0", platform))
    assert mirror.sync().ok
    assert mirror.served() == BEFORE
    add_family(mirror.upstream, "2.10.0")
    late = [mirror.upstream.file(f"torchvision-0.25.0-cp311-cp311-{MACOS}.whl")]
    mirror.upstream.remove(late[0].name)
    mirror.sync()
    assert mirror.served() == BEFORE
    mirror.upstream.put("torchvision", late[0])
    mirror.sync()
    assert mirror.served() == AFTER


def test_nothing_changes_while_one_page_cannot_be_read(mirror: Mirror) -> None:
    add_family(mirror.upstream, "2.10.0")
    mirror.upstream.fail("/torchaudio/", status=403, times=4)
    report = mirror.sync()
    assert not report.ok
    assert not report.plan.changes
    assert mirror.served() == BEFORE
    mirror.upstream.failures.clear()
    mirror.sync()
    assert mirror.served() == AFTER


def test_a_member_that_is_yanked_as_a_whole_is_yanked_and_the_others_stay(mirror: Mirror) -> None:
    for name in [*mirror.upstream.projects["torchvision"]]:
        mirror.upstream.yank(name, "broken")
    mirror.sync()
    assert mirror.served() == {**BEFORE, "torchvision": set()}
    for name in [*mirror.upstream.projects["torchvision"]]:
        mirror.upstream.unyank(name)
    mirror.sync()
    assert mirror.served() == BEFORE


def test_a_release_that_is_yanked_makes_room_for_the_one_before(mirror: Mirror) -> None:
    add_family(mirror.upstream, "2.8.0")
    for name in [each for each in mirror.upstream.projects["torch"] if "2.9.0" in each]:
        mirror.upstream.yank(name, "broken")
    report = mirror.sync()
    assert mirror.served() == {"torch": {"2.8.0"}, "torchvision": {"0.23.0"}, "torchaudio": {"2.8.0"}}
    reasons = {each.reason for each in report.plan.of(Action.YANK) if each.project == "torchvision"}
    assert reasons == {"No torch fits torchvision 0.24.0 yet: torchvision 0.24.0 requires torch==2.9.0."}
    for name in [each for each in mirror.upstream.projects["torch"] if "2.9.0" in each]:
        mirror.upstream.unyank(name)
    mirror.sync()
    assert mirror.served() == BEFORE


def test_a_family_of_which_one_platform_is_there_first_takes_nothing_from_the_others(mirror: Mirror) -> None:
    """Their wheels are yanked once those that take their place are there."""
    add_family(mirror.upstream, "2.9.1")
    late = [
        (project, file) for project in NAMES for file in [*mirror.upstream.projects[project].values()]
        if file.version.startswith(("2.9.1", "0.24.1")) and MACOS not in file.name
    ]  # fmt: skip
    for _, file in late:
        mirror.upstream.remove(file.name)
    report = mirror.sync()
    assert [each for each in report.plan.files if each.action is Action.YANK] == []
    both = {"torch": {"2.9.0", "2.9.1"}, "torchvision": {"0.24.0", "0.24.1"}, "torchaudio": {"2.9.0", "2.9.1"}}
    assert mirror.served() == both
    for project, file in late:
        mirror.upstream.put(project, file)
    assert mirror.sync().ok
    assert mirror.served() == {"torch": {"2.9.1"}, "torchvision": {"0.24.1"}, "torchaudio": {"2.9.1"}}
