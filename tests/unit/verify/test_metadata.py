"""METADATA, field by field: what real files hold is no finding, and what hostile ones hold stops nothing."""

import sys
from pathlib import Path

import pytest
from packaging.markers import Marker, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement

from building import write_wheel
from defects import HEAD, NEEDS, TYPE, metadata, valid
from wheelfix.verify.metadata import bad_values
from wheelfix.verify.run import findings_in
from wheelfix.verify.subject import RawFinding, RewriteField
from wheelfix.wheel.edits import AddField, SetField
from wheelfix.wheel.metadata import Document


def faults_of(folder: Path, data: bytes) -> list[RawFinding]:
    return findings_in(write_wheel(folder, valid(metadata=data)))


@pytest.mark.parametrize(
    "lines",
    [
        ["License: MIT", "        and more", " of it"],
        ["requires-dist: six (>=1.9)", 'Requires-Dist: six==1.*; "x86" not in platform_machine'],
        ['Requires-Dist: six; extra == "my_extra"', "Provides-Extra: my-extra"],
        ["Author: M\u00fcller", "Keywords: a,b", "Project-URL: Home, https://example.org/"],
        ["Requires-Dist: six @ https://example.org/six.whl"],
        ["Requires-Python: !=3.0.*,>=2.7"],
    ],
)
def test_legal_fields_are_no_findings(lines: list[str], tmp_path: Path) -> None:
    """Pitfalls 1, 3, 6 and 7."""
    assert faults_of(tmp_path, metadata(*lines)) == []


def test_crlf_is_no_fault(tmp_path: Path) -> None:
    """Pitfall 4."""
    assert faults_of(tmp_path, metadata().replace(b"\n", b"\r\n")) == []


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("Requires-Dist: six>=1.9<2.0", "six>=1.9,<2.0"),
        ("Requires-Dist: six (>=1.5.*); os_name == 'nt'", "six (>=1.5); os_name == 'nt'"),
        ("Requires-Python: >='2.7'", ">=2.7"),
        ("Requires-Python: >=3.6'", ">=3.6"),
        ("Requires-Dist: six!=~5.0", "six!=5.0.*"),
        ("Requires-Dist: six>=*", "six"),
    ],
)
def test_malformed_specifier_is_fixed_where_it_stands(line: str, value: str, tmp_path: Path) -> None:
    data = metadata(line)
    [found] = faults_of(tmp_path, data)
    [mend] = found.fixes
    assert isinstance(mend, RewriteField)
    assert data[mend.start :].startswith(line.encode())
    assert mend.value is not None
    assert mend.value.replace(" ", "") == value.replace(" ", "")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('Requires-Dist: six; extra == "a b"', "metadata-undeclared-extra"),
        ('Requires-Dist: six; extra == "\u00fc"', "metadata-undeclared-extra"),
        ("Requires-Python: '===\x1b[2J'", "metadata-bad-requires-python"),
        ("Requires-Dist: six >'dev'", "metadata-bad-requirement"),
    ],
)
def test_what_has_no_plain_meaning_is_not_fixed(line: str, code: str, tmp_path: Path) -> None:
    """A mend that METADATA may not hold would stop the repair of everything else."""
    findings = {each.code: each.fixes for each in faults_of(tmp_path, metadata(line))}
    assert findings[code] == ()


def test_undeclared_extra_of_an_old_metadata_version_raises_it(tmp_path: Path) -> None:
    lines = ["Metadata-Version: 1.2", *HEAD[1:]]
    findings = faults_of(tmp_path, metadata('Requires-Dist: six; extra == "x"', head=lines, rest=[NEEDS]))
    [found] = [each for each in findings if each.code == "metadata-undeclared-extra"]
    assert found.fixes == (SetField("Metadata-Version", "2.1"), AddField("Provides-Extra", "x"))


