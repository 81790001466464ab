"""The set ``gpu`` with a few words of one's own, as ``strip-gpu`` takes them."""

import pytest

from ruling import judge
from wheelfix.errors import RulesError
from wheelfix.rules.lint import lint_rules
from wheelfix.rules.load import built_in, gpu_rules, groups_of


def verdict(rules: dict[str, tuple[str, ...]], text: str, project: str = "torch") -> tuple[str, str] | None:
    found = judge(gpu_rules(**rules), project, text)
    return (found.rule.id, "held back" if found.held_back else found.rule.action_name) if found else None


def test_without_words_it_is_the_set() -> None:
    assert gpu_rules().rules == built_in("gpu").rules
    assert gpu_rules().digest == built_in("gpu").digest


@pytest.mark.parametrize("group", groups_of("gpu"))
@pytest.mark.parametrize("prefix", ["", "gpu/"])
def test_only_a_group(group: str, prefix: str) -> None:
    rules = gpu_rules(only=[prefix + group])
    assert rules.digest == built_in(f"gpu/{group}").digest
    assert [rule.id for rule in rules.rules if rule.action != "keep"] == [f"gpu/{group}"]


VERDICTS: list[tuple[dict[str, tuple[str, ...]], str, tuple[str, str] | None]] = [
    ({}, "nvidia-nccl-cu12", ("gpu/nvidia", "drop")),
    ({"only": ("triton",)}, "nvidia-nccl-cu12", None),
    ({"only": ("triton", "nvidia")}, "nvidia-nccl-cu12", ("gpu/nvidia", "drop")),
    ({"only": ("triton",)}, "nvidia-ml-py", ("gpu/keep-nvidia-tools", "keep")),
    ({"keep": ("nvidia-nccl-*",)}, "nvidia-nccl-cu12", ("keep nvidia-nccl-*", "keep")),
    ({"keep": ("nvidia-nccl-*",)}, "nvidia-cublas-cu12", ("gpu/nvidia", "drop")),
    ({"drop": ("nvidia-ml-py",)}, "nvidia-ml-py", ("drop nvidia-ml-py", "drop")),
    ({"drop": ("my-*", "your-*")}, "your-gpu", ("drop your-*", "drop")),
    ({"drop": ("my-*",)}, "my-gpu; extra == 'x'", ("drop my-*", "held back")),
    ({"keep": ("a",), "drop": ("a", "a*")}, "a", ("keep a", "keep")),
    ({"keep": ("a",), "drop": ("a", "a*")}, "ab", ("drop a*", "drop")),
    ({"keep": ("a",)}, "a; extra == 'x'", ("keep a", "keep")),
]  # fmt: skip


@pytest.mark.parametrize(("words", "text", "expected"), VERDICTS, ids=str)
def test_what_the_words_decide(words: dict[str, tuple[str, ...]], text: str, expected: tuple[str, str] | None) -> None:
    assert verdict(words, text) == expected


def test_words_are_for_every_project() -> None:
    """A GPU library keeps what the set says, and loses what its user asked for."""
    assert verdict({}, "nvidia-nccl-cu12", "triton") == ("gpu/own-libraries", "keep")
    assert verdict({"drop": ("nvidia-nccl-*",)}, "nvidia-nccl-cu12", "triton") == ("drop nvidia-nccl-*", "drop")


def test_a_word_that_is_given_twice_is_one_rule() -> None:
    assert len(gpu_rules(keep=["a", "a"], drop=["b", "b"], only=["npu", "npu"]).rules) == 2 + len(built_in("gpu/npu").rules)
    assert gpu_rules(keep=["a"]).origins[0] == "command line"


INVALID: list[tuple[dict[str, tuple[str, ...]], str]] = [
    ({"only": ("nvida",)}, "Did you mean nvidia?"),
    ({"only": ("gpu/nvida",)}, "Did you mean nvidia?"),
    ({"only": ("xyz",)}, "fairchem-kernels, nvidia, tensorrt"),
    ({"keep": ("Nvidia_*",)}, "Write 'nvidia-*'"),
    ({"drop": ("triton==3",)}, "has characters that names cannot contain"),
    ({"drop": ("",)}, "the pattern is empty"),
    ({"drop": ("a[",)}, "an unclosed bracket"),
]


@pytest.mark.parametrize(("words", "message"), INVALID, ids=str)
def test_invalid_words_are_reported_with_a_hint(words: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(RulesError) as caught:
        gpu_rules(**words)
    assert message in str(caught.value)
    assert "command line" in str(caught.value)


def test_all_invalid_words_are_reported_at_once() -> None:
    with pytest.raises(RulesError) as caught:
        gpu_rules(only=["nvida", "tritn"], keep=["A"], drop=["B"])
    assert len(caught.value.findings) == 4


def test_a_pattern_for_everything_is_reported() -> None:
    assert [(each.code, each.place) for each in lint_rules(gpu_rules(drop=["*"], keep=["*-x"]))] == [
        ("rule-broad", "command line: rule drop *")
    ]
