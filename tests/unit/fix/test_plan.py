"""Plans: what rules and edits would change, as data."""

from collections.abc import Callable
from hashlib import md5, sha256
from pathlib import Path

import pytest

from building import RecordStyle, WheelSpec, write_wheel
from counting import count_calls
from defects import record_of
from wheelfix.errors import EditError, RecordError
from wheelfix.fix.apply import apply
from wheelfix.fix.batch import fix_wheels
from wheelfix.fix.draft import make_plan
from wheelfix.fix.plan import Plan
from wheelfix.options import Naming, Output
from wheelfix.results import Change, Status
from wheelfix.rules.load import built_in, rule_set
from wheelfix.rules.model import Action, Match, Rule, RuleSet
from wheelfix.wheel.edits import AddField, Edit, RemoveField, RemoveFile, SetField, WriteFile
from wheelfix.wheel.record import hash_column
from wheelfix.wheel.wheel import Wheel

HEAD = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
INFO = "demo-1.0.dist-info"
Planner = Callable[..., Plan]


@pytest.fixture
def plan(tmp_path: Path) -> Planner:
    """Plan for a wheel with the given METADATA."""

    def make(
        metadata: bytes,
        rules: RuleSet | None = None,
        edits: tuple[Edit, ...] = (),
        naming: Naming = Naming(),
        **knobs: object,
    ) -> Plan:
        spec = WheelSpec(metadata=metadata, **knobs)  # type: ignore[arg-type]
        with Wheel(write_wheel(tmp_path, spec)) as wheel:
            return make_plan(wheel, rules, edits=edits, naming=naming)

    return make


def rules_for(*rules: tuple[str, str]) -> RuleSet:
    return rule_set(
        "t",
        [
            Rule(id=f"t/{index}", reason=f"reason {index}", match=Match((name,)), action=action)  # type: ignore[arg-type]
            for index, (name, action) in enumerate(rules)
        ],
    )


def test_rules_drop_keep_and_pass_over(plan: Planner) -> None:
    """Pitfall 10: what only an extra calls for is kept, with the reason. Pitfall 8: ``triton`` is not ``tritonclient``."""
    data = HEAD + (
        b"Requires-Dist: b-lib\nrequires-dist: A_Lib (==1)\nRequires-Dist: a.lib; extra == 'x'\n"
        b"Requires-Dist: other\nRequires-Dist: ???\nProvides-Extra: x\n\nRequires-Dist: a-lib\n"
    )
    made = plan(data, rules_for(("b-*", "keep"), ("a-lib", "drop"), ("b-lib", "drop")))
    assert made.new_metadata == data.replace(b"requires-dist: A_Lib (==1)\n", b"")
    assert made.changes == (Change("Requires-Dist", "drop", "A_Lib (==1)", None, "t/1", None, "reason 1"),)
    assert [(each.before, each.after, each.rule, each.action) for each in made.kept] == [
        ("b-lib", "b-lib", "t/0", "keep"),
        ("a.lib; extra == 'x'", "a.lib; extra == 'x'", "t/1", "keep"),
    ]
    assert "only required by an extra" in (made.kept[1].reason or "")
    assert made.notes == ("METADATA: the requirement '???' cannot be parsed and is unchanged.",)
    assert not made.is_empty


def test_a_plan_without_effect_is_empty(plan: Planner) -> None:
    """Pitfall 35: nothing to do is nothing done."""
    made = plan(HEAD + b"Requires-Dist: numpy\n", built_in("gpu"))
    assert made.is_empty
    assert made.new_metadata is made.metadata or made.new_metadata == made.metadata
    assert (made.changes, made.kept, made.metadata_diff) == ((), (), "")
    assert made.rules_digest == built_in("gpu").digest
    assert plan(HEAD).rules_digest is None


