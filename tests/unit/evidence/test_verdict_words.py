"""The verdict: every reason word for word, statements without a proof, and evidence that is handed on."""

from typing import Final

import pytest
from packaging.tags import parse_tag

from building import Entry, WheelSpec, archive_of, to_bytes
from elfwriter import shared_object
from in_memory import Counted, Held, packed
from wheelfix.evidence.build import BuildHint, names_cpu_build, own_constants, read_build, read_constants
from wheelfix.evidence.catalogue import provided_by
from wheelfix.evidence.elf import Dynamic
from wheelfix.evidence.linkage import Binary, Link, Linkage, unread_reason
from wheelfix.evidence.verdict import Evidence, Judgement, what_breaks
from wheelfix.options import Scan
from wheelfix.results import Verdict
from wheelfix.wheel.environments import Environments
from wheelfix.wheel.requirement import Requirement, read_requirement
from wheelfix.wheel.zip.layout import Directory, read_layout

MODULE: Final = "demo/_C.cpython-311-x86_64-linux-gnu.so"
CUBLAS: Final = "nvidia-cublas-cu12==12.6.4.1"
LINUX: Final = "cp311-cp311-manylinux_2_28_x86_64"
SAFE, UNSAFE, UNPROVEN = Verdict.SAFE, Verdict.UNSAFE, Verdict.UNPROVEN


def shared(path: str, *needed: str) -> Entry:
    exports = [f"PyInit_{path.rpartition('/')[2].partition('.')[0]}"] if "cpython" in path else []
    content = shared_object("x86_64", needed=needed, exports=exports)
    return Entry(path, content, raw=packed(content))


def constants(text: str) -> Entry:
    return Entry("demo/version.py", text.encode())


PURE: Final = Entry("demo/__init__.py", b"x = 1\n")
CPU, CUDA = shared(MODULE, "libc.so.6"), shared(MODULE, "libcublas.so.12")
PLUG_IN: Final = shared("demo/lib/libplugin.so", "libcublas.so.12")
ALL_NONE: Final = constants("cuda = None\nhip = None\nxpu = None\n")


def needed(text: str) -> Requirement:
    found = read_requirement(text)
    assert found is not None
    return found


def evidence(*files: Entry, version: str = "1.0", tags: str = LINUX, scan: Scan = Scan.AUTO) -> Evidence:
    source = Held(to_bytes(archive_of(WheelSpec(version=version, tags=tags, files=files))))
    return Evidence(source, read_layout(source), Environments(parse_tag(tags)), "demo", [version], scan=scan)


