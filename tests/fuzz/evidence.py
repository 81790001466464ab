"""What a wheel's own code and notes say of it: imports beside ``ast``, constants of a build, and the provenance."""

import ast
import warnings
from collections.abc import Iterator
from typing import Any, Final

from msgspec.structs import replace

from fuzz.target import Bound, Target, same
from wheelfix.evidence.build import read_constants
from wheelfix.evidence.python_code import Import, Unclosed, imports_of
from wheelfix.results import Change, ChangeAction, Verdict
from wheelfix.text import shown_anywhere
from wheelfix.wheel.sbom import Ancestor, Provenance, read_provenance, write_provenance

_PACKAGE: Final = "demo.sub"
_Certain: Any = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.For | ast.While
_DEEPEST: Final = 20


def check_imports(data: bytes) -> None:
    """What ``ast`` sees imported, outside of what may fail, is found on its line; or strings are said not to add up."""
    found = [*imports_of(data, _PACKAGE, bool)]
    if any(isinstance(each, Unclosed) for each in found) or not data.isascii() or b"coding" in data:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(data)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
    said = {(each.line, module, name) for each in found if isinstance(each, Import) for module, name in _pairs(each)}
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n") + 1
    assert all(1 <= line <= lines for line, _, _ in said)
    missing = {(module, name) for module, name in _certain(tree.body, 0)} - {(module, name) for _, module, name in said}
    assert not missing, missing


def _pairs(found: Import) -> Iterator[tuple[str, str]]:
    yield from ((found.module, name) for name in found.names or ("",))


def _certain(body: list[ast.stmt], depth: int) -> Iterator[tuple[str, str]]:
    """Yield module and name of what is imported where no error is survived."""
    for each in body:
        if isinstance(each, ast.Import):
            yield from ((alias.name, "") for alias in each.names)
        elif isinstance(each, ast.ImportFrom):
            module = _absolute(each)
            if module is not None:
                yield from ((module, alias.name) for alias in each.names)
        elif isinstance(each, _Certain) and depth < _DEEPEST:
            yield from _certain(each.body, depth + 1)


def _absolute(found: ast.ImportFrom) -> str | None:
    if not found.level:
        return found.module
    parents = _PACKAGE.split(".")
    if found.level > len(parents):
        return None
    return ".".join([*parents[: len(parents) - found.level + 1], *([found.module] if found.module else [])])


def _sources() -> Iterator[bytes]:
    texts = (
        "import a, b.c as d\nfrom e import (f, g as h,\n  i)\nfrom . import j\nfrom ..k.l import m\n",
        "def f():\n    import a  # import b\n    return 'import c'\nclass C:\n  import d; import e\n",
        "x = '''import a\n'''\nimport b\ny = \"\\\"import c\"; import d\nif x: import e\n",
        "try:\n  import a\nexcept ImportError:\n  pass\nelse:\n  import b\n",
        "from a import \\\n  b, \\\n  c\nimport d.e . f\nfrom . . g import h\n",
        "z = f'{x!r:>{y}}' rb'\\'' ; import a\nfrom importlib import import_module as i\ni('b.c')\ni(\".d\", __name__)\n",
        "if TYPE_CHECKING:\n\timport a\nwith suppress(ImportError):\n\timport b\nasync def g():\n\tfrom c import d as e\n",
        "\ufeffimport a\r\nfor x in y:\r  import b\rwhile 1: from c import *\n",
    )
    for text in texts:
        yield text.encode()


def check_constants(data: bytes) -> None:
    """Any source gives the constants of a build or nothing; what they say is data."""
    constants = read_constants(data)
    assert constants is None or all(isinstance(name, str) for name in constants)


def _constants() -> Iterator[bytes]:
    yield b"from typing import Optional\n__version__ = '2.7.0+cpu'\ncuda: Optional[str] = None\n"
    yield b"debug = False\ngit_version = 'abc'\nhip = None\nif True:\n    cuda = '12.6'\nxpu, rocm = None, 1\n"
    yield b"import json\nversion_json = '''\n{\"version\": \"1\"}\n'''\ndel cuda\nglobals()['x'] = 1\n"


def check_provenance(data: bytes) -> None:
    """Any JSON is a provenance or none; one that is written again says the same."""
    found = read_provenance(data)
    if found is None:
        return
    again = read_provenance(write_provenance(found, project="demo", version="1.0", diff="x"))
    assert again is not None
    same(again.ancestors, found.ancestors[: len(again.ancestors)])
    same(again.changes, tuple(map(_with_evidence_shown, found.changes)))
    same((again.rules_digest, again.rule_packs), (found.rules_digest or None, found.rule_packs))


def _with_evidence_shown(change: Change) -> Change:
    """Return a change as it is written: control characters in evidence are escaped, all other text is kept."""
    return change if change.evidence is None else replace(change, evidence=shown_anywhere(change.evidence))


def _provenances() -> Iterator[bytes]:
    change = Change("Requires-Dist", ChangeAction.DROP, "triton", None, "gpu/triton", Verdict.SAFE, "why", "no binary links")
    made = Provenance("1.0", (Ancestor("demo-1.0-py3-none-any.whl", "0" * 64),), (change,), "ab" * 32, ("acme-rules 2",))
    yield write_provenance(made, project="demo", version="1.0", diff="-a\n+b\n")
    other = Provenance("1.0", (), (Change("Name", "another-action", None, "J\u00e9", None),), None)
    yield write_provenance(other, project="demo", version="1.0", before=made)


_PYTHON: Final = (
    "import ", "from ", " as ", "import_module", "__import__(", "'''", '"""', "\\\n", "\n", "\n    ", "\t", ";", ":",
    "#", "try:\n", "except ImportError:\n", "def f():\n", "class C:\n", "if TYPE_CHECKING:\n", "with suppress(", "f'",
    "rb'", "{", "}", "(", ")", ".", "\r", "\x0c", "lambda: ", "else:\n", "match x:\n case ", "async ",
)  # fmt: skip
TARGETS: Final = {
    "imports": Target(check_imports, _sources, longest=400, words=_PYTHON, memory=Bound(1 << 24, 1 << 14)),
    "constants": Target(check_constants, _constants, longest=400, words=_PYTHON, memory=Bound(1 << 24, 1 << 14)),
    "provenance": Target(check_provenance, _provenances, longest=3_000),
}