EDITS = [
    pytest.param(SetField("Requires-Python", ">=3.9"), b"", b"Requires-Python: >=3.9\n", ["set-field"], id="set-new"),
    pytest.param(SetField("requires-PYTHON", ">=3.9"), b"Requires-Python: >=3.8\n", b"Requires-Python: >=3.9\n",
                 ["set-field"], id="set-old"),
    pytest.param(SetField("Summary", "s"), b"Summary: s\n", b"Summary: s\n", [], id="set-same"),
    pytest.param(SetField("Summary", "s"), b"Summary: a\nSummary: s\n", b"Summary: s\n", ["set-field", "remove-field"],
                 id="set-twice"),
    pytest.param(AddField("classifier", "b"), b"Classifier: a\n", b"Classifier: a\nClassifier: b\n", ["add-field"],
                 id="add"),
    pytest.param(AddField("Classifier", "a"), b"Classifier:  a \n", b"Classifier:  a \n", [], id="add-same"),
    pytest.param(AddField("classifier", "a"), b"", b"Classifier: a\n", ["add-field"], id="add-first"),
    pytest.param(RemoveField("classifier"), b"Classifier: a\nClassifier: b\n", b"", ["remove-field"] * 2, id="remove-all"),
    pytest.param(RemoveField("Classifier", "b"), b"Classifier: a\nClassifier: b\n", b"Classifier: a\n", ["remove-field"],
                 id="remove-one"),
    pytest.param(RemoveField("Classifier", "c"), b"Classifier: a\n", b"Classifier: a\n", [], id="remove-none"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "before", "after", "actions"), EDITS)
def test_fields_are_edited(plan: Planner, edit: Edit, before: bytes, after: bytes, actions: list[str]) -> None:
    made = plan(HEAD + before + b"\nbody", edits=(edit,))
    assert made.new_metadata == HEAD + after + b"\nbody"
    assert [change.action for change in made.changes] == actions
    assert made.is_empty is (not actions)


REFUSED = [
    (SetField("Name", "x"), "identity-field"),
    (SetField("VERSION", "2"), "identity-field"),
    (SetField("Requires-Dist", "x"), "repeated-field"),
    (SetField("Summary", "a\nRequires-Dist: x"), "invalid-field-value"),
    (SetField("Summary ", "a"), "invalid-field-name"),
    (AddField("Summary", "x"), "single-field"),
    (AddField("Classifier", " x"), "invalid-field-value"),
    (AddField("X Own", "x"), "invalid-field-name"),
    (SetField("Tag", "py3-none-any"), "unknown-field"),
    (SetField("Root-Is-Purelib", "false"), "unknown-field"),
    (AddField("X-Own", "x"), "unknown-field"),
    (RemoveField("metadata-version"), "required-field"),
    (RemoveField("Name"), "required-field"),
    (RemoveField("Version", "1.0"), "required-field"),
    (RemoveFile("licenses/none"), "no-such-file"),
    *((WriteFile(path, b""), "invalid-path") for path in
      ("", "/x", "../x", "a/../b", "a//b", "a/", ".", "..", "a\\b", "C:x", "a\nb", "a\x1b", "./a")),
    *((WriteFile(path, b""), "own-file") for path in
      ("METADATA", "RECORD", "WHEEL", "RECORD.jws", "RECORD.p7s", "sboms/wheelfix.cdx.json")),
    *((RemoveFile(path), "own-file") for path in ("METADATA", "RECORD", "WHEEL", "sboms/wheelfix.cdx.json")),
    *((WriteFile(path, b""), "own-file") for path in ("metadata", "Record", "record.JWS")),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "code"), REFUSED, ids=lambda value: str(value)[:60])
def test_edits_that_are_not_possible(plan: Planner, edit: Edit, code: str) -> None:
    with pytest.raises(EditError) as caught:
        plan(HEAD, edits=(edit,))
    assert caught.value.code == code
    assert caught.value.hint.endswith(".")


@pytest.mark.parametrize(
    ("path", "hint"),
    [("WHEEL", "--build-tag"), ("METADATA", "SetField"), ("RECORD", "follow"), ("RECORD.jws", "void"),
     ("sboms/wheelfix.cdx.json", "--no-sbom")],
)  # fmt: skip
def test_for_a_file_of_its_own_the_hint_names_what_works(plan: Planner, path: str, hint: str) -> None:
    with pytest.raises(EditError) as caught:
        plan(HEAD, edits=(WriteFile(path, b""),))
    assert hint in caught.value.hint


def test_a_plan_for_another_wheel_is_refused(tmp_path: Path, plan: Planner) -> None:
    made = plan(HEAD, edits=(SetField("Summary", "s"),))
    with Wheel(write_wheel(tmp_path, WheelSpec(project="other"))) as other, pytest.raises(EditError) as caught:
        apply(other, made, tmp_path / "out.whl")
    assert caught.value.code == "foreign-plan"


