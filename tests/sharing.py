"""A mirror in memory that several processes write to: what a client finds there, and a process that acts in between."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from building import Entry, write_wheel
from defects import metadata, valid
from stores import MemoryStore, Objects
from wheelfix.mirror.html import page_html, root_html
from wheelfix.mirror.json import read_root
from wheelfix.mirror.layout import HTML, METADATA, ROOT_HTML, ROOT_PAGE, SIMPLE, page_key
from wheelfix.mirror.repository import load_page, load_root
from wheelfix.mirror.storage.base import Store
from wheelfix.results import PublishReport

INDEX: Final = "https://example.org/simple/"


def wheel(folder: Path, version: str = "1.0", body: str = "", needs: str = "six", project: str = "demo") -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    head = ("Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}", "Summary: A wheel for tests")
    data = metadata(f"Requires-Dist: {needs}", head=head, rest=("Description-Content-Type: text/plain",))
    files = (Entry(f"{project}/__init__.py", body.encode()), Entry(f"{project}/version.py", b"cuda = None\n"))
    return write_wheel(folder, valid(project=project, version=version, metadata=data, files=files))


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def other(store: MemoryStore) -> MemoryStore:
    """Return the same mirror, as another process opened it."""
    return MemoryStore(store._scratch, store.objects, generations=store._generations, deletes_if=store._deletes_if)


def statuses(report: PublishReport) -> dict[str, str]:
    return {str(each.filename): each.problem.code if each.problem else each.status.value for each in report.files}


def misled(objects: Objects) -> list[str]:
    """Return what a client would be led to and not find."""
    wrong = []
    for key, blob in objects.items():
        if key.startswith(f"{SIMPLE}/") and key.endswith("/index.json") and key != ROOT_PAGE:
            document = json.loads(blob.data)
            for file in (*document["files"], *document.get("_wheelfix-past", ())):
                name = "public/" + file["url"].removeprefix("../../").replace("%2B", "+")
                there = objects.get(name)
                if there is None or hashlib.sha256(there.data).hexdigest() != file["hashes"]["sha256"]:
                    wrong.append(name)
                there = objects.get(name + METADATA)
                if there is None or hashlib.sha256(there.data).hexdigest() != file["core-metadata"]["sha256"]:
                    wrong.append(name + METADATA)
    root = objects.get(ROOT_PAGE)
    listed = read_root(root.data) if root else frozenset()
    return wrong + [project for project in listed if page_key(project) not in objects]


def disagreeing(objects: Objects, tmp_path: Path) -> list[str]:
    """Return the pages that do not follow from the JSON pages."""
    store, wrong = MemoryStore(tmp_path, objects), []
    projects = {key.split("/")[2] for key in objects if key.startswith(f"{SIMPLE}/") and key.count("/") == 3}
    pages = [load_page(store, each) for each in sorted(projects)]
    for page in pages:
        html = objects.get(page_key(page.project, HTML))
        if (html.data if html else page_html(page)) != page_html(page):
            wrong.append(page.project)
    full = frozenset(page.project for page in pages if page.files or page.past)
    if full != load_root(store):
        wrong.append(ROOT_PAGE)
    if ROOT_PAGE in objects and (ROOT_HTML not in objects or objects[ROOT_HTML].data != root_html(full)):
        wrong.append(ROOT_HTML)
    return wrong


def files_of(store: Store, project: str = "demo") -> list[str]:
    return [each.filename for each in load_page(store, project).files]


def names(*versions: str, project: str = "demo") -> list[str]:
    return [f"{project}-{version}-py3-none-any.whl" for version in versions]


def once(store: MemoryStore, operation: str, key: str, act: Callable[[], object]) -> None:
    """Let another process ``act`` before the first ``operation`` on ``key``."""
    done = False

    def before(name: str, at: str) -> None:
        nonlocal done
        if not done and (name, at) == (operation, key):
            done = True
            act()

    store.before = before


def outcome(objects: Objects) -> dict[str, Any]:
    """Return what the pages list, without times."""
    pages: dict[str, Any] = {}
    for key, blob in objects.items():
        if key.startswith(f"{SIMPLE}/") and key.endswith("index.json"):
            document = json.loads(blob.data)
            for file in (*document.get("files", ()), *document.get("_wheelfix-past", ())):
                for name in file:
                    if "time" in name or "added" in name:
                        file[name] = ""
            document.get("_wheelfix-past", []).sort(key=lambda file: file["filename"])  # else as they were replaced
            if document.get("files", True):
                pages[key] = document
    return pages
