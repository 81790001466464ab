"""What a fuzz target is: a statement about any bytes, what to begin with, and how much work and memory it may take."""

import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

from msgspec import Struct

from counting import count_calls
from wheelfix.errors import WheelfixError

_Item = TypeVar("_Item")
_KIBIBYTE: Final = 1 << 10


class Bound(Struct, frozen=True):
    """What one input may cost: so much for any, and so much more for each byte of it."""

    always: int
    each_byte: int

    def of(self, data: bytes) -> int:
        """Return the most that ``data`` may cost."""
        return self.always + self.each_byte * len(data)


class Target(Struct, frozen=True):
    """A statement that must hold for any bytes: ``check`` raises where it does not.

    ``seeds`` are what fuzzing begins with, ``words`` what it puts in, ``longest`` how many bytes it tries at most. ``calls``
    limits how many functions are called for an input, and ``memory`` how many bytes are held meanwhile.
    ``instrumented`` are the packages whose branches lead the search.
    """

    check: Callable[[bytes], object]
    seeds: Callable[[], Iterable[bytes]]
    words: Sequence[str | bytes] = ()
    longest: int = 2 * _KIBIBYTE
    calls: Bound = Bound(20_000, 200)
    memory: Bound = Bound(1 << 22, 1 << 10)
    instrumented: tuple[str, ...] = ("wheelfix",)


def check_bounds(target: Target, data: bytes) -> None:
    """Confirm that an input takes no more work and memory than its size allows; it is checked, too.

    Work is counted in calls: the same on any machine, however busy.
    """
    with suppress(MemoryError):
        target.check(data)  # first: what is kept in memory for good is there then
    tracemalloc.start()
    try:
        target.check(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    calls = count_calls(lambda: target.check(data))
    assert peak <= target.memory.of(data), f"{peak:,} bytes of memory for an input of {len(data):,}"
    assert calls <= target.calls.of(data), f"{calls:,} calls for an input of {len(data):,} bytes"


def outcome(read: Callable[[], _Item]) -> _Item | None:
    """Return what ``read`` returns, ``None`` where it raises an error of wheelfix that says what is wrong.

    Any other error goes on: to whoever runs wheelfix it would be a traceback.
    """
    try:
        return read()
    except WheelfixError as error:
        check_error(error)
        return None


def check_error(error: WheelfixError) -> None:
    """Confirm that an error can be printed, has a code, and says what is wrong and what to do."""
    assert error.code.replace("-", "").isalnum()
    assert error.message
    assert error.hint
    text = str(error)
    assert all(char.isprintable() or char == "\n" for char in text), ascii(text)


class Feed:
    """Decisions, taken from the bytes of an input one after the other; behind its end all are the first choice."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def ended(self) -> bool:
        """Whether all bytes are used."""
        return self._position >= len(self._data)

    def number(self, most: int) -> int:
        """Return a number from 0 to ``most``."""
        size = (most.bit_length() + 7) // 8
        piece = self._data[self._position : self._position + size]
        self._position += size
        return int.from_bytes(piece, "little") % (most + 1)

    def choice(self, items: Sequence[_Item]) -> _Item:
        """Return one of ``items``."""
        return items[self.number(len(items) - 1)]

    def taken(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer at the end."""
        piece = self._data[self._position : self._position + size]
        self._position += size
        return piece

    def text(self, longest: int = 40) -> str:
        """Return some text of one line."""
        return self.taken(self.number(longest)).decode("latin-1").translate({10: " ", 13: " "})

    def rest(self) -> bytes:
        """Return all bytes that are left."""
        return self.taken(len(self._data))


def parts(data: bytes, count: int, mark: bytes = b"\n%%\n") -> list[bytes]:
    """Return ``count`` parts of an input, which ``mark`` separates; those that are not there are empty."""
    found = data.split(mark, count - 1)
    return [*found, *[b""] * (count - len(found))]


def as_text(data: bytes) -> str:
    """Return an input as text; bytes that are not UTF-8 become surrogates, as METADATA and arguments have them."""
    return data.decode("utf-8", "surrogateescape")


def same(one: Any, other: Any) -> None:
    """Confirm that two readers say the same; the error shows both."""
    assert one == other, f"{one!a:.2000}\n{other!a:.2000}"
