"""A wheel as a whole: which dist-info counts, and what must be in it."""

from pathlib import Path

import pytest

import damages
from building import Entry, WheelSpec, archive_of, to_bytes, with_entries, write_wheel
from elfwriter import shared_object
from in_memory import Counted, Held
from wheelfix.errors import ArchiveError, EditError, FilenameError, StructureError, WheelError, WheelfixError
from wheelfix.fix.apply import apply
from wheelfix.fix.draft import make_plan
from wheelfix.rules.load import built_in
from wheelfix.verify.run import examine
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip.layout import Directory, read_layout

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


@pytest.mark.parametrize("directory", ["demo-1.0.dist-info", "DEMO-1.0.dist-info", "Other.Name-9.dist-info"])
def test_the_directory_is_used_as_it_is_spelled(tmp_path: Path, directory: str) -> None:
    """Pitfall 22: the name of dist-info is never derived from Name or file name."""
    with Wheel(write_wheel(tmp_path, WheelSpec(dist_info=directory))) as wheel:
        assert wheel.dist_info == directory
        assert wheel.project == "demo"


def test_only_the_top_level_dist_info_counts(tmp_path: Path) -> None:
    """Pitfall 20: a vendored dist-info is payload."""
    spec = WheelSpec(files=(NESTED, Entry("demo/x.dist-info", b"a file")))
    with Wheel(write_wheel(tmp_path, spec)) as wheel:
        assert wheel.dist_info == "demo-1.0.dist-info"


def test_the_file_name_stands_in_for_missing_fields(tmp_path: Path) -> None:
    with Wheel(write_wheel(tmp_path, WheelSpec(metadata=b"Metadata-Version: 2.1\n"))) as wheel:
        assert (wheel.project, wheel.version) == ("demo", "1.0")


DAMAGES = [
    pytest.param(archive_of(WheelSpec(without=frozenset({"METADATA"}))), "no-metadata", id="no-metadata"),
    pytest.param(archive_of(WheelSpec(without=frozenset({"WHEEL"}))), "no-wheel", id="no-wheel"),
    pytest.param(archive_of(WheelSpec(without=frozenset({"RECORD"}))), "no-record", id="no-record"),
    pytest.param(
        with_entries(archive_of(WheelSpec()), Entry("demo-1.1.dist-info/METADATA", b"")),
        "two-dist-infos",
        id="two-directories",
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


@pytest.mark.parametrize(("archive", "code"), DAMAGES)
def test_a_wheel_without_its_parts_is_refused(tmp_path: Path, archive: object, code: str) -> None:
    """Pitfall 24: a second METADATA in any spelling is refused."""
    with pytest.raises(StructureError) as caught:
        Wheel(write_wheel(tmp_path, archive=archive))  # type: ignore[arg-type]
    assert caught.value.code == code


def test_an_archive_without_dist_info_is_refused(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, archive=with_entries(archive_of(WheelSpec())))
    spec = archive_of(WheelSpec(dist_info="plain-directory"))
    path = write_wheel(tmp_path, archive=spec)
    with pytest.raises(StructureError) as caught:
        Wheel(path)
    assert caught.value.code == "no-dist-info"


def test_files_that_cannot_be_wheels(tmp_path: Path) -> None:
    """Pitfall 34: an empty file, a directory with a wheel's name, a text file."""
    directory, empty, page = (tmp_path / f"{name}-1-py3-none-any.whl" for name in ("directory", "empty", "page"))
    directory.mkdir()
    empty.touch()
    page.write_text("<html>404</html>")
    for path, code in ((directory, "is-a-directory"), (empty, "empty-file"), (page, "not-a-zip")):
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
    with pytest.raises(WheelError):
        Wheel(write_wheel(tmp_path, archive=type(big)(tuple(entries))))


NAME = "demo-1.0-py3-none-any.whl"


def test_a_wheel_that_is_elsewhere_is_read_like_a_file(tmp_path: Path) -> None:
    """Its file name and its bytes are all that reading, weighing, planning and verifying ask of it."""
    library = shared_object("x86_64", needed=["libcudart.so.12"])
    spec = WheelSpec(requires=("numpy", "nvidia-cuda-runtime-cu12"), files=(Entry("demo/_x.so", library),))
    path = write_wheel(tmp_path, spec)
    with Wheel(path.name, source=Held(path.read_bytes())) as there, Wheel(path) as here:
        assert (there.filename, there.tags, there.record) == (here.filename, here.tags, here.record)
        assert there.layout == here.layout
        one, two = (make_plan(each, built_in("gpu")) for each in (there, here))
        assert one.problem == two.problem
        assert one.problem is not None  # the library needs what would be dropped
        assert examine(there.path, source=there.source) == examine(path)
        with pytest.raises(EditError) as caught:
            apply(there, make_plan(there, None), tmp_path / "fixed" / path.name)
    assert caught.value.code == "not-a-local-file"
    assert not (tmp_path / "fixed").exists()


def test_what_a_wheel_declares_takes_five_reads() -> None:
    archive = with_entries(archive_of(WheelSpec()), *(Entry(f"demo/{number}.py", b"x") for number in range(3_000)))
    source = Counted(to_bytes(archive))
    with Wheel(NAME, directory=Directory(source)) as wheel:
        assert wheel.document.first("Name") == "demo"
        assert len(wheel.names) == len(archive.entries)
        assert len(source.reads) == 5
        assert wheel.entry("nothing") is None
        assert len(wheel.layout.entries) == len(archive.entries)
        read = sum(size for _, size in source.reads[5:])
    assert read > wheel.layout.end.directory_start  # now every local header was read


@pytest.mark.parametrize("damage", damages.DAMAGES, ids=lambda damage: damage.name)
def test_an_invalid_archive_is_refused_when_its_layout_is_used(damage: damages.Damage) -> None:
    """What is read from the directory alone is not yet to be trusted, and nothing that writes does."""
    source = Held(damage.make())
    try:
        Wheel(NAME, source=source)
    except WheelfixError:
        with pytest.raises(WheelfixError), Wheel(NAME, directory=Directory(source)) as wheel:
            wheel.layout  # noqa: B018 - reading it is the check
    else:
        with Wheel(NAME, directory=Directory(source)) as wheel:
            assert wheel.layout == read_layout(source)


def test_a_closed_wheel_holds_no_file(tmp_path: Path) -> None:
    wheel = Wheel(write_wheel(tmp_path))
    wheel.close()
    wheel.close()
    with pytest.raises(OSError, match="descriptor"):
        wheel.read("METADATA")
