"""What pip or uv refuse although the specification's own parser reads it; conformance tests ask the real tools."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from building import write_wheel
from defects import HEAD, metadata, valid
from stricter import ACCEPTED, MARKERS_REFUSED_BY_BOTH, NO_URLS, REFUSED_BY_BOTH, REFUSED_BY_PIP, REFUSED_BY_UV
from wheelfix.codes import Client
from wheelfix.fix.batch import repair_wheels
from wheelfix.results import Severity
from wheelfix.verify.client_quirks import has_number_too_large, refusals
from wheelfix.verify.registry import CHECKS
from wheelfix.verify.run import findings_in
from wheelfix.wheel.wheel import Wheel


@pytest.mark.parametrize("text", REFUSED_BY_UV)
def test_refused_by_uv(text: str) -> None:
    assert [each.by for each in refusals(text)] == [Client.UV]


@pytest.mark.parametrize("text", [*REFUSED_BY_BOTH, *MARKERS_REFUSED_BY_BOTH])
def test_refused_by_both(text: str) -> None:
    assert [each.by for each in refusals(text)] == [Client.UV, Client.PIP]


@pytest.mark.parametrize("text", [*REFUSED_BY_PIP, *NO_URLS])
def test_refused_by_pip(text: str) -> None:
    assert [each.by for each in refusals(text)] == [Client.PIP]


@pytest.mark.parametrize("text", ACCEPTED)
def test_accepted_by_all(text: str, tmp_path: Path) -> None:
    assert list(refusals(text)) == []
    found = findings_in(write_wheel(tmp_path, valid(metadata=metadata(f"Requires-Dist: {text}", "Provides-Extra: x"))))
    errors = [each.code for each in found if CHECKS[each.code].severity is Severity.ERROR]
    assert not [code for code in errors if "requirement" in code or "marker" in code]


@pytest.mark.parametrize(
    ("version", "is_too_large"),
    [
        ("18446744073709551614", False),
        ("18446744073709551615", True),
        ("0000000000000000000000018446744073709551614", False),
        ("1!2.3rc99999999999999999999", True),
        (">=1.0,<9" + "0" * 30, True),
        ("1.0+99999999999999999999", False),
        ("9" * 20_000, True),
    ],
)
def test_numbers_of_64_bits(version: str, is_too_large: bool) -> None:
    assert has_number_too_large(version) is is_too_large


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("six ()", "six"),
        ("six[x]();os_name=='nt'", "six[x];os_name=='nt'"),
        ("six ; os_name=='x'or'y'==os_name", 'six ; os_name == "x" or "y" == os_name'),
    ],
)
def test_what_is_plain_is_fixed(text: str, fixed: str, tmp_path: Path) -> None:
    path = write_wheel(tmp_path, valid(metadata=metadata(f"Requires-Dist: {text}")))
    [outcome] = repair_wheels(path, output=tmp_path / "fixed").outcomes
    assert outcome.output is not None
    with Wheel(outcome.output) as wheel:
        assert wheel.document.all("Requires-Dist")[-1].value == fixed


def test_blanks_around_the_name_are_fixed(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, valid(metadata=metadata(head=[f"{HEAD[0]} ", "Name:\n demo\t", *HEAD[2:]])))
    [outcome] = repair_wheels(path, output=tmp_path / "fixed").outcomes
    assert outcome.output is not None
    with Wheel(outcome.output) as wheel:
        assert wheel.document.data.startswith(b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")


_PIECES = [
    "file:", "https:", "git+", "//", "/", "\\", "[", "]", "@", ":", "%2e", "..", "x", ".whl", "#", "?", "xn--", "0x", "1",
    "${A}", "\u2100", "\u200b", "\xe9",
]  # fmt: skip


@given(st.lists(st.sampled_from(_PIECES), max_size=9).map("".join))
def test_any_reference_is_answered(reference: str) -> None:
    assert all(each.message for each in refusals(f"foo @ {reference}"))


@pytest.mark.parametrize("host", ["a" + "\u0301\u0327" * 100_000, "\xe9" * 200_000, "1." * 100_000, "[" * 100_000])
def test_what_is_spelled_anew_is_short(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """That takes a time which grows with the square of how many marks follow each other: minutes for these."""
    asked = list[str]()

    def note(text: str) -> str:
        asked.append(text)
        return text

    monkeypatch.setattr("encodings.idna.nameprep", note)
    monkeypatch.setattr("unicodedata.normalize", lambda _, text: note(text))
    for reference in (f"https://{host}/x.whl", f"git+https://u:{host}@\xe9/x", f"file://{host}/x.whl", f"ftp:{host}"):
        refusals.__wrapped__(f"foo @ {reference}")
    assert max(map(len, asked)) < 2_000


def test_what_looks_like_a_password_is_looked_for_once() -> None:
    """Each colon would be tried up to the end: minutes for these."""
    for path in (":" * 1_000_000, ":a" * 500_000, "://" * 300_000):
        assert refusals.__wrapped__(f"foo @ git+https://e/{path}") == ()
        assert refusals.__wrapped__(f"foo @ https://e/x.whl#{path}") == ()
    assert refusals("foo @ git+https://e/" + "://" * 1_000 + "a:b@c")
