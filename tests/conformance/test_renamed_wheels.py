"""Wheels under another name, read and installed by tools that we did not write."""

import base64
import csv
import hashlib
import os
import platform
import sys
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest
from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile
from msgspec import Struct
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

import tools
from building import Entry, WheelSpec, write_wheel
from elfwriter import MACHINES, shared_object
from running import wheelfix

PLAIN = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_", "TWINE_"))}
MACHINE = platform.machine() if platform.machine() in MACHINES else "x86_64"
NEEDS_THIS_MACHINE = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in MACHINES, reason="there are ELF samples for Linux only"
)
VERSION = Entry("demo/version.py", b"__version__ = '1.0+cpu'\ncuda = None\n")
INIT = Entry("demo/__init__.py", b"ANSWER = 42\n")


def _metadata(project: str) -> bytes:
    """Return METADATA with which twine is content."""
    return (
        f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\nSummary: A wheel for tests\n"
        "Requires-Dist: nvidia-cudnn-cu12==9.5.1.17\nDescription-Content-Type: text/markdown\n\n# Made for tests\n"
    ).encode()


SPECS = {
    "pure": WheelSpec(files=(INIT, VERSION), metadata=_metadata("demo"), folders=True),
    "dotted": WheelSpec(
        "demo.pkg", metadata=_metadata("demo.pkg"), dist_info="demo.pkg-1.0.dist-info", files=(INIT, VERSION)
    ),
    "binary": WheelSpec(
        tags=f"py3-none-manylinux_2_17_{MACHINE}.manylinux2014_{MACHINE}",
        metadata=_metadata("demo"),
        files=(
            INIT,
            VERSION,
            Entry("demo/_ext.so", shared_object(MACHINE, needed=["libc.so.6"], exports=["PyInit__ext"]), mode=0o100755),
        ),
    ),
    "data": WheelSpec(
        metadata=_metadata("demo"),
        folders=True,
        dist_info_files={"entry_points.txt": b"[console_scripts]\ndemo-entry = demo:main\n", "licenses/a,b": b"text"},
        files=(
            INIT,
            VERSION,
            Entry("demo-1.0.data/scripts/demo-tool", b"#!python\nprint('tool')\n", mode=0o100755),
            Entry("demo-1.0.data/purelib/demo_more/__init__.py", b"MORE = 1\n"),
            Entry("demo-1.0.data/data/share/demo/a,b.txt", b"shared"),
            Entry("demo-1.0.data/headers/demo.h", b"#define DEMO 1\n"),
        ),
    ),
}
INSTALLED = {
    "pure": {"demo/__init__.py", "demo/version.py"},
    "dotted": {"demo/__init__.py", "demo/version.py"},
    "binary": {"demo/__init__.py", "demo/version.py", "demo/_ext.so"},
    "data": {"demo/__init__.py", "demo/version.py", "demo_more/__init__.py", "share/demo/a,b.txt"},
}
OPTIONS = {
    "label": ("--local", "cpu"),
    "build tag": ("--build-tag", "1nogpu"),
    "both": ("--local", "cpu", "--build-tag", "1nogpu"),
}


class Renamed(Struct, frozen=True):
    """A renamed wheel, and what it must be called."""

    path: Path
    project: str
    version: str
    build: str | None
    files: frozenset[str]

    @property
    def stem(self) -> str:
        """The names of its directories, without their ends."""
        return f"{self.project}-{self.version}"


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((kind, option), id=f"{kind}-{option}", marks=[NEEDS_THIS_MACHINE] if kind == "binary" else [])
        for kind in SPECS
        for option in OPTIONS
    ],
)
def renamed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Renamed:
    """A wheel as the command line writes it."""
    kind, option = request.param
    spec, folder = SPECS[kind], tmp_path_factory.mktemp("renamed")
    ran = wheelfix("strip-gpu", "-o", folder / "out", *OPTIONS[option], write_wheel(folder, spec))
    assert ran.code == 0, ran.err
    [line] = ran.lines
    version = "1.0" if option == "build tag" else "1.0+cpu"
    build = None if option == "label" else "1nogpu"
    return Renamed(Path(line), spec.project, version, build, frozenset(INSTALLED[kind]))


