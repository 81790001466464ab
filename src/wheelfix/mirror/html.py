"""Pages as HTML, generated from the data of the JSON pages. Nothing here reads or writes a page.

For clients they follow PEP 503, 592, 629, 658, 714 and 792, and have the attributes that uv reads besides. Every client, and
every tool that reads such pages, takes each ``<a>`` for a file or a project: so there is exactly one for each, and what else
leads somewhere is a ``<span data-go>``, of which the script of the page makes a link.
"""

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace
from packaging.utils import canonicalize_name, is_normalized_name

from wheelfix.html.components import badge, fold, items
from wheelfix.html.document import BASE, document, meta
from wheelfix.html.markup import Html, element, escaped, is_web_url, joined, readable
from wheelfix.mirror.json import API_VERSION
from wheelfix.mirror.pages import NO_VERSION, Correction, ListedChange, ListedFile, Origin, Page
from wheelfix.results import Verdict
from wheelfix.text import counted, shown_few, shown_size

if TYPE_CHECKING:
    from packaging.version import Version

_STYLES: Final = (BASE, "mirror.css")
_SCRIPTS: Final = ("mirror.js",)
_INDEX: Final = Html('<span class="index">https://MIRROR/simple/</span>')
"""Where the script writes the URL of the index; a page is the same wherever it is served."""
_PROJECT: Final = "{project}"
_COMMANDS: Final = {
    "pip": "pip install --index-url {index}{ --trusted-host HOST} {project}",
    "uv": "uv add --default-index {index} {project}",
    "Poetry": "poetry source add --priority=primary mirror {index} && poetry add {project}",
    "PDM": "pdm config --local pypi.url {index} && {pdm config --local pypi.verify_ssl false && }pdm add {project}",
}
"""How each client installs a project with this index in place of PyPI, which could offer the originals of corrected files.

What is in braces and has a capital word is for an index that is served over http by another machine: see the script.
"""
_SETTINGS: Final = {
    "pip": ("pip.conf", "[global]\nindex-url = {index}{\ntrusted-host = HOST}"),
    "uv": ("pyproject.toml", '[[tool.uv.index]]\nurl = "{index}"\ndefault = true'),
    "Poetry": ("pyproject.toml", '[[tool.poetry.source]]\nname = "mirror"\nurl = "{index}"\npriority = "primary"'),
    "PDM": ("pyproject.toml", '[[tool.pdm.source]]\nname = "pypi"\nurl = "{index}"{\nverify_ssl = false}'),
}
"""The same as settings: the file, and what it contains."""
_ALONE: Final = (
    "Each command uses this index in place of PyPI, so the dependencies must be here as well. "
    "Other indexes that you have configured, such as an extra-index-url, are still used."
)
_IF_HTTP: Final = re.compile(r"\{([^{}]*(?:HOST|false)[^{}]*)\}")
_GOOD: Final = "good"
_VERDICTS: Final = {Verdict.SAFE: _GOOD, Verdict.UNPROVEN: "warning", Verdict.UNSAFE: "error"}
_CLAIM: Final = "This is what the file says of itself. wheelfix has not checked it."
_MOST_INDEXES: Final = 10
_MOST_EVIDENCE: Final = 10
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])-([0-3]\d)T")
_DOT: Final = " \u00b7 "


def page_html(page: Page) -> bytes:
    """Return the HTML page: a link for each file, the newest version first, and what people want to know of them."""
    status = page.other.get("project-status")
    head = element(
        "header",
        element("p", _leads("../", "All projects")),
        element("h1", page.project),
        element("p", _totals(page.files), class_="soft"),
        _indexes(page.files),
        _status_note(status),
    )
    body = (head, _install(page), _files(page), _footer())
    return _document(page.project, "../", body, _status_metas(status))


def root_html(projects: Iterable[str]) -> bytes:
    """Return the HTML page that lists all projects: of them it knows the names, as the JSON page does."""
    names = [escaped(name) for name in sorted(projects)]
    links = Html("".join(f'<li><a href="{name}/">{name}</a></li>\n' for name in names))
    head = element("header", element("h1", "Package index"), element("p", counted(len(names), "project"), class_="soft"))
    listed = element("ul", links, class_="plain projects", role="list", id="list")
    body = (head, _settings(), *((_filter("Filter projects", Html("")), listed) if names else ()), _footer())
    return _document("Package index", "./", body)


def _document(title: str, index: str, parts: Sequence[Html], metas: Html = Html("")) -> bytes:  # noqa: B008 - it cannot change
    """Return a page; ``index`` leads to the index, relative to it."""
    version = meta("pypi:repository-version", API_VERSION)
    body = element("main", *parts, data_index=index)
    return document(title, body, styles=_STYLES, scripts=_SCRIPTS, metas=Html(version + metas)).encode()


