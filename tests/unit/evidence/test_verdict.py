"""The verdict: can a wheel do without a requirement, and in which words it says so."""

from collections.abc import Iterable, Sequence

import pytest
from packaging.tags import parse_tag

from building import STORED, Entry, WheelSpec, archive_of, to_bytes
from elfwriter import shared_object
from in_memory import Held, packed
from wheelfix.evidence.catalogue import provided_by
from wheelfix.evidence.elf import Dynamic
from wheelfix.evidence.linkage import Binary, Linkage
from wheelfix.evidence.verdict import Evidence, Judgement, what_breaks
from wheelfix.options import Scan
from wheelfix.results import Verdict
from wheelfix.wheel.environments import Environments
from wheelfix.wheel.requirement import Requirement, read_requirement
from wheelfix.wheel.zip.layout import read_layout

PYTHON = ".cpython-311-x86_64-linux-gnu.so"
MODULE = "demo/_C" + PYTHON
CUBLAS = "nvidia-cublas-cu12==12.6.4.1"
SAFE, UNSAFE, UNPROVEN = Verdict.SAFE, Verdict.UNSAFE, Verdict.UNPROVEN


def library(path: str, *needed: str, padding: int = 0) -> Entry:
    """Return a shared object, an extension module if it is called like one."""
    exports = [f"PyInit_{path.rpartition('/')[2].partition('.')[0]}"] if path.endswith(PYTHON) else []
    return built(path, *needed, exports=exports, padding=padding)


def built(path: str, *needed: str, exports: Sequence[str] = (), padding: int = 0) -> Entry:
    content = shared_object("x86_64", needed=needed, exports=exports) + bytes(padding)
    return Entry(path, content, raw=packed(content))


def constants(text: str) -> Entry:
    return Entry("demo/version.py", text.encode())


def requirement(text: str) -> Requirement:
    found = read_requirement(text)
    assert found is not None
    return found


def evidence(
    *files: Entry,
    version: str = "1.0",
    tags: str = "cp311-cp311-manylinux_2_28_x86_64",
    scan: Scan = Scan.AUTO,
    known: Linkage | None = None,
) -> Evidence:
    """Return the evidence in a built wheel, by default one for Linux on x86_64."""
    spec = WheelSpec(version=version, tags=tags, files=files)
    source = Held(to_bytes(archive_of(spec)))
    environments = Environments(parse_tag(spec.tags))
    return Evidence(source, read_layout(source), environments, "demo", [version], scan=scan, known=known)


PURE = Entry("demo/__init__.py", b"x = 1\n")
CPU_MODULE = library(MODULE, "libc.so.6")
CUDA_MODULE = library(MODULE, "libc.so.6", "libcublas.so.12")
PLUG_IN = library("demo/lib/libplugin.so", "libcublas.so.12")
TORCH_CUDA = library("demo/lib/libtorch_cuda.so", "libc.so.6")
WINDOWS = Entry("demo/x.dll", b"MZ")
DAMAGED = Entry("demo/libdamaged.so", b"\x7fELF" + bytes(60_000), raw=b"\xff" * 9)
LARGE_MODULE = library(MODULE, "libc.so.6", "libcublas.so.12", padding=2 << 20)
LARGE_PLUG_IN = library("demo/lib/libplugin.so", "libcublas.so.12", padding=2 << 20)
PROGRAM = Entry("demo/bin/tool", shared_object("x86_64", needed=["libcublas.so.12"]), mode=0o100755)
CPU_PROGRAM = Entry("demo-1.0.data/scripts/tool", shared_object("x86_64", needed=["libc.so.6"]), mode=0o100755)
OBJECT = Entry("demo.libs/libcublas.so.12", b"\x7fELF\2\1\1" + bytes(9) + b"\1\0\x3e\0\1\0\0\0" + bytes(40))
UNDER_IF = constants("from demo import check\nif check() > 0:\n    cuda = check()\n")
LABEL_AND_IF = constants("__version__ = '1.0+cpu'\nfrom demo import check\nif check() > 0:\n    cuda = check()\n")
TWICE = constants("cuda = None\nif check():\n    cuda = check()\n")
NONE, CUDA, HIP, XPU = (constants(text) for text in ("cuda = None", "cuda = '12.6'", "hip = '6.3'", "xpu = '2025'"))
NO_OTHER = constants("cuda = None\nhip = None\nxpu = None")
OF_XPU = constants("cuda = None\nhip = None\nxpu = '20250000'")
OF_ROCM = constants("cuda = None\nhip = '6.3.42131'\nxpu = None")
DEAD = "; sys_platform == 'win32'"

