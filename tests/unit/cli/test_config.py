"""Defaults for options from files and variables: what wins, what is refused, and what the messages say."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import jsonschema
import pytest

from building import WheelSpec, write_wheel
from places import REFERENCE, ROOT
from running import wheelfix
from wheelfix import toml
from wheelfix.cli import group
from wheelfix.cli.config import (
    COMMAND_LINE_ONLY,
    LOOKED_AT,
    YIELDS_TO,
    commands,
    form_of,
    keys,
    long_name,
    options_of,
    options_schema,
    variable,
)

WHEEL = "demo-1.0-py3-none-any.whl"
ROOT_CONTEXT = click.Context(group)
ALL = list(commands(ROOT_CONTEXT))


@pytest.fixture(autouse=True)
def _wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_wheel(Path(), WheelSpec(requires=("nvidia-nccl-cu12",)))


def options(text: str, path: str = "wheelfix.toml", table: str = "options") -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(f"[{table}]\n{text}\n")


STRIP = ("strip-gpu", "--allow-unproven")


def destination(*words: str) -> str:
    ran = wheelfix(*STRIP, *words, WHEEL)
    assert ran.code == 0, ran.err
    return str(Path(ran.lines[0]).parent)


@pytest.mark.parametrize(
    ("path", "table"), [("wheelfix.toml", "options"), ("pyproject.toml", "tool.wheelfix.options")], ids=["own", "project"]
)
def test_a_file_gives_defaults_and_the_longer_key_wins(path: str, table: str) -> None:
    options('output-dir = "a"', path, table)
    assert destination() == "a"
    options('strip-gpu.output-dir = "b"\noutput-dir = "a"', path, table)
    assert destination() == "b"


def test_the_command_line_wins_over_a_variable_and_that_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    options('output-dir = "file"\nstrip-gpu.output-dir = "longer"')
    monkeypatch.setenv("WHEELFIX_OUTPUT_DIR", "variable")
    assert destination() == "variable"
    monkeypatch.setenv("WHEELFIX_STRIP_GPU_OUTPUT_DIR", "for-one")
    assert destination() == "for-one"
    assert destination("-o", "typed") == "typed"


def test_an_empty_variable_sets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHEELFIX_OUTPUT_DIR", "")
    monkeypatch.setenv("WHEELFIX_NO_SUCH", "")
    assert destination() == "fixed"


def test_a_path_is_relative_to_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    options('output-dir = "out"')
    Path("below").mkdir()
    monkeypatch.chdir("below")
    write_wheel(Path(), WheelSpec(requires=("nvidia-nccl-cu12",)))
    assert destination() == "../out"


def test_the_nearest_file_counts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    options('output-dir = "top"')
    options("jobs = 1", "below/pyproject.toml", "tool.wheelfix.options")
    Path("below", "deeper").mkdir()
    monkeypatch.chdir("below/deeper")
    write_wheel(Path(), WheelSpec(requires=("nvidia-nccl-cu12",)))
    assert destination() == "fixed"


def test_rules_and_options_share_a_file() -> None:
    options('output-dir = "both"')
    rule = 'schema = 1\n[[rule]]\nid = "x"\nreason = "r"\nmatch.name = "nvidia-*"\naction = "drop"\n'
    Path("wheelfix.toml").write_text(rule + Path("wheelfix.toml").read_text())
    ran = wheelfix("fix", WHEEL)
    assert (ran.code, ran.lines) == (0, [f"both/{WHEEL}"])


def test_fix_needs_more_than_options() -> None:
    options("jobs = 1")
    ran = wheelfix("fix", WHEEL)
    assert (ran.code, "no rules found" in ran.err.lower()) == (2, True)


def test_a_flag_and_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wheelfix("verify", "--strict", WHEEL).code == 1
    options('verify.strict = true\nverify.ignore = ["record", "metadata"]')
    assert wheelfix("verify", WHEEL).code == 0
    options("verify.strict = true")
    assert wheelfix("verify", WHEEL).code == 1
    monkeypatch.setenv("WHEELFIX_VERIFY_IGNORE", "record,archive metadata")
    assert wheelfix("verify", WHEEL).code == 0
    monkeypatch.delenv("WHEELFIX_VERIFY_IGNORE")
    monkeypatch.setenv("WHEELFIX_VERIFY_STRICT", "0")
    assert wheelfix("verify", WHEEL).code == 0


def test_everything_that_is_wrong_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    options(
        'jbos = 4\nforce = true\nverify.ignore = ["nonsense"]\nverify.strict = 3\nmirror.check.max-tiem = 1\n'
        'strip-gpu.jobs = "x"\nverfy = {}'
    )
    monkeypatch.setenv("WHEELFIX_VERIFY_FORMAT", "xml")
    ran = wheelfix("verify", WHEEL)
    assert (ran.code, ran.out) == (2, "")
    for line in (
        "wheelfix.toml: options.jbos: there is no such option; did you mean jobs?",
        "wheelfix.toml: options.force: --force is allowed only on the command line, because it turns off a safety check",
        "wheelfix.toml: options.verify.ignore: no code begins with 'nonsense'",
        "wheelfix.toml: options.verify.strict: it must be true or false, and is 3",
        "wheelfix.toml: options.mirror.check.max-tiem: there is no such option; did you mean mirror.check.max-time?",
        "WHEELFIX_VERIFY_FORMAT: 'xml' is not one of",
        "wheelfix.toml: options.verfy: there is no such option",
    ):
        assert line in ran.err
    assert "strip-gpu.jobs" not in ran.err, "only the command that has a value checks it"
    assert "strip-gpu.jobs: it must be a whole number, and is 'x'" in wheelfix(*STRIP, WHEEL).err


@pytest.mark.parametrize(
    "text",
    ["jobs = true", "jobs = 1.5", "jobs = 0", "jobs = [1]", "output-dir = 3", "no-sbom = 'yes'", "scan = [1]", "scan = {}"],
)
def test_values_of_another_type_are_refused(text: str) -> None:
    options(text)
    ran = wheelfix(*STRIP, WHEEL)
    assert ran.code == 2
    assert f"wheelfix.toml: options.{text.split()[0]}: " in ran.err
    assert not Path("fixed").exists()


@pytest.mark.parametrize("name", ["output-dir", "format", "local", "report"])
def test_a_value_with_a_nul_is_refused(name: str) -> None:
    options(f'{name} = "a\\u0000.html"')
    ran = wheelfix("fix", WHEEL)
    assert ran.code == 2
    assert f"wheelfix.toml: options.{name}: it contains a NUL character, which no command line can" in ran.err


@pytest.mark.parametrize("text", ["ignore = [1]", "ignore = 1", "ignore = {}", "ignore = [['record']]"])
def test_a_list_of_another_type_is_refused(text: str) -> None:
    options(text)
    ran = wheelfix("verify", WHEEL)
    assert (ran.code, "wheelfix.toml: options.ignore: it must be text" in ran.err) == (2, True)


@pytest.mark.parametrize("name", sorted(COMMAND_LINE_ONLY))
def test_what_counts_on_the_command_line_only(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = f"--{name} is allowed only on the command line, because {COMMAND_LINE_ONLY[name]}"
    key = ("edit", name) if name == "version" else (name,)  # WHEELFIX_VERSION belongs to others
    monkeypatch.setenv(variable(key), "1")
    ran = wheelfix("verify", WHEEL)
    assert (ran.code, words in ran.err) == (2, True)
    monkeypatch.delenv(variable(key))
    options(f"{name} = true")
    ran = wheelfix("verify", WHEEL)
    assert (ran.code, words in ran.err) == (2, True)


@pytest.mark.parametrize("words", [("verify",), STRIP, ("show",)], ids=" ".join)
def test_a_value_that_counts_on_the_command_line_only(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """With binaries unread, what is unsafe is unproven, and a rule of one's own drops it."""
    refusal = "--scan never is allowed only on the command line, because it turns off a safety check"
    monkeypatch.setenv("WHEELFIX_SCAN", "never")
    ran = wheelfix(*words, WHEEL)
    assert (ran.code, f"WHEELFIX_SCAN: {refusal}" in ran.err) == (2, True)
    monkeypatch.delenv("WHEELFIX_SCAN")
    for key in ("scan", "fix.scan"):
        options(f'{key} = "never"')
        ran = wheelfix(*words, WHEEL)
        assert (ran.code, f"wheelfix.toml: options.{key}: {refusal}" in ran.err) == (2, True)
    options('scan = "always"')
    assert wheelfix(*words, WHEEL).code == 0
    assert wheelfix("show", "--scan", "never", WHEEL).code == 0
    validator = jsonschema.Draft202012Validator(options_schema(ROOT_CONTEXT))
    assert [validator.is_valid({"scan": each}) for each in ("auto", "always", "never")] == [True, True, False]


