"""The imports in Python source."""

import ast
import time
from textwrap import dedent

import pytest

from counting import count_calls
from wheelfix.evidence.python_code import Import, Unclosed, imports_of


def found(source: str, package: str = "demo.sub") -> list[tuple[str, tuple[str, ...], int]]:
    return [tuple(each) for each in imports_of(dedent(source).encode(), package, bool)]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a", [("a", (), 1)]),
        ("import a.b as c, d", [("a.b", (), 1), ("d", (), 1)]),
        ("from a.b import c, d as e", [("a.b", ("c", "d"), 1)]),
        ("from a import (b,\n  c,  # why\n)\nimport d", [("a", ("b", "c"), 1), ("d", (), 4)]),
        ("from a import \\\n  b", [("a", ("b",), 1)]),
        ("from a import *", [("a", ("*",), 1)]),
        ("from . import x", [("demo.sub", ("x",), 1)]),
        ("from .x import y", [("demo.sub.x", ("y",), 1)]),
        ("from .. import x", [("demo", ("x",), 1)]),
        ("from ..x.y import z", [("demo.x.y", ("z",), 1)]),
        ("from . . x import y", [("demo.x", ("y",), 1)]),
        ("from ... import above", []),
        ("x = 1; import a; import b", [("a", (), 1), ("b", (), 1)]),
        ("if x: import a", [("a", (), 1)]),
        ("def f():\n    import a", [("a", (), 2)]),
        (
            "from importlib import import_module\nimport_module('a.b')",
            [("importlib", ("import_module",), 1), ("a.b", (), 2)],
        ),
        ('importlib.import_module( "a.b" )', [("a.b", (), 1)]),
        ("importlib.import_module('.x', package=__package__)", [("demo.sub.x", (), 1)]),
        ("importlib.import_module('..x', 'demo.other')", [("demo.x", (), 1)]),
        ("importlib.import_module(name='a.b')", [("a.b", (), 1)]),
        ("importlib.import_module(name = u'.x', package=__package__)", [("demo.sub.x", (), 1)]),
        ("import_module(r'a.b')", [("a.b", (), 1)]),
        (
            "from importlib import import_module as load\nload('a.b'); reload('c'); x.loads('d')",
            [("importlib", ("import_module",), 1), ("a.b", (), 2)],
        ),
        ("load = importlib.import_module\nget=__import__\nload('a.b')\nget('c')", [("a.b", (), 3), ("c", (), 4)]),
        ("other = import_module('a')\nother('b')", [("a", (), 1)]),
        ("importlib.import_module(f'{name}.x')", []),
        ("importlib.import_module('a' + name)", []),
        ("importlib.import_module(name)", []),
        ("__import__('a.b', globals())", [("a.b", (), 1)]),
        ("import\tä", [("ä", (), 1)]),
        ("reimport = 1\nx.import_ = 2\nimportlib = 3\n", []),
        ('# import a\n\'import b\'\n"""\nimport c\n"""\nimport d', [("d", (), 6)]),
        ("'\\'\\\n'; import a", [("a", (), 2)]),
        ("x = '''it's\nimport b\n'''; import a", [("a", (), 3)]),
        ("x = 'unclosed\nimport a", [("a", (), 2)]),
        ("raise X from e\nimport a", [("a", (), 2)]),
        ("yield from a\nimport b", [("b", (), 2)]),
        ("import a . b . c as d, e .f", [("a.b.c", (), 1), ("e.f", (), 1)]),
        ("from .import a\nfrom ..import b", [("demo.sub", ("a",), 1), ("demo", ("b",), 2)]),
        ("import a\r\nfrom b import c\r\n", [("a", (), 1), ("b", ("c",), 2)]),
        ("\ufeffimport a", [("a", (), 1)]),
        ("\ufefffrom . import a\nimport b", [("demo.sub", ("a",), 1), ("b", (), 2)]),
        ("\ufeff\ufeffimport a", []),
        ("", []),
    ],
)
def test_imports(source: str, expected: list[object]) -> None:
    assert found(source) == expected


