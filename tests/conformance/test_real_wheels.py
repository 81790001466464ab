"""Real wheels, downloaded with pip: run with ``pytest -m real``.

``TEST_REAL_WHEELS`` names a directory that keeps the downloads; without it they go to a temporary one. torch 2.7.0 for
aarch64 is looked for there too.
"""

import base64
import csv
import hashlib
import io
import os
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from installer.sources import WheelFile

from wheelfix.fix.batch import fix_wheels
from wheelfix.results import Status
from wheelfix.wheel.edits import AddField, RemoveField, RemoveFiles

pytestmark = pytest.mark.real

TORCH = "torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"
INFO = "torch-2.7.0.dist-info"
GPU_LINES = 15
POPULAR = """
    scipy==1.13.1 numpy==1.26.4 requests urllib3 certifi idna charset-normalizer packaging setuptools wheel pip six
    python-dateutil pyyaml click jinja2 markupsafe attrs typing-extensions pluggy pytest iniconfig pandas pytz tzdata
    cryptography cffi pycparser pydantic pydantic-core annotated-types fastapi starlette uvicorn httpx httpcore h11 anyio
    sniffio aiohttp multidict yarl frozenlist flask werkzeug itsdangerous blinker django sqlparse asgiref sqlalchemy
    greenlet pillow lxml beautifulsoup4 soupsieve tqdm rich pygments markdown-it-py mdurl psutil selenium zope.interface
    protobuf grpcio scikit-learn joblib threadpoolctl boto3 botocore s3transfer jmespath filelock virtualenv distlib
    platformdirs
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that holds the downloads."""
    given = os.environ.get("TEST_REAL_WHEELS")
    folder = Path(given) if given else tmp_path_factory.mktemp("real")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def download(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*command, "--dest", folder, *arguments], check=True)


@pytest.fixture(scope="module")
def torch(cache: Path) -> Path:
    """The wheel that started it all."""
    path = cache / TORCH
    if not path.exists():
        target = ["--platform", "manylinux_2_28_aarch64", "--python-version", "3.11", "--implementation", "cp"]
        download(cache, *target, "torch==2.7.0")
    return path


