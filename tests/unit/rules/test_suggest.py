"""What looks like GPU and no rule covers is named, with a rule that does; ordinary requirements are not."""

import json
from pathlib import Path

import pytest

from building import WheelSpec, write_wheel
from counting import count_calls
from ruling import facts_of, requires
from running import wheelfix as run
from wheelfix.results import Change
from wheelfix.rules.actions import apply_rules
from wheelfix.rules.lint import lint_rules
from wheelfix.rules.load import built_in, gpu_rules, load_rules
from wheelfix.rules.match import Facts
from wheelfix.rules.model import RuleSet
from wheelfix.rules.suggest import with_suggestions

COVERED_BY = [
    ("jax[cuda12]", "its extra cuda12 is for GPUs", ["jax"]),
    ("jax[cuda12,k8s]>=0.4; os_name == 'posix'", "its extra cuda12", ["jax[k8s]>=0.4; os_name == 'posix'"]),
    ("tensorflow[and-cuda]==2.17", "its extra and-cuda", ["tensorflow==2.17"]),
    ("torch==2.7.0+cu126", "its version is that of a GPU build (cu126)", ["torch==2.7.0"]),
    ("torch==2.0.1+rocm5.4.2,!=3", "(rocm5.4.2)", ["torch!=3,==2.0.1"]),
    ("torch (==2.7.0+xpu)", "(xpu)", ["torch (==2.7.0)"]),
    (
        "torch @ https://download.pytorch.org/whl/cu118/torch-2.0.1%2Bcu118-cp310-cp310-linux_x86_64.whl",
        "its URL is that of a GPU build (cu118)",
        ["torch"],
    ),
    ("x[y] @ https://example.org/x-1.0%2Bcu121-py3-none-any.whl ; os_name == 'nt'", "(cu121)", ["x[y] ; os_name == 'nt'"]),
    ("x @ https://example.org/rocm6.1/x-1.0-py3-none-any.whl", "(rocm6.1)", ["x"]),
    ("cupy-cuda12x>=13", "a GPU framework", []),
    ("cudf-cu12==25.4.*", "a GPU framework", []),
    ("numba-cuda", "a GPU framework", []),
    ("xformers", "a GPU framework", []),
    ("triton==3.3.0", "the rule set drops it from wheels of other projects only", []),
    ("mlx-metal; sys_platform == 'darwin'", "other projects only", []),
    ("our-kernels-cu12", "its name is that of a GPU build", []),
    ("onnxruntime-gpu[cuda]>=1.20", "", ["onnxruntime>=1.20"]),
    ("flashinfer_python[cu13]==0.6.1", "a GPU framework", []),
    ("tensorflow-gpu", "tensorflow-gpu has a CPU build under another name", ["tensorflow-cpu"]),
    # Never true on the wheel's platforms, and read all the same by whoever takes it for the whole release.
    ("triton; sys_platform == 'win32' and sys_platform == 'linux'", "other projects", []),
]
ORDINARY = [
    "numpy", "jax", "jax[k8s]", "jax>=0.4", "tensorflow", "tensorflow-cpu", "torch", "torch==2.7.0", "torch==2.7.0+cpu",
    "torch @ https://download.pytorch.org/whl/cpu/torch-2.7.0%2Bcpu-cp311-cp311-linux_x86_64.whl", "tritonclient",
    "nvidia-ml-py", "pynvml", "nvtx", "mkl", "intel-openmp", "abracudabra", "barracuda-api", "procmon", "requests[socks]",
    "spacy[transformers]", "xgboost", "onnxruntime", "faiss-cpu", "mlx-cpu", "docutils==0.1+cuda1x.local",
    "focus", "cuckoo[accu10]",
    "x @ https://example.org/cucumber/focus123/x-1.0-py3-none-any.whl", "no requirement !",
]  # fmt: skip


def kept(facts: Facts, rules: RuleSet | None = None) -> list[Change]:
    rules = rules or built_in("gpu")
    done = apply_rules(rules, facts)
    return [each for each in with_suggestions(done.kept, done.changes, rules, facts) if each.suggestion]


@pytest.mark.parametrize(("text", "why", "after"), COVERED_BY)
def test_what_looks_like_gpu_comes_with_a_rule_that_covers_it(text: str, why: str, after: list[str], tmp_path: Path) -> None:
    facts = facts_of("numpy", text, project="My_Demo", tags="cp311-cp311-manylinux_2_28_x86_64")
    [found] = kept(facts)
    assert (found.action, found.before, found.after) == ("keep", text, text)
    assert why in (found.reason or "")
    assert found.rule or (found.reason or "").startswith("no rule covers it: ")
    assert found.suggestion is not None
    assert len(found.suggestion.splitlines()) <= 6
    path = tmp_path / "mine.toml"
    path.write_text(f'schema = 1\nextends = "gpu"\n{found.suggestion}', "utf-8")
    rules = load_rules(path)
    assert lint_rules(rules) == ()
    assert requires(apply_rules(rules, facts)) == ["numpy", *after]
    assert kept(facts, rules) == []
    other = facts_of("numpy", text, project="other", tags="cp311-cp311-manylinux_2_28_x86_64")
    assert requires(apply_rules(rules, other)) == ["numpy", text]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_requirements_are_not_named(text: str) -> None:
    assert kept(facts_of(text)) == []


