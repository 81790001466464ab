"""A wheel as a whole: which dist-info counts, and what must be in it."""

from pathlib import Path

import pytest

from building import Entry, WheelSpec, archive_of, with_entries, write_wheel
from wheelfix.errors import ArchiveError, FilenameError, StructureError, WheelFault
from wheelfix.wheel.wheel import Wheel

NESTED = Entry("demo/_vendored/apipkg-2.0.dist-info/RECORD", b"x,,\n")


def test_what_a_wheel_says(tmp_path: Path) -> None:
    spec = WheelSpec(project="Demo.Pkg", version="1.0", tags="py2.py3-none-any", dist_info_files={"licenses/L": b"free\n"})
    with Wheel(write_wheel(tmp_path, spec)) as wheel:
        assert (wheel.project, wheel.version, wheel.dist_info) == ("demo-pkg", "1.0", "Demo.Pkg-1.0.dist-info")
        assert {str(tag) for tag in wheel.tags} == {"py2-none-any", "py3-none-any"}
        assert set(wheel.dist_info_files) == {"METADATA", "WHEEL", "RECORD", "licenses/L"}
        assert wheel.read("licenses/L") == b"free\n"
        assert wheel.entry("nothing") is None
        assert len(wheel.record.find("Demo.Pkg-1.0.dist-info/METADATA")) == 1


@pytest.mark.parametrize("folder", ["demo-1.0.dist-info", "DEMO-1.0.dist-info", "Other.Name-9.dist-info"])
def test_the_folder_is_taken_as_it_is_spelt(tmp_path: Path, folder: str) -> None:
    """Pitfall 22: the name of dist-info is never derived from Name or file name."""
    with Wheel(write_wheel(tmp_path, WheelSpec(dist_info=folder))) as wheel:
        assert wheel.dist_info == folder
        assert wheel.project == "demo"


def test_only_the_top_level_dist_info_counts(tmp_path: Path) -> None:
    """Pitfall 20: a vendored dist-info is payload."""
    spec = WheelSpec(files=(NESTED, Entry("demo/x.dist-info", b"a file")))
    with Wheel(write_wheel(tmp_path, spec)) as wheel:
        assert wheel.dist_info == "demo-1.0.dist-info"


def test_the_file_name_stands_in_for_missing_fields(tmp_path: Path) -> None:
    with Wheel(write_wheel(tmp_path, WheelSpec(metadata=b"Metadata-Version: 2.1\n"))) as wheel:
        assert (wheel.project, wheel.version) == ("demo", "1.0")


FAULTS = [
    pytest.param(archive_of(WheelSpec(without=frozenset({"METADATA"}))), "no-metadata", id="no-metadata"),
    pytest.param(archive_of(WheelSpec(without=frozenset({"WHEEL"}))), "no-wheel", id="no-wheel"),
    pytest.param(archive_of(WheelSpec(without=frozenset({"RECORD"}))), "no-record", id="no-record"),
    pytest.param(
        with_entries(archive_of(WheelSpec()), Entry("demo-1.1.dist-info/METADATA", b"")), "two-dist-infos", id="two-folders"
    ),
    pytest.param(
        with_entries(archive_of(WheelSpec()), Entry("demo-1.0.dist-info/metadata", b"")), "duplicate-entry", id="two-cases"
    ),
    pytest.param(
        with_entries(archive_of(WheelSpec()), Entry("x/../demo-1.0.dist-info/METADATA", b"")), "duplicate-entry", id="dots"
    ),
    pytest.param(
        with_entries(archive_of(WheelSpec()), Entry("demo-1.0.dist-info\\RECORD", b"")), "duplicate-entry", id="backslash"
    ),
]


@pytest.mark.parametrize(("archive", "code"), FAULTS)
def test_a_wheel_without_its_parts_is_refused(tmp_path: Path, archive: object, code: str) -> None:
    """Pitfall 24: a second METADATA in any spelling is refused."""
    with pytest.raises(StructureError) as caught:
        Wheel(write_wheel(tmp_path, archive=archive))  # type: ignore[arg-type]
    assert caught.value.code == code


def test_an_archive_without_dist_info_is_refused(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, archive=with_entries(archive_of(WheelSpec())))
    spec = archive_of(WheelSpec(dist_info="plain-folder"))
    path = write_wheel(tmp_path, archive=spec)
    with pytest.raises(StructureError) as caught:
        Wheel(path)
    assert caught.value.code == "no-dist-info"


def test_files_that_cannot_be_wheels(tmp_path: Path) -> None:
    """Pitfall 34: an empty file, a folder with a wheel's name, a text file."""
    folder, empty, page = (tmp_path / f"{name}-1-py3-none-any.whl" for name in ("folder", "empty", "page"))
    folder.mkdir()
    empty.touch()
    page.write_text("<html>404</html>")
    for path, code in ((folder, "is-a-folder"), (empty, "empty-file"), (page, "not-a-zip")):
        with pytest.raises(ArchiveError) as caught:
            Wheel(path)
        assert caught.value.code == code
    text = tmp_path / "nothing.txt"
    text.write_text("x")
    with pytest.raises(FilenameError):
        Wheel(text)
    with pytest.raises(FileNotFoundError):
        Wheel(tmp_path / "none-1-py3-none-any.whl")


def test_files_of_dist_info_are_read_under_a_bound(tmp_path: Path) -> None:
    """Pitfall 28: a METADATA that claims to be huge is not inflated."""
    big = archive_of(WheelSpec(metadata=b"x" * 10))
    entries = [
        entry if not entry.raw_name.endswith(b"METADATA") else Entry(entry.name, b"", raw=b"\0", directory={"size": 1 << 30},
                                                                      local={"size": 1 << 30})
        for entry in big.entries
    ]  # fmt: skip
    with pytest.raises(WheelFault):
        Wheel(write_wheel(tmp_path, archive=type(big)(tuple(entries))))


def test_a_closed_wheel_holds_no_file(tmp_path: Path) -> None:
    wheel = Wheel(write_wheel(tmp_path))
    wheel.close()
    wheel.close()
    with pytest.raises(OSError, match="descriptor"):
        wheel.read("METADATA")
