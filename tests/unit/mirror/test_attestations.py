"""Attestations (PEP 740) say who published these very bytes: what wheelfix writes never carries those of an original."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from building import WheelSpec
from running import wheelfix
from upstreams import Upstream, pypi
from wheelfix.mirror.yank import list_pages

RULES = """schema = 1
[[rule]]
id = "one-line"
reason = "a test"
when = { project = "demo" }
action = { add = "six" }
"""
MANIFEST = """schema = 1
[mirror]
store = "mirror"
rules = ["rules.toml"]
[[source]]
name = "main"
index = "{index}"
projects = ["demo", "other"]
"""
WHEELS = [WheelSpec(project=project, requires=(), tags="py3-none-any") for project in ("demo", "other")]
MARKS = (b"attestation", b"integrity", b"sigstore")
"""What stands in the URLs, names and contents of everything that attests the originals, and nowhere else."""


@pytest.fixture
def index() -> Iterator[Upstream]:
    """Two projects, whose page names the attestations of each wheel."""
    with pypi() as upstream:
        for spec in WHEELS:
            upstream.add(spec, provenance=f"https://example.invalid/integrity/{spec.filename}/provenance")
        yield upstream


@pytest.fixture(autouse=True)
def place(tmp_path: Path, index: Upstream, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: rules that correct one wheel, a manifest, and dist/ with attestations beside the wheels."""
    (tmp_path / "rules.toml").write_text(RULES)
    (tmp_path / "mirror.toml").write_text(MANIFEST.format(index=index.index))
    (tmp_path / "dist").mkdir()
    for each in WHEELS:
        path = tmp_path / "dist" / each.filename
        path.write_bytes(index.projects[each.project][each.filename].data)
        for ending in ("publish.attestation", "provenance", "sigstore.json"):
            path.with_name(f"{path.name}.{ending}").write_text('{"attestations": ["sigstore"]}')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: object) -> None:
    ran = wheelfix(*arguments)
    assert ran.code == 0, ran.err


def add(index: Upstream) -> None:
    run("fix", "--rules", "rules.toml", "-o", "fixed", *sorted(Path("dist").iterdir()))
    assert sorted(each.suffix for each in Path("fixed").iterdir()) == [".whl", ".whl"]
    run("mirror", "add", "mirror", *sorted(Path("fixed").iterdir()), *sorted(Path("dist").glob("*.whl.*")))


def add_from_index(index: Upstream) -> None:
    run("mirror", "add", "mirror", "--rules", "rules.toml", "--from-index", index.index, "demo", "other")


def publish(index: Upstream) -> None:
    run("fix", "--rules", "rules.toml", "--publish", "mirror", *sorted(Path("dist").iterdir()))


def sync(index: Upstream) -> None:
    run("mirror", "sync", "mirror.toml")


def export_and_import(index: Upstream) -> None:
    sync(index)
    Path("mirror").rename("first")
    run("mirror", "export", "first", "-o", "all.tar", "--lock", "last.lock")
    assert not marks_in({"all.tar": Path("all.tar").read_bytes(), "last.lock": Path("last.lock").read_bytes()})
    run("mirror", "import", "mirror", "all.tar")


def marks_in(files: Mapping[str, bytes]) -> list[str]:
    """Return the files in whose name or content something attests an original."""
    return [name for name, data in files.items() if any(mark in name.encode() + data for mark in MARKS)]


def written() -> dict[str, bytes]:
    """Return everything that the mirror serves, by name; its scratch directory may hold pages of the index as they came."""
    return {str(path): path.read_bytes() for path in Path("mirror/public").rglob("*") if path.is_file()}


WAYS = (add, add_from_index, publish, sync, export_and_import)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_none_reaches_a_mirror(way: Callable[[Upstream], None], index: Upstream, place: Path) -> None:
    """Not for the corrected wheel, for which it would be wrong, and not for the unchanged one, which has it at its index."""
    assert len(marks_in({str(path): path.read_bytes() for path in Path("dist").iterdir()})) == 6
    way(index)
    [demo], [other] = (page.files for page in list_pages(Path("mirror")))
    assert (demo.origin is not None, other.origin is None) == (True, True)
    assert marks_in(written()) == []
    assert (place / "mirror/public/simple/demo/index.html").is_file()


def test_one_on_a_page_of_the_mirror_goes_with_the_file_that_it_is_of() -> None:
    """Somebody lists the original with its attestations: they stay while the same bytes do, and end with them."""
    run("mirror", "add", "mirror", *sorted(Path("dist").glob("demo*.whl")))
    path = Path("mirror/public/simple/demo/index.json")
    page = json.loads(path.read_bytes())
    page["files"][0]["provenance"] = "https://example.invalid/integrity/demo"
    path.write_text(json.dumps(page))
    run("mirror", "add", "mirror", *sorted(Path("dist").glob("demo*.whl")))
    run("mirror", "check", "--fix", "mirror")
    assert "provenance" in json.loads(path.read_bytes())["files"][0]
    run("fix", "--rules", "rules.toml", "--publish", "mirror", "--replace", *sorted(Path("dist").glob("demo*.whl")))
    [file] = json.loads(path.read_bytes())["files"]
    assert "_wheelfix" in file
    assert "provenance" not in file