def test_nothing_that_lowers_a_guard_can_be_set() -> None:
    names = {long_name(each) for _, command in ALL for each in options_of(command)}
    assert names >= set(COMMAND_LINE_ONLY)
    assert {name for name in names if name.startswith("allow-")} <= set(COMMAND_LINE_ONLY)
    assert {"force", "overwrite", "replace", "trust-content"} <= set(COMMAND_LINE_ONLY)
    assert set(YIELDS_TO) <= names - set(COMMAND_LINE_ONLY)
    assert {each for others in YIELDS_TO.values() for each in others} <= names


def test_the_version_to_install_is_no_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many CI jobs set it; it must not stop every command."""
    monkeypatch.setenv("WHEELFIX_VERSION", "1.0")
    ran = wheelfix("edit", "--local", "cpu", WHEEL)
    assert (ran.code, ran.lines) == (0, ["fixed/demo-1.0+cpu-py3-none-any.whl"])
    assert "WHEELFIX_VERSION" not in ran.err


def test_no_file_counts_if_a_variable_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pull request brings its wheelfix.toml; who checks it says what counts. Variables still set options."""
    Path("wheelfix.toml").write_text('[options]\nverify.ignore = ["metadata"]\nnope = 1\n')
    wheel = ROOT / "sample_wheels" / "folded_latin-1.0-py3-none-any.whl"
    assert wheelfix("verify", wheel).code == 2
    for value in ("1", "true", "on"):
        monkeypatch.setenv("WHEELFIX_NO_CONFIG", value)
        ran = wheelfix("verify", wheel)
        assert (ran.code, "warning:" in ran.err, "metadata-not-utf8" in ran.out) == (1, False, True)
    monkeypatch.setenv("WHEELFIX_IGNORE", "metadata")
    assert wheelfix("verify", wheel).code == 0
    for value in ("", "0", "false"):
        monkeypatch.setenv("WHEELFIX_NO_CONFIG", value)
        assert wheelfix("verify", wheel).code == 2
    monkeypatch.setenv("WHEELFIX_NO_CONFIG", "perhaps")
    ran = wheelfix("verify", wheel)
    assert (ran.code, "WHEELFIX_NO_CONFIG must be true or false" in ran.err) == (2, True)


