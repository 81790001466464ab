"""Pages as HTML, generated from the data of the JSON pages. Nothing here reads or writes a file.

They follow PEP 503, 592, 629, 658, 714 and 792, and have the attributes that uv reads besides.
"""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from wheelfix.mirror.pages import API_VERSION, ListedFile, Page
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


def _text(text: str) -> str:
    return escape(as_utf8(text), quote=True)


def _item(file: ListedFile) -> str:
    attributes = {"href": f"{file.url}#sha256={file.sha256}"}
    if file.requires_python is not None:
        attributes["data-requires-python"] = file.requires_python
    if file.metadata_sha256 is not None:
        attributes["data-core-metadata"] = attributes["data-dist-info-metadata"] = f"sha256={file.metadata_sha256}"
    elif file.has_metadata:
        attributes["data-core-metadata"] = attributes["data-dist-info-metadata"] = "true"
    if file.yanked is not None:
        attributes["data-yanked"] = file.yanked
    attributes |= {"data-upload-time": file.upload_time, "data-size": str(file.size)}
    written = " ".join(f'{name}="{_text(value)}"' for name, value in attributes.items())
    kind = ' class="yanked"' if file.yanked is not None else ""
    notes = "".join(f"\n        <br><small>{_text(note)}</small>" for note in _notes(file))
    return f"      <li{kind}><a {written}>{_text(file.filename)}</a>{notes}</li>\n"


def _notes(file: ListedFile) -> Iterable[str]:
    yield f"{file.size:,} bytes, {file.upload_time}"
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
