"""Each recipe of the guide recipes.md does on a wheel with the shape of its report what the page says, and nothing else."""

import csv
import io
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from itertools import permutations
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import Struct

from places import GUIDES
from reported import FULL, LINUX, MAC, OPENMM, PAGE, SHAPES, STUB, WINDOWS, Recipe, recipes
from wheelfix import verify_wheels


class Case(Struct, frozen=True):
    """What there must be in place of the wheels of a report: file names, and what each wheel says.

    ``fixed`` are findings of ``verify`` that are gone then; others stay as they were.
    """

    after: dict[str, dict[str, Any]]
    fixed: frozenset[str] = frozenset()


def facts(path: Path) -> dict[str, Any]:
    """Return what a wheel says, read by zipfile, csv and email; RECORD must list every file with its sum."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        [record] = [name for name in names if name.count("/") == 1 and name.endswith(".dist-info/RECORD")]
        dist_info = record.partition("/")[0]
        rows = [row[0] for row in csv.reader(io.StringIO(archive.read(record).decode()))]
        assert sorted(rows) == sorted(name for name in names if not name.endswith("/"))
        metadata = message_from_bytes(archive.read(f"{dist_info}/METADATA"))
        wheel = message_from_bytes(archive.read(f"{dist_info}/WHEEL"))

        def text(name: str) -> list[str]:
            return archive.read(f"{dist_info}/{name}").decode().split("\n") if f"{dist_info}/{name}" in names else []

        return {
            "project": metadata["Name"],
            "version": metadata["Version"],
            "requires": metadata.get_all("Requires-Dist", []),
            "extras": metadata.get_all("Provides-Extra", []),
            "tags": sorted(wheel.get_all("Tag", [])),
            "dist-info": dist_info,
            "files": [name for name in names if not name.startswith(f"{dist_info}/")],
            "top-level": [line for line in text("top_level.txt") if line],
            "scripts": [line for line in text("entry_points.txt") if "=" in line],
        }


_NIGHTLY: Final = "aiperf_nightly-0.9.0.dev20260511"
CASES: Final[dict[str, Case]] = {
    "The GPU build of torch is installed beside a CPU build of torchvision": Case(
        {
            f"torchvision-0.11.3+cpu-{LINUX}.whl": {"requires": ["numpy", "torch==1.10.2+cpu"]},
            f"torchvision-0.12.0+cpu-{LINUX}.whl": {"requires": ["numpy", "torch==1.11.0+cpu"]},
            f"torchvision-0.11.3+cu113-{LINUX}.whl": {"requires": ["numpy", "torch==1.10.2"]},
        },
    ),
    "No matching version: a package pins torch to one exact version": Case(
        {
            "xformers-0.0.27-py3-none-any.whl": {"requires": ["numpy", "torch>=2.4.0"]},
            "xformers-0.0.28-py3-none-any.whl": {"requires": ["numpy", "torch>=2.4.1"]},
        },
    ),
    "Upper limits block an upgrade in many packages at once": Case(
        {
            "one-1.0-py3-none-any.whl": {"requires": ["numpy>=1.21"]},
            "two-3.1-py3-none-any.whl": {"requires": ["six", "numpy>=1.22 ; python_version > '3'"]},
        },
    ),
    "Compatible-release pins conflict with everything": Case(
        {
            "ecologits-0.5.2-py3-none-any.whl": {
                "requires": ["six", "pydantic>=2.7", "wrapt>=1.16.0", 'openai~=1.34; extra == "openai"']
            }
        },
    ),
    "Two requirements are run together on one line": Case(
        {"apache_airflow-2.0.0b3-py3-none-any.whl": {"requires": ["attrs", "alembic>=1.2,<2.0", "cattrs<2.0", "click"]}},
        frozenset({"metadata-bad-requirement"}),
    ),
    "An extra is missing from the wheels of one platform": Case(
        {f"openmm-8.3.1-{tags}.whl": {"requires": [*OPENMM], "extras": ["cuda12"]} for tags in (LINUX, MAC)},
        frozenset({"release-disagrees"}),
    ),
    "Each platform has requirements of its own, without markers that say so": Case(
        {
            f"tensorflow-2.15.1-{LINUX}.whl": {"requires": [*FULL, *STUB]},
            f"tensorflow-2.15.1-{MAC}.whl": {"requires": [*STUB, *FULL]},
            f"tensorflow-2.15.1-{WINDOWS}.whl": {"requires": [*STUB, *FULL]},
            f"tensorflow-2.16.0-{LINUX}.whl": {"requires": [*FULL[:2]]},
            f"tensorflow-2.16.0-{WINDOWS}.whl": {"requires": [*FULL[:2]]},
        },
        frozenset({"release-disagrees"}),
    ),
    "Version in METADATA lacks the local version of the file name": Case(
        {"sgl_kernel-2.0+cu126-py3-none-any.whl": {"version": "2.0+cu126", "dist-info": "sgl_kernel-2.0+cu126.dist-info"}},
        frozenset({"filename-version-differs"}),
    ),
    "No .dist-info directory found: the file was renamed": Case(
        {
            "mypackage-0.10.3+123.ab1cd2e-py3-none-any.whl": {
                "version": "0.10.3+123.ab1cd2e",
                "dist-info": "mypackage-0.10.3+123.ab1cd2e.dist-info",
            }
        },
        frozenset({"filename-version-differs", "dist-info-name-differs"}),
    ),
    "The same, but the name of the file is right": Case(
        {"mypackage-0.10.3-py3-none-any.whl": {"version": "0.10.3", "dist-info": "mypackage-0.10.3.dist-info"}},
        frozenset({"filename-version-differs", "dist-info-name-differs"}),
    ),
    "A published release lacks a limit": Case(
        {
            "calcstats-1.0.post1-py3-none-any.whl": {
                "version": "1.0.post1",
                "dist-info": "calcstats-1.0.post1.dist-info",
                "requires": ["numpy>=1.2,<2", "six"],
            }
        },
    ),
    "One build is published under a second name and version": Case(
        {
            f"{_NIGHTLY}-py3-none-any.whl": {
                "project": "aiperf-nightly",
                "version": "0.9.0.dev20260511",
                "dist-info": f"{_NIGHTLY}.dist-info",
                "files": ["aiperf/__init__.py", f"{_NIGHTLY}.data/scripts/perf"],
                "requires": ["numpy"],
            }
        },
    ),
    "The dist-info directory is spelled differently from the file name": Case(
        {"streamlit_auth-1.0-py3-none-any.whl": {"project": "streamlit_auth", "dist-info": "streamlit_auth-1.0.dist-info"}},
        frozenset({"dist-info-name-differs"}),
    ),
    "The dist-info directory has no version": Case(
        {"unversioned-1.0-py3-none-any.whl": {"version": "1.0", "dist-info": "unversioned-1.0.dist-info"}},
        frozenset({"dist-info-name-differs"}),
    ),
    "WHEEL says other tags than the file name": Case(
        {
            "retagged-1.0-cp311-cp311-manylinux_2_28_x86_64.manylinux2014_x86_64.whl": {
                "tags": ["cp311-cp311-manylinux2014_x86_64", "cp311-cp311-manylinux_2_28_x86_64"]
            }
        },
        frozenset({"wheel-tags-differ"}),
    ),
    "A wheel should be for one more platform": Case(
        {
            "demo-1.0-cp311-cp311-linux_armv7l.linux_armv6l.whl": {
                "tags": ["cp311-cp311-linux_armv6l", "cp311-cp311-linux_armv7l"]
            },
            f"demo-1.0-{LINUX}.whl": {"tags": [LINUX]},
        },
    ),
    "Tests or scripts are installed as top-level packages": Case(
        {
            "monty-2022.9.9-py3-none-any.whl": {
                "files": ["monty/__init__.py", "monty/tests/data.txt"],
                "top-level": ["monty"],
            },
            "pylint_protobuf-0.20-py3-none-any.whl": {"files": ["pylint_protobuf/__init__.py"], "top-level": []},
        },
        frozenset({"contents-common-name"}),
    ),
    "Directories are listed in RECORD, and a build script was packed": Case(
        {
            "meshlib-3.1.4-py3-none-any.whl": {
                "files": ["meshlib/", "meshlib/__init__.py", "meshlib/data/", "meshlib/data/x"]
            }
        },
        frozenset({"record-directory-row"}),
    ),
    "Console scripts fail with ModuleNotFoundError": Case(
        {"electricitymap_contrib-1.0-py3-none-any.whl": {"scripts": ["parser = electricitymap.contrib:main"]}},
    ),
    "Trailing data after the end of the archive": Case(
        {"padded-1.0-py3-none-any.whl": {"files": ["padded/__init__.py", "padded/version.py"]}},
        frozenset({"archive-trailing-bytes"}),
    ),
    "ZIP64 fields are longer than they should be": Case(
        {"widezip-1.0-py3-none-any.whl": {"files": ["widezip/__init__.py"]}},
        frozenset({"archive-bad-zip64-field"}),
    ),
    "Entries have backslashes in their names": Case(
        {"winpaths-1.0-py3-none-any.whl": {"files": ["winpaths/__init__.py", "winpaths/data/x.txt"]}},
        frozenset({"archive-unsafe-name", "record-missing-row", "record-no-such-file"}),
    ),
}

RECIPES: Final = {each.title: each for each in recipes()}
REPORTS: Final = frozenset({
    "pytorch/vision#5393", "facebookresearch/xformers#1052", "facebookresearch/xformers#1374", "astral-sh/uv#1398",
    "astral-sh/uv#12060", "genai-impact/ecologits#251", "apache/airflow#12789", "astral-sh/uv#15876",
    "tensorflow/tensorflow#75415", "sgl-project/sglang#14327", "vllm-project/vllm#29009", "astral-sh/uv#2106",
    "pypi/warehouse#17111", "pypi/warehouse#14192", "pypi/warehouse#20088", "ai-dynamo/aiperf#914", "pypa/auditwheel#434",
    "astral-sh/uv#20400", "pypa/packaging-problems#1020", "materialsvirtuallab/monty#469", "rq/rq#1331",
    "MAVENSDC/cdflib#273", "nelfin/pylint-protobuf#60", "MeshInspector/MeshLib#6875",
    "electricitymaps/electricitymaps-contrib#8732", "pypi/warehouse#19746", "astral-sh/uv#19440",
    "matthew-brett/delocate#50",
})  # fmt: skip
"""What people reported, and what therefore has a recipe."""


def test_every_recipe_has_a_case_and_every_report_a_recipe() -> None:
    assert RECIPES.keys() == CASES.keys() == SHAPES.keys()
    assert {report for each in RECIPES.values() for report in each.reports} == REPORTS
    assert "recipes" in (GUIDES / "write-rules.md").read_text("utf-8").splitlines()
    assert all(len(line) <= 160 for line in PAGE.read_text("utf-8").splitlines())


def findings(folder: Path) -> Iterator[tuple[str, ...]]:
    """Yield the findings in the wheels of a folder, each with its wheel's name unless that changes."""
    for each in verify_wheels(sorted(folder.glob("*.whl"))).wheels:
        yield from ((finding.code, finding.severity, finding.message) for finding in each.findings)


