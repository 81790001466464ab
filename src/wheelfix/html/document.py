"""The skeleton of a page: one file that loads nothing, runs nothing but its own script, and works without that too."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from wheelfix.html.assets import asset, source_hash
from wheelfix.html.markup import Html, element, escaped, readable

BASE: Final = "base.css"
"""The style of all pages: colours, tables, badges, print."""
_WITHOUT_SCRIPTS: Final = "noscript.css"
_NO_ICON: Final = "data:,"
"""Browsers ask a server for /favicon.ico where a page names no icon."""


def document(
    title: str,
    body: Html,
    *,
    styles: Sequence[str] = (BASE,),
    scripts: Sequence[str] = (),
    metas: Html = Html(""),  # noqa: B008 - it cannot change
) -> str:
    """Return a whole page, with a final line end; ``styles`` and ``scripts`` are names of assets, inlined in their order.

    ``body`` is what the body contains, ``metas`` more of the head. Its policy allows these styles and scripts, and no
    request at all. The bytes depend on nothing else than what is given.
    """
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{_head(tuple(styles), tuple(scripts))}'
        f"{metas}<title>{readable(title)}</title>\n</head>\n<body>\n{body}{_scripts(tuple(scripts))}</body>\n</html>\n"
    )


@lru_cache
def _head(styles: tuple[str, ...], scripts: tuple[str, ...]) -> Html:
    """Return the part of the head that all pages of a kind share."""
    style, without = _text(styles), asset(_WITHOUT_SCRIPTS)
    hashes = " ".join(map(source_hash, (style, without)))
    runs = source_hash(_text(scripts)) if scripts else "'none'"
    policy = f"default-src 'none'; style-src {hashes}; script-src {runs}; img-src data:; base-uri 'none'; form-action 'none'"
    return Html(
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f'<link rel="icon" href="{_NO_ICON}">\n'
        f"<style>{style}</style>\n<noscript><style>{without}</style></noscript>\n"
    )


@lru_cache
def _scripts(names: tuple[str, ...]) -> Html:
    return Html(f"<script>{_text(names)}</script>\n") if names else Html("")


def _text(names: Sequence[str]) -> str:
    return "".join(f"\n{asset(name)}" for name in names)


def meta(name: str, content: str) -> Html:
    """Return a meta element, such as those of the simple repository API."""
    return Html(f'<meta name="{escaped(name)}" content="{escaped(content)}">\n')


def skip_link(target: str = "main") -> Html:
    """Return the first link of a page: keyboards come to the content with it."""
    return element("a", "Skip to the content", class_="skip", href=f"#{target}")