JUDGED: dict[str, tuple[str, str, Sequence[Entry], Verdict, str]] = {
    # why: the version, the requirement, the files, the verdict, the telling words
    "dead marker": ("1.0", CUBLAS + DEAD, [PURE], SAFE, "its marker is never true on manylinux_2_28_x86_64: sys"),
    "dead marker, whatever it links to": ("1.0+cu126", CUBLAS + DEAD, [CUDA_MODULE], SAFE, "its marker is never true"),
    "living marker": ("1.0", CUBLAS + "; sys_platform == 'linux'", [PURE], UNPROVEN, "it has no binaries"),
    "cpu label": (
        "1.0+cpu", CUBLAS, [CPU_MODULE], SAFE,
        "the version is 1.0+cpu, and its only binary does not link to a CUDA, ROCm or SYCL library",
    ),
    "cpu label without binaries": ("1.0+cpu", CUBLAS, [PURE], SAFE, "the version is 1.0+cpu, and it has no binaries"),
    "cpu label and a damaged binary": ("1.0+cpu", CUBLAS, [DAMAGED], UNPROVEN, "demo/libdamaged.so cannot be checked"),
    "cpu label and a binary of Windows": ("1.0+cpu", CUBLAS, [WINDOWS], UNPROVEN, "demo/x.dll cannot be checked"),
    "cpu label, a large hard link": ("1.0+cpu", CUBLAS, [LARGE_MODULE], UNSAFE, f"{MODULE} links to libcublas.so.12"),
    "cpu label, a large link to another library": (
        "1.0+cpu", "nvidia-nccl-cu12", [LARGE_MODULE], UNPROVEN,
        f"the wheel contradicts itself: the version is 1.0+cpu, but {MODULE} links to libcublas.so.12",
    ),
    "cpu label, a large link, and triton": ("1.0+cpu", "triton", [LARGE_MODULE], UNPROVEN, "the wheel contradicts itself"),
    "cpu label and a link to another runtime": (
        "1.0+cpu", CUBLAS, [library(MODULE, "libamdhip64.so.6")], UNPROVEN,
        f"the wheel contradicts itself: the version is 1.0+cpu, but {MODULE} links to libamdhip64.so.6",
    ),
    "cpu label and a large plug-in": ("1.0+cpu", CUBLAS, [CPU_MODULE, LARGE_PLUG_IN], UNPROVEN, "but no extension"),
    "cpu label and a program": ("1.0+cpu", CUBLAS, [PROGRAM], UNPROVEN, "demo/bin/tool links to libcublas.so.12, but"),
    "cpu label and a clean program": ("1.0+cpu", CUBLAS, [CPU_PROGRAM], SAFE, "and its only binary does not link"),
    "constants and a large hard link": ("1.0", CUBLAS, [NO_OTHER, LARGE_MODULE], UNSAFE, f"{MODULE} links to libcublas"),
    "both and a large hard link": ("1.0+cpu", CUBLAS, [NO_OTHER, LARGE_MODULE], UNSAFE, f"{MODULE} links to libcublas"),
    "both and a framework's GPU half": (
        "1.0+cpu", CUBLAS, [NO_OTHER, library(MODULE, "libtorch_cuda.so")], UNSAFE, f"{MODULE} links to libtorch_cuda.so",
    ),
    "a framework's GPU half": ("1.0", CUBLAS, [library(MODULE, "libc10_cuda.so")], UNSAFE, f"{MODULE} links to libc10_cuda"),
    "a framework's GPU half and triton": ("1.0", "triton", [library(MODULE, "librmm.so")], UNSAFE, "links to librmm.so"),
    "a framework's GPU half in a plug-in": (
        "1.0", CUBLAS, [CPU_MODULE, library("demo/libx.so", "libtorch_cuda.so")], UNPROVEN, "but no extension module",
    ),
    "a framework's half of another runtime": (
        "1.0", CUBLAS, [library(MODULE, "libtorch_hip.so")], UNPROVEN, "does not link to a CUDA library, but a library can",
    ),
    "cpu label and a bundled library": (
        "1.0+cpu", CUBLAS, [library(MODULE, "libcudart-faf08d9a.so.13"), library("demo.libs/libcudart-faf08d9a.so.13")],
        UNPROVEN, "the version is 1.0+cpu, but it contains demo.libs/libcudart-faf08d9a.so.13",
    ),
    "cpu label and a bundled library that is not there": (
        "1.0+cpu", CUBLAS, [library(MODULE, "libcudart-faf08d9a.so.13")], UNPROVEN, "links to libcudart-faf08d9a.so.13",
    ),
    "a library in the wheel that nothing loads": ("1.0", CUBLAS, [CUDA_MODULE, OBJECT], UNSAFE, "links to libcublas.so.12"),
    "called like a module": (
        "1.0", CUBLAS, [built("demo/_C.abi3.so", "libcublas.so.12")], UNPROVEN, "but no extension module loads it",
    ),
    "a module of any name": (
        "1.0", CUBLAS, [built("demo/libx.so.1", "libcublas.so.12", exports=["PyInit_x"])], UNSAFE, "demo/libx.so.1 links to",
    ),
    "a module that loads what is called like one": (
        "1.0", CUBLAS, [built("demo/_C.abi3.so", "libcublas.so.12"), library(MODULE, "_C.abi3.so")], UNSAFE, "demo/_C.abi3",
    ),
    "cuda conditionally": ("1.0", CUBLAS, [UNDER_IF, CPU_MODULE], UNPROVEN, "but a library can also be loaded by name"),
    "cuda conditionally, cpu label": ("1.0+cpu", CUBLAS, [UNDER_IF, CPU_MODULE], SAFE, "the version is 1.0+cpu"),
    "cuda conditionally, cpu in its constants": (
        "1.0", CUBLAS, [LABEL_AND_IF, CPU_MODULE], SAFE, "demo/version.py sets __version__ = '1.0+cpu'",
    ),
    "cuda conditionally, cpu label, and a link": (
        "1.0+cpu", CUBLAS, [UNDER_IF, LARGE_MODULE], UNSAFE, f"{MODULE} links to libcublas.so.12",
    ),
    "cuda conditionally, cpu label, and a plug-in": (
        "1.0+cpu", CUBLAS, [UNDER_IF, LARGE_PLUG_IN], UNPROVEN, "but no extension module",
    ),
    "cpu label and more": ("1.0+cpu.cuda12x", CUBLAS, [CPU_MODULE], UNPROVEN, "is 1.0+cpu.cuda12x, which says both"),
    "cpu label and debugging information that is loaded": (
        "1.0+cpu", CUBLAS, [library(MODULE, "libx.debug"), library("demo/libx.debug", "libcublas.so.12")], UNSAFE,
        "demo/libx.debug links to libcublas.so.12",
    ),
    "cpu label and debugging information": (
        "1.0+cpu", CUBLAS, [CPU_MODULE, library("demo/libx.debug", "libcublas.so.12")], SAFE, "its only binary does not",
    ),
    "a library by its path": (
        "1.0", CUBLAS, [library(MODULE, "$ORIGIN/libplugin.so"), PLUG_IN], UNSAFE, "demo/lib/libplugin.so links to",
    ),
    "a library of the system by its path, and one in the wheel": (
        "1.0", CUBLAS, [library(MODULE, "/usr/lib/libcublas.so.12"), library("demo.libs/libcublas.so.12")], UNSAFE,
        f"{MODULE} links to libcublas.so.12",
    ),
    "cuda set twice, cpu label": ("1.0+cpu", CUBLAS, [TWICE, CPU_MODULE], UNPROVEN, "does not set cuda to a constant"),
    "cpu label and triton": ("1.0+cpu", "triton", [CPU_MODULE], SAFE, "the version is 1.0+cpu"),
    "cpu label and rocm": ("1.0+cpu", "rocm-sdk-core", [PURE], SAFE, "the version is 1.0+cpu"),
    "cpu label and an NPU": ("1.0+cpu", "torch-npu", [CPU_MODULE], UNPROVEN, "its only binary does not link to a CUDA, R"),
    "cuda = None": ("1.0", CUBLAS, [NONE, CPU_MODULE], SAFE, "demo/version.py sets cuda = None"),
    "two that deny": ("1+cpu", CUBLAS, [NONE], SAFE, "demo/version.py sets cuda = None and the version is 1+cpu"),
    "hip = None says nothing of CUDA": ("1.0", CUBLAS, [constants("hip = None")], UNPROVEN, "it has no binaries"),
    "cpu label and a file": (
        "1.0+cpu", CUBLAS, [TORCH_CUDA], UNPROVEN,
        "the wheel contradicts itself: the version is 1.0+cpu, but it contains demo/lib/libtorch_cuda.so",
    ),
    "cpu label, a file, and a hard link": (
        "1.0+cpu", CUBLAS, [TORCH_CUDA, CUDA_MODULE], UNSAFE, f"{MODULE} links to libcublas.so.12",
    ),
    "cpu label and a file of Windows": (
        "1.0+cpu", CUBLAS, [Entry("demo/c10_cuda.dll", b"MZ")], UNPROVEN, "the wheel contradicts itself: ",
    ),
    "cuda = None and a label": (
        "1.0+cu126", CUBLAS, [NONE, CPU_MODULE], UNPROVEN,
        "the wheel contradicts itself: demo/version.py sets cuda = None, but the version is 1.0+cu126",
    ),
    "cuda = None and a label, no binaries": ("1.0+cu126", CUBLAS, [NONE], UNPROVEN, "the wheel contradicts itself: "),
    "cuda = None, a label, and a link": ("1.0+cu126", CUBLAS, [NONE, CUDA_MODULE], UNSAFE, f"{MODULE} links to libcublas"),
    "constant against cpu label": ("1.0+cpu", CUBLAS, [CUDA], UNPROVEN, "contradicts itself: the version is 1.0+cpu"),
    "constant": ("1.0", CUBLAS, [CUDA], UNSAFE, "demo/version.py sets cuda = '12.6'"),
    "constant and an example": (
        "1.0", CUBLAS, [CUDA, CUDA_MODULE], UNSAFE,
        f"demo/version.py sets cuda = '12.6', and {MODULE} links to libcublas.so.12",
    ),
    "constant and an example of another library": (
        "1.0", "nvidia-nccl-cu12", [CUDA, PLUG_IN], UNSAFE, "and demo/lib/libplugin.so links to libcublas.so.12",
    ),
    "constant, an example too large to look for": (
        "1.0", CUBLAS, [CUDA, library(MODULE, "libcublas.so.12", padding=(1 << 24) - 1000)], UNSAFE, "cuda = '12.6'",
    ),
    "constant and damaged binaries": ("1.0", CUBLAS, [CUDA, DAMAGED], UNSAFE, "demo/version.py sets cuda = '12.6'"),
    "label": ("1.0+cu126", CUBLAS, [CPU_MODULE], UNSAFE, "the version is 1.0+cu126"),
    "hard link": ("1.0", CUBLAS, [CUDA_MODULE], UNSAFE, f"{MODULE} links to libcublas.so.12"),
    "hard link to another version": (
        "1.0", "nvidia-cublas-cu11", [CUDA_MODULE], UNPROVEN,
        f"nothing links to what it provides, but it is a GPU build: {MODULE} links to libcublas.so.12",
    ),
    "hard link to another library": ("1.0", "nvidia-nccl-cu12", [CUDA_MODULE], UNPROVEN, "but it is a GPU build"),
    "hard link over a library": (
        "1.0", CUBLAS, [library(MODULE, "libplugin.so"), PLUG_IN], UNSAFE, "demo/lib/libplugin.so links to libcublas.so.12",
    ),
    "its library is in the wheel": (
        "1.0", CUBLAS, [CUDA_MODULE, library("demo.libs/libcublas.so.12")], UNPROVEN, "none of its 2 binaries links to a",
    ),
    "its library is in the wheel and large": (
        "1.0", CUBLAS, [CUDA_MODULE, library("demo.libs/libcublas.so.12", padding=100_000)], UNPROVEN,
        "none of its 2 binaries links to a CUDA",
    ),
    "plug-in": (
        "1.0", CUBLAS, [PLUG_IN, CPU_MODULE], UNPROVEN,
        "demo/lib/libplugin.so links to libcublas.so.12, but no extension module loads it on import",
    ),
    "nothing linked": (
        "1.0", CUBLAS, [CPU_MODULE], UNPROVEN,
        "its only binary does not link to a CUDA library, but a library can also be loaded by name",
    ),
    "unread": ("1.0", CUBLAS, [CPU_MODULE, WINDOWS], UNPROVEN, "demo/x.dll cannot be checked: it is not an ELF file"),
    "damaged": ("1.0", CUBLAS, [DAMAGED], UNPROVEN, "demo/libdamaged.so cannot be checked: "),
    "damaged, but enough is known": ("1.0", CUBLAS, [CUDA_MODULE, DAMAGED], UNSAFE, f"{MODULE} links to libcublas.so.12"),
    "no binaries": ("1.0", CUBLAS, [PURE], UNPROVEN, "it has no binaries, and no local version or build constant"),
    "triton, no binaries": ("1.0", "triton", [PURE], UNPROVEN, "it has no binaries, and no local version"),
    "triton": (
        "1.0", "triton", [CPU_MODULE], UNPROVEN,
        "binaries do not link to it, and whether the code imports it is unknown",
    ),
    "triton on CUDA by its links": ("1.0", "triton", [CUDA_MODULE], UNPROVEN, "but it is a GPU build: "),
    "triton on CUDA": ("1.0+cu126", "triton", [PURE], UNSAFE, "the version is 1.0+cu126"),
    "triton on ROCm": ("1.0+rocm6.3", "triton", [PURE], UNSAFE, "the version is 1.0+rocm6.3"),
    "triton on ROCm by constants": ("1.0", "triton", [OF_ROCM], UNSAFE, "demo/version.py sets hip = '6.3.42131'"),
    "triton on XPU": ("1.0+xpu", "triton", [PURE], UNSAFE, "the version is 1.0+xpu"),
    "triton on XPU by constants": ("1.0", "triton", [OF_XPU], UNSAFE, "demo/version.py sets xpu = '20250000'"),
    "triton where all is None": ("1.0", "triton", [NO_OTHER], SAFE, "demo/version.py sets cuda = None"),
    "triton where only cuda is None": ("1.0", "triton", [NONE], SAFE, "demo/version.py sets cuda = None"),
    "triton of ROCm on ROCm": ("1.0+rocm6.3", "pytorch-triton-rocm", [PURE], UNSAFE, "the version is 1.0+rocm6.3"),
    "triton of ROCm on CUDA": ("1.0+cu126", "pytorch-triton-rocm", [PURE], SAFE, "the version is 1.0+cu126"),
    "nvidia on ROCm": ("1.0+rocm6.3", CUBLAS, [PURE], SAFE, "the version is 1.0+rocm6.3"),
    "nvidia on ROCm with its files": ("1+rocm6", CUBLAS, [library("d/libtorch_hip.so")], SAFE, "the version is 1+rocm6"),
    "nvidia on ROCm by constants": ("1.0", CUBLAS, [OF_ROCM], SAFE, "demo/version.py sets cuda = None"),
    "nvidia on XPU": ("1.0+xpu", CUBLAS, [PURE], SAFE, "the version is 1.0+xpu"),
    "hip says nothing of CUDA": ("1.0", CUBLAS, [HIP], UNPROVEN, "it has no binaries"),
    "xpu": ("1.0", "intel-sycl-rt", [XPU], UNSAFE, "demo/version.py sets xpu = '2025'"),
    "rocm": ("1.0", "rocm-sdk-core", [library(MODULE, "libamdhip64.so.6")], UNSAFE, f"{MODULE} links to libamdhip64.so.6"),
    "extras": ("1.0", "cuda-toolkit[cublas]", [CUDA_MODULE], UNSAFE, f"{MODULE} links to libcublas.so.12"),
    "no extras": ("1.0", "cuda-toolkit", [CUDA_MODULE], UNPROVEN, "but it is a GPU build"),
}  # fmt: skip


