"""Write an example of each finding, as ``verify`` reports it of a wheel of the tests; ``--check`` only compares."""

import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import generated

from wheelfix.verify.batch import verify_wheels
from wheelfix.verify.registry import CHECKS

ROOT: Final = Path(__file__).parents[1]
TARGET: Final = ROOT / "src/wheelfix/verify/examples.py"
_HEAD: Final = '''"""An example of each finding, as reported of a wheel of the tests; docs/write_examples.py writes it."""

from typing import Final

# fmt: off
EXAMPLES: Final[dict[str, str]] = {
'''
_WIDTH: Final = 110
_LONGEST: Final = 300


def examples() -> dict[str, str]:
    """Return the shortest report of each code, in the order in which the tests have them."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "sample_wheels")]
    from defects import DEFECTS

    found: dict[str, str] = {}
    for defect in DEFECTS:
        with TemporaryDirectory() as directory:
            checked = verify_wheels(defect.write(Path(directory))).wheels
        for each in (finding for wheel in checked for finding in wheel.findings if finding.code == defect.code):
            text = f"{each.place}: {each.message}" if each.place else each.message
            text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
            found[defect.code] = min(found.get(defect.code, text), text, key=lambda text: (len(text), text))
    return found


def module(found: Mapping[str, str]) -> str:
    """Return the text of the module."""
    return _HEAD + "".join(_item(code, text) for code, text in found.items()) + "}\n"


def _item(code: str, text: str) -> str:
    line = f'    "{code}": {_literal(text)},\n'
    if len(line) <= _WIDTH + 16:
        return line
    pieces = textwrap.wrap(text, _WIDTH, drop_whitespace=False, break_on_hyphens=False)
    return f'    "{code}": (\n' + "".join(f"        {_literal(piece)}\n" for piece in pieces) + "    ),\n"


def _literal(text: str) -> str:
    """Return ``text`` as the formatter writes it."""
    return repr(text) if '"' in text and "'" not in text else '"' + repr("'" + text)[2:-1].replace('"', '\\"') + '"'


def texts() -> Mapping[Path, str]:
    """Return the text of the module by its path."""
    found = examples()
    if missing := CHECKS.keys() - found.keys():
        sys.exit(f"no wheel in tests/defects.py triggers {', '.join(sorted(missing))}")
    return {TARGET: module(found)}


if __name__ == "__main__":
    sys.exit(generated.run(__file__, texts))
