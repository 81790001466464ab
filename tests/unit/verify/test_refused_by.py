"""Who refuses which form of a finding in the contents; tests/conformance/test_refused_by.py asks the tools themselves."""

from pathlib import Path

import pytest

from building import Entry, WheelSpec, archive_of, build_wheel, changed, write_wheel
from defects import metadata, record_of, valid
from wheelfix.fix.batch import repair_wheels
from wheelfix.results import Finding
from wheelfix.verify.run import check_wheel

_HEAD = metadata()
_WHEEL = b"Generator: sample (1.0)\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def _found(path: Path, code: str) -> list[Finding]:
    return [each for each in check_wheel(path).findings if each.code == code]


def _clients(path: Path, code: str) -> str:
    [finding] = _found(path, code)
    return " ".join(finding.refused_by)


@pytest.mark.parametrize(
    ("said", "code", "clients"),
    [
        ("01.0", "wheel-newer-version", "uv installer"),
        ("0.1", "wheel-newer-version", "installer"),
        ("2.0", "wheel-newer-version", "pip uv installer"),
        ("1", "wheel-no-version", "uv installer"),
        ("1.x", "wheel-no-version", "pip"),
        ("+1.0", "wheel-no-version", "uv installer"),
        ("\n 1.0", "wheel-no-version", "installer"),
        ("", "wheel-no-version", "pip uv installer"),
    ],
)
def test_wheel_version(said: str, code: str, clients: str, tmp_path: Path) -> None:
    path = write_wheel(tmp_path, valid(wheel=f"Wheel-Version: {said}\n".encode() + _WHEEL))
    assert _clients(path, code) == clients


@pytest.mark.parametrize("said", ["1. 0", "1.00", "1.9999999999", " 1.0 ", "1.0.0", "1.+0"])
def test_wheel_version_that_all_take(said: str, tmp_path: Path) -> None:
    path = write_wheel(tmp_path, valid(wheel=f"Wheel-Version: {said}\n".encode() + _WHEEL))
    assert check_wheel(path).findings == ()


@pytest.mark.parametrize(
    ("value", "clients"),
    [
        ("demo : main", "pip"),
        (".demo:main", "pip"),
        ("demo:main [x y]", "pip"),
        ("demo:main []", "pip uv"),
        ("demo:main x", "uv installer"),
        ("demo:main()", "uv installer"),
        ("demo:main [x] y", "uv installer"),
        ("de-mo:main", "pip installer"),
        ("demo:ma-in", "installer"),
        ("demo", "pip uv installer"),
        ("demo:main:x", "pip uv installer"),
    ],
)
def test_value_of_a_script(value: str, clients: str, tmp_path: Path) -> None:
    text = f"[console_scripts]\ndemo = {value}\n".encode()
    assert (
        _clients(write_wheel(tmp_path, valid(dist_info_files={"entry_points.txt": text})), "entry-points-bad-value")
        == clients
    )


@pytest.mark.parametrize("value", ["demo:main [x=1]", "demo:main."])
def test_value_of_a_script_that_all_take(value: str, tmp_path: Path) -> None:
    text = f"[console_scripts]\ndemo = {value}\n".encode()
    [finding] = check_wheel(write_wheel(tmp_path, valid(dist_info_files={"entry_points.txt": text}))).findings
    assert (finding.code, finding.severity, finding.refused_by) == ("entry-points-odd-value", "warning", ())


@pytest.mark.parametrize(
    ("name", "code", "clients"),
    [
        ("../demo", "entry-points-unsafe-name", "pip uv installer PyPI"),
        ("..", "entry-points-unsafe-name", "pip uv installer"),
        (".", "entry-points-unsafe-name", "pip uv"),
        ("bin/demo", "entry-points-unsafe-name", "uv PyPI"),
        ("bin\\demo", "entry-points-unsafe-name", "PyPI"),
        ("x" * 256, "entry-points-unsafe-name", "pip uv installer"),
        ("demo[x]", "entry-points-bad-name", "pip PyPI"),
        ("de mo", "entry-points-bad-name", "PyPI"),
    ],
    ids=lambda text: text[:20],
)
def test_name_of_a_script(name: str, code: str, clients: str, tmp_path: Path) -> None:
    text = f"[console_scripts]\n{name} = demo:main\n".encode()
    assert _clients(write_wheel(tmp_path, valid(dist_info_files={"entry_points.txt": text})), code) == clients