@pytest.mark.parametrize(("version", "text", "files", "verdict", "words"), JUDGED.values(), ids=JUDGED)
def test_verdicts(version: str, text: str, files: Sequence[Entry], verdict: Verdict, words: str) -> None:
    found = evidence(*files, version=version).judge(requirement(text))
    assert found is not None
    assert found.verdict is verdict, found.reason
    assert words in found.reason
    assert not found.reason.endswith(".")
    assert found.reason.isprintable()


@pytest.mark.parametrize(("version", "text", "files", "verdict", "words"), JUDGED.values(), ids=JUDGED)
def test_a_verdict_does_not_depend_on_what_was_judged_before(
    version: str, text: str, files: Sequence[Entry], verdict: Verdict, words: str
) -> None:
    one = evidence(*files, version=version)
    for other in ("nvidia-nccl-cu12", "triton", "rocm", "cuda-toolkit[all]", "intel-sycl-rt", CUBLAS):
        one.judge(requirement(other))
    found = one.judge(requirement(text))
    assert found is not None
    assert found.verdict is verdict, found.reason


@pytest.mark.parametrize("text", ["numpy", "tritonclient", "nvidia-ml-py", "mkl", "numpy; sys_platform == 'win32'"])
@pytest.mark.parametrize("scan", Scan)
def test_what_is_not_in_the_catalogue_is_not_judged(text: str, scan: Scan) -> None:
    one = evidence(DAMAGED, version="1.0+cu126", scan=scan)
    assert one.judge(requirement(text)) is None
    assert one.linkage == Linkage()