def _leads(target: str, *content: str) -> Html:
    """Return what leads to a ``target`` that is neither a file nor a project."""
    return element("span", *content, data_go=target)


def _footer() -> Html:
    return element("footer", "Written by wheelfix; ", _leads("index.json", "the same as JSON"), ".")


def _status_metas(status: object) -> Html:
    """Return the meta tags for the status of a project (PEP 792)."""
    names = {"pypi:project-status": "status", "pypi:project-status-reason": "reason"}
    given = _strings(status)
    return Html("".join(meta(name, given[key]) for name, key in names.items() if key in given))


def _strings(status: object) -> dict[str, str]:
    known = status if isinstance(status, Mapping) else {}
    return {key: value for key in ("status", "reason") if isinstance(value := known.get(key), str)}


def _status_note(status: object) -> Html:
    """Return the status of a project for people, nothing for an active one."""
    given = _strings(status)
    if given.get("status", "active") == "active":
        return Html("")
    reason = given.get("reason")
    return element("p", badge(given["status"], "warning"), f" {reason}" if reason else "", class_="status")


def _totals(files: Sequence[ListedFile]) -> str:
    versions = len({each.release for each in files})
    size = shown_size(sum(each.size for each in files))
    words = [f"{counted(len(files), 'file')} of {counted(versions, 'version')}, {size}"]
    counts = {
        "corrected": sum(_is_fixed_here(each) for each in files),
        "with provenance": sum(each.origin is not None and not each.origin.fixed_here for each in files),
        "yanked": sum(each.yanked is not None for each in files),
    }
    return "; ".join([*words, *(f"{count} {kind}" for kind, count in counts.items() if count)])


def _is_fixed_here(file: ListedFile) -> bool:
    """Whether wheelfix knows what was corrected, and why, as it did that itself; of other files their provenance says it."""
    return file.origin is not None and file.origin.fixed_here


def _indexes(files: Sequence[ListedFile]) -> Html:
    """Return which other indexes the files came from."""
    found = list(dict.fromkeys(each.upstream for each in files if each.upstream))
    shown = [_leads(url, url) if is_web_url(url) else url for url in found[:_MOST_INDEXES]]
    more = [f"{len(found) - _MOST_INDEXES} more"] if len(found) > _MOST_INDEXES else []
    return element("p", "Copied from ", joined([*shown, *more], ", "), class_="soft") if found else Html("")


# What to type, and what to write into a file.


def _install(page: Page) -> Html:
    """Return how to install the project, or why clients do not."""
    if _strings(page.other.get("project-status")).get("status") == "quarantined":
        return element("p", "The project is quarantined: clients must not install it.")
    if page.files and all(each.yanked is not None for each in page.files):
        return element("p", "All files are yanked: clients install one only if its exact version is required.")
    return _commands(page.project) if page.files else Html("")


def _commands(project: str) -> Html:
    return Html(_any_commands().replace(_PROJECT, escaped(project)))


@lru_cache
def _any_commands() -> Html:
    """Return the commands for any project: a run writes hundreds of pages."""
    rows = ((client, f"command for {client}", _filled(text)) for client, text in _COMMANDS.items())
    note = element("p", _ALONE, class_="soft")
    return element("section", element("h2", "Install", id="install"), _to_copy(rows), note, aria_labelledby="install")


@lru_cache
def _settings() -> Html:
    """Return what the page of all projects shows: it is the same on each of them."""
    rows = (
        (joined([client, " ", element("span", name, class_="soft")]), f"settings for {client}", _filled(text))
        for client, (name, text) in _SETTINGS.items()
    )
    return fold("Configure pip, uv, Poetry or PDM to use this index", _to_copy(rows))


def _to_copy(rows: Iterable[tuple[str, str, Html]]) -> Html:
    """Return texts that people copy: of each the label, what the button copies, and the text."""
    parts = (
        joined([element("dt", label), element("dd", element("code", text, data_copy=name))]) for label, name, text in rows
    )
    return element("dl", *parts, class_="commands")


def _filled(text: str) -> Html:
    html = _IF_HTTP.sub(r'<span data-http="\1"></span>', escaped(text))
    return Html(html.replace("{index}", _INDEX))


# The files, by version.


def _filter(label: str, more: Html) -> Html:
    """Return what filters the list with the id ``list``; without scripts it is not shown."""
    field = element("label", f"{label} ", element("input", type="search", id="filter", autocomplete="off"))
    return element("div", field, more, element("span", role="status", id="matches", class_="soft"), class_="controls")


