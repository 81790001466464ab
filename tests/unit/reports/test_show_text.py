"""Descriptions of wheels: text for people, JSON for scripts."""

import json
from pathlib import Path

import pytest

from building import Entry, WheelSpec, write_wheel
from wheelfix.fix.batch import fix_wheels
from wheelfix.fix.describe import Description, describe
from wheelfix.reports.show import render_descriptions_json, render_head, render_rows, render_tail
from wheelfix.results import Change, Problem
from wheelfix.rules.load import built_in
from wheelfix.wheel.sbom import PROVENANCE, Ancestor, Provenance, write_provenance

REQUIRES = ("numpy>=1", "triton==3", "mkl", "nvidia-nccl-cu12; extra == 'gpu'", "sphinx; extra == 'docs'", "x (==", "???")


def described(folder: Path, **knobs: object) -> Description:
    return describe(write_wheel(folder, WheelSpec(**{"project": "torch", **knobs})), built_in("gpu"))  # type: ignore[arg-type]


def whole_text(description: Description, *, verbose: bool = False) -> str:
    rows = render_rows(description, verbose=verbose)
    table = "".join(f"  {row.mark} {row.requirement} [{row.verdict}] {row.why}\n" for row in rows)
    return render_head(description) + table + render_tail(description, verbose=verbose)


def test_the_text_shows_each_requirement_and_its_fate(tmp_path: Path) -> None:
    """Pitfall 10: what is behind an extra is shown as kept, with the reason. Pitfall 11: findings are reported."""
    description = described(tmp_path, requires=REQUIRES)
    text = whole_text(description)
    lines = text.splitlines()
    assert lines[0] == "torch-1.0-py3-none-any.whl"
    assert "torch 1.0" in lines[1]
    assert "Metadata-Version 2.1" in lines[1]
    assert lines[2] == "  build: for the CPU: demo/version.py sets cuda = None"
    assert [row.mark for row in render_rows(description)] == [" ", "-", "=", "=", " ", " "]
    assert "triton==3 [safe] demo/version.py sets cuda = None" in text
    assert "gpu/never-cpu-math" in text
    assert "malformed" in text
    assert "sphinx" not in text
    assert "1 optional requirement hidden (use -v)" in text
    assert text.endswith("strip-gpu would drop 1 of these: all are safe to drop.\n")
    assert "sphinx" in whole_text(description, verbose=True)


def test_a_wheel_that_would_be_refused(tmp_path: Path) -> None:
    """Promise 6: what the wheel needs is marked, with the reason, and so is what there is no evidence of."""
    needs = described(tmp_path, requires=("triton",), files=(Entry("torch/version.py", b"cuda = '12.6'\n"),))
    assert [(row.mark, row.verdict) for row in render_rows(needs)] == [("!", "unsafe")]
    assert "would refuse it: it needs triton: torch/version.py sets cuda = '12.6'." in render_tail(needs)
    assert "build: for CUDA: torch/version.py sets cuda = '12.6'" in render_head(needs)
    unknown = described(tmp_path, requires=("triton",), files=())
    assert [(row.mark, row.verdict) for row in render_rows(unknown)] == [("?", "unproven")]
    assert "no evidence that triton is unused" in render_tail(unknown)
    assert "build: unknown" in render_head(unknown)


def test_what_does_not_fit_together_is_told(tmp_path: Path) -> None:
    metadata = b"Metadata-Version: 2.1\nName: other\nVersion: 2.0\n"
    wheel = b"Wheel-Version: 1.0\nBuild: 7\nTag: py2-none-any\n"
    record = b"x.py,,\n"
    text = render_tail(
        described(tmp_path, metadata=metadata, wheel=wheel, record=record, dist_info_files={"metadata.json": b""})
    )
    for words in (
        "Name other",
        "Version 2.0",
        "tags in WHEEL",
        "Build 7",
        "METADATA: RECORD has no row for it",
        "metadata.json",
    ):
        assert f"{words}" in text
    assert "finding" not in render_tail(described(tmp_path))
    wrong = render_tail(described(tmp_path, record=b"torch-1.0.dist-info/METADATA,sha256=x,1\n"))
    assert "dist-info/METADATA: its sha256 is" in wrong


