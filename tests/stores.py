"""A store of a mirror that is no directory."""

import errno
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from in_memory import Held
from wheelfix.mirror.layout import Attributes
from wheelfix.mirror.storage.base import Head, Stored, Write, changed_meanwhile
from wheelfix.options import Transfer
from wheelfix.results import Finding
from wheelfix.wheel.zip.source import Source


class MemoryStore:
    """A store of a mirror that promises no more than a bucket does: each key is written for itself."""

    def __init__(self, scratch: Path) -> None:
        self.name = "memory"
        self._scratch = scratch
        self._files: dict[str, bytes] = {}

    def read(self, key: str) -> Stored | None:
        data = self._files.get(key)
        return None if data is None else Stored(data, f'"{hashlib.md5(data).hexdigest()}"')

    @contextmanager
    def open(self, key: str) -> Iterator[Held]:
        yield Held(self._files[key])

    def head(self, key: str) -> Head | None:
        data = self._files.get(key)
        return None if data is None else Head(len(data), hashlib.sha256(data).hexdigest())

    def keys(self, prefix: str) -> Iterator[str]:
        return iter(sorted(key for key in self._files if key.startswith(f"{prefix}/")))

    def put_new(
        self,
        key: str,
        source: Source,
        attributes: Attributes,
        transfer: Transfer = Transfer.COPY,
        *,
        replace: bool = False,
    ) -> None:
        assert attributes.content_type
        if key in self._files and not replace:
            raise FileExistsError(errno.EEXIST, "File exists", key)
        data = source.read_at(0, source.size)
        source.check_unchanged()
        self._files[key] = data

    def put_if(self, writes: Iterable[Write]) -> None:
        for write in writes:
            there = self.read(write.key)
            if (there.version if there else None) != write.version:
                raise changed_meanwhile(write.key)
            self._files[write.key] = write.data

    def delete(self, key: str) -> None:
        self._files.pop(key, None)

    def flush(self) -> None:
        pass

    @contextmanager
    def locked(self, name: str, timeout: float) -> Iterator[None]:
        yield

    def serves(self, path: Path) -> bool:
        return False

    def scratch(self) -> Path:
        self._scratch.mkdir(exist_ok=True)
        return self._scratch

    def problems(self) -> Iterator[Finding]:
        return iter(())
