"""An index looked at from outside: what its clients would see, and who suffers from what."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import requests
from packaging.specifiers import SpecifierSet
from pypi_simple import DistributionPackage

from wheelfix.archive.source import Source
from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.escaping import shown, shown_few
from wheelfix.filename import WheelFilename
from wheelfix.metadata.document import Document
from wheelfix.metadata.editing import REQUIRES
from wheelfix.mirror.arrival import examine
from wheelfix.mirror.findings import Finding, Survey
from wheelfix.mirror.index import HTML, JSON, Answer, ask_page, ask_projects
from wheelfix.mirror.siblings import Needs, Sibling, compare_siblings, needs_by_metadata, read_needs
from wheelfix.mirror.web import Web, check_url
from wheelfix.wheel import Wheel

_MOST_PROJECTS: Final = 500
_LONGEST_FRESH: Final = 3600
_OK: Final = 200
_LARGEST_SIDECAR: Final = 1 << 23
_LARGEST_WHEEL: Final = 1 << 36


def survey_url(
    web: Web,
    index: str,
    projects: Sequence[str] = (),
    *,
    download: str = "some",
    on_project: Callable[[str], None] | None = None,
) -> Survey:
    """Return what is wrong with ``projects`` of an index, all of them if none is named, as clients see it.

    ``download`` tells which wheels are loaded whole to compare their sha256: none, some (the smallest one of each project)
    or all. Of the others only METADATA is read, by ranges where the server gives them.

    :raises MirrorError: if the index does not answer, has more than 500 projects and none is named, or a bound is reached.
    """
    check_url(index)
    names = list(projects) or ask_projects(web, index)
    if not projects and len(names) > _MOST_PROJECTS:
        raise MirrorError(
            "too-many-projects", f"the index lists {len(names)} projects", hint="Name those that are to be looked at."
        )
    findings: list[Finding] = []
    files = 0
    for project in names:
        probe = _Probe(web, index, project, download)
        findings += probe.run()
        files += probe.files
        if on_project:
            on_project(project)
    return Survey.of(findings, len(names), files)


class _Probe:
    """One project of an index."""

    def __init__(self, web: Web, index: str, project: str, download: str) -> None:
        self._web = web
        self._index = index
        self._project = project
        self._download = download
        self._siblings: list[Sibling] = []
        self._needs: dict[str, Needs] = {}
        self._ranges = True
        self.files = 0

    def run(self) -> Iterator[Finding]:
        forms: dict[str, Answer] = {}
        unreadable = False
        for accept in (JSON, "text/html"):
            try:
                answer = ask_page(self._web, self._index, self._project, accept)
            except MirrorError as error:
                if error.code in ("out-of-bounds", "no-answer"):
                    raise
                yield Finding("page-unreadable", self._project, error.message)
                unreadable = True
                continue
            if answer is None:
                yield Finding("page-missing", self._project, "the index answers 404")
                return
            forms.setdefault(answer.form, answer)
        if "json" not in forms and "html" in forms and not unreadable:
            answer = forms["html"]
            yield Finding("json-not-offered", answer.url, f"it answers {answer.content_type} to who asks for JSON")
        yield from self._look_at_forms(forms)
        main = forms.get("json") or forms.get("html")
        if main is None:
            return
        wheels = main.wheels
        self.files = len(wheels)
        smallest = min(wheels, key=lambda each: each.size or 0, default=None)
        for each in wheels:
            whole = self._download == "all" or (self._download == "some" and each is smallest)
            yield from self._look_at(each, main, whole=whole)
        yield from self._look_at_releases(main)

    def _look_at_forms(self, forms: dict[str, Answer]) -> Iterator[Finding]:
        json, html = forms.get("json"), forms.get("html")
        for answer in forms.values():
            right = {"json": (JSON,), "html": HTML}[answer.form]
            if answer.content_type not in right:
                message = f"its Content-Type is {shown(answer.content_type) or 'missing'}, not {right[0]}"
                yield Finding("content-type-wrong", answer.url, message)
            yield from _look_at_cache(answer)
        if json is not None and html is not None:
            one, two = (_by_name(answer) for answer in (json, html))
            differing = sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))
            if differing:
                yield Finding("html-differs", html.url, f"JSON says otherwise of {shown_few(differing)}")

    def _look_at(self, file: DistributionPackage, answer: Answer, *, whole: bool) -> Iterator[Finding]:
        place = f"{self._project}: {shown(file.filename)}"
        if "sha256" not in file.digests:
            yield Finding("hash-missing", place, "the page has no sha256 of it")
        if file.size is None and answer.form == "json":
            yield Finding("size-missing", place, "the page does not say its size")
        if file.upload_time is None and answer.form == "json":
            yield Finding("time-missing", place, "the page does not say when it was uploaded")
        if "+" in file.url.partition("#")[0]:
            yield Finding("plus-in-address", place, "its address has a + that is not written %2B")
        try:
            head = self._web.ask("HEAD", file.url, {"Accept-Encoding": "identity"})
            if head.status_code != _OK:
                yield Finding("file-missing", place, f"its address answers {head.status_code}")
                return
            yield from self._look_at_size(file, head, place)
            sidecar, found = self._read_sidecar(file, place)
            yield from found
            metadata, said = self._load(file, place, _length(head)) if whole else self._read_by_ranges(file, place)
            yield from said
            yield from self._compare(file, place, sidecar, metadata)
        except MirrorError as error:
            if error.code in ("out-of-bounds", "no-answer"):
                raise
            yield Finding("wheel-faulty", place, error.message)

    def _look_at_size(self, file: DistributionPackage, head: requests.Response, place: str) -> Iterator[Finding]:
        length = _length(head)
        if length and file.size is not None and length != file.size:
            yield Finding("size-differs", place, f"it has {length} bytes, the page says {file.size}")

    def _read_sidecar(self, file: DistributionPackage, place: str) -> tuple[bytes | None, list[Finding]]:
        if not file.has_metadata:
            return None, [Finding("sidecar-not-announced", place, "the page announces no sidecar")]
        answer, body = self._web.get(file.metadata_url, largest=_LARGEST_SIDECAR)
        if answer.status_code != _OK:
            return None, [Finding("sidecar-missing", place, f"its sidecar answers {answer.status_code}")]
        said = (file.metadata_digests or {}).get("sha256")
        if said is not None and hashlib.sha256(body).hexdigest() != said:
            return body, [Finding("sidecar-differs", place, "the sha256 of its sidecar is not what the page says")]
        return body, []

    def _read_by_ranges(self, file: DistributionPackage, place: str) -> tuple[bytes | None, list[Finding]]:
        metadata = self._web.metadata_of(file.url) if self._ranges else None
        if metadata is not None or not self._ranges:
            return metadata, []
        self._ranges = False  # once is enough for one server
        return None, [Finding("ranges-missing", place, "the server gives no parts of files")]

    def _load(self, file: DistributionPackage, place: str, length: int) -> tuple[bytes | None, list[Finding]]:
        """Load a wheel whole, of ``length`` bytes as the server says, and verify it; return its METADATA."""
        try:
            WheelFilename.parse(file.filename)
        except WheelfixError as error:
            return None, [Finding("wheel-faulty", place, error.message)]
        with tempfile.TemporaryDirectory(prefix="wheelfix-") as folder:
            path = Path(folder, Path(file.filename).name)
            digest = self._web.save(file.url, path, largest=max(file.size or 0, length) or _LARGEST_WHEEL)
            said = file.digests.get("sha256", digest)
            found = (
                [] if digest == said else [Finding("file-differs", place, f"its sha256 is {digest}, the page says {said}")]
            )
            try:
                with Source(path) as source:
                    arrival = examine(path, source, sha256=digest, now=lambda: datetime.now(UTC), leniently=True)  # noqa: TID251 - unused
                    if not arrival.errors:
                        with Wheel(path, source=source) as wheel:
                            self._needs[file.filename] = read_needs(wheel)
            except WheelfixError as error:
                return None, [*found, Finding("wheel-faulty", place, error.message)]
        if arrival.errors:
            found.append(Finding("wheel-faulty", place, shown_few(arrival.errors)))
        return arrival.metadata, found

    def _compare(
        self, file: DistributionPackage, place: str, sidecar: bytes | None, metadata: bytes | None
    ) -> Iterator[Finding]:
        if sidecar is not None and metadata is not None and sidecar != metadata:
            yield Finding("sidecar-stale", place, "its sidecar is not the METADATA of the wheel")
        data = sidecar if sidecar is not None else metadata
        if data is None:
            return
        try:
            document = Document.parse_leniently(metadata if metadata is not None else data)
            served = Document.parse_leniently(data)
            needs = self._needs.get(file.filename) or needs_by_metadata(WheelFilename.parse(file.filename), served)
        except WheelfixError as error:
            yield Finding("wheel-faulty", place, error.message)
            return
        said = document.first("Requires-Python")
        if not _same_specifier(said, file.requires_python):
            message = f"the wheel says {shown(said or 'nothing')}, the page {shown(file.requires_python or 'nothing')}"
            yield Finding("requires-python-differs", place, message)
        if not file.is_yanked:
            requires = [field.value.strip() for field in served.all(REQUIRES)]
            self._siblings.append(Sibling(file.filename, requires, needs))

    def _look_at_releases(self, answer: Answer) -> Iterator[Finding]:
        yield from compare_siblings(self._project, self._siblings)
        originals = {
            (str(origin.get("filename")), str(origin.get("sha256")))
            for each in (answer.raw or {}).get("files", ())
            if isinstance(origin := (each.get("_wheelfix") or {}).get("original"), dict)
        }
        for each in answer.wheels:
            if not each.is_yanked and (each.filename, each.digests.get("sha256", "")) in originals:
                message = "a corrected wheel that was made from it is listed too"
                yield Finding("original-not-yanked", f"{self._project}: {shown(each.filename)}", message)


def _length(head: requests.Response) -> int:
    """Return how many bytes a server says that a file has, 0 where it does not say."""
    said = head.headers.get("Content-Length", "")
    return int(said) if said.isascii() and said.isdigit() else 0


def _same_specifier(one: str | None, two: str | None) -> bool:
    """Whether two values of Requires-Python say the same; their parts may stand in another order."""
    try:
        return SpecifierSet(one or "") == SpecifierSet(two or "")
    except ValueError:  # InvalidSpecifier is one
        return one == two


def _by_name(answer: Answer) -> dict[str, tuple[object, ...]]:
    return {
        each.filename: (each.digests.get("sha256"), each.is_yanked, each.requires_python, bool(each.has_metadata))
        for each in answer.page.packages
    }


def _look_at_cache(answer: Answer) -> Iterator[Finding]:
    said = {part.strip().partition("=")[0].lower(): part.partition("=")[2] for part in answer.cache_control.split(",")}
    age = said.get("max-age", "")
    if not answer.cache_control:
        yield Finding("cache-unset", answer.url, "it has no Cache-Control")
    elif "immutable" in said or (age.isdigit() and int(age) > _LONGEST_FRESH):
        yield Finding("cache-too-long", answer.url, f"its Cache-Control is {shown(answer.cache_control)}")
