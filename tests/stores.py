"""A store of a mirror that is no directory."""

import errno
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from in_memory import Held
from wheelfix.errors import WheelfixError
from wheelfix.mirror.storage.base import Head, NewFile, Stored, Write, changed_meanwhile
from wheelfix.results import Finding


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

    def put_new(self, files: Iterable[NewFile]) -> dict[str, WheelfixError | OSError]:
        errors: dict[str, WheelfixError | OSError] = {}
        for file in files:
            assert file.attributes.content_type
            try:
                self._put(file)
            except (WheelfixError, OSError) as error:
                errors[file.key] = error
        return errors

    def _put(self, file: NewFile) -> None:
        if file.key in self._files and not file.replace:
            raise FileExistsError(errno.EEXIST, "File exists", file.key)
        if isinstance(file.content, bytes):
            self._files[file.key] = file.content
            return
        data = file.content.read_at(0, file.content.size)
        file.content.check_unchanged()
        self._files[file.key] = data

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