NOT_READ: Final = "binaries not read (--scan always reads them)"
NO_BINARIES: Final = "it has no binaries, and no local version or build constant says whether it is for the CPU or a GPU"
REASONS: Final[list[tuple[str, str, list[Entry], Verdict, str]]] = [
    ("1.0+cpu", CUBLAS, [PURE], SAFE, "the version is 1.0+cpu, and it has no binaries"),
    ("1.0+cpu", CUBLAS, [CPU], SAFE,
     "the version is 1.0+cpu, and its only binary does not link to a CUDA, ROCm or SYCL library"),
    ("1.0+cpu", CUBLAS, [CPU, shared("demo/libx.so")], SAFE,
     "the version is 1.0+cpu, and none of its 2 binaries links to a CUDA, ROCm or SYCL library"),
    ("1.0+cpu", CUBLAS, [CPU, PLUG_IN], UNPROVEN,
     "demo/lib/libplugin.so links to libcublas.so.12, but no extension module loads it on import"),
    ("1.0+cpu", "triton", [CUDA], UNPROVEN,
     f"the wheel contradicts itself: the version is 1.0+cpu, but {MODULE} links to libcublas.so.12"),
    ("1.0+cpu.cuda12x", CUBLAS, [PURE], UNPROVEN,
     "the wheel contradicts itself: the version is 1.0+cpu.cuda12x, which says both"),
    ("1.0+cpu", CUBLAS, [Entry("demo/x.dll", b"MZ")], UNPROVEN,
     "demo/x.dll cannot be checked: it is not an ELF file; other formats are not read"),
    ("1.0+cpu", CUBLAS, [Entry("demo/x.dll", b"MZ"), Entry("demo/y.dll", b"MZ")], UNPROVEN,
     "demo/x.dll and 1 more cannot be checked: it is not an ELF file; other formats are not read"),
    ("1.0", CUBLAS, [CUDA], UNSAFE, f"{MODULE} links to libcublas.so.12"),
    ("1.0", "nvidia-nccl-cu12", [CUDA], UNPROVEN,
     f"nothing links to what it provides, but it is a GPU build: {MODULE} links to libcublas.so.12"),
    ("1.0+cpu", CUBLAS, [shared(MODULE, "libx.debug"), shared("demo/lib/libx.debug", "libcublas.so.12")], UNSAFE,
     "demo/lib/libx.debug links to libcublas.so.12"),
    ("1.0", CUBLAS, [CPU], UNPROVEN,
     "its only binary does not link to a CUDA library, but a library can also be loaded by name"),
    ("1.0", CUBLAS, [PURE], UNPROVEN, NO_BINARIES),
    ("1.0", "triton", [CPU], UNPROVEN, "binaries do not link to it, and whether the code imports it is unknown"),
    ("1.0", CUBLAS, [constants("cuda = '12.6'")], UNSAFE, "demo/version.py sets cuda = '12.6'"),
    ("1.0", CUBLAS, [constants("cuda = '12.6'"), CUDA], UNSAFE,
     f"demo/version.py sets cuda = '12.6', and {MODULE} links to libcublas.so.12"),
    ("1.0", CUBLAS, [constants(f"cuda = '{'1' * 150}'")], UNSAFE, f"demo/version.py sets cuda = '{'1' * 100}'"),
    ("1.0+cpu", CUBLAS, [constants("cuda = None\n__version__ = '1.0+cpu'")], SAFE,
     "demo/version.py sets cuda = None and demo/version.py sets __version__ = '1.0+cpu', and it has no binaries"),
    ("1.0+rocm6.3", CUBLAS, [PURE], SAFE, "the version is 1.0+rocm6.3, and it has no binaries"),
    ("1.0", CUBLAS + "; os_name == 'nt'", [CUDA], SAFE,
     "its marker is never true on manylinux_2_28_x86_64: os_name == \"nt\""),
]  # fmt: skip


@pytest.mark.parametrize(("version", "text", "files", "verdict", "reason"), REASONS)
def test_reasons_word_for_word(version: str, text: str, files: list[Entry], verdict: Verdict, reason: str) -> None:
    expected = Judgement(verdict, reason)
    assert evidence(*files, version=version).judge(needed(text)) == expected
    assert evidence(*files, version=version).judge(f"  {text} ") == expected  # as a text, too


@pytest.mark.parametrize(
    ("files", "text", "verdict", "reason"),
    [
        ([CPU], CUBLAS, SAFE,
         "its only binary does not link to a CUDA library, and the rule names this project and requirement explicitly"),
        ([PURE], CUBLAS, SAFE, "it has no binaries, and the rule names this project and requirement explicitly"),
        ([CUDA, shared("x/libcublas.so.12")], CUBLAS, UNPROVEN,
         "none of its 2 binaries links to a CUDA library, but the wheel bundles libcublas.so.12"),
    ],
)  # fmt: skip
def test_reasons_of_a_rule_for_just_this(files: list[Entry], text: str, verdict: Verdict, reason: str) -> None:
    assert evidence(*files).judge(text, on_purpose=True) == Judgement(verdict, reason)
    one = evidence(*files)
    one.judge(text)
    assert one.judge(text, on_purpose=True) == Judgement(verdict, reason)  # it is not what was said without


