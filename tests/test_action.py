"""The GitHub Action: its steps run here with bash, with the files and variables that a runner gives them.

Each run starts wheelfix twice: what the quick ones do not show is slow.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clients import PROGRAMS, attempt
from places import ROOT
from workflows import LogCommand, Ran, evaluate, load, read_commands, run_action

ACTION = ROOT / "action.yml"
SAMPLES = ROOT / "sample_wheels"
CLEAN = "torch-2.14.1-cp312-cp312-manylinux_2_28_x86_64.whl"
WARNING = "cleanpkg-1.0-py3-none-any.whl"
ERROR = "folded_latin-1.0-py3-none-any.whl"
CHANGES = "xgboost-3.2.0-py3-none-manylinux_2_28_x86_64.whl"
PYTHON = f"""#!/bin/sh
# Stands in for a Python that makes virtual environments: what would be installed there is what the tests run.
case "$*" in
*" -m venv "*)
    for place; do :; done
    mkdir -p "$place/bin"
    cp "$0" "$place/bin/python"
    printf '#!/bin/sh\\nexec "%s" -m wheelfix "$@"\\n' "{sys.executable}" >"$place/bin/wheelfix"
    chmod +x "$place/bin/wheelfix" ;;
*" -m pip "*) echo "$*" >>"$RUNNER_TEMP/pip" ;;
*) exec "{sys.executable}" "$@" ;;
esac
"""
GH = f"""#!{sys.executable}
import json, os, sys
from pathlib import Path
place = Path(os.environ["RUNNER_TEMP"])
words = sys.argv[1:]
body = next((word.partition("@")[2] for word in words if word.startswith("body=@")), None)
call = {{"words": words, "token": os.environ["GH_TOKEN"], "body": body and Path(body).read_text("utf-8")}}
with (place / "gh.jsonl").open("a") as file:
    print(json.dumps(call), file=file)
if os.environ.get("FORBIDDEN"):
    sys.exit("HTTP 403: Resource not accessible by integration ##[set-output name=result]passed")
if "--jq" in words:
    print(os.environ.get("FOUND", ""), end="")
