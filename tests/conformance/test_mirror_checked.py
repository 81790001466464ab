"""Errors planted in a mirror, each found in its directory and, where clients can see it, through a server."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wheelfix
from building import build_wheel, write_wheel
from defects import metadata, valid
from serving import static
from wheelfix import fix_wheels
from wheelfix.mirror.check import check_index, check_mirror
from wheelfix.mirror.journal import ProjectJournal
from wheelfix.mirror.registry import MIRROR_CHECKS, Seen
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import unyank_files
from wheelfix.options import Naming, Policy, Publishing, Requests

GPU = "nvidia-cudnn-cu12==9.5.1.17"
SERVER = {"cache-unset"}
"""What the server of the tests lacks."""


def wheel(folder: Path, version: str, *needs: str, tags: str = "py3-none-any") -> Path:
    head = ("Metadata-Version: 2.1", "Name: demo", f"Version: {version}", "Summary: A wheel for tests")
    lines = [f"Requires-Dist: {need}" for need in needs]
    data = metadata(*lines, "Requires-Python: >=3.8", head=head, rest=("Description-Content-Type: text/plain",))
    return write_wheel(folder, valid(version=version, metadata=data, tags=tags))


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """Three releases of one project: two as they came, of one of which two wheels, and a fixed one with its original."""
    place, folder = tmp_path / "mirror", tmp_path / "in"
    folder.mkdir()
    original = wheel(folder, "3.0", GPU)
    [fixed] = fix_wheels(
        original, output=tmp_path / "fixed", policy=Policy(allow_unproven=True), naming=Naming(local="cpu")
    ).outcomes
    paths = [wheel(folder, "1.0"), wheel(folder, "2.0", "six"), wheel(folder, "2.0", "six", tags="py2-none-any")]
    assert add_wheels(place, [*paths, fixed.output], publishing=Publishing(yank_original="gpu"), originals=[original]).ok  # type: ignore[list-item]
    return place


class Plant:
    """Hands that spoil a mirror."""

    def __init__(self, mirror: Path) -> None:
        self.mirror = mirror
        self.page = mirror / "public/simple/demo/index.json"
        [self.wheel] = mirror.glob("public/files/demo/*/demo-1.0-*.whl")
        self.metadata_file = self.wheel.with_name(self.wheel.name + ".metadata")

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change what the page says of demo 1.0, and let HTML follow."""
        from wheelfix.mirror.html import page_html
        from wheelfix.mirror.json import read_page

        document = json.loads(self.page.read_bytes())
        change(next(file for file in document["files"] if file["filename"].startswith("demo-1.0-")))
        self.page.write_text(json.dumps(document))
        self.page.with_suffix(".html").write_bytes(page_html(read_page(self.page.read_bytes(), "demo")))

    def swap_wheel(self, data: bytes, *, told: bool) -> None:
        """Put other bytes in the place of demo 1.0, and perhaps let the page state their sum and size."""
        self.wheel.write_bytes(data)
        if told:
            self.edit(lambda file: file.update(hashes={"sha256": hashlib.sha256(data).hexdigest()}, size=len(data)))


def other_bytes(plant: Plant) -> bytes:
    return plant.wheel.read_bytes()[:-1] + b"\1"


def stale_metadata_file(plant: Plant) -> None:
    data = plant.metadata_file.read_bytes() + b"more\n"
    plant.metadata_file.write_bytes(data)
    plant.edit(lambda file: file.update({"core-metadata": {"sha256": hashlib.sha256(data).hexdigest()}}))


def disagreeing(plant: Plant) -> None:
    path = wheel(plant.mirror.parent, "2.0", "seven", tags="py2.py3-none-any")
    assert add_wheels(plant.mirror, path, publishing=Publishing(allow_mixed=True)).ok


def gpu_leak(plant: Plant) -> None:
    assert add_wheels(plant.mirror, wheel(plant.mirror.parent, "9.0+cpu", GPU)).ok


