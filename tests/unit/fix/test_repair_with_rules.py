"""Rules and repair in one pass, what is left of a wheel afterwards, and two corrections of one original."""

import json
import zipfile
from collections.abc import Iterable
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

import wheelfix
from building import Entry, RecordStyle, WheelSpec, archive_of, changed, to_bytes, write_wheel
from defects import DEFECTS, Defect, metadata, record_of, valid
from fixing import values
from running import wheelfix as run
from wheelfix import Outcome, SetField, Status, WriteFile
from wheelfix.wheel.sbom import PROVENANCE, Provenance, read_provenance
from wheelfix.wheel.zip.source import Source

INFO = "demo-1.0.dist-info"
BOTH = valid(
    metadata=metadata("Requires-Dist: nvidia-nccl-cu12", "Requires-Dist: six>=1.*", 'Requires-Dist: attrs; extra == "x"'),
    style=RecordStyle(unlisted=frozenset({"demo/version.py"}), own_row="missing"),
    dist_info_files={"metadata.json": b"{}"},
)


def _fix(path: Path, **options: object) -> Outcome:
    given = {"output_dir": path.parent / "out", "allow_unproven": True, "repair": True, **options}
    return wheelfix.fix_wheels([path], **values(**given)).outcomes[0]


def _faults(path: Path) -> tuple[wheelfix.Finding, ...]:
    return wheelfix.verify_wheels(path).wheels[0].findings


def _provenance(path: Path) -> Provenance:
    with wheelfix.Wheel(path) as wheel:
        provenance = read_provenance(wheel.read(PROVENANCE))
    assert provenance is not None
    return provenance


