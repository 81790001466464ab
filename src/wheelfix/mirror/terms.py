"""On what terms wheels are added to a mirror."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from wheelfix.mirror.upstream_file import UpstreamFile
from wheelfix.options import Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How wheels are added; see :func:`wheelfix.add_wheels`.

    ``sums`` are sha256 sums (hexadecimal) that are known, ``rules`` identifies the rules that were applied to the wheels.
    ``upstream`` is what an index says of wheels that were taken from there.
    """

    replace: bool = False
    yank_original: str | None = None
    allow_mixed: bool = False
    transfer: Transfer = Transfer.COPY
    sums: Mapping[Path, str] = field(default_factory=lambda: MappingProxyType({}))
    upstream: Mapping[Path, UpstreamFile] = field(default_factory=lambda: MappingProxyType({}))
    rules: str | None = None
    timeout: float = 600
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))  # noqa: TID251 - when a file was published