def interrupted(plant: Plant) -> None:
    place = "public/files/demo/0123456789abcdef/demo-1.5-py3-none-any.whl"
    notes = ProjectJournal(LocalStore(plant.mirror), "demo")
    notes.note([place], notes.state())
    (plant.mirror / place).parent.mkdir()
    shutil.copy(plant.wheel, plant.mirror / place)


def without_size(plant: Plant) -> None:
    document = json.loads(plant.page.read_bytes())
    del document["files"][0]["size"]
    plant.page.write_text(json.dumps(document))


def without_root(plant: Plant) -> None:
    for form in ("json", "html"):
        (plant.mirror / f"public/simple/index.{form}").unlink()


PLANTS: dict[str, tuple[Callable[[Plant], object], set[str], set[str] | None]] = {
    "nothing": (lambda plant: None, set(), set()),
    "page cut off": (lambda plant: plant.page.write_bytes(plant.page.read_bytes()[:-9]), {"page-unreadable"}, None),
    "page lost": (lambda plant: plant.page.unlink(), {"page-missing"}, None),
    "page of another project": (
        lambda plant: plant.page.write_text(plant.page.read_text().replace('"name":"demo"', '"name":"x"')),
        {"page-unreadable"},
        None,
    ),
    "edited HTML": (
        lambda plant: (html := plant.page.with_suffix(".html")).write_text(html.read_text().replace("demo-1.0", "demo-1.1")),
        {"html-differs"},
        {"html-differs"},
    ),
    "HTML lost": (lambda plant: plant.page.with_suffix(".html").unlink(), {"html-differs"}, None),
    "root without the project": (without_root, {"page-missing"}, None),
    "root cut off": (
        lambda plant: (plant.mirror / "public/simple/index.json").write_text("{"),
        {"page-unreadable", "page-unlisted"},
        None,
    ),
    "project without a page": (
        lambda plant: shutil.rmtree(plant.page.parent),
        {"page-missing"},
        {"page-missing"},
    ),
    "file lost": (lambda plant: plant.wheel.unlink(), {"file-missing"}, {"file-missing"}),
    "file damaged": (
        lambda plant: plant.swap_wheel(other_bytes(plant), told=False),
        {"file-differs", "wheel-invalid"},
        {"file-differs", "wheel-invalid"},
    ),
    "file with errors": (
        lambda plant: plant.swap_wheel(build_wheel(valid(record=b"")), told=True),
        {"wheel-invalid", "metadata-file-stale", "requires-python-differs"},
        {"wheel-invalid", "requires-python-differs", "metadata-file-stale"},
    ),
    "no size": (without_size, {"page-unreadable"}, {"size-missing"}),
    "wrong size": (lambda plant: plant.edit(lambda file: file.update(size=5)), {"size-differs"}, {"size-differs"}),
    "wrong hash": (
        lambda plant: plant.edit(lambda file: file.update(hashes={"sha256": "0" * 64})),
        {"file-differs"},
        {"file-differs"},
    ),
    "address elsewhere": (
        lambda plant: plant.edit(lambda file: file.update(url="https://example.invalid/demo-1.0-py3-none-any.whl")),
        {"file-elsewhere"},
        None,
    ),
    "address of another file": (
        lambda plant: plant.edit(lambda file: file.update(url="../../files/demo/00/demo-1.0-py3-none-any.whl")),
        {"file-elsewhere"},
        {"file-missing"},
    ),
    "metadata file lost": (lambda plant: plant.metadata_file.unlink(), {"metadata-file-missing"}, {"metadata-file-missing"}),
    "metadata file damaged": (
        lambda plant: plant.metadata_file.write_bytes(b"Name: demo\n"),
        {"metadata-file-differs", "metadata-file-stale"},
        {"metadata-file-differs", "metadata-file-stale"},
    ),
    "metadata file stale and announced": (stale_metadata_file, {"metadata-file-stale"}, {"metadata-file-stale"}),
    "metadata file not announced": (
        lambda plant: plant.edit(lambda file: file.pop("core-metadata")),
        {"metadata-file-not-announced"},
        {"metadata-file-not-announced"},
    ),
    "no upload time": (
        lambda plant: plant.edit(lambda file: file.update({"upload-time": ""})),
        {"time-missing"},
        {"page-unreadable"},
    ),
    "other Requires-Python": (
        lambda plant: plant.edit(lambda file: file.update({"requires-python": ">=3.99"})),
        {"requires-python-differs"},
        {"requires-python-differs"},
    ),
    "siblings that disagree": (disagreeing, {"release-disagrees"}, {"release-disagrees"}),
    "original not yanked": (
        lambda plant: unyank_files(plant.mirror, "demo-3.0-py3-none-any.whl"),
        {"original-not-yanked", "gpu-requirements"},
        {"original-not-yanked", "gpu-requirements"},
    ),
    "GPU requirements in a CPU release": (gpu_leak, {"gpu-requirements"}, {"gpu-requirements"}),
    "unlisted file": (lambda plant: shutil.copy(plant.wheel, plant.mirror / "public/files/demo/x.whl"), {"unlisted"}, set()),
    "file of an interrupted call": (interrupted, {"unlisted"}, set()),
    "half a file": (lambda plant: (plant.mirror / "public/simple/demo/.wheelfix-0.part").touch(), {"leftover"}, set()),
    "link out of the mirror": (
        lambda plant: (plant.mirror / "public/files/demo/out").symlink_to("/etc"),
        {"link-outside"},
        set(),
    ),
}