def run(*command: object) -> str:
    """Run a tool without settings of its own; return what it printed, which must have gone well."""
    ran = tools.run(*command, env=PLAIN)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_installed(folder: Path, renamed: Renamed) -> None:
    """Check what an installer has put into ``folder``."""
    files = files_in(folder)
    assert files.keys() >= renamed.files
    assert not [name for name in files if ".data/" in name]
    [info] = {name.partition("/")[0] for name in files if ".dist-info/" in name}
    assert info == f"{renamed.stem}.dist-info"
    metadata = BytesParser().parsebytes(files[f"{info}/METADATA"])
    assert (metadata["Name"], metadata["Version"]) == (renamed.project, renamed.version)
    assert metadata.get_all("Requires-Dist") is None
    listed = {row[0] for row in csv.reader(files[f"{info}/RECORD"].decode().splitlines())}
    assert listed >= {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "sboms/wheelfix.cdx.json")}
    assert not [path for path in listed if path.startswith(f"{renamed.project}-1.0.") and renamed.version != "1.0"]


def test_everything_agrees(renamed: Renamed) -> None:
    """File name, directories, METADATA, WHEEL and RECORD say the same."""
    project, version, build, _ = parse_wheel_filename(renamed.path.name)
    assert (project, version) == (canonicalize_name(renamed.project), Version(renamed.version))
    assert build == ((1, "nogpu") if renamed.build else ())
    with zipfile.ZipFile(renamed.path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        contents = {name: archive.read(name) for name in names}
    assert len(names) == len(set(names))
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if top.endswith(".dist-info")} == {f"{renamed.stem}.dist-info"}
    assert {top for top in tops if top.endswith(".data")} <= {f"{renamed.stem}.data"}
    info = f"{renamed.stem}.dist-info"
    metadata, wheel = (BytesParser().parsebytes(contents[f"{info}/{name}"]) for name in ("METADATA", "WHEEL"))
    assert metadata.get_all("Version") == [renamed.version]
    assert wheel.get_all("Build") == ([renamed.build] if renamed.build else None)
    rows = list(csv.reader(contents[f"{info}/RECORD"].decode().splitlines()))
    assert sorted(row[0] for row in rows) == sorted(name for name in names if not name.endswith("/"))
    for path, digest, size in rows:
        if path == f"{info}/RECORD":
            assert (digest, size) == ("", "")
            continue
        algorithm, _, encoded = digest.partition("=")
        assert base64.urlsafe_b64decode(encoded + "==") == hashlib.new(algorithm, contents[path]).digest()
        assert int(size) == len(contents[path])


def test_wheel_unpack(renamed: Renamed, tmp_path: Path) -> None:
    run(sys.executable, "-m", "wheel", "unpack", "-d", tmp_path, renamed.path)
    [folder] = tmp_path.iterdir()
    assert folder.name == renamed.stem
    assert (folder / f"{renamed.stem}.dist-info" / "METADATA").is_file()


def test_wheel_pack_gives_the_same_name(renamed: Renamed, tmp_path: Path) -> None:
    """It makes the name from dist-info and from WHEEL, Build included."""
    run(sys.executable, "-m", "wheel", "unpack", "-d", tmp_path, renamed.path)
    [folder] = tmp_path.iterdir()
    target = tmp_path / "packed"
    target.mkdir()
    run(sys.executable, "-m", "wheel", "pack", "-d", target, folder)
    [packed] = target.iterdir()
    assert parse_wheel_filename(packed.name) == parse_wheel_filename(renamed.path.name)