@pytest.mark.parametrize("text", ["a = b\n", "[x]\na = b\na = c\n", "\ufeff[x]\na = b\n"])
def test_entry_points_that_pip_reads(text: str, tmp_path: Path) -> None:
    path = write_wheel(tmp_path, valid(dist_info_files={"entry_points.txt": text.encode()}))
    assert _clients(path, "entry-points-unreadable") == "uv installer PyPI"


@pytest.mark.parametrize(
    ("size", "clients"),
    [("99", "installer"), ("x", "uv installer"), ("-1", "uv installer"), ("0xc", "installer"), ("1_2", "uv")],
)
def test_size_in_record(size: str, clients: str, tmp_path: Path) -> None:
    first, *rest = record_of(valid())
    path, digest, _ = first.split(b",")
    rows = b"".join([b",".join([path, digest, size.encode() + b"\n"]), *rest])
    wheel = write_wheel(tmp_path, archive=changed(archive_of(valid()), "RECORD", content=rows))
    assert _clients(wheel, "record-wrong-size") == clients


@pytest.mark.parametrize(("row", "clients"), [(b"\n", "pip installer PyPI"), (b" \n", "uv installer")])
def test_empty_row_of_record(row: bytes, clients: str, tmp_path: Path) -> None:
    rows = b"".join([*record_of(valid()), row])
    wheel = write_wheel(tmp_path, archive=changed(archive_of(valid()), "RECORD", content=rows))
    assert _clients(wheel, "record-empty-row") == clients


def test_second_row_without_a_hash(tmp_path: Path) -> None:
    """installer reads the last row of a file, and then finds no hash."""
    rows = record_of(valid())
    second = rows[0].split(b",")[0] + b",,\n"
    wheel = write_wheel(tmp_path, archive=changed(archive_of(valid()), "RECORD", content=b"".join([*rows, second])))
    assert _clients(wheel, "record-no-hash") == "installer"
    [outcome] = repair_wheels(wheel, output=tmp_path / "fixed").outcomes
    assert outcome.findings == ()


@pytest.mark.parametrize(
    ("old", "new", "clients"),
    [
        ("Name: demo", "Name: demo\t", "pip uv PyPI"),
        ("Name: demo", "Name:\n demo", "pip PyPI"),
        ("Metadata-Version: 2.1", "Metadata-Version: 2.1 ", "PyPI"),
        ("Version: 1.0\n", "Version: 1.0\x0b\n", "uv"),
        ("Requires-Dist: requests>=2", "Requires-Dist: requests>=2\n ", "PyPI"),
        ("Requires-Dist: requests>=2", "Requires-Dist: requests\n >=2", "pip PyPI"),
        ("Requires-Dist: requests>=2", "Requires-Dist: requests\x1c>=2", "pip uv PyPI"),
        ("Requires-Dist: requests>=2", "Provides-Extra: x\t\nRequires-Dist: six; extra == 'x'", "PyPI"),
    ],
)
def test_blanks_in_metadata(old: str, new: str, clients: str, tmp_path: Path) -> None:
    path = write_wheel(tmp_path, valid(metadata=_HEAD.replace(old.encode(), new.encode(), 1)))
    assert _clients(path, "metadata-odd-blanks") == clients
    [outcome] = repair_wheels(path, output=tmp_path / "fixed").outcomes
    assert outcome.findings == ()