@pytest.mark.parametrize("text", ["", "no requirement!", "numpy", "tritonclient", ">=1"])
def test_a_text_that_is_nothing_of_the_catalogue(text: str) -> None:
    assert evidence(CUDA).judge(text) is None
    assert evidence(CUDA, version="1.0+cpu").denial_of(text) == ""


@pytest.mark.parametrize(
    ("version", "files", "text", "denial"),
    [
        ("1.0+cpu", [PURE], CUBLAS, "the version is 1.0+cpu"),
        ("1.0+cpu", [CUDA], CUBLAS, "the version is 1.0+cpu"),  # a statement: nothing is read for it
        ("1.0", [ALL_NONE], CUBLAS, "demo/version.py sets cuda = None"),
        ("1+cpu", [ALL_NONE], CUBLAS, "demo/version.py sets cuda = None and the version is 1+cpu"),
        ("1.0+rocm6", [PURE], CUBLAS, "the version is 1.0+rocm6"),
        ("1.0", [PURE], CUBLAS, ""),
        ("1.0+cu126", [PURE], CUBLAS, ""),
        ("1.0+cu126", [ALL_NONE], CUBLAS, ""),  # it says both
        ("1.0", [ALL_NONE], "triton", "demo/version.py sets cuda = None"),
        ("1.0", [constants("hip = None")], CUBLAS, ""),
    ],
)
def test_how_a_wheel_denies(version: str, files: list[Entry], text: str, denial: str) -> None:
    assert evidence(*files, version=version).denial_of(text) == denial
    assert evidence(*files, version=version).denial_of(needed(text)) == denial


@pytest.mark.parametrize(
    ("version", "files", "scan", "said"),
    [
        ("1.0", [PURE], Scan.AUTO, ""),
        ("1.0", [CPU], Scan.AUTO, ""),
        ("1.0", [CUDA], Scan.AUTO, f"{MODULE} links to libcublas.so.12"),
        ("1.0", [CUDA], Scan.NEVER, ""),
        ("1.0+cu126", [CUDA], Scan.AUTO, "the version is 1.0+cu126"),
        ("1.0+cpu", [CUDA], Scan.AUTO, f"{MODULE} links to libcublas.so.12"),
    ],
)
def test_what_shows_a_gpu_build(version: str, files: list[Entry], scan: Scan, said: str) -> None:
    assert evidence(*files, version=version, scan=scan).gpu_evidence() == said


def test_evidence_of_a_name_alone() -> None:
    environments = Environments(parse_tag(LINUX))
    named = Evidence.of_names(environments, "demo", ["1.0+cpu"])
    assert named.judge(CUBLAS) == Judgement(UNPROVEN, f"the version is 1.0+cpu; {NOT_READ}")
    assert Evidence.of_names(environments, "demo", ["1.0"]).judge(CUBLAS) == Judgement(UNPROVEN, NOT_READ)
    assert Evidence.of_names(environments, "demo", ["1+cu126"]).judge(CUBLAS) == Judgement(UNSAFE, "the version is 1+cu126")
    assert (named.project, named.names_project, named.linkage) == ("demo", True, Linkage())
    assert not Evidence.of_names(environments, "", ["1.0"]).names_project
    assert Evidence.of_names(environments, "demo", ["1.0"]).read_targets() == ()


RUNTIMES: Final = [
    (CUBLAS, "CUDA"), ("amd-torch-device-gfx942", "ROCm"), ("intel-sycl-rt", "SYCL"), ("torch-npu", "CANN"),
    ("libtpu", "TPU"), ("jax-metal", "Metal"),
]  # fmt: skip


@pytest.mark.parametrize(("requirement", "name"), RUNTIMES)
def test_each_runtime_is_called_by_its_name(requirement: str, name: str) -> None:
    judged = evidence(CPU).judge(requirement, on_purpose=True)
    assert judged is not None
    assert judged.reason.startswith(f"its only binary does not link to a {name}")


