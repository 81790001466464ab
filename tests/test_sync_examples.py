"""The examples of mirrors that follow a manifest: each runs against indexes on this machine, and once more for nothing."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from building import WheelSpec
from places import ROOT
from running import wheelfix
from upstreams import Upstream, add_family, pypi, pytorch
from wheelfix import check_mirror, list_pages

EXAMPLES = ROOT / "examples"
_INDEXES = ("https://download.pytorch.org/whl/cpu/", "https://pypi.org/simple/")


def example(name: str, directory: Path, index: str) -> Path:
    """Copy an example into ``directory``, with another ``index``; return its manifest."""
    shutil.copytree(EXAMPLES / name, directory / name)
    manifest = directory / name / "mirror.toml"
    text = manifest.read_text("utf-8")
    assert any(each in text for each in _INDEXES)
    for each in _INDEXES:
        text = text.replace(each, index)
    manifest.write_text(text, encoding="utf-8")
    return manifest


@pytest.fixture
def index() -> Iterator[Upstream]:
    with pypi() as found:
        for version in ("1.0", "1.1"):
            found.add(WheelSpec(project="demo", version=version, requires=()))
        found.add(WheelSpec(project="other", version="2.0", requires=()))
        yield found


@pytest.mark.slow
def test_pytorch_cpu(tmp_path: Path) -> None:
    with pytorch() as index:
        add_family(index, "2.9.0", "2.9.1", pythons=("cp311", "cp312"))
        manifest = example("pytorch-cpu", tmp_path, index.index)
        text = manifest.read_text("utf-8")
        text, count = re.subn("^min-age = .*\n", "", text, flags=re.MULTILINE)  # each file is new today
        assert count == 1
        manifest.write_text(text, encoding="utf-8")
        ran = wheelfix("mirror", "sync", manifest)
        assert ran.code == 0, ran.err
        mirror = manifest.parent / "mirror"
        pages = {page.project: page for page in list_pages(mirror)}
        assert {name: page.versions for name, page in pages.items()}["torch"] == ("2.9.0", "2.9.1")
        assert set(pages) >= {"torch", "torchvision"}
        names = [each.filename for page in pages.values() for each in page.files]
        assert not [each for each in names if "+" in each or "win_amd64" in each]
        metadata = b"".join(path.read_bytes() for path in mirror.rglob("*.metadata"))
        assert b"nvidia" not in metadata
        assert b"triton" not in metadata
        again = wheelfix("mirror", "sync", manifest)
        assert (again.code, again.out) == (0, ""), again.err
        assert not [each for each in check_mirror(mirror).findings if each.severity == "error"]


def test_locked_app(index: Upstream, tmp_path: Path) -> None:
    manifest = example("locked-app", tmp_path, index.index)
    file = index.file("demo-1.0-py3-none-any.whl")
    sha256 = hashlib.sha256(file.data).hexdigest()
    (manifest.parent / "pylock.toml").write_text(f"""
lock-version = "1.0"
created-by = "test"

[[packages]]
name = "demo"
version = "1.0"
index = "{index.index}"
wheels = [{{ name = "{file.name}", url = "{index.files_url}/{sha256[:8]}/{file.name}", hashes = {{ sha256 = "{sha256}" }} }}]
""")
    ran = wheelfix("mirror", "sync", manifest)
    assert ran.code == 0, ran.err
    [page] = list_pages(manifest.parent / "mirror")
    assert [each.sha256 for each in page.files] == [sha256]
    again = wheelfix("mirror", "sync", manifest)
    assert (again.code, again.out) == (0, ""), again.err


def _run(name: str, *words: object, directory: Path) -> subprocess.CompletedProcess[str]:
    caller = directory / "wheelfix"
    caller.write_text(f'#!/bin/sh\nexec {sys.executable} -m wheelfix "$@"\n')
    caller.chmod(0o755)
    script = EXAMPLES / "air-gapped" / name
    command = ["sh", str(script), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "WHEELFIX": str(caller)})


@pytest.mark.slow
def test_air_gapped(index: Upstream, tmp_path: Path) -> None:
    (tmp_path / "mirror.toml").write_text(f"""
schema = 1
[mirror]
store = "outside"
rules = []
[[source]]
name = "here"
index = "{index.index}"
projects = ["demo", "other"]
""")
    outside = (tmp_path / "mirror.toml", tmp_path / "outside", tmp_path / "outgoing")

    def carried() -> list[str]:
        """Run the outer side, carry over what is new and run the inner side; return the names of the new bundles."""
        ran = _run("outside.sh", *outside, directory=tmp_path)
        assert ran.returncode == 0, ran.stderr
        names = [each.name for each in (tmp_path / "outgoing").glob("*.tar")]
        (tmp_path / "incoming").mkdir(exist_ok=True)
        for each in names:
            shutil.move(tmp_path / "outgoing" / each, tmp_path / "incoming" / each)
        ran = _run("inside.sh", tmp_path / "inside", tmp_path / "incoming", directory=tmp_path)
        assert ran.returncode == 0, ran.stderr
        assert [each.name for each in (tmp_path / "incoming").glob("*.tar")] == []
        return names

    def served(mirror: str) -> dict[str, tuple[str, bool]]:
        pages = list_pages(tmp_path / mirror)
        return {each.filename: (each.sha256, each.yanked is None) for page in pages for each in page.files}

    assert len(carried()) == 1
    assert served("inside") == served("outside")
    assert carried() == []
    index.add(WheelSpec(project="demo", version="1.2", requires=()))
    index.yank("demo-1.0-py3-none-any.whl", "broken")
    assert len(carried()) == 1
    assert served("inside") == served("outside")
    assert served("inside")["demo-1.0-py3-none-any.whl"][1] is False
    assert len(served("inside")) == 4


def test_scripts_without_words_say_how_they_are_used(tmp_path: Path) -> None:
    for name in ("outside.sh", "inside.sh"):
        ran = _run(name, directory=tmp_path)
        assert (ran.returncode, ran.stderr.startswith("usage: ")) == (2, True)
