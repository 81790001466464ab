"""The style sheets and scripts of pages: files beside this one, which people can read and tests can load."""

import re
from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent


_LEFT_OUT: Final = {
    ".css": re.compile(r"/\*.*?\*/\s*|^\s+", re.DOTALL | re.MULTILINE),
    ".js": re.compile(r"^\s*(?://.*\n\s*)*", re.MULTILINE),
}
"""Comments and indentation."""


@lru_cache
def asset(name: str) -> str:
    """Return the text of the file ``name`` without the comments and the indentation: a mirror has thousands of pages."""
    path = _HERE / name
    return _LEFT_OUT[path.suffix].sub("", path.read_text("utf-8"))


def source_hash(text: str) -> str:
    """Return what a Content-Security-Policy calls an inline style or script (https://www.w3.org/TR/CSP3/)."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
