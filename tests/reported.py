"""Wheels with the shapes of public reports, one for each recipe of the guide recipes.md; and the recipes."""

import re
import shlex
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from building import FULL_32, STORED, Archive, Entry, WheelSpec, archive_of, changed, extra_field, to_bytes
from defects import metadata, valid
from places import GUIDES
from running import Ran, wheelfix

PAGE: Final = GUIDES / "recipes.md"
_BLOCK: Final = re.compile(r"^```(?P<kind>toml|console)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Recipe(Struct, frozen=True):
    """A section of the page: its title, the reports that it links to, and the rule or the command line that it gives."""

    title: str
    reports: tuple[str, ...]
    rule: str = ""
    command: tuple[str, ...] = ()

    def run(self, directory: Path, names: Sequence[str], output: str) -> Ran:
        """Fix the wheels called ``names`` in ``directory``, which must be the working directory, into ``output``."""
        if self.rule:
            rules = directory / f"{output}.toml"
            rules.write_text(f"schema = 1\n\n{self.rule}", "utf-8")
            return wheelfix("fix", "--rules", rules, "-o", output, *names)
        return wheelfix(*self.command, "-o", output, *names)


def recipes() -> list[Recipe]:
    """Return the recipes of the page, in order."""
    _, *sections = re.split(r"^### ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return [_recipe(section.partition("\n## ")[0]) for section in sections]


def _recipe(section: str) -> Recipe:
    title, _, text = section.partition("\n")
    [block] = _BLOCK.finditer(text)
    reports = re.findall(r"https://github\.com/([^/\s]+/[^/\s]+)/(?:issues|pull)/(\d+)\)", text)
    named = tuple(f"{repository}#{number}" for repository, number in reports)
    if block["kind"] == "toml":
        return Recipe(title, named, rule=block["text"])
    [line] = block["text"].splitlines()
    prompt, program, *words = shlex.split(line)
    assert (prompt, program) == ("$", "wheelfix")
    return Recipe(title, named, command=tuple(word for word in words if not word.endswith(".whl")))


def spec(
    project: str, version: str, *requires: str, fields: Iterable[str] = (), name: str = "", **changes: Any
) -> WheelSpec:
    """Return a wheel in which ``verify`` finds nothing; ``fields`` are more lines of METADATA, ``name`` its Name."""
    head = ("Metadata-Version: 2.1", f"Name: {name or project}", f"Version: {version}", "Summary: A stand-in")
    lines = [f"Requires-Dist: {each}" for each in requires]
    data = metadata(*fields, *lines, "Requires-Python: >=3.9", head=head, rest=("Description-Content-Type: text/plain",))
    module = project.replace("-", "_")
    plain: dict[str, Any] = {"files": (Entry(f"{module}/__init__.py", b""), Entry(f"{module}/version.py", b"cuda = None\n"))}
    return valid(project=project, version=version, metadata=data, **plain | changes)


class Reported(Struct, frozen=True):
    """The wheels of a report: their file names and their bytes."""

    wheels: tuple[tuple[str, bytes], ...]

    def write(self, folder: Path) -> list[str]:
        """Write the wheels into ``folder``; return their names."""
        for name, data in self.wheels:
            (folder / name).write_bytes(data)
        return [name for name, _ in self.wheels]


def archived(archive: Archive, filename: str) -> Reported:
    """Return one wheel that is this archive."""
    return Reported(((filename, to_bytes(archive)),))


def reported(*specs: WheelSpec, filename: str = "") -> Reported:
    """Return these wheels; ``filename`` is the name of the only one, if it is not what its parts say."""
    return Reported(tuple((filename or each.filename, to_bytes(archive_of(each))) for each in specs))


STUB: Final = (
    'tensorflow-macos==2.15.1; platform_system == "Darwin" and platform_machine == "arm64"',
    'tensorflow-intel==2.15.1; platform_system == "Windows"',
)

LINUX, MAC, WINDOWS = (
    "cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-macosx_11_0_arm64", "cp311-cp311-win_amd64",
)  # fmt: skip
_VISION: Final = {"0.11.3+cpu": "1.10.2", "0.12.0+cpu": "1.11.0"}
OPENMM: Final = ("numpy", 'OpenMM-CUDA-12==8.3.1; extra == "cuda12"')
FULL: Final = (
    "absl-py>=1.0.0",
    "numpy<2.0.0,>=1.23.5",
    'tensorflow-io-gcs-filesystem>=0.23.1; platform_machine != "arm64"',
)
_AIPERF: Final = (Entry("aiperf/__init__.py", b""), Entry("aiperf-0.9.0.data/scripts/perf", b"#!python\n"))
_DATA: Final = (Entry("winpaths/__init__.py", b""), Entry("winpaths/data/x.txt", b"1\n"))
_MONTY: Final = (Entry("monty/__init__.py", b""), Entry("monty/tests/data.txt", b"it stays\n"))
_TESTS: Final = (Entry("tests/__init__.py", b""), Entry("tests/test_it.py", b"import monty\n"))
_MESHLIB: Final = (
    Entry("meshlib/__init__.py", b""),
    Entry("meshlib/data/x", b""),
    Entry("split_wheel.py", b"print('split')\n"),
)
_SCRIPTS: Final = b"""[console_scripts]
check = scripts.tooling:check
parser = electricitymap.contrib:main
test = scripts.tooling:test
"""


def _listing_directories(wheel: WheelSpec) -> Archive:
    """Return a wheel of which RECORD has rows for the directories, too."""
    archive = archive_of(wheel)
    folders = [entry.raw_name.decode() for entry in archive.entries if entry.is_folder]
    record = archive.entries[-1].content
    assert isinstance(record, bytes)
    rows = "".join(f"{name},sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n" for name in folders)
    return changed(archive, "RECORD", content=rows.encode() + record)


SHAPES: Final[dict[str, Reported]] = {
    "The GPU build of torch is installed beside a CPU build of torchvision": reported(
        *(spec("torchvision", version, "numpy", f"torch=={torch}", tags=LINUX) for version, torch in _VISION.items()),
        spec("torchvision", "0.11.3+cu113", "numpy", "torch==1.10.2", tags=LINUX),
    ),
    "No matching version: a package pins torch to one exact version": reported(
        spec("xformers", "0.0.27", "numpy", "torch==2.4.0"), spec("xformers", "0.0.28", "numpy", "torch==2.4.1")
    ),
    "Upper limits block an upgrade in many packages at once": reported(
        spec("one", "1.0", "numpy>=1.21,<2"), spec("two", "3.1", "six", "numpy<2.0,>=1.22 ; python_version > '3'")
    ),
    "Compatible-release pins conflict with everything": reported(
        spec("ecologits", "0.5.2", "six", "pydantic~=2.7", "wrapt~=1.16.0", 'openai~=1.34; extra == "openai"')
    ),
    "Two requirements are run together on one line": reported(
        spec("apache-airflow", "2.0.0b3", "attrs", "alembic (<2.0,>=1.2)cattrs (<2.0)", "click")
    ),
    "An extra is missing from the wheels of one platform": reported(
        spec("openmm", "8.3.1", *OPENMM, fields=["Provides-Extra: cuda12"], tags=LINUX),
        spec("openmm", "8.3.1", "numpy", tags=MAC),
    ),
    "Each platform has requirements of its own, without markers that say so": reported(
        spec("tensorflow", "2.15.1", *FULL, tags=LINUX),
        spec("tensorflow", "2.15.1", *STUB, tags=MAC),
        spec("tensorflow", "2.15.1", *STUB, tags=WINDOWS),
        spec("tensorflow", "2.16.0", *FULL[:2], tags=LINUX),
        spec("tensorflow", "2.16.0", tags=WINDOWS),
    ),
    "Version in METADATA lacks the local version of the file name": reported(
        spec("sgl-kernel", "2.0", "torch", dist_info="sgl_kernel-2.0+cu126.dist-info"),
        filename="sgl_kernel-2.0+cu126-py3-none-any.whl",
    ),
    "No .dist-info directory found: the file was renamed": reported(
        spec("mypackage", "0.10.3+123.ab1cd2e"), filename="mypackage-0.10.3-py3-none-any.whl"
    ),
    "The same, but the name of the file is right": reported(
        spec("mypackage", "0.10.3+123.ab1cd2e"), filename="mypackage-0.10.3-py3-none-any.whl"
    ),
    "A published release lacks a limit": reported(spec("calcstats", "1.0", "numpy>=1.2", "six")),
    "One build is published under a second name and version": reported(spec("aiperf", "0.9.0", "numpy", files=_AIPERF)),
    "The dist-info directory is spelled differently from the file name": reported(
        spec("streamlit_auth", "1.0", dist_info="StreamlitAuth-1.0.dist-info")
    ),
    "The dist-info directory has no version": reported(spec("unversioned", "1.0", dist_info="unversioned.dist-info")),
    "WHEEL says other tags than the file name": reported(
        spec("retagged", "1.0", tags="cp311-cp311-linux_x86_64"),
        filename="retagged-1.0-cp311-cp311-manylinux_2_28_x86_64.manylinux2014_x86_64.whl",
    ),
    "A wheel should be for one more platform": reported(
        spec("demo", "1.0", tags="cp311-cp311-linux_armv7l"), spec("demo", "1.0", tags=LINUX)
    ),
    "Tests or scripts are installed as top-level packages": reported(
        spec("monty", "2022.9.9", files=(*_MONTY, *_TESTS), dist_info_files={"top_level.txt": b"monty\ntests\n"}),
        spec(
            "pylint-protobuf", "0.20", files=(Entry("pylint_protobuf/__init__.py", b""), Entry("bin/tool", b"#!/bin/sh\n"))
        ),
    ),
    "Directories are listed in RECORD, and a build script was packed": archived(
        _listing_directories(spec("meshlib", "3.1.4", files=_MESHLIB, folders=True)), "meshlib-3.1.4-py3-none-any.whl"
    ),
    "Console scripts fail with ModuleNotFoundError": reported(
        spec(
            "electricitymap-contrib",
            "1.0",
            files=(Entry("electricitymap/contrib/__init__.py", b"def main(): ...\n"),),
            dist_info_files={"entry_points.txt": _SCRIPTS},
        )
    ),
    "Trailing data after the end of the archive": archived(
        replace(archive_of(spec("padded", "1.0")), trailing=b"-- cut here --\n"),
        "padded-1.0-py3-none-any.whl",
    ),
    "ZIP64 fields are longer than they should be": archived(
        changed(
            archive_of(spec("widezip", "1.0", files=(Entry("widezip/__init__.py", b"x = 1\n", method=STORED),))),
            "widezip/__init__.py",
            local={"size": FULL_32, "compressed_size": FULL_32},
            local_extra=extra_field(1, struct.pack("<3Q", 6, 6, 0)),
        ),
        "widezip-1.0-py3-none-any.whl",
    ),
    "Entries have backslashes in their names": archived(
        changed(archive_of(spec("winpaths", "1.0", files=_DATA)), "winpaths/data/x.txt", name="winpaths\\data\\x.txt"),
        "winpaths-1.0-py3-none-any.whl",
    ),
}
"""The wheels of each report, by the title of its recipe."""
