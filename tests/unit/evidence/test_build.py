"""What a wheel says of its build: in its version, in the constants of a version.py, and by the names of its files."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from building import STORED, Entry
from in_memory import hold, packed
from wheelfix.evidence.build import BuildHint, read_build, read_constants


def build(*entries: Entry, versions: tuple[str, ...] = ("1.0",)) -> tuple[BuildHint, ...]:
    source, layout = hold(*entries, Entry("demo/__init__.py", b"x"))
    return read_build(source, layout, "demo", versions)


def brief(hints: tuple[BuildHint, ...]) -> str:
    """Return the hints in short: ``+cuda`` and ``-cuda``, ``?`` behind one that is guessed."""
    sign = {True: "+", False: "-", None: "~"}
    signs = [sign[each.uses] + each.runtime + ("" if each.explicit else "?") for each in hints]
    return " ".join(sorted(signs))


NOTHING, CPU = "", "-cuda -rocm -xpu"
CUDA, ROCM, XPU = "+cuda -rocm -xpu", "+rocm -cuda -xpu", "+xpu -cuda -rocm"
LABELS = [
    ("2.7.0+cpu", CPU), ("2.7.0+CPU", CPU), ("2.7.0+cpu.cxx11.abi", CPU), ("2.7.0+cpu-x", CPU), ("2.7.0+cpu_x", CPU),
    ("2.7.0+cu126", CUDA), ("2.7.0+CU126", CUDA), ("2.7.0+cu118.with.more", CUDA), ("2.7.0+cuda12", CUDA),
    ("2.7.0+cu118_x", CUDA), ("2.7.0+rocm6.3", ROCM), ("2.7.0+rocm", ROCM), ("2.7.0+rocm6.3.git1234", ROCM),
    ("2.7.0+hip5", ROCM), ("2.7.0+xpu", XPU), ("2.7.0+xpu.2025", XPU), ("2.7.0.dev20250101+cu126", CUDA),
    ("2.7.0", NOTHING), ("2.7.0+", NOTHING), ("2.7.0+git1234", NOTHING), ("2.7.0+computer", NOTHING),
    ("2.7.0+cpus", NOTHING), ("2.7.0+cu", NOTHING), ("2.7.0+cuda", CUDA),
    ("2.7+cu12torch2.5cxx11abiFALSE", CUDA), ("2.7+pt25cu124", CUDA), ("1+git12.cu121", CUDA),

    ("2.7.0+custom1", NOTHING),
    ("2.7.0+xpus", NOTHING), ("2.7.0+rocmfoo", NOTHING), ("2.7.0+local.cu126", CUDA), ("cpu", NOTHING),
    ("2.7.0.cpu", NOTHING), ("", NOTHING), ("+cpu", CPU), ("2.7+cpu.cu126", f"+cuda {CPU}"),
    ("2.7+gpu", "~cuda? ~rocm? ~xpu?"),
]  # fmt: skip


@pytest.mark.parametrize(("version", "expected"), LABELS)
def test_labels(version: str, expected: str) -> None:
    found = build(versions=(version,))
    assert brief(found) == expected
    assert {each.words for each in found} <= {f"the version is {version}"}
    assert brief(build(versions=(version, version))) == expected


def test_the_version_of_metadata_and_that_of_the_file_name_count() -> None:
    assert brief(build(versions=("2.7.0", "2.7.0+cpu"))) == CPU
    found = build(versions=("1+cpu", "1+cu126"))
    assert [each.words for each in found if each.runtime == "cuda"] == ["the version is 1+cpu", "the version is 1+cu126"]


def test_a_label_is_safe_to_print() -> None:
    assert {each.words for each in build(versions=("1+cpu.\x1b[2J",))} == {"the version is 1+cpu.\\x1b[2J"}


TORCH = b"""from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip', 'rocm', 'xpu']
__version__ = '2.7.0%s'
debug = False
cuda: Optional[str] = %s
git_version = '134179474539648ba7dee1317959529fbd0e7f89'
hip: Optional[str] = %s
rocm: Optional[str] = None
xpu: Optional[str] = %s
"""
NONES = CPU.replace("-rocm", "-rocm -rocm")
DEEP = [
    b"cuda = " + b"(" * 30_000,
    b"cuda = " + b"-" * 60_000 + b"1",
    b"x = a" + b".a" * 30_000,
    b"x = " + b"1+" * 30_000 + b"1",
]
LEFT_OPEN, UNREAD = "~cuda?", "~cuda? ~rocm? ~xpu?"
SOURCES: list[tuple[bytes, str]] = [
    (TORCH % (b"+cpu", b"None", b"None", b"None"), f"{CPU} {NONES}"),
    (TORCH % (b"+cu126", b"'12.6'", b"None", b"None"), f"{CUDA} +cuda -rocm -rocm -xpu"),
    (TORCH % (b"+rocm6.3", b"None", b"'6.3.42131'", b"None"), f"{ROCM} +rocm -rocm -cuda -xpu"),
    (TORCH % (b"", b"'12.6'", b"None", b"None"), "+cuda -rocm -rocm -xpu"),
    (TORCH % (b"+xpu", b"None", b"None", b"'20250000'"), f"{XPU} +xpu -cuda -rocm -rocm"),
    (b"cuda = None\n", "-cuda"),
    (b"cuda = '12.6'\n", "+cuda"),
    (b"cuda: 'str | None' = None\n", "-cuda"),
    (b"cuda: str\n", LEFT_OPEN),
    (b"cuda = None  # none\r\nhip = None\r\n", "-cuda -rocm"),
    (b"\xef\xbb\xbfcuda = None\n", "-cuda"),
    (b"# -*- coding: latin-1 -*-\nname = '\xe9'\ncuda = None\n", "-cuda"),
    (b"# -*- coding: no-such-thing -*-\ncuda = None\n", UNREAD),
    (b"# -*- coding: rot13 -*-\ncuda = None\n", UNREAD),
    (b"# -*- coding: undefined -*-\ncuda = None\n", UNREAD),
    (b"cuda = ''\n", LEFT_OPEN),
    (b"cuda = 12\n", LEFT_OPEN),
    (b"cuda = 0\n", LEFT_OPEN),
    (b"cuda = False\n", LEFT_OPEN),
    (b"cuda = True\n", LEFT_OPEN),
    (b"cuda = ...\n", LEFT_OPEN),
    (b"cuda = b'12.6'\n", LEFT_OPEN),
    (b"cuda = f'12.6'\n", LEFT_OPEN),
    (b"cuda = '12' '.6'\n", "+cuda"),
    (b"cuda = get_cuda()\n", LEFT_OPEN),
    (b"cuda = hip = None\n", "-cuda -rocm"),
    (b"cuda = self.x = None\n", "-cuda"),
    (b"self.cuda = None\n", NOTHING),
    (b"cuda = '12.6'\ncuda = None\n", LEFT_OPEN),
    (b"cuda = None\ncuda = '12.6'\n", LEFT_OPEN),
    (b"cuda = None\ncuda = get_cuda()\n", LEFT_OPEN),
    (b"cuda = None\ncuda: str = get_cuda()\n", LEFT_OPEN),
    (b"cuda = None\ncuda: str\n", LEFT_OPEN),
    (b"if True:\n    cuda = None\n", LEFT_OPEN),
    (b"def f():\n    cuda = None\n", LEFT_OPEN),
    (b"class C:\n    cuda = None\n", LEFT_OPEN),
    (b"try:\n    cuda = None\nexcept E:\n    pass\n", LEFT_OPEN),
    (b"'''cuda = None'''\n", NOTHING),
    (b"# cuda = None\n", NOTHING),
    (b"CUDA = None\ncudnn = None\n", NOTHING),
    (b"version = '1+cu126'\n", CUDA),
    (b"__version__ = version = '1+cpu'\n", f"{CPU} {CPU}"),
    (b"__version__ = '1.0'\n", NOTHING),
    (b"__version__ = 1\n", NOTHING),
    (b"cuda = None\ncuda = \n", UNREAD),
    (b"cuda = None\nprint 'x'\n", UNREAD),
    (b"cuda = None\n\0", UNREAD),
    (b"\0", UNREAD),
    (b"", NOTHING),
    (b"\x80\x81 = None\n", UNREAD),
    (b"x = " + b"9" * 5_000 + b"\ncuda = None\n", UNREAD),
    *[(b"hip = None\n" + each, UNREAD) for each in DEEP],
    (b"cuda = '\\ud800'\n", "+cuda"),
]


@pytest.mark.parametrize(("source", "expected"), SOURCES)
def test_constants(source: bytes, expected: str) -> None:
    found = build(Entry("demo/version.py", source))
    assert brief(found) == " ".join(sorted(expected.split()))
    for each in found:
        assert each.explicit is (each.uses is not None)
        assert each.words.startswith("demo/version.py ")
        assert each.words.isprintable()


WORDS = [
    (b"cuda = None\n", "demo/version.py sets cuda = None"),
    (b"cuda = '12.6'\n", "demo/version.py sets cuda = '12.6'"),
    (b"hip = '6.3'\n", "demo/version.py sets hip = '6.3'"),
    (b"rocm = '6.3'\n", "demo/version.py sets rocm = '6.3'"),
    (b"cuda = '\\x1b[2J'\n", "demo/version.py sets cuda = '\\x1b[2J'"),
    (b"__version__ = '1+cu126'\n", "demo/version.py sets __version__ = '1+cu126'"),
]


@pytest.mark.parametrize(("source", "words"), WORDS)
def test_the_words_are_those_of_the_file(source: bytes, words: str) -> None:
    assert build(Entry("demo/version.py", source))[0].words == words


def test_a_value_without_end_does_not_make_a_sentence_without_end() -> None:
    (found,) = build(Entry("demo/version.py", b"cuda = '" + b"1" * 60_000 + b"'\n"))
    assert len(found.words) < 1_000


@pytest.mark.parametrize("source", [b"pattern = '\\d'\ncuda = None\n", b"x = 1if True else 2\ncuda = None\n"])
def test_a_warning_of_the_compiler_is_not_for_whoever_runs_wheelfix(source: bytes) -> None:
    """Python 3.12 prints a SyntaxWarning for what is only untidy; it must neither be printed nor count as an error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert brief(build(Entry("demo/version.py", source))) == "-cuda"
    assert caught == []


