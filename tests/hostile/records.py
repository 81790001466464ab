"""Every field of every record of an archive, wrong in turn: APPNOTE 4.3 and 4.5 name the records and fields."""

import struct
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from building import ALL_WIDE, Descriptor, changed, every
from damages import unicode_path
from drafting import Knob, both, file, shape
from hostile.kind import Kind, Make, then

_SHARED: Final = "needed:H flags:H method:H time:H date:H crc:I compressed_size:I size:I"


class Form(Struct, frozen=True):
    """A record: its fields in their order, each with its type, and the knob that gives a wheel such a record."""

    fields: str
    section: str
    knob: Knob | None = None

    def places(self) -> dict[str, tuple[int, str]]:
        """Return where each field lies, and its type."""
        found, at = {}, 0
        for name, kind in (field.split(":") for field in self.fields.split()):
            found[name] = (at, "<" + kind)
            at += struct.calcsize("<" + kind)
        return found


_NAMED: Final = file("demo/p.py", extra=unicode_path(b"demo/p.py"))
_WIDE: Final = shape(lambda archive: every(archive, wide=ALL_WIDE))
_LOCAL_WIDE: Final = shape(lambda archive: every(archive, local_wide=True, wide=ALL_WIDE))
_ZIP64: Final = shape(partial(replace, zip64_end=True))


def _described(width: int) -> Knob:
    return shape(lambda archive: changed(archive, "__init__.py", descriptor=Descriptor(width), method=8))


FORMS: Final = {
    "local header": Form(f"signature:I {_SHARED} name_length:H extra_length:H", "4.3.7"),
    "directory header": Form(
        f"signature:I made_by:H {_SHARED} name_length:H extra_length:H comment_length:H disk:H internal_attributes:H "
        "external_attributes:I offset:I",
        "4.3.12",
    ),
    "end record": Form(
        "signature:I disk:H directory_disk:H disk_count:H count:H directory_size:I directory_start:I comment_length:H",
        "4.3.16",
    ),
    "ZIP64 end record": Form(
        "signature:I record_size:Q made_by:H needed:H disk:I directory_disk:I disk_count:Q count:Q directory_size:Q "
        "directory_start:Q",
        "4.3.14",
        _ZIP64,
    ),
    "ZIP64 locator": Form("signature:I disk:I end_start:Q disks:I", "4.3.15", _ZIP64),
    "data descriptor": Form("signature:I crc:I compressed_size:I size:I", "4.3.9", _described(4)),
    "wide data descriptor": Form("signature:I crc:I compressed_size:Q size:Q", "4.3.9.2", _described(8)),
    "ZIP64 field of the directory": Form("kind:H length:H size:Q compressed_size:Q offset:Q", "4.5.3", _WIDE),
    "ZIP64 field of a local header": Form("kind:H length:H size:Q compressed_size:Q", "4.5.3", _LOCAL_WIDE),
    "Unicode path of the directory": Form("kind:H length:H version:B crc:I", "4.6.9", _NAMED),
    "Unicode path of a local header": Form("kind:H length:H version:B crc:I", "4.6.9", _NAMED),
}
_BOTH: Final = ("needed", "flags", "method", "time", "date", "crc", "compressed_size", "size")