@pytest.fixture(scope="module")
def fixed(torch: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corrected torch."""
    [outcome] = fix_wheels([torch], output=tmp_path_factory.mktemp("fixed")).outcomes
    assert outcome.status is Status.FIXED, outcome.problem
    assert len(outcome.changes) == GPU_LINES
    assert outcome.output is not None
    return outcome.output


@pytest.fixture(scope="module")
def popular(cache: Path) -> list[Path]:
    """More than fifty wheels that most people have installed."""
    folder = cache / "popular"
    if not folder.exists():
        unfinished = cache / "popular.part"
        download(unfinished, *POPULAR.split())
        unfinished.rename(folder)
    return sorted(folder.glob("*.whl"))


def read(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(f"{INFO}/{name}")


def test_exactly_the_gpu_lines_of_torch_are_gone(torch: Path, fixed: Path) -> None:
    """Pitfall 4 and Pitfall 11: every other byte of METADATA is the same."""
    before, after = read(torch, "METADATA"), read(fixed, "METADATA")
    lines = before.splitlines(keepends=True)
    gone = [line for line in lines if line.startswith((b"Requires-Dist: nvidia-", b"Requires-Dist: triton"))]
    assert len(gone) == GPU_LINES
    assert after == b"".join(line for line in lines if line not in gone)


def test_only_two_rows_of_record_differ(torch: Path, fixed: Path) -> None:
    """Pitfall 17: no directory enters RECORD. Pitfall 19: order, line ends and other rows stay."""
    before, after = (read(path, "RECORD").splitlines(keepends=True) for path in (torch, fixed))
    provenance, metadata = f"{INFO}/sboms/wheelfix.cdx.json", f"{INFO}/METADATA"
    new = [row for row in after if row not in before]
    assert len(new) == 2
    assert {row.partition(b",")[0].decode() for row in new} == {metadata, provenance}
    old = [row for row in before if not row.startswith(metadata.encode() + b",")]
    assert [row for row in after if row not in new] == old
    rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(b"".join(new).decode()))}
    for name in (provenance, metadata):
        content = read(fixed, name.removeprefix(f"{INFO}/"))
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        assert rows[name] == [f"sha256={digest}", str(len(content))]


def spans(path: Path) -> dict[str, tuple[bytes, bytes]]:
    """Return of each entry the directory record without its position, and the sha256 of header and data."""
    found = {}
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        start = archive.start_dir
        file.seek(start)
        directory = file.read()
        position = 0
        for info in archive.infolist():
            lengths = struct.unpack_from("<3H", directory, position + 28)
            stop = position + 46 + sum(lengths)
            record = directory[position : position + 42] + directory[position + 46 : stop]
            position = stop
            file.seek(info.header_offset)
            header = file.read(30)
            rest = sum(struct.unpack_from("<2H", header, 26)) + info.compress_size
            digest = hashlib.sha256(header)
            while rest:
                block = file.read(min(rest, 1 << 24))
                digest.update(block)
                rest -= len(block)
            found[info.filename] = record, digest.digest()
    return found


def test_every_other_entry_is_as_it_was(torch: Path, fixed: Path) -> None:
    """Pitfall 25 and Pitfall 26: bytes, order, times, modes and extra fields, of 492 directory entries too."""
    before, after = spans(torch), spans(fixed)
    ours = {f"{INFO}/METADATA", f"{INFO}/RECORD", f"{INFO}/sboms/wheelfix.cdx.json"}
    assert set(after) - set(before) == {f"{INFO}/sboms/wheelfix.cdx.json"}
    assert [name for name in after if name not in ours] == [name for name in before if name not in ours]
    assert {name for name in before if name not in ours and before[name] != after[name]} == set()
    assert sum(name.endswith("/") for name in after) == 492


def test_other_tools_take_it(fixed: Path, tmp_path: Path) -> None:
    with WheelFile.open(fixed) as opened:
        opened.validate_record()
    target = ["--target", tmp_path / "t", "--python-version", "3.11", "--python-platform", "aarch64-manylinux_2_28"]
    commands: list[list[object]] = [
        [sys.executable, "-m", "wheel", "unpack", "-d", tmp_path / "w", fixed],
        [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--no-deps", "--offline", "--no-config", *target, fixed],
        [sys.executable, "-m", "twine", "check", fixed],
    ]
    if shutil.which("unzip"):
        commands.append(["unzip", "-tq", fixed])
    for command in commands:
        ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]


def test_again_changes_nothing_and_gives_the_same_bytes(torch: Path, fixed: Path, tmp_path: Path) -> None:
    """Pitfall 30 and Pitfall 35: deterministic and idempotent."""
    second, again = (fix_wheels([path], output=tmp_path / name, jobs=2).outcomes[0]
                     for path, name in ((fixed, "second"), (torch, "again")))  # fmt: skip
    assert second.status is Status.UNCHANGED
    sums = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (fixed, *tmp_path.glob("*/*.whl"))}
    assert sums == {second.output_sha256, again.output_sha256}
    assert len(sums) == 1


def test_torch_for_macos_loses_its_cuda_lines(cache: Path, tmp_path: Path) -> None:
    """Pitfall 7 and Pitfall 9: triton three times, ``cuda-toolkit[...]`` and ``cuda-bindings``."""
    folder = cache / "macos"
    if not folder.exists():
        target = ["--platform", "macosx_14_0_arm64", "--python-version", "3.12", "--implementation", "cp"]
        download(folder, *target, "torch==2.14.1")
    [path] = folder.glob("*.whl")
    [outcome] = fix_wheels([path], output=tmp_path).outcomes
    assert outcome.output is not None
    before = wheel_metadata(path).splitlines(keepends=True)
    gone = (b"Requires-Dist: nvidia-", b"Requires-Dist: triton", b"Requires-Dist: cuda-")
    after = [line for line in before if not line.startswith(gone)]
    assert len(before) - len(after) == len(outcome.changes) == 9
    assert wheel_metadata(outcome.output) == b"".join(after)


def test_popular_wheels_are_copied_as_they_are(popular: list[Path], tmp_path: Path) -> None:
    """Pitfall 1: also the folded licence of scipy 1.13.1 and numpy 1.26.4."""
    assert len(popular) > 50
    report = fix_wheels(popular, output=tmp_path, jobs=2)
    assert [(outcome.source.name, outcome.problem) for outcome in report.outcomes if outcome.problem] == []
    assert {outcome.status for outcome in report.outcomes} == {Status.UNCHANGED}
    for outcome in report.outcomes:
        assert outcome.output is not None
        assert outcome.output.read_bytes() == outcome.source.read_bytes()


def test_popular_wheels_survive_an_edit(popular: list[Path], tmp_path: Path) -> None:
    """A field is set and set back: only the provenance shows it, and METADATA is what it was."""
    one, two = AddField("X-Checked", "yes"), RemoveField("X-Checked")
    first = fix_wheels(popular, None, output=tmp_path / "1", edits=[one], jobs=2)
    assert first.count(Status.FIXED) == len(popular), [each.problem for each in first.outcomes if each.problem]
    fixed = [outcome.output for outcome in first.outcomes if outcome.output]
    second = fix_wheels(fixed, None, output=tmp_path / "2", edits=[two], jobs=2)
    assert second.count(Status.FIXED) == len(popular), [each.problem for each in second.outcomes if each.problem]
    for before, outcome in zip(popular, second.outcomes, strict=True):
        assert outcome.output is not None
        assert wheel_metadata(outcome.output) == wheel_metadata(before), before.name
        with zipfile.ZipFile(outcome.output) as archive:
            assert archive.testzip() is None
        with WheelFile.open(before) as old, WheelFile.open(outcome.output) as new:
            assert findings(old) == findings(new), before.name


def wheel_metadata(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        [name] = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith(".dist-info/METADATA")]
        return archive.read(name)


def findings(wheel: WheelFile) -> str:
    """Return what ``installer`` says of RECORD, empty if it is content."""
    try:
        wheel.validate_record()
    except WheelFile.validation_error as error:
        return str(error.issues)
    return ""


def test_popular_wheels_without_their_tests_install_and_import(popular: list[Path], tmp_path: Path) -> None:
    """What another module of the wheel imports is refused; of all others exactly the tests are gone."""
    report = fix_wheels(popular, None, edits=[RemoveFiles(("**/tests/", "**/test/", "*.pyi"))], output=tmp_path / "out")
    assert {each.problem.code for each in report.outcomes if each.problem} <= {"file-needed"}
    fixed = [each for each in report.outcomes if each.status is Status.FIXED]
    assert len(fixed) >= 10
    for outcome in fixed:
        assert outcome.output is not None
        with zipfile.ZipFile(outcome.source) as old, zipfile.ZipFile(outcome.output) as new:
            files = [name for name in old.namelist() if ".dist-info/" not in name and not name.endswith("/")]
            directories = {name: {*name.split("/")[:-1]} for name in files}
            gone = {name for name, parts in directories.items() if parts & {"tests", "test"} or name.endswith(".pyi")}
            assert {*files} - {*new.namelist()} == gone
        with WheelFile.open(outcome.output) as opened:
            opened.validate_record()
    target = tmp_path / "installed"
    wheels = [each.output for each in fixed if each.output and each.project in ("numpy", "greenlet", "markupsafe")]
    assert len(wheels) == 3
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", target, *wheels], check=True)
    code = "import numpy, greenlet, markupsafe; assert numpy.arange(3).sum() == 3"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(target)})