@pytest.mark.parametrize(
    ("specifier", "is_read"),
    [(">=1.9<2", True), (">=1.9.*", True), ('>="1.9"', True), (">=1.9.", False), (">=1,,<2", False), ("==1.*<2", False)],
)
def test_legacy_specifiers_that_uv_reads(specifier: str, is_read: bool, tmp_path: Path) -> None:
    path = write_wheel(tmp_path, valid(metadata=metadata(f"Requires-Dist: six{specifier}")))
    assert _clients(path, "metadata-legacy-requirement") == ("pip PyPI" if is_read else "pip uv PyPI")


def test_metadata_version_and_large_numbers(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, valid(metadata=_HEAD.replace(b"Metadata-Version: 2.1\n", b"")))
    assert _clients(path, "metadata-missing-field") == "PyPI"
    path = write_wheel(tmp_path, valid(metadata=metadata(f"Requires-Python: <{'4' * 25}")))
    assert _clients(path, "metadata-bad-requires-python") == "uv"


def test_dist_info_of_another_version_and_data_of_another_name(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, valid(dist_info="demo-2.0.dist-info"))
    assert _clients(path, "dist-info-name-differs") == "PyPI"
    (tmp_path / "demo-1.0-py3-none-any.whl").write_bytes(build_wheel(valid(dist_info="other-1.0.dist-info")))
    assert _clients(path, "dist-info-name-differs") == "pip uv installer PyPI"


@pytest.mark.parametrize(
    ("name", "clients"),
    [
        ("demo-1.0-py3..py2-none-any.whl", "pip uv PyPI"),
        ("demo-1.0-py3-none-any..whl", "pip PyPI"),
        ("demo-1.0-py3-none-any(1).whl", "uv"),
        ("demo-1.0-py3-none-any (1).whl", "uv"),
        ("demo-1.0-1x+y-py3-none-any.whl", "uv"),
        ("demo-1.0-18446744073709551616-py3-none-any.whl", "uv"),
        ("demo-1.0-1-2-py3-none-any.whl", "pip uv PyPI"),
        ("demo-1.0-py3-none.whl", "pip uv installer PyPI"),
        ("d\u00e9mo-1.0-py3-none-any.whl", "pip uv installer PyPI"),
    ],
)
def test_file_name(name: str, clients: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(build_wheel(valid()))
    assert _clients(tmp_path / name, "filename-malformed") == clients


@pytest.mark.parametrize(
    ("tag", "clients", "odd"),
    [
        ("3x", "pip uv PyPI", "3x"),
        ("3.4", "pip uv PyPI", "3.4"),
        ("py2.7", "pip PyPI", "7, in py2.7"),
    ],
)
def test_tag_that_begins_with_a_digit(tag: str, clients: str, odd: str, tmp_path: Path) -> None:
    path = tmp_path / f"demo-1.0-{tag}-none-any.whl"
    path.write_bytes(build_wheel(valid()))
    assert _clients(path, "filename-tag-digit") == clients
    [found] = _found(path, "filename-tag-digit")
    assert found.message == f"the Python tag begins with a digit; pip 26.3 and later refuse that: {odd}"


@pytest.mark.parametrize("build", ["1.2", "1_x", "00000000000000000000000000001", "18446744073709551615"])
def test_build_tag_that_all_take(build: str, tmp_path: Path) -> None:
    (tmp_path / f"demo-1.0-{build}-py3-none-any.whl").write_bytes(build_wheel(valid()))
    assert _found(tmp_path / f"demo-1.0-{build}-py3-none-any.whl", "filename-malformed") == []


def test_local_version_in_the_file_name_alone(tmp_path: Path) -> None:
    """uv takes such a wheel, pip takes it from a file and not from an index."""
    (tmp_path / "demo-1.0+x-py3-none-any.whl").write_bytes(build_wheel(valid()))
    assert _clients(tmp_path / "demo-1.0+x-py3-none-any.whl", "filename-version-differs") == "pip PyPI"


def test_a_file_called_like_dist_info_is_reported_once(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, valid(files=(*WheelSpec().files, Entry("x.dist-info", b"x"))))
    assert _clients(path, "dist-info-several") == "pip installer"