def test_unknown_variables_are_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHEELFIX_JBOS", "3")
    ran = wheelfix("verify", WHEEL)
    assert ran.code == 0
    assert "warning: WHEELFIX_JBOS sets no option; did you mean WHEELFIX_JOBS?\n" in ran.err
    assert "JBOS" not in wheelfix("verify", "-q", WHEEL).err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('output-dir = "x"\nlocal = "cpu"\nbuild-tag = "1x"', ("--in-place",)),
        ('publish = "m"', ("--check",)),
        ('publish = "m"', ("-o", "out")),
        ('format = "json"', ("--diff",)),
        ("quiet = true", ("-v",)),
        ("verbose = true", ("-q",)),
        ("skip-gpu-builds = true\nskip-unproven = true", ("--force",)),
    ],
)
def test_what_the_command_line_excludes_gives_way(text: str, words: tuple[str, ...]) -> None:
    options(text)
    ran = wheelfix(*STRIP, *words, WHEEL)
    assert "exclude" not in ran.err
    assert ran.code == int("--check" in words), ran.err


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [('publish = "m"', "WHEELFIX_OUTPUT_DIR", "out"), ("quiet = true", "WHEELFIX_STRIP_GPU_VERBOSE", "1")],
)
def test_what_a_variable_excludes_gives_way_in_the_file(
    text: str, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options(text)
    monkeypatch.setenv(name, value)
    ran = wheelfix(*STRIP, WHEEL)
    assert (ran.code, "exclude" in ran.err) == (0, False), ran.err


def test_no_option_is_suggested_that_would_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    options("Force = true\nverify = 1")
    monkeypatch.setenv("WHEELFIX_FORCED", "1")
    ran = wheelfix("verify", WHEEL)
    assert ran.code == 2
    assert "force?" not in ran.err
    assert "null" not in ran.err
    assert "FORCE?" not in ran.err


@pytest.mark.parametrize("words", [("explain", "record-bad-row"), ("completion", "bash")])
def test_a_command_that_takes_nothing_from_a_file_is_not_stopped_by_it(words: tuple[str, ...]) -> None:
    options("jbos = 3")
    assert wheelfix(*words).code == 0


def test_options_for_an_index_may_be_set_and_files_still_added() -> None:
    options('mirror.add.jobs = 2\nmirror.add.platform = "any"')
    assert wheelfix("mirror", "add", "m", WHEEL).code == 0


def test_help_is_printed_whatever_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    options("force = true")
    assert wheelfix("verify", "--help").code == 0
    assert wheelfix("--version").code == 0


@pytest.mark.parametrize("text", ["[options", "options = 3"])
def test_a_file_that_cannot_be_used(text: str) -> None:
    Path("wheelfix.toml").write_text(text)
    ran = wheelfix("verify", WHEEL)
    assert (ran.code, "wheelfix.toml" in ran.err) == (2, True)


def test_a_project_file_of_others_is_not_parsed() -> None:
    Path("pyproject.toml").write_text("[tool.other]\noptions = broken")
    assert wheelfix("verify", WHEEL).code == 0


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_each_option_has_a_row_in_the_documentation_and_a_place_in_the_schema(
    path: tuple[str, ...], command: click.Command
) -> None:
    page = (REFERENCE / "configuration.md").read_text("utf-8")
    schema = options_schema(ROOT_CONTEXT)
    validator = jsonschema.Draft202012Validator(schema)
    samples = {"boolean": "true", "integer": "3", "number": "3", "string": '"x"'}
    for option in options_of(command):
        name = long_name(option)
        if name in COMMAND_LINE_ONLY:
            assert f"`--{name}`" in page
            continue
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert f"`{' '.join(path)}`" in row
        value = f'"{option.type.choices[0]}"' if isinstance(option.type, click.Choice) else samples[form_of(option)[2]]
        for key in keys(path, name):
            validator.validate(tomllib.loads(f"{'.'.join(key)} = {value}"))
            assert not validator.is_valid(tomllib.loads(f"{'.'.join(key)} = 2000-01-01"))
            assert not validator.is_valid(tomllib.loads(f"{'.'.join(key)}x = {value}"))


def test_the_example_of_the_documentation_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (REFERENCE / "configuration.md").read_text("utf-8")
    Path("wheelfix.toml").write_text(page.partition("```toml\n")[2].partition("```")[0])
    for name, value in re.findall(r"(WHEELFIX_\w+)=(\S+)", page):
        monkeypatch.setenv(name, value)
    ran = wheelfix("verify", WHEEL)
    assert (ran.code, "warning: WHEELFIX" in ran.err) == (0, False), ran.err
    assert destination("--verbose") == "out"


def test_without_settings_no_other_command_is_imported() -> None:
    program = "import sys, wheelfix.cli; wheelfix.cli.run(['diff', 'x', 'y']); print('wheelfix.cli.fix' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


def test_a_number_that_is_none_is_said_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHEELFIX_JOBS", "four")
    assert "WHEELFIX_JOBS: it must be a whole number, and is 'four'; nothing was done" in wheelfix("verify", WHEEL).err


def test_the_url_of_a_bucket_is_not_a_path_in_the_directory_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    options('publish = "s3:///nowhere"')
    Path("below").mkdir()
    monkeypatch.chdir("below")
    ran = wheelfix(*STRIP, f"../{WHEEL}")
    assert (ran.code, "publish: s3:///nowhere names no bucket" in ran.err) == (2, True), ran.err


def test_as_much_of_a_file_is_looked_at_as_is_parsed() -> None:
    assert LOOKED_AT == toml.LARGEST
