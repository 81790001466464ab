"""The page of a project while files are added to it; each file is found without a look at all the others."""

from bisect import insort
from collections.abc import Callable, Hashable, Iterable, Sequence
from operator import attrgetter
from typing import Final

from msgspec.structs import replace

from wheelfix.mirror.pages import ListedFile, Page

_ORDER: Final = attrgetter("order")


class _Index:
    """Files by what ``key`` returns for each; those with the same key in their order."""

    def __init__(self, key: Callable[[ListedFile], Hashable], files: Iterable[ListedFile]) -> None:
        self._key = key
        self._files: dict[Hashable, list[ListedFile]] = {}
        for each in files:
            self._files.setdefault(key(each), []).append(each)

    def get(self, key: Hashable) -> Sequence[ListedFile]:
        return self._files.get(key, ())

    def add(self, file: ListedFile) -> None:
        insort(self._files.setdefault(self._key(file), []), file, key=_ORDER)

    def remove(self, file: ListedFile) -> None:
        key = self._key(file)
        self._files[key] = [each for each in self._files[key] if each is not file]


class Draft:
    """What becomes of ``page``, whose files are in order, while files are added to it.

    A page has thousands of files, and thousands may be added to it at once: files are known by name, release and original.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._files = {each.filename: each for each in page.files}
        self._past = {id(each): each for each in page.past}  # in the order in which they were replaced
        self._by_release = _Index(attrgetter("release"), page.files)
        self._by_original = _Index(attrgetter("original_sha256"), page.files)
        self._past_by_sum = _Index(attrgetter("sha256"), page.past)
        self._past_by_original = _Index(attrgetter("original_sha256"), page.past)

    @property
    def project(self) -> str:
        """The project."""
        return self._page.project

    def page(self) -> Page:
        """Return the page as it is now."""
        files = tuple(sorted(self._files.values(), key=_ORDER))
        return replace(self._page, files=files, past=tuple(self._past.values()))

    def find(self, filename: str) -> ListedFile | None:
        """Return the listed file of this name, ``None`` where there is none."""
        return self._files.get(filename)

    def find_same(self, file: ListedFile) -> ListedFile | None:
        """Return the listed file that is the same wheel as ``file`` to installers, ``None`` where there is none."""
        return next((each for each in self.release(file.release) if each.identity == file.identity), None)

    def release(self, release: Hashable) -> Sequence[ListedFile]:
        """Return the listed files of a release, in order."""
        return self._by_release.get(release)

    def replaced(self, sha256: str) -> Sequence[ListedFile]:
        """Return the files of the past with this sha256 (hexadecimal)."""
        return self._past_by_sum.get(sha256)

    def of_original(self, sha256: str) -> Sequence[ListedFile]:
        """Return the files that are an original with this sha256 (hexadecimal), or were made from it; replaced ones last."""
        return (*self._by_original.get(sha256), *self._past_by_original.get(sha256))

    def add(self, file: ListedFile) -> None:
        """List ``file``; one of the same name with other bytes becomes one of the past."""
        for each in self._past_by_sum.get(file.sha256):
            del self._past[id(each)]
            self._past_by_sum.remove(each)
            self._past_by_original.remove(each)
        before = self._files.get(file.filename)
        if before is not None:
            self._by_release.remove(before)
            self._by_original.remove(before)
            if before.sha256 != file.sha256:
                self._past[id(before)] = before
                self._past_by_sum.add(before)
                self._past_by_original.add(before)
        self._files[file.filename] = file
        self._by_release.add(file)
        self._by_original.add(file)