@pytest.mark.parametrize("name", PLANTS)
def test_planted_faults_are_found_in_the_folder(name: str, mirror: Path) -> None:
    plant, codes, _ = PLANTS[name]
    plant(Plant(mirror))
    assert {each.code for each in check_mirror(mirror).findings} == codes


@pytest.mark.parametrize("name", [name for name, (_, _, seen) in PLANTS.items() if seen is not None])
def test_planted_faults_are_seen_through_a_server(name: str, mirror: Path) -> None:
    plant, _, codes = PLANTS[name]
    plant(Plant(mirror))
    with static(mirror / "public", negotiates=True) as server:
        survey = check_index(server.index, ["demo"], download="all", requests=Requests(timeout=5))
    assert {each.code for each in survey.findings} - SERVER == codes


FIXED = {
    "edited HTML",
    "HTML lost",
    "root without the project",
    "metadata file lost",
    "metadata file damaged",
    "metadata file stale and announced",
    "metadata file not announced",
    "other Requires-Python",
    "half a file",
    "address elsewhere",
    "address of another file",
    "file of an interrupted call",
    "root cut off",
    "nothing",
}


@pytest.mark.parametrize("name", PLANTS)
def test_what_can_be_regenerated_is_and_no_wheel_goes_but_of_an_interrupted_run(name: str, mirror: Path) -> None:
    plant, codes, _ = PLANTS[name]
    plant(Plant(mirror))
    wheels = set(mirror.glob("public/files/*/*/*.whl"))
    survey = check_mirror(mirror, fix=True)
    assert (survey.findings == ()) is (name in FIXED or (not codes)), survey.findings
    gone = wheels - set(mirror.glob("public/files/*/*/*.whl"))
    assert len(gone) == (1 if name == "file of an interrupted call" else 0)


def test_the_table_reports_where_each_check_looks() -> None:
    """The rooms that look at directories, and those that look at indexes, name the codes that the table says."""
    rooms = Path(wheelfix.__file__).parent / "mirror"

    def named(*names: str) -> set[str]:
        text = "".join((rooms / f"{name}.py").read_text("utf-8") for name in names)
        return {code for code in MIRROR_CHECKS if f'"{code}"' in text}

    folder, index = (
        named(
            "check_store", "stored_wheel", "unlisted", "listing", "needs", "storage/local", "storage/objects", "storage/tree"
        ),
        named("check_url", "served_wheel", "listing", "needs"),
    )
    assert folder == {code for code, check in MIRROR_CHECKS.items() if check.seen in (Seen.BOTH, Seen.MIRROR)}
    assert index == {code for code, check in MIRROR_CHECKS.items() if check.seen in (Seen.BOTH, Seen.INDEX)}
    pair = {code for code, check in MIRROR_CHECKS.items() if check.seen is Seen.PAIR}
    assert named("against") == pair | {"page-unreadable"}