def test_a_directory_alone_is_asked_for_two_files_of_constants_of_the_own_package() -> None:
    """Each may be a request; what other packages say can only contradict."""
    names = ["other/version.py", "demo/version.py", "demo/_version.py", "demo-1.0.data/purelib/demo/version.py"]
    files = [Entry(name, b"cuda = None\n" if "demo/" in name else b"cuda = '12.6'\n") for name in names]
    source = Held(to_bytes(archive_of(WheelSpec(files=tuple(files)))))
    said = {(hint.runtime, hint.uses, hint.words) for hint in read_build(source, Directory(source), "demo", ["1.0"])}
    assert {words for _, _, words in said if "sets" in words} == {f"{name} sets cuda = None" for name in names[1:3]}
    assert {words for _, _, words in said if "sets" not in words} == {f"{names[3]} was not read"}


def test_evidence_of_a_directory_alone() -> None:
    source = Held(to_bytes(archive_of(WheelSpec(files=(CUDA,)))))
    one = Evidence(source, Directory(source), Environments(parse_tag(LINUX)), "demo", ["1.0"], scan=Scan.ALWAYS)
    assert one.judge(CUBLAS) == Judgement(UNPROVEN, NOT_READ)
    assert (one.read_all(), one.read_targets(), one.linkage) == (Linkage(), (), Linkage())
    pure = Held(to_bytes(archive_of(WheelSpec(files=(PURE,)))))
    other = Evidence(pure, Directory(pure), Environments(parse_tag(LINUX)), "demo", ["1.0"])
    assert other.judge(CUBLAS) == Judgement(UNPROVEN, NO_BINARIES)
    assert other.judge(CUBLAS, on_purpose=True) == Judgement(UNPROVEN, NOT_READ)


def test_more_tags_are_more_environments() -> None:
    """What one of the two reads the other one knows."""
    source = Counted(to_bytes(archive_of(WheelSpec(tags=LINUX, files=(CUDA,)))))
    environments = Environments(parse_tag(LINUX))
    one = Evidence(source, read_layout(source), environments, "demo", ["1.0"])
    text = CUBLAS + "; sys_platform == 'win32'"
    first = one.judge(text)
    assert first is not None
    assert first.verdict is SAFE
    one.read_all()
    reads = len(source.reads)
    wider = one.with_tags(["cp311-cp311-win_amd64"])
    assert wider.environments.tags == environments.tags | parse_tag("cp311-cp311-win_amd64")
    assert wider.judge(text) == Judgement(UNSAFE, f"{MODULE} links to libcublas.so.12")
    assert wider.linkage == one.linkage
    assert [each for each in source.reads[reads:] if each[1] > 3_000] == []
    assert wider.project == "demo"
    assert one.environments.tags == environments.tags


def test_more_tags_where_nothing_is_read() -> None:
    one = evidence(CUDA, scan=Scan.NEVER).with_tags(["cp311-cp311-win_amd64"])
    assert one.judge(CUBLAS) == Judgement(UNPROVEN, NOT_READ)
    assert one.linkage == Linkage()


def test_what_each_binary_is_built_for() -> None:
    [target] = evidence(CPU).read_targets()
    assert target.path == MODULE
    assert evidence(CPU, scan=Scan.NEVER).read_targets() == ()


def test_what_breaks_word_for_word() -> None:
    found = provided_by(needed(CUBLAS))
    assert found is not None
    linkage = evidence(CUDA, PLUG_IN).read_all()
    assert [*what_breaks(linkage, [found])] == [
        "demo/lib/libplugin.so will not load without libcublas.so.12.",
        f"{MODULE} will not load without libcublas.so.12.",
        f"So these cannot be imported: {MODULE}.",
    ]
    assert [*what_breaks(evidence(PLUG_IN).read_all(), [found])] == [
        "demo/lib/libplugin.so will not load without libcublas.so.12."
    ]


def binary(path: str, *libraries: str, soname: str | None = None, is_module: bool = False) -> Binary:
    return Binary(path, Dynamic(libraries, soname, is_module=is_module))


