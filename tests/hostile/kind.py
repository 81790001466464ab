"""Kinds of hostile wheels: each is one construction, and makes as many wheels as there are turns.

A turn is a value that the construction puts somewhere, and what lies around it: other files, another RECORD, another order.
The wheel of a kind and a turn is the same on every machine and day, whatever other kinds there are.
"""

import struct
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from building import Archive, Entry, extra_field
from drafting import Draft, Knob, both, fields, file, files, info, option, scripts, setting, shape, style

TURNS: Final = 33
"""How many wheels each kind makes."""
Make: TypeAlias = Callable[[Draft, int, Random], tuple[str, bytes]]
"""What makes the file name and the bytes of a draft, for a turn."""


class Kind(Struct, frozen=True):
    """One construction: what is ``wrong`` in a sentence, and the ``source`` that published it, if one did.

    ``correction`` is the one that it is tried with, where that is not the one of the turn. Of a ``streamed`` one the archive
    itself is odd, so that it is read from the first byte on, too.
    """

    name: str
    wrong: str
    make: Make
    source: str = ""
    correction: str = ""
    streamed: bool = False

    def wheel(self, turn: int) -> tuple[str, bytes]:
        """Return the file name and the bytes of one wheel; the first of a kind has nothing odd around it."""
        random = Random(f"{self.name}/{turn}")
        draft = file("demo/turn.py", f"TURN = {turn}\n".encode())(Draft())
        return self.make(surroundings(random)(draft) if turn else draft, turn, random)


def _timed(archive: Archive) -> Archive:
    times = extra_field(0x5455, b"\1" + struct.pack("<I", 1_500_000_000))
    return replace(archive, entries=tuple(replace(each, extra=each.extra + times) for each in archive.entries))


_AROUND: Final[tuple[tuple[Knob, ...], ...]] = (
    (option(), option(dist_info_first=True), option(folders=True), option(stored=True)),
    (option(), style(line_end="\r\n"), style(quoted=True), style(own_row="first"), style(own_row="middle")),
    (option(), fields("Provides-Extra: x", 'Requires-Dist: six>=1.9; extra == "x"'), fields("License: MIT\n  and more")),
    (option(), setting(body="\n\nRequires-Dist: hidden\n\nFrom here on\n"), setting(body="\n\nno newline")),
    (option(), shape(_timed), shape(partial(replace, zip64_end=True)), shape(partial(replace, reversed_directory=True))),
    (option(), file("demo/a,b.py"), files(Entry("demo/caf\u00e9.py", b"1\n")), file("demo/tool", mode=0o100755)),
    (option(), file("demo-1.0.data/scripts/tool", b"#!python\n", mode=0o100755), info("licenses/LICENSE", b"MIT\n"),
     scripts("[console_scripts]\ndemo = demo:main\n")),
)  # fmt: skip
"""What is fine by itself; of each line one."""


def surroundings(random: Random) -> Knob:
    """Return what puts a draft into other surroundings, each of which every reader takes."""
    return both(*map(random.choice, _AROUND))


def of(*knobs: Knob) -> Make:
    """Return what turns one of ``knobs`` at each turn."""
    return lambda draft, turn, random: knobs[turn % len(knobs)](draft).build()


def chosen(knobs: Sequence[Knob]) -> Make:
    """Return what turns some of ``knobs``, by chance, for there are more than turns."""
    return lambda draft, turn, random: random.choice(knobs)(draft).build()


def each(knob: Callable[[str], Knob], *values: str) -> Make:
    """Return what gives ``knob`` one of ``values`` at each turn."""
    return of(*map(knob, values))


def then(change: Callable[[bytes, int, Random], bytes], knob: Knob | None = None) -> Make:
    """Return what changes the bytes of a wheel, in which ``knob`` was turned."""

    def make(draft: Draft, turn: int, random: Random) -> tuple[str, bytes]:
        name, data = (knob(draft) if knob else draft).build()
        return name, change(data, turn, random)

    return make