@pytest.mark.parametrize(("text", "why", "after"), COVERED_BY)
def test_what_an_extra_calls_for_and_what_gpu_projects_need_is_not_named(text: str, why: str, after: list[str]) -> None:
    head, sign, marker = text.partition(";")
    assert kept(facts_of(f"{head} ; extra == 'gpu'{f' and ({marker})' if sign else ''}")) == []
    assert kept(facts_of(text, project="vllm")) == []


def test_only_what_the_rules_in_force_are_about() -> None:
    facts = facts_of("triton", "jax[cuda12]")
    assert [each.before for each in kept(facts)] == ["triton", "jax[cuda12]"]
    assert [each.before for each in kept(facts, gpu_rules(only=["nvidia"]))] == ["jax[cuda12]"]
    assert [each.before for each in kept(facts, gpu_rules(keep=["triton", "jax"]))] == []
    assert [each.before for each in kept(facts, gpu_rules(drop=["triton"]))] == ["jax[cuda12]"]
    assert kept(facts, built_in("cpu-twins")) == []


def test_a_line_that_stands_twice_is_named_once_and_odd_names_break_nothing() -> None:
    assert len(kept(facts_of("cupy-cuda12x", "cupy-cuda12x"))) == 2  # both are kept by a rule, and both say so
    assert len(kept(facts_of("jax[cuda12]", "jax[cuda12]"))) == 1
    facts = facts_of("jax[cuda12]", fields='Name: a"]\n')
    assert kept(facts)[0].suggestion


def test_the_twins_are_looked_up_for_few_requirements_only() -> None:
    facts = facts_of(*(f"package-{number}" for number in range(200)))
    done = apply_rules(built_in("gpu"), facts)
    assert count_calls(lambda: with_suggestions(done.kept, done.changes, built_in("gpu"), facts)) < 200 * 60


def wheels(folder: Path) -> list[Path]:
    lines = ("numpy", "jax[cuda12]", "triton>=3")
    return [write_wheel(folder, WheelSpec(tags=f"py{number}-none-any", requires=lines)) for number in (2, 3)]


@pytest.mark.parametrize("options", [(), ("--check",), ("--diff",), ("-v",)], ids=" ".join)
def test_strip_gpu_names_each_once(options: tuple[str, ...], tmp_path: Path) -> None:
    ran = run("strip-gpu", "-o", tmp_path / "out", *options, *wheels(tmp_path))
    assert ran.code == 0
    assert ran.err.count("kept jax[cuda12]: no rule covers it: its extra cuda12 is for GPUs\n") == 1
    assert (
        ran.err.count("kept triton>=3: no rule covers it: the rule set drops it from wheels of other projects only\n") == 1
    )
    assert ran.err.count("  in: demo-1.0-py2-none-any.whl, demo-1.0-py3-none-any.whl\n") == 2
    assert ran.err.count('    match = { name = "jax" }\n') == 1
    assert ran.err.count("    [[rule]]\n") == 2
    assert (
        ran.err.count("add this to wheelfix.toml, below `schema = 1`, and run `wheelfix fix`:\n") == 2
    )  # strip-gpu reads no rule file
    assert "kept by rules" not in ran.err


def test_quiet_runs_name_nothing(tmp_path: Path) -> None:
    assert run("strip-gpu", "-q", "-o", tmp_path / "out", *wheels(tmp_path)).err == ""


def test_the_report_has_the_rule(tmp_path: Path) -> None:
    report = run("strip-gpu", "--format", "json", "-o", tmp_path / "out", *wheels(tmp_path)).report
    for wheel in report["wheels"]:
        assert [(each["before"], each["rule"]) for each in wheel["kept"]] == [("jax[cuda12]", None), ("triton>=3", None)]
        assert all(each["suggestion"].startswith("[[rule]]\n") for each in wheel["kept"])


def test_only_the_first_of_many_are_shown(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, WheelSpec(requires=tuple(f"kernel-{number}-cu12" for number in range(9))))
    ran = run("strip-gpu", "-o", tmp_path / "out", path)
    assert ran.err.count("[[rule]]") == 5
    assert "4 more kept requirements look like GPU" in ran.err


def test_show_names_them(tmp_path: Path) -> None:
    [path, other] = wheels(tmp_path)
    ran = run("show", path, other)
    assert ran.out.count("    [[rule]]\n") == 2
    assert "no rule covers it: the rule set drops it from wheels of other projects only" in ran.out
    [wheel] = json.loads(run("show", "--format", "json", path).out)["wheels"]
    [line] = [each for each in wheel["requirements"] if each["name"] == "jax"]
    assert line["action"] == "keep"
    assert line["suggestion"].startswith("[[rule]]\n")


def test_what_no_rule_covers_is_counted_beside_what_a_rule_keeps(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, WheelSpec(requires=("jax[cuda12]", "cupy-cuda12x")))
    ran = run("strip-gpu", "--check", wheel)
    assert "unchanged: nothing to change (1 requirement kept by rules, 1 that no rule covers)\n" in ran.out + ran.err
