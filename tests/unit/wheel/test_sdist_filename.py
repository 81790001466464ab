"""File names of source distributions: those of PEP 625 and older ones, and what is none."""

import pytest
from hypothesis import given, strategies as st
from packaging.utils import canonicalize_name, parse_sdist_filename
from packaging.version import Version
from pypi_simple import filenames

from wheelfix.cli.params import SDISTS
from wheelfix.errors import FilenameError
from wheelfix.wheel.sdist_filename import ENDINGS, SdistFilename, is_sdist, project_of_file

NAMES = [
    ("demo-1.0.tar.gz", "demo", "1.0"),
    ("my_package-1.0.post1.tar.gz", "my-package", "1.0.post1"),
    ("my-package-1.0.tar.gz", "my-package", "1.0"),
    ("zope.interface-5.0.zip", "zope-interface", "5.0"),
    ("Zope.Interface-5.0.0-beta.1.tar.bz2", "zope-interface", "5.0.0b1"),
    ("foo-1.0-1.tar.gz", "foo", "1.0.post1"),
    ("foo-2-1.0.tar.gz", "foo-2", "1.0"),
    ("x-1!2.0.tgz", "x", "1!2.0"),
    ("x-1.0+local.tar.xz", "x", "1.0+local"),
]
NONE = [
    "demo.tar.gz", "demo-.tar.gz", "-1.0.tar.gz", "demo-1.0.tar.gz.asc", "demo-1.0-py3-none-any.whl", "demo-1.0.egg",
    "demo-1.0.linux-x86_64.tar.gz", "demo-1.0.win32.zip", "demo-latest.tar.gz", "a/demo-1.0.tar.gz", "a\\demo-1.0.zip",
    "demo-1.0%2Bcpu.tar.gz", "demö-1.0.tar.gz", "demo-1.0\n.tar.gz", "demo -1.0.tar.gz", "", ".tar.gz", "a" * 400 + "-1.zip",
    "_demo-1.0.tar.gz", "demo_-1.0.tar.gz",
]  # fmt: skip


@pytest.mark.parametrize(("name", "project", "version"), NAMES)
def test_a_name_says_project_and_version(name: str, project: str, version: str) -> None:
    found = SdistFilename.parse(name)
    assert (found.project, str(found.parsed_version)) == (project, version)
    assert f"{found.raw_project}-{found.version}{found.ending}" == name
    assert project_of_file(name) == project
    assert is_sdist(name)


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_such_name(name: str) -> None:
    assert not is_sdist(name)
    with pytest.raises(FilenameError):
        SdistFilename.parse(name)


def test_the_project_decides_where_a_name_can_be_split_in_two_ways() -> None:
    assert SdistFilename.parse("foo-1-2.tar.gz").project == "foo"
    assert SdistFilename.parse("foo-1-2.tar.gz", "foo-1").version == "2"
    assert SdistFilename.parse("foo-1-2.tar.gz", "foo").version == "1-2"
    assert SdistFilename.parse("foo-1-2.tar.gz", "other").project == "foo"
    assert project_of_file("foo-1-2.tar.gz", "foo-1") == "foo-1"


def test_spellings_of_one_file_are_the_same() -> None:
    one, two, other = (SdistFilename.parse(f"{name}") for name in ("A.b-1.0.tar.gz", "a_b-1.tar.gz", "a_b-1.zip"))
    assert one.identity == two.identity != other.identity


def test_a_wheel_has_a_project_too() -> None:
    assert project_of_file("My.Demo-1.0-py3-none-any.whl") == "my-demo"
    with pytest.raises(FilenameError, match="does not end with"):
        project_of_file("demo-1.0.exe")


def test_the_endings_are_those_of_readers_of_indexes_and_of_the_command_line() -> None:
    assert set(SDISTS) <= set(ENDINGS)
    for ending in ENDINGS:
        assert filenames.parse_filename(f"demo-1.0{ending}") == ("demo", "1.0", "sdist")


parts = st.text("abz09", min_size=1, max_size=4)
versions = st.sampled_from(["1.0", "2", "1.0b1", "3.post1", "1!4.0", "1.0.dev3", "1.0+cpu.1"])


@given(
    project=st.lists(parts, min_size=1, max_size=3).map("_".join),
    version=versions,
    ending=st.sampled_from([".tar.gz", ".zip"]),
)
def test_the_names_of_today_are_read_as_packaging_reads_them(project: str, version: str, ending: str) -> None:
    name = f"{project}-{version}{ending}"
    found = SdistFilename.parse(name)
    assert (found.project, found.parsed_version) == parse_sdist_filename(name)


@given(project=st.lists(parts, min_size=1, max_size=3).map("-".join), version=versions)
def test_with_its_project_any_name_is_read_right(project: str, version: str) -> None:
    found = SdistFilename.parse(f"{project}-{version}.tar.gz", canonicalize_name(project))
    assert (found.project, found.parsed_version) == (canonicalize_name(project), Version(version))
