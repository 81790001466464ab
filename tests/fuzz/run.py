"""Fuzzes one target: goes on from its corpus, and puts what it finds back, minimised.

``python tests/fuzz/run.py layout 600`` fuzzes the target ``layout`` for 600 seconds of processor time. Where an input breaks
the statement of the target, it prints the input as a line, which belongs into ``tests/fuzz/found/layout.txt`` once the
mistake is corrected: a test tries it from then on.

Each step is a process of its own: libFuzzer ends the process that it runs in.
"""

import argparse
import json
import os
import re
import resource
import shlex
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Final

_TESTS: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_TESTS), str(_TESTS.parent / "sample_wheels")]

from fuzz.corpus import encoded, read_corpus, write_corpus  # noqa: E402 - where it is, only the line above says
from fuzz.targets import MODULES, target  # noqa: E402

_MEMORY: Final = Path("/dev/shm")
"""Where files are in memory, on systems that have such a place."""
_TRIED: Final = 5
"""So many inputs are tried before fuzzing begins."""
_COUNTED: Final = 64
"""Of so many inputs the work for one is counted: counting takes five times as long."""
_SLOWEST: Final = 30
"""In seconds: an input that takes longer is taken for one that never ends."""
_MOST_MEMORY: Final = 2048
"""In MiB, of the whole process: what one input may take is counted apart."""
_UNCAUGHT: Final = "=== Uncaught Python exception"
"""How atheris begins what it prints of an exception."""
_LONGEST: Final = 4_000
"""How much of that is printed, in characters."""
_RUNS: Final = re.compile(r"^stat::number_of_executed_units:\s*(\d+)", re.MULTILINE)


def main() -> int:
    """Fuzz the target that the command line names; return 1 if it finds something."""
    given = argparse.ArgumentParser(description="Fuzz one target on from its corpus.")
    given.add_argument("target", nargs="?", choices=sorted(MODULES), help="one of: " + ", ".join(sorted(MODULES)))
    given.add_argument("seconds", type=int, nargs="?", default=600)
    given.add_argument("--log", type=Path, help="append executions and seconds to this file")
    asked = given.parse_args()
    if asked.target is None:
        given.error("name a target: " + ", ".join(sorted(MODULES)))
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as name:
        folder = Path(name)
        os.environ["TMPDIR"] = name  # what the targets write: libFuzzer ends a process without any cleaning up
        _write_inputs(folder / "begin", [*target(asked.target).seeds(), *read_corpus(asked.target)])
        (folder / "grown").mkdir()
        code, said = _fuzz(folder, asked.target, asked.seconds)
        found = sorted(folder.glob("crash-*")) + sorted(folder.glob("timeout-*")) + sorted(folder.glob("oom-*"))
        for path in found:
            sys.stdout.write(f"{path.name.partition('-')[0]} of {asked.target}:\n{encoded(path.read_bytes())}\n")
            sys.stdout.write(said[said.find(_UNCAUGHT) :][:_LONGEST])
        if code and not found:
            sys.stdout.write(f"libFuzzer ended with code {code}:\n{said[-_LONGEST:]}\n")
        kept = _merge(folder, asked.target)
    runs = sum(map(int, _RUNS.findall(said)))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    row = {
        "target": asked.target, "seconds": asked.seconds, "processor": round(used.ru_utime + used.ru_stime),
        "executions": runs, "corpus": kept, "found": len(found),
    }  # fmt: skip
    sys.stdout.write(json.dumps(row) + "\n")
    if asked.log:
        with asked.log.open("a") as log:
            log.write(json.dumps(row) + "\n")
    return 1 if code or found else 0


def _write_inputs(folder: Path, inputs: Iterable[bytes]) -> None:
    folder.mkdir()
    for number, data in enumerate(inputs):
        (folder / f"{number:06}").write_bytes(data)


def _fuzz(folder: Path, name: str, seconds: int) -> tuple[int, str]:
    """Fuzz from the inputs in ``begin``; what is new comes into ``grown``."""
    given = target(name)
    options = [
        f"-max_total_time={seconds}", f"-max_len={given.longest}", f"-timeout={_SLOWEST}", f"-rss_limit_mb={_MOST_MEMORY}",
        f"-artifact_prefix={folder}/", "-print_final_stats=1", "-len_control=20",
    ]  # fmt: skip
    if given.words:
        words = folder / "words"
        words.write_text("".join(f"{_quoted(each if isinstance(each, bytes) else each.encode())}\n" for each in given.words))
        options.append(f"-dict={words}")
    return _libfuzzer(folder, name, [*options, str(folder / "grown"), str(folder / "begin")])


def _merge(folder: Path, name: str) -> int:
    """Write the corpus of a target anew: the shortest inputs that reach all that is reached; return how many."""
    (folder / "merged").mkdir()
    order = [str(folder / each) for each in ("merged", "begin", "grown")]
    code, said = _libfuzzer(folder, name, ["-set_cover_merge=1", f"-max_len={target(name).longest}", *order])
    merged = [path.read_bytes() for path in (folder / "merged").iterdir()]
    if code or not merged:
        sys.stdout.write(f"the corpus stays as it is:\n{said[-2_000:]}")
        return len(read_corpus(name))
    return write_corpus(name, merged)


def _quoted(word: bytes) -> str:
    """Return a word as a dictionary of libFuzzer has it."""
    return '"' + "".join(f"\\x{each:02x}" for each in word) + '"'


def _libfuzzer(folder: Path, name: str, options: list[str]) -> tuple[int, str]:
    """Run libFuzzer; return its exit code and what it printed. To merge it starts itself again, by the name it has."""
    program = folder / "fuzz"
    words = shlex.join([sys.executable, __file__, "--fuzz", str(program), name])
    program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    program.chmod(0o755)
    done = subprocess.run([program, *options], capture_output=True, text=True, errors="replace", check=False)
    return done.returncode, done.stdout + done.stderr


def _be_fuzzed(program: str, name: str, options: list[str]) -> None:
    """Give this process to libFuzzer."""
    import atheris  # only the dependency group "fuzz" installs it

    sys.stderr.flush()
    with atheris.instrument_imports(include=_instrumented(name), enable_loader_override=False):
        given = target(name)
        for data in islice(given.seeds(), _TRIED):  # what is imported late is instrumented then, too
            given.check(data)
    from fuzz.target import check_bounds

    def check(data: bytes) -> None:
        if zlib.crc32(data) % _COUNTED:
            given.check(data)
        else:
            check_bounds(given, data)

    atheris.Setup([program, *options], check)
    atheris.Fuzz()


def _instrumented(name: str) -> list[str]:
    return ["wheelfix", *(["tomllib"] if MODULES[name] == "tables" else [])]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--fuzz"]:
        os.environ.pop("WHEELFIX_CONFIG", None)
        _be_fuzzed(sys.argv[2], sys.argv[3], sys.argv[4:])
    sys.exit(main())
