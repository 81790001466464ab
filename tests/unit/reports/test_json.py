"""The JSON report fits its published schema, whatever a wheel holds."""

import json
from pathlib import Path

import jsonschema
import pytest

from building import Entry, WheelSpec, write_wheel
from running import validator
from wheelfix.fix.batch import fix_wheels
from wheelfix.options import Output, Policy
from wheelfix.reports.json import render_json
from wheelfix.results import Change, ChangeAction, Outcome, Problem, Report, Status
from wheelfix.wheel.edits import AddField, Edit, RemoveField, SetField, WriteFile

EDITS: dict[str, tuple[Edit, ...]] = {
    "none": (),
    "field": (SetField("Summary", "new"), AddField("Classifier", "c"), RemoveField("Requires-Dist")),
    "file": (WriteFile("NOTICE", b"n"),),
    "nothing": (SetField("Summary", "A wheel for tests"),),
    "to-and-fro": (AddField("Classifier", "c"), RemoveField("Classifier", "c")),
}


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("edits", EDITS)
def test_real_reports_fit_the_schema(tmp_path: Path, edits: str, dry_run: bool) -> None:
    """Pitfall 35: what ends unchanged lists no changes."""
    signed = {"RECORD.jws": b"{}", "metadata.json": b"{}"}
    paths = [
        write_wheel(tmp_path, WheelSpec(dist_info_files=signed)),
        write_wheel(tmp_path, WheelSpec(project="plain", requires=("mkl", "triton; extra == 'x'"))),
        tmp_path / "missing-1.0-py3-none-any.whl",
        tmp_path / "no-name.whl",
    ]
    rules = None if edits == "to-and-fro" else "gpu"
    report = fix_wheels(paths, rules, output=Output(directory=tmp_path / "out", dry_run=dry_run), edits=EDITS[edits])
    document = json.loads(render_json(report))
    validator().validate(document)
    assert [wheel["source"] for wheel in document["wheels"]] == [str(path) for path in paths]
    assert sum(document["summary"].values()) == len(paths)
    assert (document["version"], document["command"]) == (1, "fix")


def test_every_key_is_there_in_order() -> None:
    document = json.loads(render_json(Report("fix", (Outcome(Path("a.whl"), Status.UNCHANGED),))))
    assert list(document) == [
        "version", "command", "wheels", "rules", "rule_findings", "disagreements", "known_files", "summary",
    ]  # fmt: skip
    assert list(document["wheels"][0]) == [
        "source", "url", "output", "status", "project", "version", "changes", "kept", "notes", "sha256", "shared", "problem",
        "findings",
    ]  # fmt: skip


def test_text_that_is_no_unicode_is_still_json() -> None:
    """Pitfall 3: Latin-1 in METADATA or a file name gives text that every JSON reader takes."""
    odd = "J\udce9\x1b"
    change = Change("Author", "set-field", odd, odd, "r", None, odd)
    outcome = Outcome(Path(odd), Status.FIXED, Path(odd), odd, odd, (change,), (change,), (odd,))
    bad = Outcome(Path(odd), Status.REFUSED, problem=Problem("x", odd, odd))
    text = render_json(Report("fix", (outcome, bad)))
    assert text.isascii()
    assert text.endswith("}\n")
    json.loads(text)["wheels"][0]["changes"][0]["before"].encode("utf-8")
    json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8")


FINE = json.loads(render_json(Report("fix", (Outcome(Path("a"), Status.UNCHANGED, project="a", version="1"),))))
SPOILT = [
    {"version": 2}, {"extra": 1}, {"command": ""}, {"wheels": None},
    {"wheels": [{**FINE["wheels"][0], "colour": "red"}]},
    {"wheels": [{**FINE["wheels"][0], "status": "odd"}]},
    {"wheels": [{**FINE["wheels"][0], "status": "failed"}]},
    {"wheels": [{**FINE["wheels"][0], "sha256": {"source": "x", "output": None}}]},
    {"wheels": [{key: value for key, value in FINE["wheels"][0].items() if key != "notes"}]},
]  # fmt: skip


@pytest.mark.parametrize("changes", SPOILT, ids="-".join)
def test_the_schema_is_strict(changes: dict[str, object]) -> None:
    validator().validate(FINE)
    with pytest.raises(jsonschema.ValidationError):
        validator().validate({**FINE, **changes})


def test_the_schema_knows_every_status() -> None:
    statuses = validator().schema["$defs"]["wheel"]["properties"]["status"]["enum"]
    assert statuses == [status.value for status in Status]


def test_the_schema_knows_every_action() -> None:
    actions = validator().schema["$defs"]["change"]["properties"]["action"]["enum"]
    assert actions == [action.value for action in ChangeAction]


def test_a_wheel_that_is_left_by_edits_fits_the_schema(tmp_path: Path) -> None:
    """No rule kept the requirement: the evidence did."""
    path = write_wheel(
        tmp_path, WheelSpec(requires=("nvidia-nccl-cu12",), files=(Entry("demo/version.py", b"cuda = '12'\n"),))
    )
    report = fix_wheels(
        [path], None, edits=[RemoveField("Requires-Dist")], output=tmp_path / "out", policy=Policy(skip_gpu_builds=True)
    )
    [wheel] = json.loads(render_json(report))["wheels"]
    assert [(each["rule"], each["action"], each["verdict"]) for each in wheel["kept"]] == [(None, "keep", "unsafe")]
    validator().validate(json.loads(render_json(report)))
