"""File name, folders and the WHEEL file: spellings that tools write are no findings."""

from pathlib import Path

import pytest

from building import Entry, RecordStyle, build_wheel
from defects import HEAD, metadata, valid
from wheelfix.verify.run import check_wheel

WHEEL = b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def codes_of(folder: Path, name: str, **changes: object) -> list[str]:
    path = folder / name
    path.write_bytes(build_wheel(valid(**changes)))
    return [finding.code for finding in check_wheel(path).findings]


def named(project: str, version: str) -> bytes:
    return metadata(head=[HEAD[0], f"Name: {project}", f"Version: {version}", HEAD[3]])


@pytest.mark.parametrize(
    ("name", "project", "version", "dist_info"),
    [
        ("zope_foo-1.0-py3-none-any.whl", "zope.foo", "1.0", "zope.foo-1.0.dist-info"),
        ("Demo-1.0-py3-none-any.whl", "demo", "1.0.0", "Demo-1.0.dist-info"),
        ("demo-1.0+cpu.1-py3-none-any.whl", "demo", "1.0+cpu-1", "demo-1.0+cpu.1.dist-info"),
        ("demo-1.0_cpu-py3-none-any.whl", "demo", "1.0-cpu", "demo-1.0_cpu.dist-info"),
    ],
)
def test_other_spelling_is_the_same(name: str, project: str, version: str, dist_info: str, tmp_path: Path) -> None:
    """Pitfall 22."""
    codes = codes_of(tmp_path, name, metadata=named(project, version), dist_info=dist_info)
    assert [code for code in codes if "differs" in code] == []


@pytest.mark.parametrize(
    ("name", "wheel"),
    [
        ("demo-1.0-py3-none-any.whl", WHEEL.replace(b"\n", b"\r\n")),
        ("demo-1.0-py3-none-any.whl", WHEEL.replace(b"true", b"False").replace(b"1.0", b"1.9")),
        ("demo-1.0-py3-none-any.whl", WHEEL.replace(b"1.0", b"1.0.0")),
        ("demo-1.0-1a-py3-none-any.whl", WHEEL + b"Build: 1a\n"),
        ("demo-1.0-py2.py3-none-any.whl", WHEEL + b"Tag: py2-none-any\n"),
        ("demo-1.0-py2.py3-none-any.whl", WHEEL.replace(b"py3-", b"py2.py3-")),
    ],
)
def test_wheel_file_that_says_the_same(name: str, wheel: bytes, tmp_path: Path) -> None:
    """Pitfall 33."""
    assert codes_of(tmp_path, name, wheel=wheel) == []


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        (b"Tag: " + b".".join([b"a"] * 200) + b"-" + b".".join([b"b"] * 200) + b"-c", ["wheel-bad-tags"]),
        (b"Tag: \xff", ["wheel-not-utf8", "wheel-bad-tags"]),
        (b"Tag: a-b-c-d", ["wheel-bad-tags"]),
        (b"Tag: \x1b-none-any", ["wheel-bad-tags"]),
        (b"Build: \x1b[2J", ["wheel-build-differs"]),
        (b"Note: x\rTag: py2-none-any", ["wheel-tags-differ", "wheel-ambiguous", "wheel-ambiguous"]),
        (b"From someone", ["wheel-ambiguous"]),
        (b"Wheel-Version: 2.0\nBuild: 1\nBuild: 1", ["wheel-build-differs", "wheel-ambiguous", "wheel-ambiguous"]),
    ],
)
def test_hostile_wheel_file(line: bytes, codes: list[str], tmp_path: Path) -> None:
    path = tmp_path / "demo-1.0-py3-none-any.whl"
    path.write_bytes(build_wheel(valid(wheel=WHEEL + line + b"\n")))
    findings = check_wheel(path).findings
    assert [finding.code for finding in findings] == codes
    assert all(finding.message.isprintable() for finding in findings)


def test_a_lone_carriage_return_hides_nothing_else_of_the_wheel_file(tmp_path: Path) -> None:
    wheel = b"WheelX-Version: 1.0\nGenerator: x\rRoot-Is-Purelib: perhaps\nTag: py3-none-any\n"
    codes = codes_of(tmp_path, "demo-1.0-py3-none-any.whl", wheel=wheel)
    assert codes == ["wheel-no-version", "wheel-no-root", "wheel-ambiguous", "wheel-ambiguous"]


@pytest.mark.parametrize("version", ["1", "1.", "1.x", ".1", "1.0-1", "\u0661.0"])
def test_wheel_version_that_uv_or_pip_cannot_read(version: str, tmp_path: Path) -> None:
    codes = codes_of(tmp_path, "demo-1.0-py3-none-any.whl", wheel=WHEEL.replace(b"1.0", version.encode()))
    assert codes == ["wheel-no-version"]


def test_directories_of_two_schemes_are_no_files(tmp_path: Path) -> None:
    """As ``zip -r`` adds them."""
    names = ("data/", "data/bin/", "data/bin/a/", "scripts/", "purelib/", "purelib/demo/", "platlib/", "platlib/demo/")
    folders = [f"demo-1.0.data/{name}" for name in names]
    files = (*valid().files, Entry("demo/", b""), *(Entry(name, b"") for name in folders))
    style = RecordStyle(unlisted=frozenset({"demo/", *folders}))
    assert codes_of(tmp_path, "demo-1.0-py3-none-any.whl", files=files, style=style) == []


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("demo-1.0.data/lib/", ["data-unknown-scheme"]),  # uv alone  # pip passes over what is no file
        ("demo-1.0.data/", []),
        ("demo-1.0.data/scripts/a/b", ["data-script-directory"]),
        ("demo-1.0.data/x", ["data-unknown-scheme"]),
        ("other.data/purelib/x", ["data-name-differs"]),
        (".data/x/y", ["data-unknown-scheme", "data-name-differs"]),
        ("demo/x.data/y", []),
    ],
)
def test_what_pip_takes_for_a_directory_of_data(name: str, codes: list[str], tmp_path: Path) -> None:
    content = b"" if name.endswith("/") else b"x"
    style = RecordStyle(unlisted=frozenset({name} if name.endswith("/") else ()))
    spec = {"files": (*valid().files, Entry(name, content)), "style": style}
    assert codes_of(tmp_path, "demo-1.0-py3-none-any.whl", **spec) == codes