FILES = {"licenses/L": b"old", "entry_points.txt": b"[x]"}
FILE_EDITS = [
    pytest.param([WriteFile("NOTICE", b"n")], {**FILES, "NOTICE": b"n"}, ["add-file"], id="add"),
    pytest.param([WriteFile("licenses/L", b"new")], {**FILES, "licenses/L": b"new"}, ["replace-file"], id="replace"),
    pytest.param([WriteFile("licenses/L", b"old")], FILES, [], id="same"),
    pytest.param([RemoveFile("licenses/L")], {"entry_points.txt": b"[x]"}, ["remove-file"], id="remove"),
    pytest.param([RemoveFile("licenses/L"), WriteFile("licenses/L", b"new")], {**FILES, "licenses/L": b"new"}, None,
                 id="remove-write"),
    pytest.param([WriteFile("licenses/L", b"new"), RemoveFile("licenses/L")], {"entry_points.txt": b"[x]"}, None,
                 id="write-remove"),
    pytest.param([RemoveFile("licenses/L"), WriteFile("licenses/L", b"old")], FILES, None, id="remove-write-the-same"),
    pytest.param([WriteFile("licenses/L", b"new"), WriteFile("licenses/L", b"old")], FILES, None, id="write-write-back"),
    pytest.param([WriteFile("NOTICE", b"n"), RemoveFile("NOTICE")], FILES, None, id="add-remove"),
]  # fmt: skip


@pytest.mark.parametrize(("edits", "expected", "actions"), FILE_EDITS)
def test_files_are_edited_in_order(
    tmp_path: Path, edits: list[Edit], expected: dict[str, bytes], actions: list[str] | None
) -> None:
    path = write_wheel(tmp_path, WheelSpec(dist_info_files=FILES))
    [outcome] = fix_wheels([path], None, output=Output(directory=tmp_path / "out", sbom=False), edits=edits).outcomes
    assert outcome.problem is None, outcome.problem
    assert outcome.output is not None
    with Wheel(outcome.output) as wheel:
        found = {name: wheel.read(name) for name in wheel.dist_info_files if name not in ("METADATA", "WHEEL", "RECORD")}
        listed = {name for name in [*FILES, "NOTICE"] if wheel.record.find(f"{INFO}/{name}")}
        assert all(wheel.record.agrees(f"{INFO}/{name}", content) for name, content in found.items())
    assert (found, listed) == (expected, set(expected))
    if actions is not None:
        assert [change.action for change in outcome.changes] == actions


def test_edits_come_after_rules_and_in_their_order(plan: Planner) -> None:
    data = HEAD + b"Requires-Dist: triton\n"
    edits = (AddField("Requires-Dist", "triton"), RemoveField("Requires-Dist", "triton"), AddField("Requires-Dist", "b"))
    made = plan(data, rules_for(("triton", "drop")), edits)
    assert made.new_metadata == HEAD + b"Requires-Dist: b\n"
    assert [change.action for change in made.changes] == ["drop", "add-field", "remove-field", "add-field"]


def test_signatures_go_when_the_wheel_changes(plan: Planner) -> None:
    """Pitfall 18: RECORD.jws and RECORD.p7s are void after a change; both go and it is said."""
    signed = {"RECORD.jws": b"{}", "RECORD.p7s": b"\x30"}
    data = HEAD + b"Requires-Dist: nvidia-nccl-cu12\n"
    made = plan(data, built_in("gpu"), dist_info_files=signed)
    assert made.removed == ("RECORD.jws", "RECORD.p7s")
    assert [change.field for change in made.changes if change.action == "remove-file"] == ["RECORD.jws", "RECORD.p7s"]
    assert plan(HEAD, built_in("gpu"), dist_info_files=signed).removed == ()


def test_metadata_json_is_noted(plan: Planner) -> None:
    """Pitfall 15: metadata.json repeats the requirements; it stays, and that is said."""
    data = HEAD + b"Requires-Dist: nvidia-nccl-cu12\n"
    made = plan(data, built_in("gpu"), dist_info_files={"metadata.json": b"{}"})
    assert any("metadata.json" in note for note in made.notes)
    assert "metadata.json" not in made.removed