@pytest.mark.parametrize(
    ("removed", "expected"),
    [
        ({"d/liba.so"}, [("d/liba.so", "m.so", "liba.so")]),
        ({"d/libb.so"}, [("d/libb.so", "m.so", "libsoname.so")]),
        ({"d/e/data.bin"}, [("d/e/data.bin", "m.so", "data.bin")]),  # it was not read, and is linked to by its name
        ({"d/liba.so", "d/libb.so", "d/data.bin"},
         [("d/liba.so", "m.so", "liba.so"), ("d/libb.so", "m.so", "libsoname.so"), ("d/data.bin", "m.so", "data.bin")]),
        ({"d/liba.so", "m.so"}, []),  # who links to it goes, too
        ({"d/twice/libc.so"}, []),  # another one of that name is kept
        ({"d/libd.so"}, []),  # it is linked to by its path outside of the wheel
        ({"other"}, []),
    ],
)  # fmt: skip
def test_links_to_files_that_go(removed: set[str], expected: list[tuple[str, str, str]]) -> None:
    links = ("liba.so", "libsoname.so", "data.bin", "libc.so", "/usr/lib/libd.so")
    linkage = Linkage(
        (
            binary("m.so", *links), binary("d/liba.so"), binary("d/libb.so", soname="libsoname.so"),
            binary("d/twice/libc.so"), binary("d/libc.so"), binary("d/libd.so"),
        )
    )  # fmt: skip
    found = [*linkage.links_to(removed)]
    assert found == [(path, Link(by, library, hard=True)) for path, by, library in expected]


def test_which_binaries_could_not_be_read() -> None:
    assert unread_reason(Linkage()) == ""
    assert unread_reason(Linkage(unread={"a\x1b.so": "why"})) == "a\\x1b.so cannot be checked: why"
    assert unread_reason(Linkage(unread={"a": "why", "b": "x", "c": "y"})) == "a and 2 more cannot be checked: why"


@pytest.mark.parametrize(
    ("path", "soname", "names"),
    [
        ("d/a.so", None, ("a.so",)),
        ("d/a.so", "a.so", ("a.so",)),
        ("d/a.so", "b.so", ("a.so", "b.so")),
        ("a.so", "b.so", ("a.so", "b.so")),
    ],
)
def test_the_names_of_a_binary(path: str, soname: str | None, names: tuple[str, ...]) -> None:
    assert binary(path, soname=soname).names == names


@pytest.mark.parametrize(
    ("names", "project", "expected"),
    [
        (["demo/version.py", "demo/x.py"], "demo", ["demo/version.py"]),
        (["demo/_version.py", "other/version.py"], "Demo", ["demo/_version.py"]),
        (["demo/version.py", "demo/_version.py", "x.data/purelib/demo/version.py"], "demo",
         ["demo/version.py", "demo/_version.py"]),
        (["other/version.py", "x.libs/y", "x-1.dist-info/z", "x-1.data/w"], "demo", ["other/version.py"]),  # the only one
        (["other/version.py", "third/version.py"], "demo", []),
        (["demo/a/version.py", "demo/version.pyc", "version.py"], "demo", []),
        (["x-1.data/platlib/demo/version.py", "other/y"], "demo", ["x-1.data/platlib/demo/version.py"]),
        (["de_mo/version.py", "other/y"], "de-mo", ["de_mo/version.py"]),
    ],
)  # fmt: skip
def test_which_files_hold_constants_of_the_project(names: list[str], project: str, expected: list[str]) -> None:
    assert own_constants(names, project) == expected


@pytest.mark.parametrize(
    ("local", "is_cpu"),
    [("cpu", True), ("CPU", True), ("cxx11.cpu", True), ("a_cpu-b", True), ("cpux", False), ("cu126", False), ("", False)],
)
def test_local_versions_of_builds_for_the_cpu(local: str, is_cpu: bool) -> None:
    assert names_cpu_build(local) is is_cpu


