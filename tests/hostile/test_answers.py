"""Wrong answers of web servers: what comes is right, or there is an error, and no page is taken for an empty one.

Each kind is given to whoever reads a page, downloads a wheel with a known sha256 and without, and reads a wheel in parts;
from the first answer on, or from the second. Work is counted: requests, bytes, and seconds that would have been waited.
"""

import hashlib
import json
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from building import Entry, WheelSpec, build_wheel, metadata_bytes
from hostile.answers import Site, serving
from hostile.answers_kinds import KINDS
from in_memory import Held
from parts import PARTS, chosen_parts
from wheelfix.errors import ArchiveError, SourceChanged, WheelfixError
from wheelfix.mirror.follow import IndexPage
from wheelfix.mirror.pages import ListedFile
from wheelfix.refusals import REFUSALS
from wheelfix.text import shown_lines
from wheelfix.upstream.client import get_page
from wheelfix.upstream.http import Session
from wheelfix.upstream.remote_wheel import metadata_of, open_remote
from wheelfix.upstream.urls import name_of_index
from wheelfix.upstream.whole_file import Wanted, download
from wheelfix.wheel.zip.layout import read_layout

NAME: Final = "demo-1.0-py3-none-any.whl"
FILE: Final = build_wheel(WheelSpec(files=(Entry("demo/data", random.Random(19).randbytes(400_000)),)))
METADATA: Final = metadata_bytes(WheelSpec())
SHA256: Final = hashlib.sha256(FILE).hexdigest()
PAGE: Final = json.dumps(
    {"meta": {"api-version": "1.1"}, "name": "demo", "versions": ["1.0"],
     "files": [{"filename": NAME, "url": f"/files/{NAME}", "hashes": {"sha256": SHA256}, "size": len(FILE)}]}
).encode()  # fmt: skip
_MOST_REQUESTS: Final = 60
_LONGEST_WAIT: Final = 700.0
"""In seconds: what all pauses of a session may last together, and those of a download."""
_MOST_MEMORY: Final = 96 << 20
LISTED: Final = ListedFile(
    filename=NAME, url="", sha256=SHA256, size=len(FILE), upload_time="2026-01-01T00:00:00Z", upstream="index"
)  # fmt: skip
"""The file as a mirror lists it that has it from the index."""


def read_page(session: Session, url: str, folder: Path) -> None:
    """Read the page; one that is read lists the file, or is known not to be whole, so that a mirror keeps what it has."""
    index = f"{url}/simple/"
    found = get_page(session, index, "demo")
    if found is not None and [each.filename for each in found.page.packages] != [NAME]:
        assert found.wheels == []
        assert not IndexPage(index, found).has_removed(replace(LISTED, upstream=name_of_index(index)))


def download_known(session: Session, url: str, folder: Path) -> None:
    """Download the file, of which the sha256 is known."""
    download(session, Wanted(f"{url}/files/{NAME}", NAME, SHA256, len(FILE)), folder / NAME)
    assert (folder / NAME).read_bytes() == FILE


def download_unknown(session: Session, url: str, folder: Path) -> None:
    """Download the file, of which nothing is known: nobody takes another one for a wheel."""
    download(session, Wanted(f"{url}/files/{NAME}", NAME), folder / NAME)
    data = (folder / NAME).read_bytes()
    if data != FILE and not _differs_inside(data):
        (folder / NAME).unlink()
        read_layout(Held(data))
        raise AssertionError("it is read as a wheel")


def _differs_inside(data: bytes) -> bool:
    """Whether one bit of a file is another one: its sum says so, which `wheelfix verify` reads."""
    return len(data) == len(FILE) and sum(one != two for one, two in zip(data, FILE, strict=True)) == 1


def read_parts(session: Session, url: str, folder: Path) -> None:
    """Read METADATA, and other parts of the file."""
    with open_remote(session, f"{url}/files/{NAME}").open() as file:
        assert metadata_of(file) == METADATA
        for start in (0, 200_000, 100_000):
            assert file.read_at(start, 20) == FILE[start : start + 20]
        file.check_unchanged()


READERS: Final[dict[str, Callable[[Session, str, Path], None]]] = {
    each.__name__: each for each in (read_page, download_known, download_unknown, read_parts)
}


class Waits(list[float]):
    """The pauses that were to be waited for, and are not."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """Let nobody wait."""
    found = Waits()
    monkeypatch.setattr("wheelfix.upstream.whole_file.sleep", found)
    monkeypatch.setattr("wheelfix.upstream.http.sleep", found)
    return found


def check(error: WheelfixError) -> str:
    """Assert that an error has a known code and a short message, without secrets; return the code."""
    text = str(error)
    assert error.code in REFUSALS or isinstance(error, ArchiveError | SourceChanged)
    assert error.hint
    assert text == shown_lines(text)
    assert len(text) < 5000
    assert "secret" not in text
    return error.code


def end(reader: str, kind: str, after: int, folder: Path, waits: Waits) -> str:
    """Read what a server sends wrongly; return the code of the error, or that it was right."""
    waits.clear()
    site = Site(PAGE, FILE, KINDS[kind], after)
    with serving(site) as url:
        session = Session(timeout=5)
        code = "right"
        try:
            READERS[reader](session, url, folder)
        except WheelfixError as error:
            code = check(error)
        finally:
            session.close()
    assert len(site.requests) <= _MOST_REQUESTS
    assert sum(waits) <= _LONGEST_WAIT
    assert not list(folder.glob("*.part"))
    assert code == "right" or not (folder / NAME).exists()
    (folder / NAME).unlink(missing_ok=True)
    return code


def ends(reader: str, kinds: list[str], afters: tuple[int, ...], folder: Path, waits: Waits) -> dict[str, int]:
    """Return how often each end came."""
    found = dict[str, int]()
    for kind in kinds:
        for after in afters:
            try:
                code = end(reader, kind, after, folder, waits)
            except BaseException as error:
                error.add_note(f"{reader}: {kind}, after {after}")
                raise
            found[code] = found.get(code, 0) + 1
    return found


def test_there_are_enough() -> None:
    assert len(KINDS) >= 200


@pytest.mark.parametrize("reader", READERS)
def test_some_kinds_of_wrong_answers_are_errors_or_no_harm(reader: str, tmp_path: Path, waits: Waits) -> None:
    chosen = list(KINDS)[list(READERS).index(reader) :: 6]
    assert len(ends(reader, chosen, (0,), tmp_path, waits)) > 1


@pytest.mark.long
@pytest.mark.parametrize("part", chosen_parts())
@pytest.mark.parametrize("reader", READERS)
def test_each_kind_of_wrong_answer_is_an_error_or_no_harm(reader: str, part: int, tmp_path: Path, waits: Waits) -> None:
    assert len(ends(reader, list(KINDS)[part::PARTS], (0, 1), tmp_path, waits)) > 1


@pytest.mark.parametrize("kind", ["encoding: a bomb", "encoding: a bomb of members", "chunks: bytes one by one"])
def test_what_grows_takes_little_memory(kind: str, tmp_path: Path, waits: Waits) -> None:
    tracemalloc.start()
    try:
        end("read_page", kind, 0, tmp_path, waits)
        assert tracemalloc.get_traced_memory()[1] < _MOST_MEMORY
    finally:
        tracemalloc.stop()