ON_PURPOSE: list[tuple[str, Sequence[Entry], Verdict, str]] = [
    (CUBLAS, [CPU_MODULE], SAFE, "to a CUDA library, and the rule names this project and requirement explicitly"),
    (CUBLAS, [PLUG_IN, CPU_MODULE], UNPROVEN, "but no extension module loads it"),
    (CUBLAS, [CUDA_MODULE], UNSAFE, "links to libcublas.so.12"),
    (CUBLAS, [CPU_MODULE, WINDOWS], UNPROVEN, "demo/x.dll cannot be checked"),
    (CUBLAS, [PURE], SAFE, "it has no binaries, and the rule names this project and requirement explicitly"),
    (CUBLAS, [CUDA], UNSAFE, "cuda = '12.6'"),
    ("nvidia-nccl-cu12", [CUDA_MODULE], UNPROVEN, "but it is a GPU build"),
    ("triton", [CPU_MODULE], SAFE, "to a CUDA, ROCm or SYCL library, and the rule names this project and requirement"),
    ("triton", [PURE], SAFE, "it has no binaries, and the rule names this project and requirement explicitly"),
    ("triton", [CUDA_MODULE], UNPROVEN, "but it is a GPU build"),
    ("triton", [library(MODULE, "libtorch_cuda.so")], UNSAFE, "links to libtorch_cuda.so"),
    ("triton", [WINDOWS], UNPROVEN, "demo/x.dll cannot be checked"),
    (CUBLAS, [DAMAGED], UNPROVEN, "demo/libdamaged.so cannot be checked"),
    (CUBLAS, [TWICE], SAFE, "it has no binaries"),
    (CUBLAS, [CUDA_MODULE, library("x/libcublas.so.12")], UNPROVEN, "but the wheel bundles libcublas.so.12"),
    ("triton", [CPU_MODULE, library("x/libcublas.so.12")], SAFE, "the rule names this project and requirement"),
]


