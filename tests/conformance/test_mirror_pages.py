"""Pages as other people's readers take them: pypi-simple, and pip's own collector."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.version import Version
from pypi_simple import IndexPage, ProjectPage

from building import write_wheel
from defects import metadata, valid
from wheelfix import fix_wheels
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import yank_files
from wheelfix.options import Naming, Policy, Publishing

NASTY = 'it\'s <b>"gone"</b> & \u00fcber'
BASE = "https://wheels.example.org/simple/demo/"


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a local label, a corrected wheel and its original, and one that is yanked with markup in the reason."""
    folder = tmp_path_factory.mktemp("wheels")
    paths = []
    for version in ("1.0", "2.0+cpu", "3.0"):
        head = ("Metadata-Version: 2.1", "Name: demo", f"Version: {version}", "Summary: A wheel for tests")
        needs = ["Requires-Dist: nvidia-cudnn-cu12==9.5.1.17"] if version == "3.0" else []
        data = metadata(*needs, "Requires-Python: >=3.8,<4", head=head, rest=("Description-Content-Type: text/plain",))
        paths.append(write_wheel(folder, valid(version=version, metadata=data)))
    fixed = (
        fix_wheels(paths[2], output=folder / "fixed", policy=Policy(allow_unproven=True), naming=Naming(build_tag="1nogpu"))
        .outcomes[0]
        .output
    )
    assert fixed is not None
    assert add_wheels(folder / "mirror", [*paths[:2], fixed], publishing=Publishing(yank_original=NASTY), originals=paths).ok
    yank_files(folder / "mirror", "demo==1.0", NASTY)
    return folder / "mirror"


def read(page: ProjectPage) -> dict[str, tuple[Any, ...]]:
    return {
        each.filename: (each.url, each.digests, each.requires_python, each.is_yanked, each.yanked_reason, each.has_metadata,
                        each.metadata_digests)
        for each in page.packages
    }  # fmt: skip


def test_pypi_simple_reads_the_same_in_both_forms(mirror: Path) -> None:
    folder = mirror / "public/simple" / "demo"
    one = ProjectPage.from_json_data(json.loads((folder / "index.json").read_bytes()), BASE)
    two = ProjectPage.from_html("demo", (folder / "index.html").read_bytes(), BASE)
    assert len(one.packages) == 4
    assert read(one) == read(two)
    assert one.repository_version == two.repository_version == "1.4"
    assert one.versions == ["1.0", "2.0+cpu", "3.0"]
    assert all(each.size and each.upload_time and each.version for each in one.packages)
    assert {each.yanked_reason for each in one.packages if each.is_yanked} == {NASTY}
    root = mirror / "public/simple"
    assert IndexPage.from_json_data(json.loads((root / "index.json").read_bytes())).projects == ["demo"]
    assert IndexPage.from_html((root / "index.html").read_bytes()).projects == ["demo"]


@pytest.mark.parametrize("form", ["json", "html"])
def test_pip_takes_every_link(form: str, mirror: Path) -> None:
    """By the code with which pip collects links; it is not a public interface."""
    collector = pytest.importorskip("pip._internal.index.collector")
    types = {"json": "application/vnd.pypi.simple.v1+json", "html": "text/html"}
    content = (mirror / f"public/simple/demo/index.{form}").read_bytes()
    page = SimpleNamespace(content=content, content_type=types[form], encoding=None, url=BASE, cache_link_parsing=False)
    parse = getattr(collector.parse_links, "__wrapped__", collector.parse_links)
    links = list(parse(page))
    assert len(links) == 4
    tails = ("1.0", "2.0+cpu", "3.0", "3.0-1nogpu")
    assert {link.filename for link in links} == {f"demo-{tail}-py3-none-any.whl" for tail in tails}
    assert {link.yanked_reason for link in links} == {None, NASTY}
    assert all(link.requires_python == ">=3.8,<4" and link.hash_name == "sha256" for link in links)
    assert all(link.metadata_link() is not None for link in links)
    assert all(Version(link.filename.split("-")[1]) for link in links)
