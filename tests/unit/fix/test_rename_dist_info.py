"""``repair --rename-dist-info``: file name, directories and METADATA agree, where it is plain which of them is wrong."""

import zipfile
from pathlib import Path

import pytest
from msgspec.structs import replace

import wheelfix
from building import Entry, WheelSpec, write_wheel
from defects import DEFECTS, Defect
from running import wheelfix as run
from wheelfix import Outcome, Status
from wheelfix.codes import Fix
from wheelfix.verify.registry import CHECKS
from wheelfix.verify.run import check_wheel
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.identity import agreed
from wheelfix.wheel.wheel import Wheel

INIT = Entry("demo/__init__.py", b"ANSWER = 42\n")
OF_NAMES = {code for code, check in CHECKS.items() if check.fix is Fix.RENAMED}


def metadata(name: str = "demo", version: str = "1.0") -> bytes:
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: for tests\n"
    return f"{text}Description-Content-Type: text/plain\n\nbody\n".encode()


def spec(
    version: str = "1.0", dist_info: str = "", *, name: str = "demo", said: tuple[str, str] = ("demo", "1.0"), data: str = ""
) -> WheelSpec:
    files = (INIT, *([Entry(f"{data}/scripts/tool", b"#!python\n", mode=0o100755)] if data else []))
    return WheelSpec(name, version=version, dist_info=dist_info or None, metadata=metadata(*said), files=files)


def repaired(path: Path, output: Path, **options: object) -> Outcome:
    [outcome] = wheelfix.repair_wheels([path], rename_dist_info=True, output=output, **options).outcomes  # type: ignore[arg-type]
    return outcome


def tops(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[0] for name in archive.namelist()} - {"demo"}


def version_of(path: Path) -> str | None:
    with Wheel(path) as wheel:
        return wheel.document.first("Version")