@pytest.mark.parametrize(("text", "files", "verdict", "words"), ON_PURPOSE)
def test_a_rule_for_just_this_requirement(text: str, files: Sequence[Entry], verdict: Verdict, words: str) -> None:
    found = evidence(*files).judge(requirement(text), on_purpose=True)
    assert found is not None
    assert found.verdict is verdict, found.reason
    assert words in found.reason


PROGRAMS = {
    "PE": b"MZ" + bytes(58) + b"\x80\0\0\0" + bytes(64) + b"PE\0\0" + bytes(100),
    "Mach-O": b"\xcf\xfa\xed\xfe" + bytes(100),
    "fat Mach-O": b"\xca\xfe\xba\xbe\0\0\0\2" + bytes(100),
}
JAVA, TEXT, CUT_OFF = b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(100), b"MZ is a text" * 20, b"MZ" + bytes(20)


@pytest.mark.parametrize(
    ("tags", "content", "verdict"),
    [
        ("py3-none-win_amd64", PROGRAMS["PE"], UNPROVEN),
        ("py3-none-any", PROGRAMS["PE"], UNPROVEN),
        ("py3-none-manylinux_2_28_x86_64.win_amd64", PROGRAMS["PE"], UNPROVEN),
        ("py3-none-manylinux_2_28_x86_64", PROGRAMS["PE"], SAFE),
        ("py3-none-macosx_11_0_arm64", PROGRAMS["PE"], SAFE),
        ("py3-none-macosx_11_0_arm64", PROGRAMS["Mach-O"], UNPROVEN),
        ("py3-none-macosx_11_0_arm64", PROGRAMS["fat Mach-O"], UNPROVEN),
        ("py3-none-win_amd64", PROGRAMS["Mach-O"], SAFE),
        ("py3-none-any", JAVA, SAFE),
        ("py3-none-any", TEXT, SAFE),
        ("py3-none-any", CUT_OFF, SAFE),
    ],
)  # fmt: skip
def test_programs_that_cannot_be_read_leave_a_doubt_where_they_run(tags: str, content: bytes, verdict: Verdict) -> None:
    """Launchers for Windows lie in many wheels for Linux."""
    found = evidence(Entry("demo/bin/tool", content), version="1.0+cpu", tags=tags).judge(requirement(CUBLAS))
    assert found is not None
    assert found.verdict is verdict, found.reason
    assert ("cannot be checked" in found.reason) is (verdict is UNPROVEN)


