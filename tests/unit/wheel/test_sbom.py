"""The provenance that a fixed wheel carries."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from building import WheelSpec, archive_of, changed, to_bytes, write_wheel
from wheelfix.errors import NeedError
from wheelfix.fix.apply import apply
from wheelfix.fix.batch import fix_wheels, repair_wheels
from wheelfix.fix.draft import make_plan
from wheelfix.options import Output
from wheelfix.results import Change, ChangeAction, Part, Status
from wheelfix.wheel.edits import SetField
from wheelfix.wheel.sbom import PROVENANCE, Ancestor, Provenance, read_provenance, write_provenance
from wheelfix.wheel.wheel import Wheel

NEEDS = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: six>=1.*\n"
CHANGES = (
    Change("Requires-Dist", "drop", "triton; \u00e9", None, "gpu/triton", None, "why"),
    Change("Summary", "set-field", None, "new"),
    Change("NOTICE", "add-file", None, None),
)


def provenance(
    filename: str = "demo-1.0+cpu-py3-none-any.whl",
    sha256: str = "a" * 64,
    changes: tuple[Change, ...] = CHANGES,
    rules_digest: str | None = "b" * 64,
    *,
    version: str = "1.0+cpu",
    diff: str = "--- a\n+++ b\n",
    before: bytes = b"",
) -> bytes:
    made = Provenance("1.2", (Ancestor(filename, sha256),), changes, rules_digest)
    return write_provenance(made, project="demo", version=version, diff=diff, before=read_provenance(before))


def assert_valid(data: bytes) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(data.decode()) is None


def test_provenance_is_read_back() -> None:
    read = read_provenance(provenance())
    assert read is not None
    assert (read.tool, read.rules_digest, read.changes) == ("1.2", "b" * 64, CHANGES)
    assert read.ancestors == (Ancestor("demo-1.0+cpu-py3-none-any.whl", "a" * 64),)
    plain = read_provenance(provenance(rules_digest=None, changes=(), diff=""))
    assert plain is not None
    assert (plain.rules_digest, plain.changes) == (None, ())


@pytest.mark.parametrize("char", ["\U0001fae8", "\u1cfa", "\u0897", "\u20c1"])
def test_the_same_evidence_gives_the_same_bytes_on_every_python(char: str) -> None:
    """Python 3.11 takes characters of Unicode 15 for unprintable and escapes them in messages, 3.13 does not."""
    raw, escaped = (Change("Requires-Dist", "drop", "triton", None, evidence=f"there is {text}\u00fc.so")
                    for text in (char, char.encode("unicode_escape").decode()))  # fmt: skip
    assert provenance(changes=(raw,)) == provenance(changes=(escaped,))
    read = read_provenance(provenance(changes=(raw,)))
    assert read is not None
    assert read.changes[0].evidence == escaped.evidence


def test_the_same_input_gives_the_same_bytes() -> None:
    """Pitfall 30: no wall clock and no random id."""
    assert provenance() == provenance()
    assert provenance().endswith(b"}\n")
    assert b"timestamp" not in provenance()
    assert b"serialNumber" not in provenance()


def test_ancestors_and_changes_are_carried_on() -> None:
    second = read_provenance(provenance(filename="b.whl", sha256="c" * 64, changes=CHANGES[:1], before=provenance()))
    assert second is not None
    assert [each.sha256[0] for each in second.ancestors] == ["c", "a"]
    assert second.changes == (*CHANGES, CHANGES[0])


@pytest.mark.parametrize(
    "knobs",
    [{}, {"diff": "", "changes": (), "rules_digest": None}, {"before": provenance()}, {"version": "1.0 odd/\u00e9"},
     {"filename": "d\u00e9mo %2B-1-py3-none-any.whl"}],
    ids=["full", "bare", "chained", "odd-version", "odd-name"],
)  # fmt: skip
def test_it_is_valid_cyclonedx(knobs: dict[str, Any]) -> None:
    assert_valid(provenance(**knobs))


@pytest.mark.parametrize(
    "knobs", [{"version": "1.0\udce9"}, {"filename": "d\udce9mo-1-py3-none-any.whl"}, {"diff": "\udce9"}], ids=str
)
def test_bytes_that_are_no_utf8_do_not_crash(knobs: dict[str, Any]) -> None:
    """Pitfall 3: Latin-1 in METADATA or in a file name comes in as surrogate escapes."""
    json.loads(provenance(**knobs))


def spoilt(**changes: Any) -> bytes:
    """Return a provenance with one part of its component replaced."""
    document = json.loads(provenance())
    document["metadata"]["component"] |= changes
    return json.dumps(document).encode()


def a_change(**fields: Any) -> dict[str, Any]:
    change = {"field": "f", "action": "drop", "before": None, "after": None} | fields
    return {"properties": [{"name": "wheelfix:change", "value": json.dumps(change)}]}


HOSTILE = [
    b"", b"{", b"\xff\xfe", b"[]", b"null", b'"x"', b"1", b"{}", b"[" * 100_000, b'{"metadata": []}',
    spoilt(properties=None), spoilt(properties=[1]), spoilt(properties=[{}]), spoilt(pedigree={}), spoilt(pedigree=[]),
    spoilt(pedigree={"ancestors": [{}]}), spoilt(pedigree={"ancestors": [{"properties": [], "hashes": []}]}),
    spoilt(properties=[{"name": "wheelfix:change", "value": 1}]),
    spoilt(properties=[{"name": "wheelfix:change", "value": "[]"}]),
    spoilt(properties=[{"name": "wheelfix:change", "value": "{}"}]),
    spoilt(**a_change(unknown="x")), spoilt(**a_change(field=1)), spoilt(**a_change(before=["x"])),
    spoilt(**a_change(action=None)), spoilt(**a_change(reason={})),
]  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE, ids=[f"case-{index}" for index in range(len(HOSTILE))])
def test_what_is_no_trace_gives_none(data: bytes) -> None:
    """A wheel can hold anything under that name: it is data, and never a crash."""
    assert read_provenance(data) is None


def fix(path: Path, out: Path, *edits: SetField) -> Path:
    [outcome] = fix_wheels([path], output=out, edits=edits).outcomes
    assert outcome.output is not None
    return outcome.output


def test_a_wheel_fixed_twice_has_both(tmp_path: Path) -> None:
    source = write_wheel(tmp_path)
    first = fix(source, tmp_path / "1")
    second = fix(first, tmp_path / "2", SetField("Summary", "new"))
    with Wheel(second) as wheel:
        data = wheel.read(PROVENANCE)
        assert wheel.record.agrees(f"{wheel.dist_info}/{PROVENANCE}", data)
    assert_valid(data)
    read = read_provenance(data)
    assert read is not None
    assert [each.sha256 for each in read.ancestors] == [sha256(path.read_bytes()).hexdigest() for path in (first, source)]
    assert [change.action for change in read.changes] == ["drop", "set-field"]


def test_without_sbom_an_old_trace_is_gone(tmp_path: Path) -> None:
    """Provenance that stayed would be that of another wheel."""
    first = fix(write_wheel(tmp_path), tmp_path / "1")
    report = fix_wheels(
        [first], None, output=Output(directory=tmp_path / "2", sbom=False), edits=[SetField("Summary", "new")]
    )
    assert report.outcomes[0].output is not None
    with Wheel(report.outcomes[0].output) as wheel:
        assert wheel.entry(PROVENANCE) is None
        assert not wheel.record.find(f"{wheel.dist_info}/{PROVENANCE}")


def _with_lying_trace(directory: Path) -> Path:
    """Return a corrected wheel of which the provenance says something else than RECORD knows."""
    archive = archive_of(WheelSpec(metadata=NEEDS, dist_info_files={PROVENANCE: provenance()}))
    return write_wheel(directory, archive=to_bytes(changed(archive, PROVENANCE, content=provenance(sha256="e" * 64))))


class TestTraceThatRecordContradicts:
    """What it says is not carried on as true, and its new hash does not hide it."""

    @pytest.mark.parametrize("dry_run", [True, False])
    def test_fix_refuses(self, dry_run: bool, tmp_path: Path) -> None:
        path = _with_lying_trace(tmp_path)
        edits = [SetField("Summary", "new")]
        [outcome] = fix_wheels(
            [path], None, output=Output(directory=tmp_path / "out", dry_run=dry_run), edits=edits
        ).outcomes
        assert outcome.status is Status.REFUSED
        assert outcome.problem is not None
        assert outcome.problem.code == "damaged-provenance"
        assert not [*tmp_path.glob("out/*.whl")]

    def test_a_plan_is_not_carried_out(self, tmp_path: Path) -> None:
        with Wheel(_with_lying_trace(tmp_path)) as wheel:
            plan = make_plan(wheel, edits=[SetField("Summary", "new")])
            with pytest.raises(NeedError, match="RECORD"):
                apply(wheel, plan, tmp_path / "out" / wheel.path.name)

    def test_repair_refuses_until_it_may_trust(self, tmp_path: Path) -> None:
        path = _with_lying_trace(tmp_path)
        [refused] = repair_wheels(path, output=tmp_path / "out").outcomes
        assert refused.problem is not None
        assert refused.problem.code == "damaged-provenance"
        [trusted] = repair_wheels(path, output=tmp_path / "out", trust_content=True).outcomes
        assert trusted.output is not None
        with Wheel(trusted.output) as wheel:
            read = read_provenance(wheel.read(PROVENANCE))
        assert read is not None
        assert "e" * 64 in {each.sha256 for each in read.ancestors}

    def test_without_a_trace_it_is_left_out(self, tmp_path: Path) -> None:
        edits = [SetField("Summary", "new")]
        [outcome] = fix_wheels(
            [_with_lying_trace(tmp_path)], None, output=Output(directory=tmp_path / "out", sbom=False), edits=edits
        ).outcomes
        assert outcome.output is not None
        with Wheel(outcome.output) as wheel:
            assert wheel.entry(PROVENANCE) is None

    def test_an_unchanged_wheel_may_have_one(self, tmp_path: Path) -> None:
        [outcome] = fix_wheels([_with_lying_trace(tmp_path)], output=tmp_path / "out").outcomes
        assert outcome.status is Status.UNCHANGED


def test_an_action_of_another_version_is_kept() -> None:
    """What a newer wheelfix wrote is carried on as it stands, rather than lost with all else that the provenance says."""
    changes = (Change("Summary", "set-summary", None, "new"), Change("NOTICE", ChangeAction.ADD_FILE, None, None))
    past = Provenance("9.0", (), changes, None)
    written = read_provenance(write_provenance(past, project="demo", version="1.0", diff=""))
    assert written is not None
    assert written.changes == changes
    assert [each.part for each in written.changes] == [Part.FIELD, Part.FILE]
