"""The archive of a wheel, rebuilt before anything else is fixed in it: whether it may be, and the proof that it is the same.

Reading, planning and previewing take the new archive as a view of the old one. Only where something is written it becomes
a file, without a name, from which the usual way of fixing makes the result. That file is compared with the wheel as it
came, entry by entry, by what both say of themselves: nothing of the view is believed.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from zipfile import BadZipFile, ZipFile  # noqa: TID251 - on purpose a reader that is not ours

from wheelfix.errors import ArchiveError, SourceChanged, StructureError, WheelError
from wheelfix.fix.repair import NewContainer
from wheelfix.options import Selection
from wheelfix.results import Change, ChangeAction
from wheelfix.text import counted, shown
from wheelfix.verify.container import check_container, rebuildable
from wheelfix.verify.run import examine_as_it_is
from wheelfix.wheel.zip.inflate import Damaged
from wheelfix.wheel.zip.layout import Layout, read_layout
from wheelfix.wheel.zip.output import Growing
from wheelfix.wheel.zip.rare_methods import METHODS, unpacked_blocks
from wheelfix.wheel.zip.readback import not_as_planned
from wheelfix.wheel.zip.rebuild import Rebuilt, read_container
from wheelfix.wheel.zip.source import Readable, Source, length_in_common
from wheelfix.wheel.zip.staging import StagedFile
from wheelfix.wheel.zip.structs import DEFLATED, STORED, Entry, exists

OPTION_HELP: Final = (
    "To write its contents into a new container, if RECORD confirms them, run `wheelfix repair --rebuild-archive`."
)
_BUILD_AGAIN: Final = "Build or download the wheel again."
_PERMISSIONS: Final = 0o777 << 16


class Rebuilding(NewContainer, frozen=True):
    """A wheel that is to be read from a new container: ``view`` is that, readable without writing it."""

    view: Rebuilt

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know: the one exception to what is kept of an archive."""
        stored = sum(each.method in METHODS for each in self.view.old.entries)
        words = f" {counted(stored, 'file')} in bzip2, LZMA or XZ {'is' if stored == 1 else 'are'} stored." if stored else ""
        return (f"The new container keeps names, order and compressed data of all files; other bytes are removed.{words}",)


class NotRebuilt(Exception):
    """The archive stays as it is, although its container is not right; the text is a sentence that says why."""


def plan_rebuilding(source: Source, selection: Selection) -> Rebuilding | None:
    """Return how the wheel ``source`` is read from a new container, ``None`` if nothing of ``selection`` needs one.

    All its entries are read.

    :raises ArchiveError: if two readers could read different contents, or RECORD does not confirm them, and the wheel
        cannot be read as it is.
    :raises NotRebuilt: for the same reasons, if it can.
    """
    path = source.path
    found = [each for each in check_container(path, source) if selection.includes(each.code)]
    if not found:
        return None
    try:
        rebuilt = rebuildable(path, source, found, {}, examine_as_it_is)
        if rebuilt is None:
            return None
        if rebuilt.doubt is not None:
            finding = rebuilt.doubt.finding
            message = "RECORD does not confirm all contents of the archive"
            raise ArchiveError("contents-in-doubt", message, hint=_BUILD_AGAIN, reason=f"{finding.code}: {finding}")
    except ArchiveError as error:
        if not _is_readable(source):
            raise
        reason = f" ({error.reason})" if error.reason else ""
        raise NotRebuilt(f"The archive was not rebuilt: {error.message}{reason}.") from error
    codes = ", ".join(dict.fromkeys(each.code for each in rebuilt.fixed))
    change = Change("archive", ChangeAction.REBUILD_ARCHIVE, None, None, reason=codes)
    return Rebuilding(change, rebuilt.fixed, rebuilt.sums, rebuilt.view)


def _is_readable(source: Readable) -> bool:
    try:
        read_layout(source)
    except ArchiveError:
        return False
    return True


def with_help(error: WheelError, path: Path) -> WheelError:
    """Return ``error``, of a wheel that cannot be read; its hint names the option by which it can be, where there is one.

    Contents are not read, so that RECORD may still not confirm them.
    """
    try:
        with Source(path) as source:
            helps = _may_help(error, source)
    except (WheelError, SourceChanged, OSError):
        return error
    return type(error)(error.code, error.message, hint=OPTION_HELP, reason=error.reason) if helps else error


def _may_help(error: WheelError, source: Readable) -> bool:
    container = Rebuilt(source).old
    if isinstance(error, StructureError):
        return any("\\" in name for name in container.names)  # dist-info may be one of them
    methods = {entry.method for entry in container.entries}
    if error.code == "unknown-compression":
        return methods <= {STORED, DEFLATED, *METHODS}
    return not _is_readable(source)


