"""HTML as text that is known to be markup: everything else is escaped where it is put into an element.

Texts of wheels, indexes and rule files are hostile: what a person reads is escaped as well (:func:`shown_anywhere`), so
that neither a control character nor a change of the writing direction shows something else than what is there.
"""

import re
from collections.abc import Iterable
from html import escape
from typing import Final, TypeAlias

from wheelfix.text import as_utf8, shown_anywhere


class Html(str):
    """Text that is markup already; only this module and constants make it."""

    __slots__ = ()


Content: TypeAlias = str
"""What an element contains: :class:`Html` stays as it is, any other text is escaped for people."""
Value: TypeAlias = str | int | bool | None
"""The value of an attribute: ``True`` stands for one without a value, ``False`` and ``None`` for none at all."""

_SPECIAL: Final = re.compile(r"[&<>\"'\0\r\ud800-\udfff]")
_KEPT: Final = {"\0": "\ufffd", "\r": "&#13;"}
"""What a parser of HTML makes of a NUL in any case, and how a carriage return does not become a line feed."""
_FOR_PEOPLE: Final = frozenset({"alt", "label", "placeholder", "title"})
"""Attributes that are read; the others are exact, such as addresses."""
_VOID: Final = frozenset({"br", "col", "hr", "input", "link", "meta", "wbr"})
_ON_LINES: Final = frozenset({
    "article", "aside", "body", "caption", "dd", "details", "div", "dl", "dt", "footer", "form", "h1", "h2", "h3", "h4",
    "header", "li", "link", "main", "meta", "nav", "noscript", "ol", "option", "p", "pre", "rect", "section", "select",
    "style", "summary", "svg", "table", "tbody", "td", "th", "thead", "tr", "ul",
})  # fmt: skip
"""Elements that end a line of the source, which people read and compare."""


def escaped(text: str) -> Html:
    """Return ``text`` exactly, for an attribute or the text of an element that programs read; only a NUL cannot be there.

    >>> escaped('a<b>"')
    'a&lt;b&gt;&quot;'
    """
    if not _SPECIAL.search(text):
        return Html(text)
    text = escape(as_utf8(text))
    for char, kept in _KEPT.items():
        text = text.replace(char, kept)
    return Html(text)


def readable(text: str) -> Html:
    """Return ``text`` for people: control characters and the like are visible escapes; markup stays as it is.

    >>> readable("<i>\\u202e"), readable(Html("<i>"))
    ('&lt;i&gt;\\\\u202e', '<i>')
    """
    return text if isinstance(text, Html) else escaped(shown_anywhere(as_utf8(text)))


def element(name: str, /, *content: Content, **attributes: Value) -> Html:
    """Return an element; a name that is a word of Python ends with an underscore, and other underscores are hyphens.

    >>> element("a", "x & y", class_="one", href="?a=1&b", data_kind="z", hidden=True, title=None)
    '<a class="one" href="?a=1&amp;b" data-kind="z" hidden>x &amp; y</a>'
    """
    given = "".join(_attribute(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    end = "\n" if name in _ON_LINES else ""
    if name in _VOID:
        return Html(f"<{name}{given}>{end}")
    return Html(f"<{name}{given}>{joined(content)}</{name}>{end}")


def _attribute(name: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    for_people = name in _FOR_PEOPLE or name.startswith("aria-")
    return f' {name}="{escaped(shown_anywhere(as_utf8(str(value))) if for_people else str(value))}"'


def joined(parts: Iterable[Content], between: Content = "") -> Html:
    """Return ``parts`` one behind the other, text escaped for people.

    >>> joined(["<", element("b", "x")], ", ")
    '&lt;, <b>x</b>'
    """
    return Html(readable(between).join(map(readable, parts)))


def link(url: str, *content: Content, **attributes: Value) -> Html:
    """Return a link to ``url``; one that is no web address is text, so that nothing of a wheel runs as a script.

    >>> link("javascript:x()", "see"), link("https://example.org/", "see")
    ('see', '<a href="https://example.org/">see</a>')
    """
    return element("a", *content, href=url, **attributes) if is_web_url(url) else joined(content)


def is_web_url(url: str) -> bool:
    """Whether ``url`` may become a link: no other kind of URL of a page or wheel does."""
    return url.lower().startswith(("https://", "http://"))
