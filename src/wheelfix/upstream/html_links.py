"""The links of an HTML page: one of an index (PEP 503), or of a server that lists its directories.

A page is flattened first: nothing is nested any more, so that 3,000 ``<li>`` without an end are not 3,000 levels.
"""

import codecs
import dataclasses
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from html import escape, unescape
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage  # what only the extra "index" installs: a mirror reads its own pages without

_TAG: Final = re.compile(
    r"""<(?P<closes>/?)(?P<name>[a-zA-Z][^\s/<>"']*+)(?P<rest>(?:[^<>"']|"[^"]*"|'[^']*')*+)>""", re.DOTALL
)
"""A tag: a < outside quotes ends the attempt, so that each character is read a few times at most."""
_ATTRIBUTE: Final = re.compile(r"""(?P<name>[^\s"'<>/=]++)(?:\s*+=\s*+(?P<value>"[^"]*"|'[^']*'|[^\s"'<>]++))?""")
_SKIPPED: Final = {"<!--": "-->", "<!": ">", "<?": ">"}
_RAW: Final = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style", "title", "textarea")}
"""What is inside these is not markup."""
_CUT_OFF: Final = "..>"
"""The end of a link text that nginx (50 characters) or Apache has shortened: its href has the full name."""
_ASCII_CODECS: Final = ("utf-8", "ascii", "iso8859", "cp125", "koi8", "gb", "big5", "euc_", "shift_jis", "mac")
"""How the names of the codecs of charsets begin that browsers know, and in which ASCII stays what it is."""
_UPWARDS: Final = frozenset({"", ".", ".."})
_PARENT: Final = "parent directory"
_OLD_METADATA, _METADATA = "data-dist-info-metadata", "data-core-metadata"


class Anchor(Struct, frozen=True):
    """A link: its ``text``, and its attributes by name in lower case."""

    text: str
    attributes: Mapping[str, str]


class Head(Struct, frozen=True):
    """A tag ``base`` or ``meta``, by its ``name``, with its attributes."""

    name: str
    attributes: Mapping[str, str]

    @property
    def is_status(self) -> bool:
        """Whether it gives the status of a project (PEP 792)."""
        return self.attributes.get("name", "").lower() == "pypi:project-status"

    @property
    def is_version(self) -> bool:
        """Whether it gives the version of the API: pypi-simple reads the name in this case only."""
        return self.attributes.get("name") == "pypi:repository-version" and "content" in self.attributes

    def with_version(self, change: Callable[[str], str]) -> "Head":
        """Return it with the version that ``change`` makes of its own."""
        return replace(self, attributes={**self.attributes, "content": change(self.attributes["content"])})


class FlatPage(Struct, frozen=True):
    """What a page says: its anchors, and the tags ``base`` and ``meta``."""

    anchors: list[Anchor]
    heads: list[Head] = field(default_factory=list)

    @property
    def status(self) -> str | None:
        """The status of the project, ``None`` where the page gives none."""
        return next((each.attributes.get("content", "") for each in self.heads if each.is_status), None)

    def without_status(self) -> "FlatPage":
        """Return the same page, which gives the project no status."""
        return replace(self, heads=[each for each in self.heads if not each.is_status])

    def with_version(self, change: Callable[[str], str]) -> "FlatPage":
        """Return the same page with the version of the API (PEP 629) that ``change`` makes of the one that it says first."""
        first = next((each for each in self.heads if each.is_version), None)
        return replace(self, heads=[each.with_version(change) if each is first else each for each in self.heads])

    def html(self) -> str:
        """Return the same page, without anything else in it."""
        heads = (f"<{each.name}{_written(each.attributes)}>\n" for each in self.heads)
        links = (f"<a{_written(each.attributes)}>{escape(each.text)}</a>\n" for each in self.anchors)
        return "".join([*heads, *links])

    def with_times(self, packages: "list[DistributionPackage]") -> "list[DistributionPackage]":
        """Return ``packages``, those of the anchors, with the upload times and sizes that uv reads beyond PEP 503."""
        return [_with_time(each, anchor.attributes) for each, anchor in zip(packages, self.anchors, strict=True)]


def flatten(body: bytes, charset: str) -> FlatPage:
    """Return what is in an HTML page; ``charset`` is what the server says, if it does.

    Links upwards, or that sort a listing (``?C=N``), are left out: they are not projects or files.
    """
    reader = _Reader()
    reader.read(body.decode(_codec(charset), "replace"))
    return FlatPage([each for each in map(_whole, reader.anchors) if leads_down(each)], reader.heads)


