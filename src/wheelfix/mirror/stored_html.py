"""HTML pages as they are stored, compared with those that this version of wheelfix writes.

What clients read of a page follows from the JSON page alone. What people see besides, such as its style and its script, can
change with every release of wheelfix: a page of an earlier one is not wrong.
"""

import re
from operator import itemgetter
from typing import Final

from wheelfix.mirror.pages import version_of

_FOREIGN: Final = re.compile(rb"<(?:iframe|frame|form|object|embed|img|script\s)|http-equiv=[\"']?refresh", re.IGNORECASE)
_POLICY: Final = b"Content-Security-Policy"
_OF_WHEELS: Final = (
    "href", "data-requires-python", "data-core-metadata", "data-dist-info-metadata", "data-upload-time",
)  # fmt: skip
"""The attributes of a link that say what the wheel says, or that nobody can find out again."""
_HASH: Final = re.compile(rb"'sha256-[A-Za-z0-9+/]{43}='")


def has_foreign_parts(stored: bytes, page: bytes) -> bool:
    """Whether the page that is ``stored`` runs, loads or sends what none of wheelfix does: somebody else put it there.

    Its policy keeps browsers from most of that, if it is that of ``page`` and nothing comes before it. A script that was
    exchanged together with its hash looks like one of another version.
    """
    return (
        _confinement(stored) != _confinement(page) or bool(_FOREIGN.search(stored)) or stored.lower().count(b"<script") > 1
    )


def _confinement(page: bytes) -> bytes:
    """Return the beginning of a page up to its policy, without the hashes of its own styles and script.

    A release that changes the rest has to accept what earlier ones wrote as well.
    """
    return _HASH.sub(b"", page[: page.find(b">", page.find(_POLICY))])


def is_same_to_clients(stored: bytes, page: bytes) -> bool:
    """Whether clients read the same in the page that is ``stored`` as in ``page``: links, attributes and status.

    The order of files counts within a version, where some clients read only the first one.
    """
    return stored == page or _read_by_clients(stored) == _read_by_clients(page)


def said_otherwise(stored: bytes, page: bytes) -> dict[str, str]:
    """Return the files that ``page`` lists and the page that is ``stored`` lists otherwise, or not at all.

    Each has its link in the stored page, which is empty where it has none.
    """
    if stored == page:
        return {}
    from wheelfix.upstream.html_links import flatten  # imported late: mostly the bytes are the same

    there = {each.text: each.attributes for each in flatten(stored, "utf-8").anchors}
    wanted = flatten(page, "utf-8").anchors
    changed = (each.text for each in wanted if there.get(each.text) != each.attributes)
    return {name: there[name].get("href", "") if name in there else "" for name in changed}


def said_of_wheels(stored: bytes, page: bytes) -> set[str]:
    """Return the files of which both pages say otherwise what follows from the wheel, or when it was uploaded."""
    said = said_otherwise(stored, page)
    if not said:
        return set()
    from wheelfix.upstream.html_links import flatten  # imported late: mostly the bytes are the same

    one, other = ({each.text: each.attributes for each in flatten(text, "utf-8").anchors} for text in (stored, page))
    return {
        name
        for name in said.keys() & one.keys() & other.keys()
        if any(one[name].get(each) != other[name].get(each) for each in _OF_WHEELS)
    }


def said_besides(stored: bytes, page: bytes) -> dict[str, str]:
    """Return the files that only the page that is ``stored`` lists, each with its link, and not ``page``."""
    if stored == page:
        return {}
    from wheelfix.upstream.html_links import flatten  # imported late: mostly the bytes are the same

    wanted = {each.text for each in flatten(page, "utf-8").anchors}
    anchors = flatten(stored, "utf-8").anchors
    return {each.text: each.attributes.get("href", "") for each in anchors if each.text not in wanted}


def _read_by_clients(page: bytes) -> tuple[object, ...]:
    from wheelfix.upstream.html_links import flatten  # imported late: mostly the bytes are the same

    flat = flatten(page, "utf-8")
    anchors = [(version_of(each.text), each.text, each.attributes) for each in flat.anchors]
    heads = sorted(
        (each.name, each.attributes.get("name", ""), each.attributes.get("content", ""))
        for each in flat.heads
        if each.name == "base" or each.attributes.get("name", "").startswith("pypi:")
    )
    return sorted(anchors, key=itemgetter(0)), heads
