"""Scenes of guides about wheels: what the reader has, and the indexes that stand in for PyPI and for PyTorch's."""

import http.server
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from book.stage import Scene, Stage
from buckets import s3_client
from building import Entry, RecordStyle, WheelSpec, archive_of, changed, position, write_wheel
from elfwriter import shared_object
from packing import install_pack
from places import ROOT
from reported import SHAPES, recipes
from serving import in_background
from upstreams import File, Upstream, pypi, pytorch, sdist

FOLDER: Final = ROOT / "sample_wheels"
TORCH_ARM: Final = "torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"
TORCH_MAC: Final = "torch-2.14.1-cp312-cp312-macosx_14_0_arm64.whl"
_GPU_LINE: Final = re.compile(rb"^Requires-Dist: (?:nvidia|cuda|triton).*\n", re.MULTILINE)
_LICENSE: Final = b"Made up.\n"
_ON_PYPI: Final = (
    TORCH_ARM,
    "torch-2.7.0-cp311-cp311-manylinux_2_28_x86_64.whl",
    TORCH_MAC,
    "torch-2.14.1-cp312-cp312-manylinux_2_28_x86_64.whl",
)


def fill_pypi(index: Upstream) -> None:
    """Add the sample wheels of torch that stand for files on PyPI."""
    for name in _ON_PYPI:
        _put(index, FOLDER / name)


def fill_pytorch_cpu(index: Upstream) -> None:
    """Add torch as PyTorch's index for CPUs has it: 2.7.0 with the requirements of a CUDA build, 2.14.1 without them."""
    old, new = _metadata(FOLDER / TORCH_ARM), _GPU_LINE.sub(b"", _metadata(FOLDER / TORCH_MAC))
    for machine in ("aarch64", "x86_64"):
        index.add(_cpu_build("2.7.0", f"cp311-cp311-manylinux_2_28_{machine}", old, {"LICENSE": _LICENSE}))
        index.add(_cpu_build("2.14.1", f"cp312-cp312-manylinux_2_28_{machine}", new, {"licenses/LICENSE": _LICENSE}))
    _put(index, FOLDER / TORCH_MAC)


def _put(index: Upstream, path: Path) -> None:
    index.put("torch", File(name=path.name, data=path.read_bytes(), metadata=_metadata(path)))


