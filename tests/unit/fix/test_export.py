"""What rules make of wheels, for uv and PDM: one metadata for a release, or overrides of the names that change."""

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from building import WheelSpec, write_wheel
from defects import metadata, valid
from places import ROOT
from running import Ran, wheelfix

SAMPLES = ROOT / "sample_wheels"
DROP = 'match = { name = "gpu*", extra = "any" }\naction = "drop"\n'


def spec(project: str, version: str, *lines: str, tags: str = "py3-none-any") -> WheelSpec:
    head = ("Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}", "Summary: A stand-in")
    data = metadata(*lines, head=head, rest=("Description-Content-Type: text/plain",))
    return valid(project=project, version=version, metadata=data, tags=tags)


def requires(*texts: str) -> tuple[str, ...]:
    return tuple(f"Requires-Dist: {text}" for text in texts)


class Case:
    """A directory with wheels and one rule file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def wheel(self, *lines: str, project: str = "app", version: str = "1.0", tags: str = "py3-none-any") -> Path:
        return write_wheel(self.path, spec(project, version, *lines, tags=tags))

    def export(self, rules: str, *more: object, to: str = "uv") -> Ran:
        file = self.path / "wheelfix.toml"
        file.write_text(f'schema = 1\n[[rule]]\nid = "a"\nreason = "so it is"\nurl = "https://example.org/1"\n{rules}')
        return wheelfix("rules", "export", "--to", to, *more, file, self.path / "./")

    def table(self, rules: str, *, to: str = "uv") -> dict[str, Any]:
        ran = self.export(rules, to=to)
        assert ran.code == 0, ran.err
        table: dict[str, Any] = tomllib.loads(ran.out)["tool"][to]
        return table


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_the_metadata_of_a_release_after_the_rules(case: Case) -> None:
    lines = (
        *requires("gpu-x==1", 'lib ; extra == "My_Extra"', "other>=2"),
        "Requires-Python: >=3.9",
        "Provides-Extra: My_Extra",
    )
    for tags in ("cp311-cp311-win_amd64", "cp312-cp312-win_amd64"):
        case.wheel(*lines, tags=tags)
    case.wheel(*requires("other"), project="same")
    ran = case.export(DROP)
    assert (ran.code, ran.err) == (0, "")
    assert tomllib.loads(ran.out)["tool"]["uv"]["dependency-metadata"] == [
        {
            "name": "app",
            "version": "1.0",
            "requires-dist": ['lib ; extra == "My_Extra"', "other>=2"],
            "requires-python": ">=3.9",
            "provides-extra": ["my-extra"],
        }
    ]
    assert "# a: so it is (https://example.org/1)\n" in ran.out
    assert "# for every file of app 1.0\n" in ran.out


def test_wheels_that_disagree_have_no_metadata(case: Case) -> None:
    case.wheel(*requires("gpu-x", "one"), tags="cp311-cp311-win_amd64")
    case.wheel(*requires("gpu-x", "two"), tags="cp312-cp312-win_amd64")
    ran = case.export(DROP)
    assert ran.code == 1
    assert "not exported: app 1.0: its wheels disagree after the rules" in ran.err
    assert "dependency-metadata" not in ran.out


@pytest.mark.parametrize("line", ["Requires-Dist: lib==v1.*.0", "Requires-Python: new"])
def test_what_uv_cannot_read_in_its_settings(case: Case, line: str) -> None:
    case.wheel(*requires("gpu-x"), line)
    ran = case.export(DROP)
    assert ran.code == 1
    assert "not exported: app 1.0: uv cannot read" in ran.err


def test_a_wheel_that_would_be_refused_is_left_out_with_its_release(case: Case) -> None:
    case.wheel(*requires("gpu-x"))
    for machine in ("x86_64", "aarch64"):
        shutil.copy(SAMPLES / f"torch-2.7.0-cp311-cp311-manylinux_2_28_{machine}.whl", case.path)
    ran = case.export(DROP, "gpu")
    assert ran.code == 1
    assert "not exported: torch-2.7.0-cp311-cp311-manylinux_2_28_x86_64.whl: it needs nvidia-" in ran.err
    names = [each["name"] for each in tomllib.loads(ran.out)["tool"]["uv"]["dependency-metadata"]]
    assert names == ["app"], "the other wheel of torch would be given what is not for all of its release"


def test_what_wheels_copy_from_each_other(case: Case) -> None:
    """The wheels of a release are planned together, as ``fix`` does."""
    case.wheel(*requires("lib", 'cuda; extra == "gpu"'), "Provides-Extra: gpu", tags="cp311-cp311-manylinux_2_28_x86_64")
    case.wheel(*requires("lib"), tags="cp311-cp311-macosx_11_0_arm64")
    case.wheel(*requires("other"), project="same")
    [found] = case.table('when = { project = "app" }\naction = { copy-from = { platform = "*linux*" } }\n')[
        "dependency-metadata"
    ]
    assert (found["requires-dist"], found["provides-extra"]) == (["lib", 'cuda; extra == "gpu"'], ["gpu"])


def test_a_release_without_requirements_left(case: Case) -> None:
    case.wheel(*requires("gpu-x"))
    assert case.table(DROP)["dependency-metadata"] == [{"name": "app", "version": "1.0", "requires-dist": []}]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ('action = { set-field = { name = "Summary", value = "new" } }\n', "rule a: no resolver reads Summary"),
        ('action = { set-local = "cpu" }\n', "rule a: it changes the wheel itself"),
        ('action = { set-version = "2.0" }\n', "rule a: it changes the wheel itself"),
        ('action = { set-build-tag = "1" }\n', "rule a: it changes the wheel itself"),
        ('match = { name = "nothing" }\naction = "drop"\n', "rule a: it applies to none of the wheels"),
    ],
)
def test_a_rule_that_changes_nothing_for_resolvers_is_named(case: Case, rules: str, message: str) -> None:
    case.wheel(*requires("lib"))
    ran = case.export(rules)
    assert ran.code == 1
    assert f"not exported: {message}" in ran.err
    assert "dependency-metadata" not in ran.out


def test_a_wheel_that_cannot_be_read(case: Case) -> None:
    case.wheel(*requires("gpu-x"))
    (case.path / "broken-1.0-py3-none-any.whl").write_bytes(b"no archive")
    ran = case.export(DROP)
    assert ran.code == 3
    assert "broken-1.0-py3-none-any.whl not read" in ran.err
    assert 'name = "app"' in ran.out


PDM = {
    "dropped": (DROP, {"excludes": ["gpu-x"]}),
    "relaxed": ('match = { name = "lib" }\naction = { set-specifier = ">=1" }\n', {"overrides": {"lib": ">=1"}}),
    "any version": ('match = { name = "lib" }\naction = { set-specifier = "" }\n', {"overrides": {"lib": ""}}),
    "a URL": (
        'match = { name = "lib" }\naction = { replace = "lib @ https://example.org/lib-1-py3-none-any.whl {marker}" }\n',
        {"overrides": {"lib": "https://example.org/lib-1-py3-none-any.whl"}},
    ),
}


@pytest.mark.parametrize("name", PDM)
def test_overrides_of_pdm(case: Case, name: str) -> None:
    case.wheel(*requires("gpu-x==1", 'lib<2 ; os_name == "nt"'))
    rules, wanted = PDM[name]
    assert case.table(rules, to="pdm") == {"resolution": wanted}
    assert "differs: the requirements of every package, not only of app 1.0" in case.export(rules, to="pdm").out


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ('action = { add = "new" }\n', "PDM cannot add new to a package"),
        ('match = { name = "lib" }\naction = { rename = "new" }\n', "PDM cannot add new to a package"),
        (
            'match = { name = "lib" }\naction = { set-marker = "os_name == \'x\'" }\n',
            "an override of PDM is a specifier or a URL",
        ),
        ('match = { name = "with" }\naction = "drop"\n', "PDM cannot exclude with where it is required with extras"),
        (
            'action = { set-field = { name = "Requires-Python", value = ">=3.10" } }\n',
            "PDM has no override for Requires-Python",
        ),
        ('action = { add-field = { name = "Provides-Extra", value = "x" } }\n', "PDM has no override for Provides-Extra"),
    ],
)
def test_what_pdm_has_no_words_for(case: Case, rules: str, message: str) -> None:
    case.wheel(*requires("lib<2", "with[x]"))
    ran = case.export(rules, to="pdm")
    assert ran.code == 1
    assert message in ran.err


def test_one_override_for_a_name_in_pdm(case: Case) -> None:
    case.wheel(*requires("lib<2"), project="one")
    case.wheel(*requires("lib<2"), project="two")
    rules = 'match = { name = "lib" }\naction = { set-specifier = ">=1" }\nwhen = { project = "one" }\n'
    more = '[[rule]]\nid = "b"\nreason = "b"\nmatch = { name = "lib" }\naction = { set-specifier = ">=2" }\n'
    ran = case.export(rules + more, to="pdm")
    assert ran.code == 1
    assert 'lib" = ">=1"' in ran.out
    assert "not exported: two 1.0: another release has another override for lib" in ran.err


@pytest.mark.parametrize("to", ["uv", "pdm"])
def test_json(case: Case, to: str) -> None:
    case.wheel(*requires("gpu-x"))
    found = json.loads(case.export(DROP, "--format", "json", to=to).out)
    assert (found["version"], found["command"], found["client"], found["from_wheels"]) == (1, "rules export", to, True)
    assert len(found["metadata"]) + len(found["overrides"]) == 1


def test_arguments(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case.path)
    wheel = case.wheel(*requires("gpu-x"))
    assert case.export(DROP).code == 0
    assert "dependency-metadata" in wheelfix("rules", "export", "--to", "uv", wheel.name).out, "the rules in force"
    assert "dependency-metadata" in wheelfix("rules", "export", "--to", "uv", "-", stdin=wheel.name).out
    assert wheelfix("rules", "export", "--to", "uv", "nothing").code == 2
    assert wheelfix("rules", "export", "--to", "poetry").code == 2
    assert wheelfix("rules", "export").code == 2
    quiet = wheelfix("rules", "export", "--to", "uv", "-q", "--rules", "gpu")
    assert (quiet.code, quiet.err) == (1, "")


@pytest.mark.parametrize("to", ["uv", "pdm"])
@pytest.mark.parametrize("with_wheels", [True, False])
def test_a_rule_that_has_expired_is_named(case: Case, to: str, with_wheels: bool) -> None:
    """It is exported all the same, as it works all the same."""
    case.wheel(*requires("gpu"))
    rules = 'until = 2020-01-02\nmatch = { name = "gpu", extra = "any" }\naction = "drop"\n'
    ran = case.export(rules, to=to)
    if not with_wheels:
        ran = wheelfix("rules", "export", "--to", to, case.path / "wheelfix.toml")
    assert ran.code == 0
    assert "# a: so it is (https://example.org/1) [until 2020-01-02]" in ran.out
    [line] = [line for line in ran.err.splitlines() if "expired" in line]
    assert line.startswith("warning: ")
    assert "rule a: expired on 2020-01-02" in line


def test_help_stands_behind_what_it_is_for(case: Case) -> None:
    case.wheel(*requires("gpu"))
    more = """match = { name = "absent" }
action = "drop"
[[rule]]
id = "b"
reason = "so it is"
action = { set-version = "2" }
"""
    lines = [line for line in case.export(more).err.splitlines() if "not exported" in line or "help" in line]
    assert [line.partition(":")[0] for line in lines] == ["warning", "help", "warning", "help"]
    assert "rule b" in lines[0]
    assert lines[2:] == [
        "warning: not exported: rule a: it applies to none of the wheels",
        "help: Name a wheel that the rule is for.",
    ]


def test_each_rule_that_changes_the_wheel_itself_is_named(case: Case) -> None:
    """Also where two of them make one version."""
    case.wheel(*requires("gpu-x"))
    more = "".join(
        f'[[rule]]\nid = "{name}"\nreason = "ours"\naction = {{ {action} }}\n'
        for name, action in (("v", 'set-version = { post = "+1" }'), ("l", 'set-local = "cpu"'))
    )
    ran = case.export(DROP + more)
    assert ran.code == 1
    assert [name for name in "avl" if f"not exported: rule {name}:" in ran.err] == ["v", "l"]
