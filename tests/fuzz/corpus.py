"""What fuzzing has found: for each target a text file of inputs, one a line, that tests replay and fuzzing begins with.

An input stands there as text with escapes. One that would be longer so, such as an archive, is deflated and written in
base 85, behind ``z:``. The shortest come first, so that a merge changes few lines.
"""

import base64
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("corpora")
FOUND: Final = Path(__file__).with_name("found")
"""Inputs that broke something, and must not again."""
LARGEST: Final = 300_000
"""The size of the largest corpus in bytes."""
_DEFLATED: Final = "z:"
_TEXT: Final = "t:"


def read_corpus(name: str) -> list[bytes]:
    """Return the inputs that were found for a target, none where none were."""
    return _read(FOLDER / f"{name}.txt")


def read_found(name: str) -> list[bytes]:
    """Return the inputs that broke the statement of a target once."""
    return _read(FOUND / f"{name}.txt")


def _read(path: Path) -> list[bytes]:
    return [*map(decoded, path.read_text("ascii").splitlines())] if path.exists() else []


def write_corpus(name: str, inputs: Iterable[bytes]) -> int:
    """Write the corpus of a target: the shortest of ``inputs``, as many as it has room for; return how many."""
    lines, size = list[str](), 0
    for each in sorted(set(inputs), key=lambda data: (len(data), data)):
        line = encoded(each)
        size += len(line) + 1
        if size > LARGEST:
            break
        lines.append(line)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines), "ascii")
    return len(lines)


def encoded(data: bytes) -> str:
    """Return an input as a line of ASCII."""
    text = _TEXT + data.decode("latin-1").encode("unicode_escape").decode("ascii")
    if text.endswith(" "):  # editors take it away
        text = text[:-1] + "\\x20"
    packed = _DEFLATED + base64.b85encode(zlib.compress(data, 9)).decode("ascii")
    return min(text, packed, key=len) if len(text) > 2 * len(data) else text


def decoded(line: str) -> bytes:
    """Return the input that a line holds."""
    if line.startswith(_DEFLATED):
        return zlib.decompress(base64.b85decode(line.removeprefix(_DEFLATED)))
    return line.removeprefix(_TEXT).encode("ascii").decode("unicode_escape").encode("latin-1")
