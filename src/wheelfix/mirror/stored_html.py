"""HTML pages as they are stored, compared with those that this version of wheelfix writes.

What clients read of a page follows from the JSON page alone. What people see besides, such as its style and its script, can
change with every release of wheelfix: a page of an earlier one is not wrong.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from operator import itemgetter
from typing import Final

from wheelfix.mirror.pages import version_of

_FOREIGN: Final = re.compile(rb"<(?:iframe|frame|form|object|embed|img|script\s)|http-equiv=[\"']?refresh", re.IGNORECASE)
_POLICY: Final = b"Content-Security-Policy"
OF_WHEELS: Final = (
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


def said_otherwise(stored: bytes, page: bytes, attributes: Collection[str] = ()) -> dict[str, str]:
    """Return the files that ``page`` lists and the page that is ``stored`` lists otherwise, or not at all.

    Each has its link in the stored page, which is empty where it has none. With ``attributes`` only files are returned that
    both pages list, with other values of one of these.
    """
    there, wanted = _links(stored, page)
    if attributes:
        both = [name for name in wanted if name in there]
        changed = [name for name in both if any(there[name].get(each) != wanted[name].get(each) for each in attributes)]
    else:
        changed = [name for name in wanted if there.get(name) != wanted[name]]
    return {name: there.get(name, {}).get("href", "") for name in changed}


def said_besides(stored: bytes, page: bytes) -> dict[str, str]:
    """Return the files that only the page that is ``stored`` lists, each with its link, and not ``page``."""
    there, wanted = _links(stored, page)
    return {name: attributes.get("href", "") for name, attributes in there.items() if name not in wanted}


def _links(*pages: bytes) -> Iterator[dict[str, Mapping[str, str]]]:
    """Yield the attributes of the links of each of ``pages``, by file; nothing of pages that are the same."""
    from wheelfix.upstream.html_links import flatten  # imported late: mostly the bytes are the same

    is_one = len({*pages}) == 1
    for each in pages:
        yield {} if is_one else {link.text: link.attributes for link in flatten(each, "utf-8").anchors}


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