NOTHING = "it has no binaries, and no local version or build constant says whether it is for the CPU or a GPU"
NEVER: list[tuple[str, Sequence[Entry], Verdict, str]] = [
    ("1.0", [CUDA_MODULE], UNPROVEN, "binaries not read (--scan always reads them)"),
    ("1.0", [PURE], UNPROVEN, NOTHING),
    ("1.0", [CUDA, CUDA_MODULE], UNSAFE, "demo/version.py sets cuda = '12.6'"),
    ("1.0+cpu", [CUDA_MODULE], UNPROVEN, "the version is 1.0+cpu; binaries not read (--scan always reads them)"),
    ("1.0+cpu", [CPU_MODULE], UNPROVEN, "the version is 1.0+cpu; binaries not read (--scan always reads them)"),
    (
        "1.0",
        [NO_OTHER, CPU_MODULE],
        UNPROVEN,
        "demo/version.py sets cuda = None; binaries not read (--scan always reads them)",
    ),
    ("1.0+cpu", [PURE], UNPROVEN, "the version is 1.0+cpu; binaries not read (--scan always reads them)"),
    ("1.0+cpu", [TORCH_CUDA], UNPROVEN, "the wheel contradicts itself: "),
    ("1.0+cu126", [NONE, CUDA_MODULE], UNPROVEN, "the wheel contradicts itself: "),
]


