"""isal beside zlib: where it may stand in, what it takes that zlib refuses, and that zlib has the last word."""

import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from building import Entry, archive_of, changed, write_wheel
from defects import valid
from elfwriter import shared_object
from in_memory import hold, only_entry, packed
from rfc1951 import inflated
from wheelfix.errors import ArchiveError
from wheelfix.evidence import linkage
from wheelfix.evidence.linkage import Linkage, Scanner
from wheelfix.fix.batch import fix_wheels
from wheelfix.options import Output
from wheelfix.results import Status
from wheelfix.verify.run import check_wheel
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip import inflate
from wheelfix.wheel.zip.inflate import ZLIB, Inflater, crc32_for, library_for, read_content

ISAL = inflate._isal()
MEBIBYTE = 1 << 20
PREFIX = bytes.fromhex("04c0810000000080207feb030000ffff")
"""A block whose only symbol is its end, with a code of two bits: the other three codes of two bits mean nothing."""
TEXT = b"the same words, the same words again, and some more of them"
REFUSED = {
    "a block before others": PREFIX + packed(TEXT),
    "literals": bytes.fromhex(
        "05c1310dc43010445112013064ecca24bebc2bb9c836d958294d2e5c8ec6bd3777a0d346af3481d169a3cf1de8b4d1af4a1318fd2a4d6054"
        "6902a37765de9a3b90bad3465fcfbb326f559ac0e80f"
    ),
    "distances": bytes.fromhex(
        "05c1b10dc0300804406580ecc032507989072c05e9d319a564f59c4527647419cb59feee83c481b09ce5d109b9469745276474d9f7ec4db9"
        "59cef2e884b13c3a21a3cb7e"
    ),
    "short": bytes.fromhex("05c1310900000080b0ae7e82fd6fa72049922449b201"),
}
"""Data that isal takes, found by changing bits of what zlib had deflated, and that zlib refuses."""

pytestmark = pytest.mark.skipif(ISAL is ZLIB, reason="there is no isal for this machine")


