"""How version specifiers relate: nothing is claimed that ``packaging`` contradicts for any version."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from wheelfix.rules.versions import allows_all, allows_none

NUMBERS = ("0", "1", "1.0", "1.1", "1.2", "2", "2.0", "2.1.0", "3")
SUFFIXES = ("", ".dev1", "a1", "rc1", ".post1", "+cpu", "rc1.dev1", ".post1+cpu", ".0.1", ".9")
VERSIONS = [Version(number + suffix) for number in NUMBERS for suffix in SUFFIXES] + [Version("1!1")]
clauses = st.one_of(
    st.tuples(st.sampled_from([">=", ">", "<=", "<", "==", "!="]), st.sampled_from(NUMBERS)).map("".join),
    st.tuples(st.sampled_from(["==", "!="]), st.sampled_from(NUMBERS), st.just(".*")).map("".join),
    st.sampled_from(
        ["~=1.1", "~=2.1.0", "==1.0+cpu", ">=2rc1", "<=1.0.post1", "<2.dev1", "===1.0", ">1.0.post1", "!=1.0+cpu"]
    ),
)
specifiers = st.lists(clauses, min_size=1, max_size=3).map(",".join)


def allowed(text: str) -> set[Version]:
    return {version for version in VERSIONS if SpecifierSet(text).contains(version, prereleases=True)}


@given(specifiers, specifiers)
def test_what_allows_all_of_another_does(wide: str, narrow: str) -> None:
    if allows_all(wide, narrow):
        assert allowed(narrow) <= allowed(wide)


@given(specifiers)
def test_what_allows_nothing_allows_nothing(text: str) -> None:
    if allows_none(text):
        assert not allowed(text)


SEEN = [
    (">=2", ">=2,<3"), (">=2", ">=2.1"), (">=2", ">2"), (">1", ">=2"), ("<3", "<2"), ("<3", "<=2"), ("<=2", "<2"),
    (">=2", "==2.1"), (">=1", "==2.*"), ("<3", "==2.*"), ("==2.*", "==2.1.*"), ("==2.*", "==2.1"), (">=2,<4", ">=2.5,<3"),
    (">=1", "~=1.1"), ("==1.*", "~=1.1"), ("<2", "~=1.1"), ("!=1", "!=1,>0"), ("===1.0", "===1.0"), (">=2rc1", ">=2rc1,<3"),
]  # fmt: skip


@pytest.mark.parametrize(("wide", "narrow"), SEEN)
def test_what_people_write_is_seen(wide: str, narrow: str) -> None:
    assert allows_all(wide, narrow)
    assert not allows_all(narrow, wide) or SpecifierSet(wide) == SpecifierSet(narrow)


IMPOSSIBLE = """
    >=3,<2 >2,<2 >=2,<2 >2,<=2 >=3,<=2 ==1,>=2 ==1,==2 ==1.*,>=2 ==2.*,<2 ==2.*,<=1 ==1.*,==2 ~=1.1,>=2
"""


@pytest.mark.parametrize("text", IMPOSSIBLE.split())
def test_impossible_ranges_are_seen(text: str) -> None:
    assert allows_none(text)


@pytest.mark.parametrize("text", ["", "no", ">=2", ">=1,<2", "==1.0,==1.0+cpu", "<=1.0,==1.0+cpu"])
def test_what_is_possible_or_no_specifier_is_not_called_impossible(text: str) -> None:
    assert not allows_none(text)
    assert not allows_all("no", text)
