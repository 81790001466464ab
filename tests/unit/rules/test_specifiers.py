"""Specifiers that are computed: which clauses change, which keep their spelling, and where a computation does not apply."""

import re

import pytest
from hypothesis import given, strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from wheelfix.rules.model import NewSpecifier
from wheelfix.rules.specifiers import SPECIFIER_PARTS, Mismatch, compute, part_of, read_clauses

RELAX = NewSpecifier(relax="lower")
UPPER = NewSpecifier(drop="upper")
CPU = NewSpecifier(local="cpu")
COMPUTED: list[tuple[NewSpecifier, str, str]] = [
    (RELAX, "==2.4.0", ">=2.4.0"),
    (RELAX, ">=1,==1", ">=1"),
    (RELAX, "===2.4.0", ">=2.4.0"),
    (RELAX, "== 2.4.0+cu121", ">= 2.4.0"),
    (RELAX, "==1.*", ">=1"),
    (RELAX, "==1.4.*", ">=1.4"),
    (RELAX, "~=1.4.2,!=1.4.5", ">=1.4.2,!=1.4.5"),
    (RELAX, "!= 1.4.5 , ~= 1.4.2", "!= 1.4.5 , >= 1.4.2"),
    (RELAX, "==1.5,<2", ">=1.5,<2"),
    (RELAX, "~=1!2.0rc1", ">=1!2.0rc1"),
    (RELAX, ">=2.4,  <3", ">=2.4,  <3"),
    (RELAX, "> 2", "> 2"),
    (RELAX, "==1.*,<1.5", "==1.*,<1.5"),
    (RELAX, "==1.*, ==1.4.*", ">=1, >=1.4"),
    (RELAX, "==1.4.*,<2", ">=1.4,<2"),
    (RELAX, "~=1.4,<1.5", "~=1.4,<1.5"),
    (UPPER, "==1.*,<1.5", ">=1"),
    (RELAX, "==1, >=1", ">=1"),
    (RELAX, "==1,==1", ">=1"),
    (RELAX, ">=1,>=1, ==2", ">=1,>=1, >=2"),
    (CPU, "==1.0,!=1.1, ==1.0", "==1.0+cpu,!=1.1"),
    (UPPER, ">=1.21,<2", ">=1.21"),
    (UPPER, "<2, >=1.21", ">=1.21"),
    (UPPER, ">= 1.21 , != 1.5, <= 2", ">= 1.21 , != 1.5"),
    (UPPER, "<2,<=3", ""),
    (UPPER, "~=1.4", ">=1.4"),
    (UPPER, "==1.*", ">=1"),
    (UPPER, "!=1.5", "!=1.5"),
    (UPPER, ">=1", ">=1"),
    (UPPER, "", ""),
    (NewSpecifier(drop="all"), "==1.0,!=1.1", ""),
    (NewSpecifier(drop="all"), "===foo", ""),
    (NewSpecifier(drop="all"), "", ""),
    (CPU, "==1.10.2", "==1.10.2+cpu"),
    (CPU, "== 1.10.2+cu113 , <2", "== 1.10.2+cpu , <2"),
    (CPU, "==1.10.2+CPU", "==1.10.2+CPU"),
    (CPU, "===1.10.2", "===1.10.2+cpu"),
    (CPU, "==1.0.post1", "==1.0.post1+cpu"),
    (NewSpecifier(local=""), "==1.10.2+cu113", "==1.10.2"),
    (NewSpecifier(local=""), "==1.10.2", "==1.10.2"),
    (NewSpecifier(max="<3"), "", "<3"),
    (NewSpecifier(max="<3"), ">=1.2", ">=1.2,<3"),
    (NewSpecifier(max="<3"), ">=1.2, !=2", ">=1.2, !=2, <3"),
    (NewSpecifier(max="<3"), "< 2 ,>=1.2", "< 3 ,>=1.2"),
    (NewSpecifier(max="<3"), ">=1.2,<2,<=2.5", ">=1.2,<3"),
    (NewSpecifier(max="<=3.1"), ">=1.2,<4", ">=1.2,<=3.1"),
    (NewSpecifier(max="<3"), "~=1.4", ">=1.4,<3"),
    (NewSpecifier(max="<3"), "==1.4.*", ">=1.4,<3"),
    (NewSpecifier(max="<3"), ">=1.2,< 3.0", ">=1.2,< 3.0"),
    (NewSpecifier(min=">=1.6"), "", ">=1.6"),
    (NewSpecifier(min=">=1.6"), "<2", "<2,>=1.6"),
    (NewSpecifier(min=">=1.6"), ">1.2 ,<2", ">=1.6 ,<2"),
    (NewSpecifier(min=">=1.6"), "~=1.4", ">=1.6,==1.*"),
    (NewSpecifier(min=">=1.4.6"), "~=1.4.2,!=1.4.7", ">=1.4.6,==1.4.*,!=1.4.7"),
    (NewSpecifier(min=">=2!1.6"), "~=2!1.4", ">=2!1.6,==2!1.*"),
    (NewSpecifier(min=">=1.6"), "==1.*", "==1.*,>=1.6"),
    (NewSpecifier(exclude="!=1.4.5"), ">=1.4", ">=1.4,!=1.4.5"),
    (NewSpecifier(exclude="!=1.4.5"), "", "!=1.4.5"),
    (NewSpecifier(exclude="!=1.4.5,!=3"), ">=1.4,<2", ">=1.4,<2,!=1.4.5"),
    (NewSpecifier(exclude="!=1.4.5"), ">=1.5", ">=1.5"),
    (NewSpecifier(exclude="!=1.4.5"), "==1.4", "==1.4"),
    (NewSpecifier(exclude="!=1.4.5"), ">=1,!=1.4.*", ">=1,!=1.4.*"),
]