@pytest.mark.parametrize(
    ("source", "is_needed"),
    [
        ("try:\n    import a\nexcept ImportError:\n    a = None", False),
        ("try:\n    import a\nexcept (ValueError, ModuleNotFoundError):\n    pass", False),
        ("try:\n    import a\nexcept Exception as error:\n    log(error)", False),
        ("try:\n    import a\nexcept:\n    pass", False),
        ("try: import a\nexcept ImportError: pass", False),
        ("try:\n    import a\nexcept ValueError:\n    pass", True),
        ("try:\n    import a\nexcept ImportError as error:\n    raise X from error", True),
        ("try:\n    import a\nexcept ImportError: raise", True),
        ("try:\n    import a\nexcept ImportError:\n    print(x)\n    sys.exit(1)", True),
        ("try:\n    import a\nexcept ImportError: exit()", True),
        ("try:\n    import a\nexcept ImportError:\n    os._exit(1)", True),
        ("try:\n    import a\nexcept ImportError:\n    exit_code = sys.exit", False),
        ("try:\n    import a\nfinally:\n    pass", True),
        ("try:\n    x\nexcept ImportError:\n    import a", True),
        ("try:\n    x\nexcept ImportError:\n    pass\nelse:\n    import a", True),
        ("try:\n    if x:\n        import a\nexcept ImportError:\n    pass", False),
        ("try:\n    x(\n1)\n    import a\nexcept ImportError:\n    pass", False),
        ("try:\n    x = '''\nno indent\n'''\n    import a\nexcept ImportError:\n    pass", False),
        ("try:\n    def f():\n        import a\nexcept ImportError:\n    pass", True),
        ("def f():\n    try:\n        import a\n    except ImportError:\n        pass", False),
        ("with contextlib.suppress(ImportError):\n    import a", False),
        ("with suppress(ValueError):\n    import a", True),
        ("if TYPE_CHECKING:\n    import a", False),
        ("if typing.TYPE_CHECKING:\n\timport a", False),
        ("if TYPE_CHECKING:\n    def f():\n        import a", False),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    import a", True),
        ("if not TYPE_CHECKING:\n    import a", True),
        ("if TYPE_CHECKING:\n    pass\nimport a", True),
        ("try:\n    pass\nexcept ImportError:\n    pass\ntry:\n    import a\nexcept ValueError:\n    pass", True),
    ],
)
def test_imports_whose_failure_is_caught_are_not_needed(source: str, is_needed: bool) -> None:
    ast.parse(source)
    assert bool(found(source)) is is_needed


@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_string_without_an_end_is_reported(quote: str) -> None:
    """Quotes in f-strings of Python 3.12 open what the scanner takes for a string that hides the rest."""
    other = "'" if quote == '"' else '"'
    source = f"x = 1\ny = f{quote}{{{other}a{quote * 4}{other}}}{quote}\nimport a\n".encode()
    first, *_ = imports_of(source, "", bool)
    assert first == Unclosed(2)
    closed = source + quote.encode() * 3
    assert not any(isinstance(each, Unclosed) for each in imports_of(closed, "", bool))


def test_what_may_be_a_module() -> None:
    assert [*Import("a.b", ("c",), 1).modules] == ["a.b.c", "a.b", "a"]


@pytest.mark.parametrize("size", [1 << 18, pytest.param(1 << 20, marks=(pytest.mark.slow, pytest.mark.parts))])
@pytest.mark.parametrize(
    "pattern",
    [
        b"(", b"import ", b"import(", b"from import ", b"import a;", b"import a\n", b"'", b"\"\"\"", b"\\\n", b"from ",
        b"f'{a}'", b"#", b"\n", b"if a:\n import b\n", b"import_module (", b"import_module('a.b')", b"try:", b"\\", b" ",
        b"try:\n import a\nexcept\n", b":", b"from .. . import ", b"\r", b"except ", b"suppress(", b"a.", b"import a.b, ",
        b"with suppress(ImportError): import a\n", b"a", b"a=", b"a = importlib . import_module\n", b"import_module as a ",
        b"a (", b"a(name", b"a = importlib ", b"exit (", b"from " + b"a." * 400 + b"a import " + b"b," * 400,
    ],
)  # fmt: skip
def test_hostile_source_is_read_in_one_pass(pattern: bytes, size: int) -> None:
    """``ast.parse`` takes a minute for a megabyte of f-strings, and a gigabyte of memory for one of statements."""
    start = time.process_time()
    assert sum(1 for _ in imports_of(pattern * (size // len(pattern)) + b"\nimport a", "demo", bool)) >= 0
    assert time.process_time() - start < 10


def test_deep_blocks_are_followed_only_so_far() -> None:
    def work(depth: int) -> int:
        source = b"".join(b" " * level + b"if a:\n" for level in range(depth)) + b"".join(
            b" " * depth + b"import a\n" for _ in range(100)
        )
        return count_calls(lambda: [*imports_of(source, "demo", bool)])

    assert work(800) < 10 * work(200)
