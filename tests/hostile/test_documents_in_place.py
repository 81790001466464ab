"""Damaged documents where they lie: in a mirror that commands work on, and as files of 10 MB in processes of their own.

Of a mirror nothing else changes, whatever one of its files holds. No command needs more than 256 MiB for any document.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from building import WheelSpec, write_wheel
from demos import demo_wheel
from hostile.documents import FORMS, Sample, one_of_each, samples, text_samples
from memory import measured
from parts import PARTS, chosen_parts
from running import Ran, wheelfix
from wheelfix.mirror.upload import add_wheels

PAGE: Final = "public/simple/demo/index.json"
HTML: Final = "public/simple/demo/index.html"
ROOT: Final = "public/simple/index.json"
PRIVATE: Final = {
    "journal": "private/journal/demo",
    "run": "private/runs/demo/0123456789abcdef",
    "first sight": "private/first-seen/demo",
    "result": f"private/results/demo/{'0' * 64}.json",
    "sync": "private/sync",
    "lock": "private/locks/demo",
}
"""What a mirror notes for itself, by what it is."""
_NOTES: Final = (
    b"none public/files/demo/0123456789abcdef/demo-9.0-py3-none-any.whl\nlost public/files/../x\n none ../../../etc/passwd\n"
    b"none public/files/other/0123456789abcdef/other-1.0-py3-none-any.whl\n" + b"x" * 64 + b" /etc/passwd\n"
)
_MOST_MEMORY: Final = 256 << 20


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror with two projects, and a wheel that is not in it."""
    folder = tmp_path_factory.mktemp("template")
    wheels = [demo_wheel(folder / "in", version, "triton") for version in ("1.0", "2.0")]
    wheels.append(write_wheel(folder / "in", WheelSpec(project="other")))
    assert all(add_wheels(str(folder / "mirror"), each).ok for each in wheels)
    demo_wheel(folder / "new", "3.0", "triton")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below ``folder`` but locks, by path."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in sorted(found.items()) if "/locks/" not in name}


def damaged_files(template: Path) -> list[tuple[str, Sample]]:
    """Return each kind of damage to each file of the mirror, with the key of that."""
    mirror = template / "mirror"
    page = json.loads((mirror / PAGE).read_bytes())
    found = [(PAGE, each) for each in one_of_each(list(samples(FORMS["json"], page)))]
    found += [(ROOT, each) for each in one_of_each(list(samples(FORMS["json"], json.loads((mirror / ROOT).read_bytes()))))]
    found += [(HTML, each) for each in one_of_each(list(text_samples((mirror / HTML).read_bytes())))]
    for key in PRIVATE.values():
        found += [(key, each) for each in one_of_each(list(text_samples(_NOTES)))]
    return found


def attack(template: Path, key: str, sample: Sample, folder: Path) -> None:
    """Damage a file of a copy of the mirror, and let commands work on it."""
    shutil.copytree(template, folder)
    mirror, data = folder / "mirror", sample.made()
    (mirror / key).parent.mkdir(parents=True, exist_ok=True)
    (mirror / key).write_bytes(data)
    before = contents(folder)
    for words in (("list", mirror), ("check", mirror), ("prune", "--check", mirror)):
        assert_ended(wheelfix("mirror", *words))
    assert contents(folder) == before
    added = assert_ended(wheelfix("mirror", "add", mirror, *(folder / "new").iterdir()))
    after = contents(folder)
    kept = {name for name in before if "/files/" in name or "/simple/other/" in name or name.startswith(("in/", "new/"))}
    assert {name: after.get(name) for name in kept} == {name: before[name] for name in kept}
    assert not [name for name in after if not name.startswith(("mirror/", "in/", "new/"))]
    if "bad-page" in added.err:
        assert added.code == 3
        assert after[f"mirror/{key}"] == data
        assert f"mirror/{PAGE}" not in after or after[f"mirror/{PAGE}"] == before[f"mirror/{PAGE}"]
    else:
        assert added.code == 0, added.err
        listed = {each["filename"] for each in json.loads(after[f"mirror/{PAGE}"])["files"]}
        assert listed >= {each["filename"] for each in json.loads(before[f"mirror/{PAGE}"])["files"]}
        assert "demo-3.0-py3-none-any.whl" in listed


def assert_ended(ran: Ran) -> Ran:
    """Assert that a command ended with an exit code of its own, and what it printed cannot write to a terminal."""
    assert ran.code in (0, 1, 3)
    assert not {"\x1b", "\x07", "\0"} & set(ran.out + ran.err)
    assert "Traceback" not in ran.err
    return ran