@pytest.mark.parametrize(("change", "before", "after"), COMPUTED, ids=str)
def test_what_is_computed(change: NewSpecifier, before: str, after: str) -> None:
    assert compute(change, before) == after
    assert compute(change, after) == after
    SpecifierSet(after)


NOT_APPLICABLE: list[tuple[NewSpecifier, str, str]] = [
    (RELAX, "", "it has neither a pin nor a lower limit"),
    (RELAX, "<2,!=1.5", "it has neither a pin nor a lower limit"),
    (RELAX, "===any-thing", "any-thing is not a version"),
    (UPPER, "==1.0", "it is pinned to a version"),
    (UPPER, "==1.0,<2", "it is pinned to a version"),
    (UPPER, "===foo", "it is pinned to a version"),
    (CPU, "", "it is not pinned to a version"),
    (CPU, "==1.*", "it is not pinned to a version"),
    (CPU, ">=1.0", "it is not pinned to a version"),
    (CPU, "===foo", "foo is not a version"),
    (NewSpecifier(max="<3"), "==1.0", "it is pinned to a version"),
    (NewSpecifier(max="<3"), ">=3", "no version would be left of >=3,<3"),
    (NewSpecifier(max="<3"), "~=3.1", "no version would be left of >=3.1,<3"),
    (NewSpecifier(min=">=3"), "==1.0", "it is pinned to a version"),
    (NewSpecifier(min=">=3"), ">=1,<2", "no version would be left of >=3,<2"),
    (NewSpecifier(min=">=3"), "==1.*", "no version would be left of ==1.*,>=3"),
    (NewSpecifier(exclude="!=1.4.5"), "==1.4.5", "no version would be left of ==1.4.5,!=1.4.5"),
    (NewSpecifier(drop="all"), ">=1 <2", "its specifier cannot be read"),
]


@pytest.mark.parametrize(("change", "before", "reason"), NOT_APPLICABLE, ids=str)
def test_what_does_not_apply(change: NewSpecifier, before: str, reason: str) -> None:
    assert compute(change, before) == Mismatch(reason)


def test_every_way_to_compute_is_tried() -> None:
    for table in (COMPUTED, NOT_APPLICABLE):
        assert {key for change, _, _ in table for key, _ in change.given} == set(NewSpecifier.__struct_fields__)


versions = st.sampled_from(["1", "1.0", "1.4.2", "2.0rc1", "1!2.1", "3.dev1", "2024.1", "v1.5", "1.0.post1"])
blanks = st.sampled_from(["", "", " "])


@st.composite
def clauses(draw: st.DrawFn) -> str:
    operator, version = draw(st.sampled_from(["==", "===", "~=", "!=", "<", "<=", ">", ">="])), draw(versions)
    if operator == "~=" and len(Version(version).release) < 2:
        version += ".0" if version.isalnum() else ""
    if operator in ("==", "!="):
        version += draw(st.sampled_from(["", "", "+cpu"] if not re.fullmatch(r"[\d.!]+", version) else ["", ".*", "+cu1.x"]))
    lead, gap, tail = draw(blanks), draw(blanks), draw(blanks)
    return f"{lead}{operator}{gap}{version}{tail}"


def is_valid(text: str) -> bool:
    try:
        SpecifierSet(text)
    except ValueError:
        return False
    return True