class RebuiltSource(Source):
    """A new container at ``path``, in place of the file ``original``: what is read is of the one, what it is of the other.

    ``path``, identity, owner and mode are those of the original, and it is the original that must not change.
    """

    def __init__(self, original: Source, path: Path) -> None:
        super().__init__(path)
        self.path = original.path
        self._original = original

    @property
    def identity(self) -> tuple[int, int, int, int]:
        """That of the original."""
        return self._original.identity

    @property
    def mode(self) -> int:
        """The permission bits of the original."""
        return self._original.mode

    @property
    def owner(self) -> tuple[int, int]:
        """The owner of the original."""
        return self._original.owner

    def check_unchanged(self) -> None:
        """Confirm that the original is as it was when it was opened.

        :raises SourceChanged: if it is not.
        """
        self._original.check_unchanged()

    def check_unchanged_at(self, path: Path) -> None:
        """Confirm the same of the original at ``path``.

        :raises SourceChanged: if it is another file, or changed.
        :raises OSError: if there is none.
        """
        self._original.check_unchanged_at(path)

    def is_at(self, path: Path) -> bool:
        """Whether ``path`` is a path of the original."""
        return self._original.is_at(path)


@contextmanager
def staged(source: Source, view: Rebuilt, directory: Path) -> Iterator[RebuiltSource]:
    """Yield the new container of ``source`` as a file in ``directory``, made if need be, that is proved and has no name.

    :raises OSError: if it cannot be written.
    :raises SourceChanged: if the source changed.
    :raises VerificationError: if the contents are not those of the source.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with StagedFile(directory, source.mode) as file, Growing(file.descriptor) as output:
        view.write(source, output)
        output.end()
        with RebuiltSource(source, file.path) as rebuilt:
            prove_rebuilt(source, rebuilt)
            _confirm_by_zipfile(file.path, read_layout(rebuilt))
            source.check_unchanged()
            yield rebuilt


def prove_rebuilt(source: Readable, rebuilt: Readable) -> None:
    """Confirm that a new container has the contents of the old one: the same names and bytes, in the same order.

    Names differ by slashes for backslashes alone, times where one did not exist, permissions not at all.

    :raises VerificationError: if anything else differs.
    """
    old = read_container(source)
    try:
        new = read_layout(rebuilt)
    except ArchiveError as error:
        raise not_as_planned(error.message) from error
    if len(old) != len(new) or [*old.order] != [*new.order]:
        raise not_as_planned("its entries are others, or in another order")
    for before, after in zip(old.entries, new.entries, strict=True):
        _compare_records(old, before, new, after)
        if not _same_content(source, before, rebuilt, after):
            raise not_as_planned(f"{shown(after.name)} has other content")


def _compare_records(old: Layout, before: Entry, new: Layout, after: Entry) -> None:
    was, now = old.fields(before), new.fields(after)
    same = (
        after.name == before.name.replace("\\", "/")
        and (after.size, after.crc) == (before.size, before.crc)
        and not (was.external_attributes ^ now.external_attributes) & _PERMISSIONS
        and (was.made_by, was.internal_attributes) == (now.made_by, now.internal_attributes)
        and ((was.time, was.date) == (now.time, now.date) or not exists(was.time, was.date))
    )
    if not same:
        raise not_as_planned(f"the records of {shown(after.name)} differ")


def _same_content(source: Readable, before: Entry, rebuilt: Readable, after: Entry) -> bool:
    """Whether the compressed bytes are the same or, where they were compressed by a rare method, the content is."""
    length = after.data_stop - after.data_start
    if after.method == before.method:
        same = length_in_common(source, before.data_start, rebuilt, after.data_start, length)
        return length == before.data_stop - before.data_start == same
    if before.method not in METHODS or after.method != STORED:
        return False
    position = after.data_start
    try:
        for block in unpacked_blocks(source, before):
            if position + len(block) > after.data_stop or rebuilt.read_at(position, len(block)) != block:
                return False
            position += len(block)
    except Damaged:
        return False
    return position == after.data_stop


def _confirm_by_zipfile(path: Path, layout: Layout) -> None:
    """Confirm with a reader that is not ours that the archive at ``path`` lists the same files.

    :raises VerificationError: if it does not.
    """
    ours = ((each.name, each.crc, each.size, each.data_stop - each.data_start) for each in layout.entries)
    try:
        with warnings.catch_warnings(), ZipFile(path) as archive:
            warnings.simplefilter("ignore", UserWarning)
            found = ((each.filename, each.CRC, each.file_size, each.compress_size) for each in archive.infolist())
            same = all(one == two for one, two in zip(ours, found, strict=True))
    except (BadZipFile, NotImplementedError, ValueError) as error:
        raise not_as_planned(f"zipfile reads something else: {error}") from error
    if not same:
        raise not_as_planned("zipfile lists other files")
