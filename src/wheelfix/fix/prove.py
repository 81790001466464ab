"""The proof that a new wheel differs from the old one as planned, in no other byte, and that others can read it.

The strict reader reads it, and it is compared with the old one, entry by entry. Then
:class:`wheel.wheelfile.WheelFile`, which is not ours, opens it and checks what was written against RECORD.
"""

import errno
import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import Final
from zipfile import BadZipFile, ZipFile  # noqa: TID251 - on purpose a reader that is not ours

from wheel.wheelfile import WheelFile

from wheelfix.diff.archive import Side
from wheelfix.diff.files import compare_archives
from wheelfix.diff.model import ArchiveChange
from wheelfix.errors import ArchiveError, MetadataError, RecordError, VerificationError
from wheelfix.fix.assemble import Assembly
from wheelfix.fix.prove_spans import adds_as_planned, differs_as_planned, dist_info_of
from wheelfix.fix.prove_text import (
    is_row_of,
    metadata_difference,
    record_difference,
    still_listed,
    without_rows,
    wrongly_listed,
)
from wheelfix.text import shown, shown_few
from wheelfix.wheel.identity import DATA, INFO
from wheelfix.wheel.wheel import limit_of
from wheelfix.wheel.zip.inflate import read_content
from wheelfix.wheel.zip.layout import Layout, read_layout
from wheelfix.wheel.zip.readback import NOT_PUBLISHED
from wheelfix.wheel.zip.rewrite import Written
from wheelfix.wheel.zip.source import Readable, Span
from wheelfix.wheel.zip.staging import directory_for_links
from wheelfix.wheel.zip.structs import FULL_32, VERSION_ZIP64, Entry

_END: Final = "zip64-end"
"""The one way in which an archive may differ as a whole: where positions in it are larger."""
_OF_POSITION: Final = "version-needed"
_OF_ENTRY: Final = frozenset(
    {"time", "disk", "made-by", "external-attributes", "internal-attributes", "comment", "extra-field", "local-extra-field"}
)
"""What a rewritten entry has in common with the one that it replaces."""
_BLOCK: Final = 1 << 16
_READABLE_STEM: Final = re.compile(r"[^\s-]+-[^\s-]+")


def confirm_readable(path: Path, work: Assembly, beside: Path) -> str | None:
    """Confirm with readers that are not ours that what was written at ``path`` reads back, and matches RECORD.

    The ``wheel`` library refuses some wheels that installers take, for a weak hash in RECORD, say. Where it refused the old
    wheel too, only the contents are compared, and a sentence that says so is returned.

    ``beside`` is a directory that can be written to, for a link where the system has no usable one for temporary files.

    :raises VerificationError: if an entry does not read back, or the library refuses the new wheel only.
    """
    with warnings.catch_warnings():
        # From Python 3.12 on zipfile warns of odd fields that it reads all the same; `wheelfix verify` reports them.
        warnings.simplefilter("ignore", UserWarning)
        refusal = _refusal(path, work.plan.renaming.dist_info, work.expected, beside)
        if refusal is None:
            return None
        if _refusal(work.wheel.path, work.wheel.dist_info, {}, beside) is None:
            raise _failed(f"the wheel library refuses it: {refusal}")
        try:
            with ZipFile(path) as archive:
                _compare(archive, work.expected)
        except BadZipFile as error:
            raise _failed(f"zipfile refuses it: {error}") from error
        except NotImplementedError:
            pass  # an entry needs a newer reader: it is kept, and contents were compared by ours already
        return f"The `wheel` library rejects both the original and the new wheel: {refusal}."


