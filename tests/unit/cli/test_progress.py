"""Bars on a terminal: after a second, beside the log, and gone at the end."""

import io
import subprocess
import sys
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from building import Entry, WheelSpec, write_wheel
from running import wheelfix
from wheelfix.cli import progress
from wheelfix.cli.progress import FixLog, Log
from wheelfix.fix.batch import fix_wheels
from wheelfix.options import Output, Policy
from wheelfix.progress import NoProgress
from wheelfix.results import CheckedWheel, Outcome, Status
from wheelfix.verify.batch import verify_wheels


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return standard error as a terminal of 100 columns, on which bars are drawn at once."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(progress, "_PATIENCE", -1.0)
    return Terminal()


def outcome(name: str) -> Outcome:
    return Outcome(Path(name), Status.UNCHANGED)


def test_the_bar_of_a_run_counts_wheels(terminal: Terminal) -> None:
    with redirect_stderr(terminal), Log(3) as log:
        log.wheel_checked(CheckedWheel(Path("dir/a.whl")))
        log.print("what is printed draws the bars once more\n")
        log.wheel_checked(CheckedWheel(Path("dir/b\x1b[2J.whl")))
        log.print("a line\n")
    text = terminal.getvalue()
    assert "1/3 wheels" in text
    assert "2/3 wheels" in text
    assert "a.whl" in text
    assert "b\\x1b[2J.whl" in text
    assert "a line\n" in text


def test_one_large_wheel_has_a_bar_in_bytes(terminal: Terminal) -> None:
    with redirect_stderr(terminal), Log(1) as log:
        log.file_started("large.whl", 800_000_000)
        log.file_advanced("large.whl", 200_000_000)
        log.print("what is printed draws the bars once more\n")
        log.file_advanced("large.whl", 600_000_000)
        log.wheel_done(outcome("large.whl"))
    text = terminal.getvalue()
    assert "200.0 MB/800.0 MB" in text
    assert "wheels" not in text, "one wheel is not counted"


def test_a_download_that_goes_on_and_one_of_unknown_size(terminal: Terminal) -> None:
    with redirect_stderr(terminal), Log(unit="project") as log:
        log.file_started("a.whl", 100_000, resumed=50_000)
        log.file_started("b.whl", None)
        log.file_advanced("b.whl", 7_000)
        log.project_done("torch")
    text = terminal.getvalue()
    assert "50.0 kB/100.0 kB" in text
    assert "7.0 kB" in text
    assert "1 projects" in text


def test_an_upload_has_a_bar_and_a_line_if_it_takes_a_while(terminal: Terminal) -> None:
    with redirect_stderr(terminal), Log(2) as log:
        log.upload_started("small.whl", 9_999_999)
        log.upload_started("large\x1b.whl", 800_000_000)
        log.file_advanced("large\x1b.whl", 200_000_000)
    text = terminal.getvalue()
    assert "200.0 MB/800.0 MB" in text
    assert "uploading large\\x1b.whl, 800,000,000 bytes\n" in text
    assert "uploading small" not in text


@pytest.mark.parametrize("quiet", [False, True])
def test_a_pipe_gets_the_line_of_an_upload_and_no_bar(quiet: bool) -> None:
    pipe = io.StringIO()
    with redirect_stderr(pipe), Log(2, quiet=quiet) as log:
        log.upload_started("large.whl", 800_000_000)
        log.file_advanced("large.whl", 800_000_000)
    assert pipe.getvalue() == ("" if quiet else "uploading large.whl, 800,000,000 bytes\n")


def test_nothing_is_left_on_the_screen(terminal: Terminal) -> None:
    with redirect_stderr(terminal), Log(2) as log:
        log.wheel_done(outcome("a.whl"))
    assert terminal.getvalue().endswith(("\x1b[2K", "\x1b[1A\x1b[2K", "\r\x1b[1A\x1b[2K"))
    assert "\x1b[?25h" in terminal.getvalue(), "the cursor is back"