class Records:
    """Where the records of a valid archive lie, by the names of :data:`FORMS`."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        end = data.rindex(b"PK\5\6")
        self.places: dict[str, list[int]] = {form: [] for form in FORMS}
        self.places["end record"] = [end]
        if data[end - 20 : end - 16] == b"PK\6\7":
            self.places["ZIP64 locator"] = [end - 20]
            self.places["ZIP64 end record"] = [struct.unpack_from("<Q", data, end - 12)[0]]
        directory = data.index(b"PK\1\2", self._start(end))
        while data.startswith(b"PK\1\2", directory):
            directory = self._entry(directory)

    def _start(self, end: int) -> int:
        start: int = struct.unpack_from("<I", self.data, end + 16)[0]
        return start

    def _entry(self, at: int) -> int:
        """Note the records of the entry whose directory record is ``at``; return where that ends."""
        name, extra, comment = struct.unpack_from("<3H", self.data, at + 28)
        packed, offset = self._wide(at, name)
        self.places["directory header"].append(at)
        self._extra("the directory", at + 46 + name, extra)
        local_name, local_extra = struct.unpack_from("<2H", self.data, offset + 26)
        self.places["local header"].append(offset)
        self._extra("a local header", offset + 30 + local_name, local_extra)
        behind = offset + 30 + local_name + local_extra + packed
        if self.data.startswith(b"PK\7\x08", behind):
            self.places["data descriptor"].append(behind)
            self.places["wide data descriptor"].append(behind)
        return int(at + 46 + name + extra + comment)

    def _wide(self, at: int, name: int) -> tuple[int, int]:
        packed, offset = *struct.unpack_from("<I", self.data, at + 20), *struct.unpack_from("<I", self.data, at + 42)
        if packed == 0xFFFF_FFFF:
            packed, offset = struct.unpack_from("<2Q", self.data, at + 46 + name + 12)
        return packed, offset

    def _extra(self, where: str, at: int, length: int) -> None:
        for name, kind in ("ZIP64 field", 1), ("Unicode path", 0x7075):
            if length >= 4 and struct.unpack_from("<H", self.data, at)[0] == kind:
                self.places[f"{name} of {where}"].append(at)


_Value = Callable[[int, int, int, Random], int]
VALUES: Final[dict[str, _Value]] = {
    "nothing": lambda own, other, bits, random: 0,
    "one": lambda own, other, bits, random: 1,
    "one more": lambda own, other, bits, random: own + 1,
    "one less": lambda own, other, bits, random: own - 1,
    "all ones": lambda own, other, bits, random: -1,
    "the sign bit": lambda own, other, bits, random: 1 << bits - 1,
    "that of another": lambda own, other, bits, random: other,
    "double": lambda own, other, bits, random: own * 2,
    "with one other bit": lambda own, other, bits, random: own ^ 1 << random.randrange(bits),
    "by chance": lambda own, other, bits, random: random.getrandbits(bits),
}
"""Wrong values for a field, made of its own, that of another record, its width in bits, and chance."""


def lie(names: tuple[str, ...], field: str) -> Make:
    """Return what gives a field of records of one entry another value, which all of them get."""
    knobs = [knob for name in names if (knob := FORMS[name].knob)]
    return then(partial(_with_lie, names, field), both(*knobs))


def _with_lie(names: tuple[str, ...], field: str, data: bytes, turn: int, random: Random) -> bytes:
    changed = bytearray(data)
    records = Records(data)
    values = [*VALUES.values()]
    chosen: int | None = None
    for name in names:
        places = records.places[name]
        which = turn // len(values) % len(places)
        at, form = FORMS[name].places()[field]
        own = struct.unpack_from(form, data, places[which] + at)[0]
        other = struct.unpack_from(form, data, places[which - 1] + at)[0]
        bits = 8 * struct.calcsize(form)
        if chosen is None:
            chosen = values[turn % len(values)](own, other, bits, random) & (1 << bits) - 1
        struct.pack_into(form, changed, places[which] + at, chosen)
    return bytes(changed)


def _kinds() -> Iterator[Kind]:
    for name, form in FORMS.items():
        for field in form.places():
            words = f"In one {name} the field {field} has a wrong value"
            yield Kind(f"{name}: {field}", f"{words}.", lie((name,), field), f"APPNOTE {form.section}")
    for field in _BOTH:
        words = f"Local header and directory have the same wrong value of {field}."
        yield Kind(f"both headers: {field}", words, lie(("local header", "directory header"), field), "APPNOTE 4.4")


KINDS: Final = tuple(replace(kind, streamed=True) for kind in _kinds())