def test_nothing_is_run() -> None:
    assert brief(build(Entry("demo/version.py", b"raise SystemExit\n__import__('os')._exit(3)\ncuda = None\n"))) == "-cuda"


PLACES = {
    "demo/version.py": True, "demo/_version.py": True, "torch/version.py": False,
    "demo-1.0.data/purelib/demo/version.py": True, "demo-1.0.data/platlib/demo/_version.py": True,
    "version.py": False, "demo/sub/version.py": False, "demo/versions.py": False, "demo/my_version.py": False,
    "demo/__version__.py": False, "demo/version.pyi": False, "demo/version.py/x": False, "demo/VERSION.py": False,
    "demo-1.0.data/scripts/demo/version.py": False, "demo-1.0.data/data/demo/version.py": False,
    "demo-1.0.data/purelib/demo/sub/version.py": False, "demo-1.0.data/purelib/version.py": False,
    "x/demo-1.0.data/purelib/demo/version.py": False, "/version.py": False,
}  # fmt: skip


@pytest.mark.parametrize(("path", "counts"), PLACES.items())
def test_which_files_count(path: str, *, counts: bool) -> None:
    assert bool(build(Entry(path, b"cuda = None\n"))) is counts


UNREADABLE = {
    "one MB": Entry("demo/version.py", b"cuda = None\n" + b"#" * (1 << 20), raw=packed(b"cuda = None\n" + b"#" * (1 << 20))),
    "a little too long": Entry("demo/version.py", b"cuda = None\n" + b"#" * (1 << 16), STORED),
    "damaged": Entry("demo/version.py", b"cuda = None\n", raw=b"\xff" * 9),
    "another checksum": Entry("demo/version.py", b"cuda = None\n", STORED, raw=b"cuda = 'no'\n"),
    "another size": Entry("demo/version.py", b"cuda = None\n", raw=packed(b"cuda = None\n#")),
    "a bomb": Entry("demo/version.py", b"cuda = None\n", raw=packed(bytes(1 << 22))),
    "another method": Entry("demo/version.py", b"cuda = None\n", 12, raw=b"BZh"),
}


