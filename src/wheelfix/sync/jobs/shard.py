"""One part of the jobs of a sync, for array jobs and clusters whose machines know nothing of each other."""

import hashlib
import re
from typing import Final

from msgspec import Struct

_SHARD: Final = re.compile(r"(\d{1,6})/(\d{1,6})", re.ASCII)


class Shard(Struct, frozen=True):
    """One part of the jobs of a run, ``number`` of ``count``: those of each release are in one of them.

    It is the same one in every run, whatever files the release has by then: parts start hours apart.

    :raises ValueError: if there is no such part.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        """Refuse what has no jobs."""
        if not 1 <= self.number <= self.count:
            raise ValueError(f"'{self.number}/{self.count}' is not one of N parts, such as 1/8")

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Return the part that is written ``I/N``.

        :raises ValueError: if it is none.

        >>> Shard.parse("2/8")
        Shard(number=2, count=8)
        """
        parts = _SHARD.fullmatch(text)
        if parts is None:
            raise ValueError(f"{text!r} is not one of N parts, such as 1/8")
        return cls(int(parts[1]), int(parts[2]))

    def has(self, project: str, release: str) -> bool:
        """Whether the jobs of this release are in the part."""
        digest = hashlib.sha256(f"{project} {release}".encode()).digest()
        return int.from_bytes(digest) % self.count == self.number - 1