@pytest.fixture(params=["isal", "zlib alone"])
def everywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use isal for binaries of any size; or have none, as on other machines."""
    inflate._isal.cache_clear()
    monkeypatch.setattr(inflate, "_WORTH_ISAL", 0)
    monkeypatch.setattr(inflate, "_WORTH_ISAL_SUM", 0)
    if request.param != "isal":
        monkeypatch.setitem(sys.modules, "isal", None)
    assert (library_for(0) is ZLIB) is (request.param != "isal")
    yield
    inflate._isal.cache_clear()


@given(content=st.binary(max_size=2000), start=st.integers(0, 0xFFFF_FFFF))
def test_both_compute_the_same_crc32(content: bytes, start: int) -> None:
    assert ISAL.crc32(content, start) == zlib.crc32(content, start)


@pytest.mark.parametrize("size", [15, 16, 17, 255, 4096, 65_537, MEBIBYTE + 1])
def test_both_compute_the_same_crc32_of_long_content(size: int) -> None:
    content = bytes(range(251)) * (size // 251 + 1)
    assert ISAL.crc32(content[:size], 7) == zlib.crc32(content[:size], 7)


@given(
    content=st.binary(max_size=300).map(lambda each: each * 9),
    level=st.integers(0, 9),
    cut=st.integers(0, 9),
    more=st.binary(),
)
def test_both_find_the_same_end(content: bytes, level: int, cut: int, more: bytes) -> None:
    """Where data is cut off, or goes on behind its end, they say so alike."""
    data = packed(content, level)
    data = (data[:-cut] if cut else data) + more
    one, other = zlib.decompressobj(-15), ISAL.decompressor()
    try:
        expected = one.decompress(data)
    except zlib.error:
        return
    if one.eof:
        assert (other.decompress(data, 1 << 20), other.eof) == (expected, True)
        assert other.unused_data == one.unused_data


def test_only_large_content_is_worth_an_import() -> None:
    assert library_for(MEBIBYTE - 1) is ZLIB
    assert library_for(MEBIBYTE) is ISAL
    assert crc32_for(16 * MEBIBYTE - 1) is zlib.crc32
    assert crc32_for(16 * MEBIBYTE) is ISAL.crc32


def test_small_wheels_do_not_import_it(tmp_path: Path) -> None:
    library = Entry("demo/x.so", shared_object("x86_64", needed=["libc.so.6"]))
    path = write_wheel(tmp_path, valid(files=(library,)))
    code = (
        "import sys, wheelfix; from pathlib import Path; from wheelfix.evidence.linkage import Scanner\n"
        "with wheelfix.Wheel(path := Path(sys.argv[1])) as wheel:\n"
        "    assert Scanner(wheel.source, wheel.layout).read_all().binaries\n"
        "assert wheelfix.verify_wheels([path]).wheels\n"
        "print('isal' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_only_isal_takes_has_one_reading(data: bytes) -> None:
    """Codes that nobody uses are left over: what is there means what RFC 1951 says, and nothing else."""
    with pytest.raises(zlib.error, match="set"):
        zlib.decompressobj(-15).decompress(data)
    decompressor = ISAL.decompressor()
    assert decompressor.decompress(data, MEBIBYTE) == inflated(data)
    assert decompressor.eof


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
@pytest.mark.usefixtures("everywhere")
def test_zlib_decides_what_is_read(data: bytes) -> None:
    source, entry = only_entry(Entry("a", inflated(data), raw=data))
    with pytest.raises(ArchiveError, match=r"a cannot be inflated: .* set"):
        read_content(source, entry, limit=MEBIBYTE)
    assert Inflater(source, entry, library=ISAL).read(MEBIBYTE) == inflated(data)


@pytest.mark.parametrize("file", ["METADATA", "RECORD", "WHEEL", "demo/version.py"])
@pytest.mark.usefixtures("everywhere")
def test_a_wheel_with_such_data_is_damaged(file: str, tmp_path: Path) -> None:
    """verify reports it, nothing is read from METADATA or RECORD, and no corrected wheel is made."""
    archive = archive_of(valid())
    [entry] = [each for each in archive.entries if each.raw_name.decode().endswith(file)]
    assert isinstance(entry.content, bytes)
    path = write_wheel(tmp_path, archive=changed(archive, file, raw=PREFIX + packed(entry.content)))
    found = [each for each in check_wheel(path).findings if each.code == "archive-damaged-entry"]
    assert [each.place.rpartition("/")[2] for each in found] == [file.rpartition("/")[2]]
    assert "invalid literal/lengths set" in found[0].message
    if file in ("METADATA", "RECORD"):
        with pytest.raises(ArchiveError), Wheel(path) as wheel:
            wheel.record.read_rows()
    if file == "METADATA":
        assert fix_wheels([path], output=Output(dry_run=True)).outcomes[0].status is Status.REFUSED


CUDA = shared_object("x86_64", needed=["libcudart.so.13"], exports=["PyInit_x"])


@pytest.mark.usefixtures("everywhere")
def test_a_binary_is_what_its_crc32_says() -> None:
    """Data that is damaged so that isal still takes it gives other content: no verdict can rest on that."""
    harmless = shared_object("x86_64", needed=["libc.so.6"])
    assert len(harmless) != len(CUDA)
    for raw in (PREFIX + packed(harmless), packed(harmless), packed(harmless.ljust(len(CUDA), b"\0"))):
        source, layout = hold(Entry("d/x.so", CUDA, raw=raw))
        linkage = Scanner(source, layout).read_all()
        assert [*linkage.unread] == ["d/x.so"]
        assert not linkage.binaries


def test_a_binary_that_only_isal_takes_says_what_its_content_says() -> None:
    """No tool that inflates with zlib can install it; a tool that takes it reads what is read here."""
    content = CUDA.ljust(MEBIBYTE, b"\0")
    raw = PREFIX + packed(content)
    source, layout = hold(Entry("d/x.so", content, raw=raw))
    assert Scanner(source, layout).read_all().first(lambda library: library == "libcudart.so.13")


@pytest.mark.parametrize("raw", [b"\xff" * 9, packed(CUDA)[:99], packed(CUDA) + b"x", packed(CUDA + b"x")])
def test_why_a_binary_cannot_be_read_is_in_the_words_of_zlib(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is the same on machines without isal."""
    source, layout = hold(Entry("d/x.so", CUDA, raw=raw))

    def reasons() -> Linkage:
        return Scanner(source, layout).read_all()

    without = reasons()
    monkeypatch.setattr(linkage, "library_for", lambda size: ISAL)
    assert reasons() == without
    assert [*without.unread] == ["d/x.so"]


def test_what_isal_refuses_is_read_with_zlib(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(data: bytes, most: int) -> bytes:
        raise ValueError(data, most)

    class Refusing:
        eof, unconsumed_tail, unused_data = False, b"", b""
        decompress = staticmethod(refusing)

    source, layout = hold(Entry("d/x.so", CUDA, raw=packed(CUDA)))
    expected = Scanner(source, layout).read_all()
    monkeypatch.setattr(linkage, "library_for", lambda size: inflate.Library(Refusing, zlib.crc32, ValueError))
    assert Scanner(source, layout).read_all() == expected
    assert len(expected.binaries) == 1


def test_content_that_ends_near_a_block_is_whole() -> None:
    """All compressed bytes are taken when the last bytes of content are still to come."""
    for beyond in (*range(0, 300, 7), (1 << 18) - 1, (1 << 18) + 258):
        content = bytes(MEBIBYTE + beyond)
        source, entry = only_entry(Entry("a", content, raw=packed(content)))
        inflater = Inflater(source, entry, library=ISAL)
        pieces = [inflater.read(1 << 18) for _ in range(6)]
        assert b"".join(pieces) == content
        inflater.check_end()
