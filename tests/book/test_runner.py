"""The runner of the book finds what is not true, and nothing else."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from book.play import Played, play
from book.stage import Scene, Stage, stage

if TYPE_CHECKING:
    from buckets import Servers

Play = Callable[..., Played]


@pytest.fixture
def played(tmp_path: Path, cloud: "Servers") -> Play:
    numbers = count()

    def found(text: str, prepare: Callable[[Stage], None] = lambda stage: None) -> Played:
        with stage(tmp_path / str(next(numbers)), cloud, Scene(prepare)) as here:
            return play(text, here)

    return found


TRUE = """
<!-- run: file=folder/names.txt -->
```text
one
two
```

1. In a list:

   ```console
   $ cd folder
   $ export WORD=three
   $ sort -r \\
       names.txt   # backwards
   two
   one
   $ cat <<END
   $WORD
   END
   three
   ```

::::{tab-set}
:::{tab-item} A tab
<!-- run: exit=3 -->
```console
$ echo silent
$ (echo out; echo err >&2; exit 3)
out
err
```
:::
::::

```python
import os

word = os.path.basename(os.getcwd())
```

```python
print(word)
```

<!-- run: output -->
```text
work
```

```python
>>> word.upper()
'WORK'
```
"""


def test_a_page_that_is_true(played: Play) -> None:
    assert played(TRUE).drifts == []
    drifted = TRUE.replace("three\n   ```", "four\n   ```")
    assert played(drifted).rewrite(drifted) == TRUE


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("   one\n   $ cat", "   three\n   $ cat", 14, "--- the page shows"),
        ("exit=3", "exit=1", 28, "exit code 3, not 1"),
        ("<!-- run: exit=3 -->\n", "", 27, "exit code 3, not 0"),
        ("echo silent", "false", 27, "exit code 1, not 0"),
        ("print(word)", "print(no_word)", 42, "Traceback (most recent call last):"),
        ("'WORK'", "'PLAY'", 51, "*" * 70),
        ("```text\nwork\n", "```text\nplay\n", 46, "--- the page shows"),
    ],
)
def test_a_page_that_is_not_true(played: Play, old: str, new: str, line: int, message: str) -> None:
    assert old in TRUE
    [drift, *_] = played(TRUE.replace(old, new)).drifts
    assert drift.line == line
    assert message in drift.message.splitlines()


SLIPS = {
    "a pipe fails where its first command does": ("```console\n$ false | cat\n```\n", "exit code 1, not 0"),
    "a command that ends the shell": ("```console\n$ exit 3\n$ echo on\non\n```\n", "it ended the shell"),
    "what a command before prints": (
        "```console\n$ echo a\n```\n\n<!-- run: output -->\n```text\nb\n```\n", "--- the page shows",
    ),
    "dots that are printed": ("```console\n$ echo v1, v2\nv1...v2\n```\n", "--- the page shows"),
}  # fmt: skip


@pytest.mark.parametrize("case", SLIPS)
def test_what_slips_through_easily_is_found(played: Play, case: str) -> None:
    text, message = SLIPS[case]
    [drift] = played(text).drifts
    assert message in drift.message.splitlines()


def test_a_here_string_is_no_here_document(played: Play) -> None:
    assert played("```console\n$ cat <<<word\nword\n$ cat <<-END\n\ttext\n\tEND\ntext\n```\n").drifts == []


def test_outputs_are_written_where_an_author_asks_for_them(played: Play) -> None:
    text = "- ```console\n  $ seq 3\n  ?\n  $ seq 5\n  1\n  ...\n  6\n  ```\n"
    new = played(text).rewrite(text)
    assert new == "- ```console\n  $ seq 3\n  1\n  2\n  3\n  $ seq 5\n  1\n  ...\n  5\n  ```\n"
    assert played(new).drifts == []


def test_a_server_in_another_terminal(played: Play) -> None:
    text = """
<!-- run: background=8000 -->
```console
$ python -m http.server --bind 127.0.0.1 8000
Serving HTTP on 127.0.0.1 port 8000 (http://127.0.0.1:8000/) ...
```

```console
$ python -c "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/').status)"
200
$ echo http://127.0.0.1:8000/
http://127.0.0.1:8000/
```
"""
    assert played(text).drifts == []


def test_what_stands_in_is_not_seen_on_the_page(played: Play) -> None:
    def prepare(stage: Stage) -> None:
        stage.says("https://example.org", "http://127.0.0.1:1")
        stage.program("gh", "#!/bin/sh\necho $1 of $HOME, URL $2 is ${#2} characters\n")

    text = "```console\n$ gh thing https://example.org\nthing of /home/you, URL https://example.org is 18 characters\n```\n"
    assert played(text, prepare).drifts == []
