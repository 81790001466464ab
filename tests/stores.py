"""A store of a mirror that is no directory, and in which writers can meet at every step."""

import errno
import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from in_memory import Held
from wheelfix.errors import ChangedMeanwhile, WheelfixError
from wheelfix.locations import Url
from wheelfix.mirror.storage.base import Head, NewFile, Stored, Write
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.results import Finding

START = datetime.now(UTC)  # the clock of the machine, which wheelfix compares with that of a store
Hook = Callable[[str, str], None]
"""Called with an operation and the key, or prefix, that it touches."""


class Blob(NamedTuple):
    """What lies at a key: its bytes, when they were written, and how many writes there were before."""

    data: bytes
    modified: datetime
    number: int


class Objects(dict[str, Blob]):
    """What lies in a store, and its clock, which stands still until somebody moves it."""

    now = START
    writes = 0

    def write(self, key: str, data: bytes) -> None:
        self.writes += 1
        self[key] = Blob(data, self.now, self.writes)

    def copy(self) -> "Objects":
        """Return a store with the same content, at the same time."""
        new = Objects(self)
        new.now, new.writes = self.now, self.writes
        return new

    def pass_time(self, hours: float) -> None:
        self.now += timedelta(hours=hours)


class MemoryStore:
    """A store of a mirror that promises no more than a bucket does: each key is written for itself.

    Several can share ``objects``, one for each process. ``before`` and ``after`` are called around each operation. Versions
    are those of S3, which depend on the content alone, or ``generations`` as in GCS. One that ``deletes_if`` can delete what
    has a certain version.
    """

    def __init__(
        self, scratch: Path, objects: Objects | None = None, *, generations: bool = False, deletes_if: bool = False
    ) -> None:
        self.location = Url("memory://mirror")
        self.objects = Objects() if objects is None else objects
        self.before: Hook = lambda operation, key: None
        self.after: Hook = lambda operation, key: None
        self.requests: list[tuple[str, str]] = []
        self._scratch = scratch
        self._generations = generations
        self._deletes_if = deletes_if

    @property
    def is_shared(self) -> bool:
        return True

    @contextmanager
    def _step(self, operation: str, key: str) -> Iterator[None]:
        self.requests.append((operation, key))
        self.before(operation, key)
        yield
        self.after(operation, key)

    def read(self, key: str) -> Stored | None:
        with self._step("read", key):
            blob = self.objects.get(key)
        return None if blob is None else Stored(blob.data, self._version(blob))

    def _version(self, blob: Blob) -> str:
        return str(blob.number) if self._generations else f'"{hashlib.md5(blob.data).hexdigest()}"'

    @contextmanager
    def open(self, key: str) -> Iterator[Held]:
        with self._step("open", key):
            blob = self.objects[key]
        yield Held(blob.data)

    def head(self, key: str) -> Head | None:
        with self._step("head", key):
            blob = self.objects.get(key)
        return None if blob is None else Head(len(blob.data), hashlib.sha256(blob.data).hexdigest(), blob.modified)

    def keys(self, prefix: str) -> Iterator[str]:
        return (key for key, _ in self.heads(prefix))

    def heads(self, prefix: str) -> Iterator[tuple[str, Head]]:
        with self._step("list", prefix):
            found = sorted((key, blob) for key, blob in self.objects.items() if key.startswith(f"{prefix}/"))
        return ((key, Head(len(blob.data), None, blob.modified)) for key, blob in found)

    def put_new(self, files: Iterable[NewFile], progress: Progress = NO_PROGRESS) -> dict[str, WheelfixError | OSError]:
        errors: dict[str, WheelfixError | OSError] = {}
        for file in files:
            assert file.attributes.content_type
            try:
                self._put(file)
            except (WheelfixError, OSError) as error:
                errors[file.key] = error
        return errors

    def _put(self, file: NewFile) -> None:
        with self._step("put", file.key):
            if file.key in self.objects and not file.replace:
                raise FileExistsError(errno.EEXIST, "File exists", file.key)
            data = file.content
            if not isinstance(data, bytes):
                data = data.read_at(0, data.size)
                file.content.check_unchanged()  # type: ignore[union-attr]
            assert file.sha256 in (None, hashlib.sha256(data).hexdigest())
            self.objects.write(file.key, data)

    def put_if(self, writes: Iterable[Write]) -> None:
        written: list[str] = []
        for write in writes:
            with self._step("put_if", write.key):
                self._check(write.key, write.version, written)
                self.objects.write(write.key, write.data)
            written.append(write.key)

    def _check(self, key: str, version: str | None, written: Iterable[str] = ()) -> None:
        there = self.objects.get(key)
        if (None if there is None else self._version(there)) != version:
            raise ChangedMeanwhile(key, tuple(written))

    def delete(self, key: str) -> None:
        with self._step("delete", key):
            self.objects.pop(key, None)

    def delete_if(self, key: str, version: str) -> bool:
        if not self._deletes_if:
            return False
        with self._step("delete_if", key):
            if key in self.objects:
                self._check(key, version)
                del self.objects[key]
        return True

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


class Turns:
    """Lets processes, which are threads here, do one operation each in a certain order.

    ``order`` are the indices of those whose turn it is; one that is done is passed over. When it is over they run one after
    the other.
    """

    def __init__(self, order: Iterable[int]) -> None:
        self._order = list(order)
        self._condition = threading.Condition()
        self._left: set[int] = set()
        self._waiting: set[int] = set()
        self._turn: int | None = None

    def run(self, stores: Iterable[MemoryStore], runs: Iterable[Callable[[], object]]) -> list[BaseException | None]:
        """Run all; return the error of each, ``None`` where it had none."""
        runs, errors = list(runs), dict[int, BaseException]()
        self._left = set(range(len(runs)))

        def process(index: int, run: Callable[[], object]) -> None:
            try:
                self._wait(index)
                run()
            except BaseException as error:  # noqa: BLE001 - that of a process that was killed, too
                errors[index] = error
            finally:
                with self._condition:
                    self._left.discard(index)
                    self._turn = None
                    self._next()

        for index, store in enumerate(stores):
            store.before = lambda operation, key, index=index: self._wait(index)  # type: ignore[misc]
        threads = [threading.Thread(target=process, args=each, daemon=True) for each in enumerate(runs)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(60)
            assert not each.is_alive(), "the schedule hangs"
        return [errors.get(index) for index in range(len(runs))]

    def _wait(self, index: int) -> None:
        """Wait until it is the turn of ``index``, which ends the turn that it had."""
        with self._condition:
            self._waiting.add(index)
            self._turn = None
            self._next()
            self._condition.wait_for(lambda: self._turn == index)
            self._waiting.discard(index)

    def _next(self) -> None:
        """Give the next turn, once everybody who is left waits for one."""
        if self._turn is not None or not self._left or self._waiting != self._left:
            return
        while self._order and self._order[0] not in self._left:
            self._order.pop(0)
        self._turn = self._order.pop(0) if self._order else min(self._left)
        self._condition.notify_all()