def _files(page: Page) -> Html:
    if not page.files:
        return element("p", "No files.")
    kind = " Only corrected ones" if any(map(_is_fixed_here, page.files)) else " Only those with provenance"
    only = element("label", element("input", type="checkbox", id="corrected"), kind)
    is_corrected = any(each.origin is not None for each in page.files)
    listing = _Listing(page)
    sections = (listing.version(files, is_newest=not number) for number, files in enumerate(_by_version(page.files)))
    return element(
        "section",
        element("h2", "Files", id="files"),
        _filter("Filter files", only if is_corrected else Html("")),
        element("div", *sections, id="list"),
        aria_labelledby="files",
    )


def _by_version(files: Iterable[ListedFile]) -> Sequence[Sequence[ListedFile]]:
    """Return the files of each version, those of the newest one first and in their order."""
    found: dict[Version | None, list[ListedFile]] = {}
    for file in files:
        found.setdefault(file.release, []).append(file)
    return [found[version] for version in sorted(found, key=lambda each: each or NO_VERSION, reverse=True)]


class _Listing:
    """The versions of one page; within a version files are in the order of the page, as clients may read only the first."""

    def __init__(self, page: Page) -> None:
        by_sum = {(each.filename, each.sha256): each for each in page.files}
        origins = {(each.origin.filename, each.origin.sha256) for each in page.files if each.origin is not None}
        self._originals = {sums: by_sum[sums] for sums in origins & by_sum.keys()}

    def version(self, files: Sequence[ListedFile], *, is_newest: bool) -> Html:
        """Return the files of one version, and what was corrected in them."""
        groups = _by_corrections(files)
        names = _names(groups)
        name_of = {file.filename: name for name, group in zip(names, groups, strict=True) for file in group}
        rows = Html("".join(self._file(file, name_of.get(file.filename)) for file in files))
        found = (_corrections(name, group, files, is_open=is_newest) for name, group in zip(names, groups, strict=True))
        title = element("h3", files[0].version or "Without a version")
        return element("section", title, element("ul", rows, class_="plain files", role="list"), *found, class_="version")

    def _file(self, file: ListedFile, correction: str | None) -> Html:
        kinds = " ".join(kind for kind, has in (("corrected", file.origin), ("yanked", file.yanked is not None)) if has)
        return element(
            "li",
            Html(f"{_link(file)}{f' {badge(correction, _kind(file))}' if correction else ''}{_yank(file)}"),
            Html(f'<div class="soft">{_facts(file)}</div>'),
            self._made_from(file.origin, file.upstream) if file.origin else Html(""),
            id=_anchor(file) if (file.filename, file.sha256) in self._originals else None,
            class_=kinds or None,
        )

    def _made_from(self, origin: Origin, upstream: str | None) -> Html:
        """Return what a corrected file was made from, and what leads there: on this page, or to another index."""
        original = self._originals.get((origin.filename, origin.sha256))
        target = f"#{_anchor(original)}" if original else _page_there(upstream, origin.filename)
        name, sum_ = element("code", origin.filename), element("code", f"{origin.sha256[:16]}\u2026", title=origin.sha256)
        parts = (
            "Made from " if origin.fixed_here else "Its provenance says: made from ",
            _leads(target, name) if target else name,
            " with sha256 ",
            sum_,
            f" by wheelfix {origin.tool}",
        )
        return element("div", *parts, class_="soft")


def _page_there(index: str | None, filename: str) -> str | None:
    """Return the URL of the page that lists a file in another index, ``None`` where there is none."""
    project = canonicalize_name(filename.partition("-")[0])
    return f"{index.rstrip('/')}/{project}/" if index and is_web_url(index) and is_normalized_name(project) else None


def _link(file: ListedFile) -> str:
    """Return the link to a file, with all that clients read."""
    requires_python = "" if file.requires_python is None else f' data-requires-python="{escaped(file.requires_python)}"'
    announced = "true" if file.metadata_sha256 is None else f"sha256={file.metadata_sha256}"
    metadata = f' data-core-metadata="{announced}" data-dist-info-metadata="{announced}"' if file.has_metadata else ""
    yanked = "" if file.yanked is None else f' data-yanked="{escaped(file.yanked)}"'
    return (
        f'<a href="{escaped(file.url)}#sha256={file.sha256}"{requires_python}{metadata}{yanked}'
        f' data-upload-time="{escaped(file.upload_time)}" data-size="{file.size}">{escaped(file.filename)}</a>'
    )


def _yank(file: ListedFile) -> str:
    if file.yanked is None:
        return ""
    return f" {badge('yanked', 'warning')}{f' {readable(file.yanked)}' if file.yanked else ''}"


