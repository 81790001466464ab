"""What a code means: every code that is reported has a row, and the documentation has a section for it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import wheelfix
from wheelfix import errors
from wheelfix.codes import Check
from wheelfix.reports.codes import REGISTRY, explain_code, render_code

SOURCES = Path(wheelfix.__file__).parent
DOCS = Path(__file__).parents[3] / "docs"
PAGES = {
    "wheelfix verify": "checks.md", "wheelfix mirror check": "mirror-checks.md", "rule files": "rule-reference.md",
    "errors": "errors.md",
}  # fmt: skip
ROWS = [
    pytest.param(where, check, id=f"{where}: {code}") for where, table in REGISTRY.items() for code, check in table.items()
]
_ERRORS = {name for name, each in vars(errors).items() if isinstance(each, type)} | {"Problem"}


def raised() -> Iterator[tuple[str, str]]:
    """Yield each code that stands in a call that makes an error or a problem, in a table or as a default, and where."""
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            codes: list[ast.expr | None] = []
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _ERRORS:
                codes = list(node.args[:1])
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "rules_error":
                codes = list(node.args[1:2])
            elif isinstance(node, ast.FunctionDef):
                named = zip(node.args.args[::-1], node.args.defaults[::-1], strict=False)
                codes = [default for argument, default in named if argument.arg == "code"]
            elif isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "_CODES":
                codes = list(node.value.values) if isinstance(node.value, ast.Dict) else []
            for code in codes:
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    yield code.value, f"{path.relative_to(SOURCES)}:{code.lineno}"


def test_every_code_of_an_error_is_explained() -> None:
    found = dict(raised())
    assert len(found) > 80
    assert {"damaged-metadata", "invalid-rules", "strict-rules"} <= found.keys()
    unknown = {}
    for code, where in found.items():
        try:
            explain_code(code)
        except ValueError:
            unknown[code] = where
    assert unknown == {}


def test_every_row_about_an_error_is_about_one_that_is_raised() -> None:
    texts = "\n".join(path.read_text("utf-8") for path in SOURCES.rglob("*.py") if path.name != "refusals.py")
    assert [code for code in REGISTRY["errors"] if f'"{code}"' not in texts] == []


@pytest.mark.parametrize(("where", "check"), ROWS)
def test_row_says_what_to_do_and_has_its_own_anchor(where: str, check: Check) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", check.code)
    assert check.meaning.endswith(".")
    assert check.remedy or where == "wheelfix mirror check"
    page = (DOCS / PAGES[where]).read_text("utf-8")
    assert len(re.findall(rf"^##+ {check.code}$", page, re.MULTILINE)) == 1
    assert check.meaning in page


def test_explanation_has_all_there_is_to_say() -> None:
    lines = render_code("record-wrong-hash").splitlines()
    assert lines[0] == "record-wrong-hash (error, wheelfix verify)"
    assert [line.partition(":")[0] for line in lines if ":" in line] == [
        "Refused by", "Example", "How to fix it", "Fixable by wheelfix", "Specification",
    ]  # fmt: skip


def test_code_of_two_tables_is_explained_twice() -> None:
    assert [where for where, _ in explain_code("release-disagrees")] == ["wheelfix verify", "wheelfix mirror check"]


def test_code_of_an_error_of_a_wheel_stands_for_that_of_verify() -> None:
    assert [check.code for _, check in explain_code("not-a-zip")] == ["archive-not-a-zip"]
    assert [check.code for _, check in explain_code("bad-row")] == ["record-bad-row"]


def test_error_of_the_system_is_explained() -> None:
    assert "No space left" in render_code("enospc")


def test_unknown_code_names_the_one_that_may_be_meant() -> None:
    with pytest.raises(ValueError, match="Did you mean gpu-requirements"):
        explain_code("gpu-requirement")
    with pytest.raises(ValueError, match="list all codes"):
        explain_code("x")