"""

Act = Callable[..., Ran]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    found = tmp_path / "work"
    (found / "dist").mkdir(parents=True)
    return found


@pytest.fixture
def act(tmp_path: Path, work: Path) -> Act:
    """Return what runs the action on copies of sample wheels in ``dist``."""
    temp = tmp_path / "temp"
    temp.mkdir()
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in (("python-of-tests", PYTHON), ("gh", GH)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)

    def run(
        *wheels: str,
        number: str = "",
        variables: dict[str, str] | None = None,
        matrix: dict[str, str] | None = None,
        **inputs: str,
    ) -> Ran:
        for wheel in wheels:
            shutil.copy(SAMPLES / wheel, work / "dist")
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        event = {"pull_request": {"number": number}} if number else {}
        return run_action(
            ACTION, {"python": "python-of-tests", **given}, work, temp, github={"event": event, "token": "secret"},
            variables={"PATH": path, "GITHUB_REPOSITORY": "octo/demo", "GITHUB_JOB": "wheels", **(variables or {})},
            matrix=matrix,
        )  # fmt: skip

    return run


def annotations(ran: Ran) -> list[tuple[str, str]]:
    """Return the annotations: how severe, and the title; there must be no other command but those that stop and go on."""
    assert {each.name for each in ran.commands} <= {"error", "warning", "notice", "stop-commands"}
    return [(each.name, each.properties["title"]) for each in ran.commands if each.name != "stop-commands"]


def calls(tmp_path: Path) -> list[dict[str, Any]]:
    log = tmp_path / "temp" / "gh.jsonl"
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []


@pytest.mark.slow
@pytest.mark.parts
def test_wheels_without_findings_pass(act: Act, work: Path) -> None:
    ran = act(CLEAN, rules="")
    assert (ran.code, annotations(ran)) == (0, [])
    assert ran.outputs == {
        "result": "passed", "wheels": "1", "errors": "0", "warnings": "0", "notes": "0", "changes": "", "refused": "",
        "report": "", "sarif": "", "diff-report": "",
    }  # fmt: skip
    assert ran.steps == ["Install wheelfix", "Verify", "End"]
    assert ran.summary.startswith("## wheelfix verify\n\nChecked 1 wheel: 0 errors, 0 warnings\n")
    assert "Checked 1 wheel" in ran.log
    assert [each.name for each in work.iterdir()] == ["dist"], "nothing is written beside the wheels"


def test_an_error_is_annotated_and_fails(act: Act) -> None:
    ran = act(ERROR, CLEAN, rules="")
    assert ran.code == 1
    assert annotations(ran) == [("error", "metadata-not-utf8"), ("warning", "metadata-no-content-type")]
    assert ran.commands[-1].properties["file"] == f"dist/{ERROR}"
    assert (ran.outputs["result"], ran.outputs["errors"], ran.outputs["warnings"]) == ("failed", "1", "1")
    assert "### error: `metadata-not-utf8` (1)" in ran.summary


@pytest.mark.slow
@pytest.mark.parts
@pytest.mark.parametrize(
    ("inputs", "code", "titles"),
    [
        ({}, 0, ["metadata-no-content-type"]),
        ({"strict": "true"}, 1, ["metadata-no-content-type"]),
        ({"strict": "false"}, 0, ["metadata-no-content-type"]),
        ({"strict": "true", "ignore": "metadata-no-content-type,record"}, 0, []),
        ({"strict": "true", "select": "record"}, 0, []),
        ({"select": "--help"}, 2, ["wheelfix verify"]),
        ({"ignore": "no-such-code"}, 2, ["wheelfix verify"]),
    ],
)
def test_what_counts(act: Act, inputs: dict[str, str], code: int, titles: list[str]) -> None:
    ran = act(WARNING, rules="", **inputs)
    assert (ran.code, [title for _, title in annotations(ran)]) == (code, titles)
    assert ran.outputs["result"] == {0: "passed", 1: "failed", 2: "error"}[code]


@pytest.mark.slow
@pytest.mark.parts
@pytest.mark.parametrize(("strict", "code"), [("", 1), ("true", 1), ("false", 0)])
def test_an_input_wins_over_the_settings_of_the_repository(act: Act, work: Path, strict: str, code: int) -> None:
    (work / "wheelfix.toml").write_text("[options]\nverify.strict = true\n")
    ran = act(WARNING, rules="", strict=strict)
    assert (ran.code, ran.outputs["result"]) == (code, "failed" if code else "passed")


@pytest.mark.slow
@pytest.mark.parts
def test_a_pull_request_cannot_ignore_findings_by_its_settings_if_these_do_not_count(act: Act, work: Path) -> None:
    (work / "wheelfix.toml").write_text('[options]\nverify.ignore = ["metadata-not-utf8"]\nfix.quiet = "wrong"\n')
    ran = act(ERROR, rules="")
    assert (ran.code, ran.outputs["errors"]) == (0, "0")
    ran = act(settings="false")
    assert (ran.code, ran.outputs["errors"], ran.outputs["changes"]) == (1, "1", "0")
    assert act(settings="no").outputs["result"] == "error"


@pytest.mark.slow
@pytest.mark.parts
def test_the_path_can_be_files_directories_and_patterns(act: Act, work: Path) -> None:
    for name in ("a", "b c"):
        (work / name).mkdir()
        shutil.copy(SAMPLES / CLEAN, work / name)
    shutil.copy(SAMPLES / WARNING, work / "b c")
    ran = act(path=f"a\n\nb c/torch-*.whl\nb c/{WARNING}\n", rules="")
    assert (ran.code, ran.outputs["wheels"]) == (0, "3")
    (work / "wheels.toml").write_text(RULES)
    ran = act(path=f" a \r\n\t{work}/b c\r\n", rules=" gpu\r\n\t wheels.toml \r\n")
    assert (ran.code, ran.outputs["wheels"], ran.outputs["changes"]) == (0, "3", "0"), ran.log


@pytest.mark.slow
@pytest.mark.parts
@pytest.mark.parametrize(
    "path", ["dist", "nowhere", "", "--help", "$(touch pwned)", "a; touch pwned", "a' \"b\n`touch pwned`"]
)
def test_no_wheels_is_an_error(act: Act, work: Path, path: str) -> None:
    ran = act(path=path)
    assert (ran.code, ran.outputs["result"], ran.outputs["wheels"]) == (2, "error", "")
    assert annotations(ran) == [("error", "wheelfix verify")]
    assert ran.commands[-1].data.startswith("error: ")
    assert ran.steps == ["Install wheelfix", "Verify", "End"]
    assert not (work / "pwned").exists()


HOSTILE = [
    "::error title=x::y-1.0-py3-none-any.whl",
    "::set-output name=result::passed.whl",
    "##[set-output name=result]passed.whl",
    "a ##[add-mask]e-1.0-py3-none-any.whl",
    "\n::error::x-1.0-py3-none-any.whl",
    "$(touch pwned)-1.0-py3-none-any.whl",
    "a;touch pwned;-1.0-py3-none-any.whl",
    "`touch pwned`.whl",
    "-rf.whl",
    "x\r\n##[error]y.whl",
    "100%25%0A::error::.whl",
]


def test_names_of_files_are_data(act: Act, work: Path) -> None:
    """A wheel from a pull request, checked in its own directory, can say nothing to the runner."""
    for name in HOSTILE:
        shutil.copy(SAMPLES / ERROR, work / name)
    ran = act(path=".\ndist", rules="gpu")
    assert ran.code == 2, "dist is empty"
    shutil.copy(SAMPLES / CHANGES, work / "dist")
    ran = act(path=".\ndist", rules="gpu")
    found = annotations(ran)
    assert ran.outputs["result"] == "failed"
    assert ran.outputs["wheels"] == str(len(HOSTILE) + 1)
    assert {title for _, title in found} > {"metadata-not-utf8"}
    assert all(re.fullmatch(r"[a-z0-9-]+", title) for _, title in found)
    stops = [each for each in ran.commands if each.name == "stop-commands"]
    assert len(stops) == 2
    assert len({each.data for each in stops}) == 2
    assert not (work / "pwned").exists()


def test_what_rules_would_change_is_in_the_summary(act: Act, work: Path) -> None:
    before = (SAMPLES / CHANGES).read_bytes()
    ran = act(CHANGES, WARNING, ignore="metadata-no")
    assert (ran.code, ran.outputs["changes"], ran.outputs["refused"]) == (0, "1", "0")
    assert "## wheelfix fix" in ran.summary
    assert "-Requires-Dist: nvidia-nccl-cu12; platform_system == 'Linux'\n" in ran.summary
    assert (work / "dist" / CHANGES).read_bytes() == before
    assert "Comment on the pull request" not in ran.steps


@pytest.mark.slow
@pytest.mark.parts
def test_a_refusal_is_shown_and_fails_on_request(act: Act) -> None:
    inputs = {"ignore": "metadata-"}
    ran = act(CLEAN, **inputs)
    assert (ran.code, ran.outputs["refused"], ran.outputs["result"]) == (0, "1", "passed")
    assert "it needs cuda-toolkit and 6 more" in ran.summary
    ran = act(CLEAN, fail_on_change="true", **inputs)
    assert (ran.code, ran.outputs["result"]) == (1, "failed"), "incomplete means that a wheel could not be read"


@pytest.mark.slow
@pytest.mark.parts
def test_a_change_fails_on_request(act: Act) -> None:
    ran = act(CHANGES, fail_on_change="true", ignore="metadata-")
    assert (ran.code, ran.outputs["result"], ran.outputs["changes"]) == (1, "failed", "1")


RULES = """schema = 1
[[rule]]
id = "no-numpy"
reason = "a test"
match = { name = "numpy" }
action = "drop"
"""


@pytest.mark.slow
@pytest.mark.parts
def test_rules_of_the_repository(act: Act, work: Path) -> None:
    (work / "a b.toml").write_text(RULES)
    ran = act(CHANGES, rules="a b.toml\ngpu\n", ignore="metadata-")
    assert (ran.code, ran.outputs["changes"]) == (0, "1")
    assert "-Requires-Dist: numpy\n" in ran.summary
    assert "-Requires-Dist: nvidia-nccl-cu12; platform_system == 'Linux'\n" in ran.summary


@pytest.mark.slow
@pytest.mark.parts
@pytest.mark.parametrize("rules", ["no-such.toml", "$(touch pwned).toml", "--force", "x; touch pwned"])
def test_wrong_rules_fail(act: Act, work: Path, rules: str) -> None:
    ran = act(CLEAN, rules=rules)
    assert (ran.code, ran.outputs["result"], ran.outputs["changes"]) == (2, "error", "")
    assert annotations(ran)[-1] == ("error", "wheelfix fix")
    assert not (work / "pwned").exists()


@pytest.mark.slow
@pytest.mark.parts
def test_reports(act: Act, work: Path) -> None:
    ran = act(ERROR, CHANGES, report="wheels.html", sarif="wheels.sarif", diff_report="changes.html")
    assert (ran.outputs["report"], ran.outputs["sarif"]) == ("wheels.html", "wheels.sarif")
    assert ran.outputs["diff-report"] == "changes.html"
    assert (work / "wheels.html").read_text("utf-8").lower().startswith("<!doctype html>")
    assert json.loads((work / "wheels.sarif").read_text("utf-8"))["version"] == "2.1.0"
    assert "xgboost" in (work / "changes.html").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.parts
def test_a_report_that_cannot_be_written_is_an_error(act: Act) -> None:
    ran = act(CLEAN, report="no/such/directory.html", rules="")
    assert (ran.code, ran.outputs["result"], ran.outputs["report"]) == (2, "error", "")


def test_a_comment_is_written_once_and_then_kept_up_to_date(act: Act, tmp_path: Path) -> None:
    ran = act(CHANGES, comment="true", number="7")
    assert ran.code == 0
    listed, posted = calls(tmp_path)
    assert listed["words"][:3] == ["api", "--paginate", "repos/octo/demo/issues/7/comments"]
    assert {"POST", "repos/octo/demo/issues/7/comments"} <= set(posted["words"])
    assert re.match(r"<!-- wheelfix: wheels \d+ -->\n## wheelfix fix\n", posted["body"])
    assert posted["token"] == "secret"
    act(comment="true", number="7", variables={"FOUND": "41\n42\n"})
    assert {"PATCH", "repos/octo/demo/issues/comments/41"} <= set(calls(tmp_path)[-1]["words"])


@pytest.mark.slow
@pytest.mark.parts
def test_each_leg_of_a_matrix_has_a_comment_of_its_own(act: Act, tmp_path: Path) -> None:
    """They all have the name of the job; a job that uses the action twice sets a key."""
    same: dict[str, Any] = {"comment": "true", "number": "7"}
    legs = [{"python": "3.11"}, {"python": "3.12", "x": "--> <b>"}]
    act(CHANGES, **same)
    act(**same, matrix=legs[0])
    act(**same, matrix=legs[1])
    act(**same, matrix=legs[1], comment_key="b")
    act(**same, matrix=legs[1], comment_key="b")
    marks = [each["body"].partition("\n")[0] for each in calls(tmp_path) if each["body"]]
    assert all(re.fullmatch(r"<!-- wheelfix: wheels \d+ -->", each) for each in marks)
    assert len(set(marks[:4])) == 4
    assert marks[3] == marks[4]


@pytest.mark.slow
@pytest.mark.parts
def test_no_comment_where_nothing_would_change_or_there_is_no_pull_request(act: Act, tmp_path: Path) -> None:
    act(WARNING, comment="true", number="7")
    assert ["--jq" in each["words"] for each in calls(tmp_path)] == [True]
    assert "Comment on the pull request" not in act(comment="true").steps
    assert "Comment on the pull request" not in act(comment="true", number="7", rules="").steps


@pytest.mark.slow
@pytest.mark.parts
def test_without_permission_a_comment_is_a_warning(act: Act) -> None:
    ran = act(CHANGES, comment="true", number="7", variables={"FORBIDDEN": "1"}, ignore="metadata-")
    assert (ran.code, annotations(ran)) == (0, [("warning", "wheelfix")])
    assert "pull-requests: write" in ran.commands[-1].data


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq reads the filter as gh does; it is not installed")
def test_the_filter_finds_comments_of_this_job_by_bots() -> None:
    script = next(step["run"] for step in load(ACTION)["runs"]["steps"] if step["name"] == "Comment on the pull request")
    wanted = re.search(r"mine='(.*)'", script)
    assert wanted is not None
    comments = [
        {"id": number, "user": {"type": kind}, "body": body}
        for number, (kind, body) in enumerate([
            ("User", "<!-- wheelfix: wheels -->\nforged"), ("Bot", "something else"), ("Bot", "<!-- wheelfix: other -->\n"),
            ("Bot", "<!-- wheelfix: wheels -->\n## wheelfix fix"),
        ])
    ]  # fmt: skip
    variables = {**os.environ, "MARKER": "<!-- wheelfix: wheels -->"}
    ran = subprocess.run(
        ["jq", wanted[1]], input=json.dumps(comments), capture_output=True, text=True, check=True, env=variables
    )
    assert ran.stdout == "3\n"


@pytest.mark.parametrize(
    ("inputs", "variables", "words"),
    [
        ({"strict": "yes"}, {}, "The input strict must be true or false."),
        ({"comment": ""}, {}, "The input comment must be true or false."),
        ({"fail_on_change": "1"}, {}, "The input fail-on-change must be true or false."),
        ({}, {"RUNNER_OS": "Windows"}, "runs on Linux and macOS"),
        ({"python": "no-such-python"}, {}, "Python 3.11 or later"),
        ({"python": "false"}, {}, "Python 3.11 or later"),
    ],
)
def test_what_cannot_work_is_an_error_at_once(
    act: Act, inputs: dict[str, str], variables: dict[str, str], words: str
) -> None:
    ran = act(CLEAN, variables=variables, **inputs)
    assert (ran.code, ran.steps, ran.outputs["result"]) == (2, ["Install wheelfix"], "error")
    assert annotations(ran) == [("error", "wheelfix")]
    assert words in ran.commands[-1].data


@pytest.mark.parametrize("module", ["venv", "pip"])
def test_what_cannot_be_installed_is_annotated(act: Act, module: str, tmp_path: Path) -> None:
    program = tmp_path / "programs" / "python-of-tests"
    program.write_text(program.read_text().replace('case "$*" in', f'case "$*" in\n*" -m {module} "*) exit 1 ;;'))
    ran = act(CLEAN)
    assert (ran.code, ran.steps, ran.outputs["result"]) == (2, ["Install wheelfix"], "error")
    assert annotations(ran) == [("error", "wheelfix")]
    assert "the log says why" in ran.commands[-1].data


@pytest.mark.slow
@pytest.mark.parts
def test_what_is_installed_is_the_action_itself(act: Act, tmp_path: Path) -> None:
    act(CLEAN, rules="")
    pinned = " ".join(f"--requirement {ROOT}/requirements/{name}.txt" for name in ("backend", "core"))
    assert (tmp_path / "temp" / "pip").read_text().splitlines() == [
        f"-I -m pip install --quiet --require-hashes --only-binary :all: {pinned}",
        f"-I -m pip install --quiet --no-deps --no-build-isolation {ROOT}",
    ]


@pytest.mark.slow
@pytest.mark.parts
def test_with_a_python_that_installs_it(act: Act) -> None:
    ran = act(CHANGES, python=sys.executable, variables={"PIP_NO_INPUT": "1"})
    assert (ran.code, ran.outputs["changes"]) == (0, "1"), ran.log


def test_scripts_get_inputs_from_variables_only() -> None:
    action = load(ACTION)
    steps = action["runs"]["steps"]
    assert all("${{" not in step["run"] for step in steps)
    given = " ".join(json.dumps(step.get("env", {})) + step.get("if", "") for step in steps)
    assert {name for name in action["inputs"] if f"inputs.{name}" not in given} == set()
    ids = {step.get("id") for step in steps}
    used = re.findall(r"steps\.([a-z]+)\.outputs", ACTION.read_text("utf-8"))
    assert set(used) <= ids
    assert all(each["description"] for kind in ("inputs", "outputs") for each in action[kind].values())


def test_the_stand_in_reads_commands_as_the_runner_does() -> None:
    log = """::error file=a%2Cb,title=x::one%0Atwo