def attack_each(template: Path, chosen: list[tuple[str, Sample]], folder: Path) -> None:
    """Do each of the ``chosen`` attacks."""
    for number, (key, sample) in enumerate(chosen):
        try:
            attack(template, key, sample, folder / str(number))
        except BaseException as error:
            error.add_note(f"{key}: {sample.kind} at {sample.place}")
            raise
        shutil.rmtree(folder / str(number))


def test_a_damaged_file_of_a_mirror_harms_no_other(template: Path, tmp_path: Path) -> None:
    attack_each(template, damaged_files(template)[::60], tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("part", chosen_parts())
def test_each_damaged_file_of_a_mirror_harms_no_other(part: int, template: Path, tmp_path: Path) -> None:
    attack_each(template, damaged_files(template)[part::PARTS], tmp_path)


HUGE: Final[Mapping[str, Callable[[], bytes]]] = {
    "nested lists": lambda: b"a = " + b"[" * 100_000 + b"]" * 100_000,
    "nested tables": lambda: b"a = " + b"{ a = " * 100_000 + b"1" + b" }" * 100_000,
    "nested objects": lambda: b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a string of 8 MB": lambda: b'schema = 1\na = "' + b"x" * (8 << 20) + b'"',
    "a string of 30 MB": lambda: b'schema = 1\na = "' + b"x" * (30 << 20) + b'"',
    "a string of 30 MB, JSON": lambda: b'{"name": "' + b"x" * (30 << 20) + b'"}',
    "a key of 2 MB": lambda: b"x" * (2 << 20) + b" = 1",
    "100,000 numbers": lambda: b"a = [" + b"1, " * 100_000 + b"]",
    "100,000 tables": lambda: b"[[rule]]\n" * 100_000,
    "100,000 sources": lambda: b'schema = 1\n[mirror]\nstore = "m"\n' + b"[[source]]\n" * 100_000,
    "100,000 packages": lambda: b"version = 1\n" + b"[[package]]\nname = 'a'\n" * 100_000,
    "100,000 keys": lambda: b"".join(b"k%d = 1\n" % each for each in range(100_000)),
    "100,000 files, JSON": lambda: b'{"meta": {"api-version": "1.4"}, "files": [' + b"{}, " * 99_999 + b"{}]}",
    "100,000 lines": lambda: b"demo==1.0\n" * 100_000,
    "a line of 30 MB": lambda: b"demo==1.0 " + b"# x" * (10 << 20),
    "a number of 2 MB": lambda: b"schema = " + b"9" * (2 << 20),
    "a sparse file of 5 GB": lambda: b"",
}  # fmt: skip
COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "rules.toml": ("rules", "check", "rules.toml"),
    "mirror.toml": ("mirror", "sync", "--check", "mirror.toml"),
    "wheelfix.toml": ("show", "new/demo-3.0-py3-none-any.whl"),
    "pyproject.toml": ("show", "new/demo-3.0-py3-none-any.whl"),
    "uv.lock": ("mirror", "affected", "mirror", "uv.lock"),
    "poetry.lock": ("mirror", "affected", "mirror", "poetry.lock"),
    "requirements.txt": ("mirror", "affected", "mirror", "requirements.txt"),
    f"mirror/{PAGE}": ("mirror", "list", "mirror"),
    f"mirror/{ROOT}": ("mirror", "list", "mirror"),
    "bundle.tar": ("mirror", "import", "mirror", "bundle.tar"),
}
"""The command that reads each document."""


def read_huge(template: Path, filename: str, kind: str, folder: Path) -> None:
    """Let a command read a huge document in a process of its own."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    path = folder / filename
    path.write_bytes(HUGE[kind]())
    if "sparse" in kind:
        with path.open("r+b") as file:
            file.truncate(5 << 30)
    ran = measured(*COMMANDS[filename], cwd=folder)
    assert "Traceback" not in ran.err
    assert ran.code in (0, 1, 2, 3)
    assert ran.peak < _MOST_MEMORY, f"{filename}: {kind}: {ran.peak >> 20} MiB"


@pytest.mark.long
@pytest.mark.parametrize("part", chosen_parts())
@pytest.mark.parametrize("filename", COMMANDS)
def test_no_document_takes_much_memory(filename: str, part: int, template: Path, tmp_path: Path) -> None:
    for kind in list(HUGE)[part::PARTS]:
        read_huge(template, filename, kind, tmp_path)


def test_a_huge_document_takes_little_memory(template: Path, tmp_path: Path) -> None:
    read_huge(template, "wheelfix.toml", "a sparse file of 5 GB", tmp_path)