def _row(data: bytes, **columns: str) -> bytes:
    size, digest = columns.get("size", str(len(data))), columns.get("digest", hash_column("sha256", sha256(data).digest()))
    return f"{columns.get('path', f'{INFO}/METADATA')},{digest},{size}\n".encode()


@pytest.mark.parametrize(
    "columns",
    [{"digest": "sha256=x"}, {"size": "1"}, {"digest": "", "size": "1"}, {"digest": "crc32=x"}, {"digest": "md5=x"},
     {"path": f"/{INFO}/METADATA", "digest": "sha256=x"}, {"path": f"{INFO}\\METADATA", "digest": "sha256=x"}],
    ids=str,
)  # fmt: skip
def test_metadata_that_record_contradicts_is_not_vouched_for(columns: dict[str, str], plan: Planner) -> None:
    """It may be damaged, and the new wheel would have a hash of it that is right."""
    data = HEAD + b"Requires-Dist: nvidia-nccl-cu12\n"
    made = plan(data, built_in("gpu"), record=_row(data, **columns))
    assert made.problem is not None
    assert made.problem.code == "damaged-metadata"
    assert "--trust-content" in made.problem.hint
    twice = plan(data, built_in("gpu"), record=_row(data) + _row(data, **columns))
    assert twice.problem == made.problem
    assert plan(HEAD, built_in("gpu"), record=_row(HEAD, **columns)).problem is None  # nothing is carried on


@pytest.mark.parametrize("form", ["hexadecimal", "padded", "upper case", "no hash", "no size", "md5"])
def test_metadata_with_a_row_in_another_form_is_corrected(form: str, plan: Planner) -> None:
    """Pitfall: gmsh 4.15.2 has hexadecimal sums, and they are right."""
    data = HEAD + b"Requires-Dist: nvidia-nccl-cu12\n"
    plain = hash_column("sha256", sha256(data).digest())
    columns = {
        "hexadecimal": {"digest": f"sha256={sha256(data).hexdigest()}"},
        "padded": {"digest": f"{plain}="},
        "upper case": {"digest": plain.replace("sha", "SHA")},
        "no hash": {"digest": ""},
        "no size": {"size": ""},
        "md5": {"digest": hash_column("md5", md5(data).digest())},
    }
    made = plan(data, built_in("gpu"), record=_row(data, **columns[form]))
    assert made.problem is None
    assert form == "md5" or any("not in the form" in note for note in made.notes)


def test_a_wheel_file_that_record_contradicts_is_not_vouched_for(plan: Planner) -> None:
    record = _row(HEAD) + f"{INFO}/WHEEL,sha256=x,1\n".encode()
    made = plan(HEAD, naming=Naming(build_tag="1", rename_unchanged=True), record=record)
    assert made.problem is not None
    assert made.problem.code == "damaged-wheel-file"
    assert plan(HEAD + b"Requires-Dist: nvidia-nccl-cu12\n", built_in("gpu"), record=b"").problem is None


def test_a_record_that_said_nothing_before_is_noted(plan: Planner) -> None:
    data = HEAD + b"Requires-Dist: nvidia-nccl-cu12\n"
    missing = plan(data, built_in("gpu"), style=RecordStyle(unlisted=frozenset({f"{INFO}/METADATA"})))
    assert any("no row for METADATA" in note for note in missing.notes)
    with pytest.raises(RecordError):
        plan(data, built_in("gpu"), record=b'"x,,\n')
    assert plan(HEAD, built_in("gpu"), record=b'"x,,\n').is_empty


@pytest.mark.parametrize("edit", [WriteFile("METADATA/x", b""), WriteFile("licenses", b"")], ids=lambda edit: str(edit.path))
def test_a_file_cannot_be_a_folder_too(tmp_path: Path, edit: WriteFile) -> None:
    """An installer could unpack only one of ``licenses`` and ``licenses/L``."""
    path = write_wheel(tmp_path, WheelSpec(dist_info_files=FILES))
    report = fix_wheels([path], None, output=tmp_path / "out", edits=[edit])
    assert report.outcomes[0].status is Status.REFUSED


VALUES = [
    ("Requires-Dist", "???"), ("Requires-Dist", ""), ("Requires-Python", "not a version"), ("Metadata-Version", "banana"),
    ("Summary", ""), ("Summary", "a\u2028Requires-Dist: evil"), ("Summary", "a\x85b"), ("Summary", "a\x1b[2J"),
    ("Summary", "a\nb"), ("Keywords", "a\x0cb"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), VALUES)
