"""The public interface: every name is there and documented, and the examples in the docs run."""

import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

import wheelfix
import wheelfix.errors as wheelfix_errors
from building import WheelSpec, write_wheel
from places import ROOT

PAGES = ("README.md", "docs/guides/python.md", "docs/reference/api.md")
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_WHEEL_NAME = re.compile(r"[A-Za-z0-9_.]+-[A-Za-z0-9_.+!]+(?:-\d\w*)?-[a-z0-9_.]+-[a-z0-9_]+-[a-z0-9_.]+\.whl")


@pytest.mark.parametrize("name", wheelfix.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    value = getattr(wheelfix, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value)
        assert inspect.getdoc(value) != inspect.getdoc(Struct), "a docstring that is inherited"


def test_the_list_is_sorted_and_complete() -> None:
    assert wheelfix.__all__ == sorted(wheelfix.__all__)
    assert set(wheelfix.__all__) <= set(dir(wheelfix))
    with pytest.raises(AttributeError, match="no_such_name"):
        wheelfix.no_such_name  # noqa: B018


def test_errors_have_one_root() -> None:
    values = [getattr(wheelfix, name) for name in wheelfix.__all__]
    errors = [value for value in values if inspect.isclass(value) and issubclass(value, Exception)]
    assert len(errors) > 10
    assert all(issubclass(error, wheelfix.WheelfixError) for error in errors)
    assert {error.__name__ for error in errors} <= set(re.findall(r"\w+", wheelfix_errors.__doc__ or ""))
    error = wheelfix.OutputError("code", "it is taken", hint="Choose another.")
    assert (str(error), error.code) == ("it is taken. Choose another.", "code")


def examples() -> list[Any]:
    """Return every example: the literal blocks of the package docstring, and the fenced ones of the pages."""
    doc = inspect.getdoc(wheelfix) or ""
    blocks = [textwrap.dedent(found) for found in re.findall(r"::\n\n((?:    .*\n?|\n)+)", doc)]
    found = [pytest.param("\n".join(blocks), id="package-docstring")]
    for page in PAGES:
        blocks = _BLOCK.findall((ROOT / page).read_text("utf-8"))
        found += [pytest.param(block, id=f"{Path(page).stem}-{index}") for index, block in enumerate(blocks)]
    return found


def prepare(folder: Path, code: str) -> None:
    """Put a sample wheel wherever ``code`` names one, and some in the folders that it names by pattern."""
    places = [folder, folder / "wheels", folder / "sample_wheels", *([folder / "fixed"] if '"fixed/' in code else [])]
    for place in places[1:]:
        place.mkdir()
    names = {*_WHEEL_NAME.findall(code), "torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"}
    for name in names:
        parsed = wheelfix.WheelFilename.parse(name)
        requires, tags = ("triton", "nvidia-nccl-cu12", "numpy"), f"{parsed.python}-{parsed.abi}-{parsed.platform}"
        spec = WheelSpec(project=parsed.raw_project, version=parsed.version, requires=requires, tags=tags)
        for place in places:
            write_wheel(place, spec)


@pytest.mark.parametrize("code", examples())
def test_the_examples_run(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path, code)
    before = set(tmp_path.rglob("*.whl"))
    exec(compile(code, "example", "exec"), {"__name__": "__main__", "wheelfix": wheelfix, "Path": Path})
    changed = set(tmp_path.rglob("*.whl")) - before
    assert changed or "print" in code or "assert" in code
