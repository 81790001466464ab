"""``wheelfix mirror affected`` on the command line."""

from pathlib import Path

import pytest

from demos import GPU, demo_wheel
from running import mirror_report, wheelfix
from wheelfix.mirror.publish import fix_into_mirror
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import list_pages
from wheelfix.options import Publishing

WHEEL = "demo-1.0-py3-none-any.whl"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a mirror, and with locks of its one file in two forms."""
    monkeypatch.chdir(tmp_path)
    assert add_wheels(tmp_path / "mirror", demo_wheel(tmp_path / "in", "1.0", GPU)).ok
    (file,) = next(list_pages(tmp_path / "mirror")).files
    url = file.url.replace("../../", "https://wheels.example.org/")
    head = 'version = 1\n[[package]]\nname = "demo"\nversion = "1.0"\n'
    head += 'source = { registry = "https://wheels.example.org/simple" }\n'
    app = '[[package]]\nname = "app"\nversion = "1"\nsource = { virtual = "." }\n'
    (tmp_path / "uv.lock").write_text(f'{head}wheels = [{{ url = "{url}", hash = "sha256:{file.sha256}" }}]\n{app}')
    (tmp_path / "requirements.txt").write_text(f"demo==1.0 --hash=sha256:{file.sha256}\nother==1\n")
    return tmp_path


@pytest.fixture
def corrected(folder: Path) -> Path:
    assert fix_into_mirror(folder / "mirror", folder / "in" / WHEEL, publishing=Publishing(replace=True))[1].ok
    return folder


def test_nothing_is_affected(folder: Path) -> None:
    ran = wheelfix("mirror", "affected", "mirror", "uv.lock", "requirements.txt")
    assert ran.code == 0
    assert ran.lines == [
        "uv.lock: 0 of 1 project affected",
        "requirements.txt: 0 of 1 project affected (1 not of this mirror)",
    ]
    assert ran.err == "Checked 2 lock files: 0 affected (0 projects)\n"


def test_what_is_affected_and_how_to_move_over(corrected: Path) -> None:
    ran = wheelfix("mirror", "affected", "mirror", "uv.lock", "requirements.txt", "-v")
    assert ran.code == 1
    assert (
        ran.out
        == """\
uv.lock: 1 of 1 project affected
  demo 1.0: other bytes under the same name; the lock still installs the old files
    demo-1.0-py3-none-any.whl: other bytes under the same name; installs
  skipped app: the project itself
  help: to move over, run in the directory of the project:
    uv cache clean demo
    uv lock --upgrade-package demo==1.0
    uv sync --reinstall-package demo
requirements.txt: 1 of 1 project affected (1 not of this mirror)
  demo 1.0: other bytes under the same name; the lock does not install it any more: its hash fails
    demo-1.0-py3-none-any.whl: other bytes under the same name; does not install
  help: to move over, run in the directory of the project:
    # make requirements.txt again with the command that made it
    python -m pip uninstall -y demo
    python -m pip install -r requirements.txt
"""
    )
    assert ran.err == "Checked 2 lock files: 2 affected (2 projects)\n"


def test_json(corrected: Path) -> None:
    (corrected / "bad.lock").write_text("version = 9\n")
    ran = wheelfix("mirror", "affected", "mirror", "uv.lock", "bad.lock", "--format", "json")
    assert ran.code == 3
    report = mirror_report(ran)
    assert report["summary"] == {"locks": 2, "affected": 1, "entries": 1, "not_examined": 1}
    good, bad = report["locks"]
    assert good["steps"][0] == {"command": "uv cache clean demo", "note": ""}
    assert good["skipped"] == [{"project": "app", "reason": "the project itself", "version": "1", "line": 7}]
    assert (bad["kind"], bad["problem"]["code"]) == (None, "lock-unknown-version")


def test_a_lock_that_cannot_be_read(folder: Path) -> None:
    (folder / "bad.lock").write_text("version = 9\n")
    ran = wheelfix("mirror", "affected", "mirror", "bad.lock")
    assert ran.code == 3
    assert ran.out.startswith("error[lock-unknown-version]: bad.lock not checked: ")
    assert ran.err == "Checked 0 lock files: 0 affected (0 projects); 1 not checked\n"


def test_usage(folder: Path) -> None:
    assert wheelfix("mirror", "affected", "mirror", "missing.lock").code == 2
    assert wheelfix("mirror", "affected", "mirror").code == 2
    assert wheelfix("mirror", "affected", "nowhere", "uv.lock").code == 2


def test_quiet(corrected: Path) -> None:
    ran = wheelfix("mirror", "affected", "mirror", "uv.lock", "-q")
    assert (ran.code, ran.err) == (1, "")