def test_installer(renamed: Renamed, tmp_path: Path) -> None:
    schemes = {name: str(tmp_path / ("lib" if name in {"purelib", "platlib"} else name)) for name in
               ("purelib", "platlib", "scripts", "headers", "data")}  # fmt: skip
    destination = SchemeDictionaryDestination(schemes, interpreter=sys.executable, script_kind="posix")
    with WheelFile.open(renamed.path) as source:
        source.validate_record()
        assert (source.distribution, source.version) == (renamed.path.name.split("-")[0], renamed.version)
        install(source, destination, {"INSTALLER": b"test"})
    info = next((tmp_path / "lib").glob("*.dist-info"))
    assert info.name == f"{renamed.stem}.dist-info"
    assert BytesParser().parsebytes((info / "METADATA").read_bytes())["Version"] == renamed.version
    everything = files_in(tmp_path)
    for file in renamed.files:
        assert ("data/" if file.startswith("share/") else "lib/") + file in everything
    if "demo_more/__init__.py" in renamed.files:
        tool = tmp_path / "scripts" / "demo-tool"
        assert tool.read_bytes().startswith(b"#!" + sys.executable.encode())
        assert os.access(tool, os.X_OK)
        assert (tmp_path / "headers" / "demo.h").is_file()
        assert (tmp_path / "scripts" / "demo-entry").is_file()


def test_pip_install(renamed: Renamed, tmp_path: Path) -> None:
    run(
        sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install", "--no-index", "--no-deps",
        "--no-compile", "--target", tmp_path / "target", renamed.path,
    )  # fmt: skip
    assert_installed(tmp_path / "target", renamed)


@pytest.mark.parametrize("pin", ["==1.0", "=={version}"])
def test_uv_install(pin: str, renamed: Renamed, tmp_path: Path) -> None:
    """From a directory of wheels, by pins on the public version and on the whole one."""
    run(
        sys.executable, "-m", "uv", "pip", "install", "--offline", "--no-config", "--no-cache", "--no-index", "--find-links",
        renamed.path.parent, "--target", tmp_path / "target", "--python", sys.executable,
        renamed.project + pin.format(version=renamed.version),
    )  # fmt: skip
    assert_installed(tmp_path / "target", renamed)


def test_twine(renamed: Renamed) -> None:
    assert "PASSED" in run(sys.executable, "-m", "twine", "--no-color", "check", "--strict", renamed.path)


@pytest.fixture(params=[pytest.param(kind, marks=[NEEDS_THIS_MACHINE] if kind == "binary" else []) for kind in SPECS])
def moved(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A wheel of another project and version, as ``wheelfix edit`` writes it."""
    source = write_wheel(tmp_path, SPECS[request.param])
    ran = wheelfix("edit", "--name", "Acme.Demo", "--version", "2.0.0-1+own", "-o", tmp_path / "out", source)
    assert ran.code == 0, ran.err
    [line] = ran.lines
    return Path(line)


def test_another_name_and_version_are_what_every_tool_sees(moved: Path, tmp_path: Path) -> None:
    """packaging, wheel, installer, pip, uv and twine: also with .data, and with names that need normalising."""
    stem = "acme_demo-2.0.0.post1+own"
    assert moved.name.startswith(f"{stem}-")
    assert parse_wheel_filename(moved.name)[:2] == ("acme-demo", Version("2.0.0.post1+own"))
    run(sys.executable, "-m", "wheel", "unpack", "-d", tmp_path / "unpacked", moved)
    assert (tmp_path / "unpacked" / stem / f"{stem}.dist-info" / "METADATA").is_file()
    with WheelFile.open(moved) as source:
        source.validate_record()
        assert (source.distribution, source.version) == ("acme_demo", "2.0.0.post1+own")
    assert "PASSED" in run(sys.executable, "-m", "twine", "--no-color", "check", "--strict", moved)
    run(
        sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install", "--no-index", "--no-deps",
        "--no-compile", "--target", tmp_path / "pip", moved,
    )  # fmt: skip
    run(
        sys.executable, "-m", "uv", "pip", "install", "--offline", "--no-config", "--no-cache", "--no-index", "--no-deps",
        "--find-links", moved.parent, "--target", tmp_path / "uv", "--python", sys.executable, "Acme_Demo==2.0.0.post1",
    )  # fmt: skip
    for tool in ("pip", "uv"):
        [info] = [path.name for path in (tmp_path / tool).iterdir() if path.name.endswith(".dist-info")]
        metadata = BytesParser().parsebytes((tmp_path / tool / info / "METADATA").read_bytes())
        assert (info, metadata["Name"], metadata["Version"]) == (f"{stem}.dist-info", "Acme.Demo", "2.0.0.post1+own")
        assert not [path for path in (tmp_path / tool).rglob("*") if path.name.endswith(".data")]