@pytest.mark.parametrize(("version", "files", "verdict", "words"), NEVER)
def test_binaries_that_are_not_to_be_read(version: str, files: Sequence[Entry], verdict: Verdict, words: str) -> None:
    one = evidence(*files, version=version, scan=Scan.NEVER)
    found = one.judge(requirement(CUBLAS))
    assert found is not None
    assert found.verdict is verdict, found.reason
    assert words in found.reason
    assert "links to" not in found.reason
    assert one.linkage == Linkage()
    assert one.read_all() == Linkage()


LARGER = Entry("demo/liblarger.so", shared_object("x86_64", needed=["libc.so.6"]) + bytes(50_000))
ALWAYS: list[tuple[str, Sequence[Entry], Verdict, str]] = [
    ("1.0", [NONE, CUDA_MODULE], UNSAFE, f"{MODULE} links to libcublas.so.12"),
    ("1.0+cpu", [CUDA_MODULE], UNSAFE, f"{MODULE} links to libcublas.so.12"),
    ("1.0", [NONE, PLUG_IN, CPU_MODULE], UNPROVEN, "but no extension module loads it"),
    ("1.0", [NONE, CPU_MODULE], SAFE, "demo/version.py sets cuda = None"),
    ("1.0", [NONE, WINDOWS], UNPROVEN, "demo/x.dll cannot be checked"),
    ("1.0", [CUDA, CPU_MODULE], UNSAFE, "demo/version.py sets cuda = '12.6'"),
    ("1.0", [CUDA_MODULE, LARGER, Entry("demo/tool", LARGER.content)], UNSAFE, f"{MODULE} links to libcublas.so.12"),
]


@pytest.mark.parametrize(("version", "files", "verdict", "words"), ALWAYS)
def test_binaries_that_are_always_read(version: str, files: Sequence[Entry], verdict: Verdict, words: str) -> None:
    one = evidence(*files, version=version, scan=Scan.ALWAYS)
    found = one.judge(requirement(CUBLAS))
    assert found is not None
    assert found.verdict is verdict, found.reason
    assert words in found.reason
    assert one.linkage.complete


def test_small_binaries_can_contradict_what_the_wheel_says() -> None:
    """A version.py that says cuda = None proves nothing where an extension module links to CUDA."""
    for version, files in (("1.0+cpu", [CUDA_MODULE]), ("1.0", [NONE, CUDA_MODULE])):
        found = evidence(*files, version=version).judge(requirement(CUBLAS))
        assert found == Judgement(UNSAFE, f"{MODULE} links to libcublas.so.12")
        other = evidence(*files, version=version).judge(requirement("nvidia-cudnn-cu12"))
        assert other is not None
        assert (other.verdict, other.reason.partition(":")[0]) == (UNPROVEN, "the wheel contradicts itself")