def test_full_bars_give_way_to_the_next_file(terminal: Terminal) -> None:
    with redirect_stderr(terminal), Log() as log:
        log.file_started("a.whl", 10)
        log.file_advanced("a.whl", 10)
        log.file_started("b.whl", 20)
        log.print("what is printed draws the bars once more\n")
    last = terminal.getvalue().rpartition("what is printed")[0]
    last = next(part for part in reversed(last.split("\x1b[2K")) if ".whl" in part)
    assert "a.whl" not in last
    assert "b.whl" in last


def test_a_terminal_that_is_gone_stops_no_run(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> int:
        raise OSError(5, "Input/output error")

    with redirect_stderr(terminal), Log(3) as log:
        log.file_started("a.whl", 10)
        monkeypatch.setattr(terminal, "write", refuse)
        for name in ("a.whl", "b.whl"):
            log.file_advanced(name, 10)
            log.wheel_done(outcome(name))


@pytest.mark.parametrize("why", ["quiet", "dumb", "pipe", "early"])
def test_when_no_bars_are_drawn(why: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    if why == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    elif why == "pipe":
        terminal = io.StringIO()  # type: ignore[assignment]
    elif why == "early":
        monkeypatch.setattr(progress, "_PATIENCE", 1000.0)
    with redirect_stderr(terminal), Log(2, quiet=why == "quiet") as log:
        log.file_started("a.whl", 10)
        log.file_advanced("a.whl", 5)
        log.wheel_done(outcome("a.whl"))
    assert terminal.getvalue() == ""


def test_the_log_of_a_fix_stands_above_the_bars(terminal: Terminal) -> None:
    with redirect_stderr(terminal), FixLog(2, verbosity=0) as log:
        log.wheel_done(outcome("a.whl"))
        log.wheel_done(outcome("b.whl"))
    text = terminal.getvalue()
    assert "\na.whl: " in "\n" + text.replace("\x1b[2K", "\n")
    assert "1/2 wheels" in text


class Events(NoProgress):
    """What is reported of files: the name, and the size or the number of bytes."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int | None]] = []

    def file_started(self, name: str, size: int | None, resumed: int = 0) -> None:
        self.seen.append((name, size))

    def file_advanced(self, name: str, count: int) -> None:
        self.seen.append((name, count))


def test_one_wheel_that_is_verified_reports_its_bytes(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, WheelSpec(files=(Entry("demo/data.bin", bytes(5 << 20)),)))
    events, size = Events(), path.stat().st_size
    report = verify_wheels([path], progress=events)
    assert report == verify_wheels([path])
    assert events.seen[0] == (path.name, size)
    assert sum(count or 0 for _, count in events.seen[1:]) > size // 2
    missing = tmp_path / "no-1.0-py3-none-any.whl"
    assert verify_wheels([missing], progress=events) == verify_wheels([missing])


def test_one_wheel_that_is_fixed_reports_its_bytes(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, WheelSpec(files=(Entry("demo/data.bin", bytes(5 << 20)),), requires=("nvidia-nccl-cu12",)))
    events, size = Events(), path.stat().st_size
    fix_wheels([path], policy=Policy(allow_unproven=True), output=Output(directory=tmp_path / "out"), progress=events)
    assert events.seen[0] == (path.name, size)
    assert [name for name, _ in events.seen] == [path.name] * len(events.seen)
    assert sum(count or 0 for _, count in events.seen[1:]) == size


@pytest.mark.parametrize(
    "words", [("verify", "."), ("strip-gpu", "--check", "."), ("mirror", "check", "m")], ids=lambda words: words[0]
)
def test_commands_draw_bars(
    words: tuple[str, ...], terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        write_wheel(Path(), WheelSpec(project=name, requires=()))
    assert wheelfix("mirror", "add", "m", ".").code == 0
    drawn = {"count": 0}
    show_run = progress.Log.advance

    def count(self: Log, name: str) -> None:
        drawn["count"] += 1
        show_run(self, name)

    monkeypatch.setattr(progress.Log, "advance", count)
    wheelfix(*words)
    assert drawn["count"] == 2


def test_rich_is_imported_only_where_something_is_drawn() -> None:
    program = "import sys, wheelfix.cli, wheelfix.cli.verify, wheelfix.cli.strip_gpu; print('rich' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