@pytest.fixture(params=CASES, ids=lambda title: "-".join(title.split()[:6]))
def title(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory."""
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(recipe: Recipe, folder: Path, names: list[str], output: str) -> Path:
    """Run the recipe, which must succeed and print what it wrote; return its output directory."""
    ran = recipe.run(folder, names, output)
    assert ran.code == 0, ran.err
    assert len(ran.lines) == len(names)
    return folder / output


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.whl"))}


def test_what_you_get(title: str, folder: Path) -> None:
    case, recipe = CASES[title], RECIPES[title]
    names = [f"in/{name}" for name in SHAPES[title].write(folder / "in")]
    output = run(recipe, folder, names, "out")
    found = {path.name: facts(path) for path in output.glob("*.whl")}
    assert found.keys() == case.after.keys()
    for name, expected in case.after.items():
        assert {key: found[name][key] for key in expected} == expected


def test_no_new_findings(title: str, folder: Path) -> None:
    """What the report is about is found before and not after, and all that is left was there before."""
    case, recipe = CASES[title], RECIPES[title]
    names = [f"in/{name}" for name in SHAPES[title].write(folder / "in")]
    before = {code for code, *_ in findings(folder / "in")}
    after = {code for code, *_ in findings(run(recipe, folder, names, "out"))}
    assert before - after == case.fixed
    assert after <= before


def test_twice_is_once(title: str, folder: Path) -> None:
    recipe = RECIPES[title]
    names = [f"in/{name}" for name in SHAPES[title].write(folder / "in")]
    once = contents(run(recipe, folder, names, "once"))
    twice = contents(run(recipe, folder, [f"once/{name}" for name in once], "twice"))
    assert twice == once


def test_in_any_order(title: str, folder: Path) -> None:
    recipe = RECIPES[title]
    names = [f"in/{name}" for name in SHAPES[title].write(folder / "in")]
    results = [
        contents(run(recipe, folder, list(order), f"out{number}")) for number, order in enumerate(permutations(names[:4]))
    ]
    assert all(each == results[0] for each in results)
