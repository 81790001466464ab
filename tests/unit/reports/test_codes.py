"""What a code means: every code that is reported has a row, and the documentation has a section for it."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import wheelfix
from book.pages import blocks, pages, read_page
from places import REFERENCE
from wheelfix import errors
from wheelfix.cli.params import NAMES_NOTHING
from wheelfix.codes import Check
from wheelfix.refusals import FAMILIES
from wheelfix.reports.codes import PAGES, REGISTRY, explain_code, paragraphs, render_code
from wheelfix.reports.examples import OF_ERRORS, OF_MIRRORS, OF_PLANS

SOURCES = Path(wheelfix.__file__).parent
ROWS = [
    pytest.param(where, check, id=f"{where}: {code}") for where, table in REGISTRY.items() for code, check in table.items()
]
_ERRORS = {name for name, each in vars(errors).items() if isinstance(each, type)} | {"Problem"}


@cache
def _nodes() -> dict[Path, list[ast.AST]]:
    return {path: [*ast.walk(ast.parse(path.read_text("utf-8")))] for path in sorted(SOURCES.rglob("*.py"))}


def raised() -> Iterator[tuple[str, str]]:
    """Yield each code that stands in a call that makes an error or a problem, in a table or as a default, and where."""
    for path, nodes in _nodes().items():
        for node in nodes:
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


def test_every_row_about_a_plan_is_about_a_code_of_one() -> None:
    files = [*(SOURCES / "sync").rglob("*.py"), SOURCES / "cli" / "mirror" / "sync_run.py"]
    texts = "\n".join(path.read_text("utf-8") for path in files if path.name != "codes.py")
    assert [code for code in REGISTRY["wheelfix mirror sync"] if f'"{code}"' not in texts] == []


@pytest.mark.parametrize(("where", "check"), ROWS)
def test_row_says_what_to_do_and_has_its_own_anchor(where: str, check: Check) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", check.code)
    assert check.meaning.endswith(".")
    page = (REFERENCE / PAGES[where]).read_text("utf-8")
    assert len(re.findall(rf"^##+ {check.code}$", page, re.MULTILINE)) == 1
    assert check.meaning in page


@pytest.mark.parametrize(("where", "check"), ROWS)
def test_row_says_what_it_means_who_is_affected_what_it_looks_like_and_what_to_do(where: str, check: Check) -> None:
    said = dict(paragraphs(check))
    assert {"", "Impact", "Example", "How to fix it"} <= said.keys()
    assert said["Impact"].endswith(".")
    page = (REFERENCE / PAGES[where]).read_text("utf-8")
    section = page.partition(f"# {check.code}\n")[2].partition("\n## ")[0].partition("\n### ")[0]
    assert all(text in section for text in (said["Impact"], said["Example"], said["How to fix it"]))


def test_no_code_of_an_error_has_two_rows() -> None:
    """The second one hid what the first one explained."""
    codes = [each.code for family in FAMILIES.values() for each in family]
    assert sorted(codes) == sorted(set(codes))


@cache
def messages() -> tuple[re.Pattern[str], ...]:
    """Return each text in the sources that a message can be, with anything where a value is."""
    return tuple(re.compile(pattern, re.DOTALL) for pattern in sorted({*_patterns()}))


def _patterns() -> Iterator[str]:
    for path, nodes in _nodes().items():
        if path.name in ("examples.py", "refusals.py", "codes.py"):
            continue
        for node in nodes:
            if isinstance(node, ast.JoinedStr):
                fixed = [each.value if isinstance(each, ast.Constant) else None for each in node.values]
            else:
                fixed = [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []
            if sum(len(re.sub(r"\W", "", str(each))) for each in fixed if each is not None) >= 7:
                pattern = "".join(".*" if each is None else re.escape(str(each)) for each in fixed)
                yield f"(?:.+: |.+ is |[A-Z_0-9]+ )?{pattern}"


_OF_OTHERS = {"internal-error", "os-error", "unreadable"}
"""What they say is a text of Python, or of the operating system."""


def test_each_example_is_what_the_program_can_print() -> None:
    examples = OF_ERRORS | OF_MIRRORS | OF_PLANS
    assert examples.keys() >= _OF_OTHERS
    wrong = {
        code: text
        for code, text in examples.items()
        if code not in _OF_OTHERS and not any(each.fullmatch(text) for each in messages())
    }
    assert wrong == {}


def test_what_an_index_does_not_have_ends_a_run_that_only_reads() -> None:
    """Who is affected by it: not one wheel of many, as ``mirror add`` has it."""
    affected = {
        code: check.consequence for table in REGISTRY.values() for code, check in table.items() if code in NAMES_NOTHING
    }
    assert affected.keys() == NAMES_NOTHING
    assert [code for code, text in affected.items() if "exit code 2" not in text] == []


def test_examples_name_what_is_listed_in_order() -> None:
    """``rules test`` and ``rules check --names`` sort names, and so do messages about several wheels."""
    texts = [paragraphs(check) for table in REGISTRY.values() for check in table.values()]
    listed = [re.findall(r"such as ([\w-]+(?:, [\w-]+)+)", dict(each)["Example"]) for each in texts]
    names = [text.split(", ") for found in listed for text in found]
    assert names
    assert [each for each in names if each != sorted(each)] == []


def test_each_message_in_a_text_of_the_book_can_be_printed() -> None:
    """Nothing compares these with an output: what is typed, and what it prints, is a console block."""
    texts = [block.text for page in pages() for block in blocks(read_page(page)) if block.kind in ("text", "")]
    said = [
        found
        for text in texts
        for found in re.findall(r"^(?:error|warning|note)\[([\w-]+)\]: (?!\.\.\.$)(.*)$", text, re.MULTILINE)
    ]
    assert said
    for code, text in said:
        assert code in _OF_OTHERS or any(each.fullmatch(text) for each in messages()), f"{code}: {text}"
        explain_code(code)


def test_explanation_has_all_there_is_to_say() -> None:
    lines = render_code("record-wrong-hash").splitlines()
    assert lines[0] == "record-wrong-hash (error, wheelfix verify)"
    assert [line.partition(":")[0] for line in lines if ":" in line] == [
        "Impact", "Example", "How to fix it", "Fixable by wheelfix", "Specification", "Documentation",
    ]  # fmt: skip


def test_code_of_two_tables_is_explained_twice() -> None:
    assert [where for where, _ in explain_code("release-disagrees")] == ["wheelfix verify", "wheelfix mirror check"]


def test_code_of_an_error_of_a_wheel_stands_for_that_of_verify() -> None:
    assert [check.code for _, check in explain_code("not-a-zip")] == ["archive-not-a-zip"]
    assert [check.code for _, check in explain_code("bad-row")] == ["record-bad-row"]


def test_error_of_the_system_is_explained() -> None:
    text = render_code("enospc")
    assert "No space left" in text
    assert [line.partition(":")[0] for line in text.splitlines()[4:]] == ["Impact", "Example", "How to fix it"]


def test_unknown_code_names_the_one_that_may_be_meant() -> None:
    with pytest.raises(ValueError, match="Did you mean gpu-requirements"):
        explain_code("gpu-requirement")
    with pytest.raises(ValueError, match="All codes: "):
        explain_code("x")
