"""Unified diffs: exact, so that patch(1) applies them wherever they stand, and escaped where a terminal shows them."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from building import WheelSpec, write_wheel
from defects import record_of
from running import wheelfix
from wheelfix.text import unified_diff
from wheelfix.wheel.sbom import PROVENANCE
from wheelfix.wheel.wheel import Wheel

HEAD = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: nvidia-nccl-cu12\nRequires-Dist: six\n"
SHAPES = {
    "no body": HEAD,
    "no body, the requirement last": HEAD.replace(b"Requires-Dist: six\n", b""),
    "an empty body": HEAD + b"\n",
    "no final line end": HEAD.rstrip(b"\n"),
    "no final line end behind a body": HEAD + b"\nAbout demo.",
    "CRLF": (HEAD + b"\nAbout demo.\n").replace(b"\n", b"\r\n"),
    "CRLF in the header only": HEAD.replace(b"\n", b"\r\n") + b"\r\nAbout demo.\nMore.\n",
    "CRLF without a final line end": HEAD.replace(b"\n", b"\r\n").rstrip(b"\r\n"),
    "a form feed and an escape": HEAD + b"Keywords: \x1b[2J\n\nAbout\x0c demo \x1b[31m.\n",
    "separators of other readers": HEAD + "\nAbout\x85 the\u2028 demo\x1c.\n".encode(),
    "Latin-1": HEAD + b"Author: M\xfcller\n\nAbout demo.\n",
    "From": HEAD + b"\nFrom here on it is a mail.\n>From there too.\n",
    "lines that look like those of a diff": HEAD + b"\n--- a\n+++ b\n@@ -1 +1 @@\n\\ No newline\n",
    "tabs and blanks": HEAD + b"\n\tAbout demo. \n \n\n",
    "a NUL behind the header": HEAD + b"\nAbout\0 demo.\n",
}
needs_patch = pytest.mark.skipif(shutil.which("patch") is None, reason="there is no patch(1)")


def patched(before: bytes, diff: bytes, directory: Path) -> bytes:
    """Return what patch(1) makes of ``before``."""
    target = directory / "patched"
    target.write_bytes(before)
    ran = subprocess.run(["patch", "--fuzz=0", "--posix", target], input=diff, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert b"offset" not in ran.stdout
    return target.read_bytes()


def as_bytes(diff: str) -> bytes:
    return diff.encode("utf-8", "surrogateescape")


@needs_patch
class TestPatch:
    """What a real wheel may have in METADATA, by each way to a diff of it."""

    @pytest.fixture(params=SHAPES.values(), ids=[*SHAPES])
    def wheel(self, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
        return write_wheel(tmp_path, WheelSpec(metadata=request.param))

    def test_the_diff_on_standard_output(self, wheel: Path, tmp_path: Path) -> None:
        diff = wheelfix("strip-gpu", "--allow-unproven", "--diff", wheel).out
        before, after = self._both(wheel, tmp_path)
        assert patched(before, as_bytes(diff), tmp_path) == after

    def test_the_diff_of_two_wheels(self, wheel: Path, tmp_path: Path) -> None:
        before, after = self._both(wheel, tmp_path)
        text = wheelfix("diff", wheel, tmp_path / "out" / wheel.name).out
        assert patched(before, as_bytes(text), tmp_path) == after
        said = json.loads(wheelfix("diff", "--format", "json", wheel, tmp_path / "out" / wheel.name).out)["metadata"]
        diff = base64.b64decode(said["diff_base64"]) if said["diff_base64"] else said["diff"].encode()
        assert patched(before, diff, tmp_path) == after

    def test_the_diff_in_the_provenance(self, wheel: Path, tmp_path: Path) -> None:
        before, after = self._both(wheel, tmp_path)
        with Wheel(tmp_path / "out" / wheel.name) as corrected:
            component = json.loads(corrected.read(PROVENANCE))["metadata"]["component"]
        [patch] = component["pedigree"]["patches"]
        text = patch["diff"]["text"]
        is_encoded = text.get("encoding") == "base64"
        diff = base64.b64decode(text["content"]) if is_encoded else text["content"].encode()
        assert patched(before, diff, tmp_path) == after

    def _both(self, wheel: Path, directory: Path) -> tuple[bytes, bytes]:
        """Return METADATA before and after."""
        ran = wheelfix("strip-gpu", "--allow-unproven", "-o", directory / "out", wheel)
        assert ran.code == 0, ran.err
        with Wheel(wheel) as old, Wheel(directory / "out" / wheel.name) as new:
            return old.document.data, new.document.data


@needs_patch
def test_the_diff_of_a_repair_applies_inside_dist_info(tmp_path: Path) -> None:
    """It has a part for METADATA and one for RECORD, whose names lose two leading parts with ``patch -p2``."""
    rows = record_of(WheelSpec(metadata=HEAD + b"Requires-Dist: a>=1.*\n"))
    record = b"demo/gone.py,,\r\n" + b"".join(rows).replace(b"demo/__init__", b"./demo/__init__")
    path = write_wheel(tmp_path, WheelSpec(metadata=HEAD + b"Requires-Dist: a>=1.*\n", record=record))
    diff = wheelfix("repair", "--diff", path).out
    with Wheel(path) as wheel:
        for file in ("METADATA", "RECORD"):
            (tmp_path / file).write_bytes(wheel.read(file))
    options = ["--fuzz=0", "--posix", "-p2", "-d", str(tmp_path)]
    ran = subprocess.run(["patch", *options], input=as_bytes(diff), capture_output=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert b"Requires-Dist: a>=1\n" in (tmp_path / "METADATA").read_bytes()
    assert (tmp_path / "RECORD").read_bytes().startswith(b"demo/__init__.py,sha256=")


LINES = st.lists(
    st.sampled_from([b"a\n", b"b\r\n", b"\n", b"\r", b"\xff\n", b"- x\n", b"\\ y\n", b"@@ -1 +1 @@\n"]), max_size=12
)


@needs_patch
@given(before=LINES, after=LINES, ends=st.tuples(*[st.sampled_from([b"", b"end"])] * 2))
def test_any_difference_applies(
    before: list[bytes], after: list[bytes], ends: tuple[bytes, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    old, new = b"".join([*before, ends[0]]), b"".join([*after, ends[1]])
    diff = unified_diff(old, new, "x.whl")
    assert (old == new) == (diff == "")
    if diff and new:  # patch(1) removes a file that becomes empty
        assert patched(old, as_bytes(diff), tmp_path_factory.mktemp("patch")) == new


@needs_patch
def test_a_file_that_is_replaced_whole_applies(tmp_path: Path) -> None:
    """Comparing takes quadratic time, so what is the same in front and behind is left out, and the rest bounded."""
    body = "".join(f"line {number % 150}\n" for number in range(3_000)).encode()
    for old, new in (
        (body, body.replace(b"line", b"row")),
        (b"a\n" + body, b"a\n" + body.replace(b"line", b"row") + b"end"),
    ):
        diff = unified_diff(old, new, "x.whl")
        assert diff.count("\n-line") == diff.count("\n+row") == 3_000
        assert patched(old, as_bytes(diff), tmp_path) == new


def test_the_diff_of_a_long_file_is_that_of_its_changed_part() -> None:
    body = "".join(f"line {number % 150}\n" for number in range(300_000)).encode()
    diff = unified_diff(b"A: 1\nB: 2\nC: 3\n\n" + body, b"A: 1\nC: 3\n\n" + body, "x.whl")
    assert diff.splitlines()[2:] == ["@@ -1,5 +1,4 @@", " A: 1", "-B: 2", " C: 3", " ", " line 0"]
    late = unified_diff(body + b"a\nb\nc\n", body + b"a\nc\n", "x.whl")
    assert late.splitlines()[2] == "@@ -299999,5 +299999,4 @@"
    whole = unified_diff(body, body.replace(b"line", b"row"), "x.whl")
    assert whole.count("\n-line") == whole.count("\n+row") == 300_000


def test_the_title_is_escaped() -> None:
    """Pitfall 29: the name of a wheel can hold what a terminal acts on."""
    diff = unified_diff(b"A: 1\n", b"A: 2\n", "x\x1b.whl")
    assert diff.startswith("--- a/x\\x1b.whl/METADATA\n+++ b/x\\x1b.whl/METADATA\n@@")


def test_a_terminal_gets_control_characters_escaped(tmp_path: Path) -> None:
    metadata = HEAD.replace(b"\n", b"\r\n") + b"Keywords: \x1b[2J\tx \xfc\r\n"
    path = write_wheel(tmp_path, WheelSpec(metadata=metadata))
    options = ("strip-gpu", "--allow-unproven", "--diff", path)
    assert " Keywords: \\x1b[2J\tx \\udcfc\\r\n" in wheelfix(*options, terminal=True).out
    assert " Keywords: \x1b[2J\tx \udcfc\r\n" in wheelfix(*options).out