def prove(work: Assembly, output: Readable, written: Written) -> Layout:
    """Confirm that between the wheel of ``work`` and the new one, ``output``, only that differs which was planned.

    Every entry that is not rewritten must be there with the same bytes, the same records and in the same order: this is
    what ``wheelfix diff`` compares. One that replaces another keeps its time and mode. METADATA and RECORD
    differ by the changes of the plan, no further. ``written`` is what was read back already, byte for byte.

    Return where everything lies in the new wheel, or what is in dist-info if no other name and no file there changes.

    :raises VerificationError: if anything else differs.
    """
    try:
        layout = written.layout
        if not differs_as_planned(work, output, written):
            layout = layout or read_layout(output)  # in doubt all of it is compared, which says what is wrong
            _prove_entries(work, output, layout, written.spans)
        if not adds_as_planned(work, output, written):
            raise _failed("an added file has not the time and mode of METADATA")
        _prove_contents(work, output, {entry.name: entry for entry in written.entries})
        if layout is None:
            layout = dist_info_of(work, written) if work.only_metadata else read_layout(output)
        still = [name for each in work.removed if (name := work.name_of(each)) in layout.names and name not in work.expected]
        if still:
            raise _failed(f"what was to be removed is there: {shown_few(sorted(still))}")
    except (KeyError, ArchiveError, MetadataError, RecordError) as error:
        raise _failed(str(error)) from error
    return layout


def _prove_entries(work: Assembly, output: Readable, layout: Layout, known: Sequence[Span]) -> None:
    wheel, directories, written = work.wheel, work.plan.renaming.directories, work.expected.keys()
    found = compare_archives(Side(wheel.layout, wheel.source), Side(layout, output), directories, known, written)
    wrong = [each.after for each in (*found.added, *found.changed) if each.after not in written]
    wrong += [each.before for each in found.removed if each.before not in work.removed]
    wrong += [each.after for each in found.renamed if each.after not in {work.name_of(each.before or ""), *written}]
    wrong += found.moved
    wrong += _with_other_names(work, layout)
    wrong += _left_data(work, layout)
    replacing = written - {work.name_of(name) for name in work.removed}
    wide = {entry.name for entry in layout.entries if _is_wide(layout, entry)}
    wrong += [each.file or each.kind for each in found.archive if not _follows(each, written, replacing, wide)]
    if wrong:
        raise _failed(f"more differs than was planned: {shown_few([name or '?' for name in wrong])}")


def _with_other_names(work: Assembly, layout: Layout) -> list[str]:
    """Return the entries that are not called what was planned: one that kept its old name would pass for the same file."""
    if not work.plan.renaming.directories:
        return []
    kept = (work.name_of(name) for name in work.wheel.layout.names if name not in work.removed)
    return sorted({*kept, *work.expected} ^ {*layout.names})


def _left_data(work: Assembly, layout: Layout) -> list[str]:
    """Return the entries of the wheel's own .data directory that are not in the one of the new wheel, whatever was planned.

    Some installers would put them below site-packages as they stand, where before all of them placed them.
    """
    old, new = (f"{info.removesuffix(INFO)}{DATA}/" for info in (work.wheel.dist_info, work.plan.renaming.dist_info))
    kept = (name for name in work.wheel.layout.names if name.startswith(old) and name not in work.removed)
    return sorted(name for name in kept if f"{new}{name.removeprefix(old)}" not in layout.names)


def _prove_contents(work: Assembly, output: Readable, new: Mapping[str, Entry]) -> None:
    """Confirm that what was written reads back, and that METADATA and RECORD differ as planned."""
    wheel, plan = work.wheel, work.plan
    for name, content in work.expected.items():
        if read_content(output, new[name], limit=limit_of("RECORD")) != content:
            raise _failed(f"{shown(name)} does not read back as it was written")
    own = f"{plan.renaming.dist_info}/RECORD"
    metadata, record = plan.new_metadata, work.expected[own]
    gone = [work.name_of(name) for name in work.removed.difference(plan.removed_entries)]
    found = {
        "METADATA": metadata_difference(wheel.read("METADATA"), metadata, plan.changes),
        "RECORD": record_difference(
            without_rows(wheel.read("RECORD"), plan.removed_rows),
            record,
            [each for each in plan.changes if not is_row_of(each, plan.removed_rows)],
            directories=plan.renaming.directories,
            files={*work.expected, *gone},
        ),
        "WHEEL": _wheel_file_difference(work),
    }
    wrong = [f"{file}: {difference}" for file, difference in found.items() if difference]
    unlisted = wrongly_listed(record, work.expected, gone, own)
    unlisted = unlisted or still_listed(record, frozenset(map(work.name_of, plan.removed_rows)))
    if wrong or unlisted:
        raise _failed(f"more differs than was planned: {'; '.join(wrong) or unlisted}")


