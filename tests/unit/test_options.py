"""What a caller may choose: a text where a list is expected, and choices that cannot be meant."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wheelfix
from building import write_wheel
from defects import valid
from fixing import values
from scripting import Index, answering
from wheelfix.options import ExclusiveOptions, Requests, listed
from wheelfix.rules.cases import try_cases
from wheelfix.rules.load import gpu_rules


def test_one_text_is_one_item() -> None:
    assert listed("me") == listed(["me"]) == listed(iter(("me",))) == ("me",)
    assert listed(Path("a/b")) == (Path("a/b"),)
    assert listed(()) == ()


@pytest.mark.parametrize("name", [name for name in wheelfix.__all__ if inspect.isfunction(getattr(wheelfix, name))])
def test_every_list_of_texts_takes_one_text(name: str) -> None:
    """Pitfall 46: a parameter that is a list of texts or paths says in its type that one alone will do."""
    for parameter in inspect.signature(getattr(wheelfix, name)).parameters.values():
        words = str(parameter.annotation)
        if ("Iterable[" in words or "Sequence[" in words) and ("str]" in words or "Path]" in words):
            alternatives = {part.strip() for part in words.strip("'\"").split("|")}
            assert "str" in alternatives, f"{name}({parameter})"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return write_wheel(tmp_path / "in", valid())


def test_a_select_of_one_text_is_a_code(wheel: Path, tmp_path: Path) -> None:
    assert wheelfix.verify_wheels(str(wheel), selection=wheelfix.Selection("metadata", "record")).wheels[0].findings == ()
    assert wheelfix.repair_wheels(wheel, output=tmp_path / "out", selection=wheelfix.Selection("me")).ok
    assert wheelfix.add_wheels(tmp_path / "m", str(wheel), originals=str(wheel)).ok
    assert wheelfix.check_mirror(tmp_path / "m", selection=wheelfix.Selection(select="un", ignore="un")).findings == ()
    for check in (wheelfix.verify_wheels, wheelfix.repair_wheels):
        with pytest.raises(ValueError, match="begins with 'zz'"):
            check(wheel, selection=wheelfix.Selection("zz"))
    with pytest.raises(ValueError, match="begins with 'zz'"):
        wheelfix.check_mirror(tmp_path / "m", selection=wheelfix.Selection(select="zz"))
    assert [page.project for page in wheelfix.list_pages(tmp_path / "m", "demo")] == ["demo"]


def test_a_project_of_one_text_is_a_project() -> None:
    with answering(Index({})) as server:
        survey = wheelfix.check_index(server.index, "demo", selection=wheelfix.Selection(select="cache", ignore="cache"))
        assert survey.projects == 1


def test_requirements_platforms_and_pythons_of_one_text(wheel: Path, tmp_path: Path) -> None:
    with answering(Index({wheel.name: wheel.read_bytes()})) as server:
        with pytest.raises(wheelfix.MirrorError, match="not a version of Python"):
            wheelfix.Targets(pythons="x.y")
        targets = wheelfix.Targets(platforms="any", pythons="3.11")
        _, published = wheelfix.mirror_releases(tmp_path / "m", server.index, "demo", targets=targets)
        assert len(published.files) == 1


def test_rules_of_one_text() -> None:
    assert gpu_rules(only="nvidia", keep="nvidia-nccl-cu12", drop="my-gpu-*").rules[0].id == "keep nvidia-nccl-cu12"
    rules = wheelfix.rule_set("mine", [], extends="gpu")
    assert try_cases(rules, "gpu") == try_cases(rules, ["gpu"])
    assert try_cases(rules, "g") == ()


BAD: dict[str, dict[str, Any]] = {
    "unknown": {"nonsense": 1},
    "misspelt": {"skip_gpu_build": True},
    "where": {"output_dir": "x"},
    "jobs": {"jobs": 0},
    "scan": {"scan": "sometimes"},
    "label": {"local": "/"},
    "build tag": {"build_tag": "x"},
    "edits": {"edits": 7},
    "excluding": {"force": True, "skip_gpu_builds": True},
    "rules": {"rules": "no-such-set"},
}


@pytest.mark.parametrize("options", BAD.values(), ids=BAD)
def test_arguments_that_cannot_be_meant_leave_nothing_behind(options: dict[str, Any], wheel: Path, tmp_path: Path) -> None:
    """Not even an empty mirror, and nothing is asked of an index."""
    with answering(Index({wheel.name: wheel.read_bytes()})) as server:
        calls: list[Callable[[], object]] = [
            lambda: wheelfix.fix_into_mirror(tmp_path / "m", wheel, **values(**options)),
            lambda: wheelfix.mirror_releases(tmp_path / "m", server.index, "demo", **values(**options)),
            lambda: wheelfix.fix_wheels(wheel, **values(**{"output_dir": tmp_path / "out", **options})),
        ]
        for call in calls if "output_dir" not in options else calls[:-1]:
            with pytest.raises((TypeError, ValueError, wheelfix.RulesError, wheelfix.EditError)):
                call()
        assert server.requests == []
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_time_that_cannot_be_meant_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seconds must be finite"):
        wheelfix.mirror_releases(
            tmp_path / "m", "http://127.0.0.1:9/simple/", "demo", limits=wheelfix.Limits(download_seconds=-1)
        )
    assert not (tmp_path / "m").exists()


def test_edits_that_can_be_read_once_are_carried_out(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = write_wheel(tmp_path / "in", valid())
    edits = iter([wheelfix.SetField("Requires-Python", ">=3.9")])
    report, published = wheelfix.fix_into_mirror(tmp_path / "m", path, None, edits=edits)
    assert published.ok
    assert report.count(wheelfix.Status.FIXED) == 1


def test_options_that_exclude_each_other_are_named() -> None:
    with pytest.raises(ExclusiveOptions, match=r"^force and skip_unproven exclude each other$") as caught:
        wheelfix.Policy(force=True, skip_unproven=True)
    assert caught.value.names == ("force", "skip_unproven")
    with pytest.raises(ExclusiveOptions):
        wheelfix.Output(in_place=True, overwrite=True)


def test_a_policy_takes_the_plain_word_of_a_scan() -> None:
    assert wheelfix.Policy(scan="never").scan is wheelfix.Scan.NEVER  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sometimes"):
        wheelfix.Policy(scan="sometimes")  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"local": "/"}, {"build_tag": "x"}, {"local": ""}])
def test_a_name_that_no_file_can_have_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(wheelfix.EditError):
        wheelfix.Naming(**options)


def test_a_path_is_an_output() -> None:
    assert wheelfix.Output.of("out") == wheelfix.Output(directory="out")
    assert wheelfix.Output.of(output := wheelfix.Output(dry_run=True)) is output


def test_a_selection_includes_and_ignores_by_the_begin_of_a_code() -> None:
    selection = wheelfix.Selection("record", ["record-row"]).among(["record-row-missing", "record-hash", "metadata-name"])
    assert selection.includes("record-hash")
    assert not any(map(selection.includes, ("record-row-missing", "metadata-name")))
    with pytest.raises(ValueError, match="begins with 'nothing'"):
        wheelfix.Selection(ignore="nothing").among(["record-hash"])


@pytest.mark.parametrize(
    "values", [{"connections": 0}, {"connections": 65}, {"timeout": 0}, {"max_requests": -1}, {"max_time": -0.5}]
)
def test_requests_that_cannot_be_meant(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        Requests(**values)


def test_the_cache_of_requests_can_be_a_text(wheel: Path, tmp_path: Path) -> None:
    index = Index({wheel.name: wheel.read_bytes()}, headers={"ETag": '"1"'})
    with answering(index) as server:
        wheelfix.check_index(server.index, requests=Requests(cache=str(tmp_path / "answers")))
    assert [*(tmp_path / "answers").iterdir()]


def test_a_code_is_suggested_and_no_fragment_of_one() -> None:
    codes = ["no-metadata-file", "record-wrong-hash", "record-missing-row"]
    with pytest.raises(ValueError, match="Did you mean record"):
        wheelfix.Selection("recrd").among(codes)
    with pytest.raises(ValueError, match=r"^no code begins with 'nope'\. (?!Did you mean)"):
        wheelfix.Selection("nope").among(codes)
