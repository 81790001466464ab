"""What needs files that are to be removed."""

from pathlib import Path

import pytest

from building import Entry, WheelSpec, write_wheel
from counting import count_calls
from elfwriter import shared_object
from wheelfix.evidence import imports
from wheelfix.evidence.elf import Dynamic
from wheelfix.evidence.imports import Need, Removal
from wheelfix.evidence.linkage import Binary, Linkage
from wheelfix.fix.draft import make_plan
from wheelfix.options import Policy, Scan
from wheelfix.wheel.edits import RemoveFiles
from wheelfix.wheel.wheel import Wheel

DATA = "demo-1.0.data"


def removal(names: list[str], removed: list[str]) -> Removal:
    return Removal(names, dict.fromkeys(removed), DATA)


def needs(folder: Path, files: dict[str, bytes], removed: list[str]) -> list[Need]:
    """Return the imports of what is removed in a wheel of ``files``."""
    path = write_wheel(folder, WheelSpec(files=tuple(Entry(name, content) for name, content in files.items())))
    with Wheel(path) as wheel:
        return [*removal([*files], removed).imports(wheel.source, wheel.layout)]


def test_modules_that_are_missing() -> None:
    names = [
        "a/__init__.py",
        "a/b.py",
        "a/c/x.py",
        "a/c/y.so",
        "a/b.pyc",
        "d.py",
        "a/__pycache__/b.cpython-312.pyc",
        "t.txt",
    ]
    assert removal(names, ["a/b.py"]).missing == set()
    assert removal(names, ["a/b.py", "a/b.pyc"]).missing == {"a.b"}
    assert removal(names, ["a/c/x.py"]).missing == {"a.c.x"}
    assert removal(names, ["a/c/x.py", "a/c/y.so"]).missing == {"a.c", "a.c.x", "a.c.y"}
    assert removal(names, ["a/__pycache__/b.cpython-312.pyc", "t.txt"]).missing == set()
    assert [each.file for each in removal(names, ["a/__init__.py"]).bare_packages()] == ["a/__init__.py"]


def test_every_import_is_found_and_each_file_is_named(tmp_path: Path) -> None:
    files = {"a.py": b"import t.x\nfrom t import y\n", "b.py": b"import t\n", "t/x.py": b"", "t/y.py": b""}
    found = needs(tmp_path, files, ["t/x.py", "t/y.py"])
    assert [each.reason for each in found] == [
        "t/x.py is imported by a.py (line 1)",
        "t/y.py is imported by a.py (line 2)",
        "t/x.py is imported by b.py (line 1)",
    ]


def test_many_words_are_found_as_few_are(tmp_path: Path) -> None:
    modules = [f"demo/m{number}.py" for number in range(40)]
    files = {"demo/__init__.py": b"", "demo/cli.py": b"from . import m7\n", **dict.fromkeys(modules, b"")}
    few = needs(tmp_path, files, modules[5:10])
    assert [each.file for each in few] == ["demo/m7.py"]
    assert needs(tmp_path, files, modules) == few  # more words than are looked for one by one


@pytest.mark.parametrize("name", ["demo.pth", f"{DATA}/purelib/demo.pth"])
@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"import t.x\n", 1),
        (b"\xef\xbb\xbfimport\tt.x\n", 1),
        (b"# \"\"\"\n./vendor's\r\nimport os; __import__('t.x').boot()\n", 3),
        (b"t.x\n import t.x\nimportlib t.x\n", None),
    ],
)
def test_lines_that_python_runs_when_it_starts_need_what_they_import(
    name: str, content: bytes, line: int | None, tmp_path: Path
) -> None:
    found = needs(tmp_path, {name: content, "t/x.py": b""}, ["t/x.py"])
    assert [each.reason for each in found] == ([f"t/x.py is imported by {name} (line {line})"] if line else [])


