"""What reads documents: for each input some valid ones, how one is read, and what holds of one that is accepted."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urljoin

from msgspec import Struct
from packaging.utils import canonicalize_name, is_normalized_name
from packaging.version import Version
from pypi_simple import IndexPage, ProjectPage

from hostile.documents import FORMS, Sample, samples, text_samples
from hostile.documents_trees import (
    MANIFEST,
    PAGE,
    ROOT_PAGE,
    SNAPSHOT,
    UPSTREAM,
    UPSTREAM_HTML,
    UPSTREAM_ROOT,
    lock,
    requirements,
    rules,
)
from stores import MemoryStore
from wheelfix import check_mirror
from wheelfix.locks.model import Lock
from wheelfix.locks.read import read_lock
from wheelfix.mirror.html import page_html, root_html
from wheelfix.mirror.json import page_json, read_page, read_root, root_json
from wheelfix.mirror.layout import page_key
from wheelfix.mirror.pages import Page
from wheelfix.rules.load import load_rules
from wheelfix.rules.model import RuleSet
from wheelfix.sync.manifest.model import Manifest
from wheelfix.sync.manifest.read import read_manifest
from wheelfix.sync.snapshots.snapshot import Snapshot, parse_snapshot
from wheelfix.upstream.client import HTML, JSON, ServedPage, get_page, get_projects
from wheelfix.upstream.html_links import flatten
from wheelfix.upstream.http import Answer, Session

INDEX: Final = "https://packages.example.org/simple/"


class Input(Struct, frozen=True):
    """A kind of document, in files called ``filename``: the damaged ones, how one is ``read``, and a ``look`` at the result.

    ``look`` asserts what holds of everything that is accepted; it gets what was read, and the bytes that it was read from.
    """

    filename: str
    made: Callable[[], Iterator[Sample]]
    read: Callable[[Path], Any]
    look: Callable[[Any, bytes], None]


class _Sent(Struct):
    """A session with an index that answers to everything with the same bytes."""

    body: bytes
    content_type: str

    def get(self, url: str, accept: str = "", *, largest: int = 1 << 25) -> Answer:
        """Return the answer."""
        return Answer(200, url, {"Content-Type": self.content_type, "Content-Length": "0"}, self.body)


def _page_of(content_type: str) -> Callable[[Path], ServedPage | None]:
    return lambda path: get_page(cast("Session", _Sent(path.read_bytes(), content_type)), INDEX, "demo")


def _projects_of(content_type: str) -> Callable[[Path], list[str]]:
    return lambda path: get_projects(cast("Session", _Sent(path.read_bytes(), content_type)), INDEX)


def _look_at_rules(found: RuleSet, data: bytes) -> None:
    assert found.rules or b"[[rule" not in data
    assert len({each.id for each in found.rules}) == len(found.rules)
    assert all(each.reason.strip() for each in found.rules)


def _look_at_manifest(found: Manifest, data: bytes) -> None:
    assert found.sources
    for each in found.sources:
        assert each.index.lower().startswith(("http://", "https://"))
        assert "@" not in each.index.partition("://")[2].partition("/")[0]
        assert each.projects or each.locks or found.dependencies
    assert found.store
    assert "secret" not in repr(found)
    assert all(each.keep is None or 0 < each.keep <= 1_000_000 for each in found.sources)


def _look_at_page(found: Page, data: bytes) -> None:
    """Assert that what is written again of a page lists the same files, to each reader of it."""
    raw = json.loads(data)
    names = [each["filename"] for each in raw["files"]]
    assert sorted(each.filename for each in found.files) == sorted(names)
    assert sorted(each.filename for each in found.past) == sorted(each["filename"] for each in raw.get("_wheelfix-past", []))
    written = page_json(found)
    assert read_page(written, "demo") == found
    assert {key for key in raw if not key.startswith("_")} <= set(json.loads(written))
    _look_as_clients(written, [each.filename for each in found.files])
    html = flatten(page_html(found), "utf-8")
    assert sorted(each.text for each in html.anchors) == sorted(map(str.strip, names))
    assert all(_is_on_the_web(each.attributes["href"]) for each in html.anchors)
    for file in (*found.files, *found.past):
        key = found.key(file)
        assert key is None or key.startswith("public/files/demo/")
        assert key is None or ".." not in key.split("/")


def _is_on_the_web(reference: str) -> bool:
    web = ("http://", "https://")
    return reference.startswith(web) or urljoin(INDEX, reference).startswith(
        web
    )  # which reads no bracket that is not closed


def _look_as_clients(data: bytes, names: list[str]) -> None:
    """Assert that pypi-simple reads these files of a page, or that ``mirror check`` reports what it refuses."""
    page = _read_by_clients(data)
    if page is not None:
        assert [each.filename for each in page.packages] == names
        return
    with tempfile.TemporaryDirectory() as folder:
        store = MemoryStore(Path(folder))
        store.objects.write(page_key("demo"), data)
        assert {each.code for each in check_mirror(store).findings} & {"time-missing", "status-unknown", "file-elsewhere"}


def _read_by_clients(data: bytes) -> ProjectPage | None:
    try:
        return ProjectPage.from_json_data(json.loads(data), INDEX)
    except ValueError:
        return None


def _look_at_root(found: frozenset[str], data: bytes) -> None:
    assert found == {each["name"] for each in json.loads(data)["projects"]}
    assert read_root(root_json(found)) == found
    IndexPage.from_html(root_html(found).decode())


def _look_at_snapshot(found: Snapshot, data: bytes) -> None:
    raw = json.loads(data)
    assert [each.name for each in found.projects] == [each["name"] for each in raw["projects"]]
    for project, given in zip(found.projects, raw["projects"], strict=True):
        assert is_normalized_name(project.name)
        assert [each.filename for each in project.files] == [each["filename"] for each in given["files"]]
        assert not any("/" in each.filename or "\\" in each.filename for each in project.files)


def _look_at_served(found: ServedPage | None, data: bytes) -> None:
    """Assert that a page of an index has each file that it lists, unless no file system takes its name."""
    assert found is not None
    if found.form == "json":
        raw = json.loads(data)
        names = [each["filename"] for each in raw["files"] if len(each["filename"].encode(errors="replace")) <= 246]
        assert [each.filename for each in found.page.packages] == names
    assert all(each.size is None or each.size >= 0 for each in found.page.packages)


def _look_at_projects(found: list[str], data: bytes) -> None:
    assert found or json.loads(data)["projects"] == []
    assert all(is_normalized_name(each) for each in found)


def _look_at_lock(found: Lock, data: bytes) -> None:
    assert found.kind
    for each in found.files:
        assert each.project == canonicalize_name(each.project, validate=True)
        assert str(Version(each.version)) == each.version
        assert all(len(digits) == 64 for digits in each.sha256)
        assert each.filename is None or "/" not in each.filename


def _trees(form: str, trees: Mapping[str, Any]) -> Callable[[], Iterator[Sample]]:
    def made() -> Iterator[Sample]:
        for name, tree in trees.items():
            for each in samples(FORMS[form], tree):
                yield Sample(each.kind, f"{name}:{each.place}".strip(":"), each.made)

    return made


def _lock(name: str) -> Input:
    return Input(name, _trees("toml", {name: lock(name)}), read_lock, _look_at_lock)


def _requirements(name: str) -> Input:
    return Input(name, lambda: text_samples(requirements(name).encode()), read_lock, _look_at_lock)


def _json(filename: str, tree: Any, read: Callable[[Path], Any], look: Callable[[Any, bytes], None]) -> Input:
    return Input(filename, _trees("json", {"": tree}), read, look)


INPUTS: Final[Mapping[str, Input]] = {
    "rule file": Input("rules.toml", _trees("toml", rules()), load_rules, _look_at_rules),
    "manifest": Input("mirror.toml", _trees("toml", {"": MANIFEST}), read_manifest, _look_at_manifest),
    "page of a mirror": _json("index.json", PAGE, lambda path: read_page(path.read_bytes(), "demo"), _look_at_page),
    "root page of a mirror": _json("index.json", ROOT_PAGE, lambda path: read_root(path.read_bytes()), _look_at_root),
    "lock of a mirror": _json(
        "mirror.lock", SNAPSHOT, lambda path: parse_snapshot(path.read_bytes(), path), _look_at_snapshot
    ),
    "page of an index, JSON": _json("demo", UPSTREAM, _page_of(JSON), _look_at_served),
    "page of an index, HTML": Input(
        "demo.html", lambda: text_samples(UPSTREAM_HTML.encode()), _page_of(HTML[0]), _look_at_served
    ),
    "page of an index, unknown": _json("demo", UPSTREAM, _page_of(""), _look_at_served),
    "root page of an index": _json("simple", UPSTREAM_ROOT, _projects_of(JSON), _look_at_projects),
    "uv.lock": _lock("uv.lock"),
    "pylock.toml": _lock("pylock.toml"),
    "poetry.lock": _lock("poetry.lock"),
    "pdm.lock": _lock("pdm.lock"),
    "requirements.txt": _requirements("requirements.txt"),
    "compiled.txt": _requirements("compiled.txt"),
}
