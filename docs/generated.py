"""What the scripts that make files share: each writes its files, or with ``--check`` compares them and writes nothing."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def run(script: str, make: Callable[[], Mapping[Path, str]], arguments: Sequence[str] | None = None) -> int:
    """Write what ``make`` returns, or compare it; return 1 if a file differs. ``script`` is the path of the caller."""
    parser = argparse.ArgumentParser(prog=Path(script).name, description=sys.modules["__main__"].__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not what would be written")
    check = parser.parse_args(arguments).check
    texts = make()
    wrong = [path for path, text in texts.items() if not path.exists() or path.read_text("utf-8") != text]
    for path in wrong:
        if check:
            print(f"{path.name}: not what {parser.prog} makes", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[path], "utf-8")
    return int(check and bool(wrong))