specifiers = st.lists(clauses(), max_size=4).map(",".join).map(str.strip).filter(is_valid)
changes = st.sampled_from(
    [
        RELAX, UPPER, CPU, NewSpecifier(drop="all"), NewSpecifier(local=""), NewSpecifier(local="a.1"),
        NewSpecifier(max="<3"), NewSpecifier(max="<=1.4.2"), NewSpecifier(min=">=1.2"), NewSpecifier(min=">2"),
        NewSpecifier(exclude="!=1.4.2"), NewSpecifier(exclude="!=1.*,!=2.1"),
    ]
)  # fmt: skip


@given(changes, specifiers)
def test_computed_twice_is_computed_once_and_valid(change: NewSpecifier, before: str) -> None:
    after = compute(change, before)
    if isinstance(after, Mismatch):
        return
    SpecifierSet(after)
    assert compute(change, after) == after


@given(changes, specifiers)
def test_other_clauses_keep_their_text_and_order(change: NewSpecifier, before: str) -> None:
    """Exclusions are never touched; whatever else is kept stands in its old order."""
    after = compute(change, before)
    if isinstance(after, Mismatch) or change.drop == "all":
        return
    old, new = ([each.strip() for each in text.split(",")] for text in (before, after))
    assert [each for each in old if each.startswith("!=")] == [each for each in new if each.startswith("!=")][
        : sum(each.startswith("!=") for each in old)
    ]
    kept = [each for each in new if each in old]
    assert kept == [each for each in old if each in new] or len(set(old)) < len(old)


LOOSENING = st.sampled_from([RELAX, UPPER, NewSpecifier(drop="all")])
any_version = versions | st.sampled_from(
    ["1rc1", "1.0.dev1", "1.4.2a1", "1.4.2.dev1", "1.5", "2rc2", "2024.1b1", "1!2.1.dev2"]
)


@given(LOOSENING, specifiers, any_version)
def test_what_is_loosened_allows_all_that_was_allowed(change: NewSpecifier, before: str, version: str) -> None:
    """Pre-releases of the very version of a ``==1.2.*`` are documented to be left out."""
    after = compute(change, before)
    if isinstance(after, Mismatch) or not SpecifierSet(before).contains(version, prereleases=True):
        return
    ranges = [each.version for each in read_clauses(before) or () if each.star and each.operator == "=="]
    own = [each for each in ranges if SpecifierSet(f"=={each}.*").contains(version, prereleases=True)]
    left_out = any(Version(version) < Version(each) for each in own)
    assert SpecifierSet(after).contains(version, prereleases=True) or left_out


@given(LOOSENING, specifiers)
def test_what_is_loosened_allows_more_or_stays(change: NewSpecifier, before: str) -> None:
    after = compute(change, before)
    if not isinstance(after, Mismatch) and after != before:
        assert not SpecifierSet(after).to_range().is_subset(SpecifierSet(before).to_range())


@pytest.mark.parametrize(
    ("name", "specifier", "expected"),
    [
        ("version", "==1.2", "1.2"),
        ("version", "== 1.2+cpu ,!=1.3", "1.2+cpu"),
        ("version", "===1.2", "1.2"),
        ("version", "==1.*", Mismatch("it has no pin")),
        ("version", "", Mismatch("it has no pin")),
        ("version", "==1,==1.0", Mismatch("it has more than one pin")),
        ("lower", ">=1.2,<2", "1.2"),
        ("lower", "> 1.2", "1.2"),
        ("lower", "~=1.2", "1.2"),
        ("lower", "==1.2.*", "1.2"),
        ("lower", "==1.2", Mismatch("it has no lower limit")),
        ("lower", ">1,>=1.2", Mismatch("it has more than one lower limit")),
        ("upper", ">=1.2,<= 2", "2"),
        ("upper", "~=1.2", Mismatch("it has no upper limit")),
        ("operator", "~=1.2", "~="),
        ("operator", "==1.*", Mismatch("it has no clause without .*")),
        ("operator", ">=1,<2", Mismatch("it has more than one clause without .*")),
    ],
)
def test_the_parts_that_templates_take(name: str, specifier: str, expected: str | Mismatch) -> None:
    assert name in SPECIFIER_PARTS
    assert part_of(name, read_clauses(specifier) or ()) == expected


def test_a_specifier_without_end_is_not_read() -> None:
    assert read_clauses(",".join(["!=1"] * 10_000)) is None
    assert compute(UPPER, ",".join(["!=1"] * 10_000)) == Mismatch("its specifier cannot be read")