@pytest.mark.parametrize(
    "line",
    [
        "Content-Type: multipart/mixed; boundary=x",
        "Content-Transfer-Encoding: base64",
        "MIME-Version: 1.0",
        "Requires-Python: >=" + "9" * 5_000,
        "Requires-Dist: six>=" + "9" * 5_000,
        "Requires-Dist: six<2,>=" + "9" * 5_000,
        "Requires-Python: <2,>=" + "9" * 5_000,
        "Requires-Python: <2>=" + "9" * 5_000,
        "Requires-Dist: six; " + "(" * 10_000,
        "Requires-Dist: six; " + "not " * 10_000 + "x",
        "Requires-Dist: six" + "[" * 10_000,
        "License-Expression: " + "(" * 10_000 + "MIT" + ")" * 10_000,
        "Provides-Extra: " + "-" * 50_000,
        "Project-URL: " + "," * 10_000,
        "License-File: ../../../etc/passwd",
        "Dynamic: Name",
        "Import-Name: a.b; private",
        "Author: \x1b[2J \u202e",
        "Keywords: \ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
        "Summary: " + "x" * 1_000_000,
        "\u00fc: x",
    ],
    ids=lambda line: ascii(line[:30]),
)
def test_hostile_field_stops_nothing(line: str, tmp_path: Path) -> None:
    findings = faults_of(tmp_path, metadata(line))
    assert all((each.place + each.message).isprintable() for each in findings)
    assert all(len(each.finding.place) < 1_000 and len(each.finding.message) < 1_000 for each in findings)


@pytest.mark.parametrize(
    "value",
    ["", ";", "text/markdown; x*", "text/markdown; charset*=x''y", "text/markdown; charset*0*=a''%ff; charset*1=b",
     "text/\n  markdown", "text/markdown;;;", "=?utf-8?b?!!?=", 'text/markdown; charset="',
     "text/markdown; charset=latin-1"],
)  # fmt: skip
def test_description_type_that_is_none(value: str, tmp_path: Path) -> None:
    codes = {each.code for each in faults_of(tmp_path, metadata(rest=[f"{TYPE.partition(':')[0]}: {value}"]))}
    assert "metadata-bad-value" in codes


@pytest.mark.parametrize("field", ["Name", "Version", "Metadata-Version", "Summary", "Requires-Dist", "Requires-Python"])
@pytest.mark.parametrize("value", ["M\udcfcller", "\x00", "\x1b[2J", "", "9" * 5_000])
def test_odd_value_of_any_field_stops_nothing(field: str, value: str, tmp_path: Path) -> None:
    """Pitfall 3: bytes that are no UTF-8 are data like any other."""
    head = [line for line in HEAD if not line.startswith(f"{field}:")]
    findings = faults_of(tmp_path, metadata(f"{field}: {value}", head=head))
    assert all((each.place + each.message).isprintable() for each in findings)


@pytest.mark.parametrize("blank", ["\x1c", "\x0b", "\x0c", "\xa0", "\x85", "\u2028", "\n  ", " \xa0 "])
def test_blanks_that_readers_do_not_know_are_fixed(blank: str, tmp_path: Path) -> None:
    """pip refuses them; rules read them as any other blank."""
    text = f"six{blank}(>=1.9)"
    with pytest.raises(InvalidRequirement):
        Requirement(text)
    data = metadata(f"Requires-Dist: {text}")
    [found] = faults_of(tmp_path, data)
    assert (found.code, found.fixes) == (
        "metadata-odd-blanks",
        (RewriteField(data.index(b"Requires-Dist: six"), "six (>=1.9)"),),
    )


@pytest.mark.parametrize("text", ["six \t (>=1.9)", "six; platform_version == 'a\xa0b'", "six[a,\tb]  >=1 ; os_name=='nt'"])
def test_blanks_that_readers_know(text: str, tmp_path: Path) -> None:
    Requirement(text)
    assert not {each.code for each in faults_of(tmp_path, metadata(f"Requires-Dist: {text}"))} & {"metadata-odd-blanks"}


def test_odd_blanks_are_not_fixed_where_quotes_hold_some_too(tmp_path: Path) -> None:
    [found] = faults_of(tmp_path, metadata("Requires-Dist: six\xa0; platform_version == 'a\xa0b'"))
    assert (found.code, found.fixes) == ("metadata-odd-blanks", ())