PLAIN = {
    "StreamlitAuth under streamlit_auth (pypi/warehouse#17111)": (
        spec(name="streamlit-auth", dist_info="StreamlitAuth-1.0.dist-info", said=("streamlit-auth", "1.0")),
        "streamlit_auth-1.0", "1.0", {"streamlit_auth-1.0.dist-info"},
    ),
    "another case (pypi/warehouse#17111)": (
        spec(name="streamlitauth", dist_info="StreamlitAuth-1.0.dist-info", said=("StreamlitAuth", "1.0")),
        "streamlitauth-1.0", "1.0", {"streamlitauth-1.0.dist-info"},
    ),
    "another spelling of the version": (
        spec("2025.3.2", "demo-2025.03.2.dist-info", said=("demo", "2025.3.2")),
        "demo-2025.3.2", "2025.3.2", {"demo-2025.3.2.dist-info"},
    ),
    "no version (pypi/warehouse#14192)": (spec(dist_info="demo.dist-info"), "demo-1.0", "1.0", {"demo-1.0.dist-info"}),
    "a dist-info of another version": (spec(dist_info="demo-2.0.dist-info"), "demo-1.0", "1.0", {"demo-1.0.dist-info"}),
    "METADATA lacks the local version (sgl-project/sglang#14327)": (
        spec("2.0+cu126", said=("demo", "2.0")), "demo-2.0+cu126", "2.0+cu126", {"demo-2.0+cu126.dist-info"},
    ),
    "the file name lacks it (astral-sh/uv#2106)": (
        spec("2.0", "demo-2.0+cu126.dist-info", said=("demo", "2.0+cu126")),
        "demo-2.0+cu126", "2.0+cu126", {"demo-2.0+cu126.dist-info"},
    ),
    "dist-info lacks it": (
        spec("2.0+cu126", "demo-2.0.dist-info", said=("demo", "2.0+cu126")),
        "demo-2.0+cu126", "2.0+cu126", {"demo-2.0+cu126.dist-info"},
    ),
    "dist-info alone has it": (
        spec("2.0", "demo-2.0+cu126.dist-info", said=("demo", "2.0")), "demo-2.0", "2.0", {"demo-2.0.dist-info"},
    ),
    ".data follows dist-info": (
        spec(dist_info="Demo-1.0.dist-info", data="Demo-1.0.data"),
        "demo-1.0", "1.0", {"demo-1.0.dist-info", "demo-1.0.data"},
    ),
    ".data is named like the file": (
        spec(dist_info="Demo-1.0.dist-info", data="demo-1.0.data"),
        "demo-1.0", "1.0", {"demo-1.0.dist-info", "demo-1.0.data"},
    ),
    ".data alone is spelled differently": (
        spec(data="Demo-1.0.data"), "demo-1.0", "1.0", {"demo-1.0.dist-info", "demo-1.0.data"},
    ),
    ".data of another project": (
        spec(dist_info="Demo-1.0.dist-info", data="other-1.0.data"),
        "demo-1.0", "1.0", {"demo-1.0.dist-info", "other-1.0.data"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PLAIN)
def test_the_place_that_is_plainly_wrong_is_corrected(case: str, tmp_path: Path) -> None:
    given, stem, version, directories = PLAIN[case]
    path = write_wheel(tmp_path, given)
    before = check_wheel(path)
    wrong = {each.code for each in before.findings if each.code in OF_NAMES}
    assert wrong
    assert all(each.fixable for each in before.findings if each.code in OF_NAMES and "other" not in each.place)
    outcome = repaired(path, tmp_path / "out")
    assert outcome.status is Status.FIXED, outcome.problem
    assert outcome.output is not None
    assert outcome.output.name == f"{stem}-py3-none-any.whl"
    assert tops(outcome.output) == directories
    assert version_of(outcome.output) == version
    left = {each.code for each in check_wheel(outcome.output).findings}
    assert left == ({"data-name-differs", "data-unknown-scheme"} & left if "other-1.0.data" in directories else set())
    assert {each.reason for each in outcome.changes} <= OF_NAMES
    again = repaired(outcome.output, tmp_path / "again")
    assert again.status is Status.UNCHANGED, again.changes


@pytest.mark.parametrize("case", PLAIN)
def test_it_is_never_done_unasked(case: str, tmp_path: Path) -> None:
    """Pitfall 22."""
    path = write_wheel(tmp_path, PLAIN[case][0])
    [outcome] = wheelfix.repair_wheels([path], output=tmp_path / "out").outcomes
    assert outcome.status is Status.UNCHANGED
    assert any("use `repair --rename-dist-info`" in note for note in outcome.notes)


UNCLEAR = {
    "METADATA of another project": spec(said=("other", "1.0")),
    "METADATA of another version": spec(said=("demo", "2.0")),
    "three versions": spec("1.0", "demo-2.0.dist-info", said=("demo", "3.0")),
    "the file name alone has the local version": spec("1.0+cu126", "demo-1.0.dist-info"),
    "two local versions": spec("1.0+cpu", "demo-1.0+cu126.dist-info", said=("demo", "1.0+cu126")),
    "the file name alone names the project": spec(name="other", dist_info="demo-1.0.dist-info"),
    "no Name, and another directory": WheelSpec(
        metadata=b"Metadata-Version: 2.1\nVersion: 1.0\n", dist_info="other-1.0.dist-info", files=(INIT,)
    ),
    "no Version, and another directory": WheelSpec(
        metadata=b"Metadata-Version: 2.1\nName: demo\n", dist_info="demo-2.0.dist-info", files=(INIT,)
    ),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_where_it_is_not_plain_nothing_is_renamed_and_a_note_says_what_is(case: str, tmp_path: Path) -> None:
    path = write_wheel(tmp_path, UNCLEAR[case])
    findings = [each for each in check_wheel(path).findings if each.code in OF_NAMES]
    assert not any(each.fixable for each in findings)
    outcome = repaired(path, tmp_path / "out")
    assert outcome.output is None or outcome.output.name == path.name
    assert not [each for each in outcome.changes if each.action in ("rename-wheel", "rename-directory")]
    helps = [note for note in outcome.notes if "wheelfix edit --name NAME --version VERSION" in note]
    assert len(helps) == bool(findings) or case == "METADATA of another project", outcome.notes


def test_the_note_on_names_is_printed_once_and_says_what_is_done(tmp_path: Path) -> None:
    """File name against the other two: these agree, and it is not corrected all the same. Also without the option."""
    path = write_wheel(tmp_path, spec("14", "demo-13.dist-info", said=("demo", "13")))
    plain = wheelfix.repair_wheels([path], output=tmp_path / "plain").outcomes[0].notes
    for notes in (repaired(path, tmp_path / "out").notes, plain):
        assert [note.startswith("Names are not corrected") for note in notes].count(True) == 1, notes
        assert {"filename-version-differs", "dist-info-name-differs"} <= {
            note.split(": ")[1] for note in notes if ": " in note
        }


def test_a_data_directory_of_another_project_is_no_question_of_names(tmp_path: Path) -> None:
    outcome = repaired(write_wheel(tmp_path, spec(data="other-1.0.data")), tmp_path / "out")
    assert any("data-name-differs" in note for note in outcome.notes)
    assert not any("wheelfix edit --name" in note for note in outcome.notes)


def test_two_data_directories_of_one_name_are_refused(tmp_path: Path) -> None:
    files = (INIT, Entry("Demo-1.0.data/scripts/a", b""), Entry("demo-1.0.data/scripts/b", b""))
    given = WheelSpec(dist_info="Demo-1.0.dist-info", metadata=metadata(), files=files)
    outcome = repaired(write_wheel(tmp_path, given), tmp_path / "out")
    assert outcome.problem is not None
    assert outcome.problem.code == "same-directory-name"


def test_in_place_a_directory_is_renamed_and_a_file_is_not(tmp_path: Path) -> None:
    in_place = wheelfix.Output(in_place=True)
    path = write_wheel(tmp_path, spec(dist_info="demo.dist-info"))
    [outcome] = wheelfix.repair_wheels([path], rename_dist_info=True, output=in_place).outcomes
    assert (outcome.status, tops(path)) == (Status.FIXED, {"demo-1.0.dist-info"})
    other = write_wheel(tmp_path, PLAIN["the file name lacks it (astral-sh/uv#2106)"][0])
    before = other.read_bytes()
    [outcome] = wheelfix.repair_wheels([other], rename_dist_info=True, output=in_place).outcomes
    assert outcome.problem is not None
    assert outcome.problem.code == "other-name"
    assert other.read_bytes() == before


def test_metadata_that_record_contradicts_gets_no_version(tmp_path: Path) -> None:
    """A new row would vouch for what may be damaged."""
    row = b"demo-2.0+cu126.dist-info/METADATA,sha256=AAAA,1\n"
    given = replace(spec("2.0+cu126", said=("demo", "2.0")), record=row)
    path = write_wheel(tmp_path, given)
    outcome = repaired(path, tmp_path / "out")
    assert not [each for each in outcome.changes if each.field == "Version"]
    assert any("METADATA may be damaged" in note for note in outcome.notes)


def test_another_wheel_with_the_new_name_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    one = write_wheel(tmp_path / "in", PLAIN["the file name lacks it (astral-sh/uv#2106)"][0])
    other = write_wheel(tmp_path / "in", spec("2.0+cu126", said=("demo", "2.0+cu126")))
    for order in ([one, other], [other, one]):
        report = wheelfix.repair_wheels(order, rename_dist_info=True, output=tmp_path / "out")
        refused = {each.source.name: each.problem.code for each in report.outcomes if each.problem}
        assert refused == {one.name: "same-output-name"}


def test_only_what_is_selected_is_corrected(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, spec(dist_info="Demo-1.0.dist-info"))
    outcome = repaired(path, tmp_path / "out", selection=wheelfix.Selection(["record"]))
    assert outcome.status is Status.UNCHANGED
    outcome = repaired(path, tmp_path / "out2", selection=wheelfix.Selection(["dist-info"]))
    assert outcome.status is Status.FIXED


def test_on_the_command_line(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, spec(dist_info="Demo-1.0.dist-info"))
    ran = run("verify", path)
    assert "1 fixable with --rename-dist-info" in ran.out
    ran = run("repair", "-o", tmp_path / "out", path)
    assert ran.code == 1
    ran = run("repair", "--rename-dist-info", "-o", tmp_path / "out2", path)
    assert (ran.code, ran.lines) == (0, [str(tmp_path / "out2" / path.name)])


@pytest.mark.parametrize("defect", [each for each in DEFECTS if each.code in OF_NAMES], ids=lambda each: each.name)
def test_samples_of_verify_are_clean_afterwards_if_they_can_be(defect: Defect, tmp_path: Path) -> None:
    path = defect.write(tmp_path)[0]
    fixable = any(each.fixable for each in check_wheel(path).findings if each.code in OF_NAMES)
    outcome = repaired(path, tmp_path / "out", policy=wheelfix.Policy(allow_mixed=True))
    codes = {each.code for each in check_wheel(outcome.output).findings} if outcome.output else set()
    assert fixable is (outcome.status is Status.FIXED and defect.code not in codes)


def test_every_code_of_names_has_a_sample_that_can_be_corrected(tmp_path: Path) -> None:
    found = set()
    for number, (given, *_) in enumerate(PLAIN.values()):
        (tmp_path / str(number)).mkdir()
        found |= {each.code for each in check_wheel(write_wheel(tmp_path / str(number), given)).findings if each.fixable}
    assert found >= OF_NAMES


def test_a_wheel_whose_names_agree_keeps_them() -> None:
    name = WheelFilename.parse("Zope.Demo-1.0-py3-none-any.whl")
    found = agreed(name, "zope.demo-1.0.dist-info", "zope-demo", "1.0.0")
    assert found is not None
    assert (str(found.filename), found.version, found.stem) == (str(name), None, "Zope.Demo-1.0")


def test_the_provenance_keeps_the_old_file_name(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, PLAIN["the file name lacks it (astral-sh/uv#2106)"][0])
    outcome = repaired(path, tmp_path / "out")
    assert outcome.output is not None
    with Wheel(outcome.output) as wheel:
        assert wheel.provenance is not None
        assert [each.filename for each in wheel.provenance.ancestors] == [path.name]
        assert [each.action for each in wheel.provenance.changes] == ["rename-wheel"]
