"""Pages as HTML, generated from the data of the JSON pages. Nothing here reads or writes a file.

They follow PEP 503, 592, 629, 658, 714 and 792, and have the attributes that uv reads besides.
"""

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from wheelfix.mirror.json import API_VERSION
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.text import as_utf8

_HEAD: Final = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="pypi:repository-version" content="{version}">
{metas}    <meta name="viewport" content="width=device-width">
    <title>{title}</title>
    <style>
      body {{ font-family: sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }}
      li {{ margin: 0.6em 0; }}
      small {{ color: #555; }}
      .yanked a {{ text-decoration: line-through; }}
    </style>
  </head>
  <body>
    <h1>{title}</h1>
"""
_FOOT: Final = "  </body>\n</html>\n"


def page_html(page: Page) -> bytes:
    """Return the HTML page: a link for each file, and notes for people."""
    title = f"Links for {page.project}"
    items = "".join(_item(file) for file in page.files)
    return _html(title, f"    <ul>\n{items}    </ul>\n", _status_metas(page.other.get("project-status")))


def _status_metas(status: object) -> str:
    """Return the meta tags for the status of a project (PEP 792)."""
    if not isinstance(status, Mapping):
        return ""
    names = {"pypi:project-status": "status", "pypi:project-status-reason": "reason"}
    given = {name: status[key] for name, key in names.items() if isinstance(status.get(key), str)}
    return "".join(f'    <meta name="{name}" content="{_text(text)}">\n' for name, text in given.items())


def _html(title: str, body: str, metas: str = "") -> bytes:
    head = _HEAD.format(version=API_VERSION, title=_text(title), metas=metas)
    return f"{head}{body}{_FOOT}".encode()


_NEEDS_ESCAPING: Final = re.compile(r"[&<>\"'\ud800-\udfff]")


def _text(text: str) -> str:
    """Return ``text`` as it stands in HTML; most of it needs no change, and a page has some ten of it for each file."""
    return escape(as_utf8(text), quote=True) if _NEEDS_ESCAPING.search(text) else text


def _item(file: ListedFile) -> str:
    requires_python = "" if file.requires_python is None else f' data-requires-python="{_text(file.requires_python)}"'
    announced = "true" if file.metadata_sha256 is None else f"sha256={file.metadata_sha256}"
    metadata = f' data-core-metadata="{announced}" data-dist-info-metadata="{announced}"' if file.has_metadata else ""
    kind, yanked = ("", "") if file.yanked is None else (' class="yanked"', f' data-yanked="{_text(file.yanked)}"')
    time = _text(file.upload_time)
    notes = "".join(f"\n        <br><small>{_text(note)}</small>" for note in _notes(file))
    return (
        f'      <li{kind}><a href="{_text(file.url)}#sha256={file.sha256}"{requires_python}{metadata}{yanked}'
        f' data-upload-time="{time}" data-size="{file.size}">{_text(file.filename)}</a>'
        f"\n        <br><small>{file.size:,} bytes, {time}</small>{notes}</li>\n"
    )


def _notes(file: ListedFile) -> Iterable[str]:
    """Yield what only some files have."""
    if file.yanked is not None:
        yield f"yanked: {file.yanked}" if file.yanked else "yanked"
    if file.origin is not None:
        origin = file.origin
        yield f"fixed by wheelfix {origin.tool}; the original is {origin.filename}, sha256 {origin.sha256}"
        yield from origin.changes


def root_html(projects: Iterable[str]) -> bytes:
    """Return the HTML page that lists all projects."""
    names = (_text(name) for name in sorted(projects))
    links = "".join(f'      <li><a href="{name}/">{name}</a></li>\n' for name in names)
    return _html("Simple index", f"    <ul>\n{links}    </ul>\n")
