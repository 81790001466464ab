"""Files that are in each other's way once they are installed, whatever their names in the archive are."""

import tracemalloc
from pathlib import Path

import pytest

import wheelfix
from building import Entry
from drafting import Draft, both, files, scripts
from wheelfix.results import Severity, Status

D, INFO = "demo-1.0.data/", "demo-1.0.dist-info"
TOOL = scripts("[console_scripts]\ntool = demo:main\n")
ALL, STRICT = ("pip", "uv", "installer"), ("uv", "installer")


def wheel(directory: Path, *names: str, tool: bool = False) -> Path:
    """Write a wheel with these entries besides its own; one that ends in a slash is a directory."""
    knob = files(*[Entry(name, b"" if name.endswith("/") else b"x") for name in names])
    name, data = (both(TOOL, knob) if tool else knob)(Draft()).build()
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_bytes(data)
    return path


def errors(path: Path) -> list[tuple[str, tuple[str, ...]]]:
    found = wheelfix.verify_wheels(path).wheels[0].findings
    return [(each.code, tuple(map(str, each.refused_by))) for each in found if each.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("names", "code", "refused_by"),
    [
        ((f"{D}purelib/demo",), "archive-file-as-directory", ALL),
        ((f"{D}purelib/demo/__init__.py/x",), "archive-file-as-directory", ALL),
        ((f"{D}purelib/{INFO}/METADATA/x",), "archive-file-as-directory", ALL),
        (("demo/x", f"{D}platlib/demo/x/y"), "archive-file-as-directory", STRICT),
        ((f"{D}purelib/q", f"{D}platlib/q/y"), "archive-file-as-directory", STRICT),
        ((f"{D}scripts/x", f"{D}data/bin/x/y"), "archive-file-as-directory", STRICT),
        (("demo/.",), "archive-file-as-directory", ALL),
        (("./demo",), "archive-file-as-directory", ALL),
        ((".",), "archive-file-as-directory", ALL),
        (("./.",), "archive-file-as-directory", ALL),
        ((f"{INFO}/.",), "archive-file-as-directory", ALL),
        (("demo/sub/.", "demo/sub/x"), "archive-file-as-directory", ALL),
        (("demo/./sub", "demo/sub/y"), "archive-file-as-directory", ALL),
        ((f"{D}purelib/./demo/__init__.py",), "data-same-file", ("installer",)),
        ((f"{D}purelib//demo/__init__.py",), "data-same-file", ("installer",)),
        (("./demo/x.py", f"{D}purelib/demo/x.py"), "data-same-file", ("installer",)),
        ((f"{D}data/./bin/x", f"{D}scripts/x"), "data-same-file", ("installer",)),
        ((f"{D}data/./bin/python",), "data-reserved-name", ("uv",)),
        ((f"{INFO}/entry_points.txt/x",), "archive-file-as-directory", ("uv",)),
        ((f"{INFO}/entry_points.txt/",), "archive-file-as-directory", ("uv",)),
        ((f"{INFO}/INSTALLER/x",), "archive-file-as-directory", ("pip", "uv")),
        ((f"{INFO}/INSTALLER/",), "archive-file-as-directory", ("uv",)),
        ((f"{INFO}/direct_url.json/x",), "archive-file-as-directory", ("uv",)),
        ((f"{D}purelib/{INFO}/INSTALLER/x",), "archive-file-as-directory", ("pip", "uv")),
        ((f"{D}foo/",), "data-unknown-scheme", ("uv",)),
        ((f"{D}purelib/{D}scripts/x",), "data-unknown-scheme", ("uv",)),
        (("demo/\u0378",), "archive-unsafe-name", ("uv",)),
    ],
    ids=repr,
)
def test_what_is_in_the_way_is_an_error(
    names: tuple[str, ...], code: str, refused_by: tuple[str, ...], tmp_path: Path
) -> None:
    assert errors(wheel(tmp_path, *names)) == [(code, refused_by)]


@pytest.mark.parametrize(
    ("name", "refused_by"), [(f"{D}data/bin/tool/x", STRICT), (f"{D}data/./bin/tool", ("installer",))], ids=repr
)
def test_what_is_in_the_way_of_a_script_is_an_error(name: str, refused_by: tuple[str, ...], tmp_path: Path) -> None:
    assert errors(wheel(tmp_path, name, tool=True)) == [("data-script-twice", refused_by)]


def test_what_is_beside_each_other_is_none(tmp_path: Path) -> None:
    names = ("purelib/other/x.py", "platlib/other/y.py", "scripts/run", "data/share/x", "data/bin/other", "headers/h.h")
    assert errors(wheel(tmp_path, *[D + name for name in names], f"{D}data/", f"{D}purelib/other/", "demo//x.py")) == []


@pytest.mark.parametrize("value", ["demo:\u00b2", "demo.\u00bd:x", "demo:a\u00b2"])
def test_a_number_that_is_no_digit_is_no_name_to_uv(value: str, tmp_path: Path) -> None:
    name, data = scripts(f"[console_scripts]\nx = {value}\n")(Draft()).build()
    (tmp_path / name).write_bytes(data)
    assert ("entry-points-bad-value", ("uv",)) in errors(tmp_path / name)


@pytest.mark.parametrize("place", ["purelib", "platlib"])
@pytest.mark.parametrize("name", ["sboms", "sboms/wheelfix.cdx.json"])
def test_no_fix_puts_a_file_in_the_way(place: str, name: str, tmp_path: Path) -> None:
    path = wheel(tmp_path / "in", f"{D}{place}/{INFO}/{name}")
    edit = wheelfix.SetField("Summary", "new")
    [outcome] = wheelfix.fix_wheels(path, None, edits=(edit,), output=tmp_path / "out").outcomes
    assert (outcome.status, outcome.problem and outcome.problem.code) == (Status.REFUSED, "name-collision")


def test_files_of_dist_info_that_would_not_follow_a_new_name_keep_it(tmp_path: Path) -> None:
    path = wheel(tmp_path / "in", f"{D}purelib/{INFO}/entry_points.txt")
    for edit in (wheelfix.SetLocal("cpu"), wheelfix.SetVersion("2.0")):
        [outcome] = wheelfix.fix_wheels(path, None, edits=(edit,), output=tmp_path / "out").outcomes
        assert (outcome.status, outcome.problem and outcome.problem.code) == (Status.REFUSED, "other-data-directory")


def test_no_edit_makes_installers_leave_a_file_out(tmp_path: Path) -> None:
    """It would be taken for the Windows launcher of the new script."""
    path = wheel(tmp_path / "in", f"{D}scripts/zz-script.py")
    edit = wheelfix.AddEntryPoint("console_scripts", "zz", "demo:main")
    [outcome] = wheelfix.fix_wheels(path, None, edits=(edit,), output=tmp_path / "out").outcomes
    assert (outcome.status, outcome.problem and outcome.problem.code) == (Status.REFUSED, "new-error")
    assert "data-script-wrapper" in ((outcome.problem and outcome.problem.reason) or "")


@pytest.mark.parametrize(
    "names",
    [[f"{D}purelib/{each}/" + "a/" * 32_000 + "f" for each in range(3)],
     [f"{D}purelib/{each}/" + "abcdef/" * 480 + "f" for each in range(100)]],
    ids=["deep", "many"],
)  # fmt: skip
def test_paths_of_many_directories_take_no_more_memory_than_elsewhere(names: list[str], tmp_path: Path) -> None:
    """Each directory on the way would be a text of its own: a gigabyte for a path of 32,000."""
    path = wheel(tmp_path, *names)
    tracemalloc.start()
    try:
        assert errors(path)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()
