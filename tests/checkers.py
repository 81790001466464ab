"""Other tools that look at wheels, each run in this process, and the page that lists which defects they notice."""

import contextlib
import io
import logging
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from check_wheel_contents.checker import WheelChecker
from check_wheel_contents.contents import WheelContents
from installer.sources import WheelFile as InstallerFile
from packaging.metadata import Metadata
from twine.commands.check import check as twine_check
from wheel.wheelfile import WheelFile

from building import to_bytes
from defects import DEFECTS, VALID, Defect, valid
from places import REFERENCE
from wheelfix.verify.registry import CHECKS

PAGE: Final = REFERENCE / "who-refuses.md"
BEGIN: Final = "<!-- made from here -->\n"
END: Final = "<!-- to here -->\n"


def _read_with_wheel(path: Path) -> str:
    with WheelFile(path) as opened:
        for name in opened.namelist():
            opened.read(name)
    return ""


def _validate_with_installer(path: Path) -> str:
    with InstallerFile.open(path) as opened:
        opened.validate_record(validate_contents=True)
    return ""


def _check_contents(path: Path) -> str:
    checker = WheelChecker()
    checker.configure_options()
    return "; ".join(failed.show() for failed in checker.check_contents(WheelContents.from_wheel(path)))


def _check_with_twine(path: Path) -> str:
    return "it does not pass" if twine_check([str(path)], strict=True) else ""


def _validate_with_packaging(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        Metadata.from_email(archive.read(name), validate=True)
    return ""


TOOLS: Final[Mapping[str, Callable[[Path], str]]] = {
    "wheel": _read_with_wheel,
    "installer": _validate_with_installer,
    "check-wheel-contents": _check_contents,
    "twine": _check_with_twine,
}


READERS: Final[Mapping[str, Callable[[Path], str]]] = {**TOOLS, "packaging": _validate_with_packaging}
"""The tools on the page, and what the strict ones are built upon."""


def complaint(tool: str, path: Path) -> str:
    """Return what ``tool`` complains about, empty if it is content."""
    logging.getLogger("twine").setLevel(logging.CRITICAL)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            return READERS[tool](path)
        except Exception as error:  # noqa: BLE001  # whatever it raises is its complaint
            return f"{type(error).__name__}: {error}"


@cache
def noticed() -> Mapping[str, list[tuple[str, ...]]]:
    """Return for each code, and each of its samples, the tools that complain about it."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for defect, paths in written():
        found.setdefault(defect.code, []).append(tuple(tool for tool in TOOLS if complaint(tool, paths[0])))
    return found


def written() -> Iterator[tuple[Defect, list[Path]]]:
    """Yield each defect with its wheels, which are there until the next one."""
    for defect in DEFECTS:
        with tempfile.TemporaryDirectory() as folder:
            yield defect, defect.write(Path(folder))


def sound_complaints() -> dict[str, str]:
    """Return what each tool complains about in the valid wheel."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / valid().filename
        path.write_bytes(to_bytes(VALID))
        return {tool: text for tool in TOOLS if (text := complaint(tool, path))}


def comparison() -> str:
    """Return what stands on the page: a table of codes that others notice, and the codes that only ``verify`` finds."""
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    found = {code: noticed()[code] for code in CHECKS}
    shared = {code: samples for code, samples in found.items() if any(samples)}
    yield f"\n| what is wrong | verify | {' | '.join(TOOLS)} |"
    yield "|---|---|" + "---|" * len(TOOLS)
    for code, samples in shared.items():
        yield f"| `{code}` | yes | {' | '.join(_word(tool, samples) for tool in TOOLS)} |"
    only = [code for code in found if code not in shared]
    yield f"\n*some*: of several wheels with this finding the tool reports one or more, not all. Of {len(found)} codes"
    counts = [f"{tool} reports {sum(any(tool in each for each in samples) for samples in found.values())}" for tool in TOOLS]
    yield f"{', '.join(counts[:-1])} and {counts[-1]}."
    yield f"\nNone of them reports these {len(only)}; some of them pip, uv or PyPI refuse"
    yield "([What verify checks](checks.md) says who):\n"
    families: dict[str, list[str]] = {}
    for code in only:
        families.setdefault(code.partition("-")[0], []).append(f"`{code}`")
    for codes in families.values():
        yield f"- {', '.join(codes)}"
    yield ""


def _word(tool: str, samples: list[tuple[str, ...]]) -> str:
    count = sum(tool in each for each in samples)
    return "yes" if count == len(samples) else "some" if count else "\N{EM DASH}"


def page() -> str:
    """Return the page as it should be."""
    text = PAGE.read_text("utf-8")
    return text[: text.index(BEGIN) + len(BEGIN)] + comparison() + text[text.index(END) :]