def _codec(charset: str) -> str:
    """Return the codec for a page of this ``charset``: that of UTF-8 unless it is one in which tags are ASCII.

    Python also has codecs that no page is in. Some refuse to replace anything (idna), or take quadratic time (punycode); in
    others (utf-16, cp037) the right page of a server that says it wrongly would have no links.
    """
    try:
        name = codecs.lookup(charset).name
    except LookupError:
        return "utf-8"
    return name if name.startswith(_ASCII_CODECS) else "utf-8"


class _Reader(Struct):
    """Collects anchors; each ends the one before it, as they cannot be nested."""

    anchors: list[Anchor] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)
    _open: dict[str, str] | None = None
    _text: list[str] = field(default_factory=list)

    def read(self, html: str) -> None:
        """Read a page in linear time, whatever it holds.

        The parser of the standard library takes quadratic time for tags without an end.
        """
        position = 0
        while (start := html.find("<", position)) >= 0:
            self._add_text(html[position:start])
            position = self._read_markup(html, start)
        self._add_text(html[position:])
        self._end_anchor()

    def _read_markup(self, html: str, start: int) -> int:
        """Read what begins with ``<`` at ``start``; return where it ends."""
        for opening, closing in _SKIPPED.items():
            if html.startswith(opening, start):
                return _after(html, closing, start)
        tag = _TAG.match(html, start)
        if tag is None:  # it is text
            self._add_text("<")
            return start + 1
        closes, name = bool(tag["closes"]), tag["name"].lower()
        if name == "a":
            self._end_anchor()
        if not closes:
            self._begin(name, _attributes(tag["rest"]))
        if name in _RAW and not closes:
            end = _RAW[name].search(html, tag.end())
            return end.start() if end else len(html)
        return tag.end()

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if name == "a" and "href" in attributes:
            self._open = attributes
        elif name in ("base", "meta"):
            self.heads.append(Head(name, attributes))

    def _add_text(self, text: str) -> None:
        if self._open is not None and text:
            self._text.append(text)

    def _end_anchor(self) -> None:
        if self._open is not None:
            self.anchors.append(Anchor(unescape("".join(self._text)).strip(), self._open))
        self._open = None
        self._text.clear()


def _after(html: str, closing: str, start: int) -> int:
    end = html.find(closing, start)
    return len(html) if end < 0 else end + len(closing)


def _attributes(text: str) -> dict[str, str]:
    """Return the attributes of a tag; of two with one name the first counts, as in browsers."""
    found: dict[str, str] = {}
    for each in _ATTRIBUTE.finditer(text):
        value = each["value"] or ""
        quoted = value[:1] in ("'", '"')
        found.setdefault(each["name"].lower(), unescape(value[1:-1] if quoted else value))
    return found


def _written(attributes: Mapping[str, str]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in attributes.items() if name.replace("-", "").isalnum())


def _whole(anchor: Anchor) -> Anchor:
    """Return ``anchor`` with its full text, and the attribute of PEP 658 for its metadata file under the name of PEP 714."""
    attributes = dict(anchor.attributes)
    if _OLD_METADATA in attributes:
        attributes.setdefault(_METADATA, attributes[_OLD_METADATA])
    text = anchor.text
    if text.endswith(_CUT_OFF):
        with suppress(ValueError):  # it is no URL: then nobody can follow it either
            path = urlsplit(attributes["href"].partition("#")[0].partition("?")[0]).path
            text = unquote(path.rstrip("/").rpartition("/")[2]).strip() or text
    return Anchor(text, attributes)


def leads_down(anchor: Anchor) -> bool:
    """Whether a link leads to a project or file, and not upwards, nor to the same listing in another order."""
    href = anchor.attributes["href"].strip()
    return not href.startswith("?") and href.rstrip("/") not in _UPWARDS and anchor.text.lower() != _PARENT


def _with_time(package: "DistributionPackage", attributes: Mapping[str, str]) -> "DistributionPackage":
    from wheelfix.upstream.answers import length_of  # imported late, as it needs that extra

    time: datetime | None = None
    with suppress(ValueError):  # there is none, or it cannot be read
        time = datetime.fromisoformat(attributes.get("data-upload-time", ""))
    return dataclasses.replace(package, upload_time=time, size=length_of(attributes.get("data-size", "")))
