"""The command as a process of its own: signals, pipes, colours."""

import os
import re
import signal
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest

import tools
from building import Entry, WheelSpec, write_wheel

COMMAND = [sys.executable, "-m", "wheelfix"]
SLOW = """
    import sys, time
    from wheelfix.wheel.zip import rewrite

    def copy(*_):
        print("copying", file=sys.stderr, flush=True)
        time.sleep(60)

    rewrite._copy = copy
    from wheelfix.cli import main
    main()
"""


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def start(*arguments: object, program: str | None = None) -> "subprocess.Popen[str]":
    head = [sys.executable, "-c", textwrap.dedent(program)] if program else COMMAND
    return subprocess.Popen(
        [*head, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("options", [["-o", "out"], ["--in-place"]], ids=["out", "in-place"])
def test_an_interrupted_run_leaves_nothing(number: signal.Signals, code: int, options: list[str]) -> None:
    """A killed run leaves the old file, or the new one, and no litter."""
    path = write_wheel(Path())
    before = path.read_bytes()
    with start("strip-gpu", *options, path, program=SLOW) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "copying\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (code, "")
    assert "Traceback" not in err
    assert path.read_bytes() == before
    assert [str(each) for each in Path().rglob("*") if each.is_file()] == [str(path)]


@pytest.mark.parametrize(
    ("number", "code", "how"),
    [
        (signal.SIGINT, 130, "Interrupted"),
        (signal.SIGTERM, 143, "Ended by SIGTERM"),
        (signal.SIGHUP, 129, "Ended by SIGHUP"),
    ],
)
def test_a_signal_that_all_processes_get_ends_them_in_one_line(number: signal.Signals, code: int, how: str) -> None:
    """A terminal sends Ctrl-C, and that it is closed, to all processes of a run; so does a system that stops a service."""
    for each in range(150):
        write_wheel(Path(), WheelSpec(project=f"p{each}", requires=("nvidia-nccl-cu12",)))
    command = [*COMMAND, "strip-gpu", "--jobs", "2", "."]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()
        os.killpg(process.pid, number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == code, err
    assert "Traceback" not in err
    assert err.endswith(f"{how}; complete files are kept.\n")


def test_two_signals_at_once_end_a_run_in_one_line() -> None:
    program = """
        import os, signal, sys
        from wheelfix.cli import main

        class Input:
            buffer = property(lambda self: self)

            def read(self):
                signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP, signal.SIGTERM))
                os.kill(os.getpid(), signal.SIGHUP)
                os.kill(os.getpid(), signal.SIGTERM)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGHUP, signal.SIGTERM))
                return b""

        sys.stdin = Input()
        main()
    """
    with start("strip-gpu", "-", program=program) as process:
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (129, "Ended by SIGHUP; complete files are kept.\n")


def test_a_run_that_waits_for_its_input_can_be_interrupted() -> None:
    program = """
        import sys
        from wheelfix.cli import main

        class Input:
            buffer = property(lambda self: self)

            def read(self):
                print("ready", file=sys.stderr, flush=True)
                return sys.__stdin__.buffer.read()

        sys.stdin = Input()
        main()
    """
    with start("strip-gpu", "-", program=program) as process:
        assert process.stderr is not None
        process.stderr.readline()
        for _ in range(200):  # one that comes right before Python waits is seen with the next one
            for _ in range(3):  # what comes after the first is not to cut the clean-up short
                process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
                break
        assert "Traceback" not in process.stderr.read()
    assert process.returncode == 130


@pytest.mark.parametrize("jobs", [1, 2])
def test_losing_standard_error_stops_no_wheel(jobs: int) -> None:
    """Narration is not worth a wheel: they are all done, and standard output lists them."""
    for number in range(20):
        write_wheel(Path(), WheelSpec(project=f"p{number}", requires=("nvidia-nccl-cu12",)))
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        ran = subprocess.run(
            [*COMMAND, "strip-gpu", "-j", str(jobs), "."], stdout=subprocess.PIPE, stderr=closed, text=True, check=False
        )
    assert (ran.returncode, len(ran.stdout.splitlines())) == (0, 20)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("arguments", [["strip-gpu", "--format", "json", "."], ["show", "."], ["--help"]], ids=" ".join)
def test_a_full_disk_under_standard_output_is_told(arguments: list[str]) -> None:
    write_wheel(Path(), WheelSpec(requires=("nvidia-nccl-cu12",)))
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run([*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode == 3
    assert "standard output: No space left on device" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "Exception ignored" not in ran.stderr


def run_with(closed: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command with a standard stream closed."""
    words = ["sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, *arguments]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("closed", "code"), [(">&-", 3), ("2>&-", 0), ("<&-", 0), ("<&- >&- 2>&-", 3)])
def test_closed_streams_are_no_crash(closed: str, code: int) -> None:
    for name in ("a", "b"):
        write_wheel(Path(), WheelSpec(project=name, requires=("nvidia-nccl-cu12",)))
    ran = run_with(closed, "strip-gpu", ".")
    assert "Traceback" not in ran.stderr
    assert ran.returncode == code
    assert len(list(Path("fixed").iterdir())) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        *(["strip-gpu", *options, "."] for options in ([], ["--diff"], ["-j", "2"])),
        ["show", "."],
        ["verify", "--format", "json", "."],
        ["mirror", "add", "m", "."],
        ["--help"],
        *(
            pytest.param(each.split(), id=each, marks=pytest.mark.slow)
            for each in (
                "strip-gpu --format json .", "strip-gpu -q .", "show --format json .", "verify .", "repair --format json .",
                "rules list gpu", "completion bash", "--version",
            )
        ),
    ],
    ids=" ".join,
)  # fmt: skip
def test_output_that_goes_nowhere_is_not_success(arguments: list[str]) -> None:
    """A report that nobody could read is exit code 3, also where standard output was closed from the start."""
    write_wheel(Path(), WheelSpec(requires=("nvidia-nccl-cu12",)))
    ran = run_with(">&-", *arguments)
    assert ran.returncode == 3
    assert "standard output: it is closed" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_number_of_a_closed_stream_is_not_that_of_a_wheel() -> None:
    """Where 1 was free, the first wheel that was opened was number 1, and got what is printed."""
    write_wheel(Path(), WheelSpec(requires=("nvidia-nccl-cu12",)))
    program = "import os, sys; from wheelfix.cli import main; sys.argv[1:] = ['--version']; "
    check = "import atexit; atexit.register(lambda: os.write(2, os.readlink('/proc/self/fd/1').encode())); main()"
    words = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-c", program + check]
    assert subprocess.run(words, capture_output=True, text=True, check=False).stderr.endswith(os.devnull)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii", "utf-8"])
@pytest.mark.parametrize("form", ["text", "github"])
def test_a_name_that_the_terminal_cannot_show_is_escaped(form: str, encoding: str, tmp_path: Path) -> None:
    path = write_wheel(tmp_path, WheelSpec(files=(Entry("demo/\u540d.py", b""),), requires=("\u540d",)))
    command = [*COMMAND, "verify", "--format", form, str(path)]
    ran = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding}, check=False)
    assert (ran.returncode, b"Traceback" in ran.stderr) == (1, False)
    assert (b"\\u540d" if encoding in ("latin-1", "cp1252") else "\u540d".encode()) in ran.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_wrong_call_is_one_also_where_nobody_reads_why() -> None:
    with Path("/dev/full").open("w") as full:
        assert subprocess.run([*COMMAND, "bogus"], stderr=full, check=False).returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [["show", "."], ["strip-gpu", "--diff", "."], ["strip-gpu", "--format", "json", "."], ["strip-gpu", "."], ["--help"]],
    ids=" ".join,
)
def test_a_reader_that_has_enough_is_no_crash(arguments: list[str]) -> None:
    """A closed pipe, as from ``| head``, gives what a shell says of a program that SIGPIPE ended, and no traceback."""
    write_wheel(Path(), WheelSpec(requires=tuple(f"nvidia-x{index}-cu12" for index in range(3000))))
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        ran = subprocess.run([*COMMAND, *arguments], stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode == 141
    assert "Traceback" not in ran.stderr
    assert "Exception ignored" not in ran.stderr


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False)],
    ids=str,
)
def test_colour_follows_the_environment(variables: dict[str, str], coloured: bool) -> None:
    path = write_wheel(Path())
    environment = {**os.environ, **variables}
    ran = tools.run_tool("wheelfix", "strip-gpu", path, env=environment)
    assert ran.returncode == 0
    assert ("\x1b[32m" in ran.stderr) is coloured
    assert "\x1b" not in ran.stdout


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
    ids=str,
)
def test_severities_are_coloured_where_it_is_wanted(variables: dict[str, str], coloured: bool) -> None:
    path = write_wheel(Path())
    environment = {**os.environ, **variables}
    ran = tools.run_tool("wheelfix", "verify", path, env=environment)
    assert ("  \x1b[33m\x1b[1mwarning\x1b[0m[" in ran.stdout) is coloured
    ran = tools.run_tool("wheelfix", "verify", "no.whl", env=environment)
    assert ran.stderr.startswith("\x1b[31m\x1b[1merror\x1b[0m: " if coloured else "error: ")


def test_a_diff_in_a_pipe_has_no_colour_even_where_it_is_forced() -> None:
    path = write_wheel(Path(), WheelSpec(requires=("nvidia-nccl-cu12",)))
    words = ["strip-gpu", "--allow-unproven", "--diff", path]
    ran = tools.run_tool("wheelfix", *words, env={**os.environ, "FORCE_COLOR": "1"})
    assert "\n-Requires-Dist: nvidia-nccl-cu12\n" in ran.stdout
    assert "\x1b" not in ran.stdout


@pytest.mark.parametrize("words", [("strip-gpu",), ("verify",), ("show",), ("mirror", "add", "m")], ids=" ".join)
def test_the_last_line_has_the_time_that_the_run_took(words: tuple[str, ...]) -> None:
    path = write_wheel(Path())
    ran = tools.run_tool("wheelfix", *words, path)
    assert ran.returncode == 0
    assert re.search(r"^[A-Z].* 1 (wheel|file)\b.* in \d+\.\d s( -> .*)?$", ran.stderr.splitlines()[-1])


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "POSIX"])
def test_no_locale_is_in_the_way(locale: str) -> None:
    """Pitfall 30: names and text that are not ASCII work under every locale, with the same bytes."""
    folder = Path("pl\u00e4tze")
    folder.mkdir()
    spec = WheelSpec(requires=("nvidia-nccl-cu12; os_name == '\u00e9'",))
    path = write_wheel(folder, spec)
    environment = {**os.environ, "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    check = ["strip-gpu", "--check", "--format", "json"]
    for arguments in (["strip-gpu", "-o", "out"], ["strip-gpu", "--diff"], ["show"], check):
        ran = subprocess.run([*COMMAND, *arguments, path], env=environment, capture_output=True, check=False)
        assert ran.returncode == int("--check" in arguments), ran.stderr
        assert b"Traceback" not in ran.stderr
    assert (Path("out") / path.name).exists()


def test_a_path_that_is_no_utf8_is_printed_as_it_is() -> None:
    """What is printed is the path, byte for byte, so that the next command finds it."""
    folder = os.fsencode("J") + b"\xe9"
    os.mkdir(folder)  # noqa: PTH102
    path = write_wheel(Path(os.fsdecode(folder)))
    ran = subprocess.run([*COMMAND, "strip-gpu", "--in-place", os.fspath(path)], capture_output=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, os.fsencode(path) + b"\n"), ran.stderr


def test_warnings_are_errors_and_there_are_none() -> None:
    path = write_wheel(Path())
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-m", "wheelfix", "strip-gpu", "-j", "2", path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "Warning" not in ran.stderr