@pytest.mark.parametrize("entry", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_leaves_a_doubt(entry: Entry) -> None:
    """Whatever else denies a runtime is not to be believed then."""
    assert brief(build(entry)) == UNREAD
    assert {each.words for each in build(entry)} == {"demo/version.py cannot be read"}


def test_the_longest_file_that_counts() -> None:
    content = b"cuda = None\n".ljust(1 << 16, b"#")
    assert brief(build(Entry("demo/version.py", content, STORED))) == "-cuda"


def test_what_another_package_says_can_only_contradict() -> None:
    """A vendored or second package that says cuda = None says nothing of the binaries of this one."""
    found = build(Entry("torchgen/version.py", b"cuda = None\n"), Entry("b/version.py", b"cuda = '12'\nhip = None\n"))
    assert [(each.words, each.uses, each.explicit) for each in found] == [("b/version.py sets cuda = '12'", True, False)]
    assert build(Entry("demo-1.0.dist-info/version.py", b"cuda = None\n")) == ()


def test_the_only_package_counts_under_any_name() -> None:
    source, layout = hold(Entry("faiss/version.py", b"cuda = '12'\n"), Entry("x.libs/y.py", b""), Entry("x.data/z/a", b""))
    assert brief(read_build(source, layout, "faiss-gpu-cu12", ["1.0"])) == "+cuda"
    source, layout = hold(Entry("a/version.py", b"cuda = None\n"), Entry("b/__init__.py", b""))
    assert read_build(source, layout, "c", ["1.0"]) == ()


def test_a_file_beyond_the_most_that_are_read_leaves_a_doubt() -> None:
    others = [Entry(f"a{number:02}/version.py", b"") for number in range(20)]
    assert brief(build(*others, Entry("demo/version.py", b"cuda = '12'\n"))) == UNREAD


def test_files_of_other_packages_beyond_the_most_that_are_read_leave_none() -> None:
    """They can contradict, and never prove: without them nothing that is said is less true."""
    assert build(*(Entry(f"a{number:02}/version.py", b"") for number in range(25))) == ()


REBOUND = [
    "cuda = None\ntry:\n    from ._b import cuda\nexcept ImportError:\n    pass", "cuda = None\nif True:\n    cuda = '12.6'",
    "cuda = None\ncuda, other = '12.6', None", "cuda = None\nfrom ._gen import *", "cuda = None\ndel cuda",
    "cuda = None\ncuda += 1", "cuda = None\nfor cuda in x: pass", "cuda = None\nwith x as cuda: pass",
    "cuda = None\n(cuda := 1)", "cuda = None\ndef cuda(): pass", "cuda = None\nclass cuda: pass", "cuda = None\nimport cuda",
    "cuda = None\nimport cuda.x", "cuda = None\nimport x as cuda", "cuda = None\ndef f():\n    global cuda\n    cuda = 1",
    "cuda = None\ntry: pass\nexcept E as cuda: pass", "cuda = None\nmatch x:\n    case [*cuda]: pass",
    "cuda = None\nmatch x:\n    case {**cuda}: pass", "cuda = None\nmatch x:\n    case cuda: pass",
]  # fmt: skip


@pytest.mark.parametrize("source", REBOUND)
def test_a_name_that_is_bound_twice_leaves_a_doubt(source: str) -> None:
    assert brief(build(Entry("demo/version.py", source.encode()))) == LEFT_OPEN


TELLING = [
    ("torch/lib/libtorch_cuda.so", "+cuda?"), ("torch/lib/libtorch_cuda_linalg.so", "+cuda?"),
    ("torch/lib/libc10_cuda.so", "+cuda?"), ("torch/lib/c10_cuda.dll", "+cuda?"), ("torch/lib/torch_cuda.dll", "+cuda?"),
    ("torch/lib/cudart64_12.dll", "+cuda?"), ("torch/lib/cublas64_12.dll", "+cuda?"), ("d/cudnn64_9.dll", "+cuda?"),
    ("d/cufft64_11.dll", "+cuda?"), ("d/curand64_10.dll", "+cuda?"), ("d/cusolver64_11.dll", "+cuda?"),
    ("d/cusolverMg64_11.dll", "+cuda?"), ("d/cusparse64_12.dll", "+cuda?"), ("d/nvrtc64_120_0.dll", "+cuda?"),
    ("d/cupti64_2025.1.0.dll", "+cuda?"), ("d/torch_hip.dll", "+rocm?"), ("d/amdhip64_6.dll", "+rocm?"),
    ("d/c10_xpu.dll", "+xpu?"), ("d/sycl8.dll", "+xpu?"),
    ("torch/lib/libtorch_hip.so", "+rocm?"), ("torch/lib/libc10_hip.so", "+rocm?"), ("torch/lib/c10_hip.dll", "+rocm?"),
    ("torch/lib/libtorch_xpu.so", "+xpu?"), ("torch/lib/libc10_xpu.so", "+xpu?"), ("torch/lib/torch_xpu.dll", "+xpu?"),
    ("x.libs/libcudart-9335f6a2.so.12.1.105", "+cuda?"), ("x.libs/libcudart.so.12", "+cuda?"),
    ("x.libs/libcublas-1234abcd.so.12", "+cuda?"), ("x.libs/libcudnn.so.9", "+cuda?"), ("x/libnccl.so.2", "+cuda?"),
    ("x.libs/libamdhip64-1234abcd.so.6", "+rocm?"), ("torch/lib/libamdhip64.so", "+rocm?"), ("x/libsycl.so.8", "+xpu?"),
    ("x/libnvToolsExt-1234abcd.so.1", "+cuda?"),
    ("torch/cuda/__init__.py", NOTHING), ("torch/lib/libtorch_cpu.so", NOTHING), ("torch/lib/libtorch.so", NOTHING),
    ("torch/lib/libc10.so", NOTHING), ("torch/_C.cpython-311-x86_64-linux-gnu.so", NOTHING),
    ("torch/include/libtorch_cuda.so.h", NOTHING), ("torch/lib/libtorch_cuda.txt", NOTHING),
    ("libcudart.so.12/readme.txt", NOTHING), ("x.libs/libgomp-1234abcd.so.1.0.0", NOTHING), ("x/cuda.so", NOTHING),
    ("x.libs/libcudartfoo-9335f6a2.so.12", NOTHING), ("x.libs/libcudart-xyz.so.12", NOTHING), ("x/libcuda_stub.so", NOTHING),
    ("torch/lib/torch_cpu.dll", NOTHING), ("torch/share/cmake/Caffe2/FindCUDA.cmake", NOTHING),
    ("torch/lib/libshm.so", NOTHING), ("x/libmkl_rt.so.2", NOTHING), ("x/libtorch_python.so", NOTHING),
]  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), TELLING)
def test_names_of_files(name: str, expected: str) -> None:
    found = build(Entry(name, b"x"))
    assert brief(found) == expected
    assert {each.words for each in found} <= {f"it contains {name}"}


