"""What breaks each target's statement: a part of wheelfix is replaced, and the inputs that are there must notice.

``python breaks.py marker`` ends with 0 if they do. It is a process of its own: what is read wrongly would be remembered.
"""

import sys
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, Final
from unittest.mock import patch

from fuzz.corpus import read_corpus, read_found
from fuzz.targets import target
from wheelfix.toml import key_lines
from wheelfix.wheel.metadata import Document


def _fail(*_: object) -> Any:
    raise KeyError("an error that is none of wheelfix")


def _beyond(text: str) -> Mapping[Any, int]:
    return dict.fromkeys(key_lines(text), 1_000_000)


def _parsed(_: Document, data: bytes, __: int) -> Document:
    return Document.parse(data)


def _nothing(*_: object) -> None:
    pass


def _same(value: Any, *_: object) -> Any:
    return value


def _true(*_: object) -> bool:
    return True


def _turned(text: str) -> str:
    return text[::-1]


def _pairs(*values: Any) -> Any:
    return zip(*values, strict=False)


def _first_semicolon(text: str) -> int | None:
    return text.find(";") if ";" in text else None


BREAKS: Final[Mapping[str, tuple[str, Callable[..., Any] | object]]] = {
    "layout": ("wheelfix.wheel.zip.plain._are_plain", _true),
    "inflate": ("wheelfix.wheel.zip.inflate._check", _nothing),
    "metadata": ("wheelfix.wheel.metadata.Document._with", _parsed),
    "record": ("wheelfix.wheel.record._strong", lambda row: row.algorithm),
    "wheel-file": ("wheelfix.wheel.wheel_file._replaced", lambda document, _: document.data),
    "entry-points": ("wheelfix.wheel.entry_points.EntryPoints._as_planned", lambda points, *_: points),
    "requirement": ("wheelfix.wheel.requirement._sign_position", _first_semicolon),
    "marker": ("wheelfix.wheel.marker._MIRRORED", {}),
    "filename": ("wheelfix.wheel.filename.canonicalize_name", _same),
    "tag": ("wheelfix.wheel.tags.product", _pairs),
    "glob": ("wheelfix.globs._has_parts", _true),
    "page": ("wheelfix.mirror.json._others", lambda *_: {}),
    "root": ("wheelfix.mirror.json._lines", lambda _: []),
    "served-json": ("wheelfix.upstream.client._usable", lambda raw: {**raw, "files": []}),
    "served-html": ("wheelfix.upstream.html_links.unescape", _same),
    "elf": ("wheelfix.evidence.elf._LINKS", ()),
    "ranges": ("wheelfix.upstream.remote_wheel.RemoteFile._check", _nothing),
    "answers": ("wheelfix.upstream.answers.validate_url", _nothing),
    "inputs": ("wheelfix.upstream.buckets.is_bucket_name", _fail),
    "rules": ("wheelfix.rules.schema._shortened", lambda _: {}),
    "manifest": ("wheelfix.sync.manifest.read.key_lines", _beyond),
    "lock": ("wheelfix.locks.read.read_requirements", _fail),
    "imports": ("wheelfix.evidence.python_code._absolute", _nothing),
    "constants": ("wheelfix.evidence.build._assignments", _fail),
    "provenance": ("wheelfix.wheel.sbom._known_action", _turned),
    "wheel": ("wheelfix.wheel.record.digest_of", lambda *_: "sha256=x"),
}
"""By target: what is replaced, and by what."""


def noticed(name: str) -> bool:
    """Whether an input of the target ``name`` breaks its statement while a part of wheelfix is replaced."""
    given = target(name)
    with patch(*BREAKS[name]):
        for data in chain(read_found(name), given.seeds(), read_corpus(name)):
            try:
                given.check(data)
            except Exception:  # noqa: BLE001 - whatever it is, it was noticed
                return True
    return False


if __name__ == "__main__":
    sys.exit(not noticed(sys.argv[1]))
