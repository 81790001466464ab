"""One rule takes one requirement out of each of 200 real wheels: exactly that line goes, and nothing else changes.

Run with ``pytest -m real``. The wheels are the newest of the projects in ``popular.txt``; they are kept in the directory
``many`` of ``TEST_REAL_WHEELS``, if that is set.
"""

import csv
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from wheelfix.fix.batch import fix_wheels
from wheelfix.results import Outcome, Status
from wheelfix.rules.load import rule_set
from wheelfix.rules.model import Match, Rule, RuleSet, When
from wheelfix.wheel.requirement import read_requirement
from wheelfix.wheel.wheel import Wheel

pytestmark = pytest.mark.real

NAMES = Path(__file__).with_name("popular.txt").read_text("utf-8").split()[:325]
"""As many as give the wheels that are wanted; ``make long-run`` takes all."""
WANTED = 200
TRACE = "sboms/wheelfix.cdx.json"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """At least two hundred wheels with requirements."""
    given = os.environ.get("TEST_REAL_WHEELS")
    folder = Path(given) / "many" if given else tmp_path_factory.mktemp("many")
    folder.mkdir(parents=True, exist_ok=True)
    if len(list(folder.glob("*.whl"))) < WANTED:
        for name in NAMES:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
            subprocess.run([*command, "--dest", folder, name], check=False)  # some have no wheel for every machine
    return [path for path in sorted(folder.glob("*.whl")) if chosen(path)]


def chosen(path: Path) -> str | None:
    """Return the first requirement whose name stands on one line only."""
    with Wheel(path) as wheel:
        texts = [each.value.strip() for each in wheel.document.all("Requires-Dist")]
    names = [requirement.name if (requirement := read_requirement(text)) else "" for text in texts]
    return next((text for text, name in zip(texts, names, strict=True) if names.count(name) == 1), None)


def one_rule_each(paths: list[Path]) -> RuleSet:
    def rule(path: Path) -> Rule:
        requirement = read_requirement(chosen(path) or "")
        assert requirement is not None
        match = Match((requirement.name,), ("any",))
        return Rule(
            id=path.name, reason="to take out one line", action="drop", match=match, when=When(filename=(path.name,))
        )

    return rule_set("one line each", map(rule, paths))


def test_exactly_that_line_less_and_nothing_else(wheels: list[Path], tmp_path: Path) -> None:
    """METADATA bytes, RECORD and members of at least 200 wheels."""
    assert len(wheels) >= WANTED
    report = fix_wheels(wheels, one_rule_each(wheels), output=tmp_path, jobs=2)
    assert report.ok, [outcome.problem for outcome in report.outcomes if outcome.problem]
    assert report.rule_findings == ()
    for outcome in report.outcomes:
        check(outcome)


def check(outcome: Outcome) -> None:
    assert outcome.status is Status.FIXED
    assert outcome.output is not None
    [change] = outcome.changes
    with Wheel(outcome.source) as old, Wheel(outcome.output) as new:
        [gone] = [each for each in old.document.all("Requires-Dist") if each.value.strip() == change.before]
        assert change.before == chosen(outcome.source)
        assert new.document.data == old.document.data[: gone.start] + old.document.data[gone.stop :]
        info = old.dist_info
        rows = [list(csv.reader(io.StringIO(each.read("RECORD").decode(), newline=""))) for each in (old, new)]
    assert new.dist_info == info
    mine = {f"{info}/METADATA", f"{info}/{TRACE}"}
    plain = [[row for row in each if row and row[0] not in mine] for each in rows]
    assert plain[0] == plain[1]
    with zipfile.ZipFile(outcome.source) as one, zipfile.ZipFile(outcome.output) as two:
        before, after = ({each.filename: each for each in archive.infolist()} for archive in (one, two))
        assert after.keys() - before.keys() <= {f"{info}/{TRACE}"}
        assert before.keys() <= after.keys()
        rewritten = {*mine, f"{info}/RECORD"}
        kept = [name for name in before if name not in rewritten]
        assert [name for name in after if name not in rewritten] == kept
        with outcome.source.open("rb") as first, outcome.output.open("rb") as second:
            for name in kept:
                assert attributes(before[name]) == attributes(after[name]), name
                assert data(first, before[name]) == data(second, after[name]), name


def attributes(member: zipfile.ZipInfo) -> tuple[object, ...]:
    """Return all that the directory says of a member but where it lies."""
    return (
        member.CRC, member.compress_size, member.file_size, member.compress_type, member.date_time, member.external_attr,
        member.internal_attr, member.create_system, member.create_version, member.extract_version, member.flag_bits,
        member.extra, member.comment,
    )  # fmt: skip


def data(file: io.BufferedReader, member: zipfile.ZipInfo) -> bytes:
    """Return local header and compressed data of a member."""
    file.seek(member.header_offset)
    header = file.read(30)
    sizes = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    return header + file.read(sizes + member.compress_size)