def test_a_name_is_safe_to_print() -> None:
    (found,) = build(Entry("d\x1b/libtorch_cuda.so", b"x"))
    assert found.words == "it contains d\\x1b/libtorch_cuda.so"


def test_a_cpu_wheel_with_the_usual_files_says_only_that() -> None:
    names = ["torch/cuda/__init__.py", "torch/cuda/nccl.py", "torch/backends/cudnn/__init__.py", "torch/lib/libtorch_cpu.so",
             "torch/utils/hipify/cuda_to_hip_mappings.py", "torch/xpu/__init__.py", "torch/csrc/cuda/x.h"]  # fmt: skip
    entries = [Entry(name, b"x") for name in names]
    assert brief(build(*entries)) == NOTHING
    assert brief(build(*entries, versions=("2.7.0+cpu",))) == CPU


def test_statements_come_before_guesses() -> None:
    found = build(Entry("a/libtorch_cuda.so", b"x"), Entry("a/version.py", b"cuda = '12'\n"), versions=("1+cu12",))
    assert [each.explicit for each in found] == sorted((each.explicit for each in found), reverse=True)


def test_constants_are_read_in_several_threads() -> None:
    """The filters of warnings belong to the process: an invalid escape in one wheel must not warn because of another."""
    content, before = b"pattern = '\\d'\ncuda = None\n", list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(read_constants, [content] * 4_000))
    assert all(each == {"pattern": "\\d", "cuda": None} for each in found)
    assert warnings.filters == before