def test_a_wheel_without_anything_to_drop(tmp_path: Path) -> None:
    text = whole_text(described(tmp_path, requires=()))
    assert text.endswith("strip-gpu would change nothing.\n")


def test_the_trace_of_a_fix_is_shown(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, WheelSpec())
    [outcome] = fix_wheels([path], output=tmp_path / "out").outcomes
    assert outcome.output is not None
    description = describe(outcome.output, built_in("gpu"))
    text = whole_text(description, verbose=True)
    assert f"from {path.name}, sha256 {outcome.source_sha256}" in text
    assert "- Requires-Dist: nvidia-cudnn-cu12==9.5.1.17" in text
    assert description.provenance is not None


EVIL = "\x1b[2J\u202e"


@pytest.mark.parametrize("verbose", [True, False])
def test_control_characters_are_escaped(tmp_path: Path, verbose: bool) -> None:
    """Pitfall 29: METADATA and a provenance cannot drive the terminal."""
    metadata = f"Metadata-Version: 2.1{EVIL}\nName: torch\nVersion: 1{EVIL}\nRequires-Python: {EVIL}\n"
    metadata += f"Requires-Dist: triton; {EVIL}\nRequires-Dist: {EVIL}\n"
    change = Change(EVIL, EVIL, EVIL, EVIL, EVIL, None, EVIL, EVIL)
    provenance = write_provenance(Provenance(EVIL, (Ancestor(EVIL, EVIL),), (change,), EVIL), project="x", version="1")
    text = whole_text(
        described(tmp_path, metadata=metadata.encode(), dist_info_files={PROVENANCE: provenance}), verbose=verbose
    )
    assert "fixed by wheelfix" in text
    assert not {"\x1b", "\u202e"} & set(text)


HOSTILE_CHANGES = [
    {"field": 1, "action": "drop", "before": None, "after": None},
    {"field": "x", "action": ["drop"], "before": {}, "after": 1},
]


@pytest.mark.parametrize("change", HOSTILE_CHANGES, ids=["number", "list"])
def test_hostile_provenance_does_not_crash(tmp_path: Path, change: dict[str, object]) -> None:
    made = Provenance("1", (Ancestor("x.whl", "a" * 64),), (), None)
    good = json.loads(write_provenance(made, project="x", version="1"))
    good["metadata"]["component"]["properties"] = [{"name": "wheelfix:change", "value": json.dumps(change)}]
    description = described(tmp_path, dist_info_files={PROVENANCE: json.dumps(good).encode()})
    assert whole_text(description, verbose=True)
    assert render_descriptions_json([description])


def test_a_problem_is_not_part_of_the_text(tmp_path: Path) -> None:
    missing = describe(tmp_path / "none-1-py3-none-any.whl", built_in("gpu"))
    assert missing.problem is not None
    assert missing.requirements == ()


def test_the_json_holds_all_of_it(tmp_path: Path) -> None:
    good = described(tmp_path, requires=REQUIRES)
    bad = Description(Path("J\udce9.whl"), problem=Problem("code", "message", "Hint."))
    provenance = Description(Path("t.whl"), provenance=Provenance("1", (Ancestor("a", "b"),), (), None))
    text = render_descriptions_json([good, bad, provenance])
    document = json.loads(text)
    assert (document["version"], document["command"]) == (1, "show")
    first, second, third = document["wheels"]
    assert first["project"] == "torch"
    assert [line["action"] for line in first["requirements"]] == [None, "drop", "keep", "keep", None, None, None]
    assert first["requirements"][-1]["name"] is None
    assert second["problem"] == {"code": "code", "message": "message", "hint": "Hint.", "reason": None}
    assert third["provenance"]["ancestors"] == [{"filename": "a", "sha256": "b"}]
    assert text.isascii()
    assert set(first) == set(second)


def test_json_of_latin_1_is_taken_by_every_reader(tmp_path: Path) -> None:
    """Pitfall 3: no lone surrogates."""
    metadata = b"Metadata-Version: 2.1\nName: torch\nVersion: 1\xe9\nRequires-Dist: x; os_name == '\xe9'\n"
    text = render_descriptions_json([described(tmp_path, metadata=metadata)])
    json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8")