@pytest.mark.parametrize("marker", ["'x' in extras", "os_name == 'nt' or 'x' not in dependency_groups", "('a' in extras)"])
def test_variables_of_lock_files(marker: str, tmp_path: Path) -> None:
    """PEP 751 has them; a marker of a requirement cannot be evaluated with them."""
    with pytest.raises(UndefinedEnvironmentName):
        Marker(marker).evaluate({"os_name": "posix"})
    codes = {each.code for each in faults_of(tmp_path, metadata(f"Requires-Dist: six; {marker}", "Provides-Extra: x"))}
    assert "metadata-bad-marker" in codes


def test_what_is_not_utf8_hides_no_other_value(tmp_path: Path) -> None:
    found = faults_of(tmp_path, metadata("Author: M\udcfcller", "Project-URL: a, b", "Project-URL: a, c"))
    assert [each.code for each in found] == ["metadata-not-utf8", "metadata-bad-value"]


TWO = ("License: MIT", "License-Expression: MIT")


@pytest.mark.parametrize(
    ("lines", "version", "reason"),
    [
        (TWO, "2.1", "exclude each other"),
        (TWO, "2.0", "exclude each other"),
        (["License-File: ../LICENSE", "License-Expression: MIT"], "2.1", "would be refused"),
        (["License-File: LICENSE", "License-Expression: MIT"], "2.1", "not in licenses/"),
        (["License-Expression: whatever you like"], "2.1", "would be refused"),
        (["License-Expression: MIT", "Metadata-Version: 2.2"], "2.1", "appears more than once"),
    ],
)
def test_metadata_version_is_not_raised_to_where_more_is_wrong(
    lines: list[str], version: str, reason: str, tmp_path: Path
) -> None:
    """PEP 639: what no reader minds below 2.4 it refuses from there on."""
    found = faults_of(tmp_path, metadata(*lines, head=[f"Metadata-Version: {version}", *HEAD[1:]]))
    levels = [each for each in found if each.code in ("metadata-field-too-new", "metadata-unknown-version")]
    assert levels
    assert all(reason in each.message and not each.fixes for each in levels)


def test_an_extra_is_not_declared_where_metadata_version_cannot_follow(tmp_path: Path) -> None:
    head = ["Metadata-Version: 1.2", *HEAD[1:]]
    lines = ["Metadata-Version: 1.2", "Requires-Dist: six; extra == 'x'"]
    found = faults_of(tmp_path, metadata(*lines, head=head, rest=[]))
    assert [each.fixes for each in found if each.code == "metadata-undeclared-extra"] == [()]


def _document(*lines: str) -> Document:
    return Document.parse("\n".join(("Metadata-Version: 2.1", "Name: demo", *lines, "", "")).encode())


_BEFORE = _document("Project-URL: a, x", "Project-URL: a, y", "Requires-Dist: one", "Requires-Dist: two")


def test_values_that_were_checked_before_are_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fix that drops requirements needs neither packaging's reader of METADATA nor all of email."""
    assert [each.code for each in bad_values(_BEFORE)] == ["metadata-bad-value"]
    fewer = _BEFORE.without(_BEFORE.all("Requires-Dist")[:1])
    monkeypatch.setitem(sys.modules, "packaging.metadata", None)
    assert [*bad_values(fewer, _BEFORE)] == []


@pytest.mark.parametrize(
    "lines",
    [
        ("Project-URL: a, x", "Project-URL: a, y", "Requires-Dist: one", "Requires-Dist: three"),
        ("Project-URL: a, x", "Project-URL: a, y", "Summary: x", "Requires-Dist: one"),
        ("Project-URL: a, y", "Project-URL: a, x", "Requires-Dist: one"),
    ],
)
def test_a_value_that_is_new_is_checked(lines: tuple[str, ...]) -> None:
    assert [each.code for each in bad_values(_document(*lines), _BEFORE)] == ["metadata-bad-value"]