class TestOnePass:
    def test_does_both_with_one_provenance(self, tmp_path: Path) -> None:
        path = write_wheel(tmp_path, BOTH)
        outcome = _fix(path)
        assert outcome.output is not None, outcome.problem
        assert outcome.findings == _faults(outcome.output) == ()
        with wheelfix.Wheel(outcome.output) as wheel:
            needs = [each.value for each in wheel.document.all("Requires-Dist")]
        assert needs == ["requests>=2", "six>=1", 'attrs; extra == "x"']
        assert {each.action for each in outcome.changes} == {
            "drop", "set-field", "add-field", "add-row", "remove-file",
        }  # fmt: skip
        provenance = _provenance(outcome.output)
        assert provenance.changes == outcome.changes
        assert [each.filename for each in provenance.ancestors] == [path.name]

    def test_is_what_two_passes_give(self, tmp_path: Path) -> None:
        path = write_wheel(tmp_path, BOTH)
        first = wheelfix.repair_wheels(path, output=wheelfix.Output(directory=tmp_path / "1", sbom=False)).outcomes[0]
        assert first.output is not None
        second = wheelfix.fix_wheels(
            [first.output],
            output=wheelfix.Output(directory=tmp_path / "2", sbom=False),
            policy=wheelfix.Policy(allow_unproven=True),
        ).outcomes[0]
        once = _fix(path, sbom=False)
        assert once.output is not None
        assert second.output is not None
        assert _contents(once.output) == _contents(second.output)

    def test_rules_see_what_the_repair_reveals(self, tmp_path: Path) -> None:
        path = write_wheel(tmp_path, valid(metadata=metadata("Keywords: x\rRequires-Dist: nvidia-nccl-cu12")))
        assert _fix(path, repair=False).status is Status.REFUSED
        outcome = _fix(path)
        assert outcome.output is not None, outcome.problem
        with wheelfix.Wheel(outcome.output) as wheel:
            assert [each.value for each in wheel.document.all("Requires-Dist")] == ["requests>=2"]

    def test_nothing_is_trusted_by_it(self, tmp_path: Path) -> None:
        archive = changed(archive_of(BOTH), "METADATA", content=metadata("Requires-Dist: nvidia-nccl-cu12"))
        outcome = _fix(write_wheel(tmp_path, archive=to_bytes(archive)))
        assert outcome.problem is not None
        assert outcome.problem.code == "damaged-metadata"

    @pytest.mark.parametrize(
        ("file", "options"),
        [
            (Entry("demo/version.py", b"cuda = '12.6'\n"), {"skip_gpu_builds": True}),
            (Entry("demo/version.py", b"cuda = '12.6'\n"), {"skip_gpu_builds": True, "local": "cpu"}),
            (Entry("demo/version.py", b""), {"skip_unproven": True}),
        ],
    )
    def test_what_is_skipped_is_repaired_and_says_so(self, file: Entry, options: dict[str, Any], tmp_path: Path) -> None:
        spec = valid(metadata=BOTH.metadata, style=RecordStyle(own_row="missing"), files=(*valid().files[:1], file))
        outcome = _fix(write_wheel(tmp_path, spec), allow_unproven=False, **options)
        assert outcome.status is Status.FIXED
        assert not any(each.action == "drop" for each in outcome.changes)
        [note] = [each for each in outcome.notes if each.startswith(("Only repaired: ", "Left as it is"))]
        assert note.startswith("Only repaired: ")
        again = wheelfix.fix_wheels(
            [outcome.output or ""], repair=True, **values(output_dir=tmp_path / "again", **options)
        ).outcomes[0]
        assert again.status is Status.UNCHANGED
        assert any(each.startswith("Left as it is: ") for each in again.notes)

    def test_what_a_rule_refuses_is_not_repaired_either(self, tmp_path: Path) -> None:
        path = write_wheel(
            tmp_path, valid(metadata=BOTH.metadata, style=RecordStyle(own_row="missing"), files=valid().files[:1])
        )
        outcome = _fix(path, allow_unproven=False)
        assert outcome.status is Status.REFUSED
        assert outcome.findings == _faults(path)

    def test_a_row_of_record_for_itself_is_fixed_by_the_way(self, tmp_path: Path) -> None:
        rows = record_of(BOTH)
        path = write_wheel(
            tmp_path, valid(metadata=BOTH.metadata, record=b"".join([*rows, INFO.encode() + b"/RECORD,x=y,5\n"]))
        )
        assert _fix(path, repair=False).status is Status.REFUSED
        assert _fix(path).status is Status.FIXED

    def test_an_edit_may_write_what_the_repair_removes(self, tmp_path: Path) -> None:
        outcome = _fix(write_wheel(tmp_path, BOTH), edits=[WriteFile("metadata.json", b"[]")])
        assert outcome.output is not None, outcome.problem
        assert _contents(outcome.output)[f"{INFO}/metadata.json"] == b"[]"
        assert [each.action for each in outcome.changes if each.field == "metadata.json"] == ["replace-file"]

    def test_signatures_are_removed_once(self, tmp_path: Path) -> None:
        spec = valid(metadata=BOTH.metadata, dist_info_files={"RECORD.p7s": b"x"})
        outcome = _fix(write_wheel(tmp_path, spec))
        assert outcome.output is not None, outcome.problem
        assert [each.field for each in outcome.changes].count("RECORD.p7s") == 1

    def test_a_new_name_goes_with_it(self, tmp_path: Path) -> None:
        data = Entry("demo-1.0.data/scripts/tool", b"#!python\n")
        spec = valid(metadata=BOTH.metadata, style=BOTH.style, files=(*valid().files, data))
        outcome = _fix(write_wheel(tmp_path, spec), local="own", build_tag="1own")
        assert outcome.output is not None, outcome.problem
        assert outcome.output.name == "demo-1.0+own-1own-py3-none-any.whl"
        assert outcome.findings == _faults(outcome.output)

    def test_edits_alone_and_repair(self, tmp_path: Path) -> None:
        [outcome] = wheelfix.fix_wheels(
            [write_wheel(tmp_path, BOTH)], None, output=tmp_path / "out", edits=[SetField("Summary", "new")], repair=True
        ).outcomes
        assert outcome.output is not None, outcome.problem
        assert outcome.findings == _faults(outcome.output) == ()

    def test_on_the_command_line(self, tmp_path: Path) -> None:
        path = write_wheel(tmp_path, BOTH)
        options = ("strip-gpu", "--repair", "--allow-unproven", "-o", tmp_path / "out")
        assert run(*options, "--check", path).code == 1
        diff = run(*options, "--diff", path).out
        assert "-Requires-Dist: nvidia-nccl-cu12\n" in diff
        assert "+demo/version.py," in diff
        ran = run(*options, "--format", "json", path)
        assert (ran.code, ran.report["wheels"][0]["findings"]) == (0, [])
        assert run("fix", "--repair", "--rules", "gpu", "--allow-unproven", "-o", tmp_path / "out", path).code == 0

    def test_an_error_that_is_left_is_1(self, tmp_path: Path) -> None:
        path = write_wheel(tmp_path, valid(metadata=metadata("Requires-Dist: nvidia-nccl-cu12", "Requires-Dist: !")))
        ran = run("strip-gpu", "--repair", "--allow-unproven", "-o", tmp_path / "out", path)
        assert ran.code == 1
        assert "not fixed: metadata-bad-requirement" in ran.err


