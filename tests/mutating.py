"""Valid wheels, damaged at random: a byte, a line or a header field is changed, lost, doubled or put elsewhere."""

import struct
from collections.abc import Iterator
from random import Random
from typing import Final

from msgspec.structs import replace

from building import RecordStyle, WheelSpec, build_wheel
from defects import HEAD, metadata, record_of, valid

_TOKENS: Final = (
    b'"', b"'", b",", b";", b":", b"\r", b"\n", b"\r\n", b" ", b"\t", b"\0", b"\xff", b"\xef\xbb\xbf", b"=", b"[", b"]",
    b"(", b")", b"#", b"..", b"/", b"\\", b"-", b"_", b"*", b"==", b"~", b"\n ", b"\n\n", b"From ", b"\x0b", b"\x0c",
    b"\x1c", b"\xc2\x85", b"\xe2\x80\xa8", b"0", b"1", b".", b"a", b"Z", b"@ http://x", b"===", b"!", b"{", b"%", b"\x1a",
)  # fmt: skip
_FIELDS: Final = (
    "Provides-Extra: x", 'Requires-Dist: six (>=1.9,<2); extra == "x"', "Requires-Python: >=3.8", "License: MIT\n  and more",
    "Project-URL: Home, https://x.y", "Classifier: Programming Language :: Python", "Keywords: a,b",
    "Author-email: A <a@b.c>",
)  # fmt: skip
_NEWER: Final = ("License-Expression: MIT OR Apache-2.0", "License-File: LICENSE", "Dynamic: Summary", "Import-Name: demo")
_ENTRY_POINTS: Final = "entry_points.txt"
VALID: Final = (
    valid(
        metadata=metadata(*_FIELDS),
        dist_info_files={_ENTRY_POINTS: b"[console_scripts]\ndemo = demo:main\n[x.y]\na = demo:c [x]\n"},
    ),
    valid(
        metadata=metadata(*_NEWER, head=["Metadata-Version: 2.5", *HEAD[1:]]),
        dist_info_files={"licenses/LICENSE": b"MIT", _ENTRY_POINTS: b"[gui_scripts]\ndemo = demo:main\n"},
        style=RecordStyle(line_end="\r\n", quoted=True),
    ),
)
_WHEEL: Final = b"Wheel-Version: 1.0\nGenerator: sample (1.0)\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_HEADERS: Final = {b"PK\3\4": 30, b"PK\1\2": 46, b"PK\5\6": 22}


def mutated(seed: int, count: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield ``count`` wheels: what was damaged, the file name, and the bytes."""
    random = Random(seed)
    for _ in range(count):
        spec = random.choice(VALID)
        kind = random.choice(("METADATA", "METADATA", "WHEEL", "RECORD", "RECORD", _ENTRY_POINTS, "header", "byte"))
        yield kind, spec.filename, _damaged(random, spec, kind)


def _damaged(random: Random, spec: WheelSpec, kind: str) -> bytes:
    match kind:
        case "METADATA":
            return build_wheel(replace(spec, metadata=_changed(random, spec.metadata or b"")))
        case "WHEEL":
            return build_wheel(replace(spec, wheel=_changed(random, _WHEEL)))
        case "RECORD":
            return build_wheel(replace(spec, record=_changed(random, b"".join(record_of(spec)))))
        case "entry_points.txt":
            files = {**spec.dist_info_files, _ENTRY_POINTS: _changed(random, spec.dist_info_files[_ENTRY_POINTS])}
            return build_wheel(replace(spec, dist_info_files=files))
        case "header":
            return _with_header(random, bytearray(build_wheel(spec)))
        case _:
            data = bytearray(build_wheel(spec))
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
            return bytes(data)


def _with_header(random: Random, data: bytearray) -> bytes:
    """Return an archive in which a field of one record has another value."""
    signature, size = random.choice([*_HEADERS.items()])
    starts = [at for at in range(len(data)) if data.startswith(signature, at)]
    at = random.choice(starts) + random.randrange(4, size - 1)
    struct.pack_into("<H", data, at, random.choice((0, 1, 8, 20, 63, 64, 255, 0x8000, 0xFFFF)))
    return bytes(data)


def _changed(random: Random, data: bytes) -> bytes:
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        data = _changed_once(random, data)
    return data


def _changed_once(random: Random, data: bytes) -> bytes:
    at, token = random.randrange(len(data) + 1), random.choice(_TOKENS)
    other, lines = random.randrange(len(data) + 1), data.splitlines(keepends=True) or [b""]
    line = random.randrange(len(lines))
    match random.randrange(7):
        case 0:
            return data[:at] + token + data[at:]
        case 1:
            return data[:at] + data[at + random.choice((1, 1, 2, 5, 20)) :]
        case 2:
            return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]
        case 3:
            return data[:at] + token + data[at + 1 :]
        case 4:
            return data[:at] + data[other : other + random.randrange(1, 30)] + data[at:]
        case 5:
            return b"".join([*lines[:line], *lines[line + 1 :]])
        case _:
            return b"".join([*lines, lines[line]])