def test_a_path_file_is_run_only_at_the_top(tmp_path: Path) -> None:
    assert not needs(tmp_path, {"demo/a.pth": b"import t.x\n", "t/x.py": b""}, ["t/x.py"])


def test_source_after_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    [need] = needs(tmp_path, {"a.py": b"\xef\xbb\xbfimport t\n", "t.py": b""}, ["t.py"])
    assert need.certain


def test_source_whose_strings_do_not_add_up_may_need_what_it_mentions(tmp_path: Path) -> None:
    odd = b'x = f"{\'a""""\'}"\n'
    [need] = needs(tmp_path, {"a.py": odd + b"import t\n", "b.py": odd, "t.py": b""}, ["t.py"])
    assert not need.certain
    assert need.reason == "a string in a.py (line 1) may hide its imports: no end of it was found"


def test_only_so_much_source_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "_MOST", 10)
    [need] = needs(tmp_path, {"a.py": b"x = 1234567", "t.py": b""}, ["t.py"])
    assert not need.certain
    assert need.reason == "a.py is not read: the wheel has more source than any real one"


def test_damaged_source_may_need_anything(tmp_path: Path) -> None:
    spec = WheelSpec(files=(Entry("a.py", b"import t\n" * 50), Entry("t.py", b"")))
    path = write_wheel(tmp_path, spec)
    data = bytearray(path.read_bytes())
    data[40] ^= 0xFF
    path.write_bytes(data)
    with Wheel(path) as wheel:
        [need] = removal(["a.py", "t.py"], ["t.py"]).imports(wheel.source, wheel.layout)
    assert not need.certain
    assert "a.py" in need.reason


def test_work_grows_with_the_files(tmp_path: Path) -> None:
    def work(count: int) -> int:
        files = {f"demo/m{number}.py": b"import os\n" for number in range(count)}
        return count_calls(lambda: needs(tmp_path, files, [name for name in files if name.endswith("5.py")]))

    few, many = work(200), work(800)
    assert many < 6 * few


def linking(library: str) -> bytes:
    return shared_object("x86_64", needed=(library,))


@pytest.mark.parametrize(
    ("removed", "reason"),
    [
        ("demo/libs/libx.so.1", "demo/core.so links to libx.so.1"),
        ("demo/libs/liby-0f.so", None),
    ],
)
def test_a_library_that_a_binary_links_to_is_not_removed(removed: str, reason: str | None, tmp_path: Path) -> None:
    files = {
        "demo/__init__.py": b"",
        "demo/core.so": linking("libx.so.1"),
        "demo/libs/libx.so.1": shared_object("x86_64"),
        "demo/libs/liby-0f.so": shared_object("x86_64"),
    }
    path = write_wheel(tmp_path, WheelSpec(files=tuple(Entry(name, content) for name, content in files.items())))
    with Wheel(path) as wheel:
        problem = make_plan(wheel, edits=[RemoveFiles((removed,))]).problem
        assert (problem.reason if problem else None) == reason
        unread = make_plan(wheel, edits=[RemoveFiles((removed,))], policy=Policy(scan=Scan.NEVER))
        assert unread.problem is None
        assert (
            f"Binaries not read (--scan always reads them): whether one that is kept links to {removed} is not known."
            in unread.notes
        )


def test_a_library_is_known_by_its_soname_too_and_one_that_is_kept_serves() -> None:
    def binary(path: str, *needed: str, soname: str | None = None) -> Binary:
        return Binary(path, Dynamic(needed=needed, soname=soname, is_module=False))

    linkage = Linkage((binary("core.so", "libx.so.1"), binary("libs/x-1.2.so", soname="libx.so.1")), complete=True)
    assert [(file, link.path) for file, link in linkage.links_to({"libs/x-1.2.so"})] == [("libs/x-1.2.so", "core.so")]
    twice = Linkage((*linkage.binaries, binary("other/libx.so.1")), complete=True)
    assert not [*twice.links_to({"libs/x-1.2.so"})]
    assert not [*linkage.links_to({"core.so"})]