def _contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def with_marks(cases: Iterable[tuple[Any, ...]], *marks: pytest.MarkDecorator) -> list[object]:
    """Return parameters of a test that begin with a defect, and are named after it."""
    return [
        pytest.param(*each, id="-".join([each[0].code, each[0].name, *map(str, each[1:])]), marks=marks) for each in cases
    ]


class TestWhatIsLeft:
    """The findings of a report are those of the result, not of the wheel as it came."""

    @pytest.mark.parametrize(
        ("defect", "trust"),
        [
            *with_marks(zip(DEFECTS, cycle((False, True)), strict=False)),
            *with_marks(zip(DEFECTS, cycle((True, False)), strict=False), pytest.mark.slow, pytest.mark.parts),
        ],
    )
    def test_is_what_verify_finds(self, defect: Defect, trust: bool, tmp_path: Path) -> None:
        if defect.missing:
            return
        path = defect.write(tmp_path)[0]
        options = {"trust_content": trust, "output_dir": tmp_path / "out", "select": ()}
        foreseen = wheelfix.repair_wheels(path, **values(dry_run=True, **options)).outcomes[0]
        outcome = wheelfix.repair_wheels(path, **values(**options)).outcomes[0]
        assert foreseen.findings == outcome.findings
        assert foreseen.notes == outcome.notes[: len(foreseen.notes)]
        if outcome.output is not None:
            assert outcome.findings == _faults(outcome.output)

    @pytest.mark.parametrize(
        "defect",
        [
            *with_marks((each,) for each in DEFECTS[::3]),
            *with_marks(((each,) for each in (*DEFECTS[1::3], *DEFECTS[2::3])), pytest.mark.slow, pytest.mark.parts),
        ],
    )
    def test_is_what_verify_finds_where_more_than_the_finding_changes(self, defect: Defect, tmp_path: Path) -> None:
        """An archive that every tool reads can have findings, too."""
        if defect.missing:
            return
        path, edits = defect.write(tmp_path)[0], [wheelfix.SetField("Summary", "new")]
        outcome = wheelfix.fix_wheels([path], None, output=tmp_path / "out", edits=edits, repair=True).outcomes[0]
        foreseen = wheelfix.fix_wheels(
            [path], None, output=wheelfix.Output(dry_run=True), edits=edits, repair=True
        ).outcomes[0]
        assert foreseen.findings == outcome.findings
        if outcome.output is not None:
            assert outcome.findings == _faults(outcome.output)

    def test_what_is_cured_by_the_way_is_not_listed(self, tmp_path: Path) -> None:
        """A row that METADATA contradicted is right after METADATA was fixed, and the other way round."""
        rows = record_of(BOTH)
        archive = archive_of(valid(metadata=metadata("Requires-Dist: six>=1.*"), record=b"".join(rows)))
        path = write_wheel(tmp_path, archive=to_bytes(archive))
        outcome = wheelfix.repair_wheels(path, output=tmp_path / "out", trust_content=True).outcomes[0]
        assert outcome.output is not None, outcome.problem
        assert outcome.findings == _faults(outcome.output)

    def test_in_text_and_json(self, tmp_path: Path) -> None:
        path = write_wheel(tmp_path, valid(metadata=metadata("Requires-Dist: six>=1.*", "Requires-Dist: !")))
        ran = run("repair", "--format", "json", "-o", tmp_path / "out", path)
        [wheel] = ran.report["wheels"]
        audit = json.loads(run("verify", "--format", "json", wheel["output"]).out)
        assert wheel["findings"] == audit["wheels"][0]["findings"]
        assert [line for line in ran.err.splitlines() if "not fixed" in line] == [
            f"  note: {note}" for note in wheel["notes"] if "not fixed" in note
        ]

    def test_contents_that_stay_are_read_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        big = Entry("demo/big.bin", bytes(1 << 22), method=0)
        path = write_wheel(tmp_path, valid(metadata=metadata("Requires-Dist: six>=1.*"), files=(*valid().files, big)))
        read = list[int]()
        real = Source.read_at

        def counting(source: Source, offset: int, size: int) -> bytes:
            read.append(size)
            return real(source, offset, size)

        monkeypatch.setattr(Source, "read_at", counting)
        assert (
            wheelfix.repair_wheels(path, output=wheelfix.Output(dry_run=True, directory=tmp_path / "out")).outcomes[0].status
            is Status.FIXED
        )
        assert sum(read) < 1.5 * (1 << 22)