def test_new_values_are_sound(plan: Planner, name: str, value: str) -> None:
    """Lenient to read, exact to write: what some reader would split or refuse is not written."""
    edit: Edit = AddField(name, value) if name == "Requires-Dist" else SetField(name, value)
    with pytest.raises(EditError) as caught:
        plan(HEAD, edits=(edit,))
    assert caught.value.code == "invalid-field-value"


def test_a_description_does_not_stand_twice(plan: Planner) -> None:
    with pytest.raises(EditError) as caught:
        plan(HEAD + b"\nThe body.\n", edits=(SetField("Description", "d"),))
    assert caught.value.code == "body-holds-description"


DUPLICATES = [
    ("rename", "beta", ["alpha>=1", "beta>=1"], 1),
    ("set_specifier", ">=1", ["alpha>=2", "alpha>=1"], 1),
    ("replace", "beta>=1", ["alpha", "Beta >= 1"], 1),
    ("and_marker", "os_name == 'nt'", ["alpha", 'alpha; os_name == "nt"'], 1),
    ("rename", "beta", ["alpha>=1", "beta>=2"], 0),
    ("rename", "gamma", ["alpha", "beta>=1", "beta>=1"], 0),
    ("rename", "beta", ["alpha>=1", "beta>=1", "beta>=1"], 1),
    ("add", "beta>=1", ["alpha", "beta >=1"], 0),
]


@pytest.mark.parametrize(("action", "argument", "requires", "notes"), DUPLICATES)
def test_requirements_that_become_the_same_are_noted(
    plan: Planner, action: str, argument: str, requires: list[str], notes: int
) -> None:
    """Those that were the same before stay as they are, and are nobody's doing."""
    match = None if action == "add" else Match(name=("alpha",))
    rules = rule_set("t", (Rule(id="r", reason="x", match=match, action=Action(**{action: argument})),))  # type: ignore[arg-type]
    lines = "".join(f"Requires-Dist: {text}\n" for text in requires)
    made = plan(HEAD + lines.encode(), rules)
    assert sum("Duplicate requirement after these changes" in note for note in made.notes) == notes


class TestFilesThatRecordContradicts:
    """They are copied, and nobody looks at them again: the report says so."""

    def made(self, plan: Planner, file: str, edits: tuple[Edit, ...] = (SetField("Summary", "s"),)) -> str:
        rows = record_of(WheelSpec(metadata=HEAD, dist_info_files={"entry_points.txt": b"[x]\n"}))
        record = b"".join(row.split(b",")[0] + b",sha256=x,1\n" if f"/{file},".encode() in row else row for row in rows)
        made = plan(HEAD, edits=edits, record=record, dist_info_files={"entry_points.txt": b"[x]\n"})
        return " ".join(made.notes)

    @pytest.mark.parametrize("file", ["WHEEL", "entry_points.txt"])
    def test_are_noted(self, plan: Planner, file: str) -> None:
        """xgboost 2.1.4 for macOS has a wrong row for WHEEL."""
        assert f"RECORD contradicts {file} in dist-info" in self.made(plan, file)

    def test_metadata_is_noted_as_it_is_written(self, plan: Planner) -> None:
        """With a new name alone it is copied, and its row stays as it is."""
        row = _row(HEAD, digest="sha256=x")
        notes = plan(HEAD, edits=(), naming=Naming(build_tag="1", rename_unchanged=True), record=row).notes
        assert any("RECORD contradicts METADATA in dist-info" in note for note in notes)
        assert not any("not in the form" in note for note in notes)

    def test_but_not_those_that_are_right_or_written(self, plan: Planner) -> None:
        assert "contradicts" not in self.made(plan, "nothing")
        edits = (SetField("Summary", "s"), WriteFile("entry_points.txt", b"[y]\n"))
        assert "contradicts" not in self.made(plan, "entry_points.txt", edits)

    def test_rows_and_files_are_gone_through_once(self, plan: Planner) -> None:
        """Pitfall 42."""

        def work(count: int) -> int:
            files = {f"licenses/{number}": b"x" for number in range(count)}
            return count_calls(lambda: plan(HEAD, edits=(SetField("Summary", "s"),), dist_info_files=files))

        assert work(800) < 3 * work(400)