def _wheel_file_difference(work: Assembly) -> str:
    """Return in what WHEEL differs beyond what was planned, empty if in nothing; it is kept if it was not written."""
    wheel, renaming = work.wheel, work.plan.renaming
    content = work.expected.get(f"{renaming.dist_info}/WHEEL")
    if content is None and renaming.filename == wheel.filename:
        return ""
    from wheelfix.fix.prove_wheel_file import wheel_file_difference  # imported late: most fixes leave it alone

    old = wheel.read("WHEEL")
    return wheel_file_difference(
        old, old if content is None else content, work.plan.changes, wheel.filename, renaming.filename
    )


def _is_wide(layout: Layout, entry: Entry) -> bool:
    """Whether the position of an entry stands in its ZIP64 field."""
    return layout.fields(entry).offset == FULL_32


def _follows(change: ArchiveChange, written: Collection[str], replacing: Collection[str], wide: Collection[str]) -> bool:
    """Whether the archives may differ in this: it follows from what was planned.

    Of one that is ``replacing`` another only what follows from its content may; of one that is kept
    only the version that is needed, where its position is too large for the old one.
    """
    if change.file is None:
        return change.kind == _END
    if change.file in written:
        return change.file not in replacing or change.kind not in _OF_ENTRY
    return change.kind == _OF_POSITION and change.file in wide and change.after == str(VERSION_ZIP64)


def _refusal(path: Path, dist_info: str, expected: Mapping[str, bytes], beside: Path) -> str | None:
    """Return why ``WheelFile`` does not open the wheel at ``path`` or read METADATA, ``None`` if it does."""
    stem = dist_info.removesuffix(".dist-info")
    if not _READABLE_STEM.fullmatch(stem):
        return f"it expects another directory than {shown(dist_info)}"
    # WheelFile finds the dist-info directory by the file's name, so it gets a link with the name that fits.
    with _linked(path, f"{stem}-py3-none-any.whl", beside) as link:
        try:
            with WheelFile(link) as opened:
                try:
                    opened.read(f"{dist_info}/METADATA")
                    _compare(opened, expected)
                finally:
                    # A file that it opened refers to itself, and to this: 900 bytes for each entry would stay.
                    opened.filelist.clear()
                    opened.NameToInfo.clear()
        except VerificationError:
            raise
        except OSError as error:
            if error.errno != errno.EINVAL:  # of a position before the start, which a hostile archive names
                raise  # the system failed: that says nothing of the wheel
            return shown(f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 - a hostile RECORD makes it raise what it never documented
            return shown(f"{type(error).__name__}: {error}")
    return None


@contextmanager
def _linked(path: Path, name: str, beside: Path) -> Iterator[Path]:
    """Yield a link to ``path`` that is called ``name``: in the system's directory for temporary files, else in ``beside``.

    Where a run is killed, the next one removes it.

    :raises OSError: if neither can be written to.
    """
    with ExitStack() as stack:
        try:
            link = stack.enter_context(_link_in(Path(gettempdir()), path, name))
        except OSError:  # a container that can write to its output volume only, or a /tmp in memory that is full
            link = stack.enter_context(_link_in(beside, path, name))
        yield link


@contextmanager
def _link_in(place: Path, path: Path, name: str) -> Iterator[Path]:
    with directory_for_links(place) as directory:
        link = directory / name
        link.symlink_to(path.absolute())
        yield link


def _compare(archive: ZipFile, expected: Mapping[str, bytes]) -> None:
    for name, content in expected.items():
        position = 0
        with archive.open(name) as file:  # RECORD has megabytes: it is not held twice
            while block := file.read(_BLOCK):
                if not content.startswith(block, position):
                    break
                position += len(block)
        if block or position != len(content):
            raise _failed(f"{shown(name)} does not read back as it was written")


def _failed(message: str) -> VerificationError:
    return VerificationError(
        "not-as-planned",
        f"the new wheel is not what was planned: {message}",
        hint=NOT_PUBLISHED,
    )
