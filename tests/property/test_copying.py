"""Fields copied from METADATA of any shape: once is enough, and what is the same keeps its bytes."""

import pytest
from hypothesis import assume, given, strategies as st
from msgspec.structs import replace

from ruling import apply
from strategies import documents
from wheelfix.errors import EditError, MetadataError
from wheelfix.rules.actions import Applied
from wheelfix.rules.match import make_facts
from wheelfix.rules.model import Action, CopyFrom, Rule
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.release import CopySource, Declared

OWN, OTHER = (WheelFilename.parse(f"demo-1.0-py3-none-{platform}.whl") for platform in ("win32", "linux_x86_64"))

_LINES = (
    "Requires-Dist: foo", "Requires-Dist: Foo", "requires-dist:  bar >=1", "Requires-Dist: demo[x]; extra == 'cuda'",
    "Requires-Dist: foo>=2;\n   os_name == 'nt'", "Provides-Extra: x", "Provides-Extra: CUDA", "Requires-Python: >=3.9",
    "Classifier: A",
)  # fmt: skip
HEAD = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
valid = st.lists(st.sampled_from(_LINES), max_size=6, unique=True).map(
    lambda lines: "".join([HEAD, *(f"{line}\n" for line in lines), "\nAbout it.\n"]).encode()
)


def copied(data: bytes, other: bytes, *, merge: bool) -> Applied:
    """Return what becomes of METADATA; pairs for which copying is refused are of no interest here."""
    rule = Rule(
        id="copy", reason="why", action=Action(copy_from=CopyFrom(platform=("*",) if merge else ("linux*",), merge=merge))
    )
    try:
        facts = make_facts(Document.parse(data), OWN, lambda: "")
        return apply(replace(facts, copy_sources=[CopySource(OTHER, Declared.of(other))]), rule)
    except (EditError, MetadataError):
        assume(False)
        raise


@pytest.mark.parametrize("merge", [False, True])
@given(data=documents(), other=valid)
def test_copied_twice_is_copied_once(merge: bool, data: bytes, other: bytes) -> None:
    once = copied(data, other, merge=merge).document
    again = copied(once.data, other, merge=merge)
    assert again.document.data == once.data
    assert again.changes == ()


@given(data=documents(), other=valid)
def test_what_is_copied_says_what_the_other_says(data: bytes, other: bytes) -> None:
    result = copied(data, other, merge=False)
    assert Declared.of(result.document.data).answers() == Declared.of(other).answers()
    lines = {data[each.start : each.stop].rstrip() for each in Document.parse(data).fields}
    for each in result.document.fields:
        text = result.document.data[each.start : each.stop].rstrip()
        assert text in lines or each.value.strip() in {change.after for change in result.changes}


@given(data=valid, other=valid)
def test_two_that_are_merged_agree(data: bytes, other: bytes) -> None:
    """From both sides, and neither loses anything."""
    one = copied(data, other, merge=True)
    two = copied(other, data, merge=True)
    said = Declared.of(one.document.data).answers()
    assert said == Declared.of(two.document.data).answers()
    assert said == {**Declared.of(data).answers(), **Declared.of(other).answers()}


@given(data=documents())
def test_a_copy_of_itself_changes_nothing(
    data: bytes,
) -> None:
    assert copied(data, data, merge=False).changes == ()
    assert copied(data, data, merge=True).changes == ()


@given(st.permutations(["cp310", "cp311", "cp312", "py3"]), st.data())
def test_the_order_of_the_wheels_does_not_matter(order: list[str], draw: st.DataObject) -> None:
    wheels = {python: draw.draw(st.sampled_from(["a", "b", "A"])) for python in sorted(order)}
    names = [WheelFilename.parse(f"demo-1.0-{python}-none-linux_x86_64.whl") for python in order]
    copy_sources = [CopySource(name, Declared((wheels[name.python],))) for name in names]
    rule = Rule(id="copy", reason="why", action=Action(copy_from=CopyFrom(platform=("linux*",))))
    facts = make_facts(Document.parse(HEAD.encode()), OWN, lambda: "")
    results = []
    for each in (copy_sources, sorted(copy_sources, key=lambda copy_source: str(copy_source.filename))):
        try:
            results.append(str(apply(replace(facts, copy_sources=each), rule).document.data))
        except EditError as error:
            results.append(str(error))
    assert results[0] == results[1]
