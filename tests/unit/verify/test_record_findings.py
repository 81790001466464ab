"""RECORD: what is told of each row, word for word, and what repair would do about it."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from building import WheelSpec, write_wheel
from defects import record_of, valid
from wheelfix.verify.record import read_listing
from wheelfix.verify.run import findings_in
from wheelfix.verify.subject import AddRow, ChangeRow, FixStep, RawFinding, Subject
from wheelfix.wheel.edits import RemoveFile
from wheelfix.wheel.record import RowEdit, hash_column

ROWS = record_of(valid())
FILE = "demo/__init__.py"
CONTENT = b"ANSWER = 42\n"
SECOND = valid().files[1].content
assert isinstance(SECOND, bytes)
INFO = "demo-1.0.dist-info"


def digest(algorithm: str) -> str:
    return hash_column(algorithm, hashlib.new(algorithm, CONTENT).digest())


WORDS = {
    "FILE": FILE,
    "OWN": f"{INFO}/RECORD",
    "<hex>": hashlib.sha256(CONTENT).hexdigest(),
    "<sha256>": digest("sha256"),
    "<md5>": digest("md5"),
    "<sum>": digest("sha256").partition("=")[2],
    "<md5 sum>": digest("md5").partition("=")[2],
    "<other md5>": hash_column("md5", hashlib.md5(SECOND).digest()).partition("=")[2],
    "<other sum>": ROWS[1].split(b",")[1].decode().partition("=")[2],
}
"""What stands for hashes in the table."""


def written(text: str) -> str:
    for word, meaning in WORDS.items():
        text = text.replace(word, meaning)
    return text


def step(fix: FixStep) -> str:
    match fix:
        case ChangeRow(index, RowEdit(remove=True)):
            return f"remove {index}"
        case ChangeRow(index, RowEdit(path, digest, size)):
            columns = {"path": path, "digest": digest, "size": size}
            return f"set {index} {' '.join(f'{name}={text}' for name, text in columns.items() if text is not None)}"
        case AddRow(row):
            return f"add {row.path},{row.digest},{row.size}"
        case _:
            return repr(fix)


def told(found: RawFinding) -> str:
    """Return a finding on one line: code, place, message, what fixes it, what must be trusted, and who refuses it."""
    trust = f" | trust {found.file}" if found.file else ""
    clients = "" if found.refused_by is None else f" | {' '.join(found.refused_by)}"
    fixes = "; ".join(map(step, found.fixes)) or "-"
    return f"{found.code} | {found.place} | {found.message} | {fixes}{trust}{clients}"


def told_of(folder: Path, rows: list[str], rest: list[bytes], **changes: object) -> list[str]:
    text = "".join(f"{written(row)}\n" for row in rows).encode("utf-8", "surrogateescape")
    return list(map(told, findings_in(write_wheel(folder, valid(record=text + b"".join(rest), **changes)))))


def table() -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield the cases of the table: a name, rows, and what is told; characters beyond ASCII are escaped as in JSON."""
    for case in (Path(__file__).parent / "record_findings.txt").read_text(encoding="ascii").split("\n\n# ")[1:]:
        name, *lines = case.splitlines()
        parts = [line.partition(":") for line in lines]
        texts = {
            word: [json.loads(f'"{text.removeprefix(" ")}"') for key, _, text in parts if key == word]
            for word in ("row", "told")
        }
        yield name, texts["row"], texts["told"]


@pytest.mark.parametrize(("rows", "expected"), [pytest.param(rows, expected, id=name) for name, rows, expected in table()])
def test_what_is_told_of_rows(rows: list[str], expected: list[str], tmp_path: Path) -> None:
    """The rows stand before those of the other files, of which none is changed unless they are for it."""
    own = any(row.startswith(("OWN,sha", "OWN,,1")) for row in rows)
    other = any(row.startswith("demo/version.py,") for row in rows)
    rest = [row for row in ROWS[1:] if not (own and b"/RECORD" in row) and not (other and b"version.py" in row)]
    assert told_of(tmp_path, rows, rest) == list(map(written, expected))


@pytest.mark.parametrize(("algorithm", "is_kept_whole"), [("sha256", False), ("SHA256", False), ("sha512", True)])
def test_of_most_rows_only_the_index_is_kept(algorithm: str, is_kept_whole: bool, tmp_path: Path) -> None:
    """A wheel can list 24,000 files."""
    rows = b"".join(row.replace(b"sha256=", f"{algorithm}=".encode()) for row in ROWS)
    with Subject(write_wheel(tmp_path, valid(record=rows))) as subject:
        kept = read_listing(subject).rows
    assert [name for name, row in kept.items() if not isinstance(row, int)] == [*kept][: -1 if is_kept_whole else 0]


def test_own_row_that_is_missing(tmp_path: Path) -> None:
    expected = "record-own-row-missing | OWN | RECORD has no row for itself | add OWN,,"
    assert told_of(tmp_path, [], ROWS[:-1]) == [written(expected)]


def payload(value: object) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def signature(value: object) -> bytes:
    return json.dumps({"payload": payload(value).decode()}).encode()


OTHER = "record-void-signature | RECORD.jws | it signs another RECORD | " + repr(RemoveFile("RECORD.jws"))
SIGNED = "record-signature | RECORD.jws | PEP 815 deprecates signatures of RECORD; no installer checks them | -"


@pytest.mark.parametrize(
    ("data", "is_void"),
    [
        (signature({"hash": "sha256=x"}), True),
        (signature({"hash": hash_column("sha256", hashlib.sha256(b"".join(ROWS)).digest())}), False),
        (signature({"hash": "sha256=xx"}), True),  # other padding
        (signature({"hash": "sha256=xxx"}), True),
        (signature({}), False),
        (signature([]), False),
        (b"{}", False),
        (b"[]", False),
        (b"", False),
        (b"[" * 100_000, False),
        (b'{"payload": "!"}', False),
    ],
)
def test_what_is_told_of_a_signature(data: bytes, is_void: bool, tmp_path: Path) -> None:
    spec: WheelSpec = valid(record=b"".join(ROWS), dist_info_files={"RECORD.jws": data})
    found = list(map(told, findings_in(write_wheel(tmp_path, spec))))
    assert found == [SIGNED, *([OTHER] if is_void else [])]


def test_a_row_for_a_signature_goes(tmp_path: Path) -> None:
    name = f"{INFO}/RECORD.p7s"
    spec = valid(record=b"".join([*ROWS, f"{name},,\n{name},sha256=x,1\n".encode()]), dist_info_files={"RECORD.p7s": b"x"})
    message = "a signature of RECORD cannot be listed in it"
    found = [told(each) for each in findings_in(write_wheel(tmp_path, spec)) if each.code == "record-signature-row"]
    assert found == [f"record-signature-row | row {n}: {name} | {message} | remove {n - 1}" for n in (6, 7)]
