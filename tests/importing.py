"""What modules the program imports for the commands that people start most; run it to write imports.txt again."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from places import ROOT

LIST: Final = Path(__file__).with_name("imports.txt")
_WHEEL: Final = "torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"
COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "import wheelfix": (),
    "wheelfix --version": ("--version",),
    "wheelfix --help": ("--help",),
    "wheelfix --no-such-option": ("--no-such-option",),
    f"wheelfix strip-gpu {_WHEEL}": ("strip-gpu", str(ROOT / "sample_wheels" / _WHEEL)),
    f"wheelfix edit --drop triton {_WHEEL}": ("edit", "--drop", "triton", str(ROOT / "sample_wheels" / _WHEEL)),
    f"wheelfix verify {_WHEEL}": ("verify", str(ROOT / "sample_wheels" / _WHEEL)),
    f"wheelfix mirror add mirror {_WHEEL}": ("mirror", "add", "mirror", str(ROOT / "sample_wheels" / _WHEEL)),
}
"""What is started, and the arguments for that."""
_THIRD_PARTY: Final = frozenset(
    {"click", "elftools", "filelock", "isal", "msgspec", "packaging", "pypi_simple", "requests", "rich", "tomli_w",
     "urllib3", "wheel"}
)  # fmt: skip
_SLOW: Final = frozenset(
    {"asyncio", "concurrent.futures", "configparser", "csv", "ctypes", "difflib", "email", "http", "importlib.metadata",
     "importlib.resources", "json", "logging", "multiprocessing", "ssl", "subprocess", "tempfile", "tomllib", "unittest",
     "urllib.request", "xml", "zipfile"}
)  # fmt: skip
"""Modules of the standard library that take half a millisecond or more; other libraries may import them."""
_PROGRAM: Final = """
import sys
if sys.argv[1:]:
    from wheelfix.cli import run
    run(sys.argv[1:])
else:
    import wheelfix
print("modules", *sys.modules)
"""


def imported(arguments: tuple[str, ...], directory: Path) -> set[str]:
    """Return the modules that a run in ``directory`` imports: ours, third-party packages, and slow ones of Python."""
    # Measuring coverage imports modules of its own, and ours, in every process that it follows.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    ran = subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, check=True)
    modules = ran.stdout.splitlines()[-1].split()[1:]
    return {each for each in modules if each.partition(".")[0] == "wheelfix" or each in _THIRD_PARTY | _SLOW}


def expected() -> dict[str, set[str]]:
    """Return what imports.txt lists, by what is started."""
    parts = (part.split("\n") for part in LIST.read_text("utf-8").strip().split("\n\n"))
    return {title.removeprefix("# "): {*names} for title, *names in parts}


def main() -> None:
    """Write imports.txt again."""
    parts = []
    for title, arguments in COMMANDS.items():
        with tempfile.TemporaryDirectory() as directory:
            parts.append("\n".join([f"# {title}", *sorted(imported(arguments, Path(directory)))]))
    LIST.write_text("\n\n".join(parts) + "\n", "utf-8")


if __name__ == "__main__":
    main()