def test_a_verdict_does_not_depend_on_what_was_asked_before() -> None:
    """Promise 4: the rehearsal of a release and the run itself must agree."""
    plugin = library("demo/lib/libplugin.so", "libcublas.so.12", padding=2 << 20)
    for files in ([NONE, CPU_MODULE, plugin], [CPU_MODULE, plugin], [NONE, PLUG_IN], [CUDA, CUDA_MODULE, plugin]):
        names = [CUBLAS, "triton", "nvidia-nccl-cu12", "rocm-sdk-core", "cuda-toolkit[cublas]"]
        alone = [evidence(*files).judge(requirement(name)) for name in names]
        forwards, backwards = evidence(*files), evidence(*files)
        assert [forwards.judge(requirement(name)) for name in names] == alone
        assert [backwards.judge(requirement(name)) for name in reversed(names)] == alone[::-1]
        again = evidence(*files, known=forwards.read_all())
        assert [again.judge(requirement(name)) for name in names] == alone


def test_what_an_earlier_look_has_read_counts() -> None:
    known = Linkage((Binary(MODULE, Dynamic(("libcublas.so.12",), None, is_module=True)),))
    one = evidence(NONE, CUDA_MODULE, known=known)
    assert one.linkage is known
    assert one.judge(requirement(CUBLAS)) == Judgement(UNSAFE, f"{MODULE} links to libcublas.so.12")


GPU_BUILDS = [("1.0", [PURE], ""), ("1.0+cpu", [PURE], ""), ("1+cu126", [PURE], "the version is 1+cu126"),
              ("1.0", [CUDA], "demo/version.py sets cuda = '12.6'"),
              ("1.0", [TORCH_CUDA], "it contains demo/lib/libtorch_cuda.so")]  # fmt: skip


@pytest.mark.parametrize(("version", "files", "words"), GPU_BUILDS)
def test_whether_it_is_a_gpu_build(version: str, files: Sequence[Entry], words: str) -> None:
    assert evidence(*files, version=version).gpu_statement == words


def breaks(linkage: Linkage, *gone: str) -> Iterable[str]:
    provided = [found for each in gone if (found := provided_by(requirement(each)))]
    return [*what_breaks(linkage, provided)]


def test_what_will_not_load_without_what_is_gone() -> None:
    modules = [library(f"demo/_{letter}" + PYTHON, "libplugin.so") for letter in "ABCDEFGHIJKL"]
    own = library("demo/_own" + PYTHON, "libcudart.so.12", "libcublas.so.12")
    linkage = evidence(PLUG_IN, *modules, own).read_all()
    first, second, third = sorted(breaks(linkage, CUBLAS, "nvidia-cuda-runtime-cu12"))
    assert first.startswith(f"So these cannot be imported: demo/_A{PYTHON}, demo/_B{PYTHON}")
    assert first.endswith(" and 3 more.") is (len(modules) == 12)
    assert second == f"demo/_own{PYTHON} will not load without libcudart.so.12, libcublas.so.12."
    assert third == "demo/lib/libplugin.so will not load without libcublas.so.12."
    assert breaks(linkage, "nvidia-nccl-cu12", "triton") == []
    assert breaks(linkage) == []


def test_names_from_the_wheel_are_safe_to_print() -> None:
    names = library("demo/lib\x1b[2J.so", "libcudnn\x1b.so.9"), library(MODULE, "lib\x1b[2J.so")
    one = evidence(*names)
    found = one.judge(requirement("nvidia-cudnn-cu12"))
    assert found is not None
    assert found.reason.isprintable()
    other = evidence(*names).judge(requirement("nvidia-cublas-cu12"))
    assert other is not None
    assert other.reason.isprintable()
    assert "\\\\x1b" not in other.reason, "escaped twice"
    libraries = Linkage((Binary("demo/lib\x1b.so", Dynamic(("libcudnn_\x1b.so.9",), None)),))
    assert all(line.isprintable() for line in breaks(libraries, "nvidia-cudnn-cu12"))


def test_a_stored_wheel_is_read_the_same() -> None:
    content = CUDA_MODULE.content
    assert evidence(Entry(MODULE, content, STORED)).judge(requirement(CUBLAS)) == evidence(CUDA_MODULE).judge(
        requirement(CUBLAS)
    )