text ##[warning]old
::nothing::
 ::notice::indented
a::error::b
::stop-commands::token
::error::no
##[error]no
::token::
::error::yes
"""
    assert read_commands(log) == [
        LogCommand("error", {"file": "a,b", "title": "x"}, "one\ntwo"), LogCommand("warning", {}, "old"),
        LogCommand("notice", {}, "indented"), LogCommand("stop-commands", {}, "token"), LogCommand("error", {}, "yes"),
    ]  # fmt: skip
    contexts = {"inputs": {"a": "x"}, "steps": {}}
    assert evaluate("inputs.a == 'x' && steps.b.outputs.c != 'y'", contexts) is True
    assert evaluate("steps.b.outputs.c", contexts) == ""
    assert evaluate("steps.b.outputs.c || 'z'", contexts) == "z"
    assert evaluate("inputs.a || 'z'", contexts) == "x"
    assert evaluate("toJSON(matrix)", contexts) == "null"


@pytest.mark.clients
def test_it_fits_its_schema_and_an_auditor_has_nothing_to_say() -> None:
    commands: tuple[tuple[str | Path, ...], ...] = (
        ("check-jsonschema", "--builtin-schema", "vendor.github-actions", ACTION),
        ("zizmor", "--offline", "--no-config", "--persona", "auditor", ACTION, *ROOT.glob("examples/**/workflows/*.yml")),
        ("pre-commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml"),
    )
    for command in commands:
        program, *words = command
        ran = attempt(PROGRAMS / program, *words, cwd=ROOT)
        assert ran.returncode == 0, ran.stdout + ran.stderr
