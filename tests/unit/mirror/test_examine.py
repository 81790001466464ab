"""What a page has of the provenance of a corrected wheel: by reason, limited, and text; what helps where one is refused."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from building import RecordStyle, WheelSpec, write_wheel
from defects import DEFECTS, Defect
from demos import GPU, demo_wheel
from wheelfix import repair_wheels, verify_wheels
from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.examine import _origin, examine
from wheelfix.mirror.json import page_json, read_page
from wheelfix.mirror.pages import Correction, ListedChange, ListedFile, Origin, Page
from wheelfix.mirror.publish import fix_into_mirror
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import list_pages
from wheelfix.options import Naming
from wheelfix.results import Change, ChangeAction, Severity, Verdict
from wheelfix.wheel.sbom import Ancestor, Provenance
from wheelfix.wheel.zip.source import Source

SHA = "a" * 64


def origin_of(*changes: Change) -> Origin:
    return _origin(Provenance("0.1.0", (Ancestor("demo-1.0-py3-none-any.whl", SHA),), changes, SHA))


def drop(name: str, rule: str | None = "gpu/nvidia", evidence: str = "no binary links to it") -> Change:
    return Change("Requires-Dist", ChangeAction.DROP, name, None, rule, Verdict.SAFE, "only a GPU needs it", evidence)


def page_with(origin: Origin) -> Page:
    file = ListedFile(
        filename="demo-1.0-1-py3-none-any.whl",
        url="../../files/demo/aaaaaaaaaaaaaaaa/demo-1.0-1-py3-none-any.whl",
        sha256=SHA,
        size=1,
        upload_time="2026-11-24T00:00:00.000000Z",
        origin=origin,
    )
    return Page("demo", (file,))


def test_changes_for_one_reason_are_one_correction() -> None:
    build = Change("Build", "set-build-tag", None, "1", reason="it gets this build tag")
    found = origin_of(drop("a"), drop("b", evidence="its marker is never true"), build, drop("c"))
    why = ("gpu/nvidia", "only a GPU needs it", Verdict.SAFE)
    assert found.corrections == (
        Correction(*why, "no binary links to it", tuple(ListedChange("drop", "Requires-Dist", name) for name in "ac")),
        Correction(*why, "its marker is never true", (ListedChange("drop", "Requires-Dist", "b"),)),
        Correction(reason="it gets this build tag", changes=(ListedChange("set-build-tag", "Build", None, "1"),)),
    )
    assert [each.sentence for each in found.changes][-1] == "set-build-tag Build: 1"
    assert read_page(page_json(page_with(found)), "demo") == page_with(found)


def test_only_what_a_run_made_itself_is_fixed_here(tmp_path: Path) -> None:
    """A wheel with a provenance of before, or with another one than the run wrote, says that itself."""
    original = demo_wheel(tmp_path / "in", "1.0", GPU)
    report, _ = fix_into_mirror(tmp_path / "here", original)
    [outcome] = report.outcomes
    assert origin_in(tmp_path / "here").fixed_here
    made = outcome.output
    assert made is not None
    add_wheels(tmp_path / "there", made)  # it may come from anybody
    assert not origin_in(tmp_path / "there").fixed_here
    fix_into_mirror(tmp_path / "again", made)  # nothing is changed
    assert not origin_in(tmp_path / "again").fixed_here
    fix_into_mirror(tmp_path / "more", made, None, naming=Naming(build_tag="2"))
    assert not origin_in(tmp_path / "more").fixed_here


def origin_in(mirror: Path) -> Origin:
    [page] = list_pages(mirror)
    [file] = page.files
    assert file.origin is not None
    assert read_page(page_json(page), "demo").files == page.files
    return file.origin


def test_a_page_has_a_limited_number_of_changes_and_of_characters() -> None:
    """A provenance has up to 10,000 changes of any length, and whoever makes a wheel can write one."""
    hostile = "\udcff<" * 5_000
    found = origin_of(*(drop(f"x{number}", hostile, hostile) for number in range(250)), drop(hostile))
    assert (len(found.changes), found.more_changes) == (200, 51)
    [correction] = found.corrections
    assert correction.rule is not None
    assert correction.rule.endswith("...")
    page = page_json(page_with(found))
    assert len(page) < 30_000
    assert read_page(page, "demo") == page_with(found)
    assert all(len(each.sentence) < 3_000 for each in origin_of(drop(hostile)).changes)


def test_a_page_of_an_early_version_is_read_without_its_changes() -> None:
    """It listed them as sentences; yanks and upload times are not lost for that."""
    page = page_with(origin_of(drop("a")))
    document = json.loads(page_json(page))
    document["files"][0]["_wheelfix"] = {**document["files"][0]["_wheelfix"], "changes": ["drop Requires-Dist: a"]}
    del document["files"][0]["_wheelfix"]["corrections"]
    assert read_page(json.dumps(document).encode(), "demo") == page_with(origin_of())


@pytest.mark.parametrize(
    "corrections",
    [
        ["drop Requires-Dist: triton"],
        [{"verdict": "fine", "changes": []}],
        [{"changes": [{"action": "drop"}]}],
        [{"changes": "drop"}],
        {},
        None,
    ],
    ids=str,
)
def test_corrections_of_another_form_are_no_page(corrections: object) -> None:
    document = json.loads(page_json(page_with(origin_of(drop("a")))))
    document["files"][0]["_wheelfix"]["corrections"] = corrections
    with pytest.raises(MirrorError) as caught:
        read_page(json.dumps(document).encode(), "demo")
    assert caught.value.code == "bad-page"


KINDS = (
    "archive-gap", "archive-leading-bytes", "record-wrong-hash", "record-missing-row", "dist-info-name-differs",
    "filename-version-differs", "archive-duplicate-entry", "archive-bad-extra-field",
)  # fmt: skip
"""Codes that are fixed in each of the ways that there are, or not at all."""
ALL = [
    pytest.param(each, id=each.name, marks=() if each.code in KINDS else pytest.mark.slow)
    for each in DEFECTS
    if not each.missing
]


@pytest.mark.parametrize("defect", ALL)
def test_after_what_the_hint_says_the_wheel_can_be_added(defect: Defect, tmp_path: Path) -> None:
    """Or it names no repair: nothing that `wheelfix repair` does helps there."""
    path = defect.write(tmp_path)[0]
    hint = hint_for(path)
    if hint is None or hint.startswith("Do not install it until you know who made it."):
        return
    command = re.search(r"`wheelfix repair([^`]*)`", hint)
    options = {each.removeprefix("--").replace("-", "_"): True for each in (command[1].split() if command else ())}
    [outcome] = repair_wheels(path, output=tmp_path / "out", **options).outcomes  # type: ignore[arg-type]
    errors = [each for each in verify_wheels(path).wheels[0].findings if each.severity is Severity.ERROR]
    assert (command is not None) is all(each.fixable for each in errors)
    if command is not None:
        assert outcome.output is not None, outcome.problem
        assert hint_for(outcome.output) is None


def hint_for(path: Path) -> str | None:
    """Return the hint with which a mirror refuses the wheel at ``path``, ``None`` if it does not."""
    try:
        with Source(path) as source:
            examine(path, source, sha256=None, now=lambda: datetime.fromtimestamp(0, UTC))
    except WheelfixError as error:
        return error.hint
    return None


def test_the_options_that_two_errors_need_are_named_together(tmp_path: Path) -> None:
    defect = next(each for each in DEFECTS if each.code == "dist-info-name-differs")
    [path] = defect.write(tmp_path)
    path.write_bytes(path.read_bytes() + b"more")
    assert hint_for(path) == (
        "`wheelfix repair --rebuild-archive --rename-dist-info` may fix it. `wheelfix repair --help` says what these "
        "options trust."
    )
    [outcome] = repair_wheels(path, output=tmp_path / "out", rebuild_archive=True, rename_dist_info=True).outcomes
    assert outcome.output is not None
    assert hint_for(outcome.output) is None


def test_the_reason_and_the_hint_are_about_the_same_error(tmp_path: Path) -> None:
    """The first error is one that `wheelfix repair` can fix, the second is not."""
    style = RecordStyle(unlisted=frozenset({"demo/version.py"}))
    path = write_wheel(tmp_path, WheelSpec(requires=("x >>1",), style=style))
    with Source(path) as source, pytest.raises(MirrorError) as caught:
        examine(path, source, sha256=None, now=lambda: datetime.fromtimestamp(0, UTC))
    assert "requirement" in (caught.value.reason or "")
    assert "requirement" in caught.value.hint
