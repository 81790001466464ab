"""What is wrong with a file that a page shows is found."""

from pathlib import Path

import pytest

from book.files import problem_of
from book.pages import blocks

_RULE = 'id = "x"\nmatch = "numpy"\naction = "drop"\nreason = "x"\n'


def problem(kind: str, text: str, folder: Path) -> str | None:
    [block] = blocks(f"```{kind}\n{text}```\n")
    return problem_of(block, folder)


# fmt: off
WRONG = {
    "a rule in pyproject.toml": (
        "toml",
        '[tool.wheelfix]\nschema = 1\n[[tool.wheelfix.rule]]\nid = "x"\nactoin = "drop"\n',
        "actoin",
    ),
    "an action there": ("toml", f"[[tool.wheelfix.rule]]\n{_RULE}".replace("drop", "explode"), "explode"),
    "a key there": ("toml", '[tool.wheelfix]\nextendz = ["gpu"]\n', "extendz"),
    "an option there": ("toml", "[tool.wheelfix.options]\nnope = 1\n", "nope"),
    "an option beside rules": ("toml", f"schema = 1\n[options]\nnope = 1\n[[rule]]\n{_RULE}", "nope"),
    "an option alone": ("toml", "[options]\nnope = 1\n", "nope"),
    "a document": ("json", '{"schema": 99, "nonsense": 1}\n', "fits none of"),
    "a command of a workflow": ("yaml", "jobs:\n  a:\n    steps:\n    - run: wheelfix verfiy dist\n", "verfiy"),
    "an option of a workflow": (
        "yaml",
        "jobs:\n  a:\n    steps:\n    - run: cd x && wheelfix verify --strickt dist\n",
        "strickt",
    ),
    "a format of a workflow": (
        "yaml",
        "jobs:\n  a:\n    steps:\n    - run: wheelfix verify --format githup dist\n",
        "githup",
    ),
    "a script of GitLab": ("yaml", "wheels:\n  script:\n  - true\n  - wheelfix strip-gpu --chekc dist\n", "chekc"),
    "a container": ("yaml", "image: example.org/wheelfix:1\nargs: [mirror, snyc, x.toml]\n", "snyc"),
    "a container's shell": ("yaml", "command: [sh, -c, exec wheelfix mirror sync x.toml --shart 1/8]\n", "shart"),
    "an input of the action": ("yaml", "uses: wheelfix/wheelfix@main\nwith: {pathh: dist}\n", "pathh"),
    "a hook": ("yaml", "repo: https://github.com/wheelfix/wheelfix\nhooks: [{id: wheelfix-nope}]\n", "wheelfix-nope"),
}
# fmt: on


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_found(case: str, tmp_path: Path) -> None:
    kind, text, said = WRONG[case]
    assert said in (problem(kind, text, tmp_path) or "")


RIGHT = {
    "rules in pyproject.toml": ("toml", f"[[tool.wheelfix.rule]]\n{_RULE}\n[tool.wheelfix.options]\nstrict = true\n"),
    "rules of a built-in set there": ("toml", '[project]\nname = "x"\n[tool.wheelfix]\nextends = ["gpu"]\n'),
    "options beside rules": ("toml", f"schema = 1\n[options]\nstrict = true\n[[rule]]\n{_RULE}"),
    "a workflow": ("yaml", "steps:\n- run: |\n    wheelfix verify --format github dist >> x\n    echo wheelfix --nope\n"),
    "an action of others": ("yaml", "uses: actions/cache@v4\nwith: {pathh: dist}\n"),
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_right_passes(case: str, tmp_path: Path) -> None:
    assert problem(*RIGHT[case], tmp_path) is None
