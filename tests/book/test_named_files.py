"""What the book names in this repository is there."""

import re
from typing import Final

from places import DOCS, EXPLANATION, ROOT

PATH: Final = re.compile(r"`((?:tests|src|examples|benchmarks|sample_wheels|docs)/[\w./-]+)`")


def test_files_that_the_book_names_exist() -> None:
    pages = [*DOCS.glob("*/**/*.md"), ROOT / "CONTRIBUTING.md", ROOT / "README.md"]
    named = {path: page.name for page in pages for path in PATH.findall(page.read_text("utf-8"))}
    assert len(named) > 20
    assert {path: page for path, page in named.items() if "NAME" not in path and not (ROOT / path).exists()} == {}


def test_each_promise_names_its_tests() -> None:
    _, *promises = (EXPLANATION / "promises.md").read_text("utf-8").split("\n## ")
    assert len(promises) == 10
    for promise in promises:
        assert "`tests/" in promise, promise.partition("\n")[0]
