"""Which modules a wheel holds, and which entry points name others."""

from pathlib import Path

import pytest

from building import Entry, write_wheel
from defects import valid
from wheelfix.verify.run import findings_in
from wheelfix.wheel.modules import Modules

FILES = (
    "demo/__init__.py",
    "demo/one.py",
    "demo/two.cpython-312-x86_64-linux-gnu.so",
    "demo/three.pyd",
    "demo/four.pyc",
    "demo/data/x.json",
    "demo/space/deep/__init__.py",
    "shared/own/__init__.py",
    "single.py",
    "demo-1.0.data/purelib/more/__init__.py",
    "demo-1.0.data/data/lib/other/__init__.py",
)


@pytest.mark.parametrize(
    ("module", "is_lacking"),
    [
        ("demo", False),
        ("demo.one", False),
        ("demo.two", False),
        ("demo.three", False),
        ("demo.four", False),
        ("demo.five", True),
        ("demo.data", True),  # a folder without modules could be imported, and nobody would name it
        ("demo.space", False),
        ("demo.space.deep", False),
        ("demo.space.deep.gone", True),
        ("demo.space.gone", False),  # a namespace may be shared with another project
        ("shared.gone", False),
        ("shared.own.gone", True),
        ("single", False),
        ("single.gone", False),  # a module can make others at run time, as six does
        ("more.gone", True),
        ("other.gone", False),
        ("requests.sessions", False),
        ("", False),
    ],
)
def test_modules(module: str, is_lacking: bool) -> None:
    assert Modules(FILES, "demo-1.0.data").lacks(module) is is_lacking


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("[console_scripts]\na = demo.version:main", []),
        ("[console_scripts]\na = demo.gone:main", ["entry-points-no-module"]),
        ("[console_scripts]\na = other.gone:main", []),
        ("[x]\na = demo.gone", []),  # an object of demo, as in the group fsspec.specs of huggingface_hub
        ("[x]\na = demo.gone.object", []),
        ("[x]\na = demo.gone : object [extra]", ["entry-points-no-module"]),
    ],
)
def test_entry_points_whose_module_is_not_there(line: str, codes: list[str], tmp_path: Path) -> None:
    path = write_wheel(tmp_path, valid(dist_info_files={"entry_points.txt": line.encode()}))
    assert [each.code for each in findings_in(path)] == codes


def test_old_namespace_packages_are_spread_over_projects(tmp_path: Path) -> None:
    files = {"entry_points.txt": b"[x]\na = demo.gone:main\n", "namespace_packages.txt": b"demo\n"}
    assert findings_in(write_wheel(tmp_path, valid(dist_info_files=files))) == []


def test_an_editable_install_names_modules_elsewhere(tmp_path: Path) -> None:
    files = (Entry("__editable__.demo-1.0.pth", b"/src\n"),)
    spec = valid(files=files, dist_info_files={"entry_points.txt": b"[console_scripts]\na = demo.main:main\n"})
    assert findings_in(write_wheel(tmp_path, spec)) == []
