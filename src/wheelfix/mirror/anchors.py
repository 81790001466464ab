"""The links of an HTML page, whoever made it: an index (PEP 503), or a server that lists its folders.

A page is flattened first: nothing is nested any more, so that 3,000 ``<li>`` without an end are no 3,000 levels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from html import escape
from html.parser import HTMLParser
from typing import Final
from urllib.parse import unquote, urlsplit

from pypi_simple import DistributionPackage

_CUT_OFF: Final = "..>"
"""How the text of a link ends that nginx (50 characters) or Apache has shortened: its href has the whole name."""
_UPWARDS: Final = frozenset({"", ".", ".."})
_PARENT: Final = "parent directory"
_OLD_METADATA, _METADATA = "data-dist-info-metadata", "data-core-metadata"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link: its ``text``, and its attributes by name in lower case."""

    text: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FlatPage:
    """What a page says: its anchors, and the tags ``base`` and ``meta`` as they are."""

    anchors: list[Anchor]
    heads: list[str] = field(default_factory=list)

    def html(self) -> str:
        """Return the same page, without anything else in it."""
        links = (f"<a{_written(each.attributes)}>{escape(each.text)}</a>\n" for each in self.anchors)
        return "".join([*self.heads, *links])

    def with_times(self, packages: list[DistributionPackage]) -> list[DistributionPackage]:
        """Return ``packages``, those of the anchors, with what uv reads beyond PEP 503: their upload times and sizes."""
        return [_with_time(each, anchor.attributes) for each, anchor in zip(packages, self.anchors, strict=True)]


def flatten(body: bytes, charset: str) -> FlatPage:
    """Return what is in an HTML page; ``charset`` is what the server says, if it does.

    Links that lead upwards, or sort a listing (``?C=N``), are none of projects or files.
    """
    reader = _Reader()
    try:
        text = body.decode(charset or "utf-8", "replace")
    except LookupError:  # nobody knows that charset
        text = body.decode("utf-8", "replace")
    reader.feed(text)
    reader.close()
    reader.end_anchor()
    return FlatPage([each for each in map(_whole, reader.anchors) if _leads_down(each)], reader.heads)


class _Reader(HTMLParser):
    """Collects anchors one after another; the next one ends the one before (they cannot be nested)."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.anchors: list[Anchor] = []
        self.heads: list[str] = []
        self._open: dict[str, str] | None = None
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.end_anchor()
            self._open = attributes if "href" in attributes else None
        elif tag in ("base", "meta"):
            self.heads.append(f"<{tag}{_written(attributes)}>\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self.end_anchor()

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._text.append(data)

    def end_anchor(self) -> None:
        """Take the anchor that is open, if there is one."""
        if self._open is not None:
            self.anchors.append(Anchor("".join(self._text).strip(), self._open))
        self._open = None
        self._text.clear()


def _written(attributes: Mapping[str, str]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in attributes.items() if name.replace("-", "").isalnum())


def _whole(anchor: Anchor) -> Anchor:
    """Return ``anchor`` with all of its text, and the older name of its metadata (PEP 658) in the form of PEP 714."""
    attributes = dict(anchor.attributes)
    if _OLD_METADATA in attributes:
        attributes.setdefault(_METADATA, attributes[_OLD_METADATA])
    text = anchor.text
    if text.endswith(_CUT_OFF):
        path = urlsplit(attributes["href"].partition("#")[0].partition("?")[0]).path
        text = unquote(path.rstrip("/").rpartition("/")[2]) or text
    return Anchor(text, attributes)


def _leads_down(anchor: Anchor) -> bool:
    href = anchor.attributes["href"].strip()
    return not href.startswith("?") and href.rstrip("/") not in _UPWARDS and anchor.text.lower() != _PARENT


def _with_time(package: DistributionPackage, attributes: Mapping[str, str]) -> DistributionPackage:
    size, time = attributes.get("data-size", ""), None
    try:
        time = datetime.fromisoformat(attributes.get("data-upload-time", ""))
    except ValueError:  # it has none, or one that nobody can read
        time = None
    known = size.isascii() and size.isdigit() and len(size) < 16
    return replace(package, upload_time=time, size=int(size) if known else None)