def hints(*files: Entry, version: str = "1.0") -> list[tuple[str, bool | None, str, bool, bool]]:
    source = Held(to_bytes(archive_of(WheelSpec(files=files))))
    found: tuple[BuildHint, ...] = read_build(source, read_layout(source), "demo", [version])
    return [(each.runtime, each.uses, each.words, each.explicit, each.conditional) for each in found]


def test_what_a_build_says_hint_by_hint() -> None:
    place = "demo/version.py"
    assert hints(PURE) == []
    assert hints(constants("cuda = '12'\nhip = None\nxpu = f()\nrocm = ''\n")) == [
        ("cuda", True, f"{place} sets cuda = '12'", True, False),
        ("rocm", False, f"{place} sets hip = None", True, False),
        ("rocm", None, f"{place} does not set rocm to a constant", False, False),
        ("xpu", None, f"{place} does not set xpu to a constant", False, False),
    ]
    assert hints(constants("if f():\n    cuda = '12'\n")) == [
        ("cuda", None, f"{place} sets cuda conditionally", False, True)
    ]
    assert hints(PURE, version="1+gpu") == [
        (each, None, "the version is 1+gpu", False, False) for each in ("cuda", "rocm", "xpu")
    ]
    assert hints(PURE, version="1+rocm6") == [
        ("rocm", True, "the version is 1+rocm6", True, False),
        ("cuda", False, "the version is 1+rocm6", True, False),
        ("xpu", False, "the version is 1+rocm6", True, False),
    ]
    assert hints(PURE, Entry("demo/lib/libcudart.so.12", b"x"), Entry("demo/lib/libcublas.so.12", b"x")) == [
        ("cuda", True, "it contains demo/lib/libcudart.so.12", False, False)
    ]
    assert hints(constants("x = (\n")) == [
        (each, None, f"{place} cannot be read", False, False) for each in ("cuda", "rocm", "xpu")
    ]
    long = b"#" * 65_536
    assert hints(Entry("demo/version.py", long, raw=packed(long))) == []
    long += b"#"
    assert hints(Entry("demo/version.py", long, raw=packed(long))) == hints(constants("x = (\n"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\nb: int = 2\nc = d = 'x'\n", {"a": 1, "b": 2, "c": "x", "d": "x"}),
        ("if x:\n    a = 1\nelse:\n    a = 2\n", {"a": "conditional"}),
        ("if x:\n    a = 1\na = 2\n", {"a": "unknown"}),
        ("if x:\n    if y:\n        a = 1\n    elif z:\n        a = 2\n", {"a": "conditional"}),
        ("a = f()\nfor b in c:\n    pass\n", {"a": "unknown", "b": "unknown"}),
        ("a = 1\ndel a\n", {"a": "unknown"}),
        ("import a.b, c as d\nfrom e import f as g\n", {"a": "unknown", "d": "unknown", "g": "unknown"}),
        ("a = 1\nfrom b import *\n", {"a": "unknown", "*": "unknown"}),
        ("def a():\n    b = 1\nclass c: pass\nasync def d(): pass\n", dict.fromkeys("abcd", "unknown")),
        ("try:\n    pass\nexcept E as a:\n    pass\n", {"a": "unknown"}),
        ("match x:\n    case [*a]: pass\n    case {**b}: pass\n    case c: pass\n", dict.fromkeys("abc", "unknown")),
        ("a.b = 1\na[0] = 2\n", {}),
        ("", {}),
    ],
)
def test_names_that_a_file_binds(text: str, expected: dict[str, object]) -> None:
    from wheelfix.evidence.build import CONDITIONAL, UNKNOWN

    meaning = {"conditional": CONDITIONAL, "unknown": UNKNOWN}
    assert read_constants(text.encode()) == {name: meaning.get(str(value), value) for name, value in expected.items()}


@pytest.mark.parametrize("content", [b"(", b"\0", b"\xff", b"x = " + b"(" * 5_000])
def test_what_is_no_python_binds_nothing(content: bytes) -> None:
    assert read_constants(content) is None