def _facts(file: ListedFile) -> str:
    """Return the size and the time for people, and exactly where a pointer rests on them, and which Python it is for."""
    size = f'<span title="{file.size:,} bytes">{shown_size(file.size)}</span>'
    python = f"{_DOT}Python {readable(file.requires_python)}" if file.requires_python else ""
    return f"{size}{_DOT}{_time(file.upload_time)}{python}"


@lru_cache
def _time(time: str) -> Html:
    """Return a time of PEP 700 as a date.

    >>> _time("2026-11-24T10:00:00.000000Z")
    '<time datetime="2026-11-24T10:00:00.000000Z" title="2026-11-24T10:00:00.000000Z">24 Nov 2026</time>'
    """
    found = _TIME.match(time)
    if not found:
        return readable(time)
    date = f"{int(found[3])} {_MONTHS[int(found[2]) - 1]} {found[1]}"
    return element("time", date, datetime=time, title=time)


def _anchor(file: ListedFile) -> str:
    return f"sha256-{file.sha256[:16]}"


# What was corrected, and why.


def _by_corrections(files: Iterable[ListedFile]) -> Sequence[Sequence[ListedFile]]:
    """Return the corrected files that have the same changes: as a rule all of a version, with evidence that differs."""
    found: dict[Hashable, list[ListedFile]] = {}
    for file in files:
        if file.origin is not None:
            same = tuple(replace(each, evidence=None) for each in file.origin.corrections)
            found.setdefault((same, file.origin.more_changes, file.origin.fixed_here), []).append(file)
    return list(found.values())


def _names(groups: Sequence[Sequence[ListedFile]]) -> Sequence[str]:
    """Return what each group of :func:`_by_corrections` is called; where there are several of a kind they have numbers."""
    kinds = [_is_fixed_here(group[0]) for group in groups]
    return [
        ("corrected" if is_here else "provenance")
        if kinds.count(is_here) == 1
        else f"{'correction' if is_here else 'provenance'} {kinds[: number + 1].count(is_here)}"
        for number, is_here in enumerate(kinds)
    ]


def _kind(file: ListedFile) -> str:
    return _GOOD if _is_fixed_here(file) else "plain"


def _corrections(name: str, having: Sequence[ListedFile], files: Sequence[ListedFile], *, is_open: bool) -> Html:
    """Return the changes that are the same in the files ``having`` them, of the ``files`` of a version, and why."""
    origins = [file.origin for file in having if file.origin is not None]
    corrections, more = origins[0].corrections, origins[0].more_changes
    count = sum(len(each.changes) for each in corrections) + more
    rules = list(dict.fromkeys(each.rule for each in corrections if each.rule))
    is_here = _is_fixed_here(having[0])
    says = "" if is_here else " says"
    title = f"{name.capitalize()}{says}: {counted(count, 'change')}{f' by {shown_few(rules)}' if rules else ''}"
    if len(files) > 1:
        title += f", in {len(having)} of {counted(len(files), 'file')}"
    reasons = (
        _correction(
            each, list(dict.fromkeys(origin.corrections[number].evidence for origin in origins)), is_fixed_here=is_here
        )
        for number, each in enumerate(corrections)
    )
    left_out = element("p", f"and {more:,} more changes", class_="soft") if more else Html("")
    claim = Html("") if is_here else element("p", _CLAIM, class_="soft")
    return fold(title, claim, *reasons, left_out, is_open=is_open, class_="why")


def _correction(correction: Correction, evidence: Sequence[str | None], *, is_fixed_here: bool) -> Html:
    """Return the changes for one reason; those that options asked for have no rule.

    The verdict has a colour only where wheelfix came to it.
    """
    found = [each for each in evidence if each]
    more = [f"and {len(found) - _MOST_EVIDENCE:,} more"] if len(found) > _MOST_EVIDENCE else []
    rule, verdict, reason = correction.rule, correction.verdict, correction.reason
    words = [element("code", rule)] if rule else []
    words += [badge(verdict, _VERDICTS[verdict]) if is_fixed_here else element("em", verdict)] if verdict else []
    words += [readable(reason)] if reason else []
    return element(
        "div",
        element("p", joined(words, " ")) if words else Html(""),
        element("p", "Evidence: ", "; ".join([*found[:_MOST_EVIDENCE], *more]), class_="soft") if found else Html(""),
        items((line for change in correction.changes for line in _lines(change)), class_="changes"),
    )


def _lines(change: ListedChange) -> Iterator[Html]:
    """Yield what was removed and what came, as in a diff."""
    if change.before is None and change.after is None:
        yield readable(change.sentence)
    if change.before is not None:
        yield element("del", f"- {change.field}: {change.before}")
    if change.after is not None:
        yield element("ins", f"+ {change.field}: {change.after}")