class TestTwoCorrectionsOfOneOriginal:
    """Pitfall 47: the second must know of the first."""

    @pytest.mark.parametrize("spec", [BOTH, WheelSpec(requires=("nvidia-nccl-cu12",), style=RecordStyle(own_row="missing"))])
    def test_the_hint_names_the_ways(self, spec: WheelSpec, tmp_path: Path) -> None:
        path, out = write_wheel(tmp_path, spec), tmp_path / "out"
        assert run("strip-gpu", "--allow-unproven", "-o", out, path).code == 0
        before = (out / path.name).read_bytes()
        ran = run("repair", "-o", out, path)
        assert ran.code == 3
        assert "an earlier fix of the same wheel, with " in ran.err
        for words in ("--repair", "--in-place", "--overwrite alone loses its"):
            assert words in ran.err
        assert (out / path.name).read_bytes() == before

    def test_also_where_the_second_would_change_nothing(self, tmp_path: Path) -> None:
        path, out = write_wheel(tmp_path, valid(metadata=metadata("Requires-Dist: nvidia-nccl-cu12"))), tmp_path / "out"
        assert run("strip-gpu", "--allow-unproven", "-o", out, path).code == 0
        assert "an earlier fix of the same wheel, with 1 change" in run("repair", "-o", out, path).err

    def test_overwriting_says_what_is_lost(self, tmp_path: Path) -> None:
        path, out = write_wheel(tmp_path, BOTH), tmp_path / "out"
        assert run("strip-gpu", "--allow-unproven", "-o", out, path).code == 0
        ran = run("repair", "--overwrite", "-o", out, path)
        assert "An earlier fix of the same wheel was replaced; the new file is without its 1 change" in ran.err

    def test_another_original_of_the_name_is_one_too(self, tmp_path: Path) -> None:
        path, out = write_wheel(tmp_path, BOTH), tmp_path / "out"
        assert run("strip-gpu", "--allow-unproven", "-o", out, path).code == 0
        write_wheel(tmp_path, valid(metadata=metadata("Requires-Dist: six>=1.*")))
        assert "an earlier fix of the same wheel" in run("repair", "-o", out, path).err

    @pytest.mark.parametrize("content", [b"", b"no wheel", to_bytes(archive_of(valid(dist_info_files={PROVENANCE: b"{}"})))])
    def test_any_other_file_is_just_there(self, content: bytes, tmp_path: Path) -> None:
        path, out = write_wheel(tmp_path, BOTH), tmp_path / "out"
        out.mkdir()
        (out / path.name).write_bytes(content)
        ran = run("repair", "-o", out, path)
        assert "exists and differs" in ran.err
        assert "Another file of this name was there" in run("repair", "--overwrite", "-o", out, path).err

    def test_a_correction_is_corrected_itself(self, tmp_path: Path) -> None:
        """The second way of the hint: both are in the provenance then."""
        path, out = write_wheel(tmp_path, BOTH), tmp_path / "out"
        assert run("strip-gpu", "--allow-unproven", "-o", out, path).code == 0
        assert run("repair", "--in-place", out / path.name).code == 0
        assert {"drop", "add-row"} <= {each.action for each in _provenance(out / path.name).changes}