def _metadata(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")))


def _cpu_build(version: str, tags: str, metadata: bytes, dist_info_files: dict[str, bytes]) -> WheelSpec:
    """Return a CPU build of torch that is called so, with the METADATA of ``version``."""
    python, machine = tags[2:5], tags.partition("manylinux_2_28_")[2]
    own = f"{version}+cpu"
    module = shared_object(machine, needed=["libtorch_cpu.so"], exports=["PyInit__C"])
    files = (
        Entry("torch/__init__.py", b'"""A stand-in."""\n'),
        Entry("torch/version.py", f"__version__ = {own!r}\ncuda = None\nhip = None\nxpu = None\n".encode()),
        Entry("torch/lib/libtorch_cpu.so", shared_object(machine, needed=["libc10.so"], soname="libtorch_cpu.so")),
        Entry("torch/lib/libc10.so", shared_object(machine, needed=["libc.so.6"], soname="libc10.so")),
        Entry(f"torch/_C.cpython-{python}-{machine}-linux-gnu.so", module),
    )
    metadata = metadata.replace(f"\nVersion: {version}\n".encode(), f"\nVersion: {own}\n".encode())
    return WheelSpec("torch", own, tags, metadata=metadata, files=files, dist_info_files=dist_info_files)


def write_malformed(directory: Path) -> None:
    """Write a wheel whose METADATA was edited by hand, and one with bytes after the end of its archive."""
    edited = _valid("edited", requires=("six", "requests>=2"))
    archive = archive_of(edited)
    data = archive.entries[position(archive, "METADATA")].content
    assert isinstance(data, bytes)
    write_wheel(directory, edited, changed(archive, "METADATA", content=data.replace(b"requests>=2", b"requests>=2.32")))
    padded = _valid("padded", requires=("six",))
    write_wheel(directory, padded, replace(archive_of(padded), trailing=b"-- cut here --\n"))


def _valid(
    project: str, version: str = "1.0", tags: str = "py3-none-any", *, requires: tuple[str, ...] = (), **settings: Any
) -> WheelSpec:
    """Return a wheel in which ``verify`` finds nothing."""
    head = (
        "Metadata-Version: 2.1",
        f"Name: {project}",
        f"Version: {version}",
        "Summary: A stand-in",
        "Requires-Python: >=3.9",
    )
    lines = (*head, *(f"Requires-Dist: {each}" for each in requires), "Description-Content-Type: text/plain")
    metadata = ("\n".join(lines) + "\n\nA stand-in.\n").encode()
    settings.setdefault("files", (Entry(f"{project}/__init__.py", b'"""A stand-in."""\n'),))
    return WheelSpec(project, version, tags, metadata=metadata, **settings)


def with_samples(stage: Stage) -> None:
    """Put the sample wheels where the repository has them."""
    stage.samples(into="sample_wheels")


def with_indexes(stage: Stage) -> None:
    """Let PyPI and PyTorch's index for CPUs have torch."""
    with_samples(stage)
    cpu = stage.index("https://download.pytorch.org/whl/cpu/", pytorch())
    fill_pytorch_cpu(cpu)
    stage.says("https://download.pytorch.org/whl/cpu", cpu.files_url)
    stage.says("download.pytorch.org/whl/cpu", cpu.index.removeprefix("http://").rstrip("/"))
    public = stage.index("https://pypi.org/simple/", pypi())
    fill_pypi(public)
    stage.says("https://files.pythonhosted.org/packages", public.files_url)


def with_malformed(stage: Stage) -> None:
    """Give the reader malformed wheels, too."""
    with_samples(stage)
    write_malformed(stage.directory)


def with_torchvision(stage: Stage) -> None:
    """Give the reader a torchvision that fits the sample wheel of torch for aarch64."""
    with_samples(stage)
    files = (Entry("torchvision/__init__.py", b""), Entry("torchvision/version.py", b"cuda = None\nhip = None\n"))
    tags = "cp311-cp311-manylinux_2_28_aarch64"
    write_wheel(stage.directory, _valid("torchvision", "0.22.0", tags, requires=("numpy", "torch==2.7.0"), files=files))


def with_a_release(stage: Stage) -> None:
    """Give the reader the two wheels of a release that disagree."""
    with_samples(stage)
    folder = stage.directory / "two"
    folder.mkdir()
    write_wheel(folder, _valid("demo", tags="cp311-cp311-manylinux_2_28_x86_64", requires=("numpy>=1.26", "six")))
    write_wheel(folder, _valid("demo", tags="cp311-cp311-macosx_11_0_arm64", requires=("numpy>=1.26",)))


def with_repairable(stage: Stage) -> None:
    """Give the reader malformed wheels of each kind that ``repair`` knows."""
    with_malformed(stage)
    broken = _valid("broken", style=RecordStyle(unlisted=frozenset({"broken/__init__.py"})), requires=("numpy>=1.26.*",))
    write_wheel(stage.directory, broken)
    write_wheel(stage.directory, _valid("streamlit_auth", dist_info="StreamlitAuth-1.0.dist-info"))


def with_a_build(stage: Stage) -> None:
    """Let a build have left two wheels and an sdist in ``dist``, both wheels with a requirement of the CUDA build."""
    folder = stage.directory / "dist"
    folder.mkdir()
    for tags in ("cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-macosx_11_0_arm64"):
        requires = ("numpy>=1.26", 'nvidia-cudnn-cu12==9.10.2.21; platform_system == "Linux"')
        files = (Entry("acme_vision/__init__.py", b""), Entry("acme_vision/version.py", b"cuda = None\n"))
        write_wheel(folder, _valid("acme-vision", "1.4.0", tags, requires=requires, files=files))
    (folder / "acme_vision-1.4.0.tar.gz").write_bytes(sdist("acme_vision", "1.4.0"))
    stage.variables |= {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": "a-token"}
    stage.says("https://upload.example.org", stage.stack.enter_context(_uploads()))


class _Uploads(http.server.BaseHTTPRequestHandler):
    """Takes whatever is uploaded, as an index does."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _uploads() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Uploads) as server, in_background(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


def with_a_gate(stage: Stage) -> None:
    """Let a build have left a wheel in ``dist``; one that was received is not valid. ``gh`` does nothing."""
    stage.samples("folded_latin", into="received")
    (stage.directory / "dist").mkdir()
    write_wheel(stage.directory / "dist", _valid("demo", requires=("numpy>=1.26",)))
    stage.program("gh", "#!/bin/sh\ntest -s review.md\n")


def with_pack(stage: Stage) -> None:
    """Install the example of a rule pack."""
    folder = ROOT / "examples" / "pack" / "src" / "acme_wheel_rules"
    site = stage.root / "site"
    site.mkdir()
    files = {path.name: path.read_text("utf-8") for path in folder.glob("*.toml")}
    install_pack(site, files, name="acme-wheel-rules", version="1.0", value="acme_wheel_rules", package="acme_wheel_rules")
    stage.variables["PYTHONPATH"] = str(site)


def with_examples(stage: Stage) -> None:
    """Give the reader the examples of rules."""
    with_samples(stage)
    shutil.copytree(ROOT / "examples" / "rules", stage.directory / "examples" / "rules")


def with_reported(stage: Stage) -> None:
    """Give the reader the wheels of the recipes that are commands."""
    for recipe in recipes():
        if recipe.command:
            SHAPES[recipe.title].write(stage.directory)


def with_remote(stage: Stage) -> None:
    """Put sample wheels at a URL and into a bucket, and torch at an index."""
    with_indexes(stage)
    stage.torch(into="served")
    stage.serve("https://wheels.example.org", "served")
    bucket = stage.bucket("s3://wheels")
    for name in ("cleanpkg-1.0-py3-none-any.whl", "xgboost-3.2.0-py3-none-manylinux_2_28_x86_64.whl"):
        s3_client(bucket).put_object(Bucket=bucket.name, Key=f"incoming/{name}", Body=(FOLDER / name).read_bytes())


WHEELS: Final[dict[str, Scene]] = {
    "docs/guides/strip-cuda-from-torch.md": Scene(with_indexes),
    "docs/guides/which-cpu-torch.md": Scene(with_indexes),
    "docs/reference/mirror-files.md": Scene(with_indexes),
    "docs/guides/refused-wheel.md": Scene(with_malformed),
    "docs/guides/rules.md": Scene(with_samples),
    "docs/guides/rules-without-a-mirror.md": Scene(with_samples),
    "docs/guides/edit.md": Scene(with_samples),
    "docs/guides/repair.md": Scene(with_repairable),
    "docs/guides/report.md": Scene(with_samples),
    "docs/guides/verify.md": Scene(with_a_release),
    "docs/guides/patch-between-build-and-upload.md": Scene(with_a_build),
    "docs/guides/gate-wheels-in-ci.md": Scene(with_a_gate),
    "docs/guides/share-rules.md": Scene(with_pack),
    "docs/guides/rule-examples.md": Scene(with_examples),
    "docs/guides/recipes.md": Scene(with_reported, marks=("slow",)),  # tests/recipes runs each recipe always
    "docs/guides/remote.md": Scene(with_remote, marks=("slow",)),
    "docs/guides/python.md": Scene(Stage.torch),
    "docs/guides/name-a-fixed-wheel.md": Scene(with_torchvision),
}
