"""A local version that says CPU is a claim: believed where no binary speaks against it, and not given to GPU builds."""

import json
from pathlib import Path
from typing import Any

import pytest

import wheelfix
from building import Entry, WheelSpec, changed, to_bytes, write_wheel
from elfwriter import shared_object
from fixing import values
from in_memory import packed
from wheelfix import Match, Naming, Outcome, Policy, Rule, RuleSet, Status, Verdict, Wheel
from wheelfix.rules.load import rule_set
from wheelwriter import archive_of

GPU = "nvidia-cuda-runtime-cu12"
TAGS = "cp311-cp311-manylinux_2_28_x86_64"
INIT = Entry("demo/__init__.py", b"")
MODULE = "_ext.cpython-311-x86_64-linux-gnu.so"
PROVENANCE = "sboms/wheelfix.cdx.json"


def library(path: str, *needed: str, exports: tuple[str, ...] = (), padding: int = 0) -> Entry:
    content = shared_object("x86_64", needed=needed, exports=exports) + bytes(padding)
    return Entry(path, content, raw=packed(content), mode=0o100755)


def module(*needed: str, padding: int = 0) -> Entry:
    return library(f"demo/{MODULE}", *needed, exports=("PyInit__ext",), padding=padding)


LARGE = module("libcudart.so.12", padding=2 << 20)
GPU_BUILDS = {
    "a constant": (Entry("demo/version.py", b"cuda = '12.6'\n"), "demo/version.py sets cuda = '12.6'"),
    "a module": (module("libcudart.so.12"), f"demo/{MODULE} links to libcudart.so.12"),
    "a large module": (LARGE, f"demo/{MODULE} links to libcudart.so.12"),
    "a framework's GPU half": (module("libtorch_cuda.so"), f"demo/{MODULE} links to libtorch_cuda.so"),
    "a plug-in": (library("demo/libx.so", "libcudnn.so.9"), "demo/libx.so links to libcudnn.so.9"),
    "a program": (library("demo/bin/tool", "libcudart.so.12"), "demo/bin/tool links to libcudart.so.12"),
    "a library in the wheel": (
        library("demo.libs/libcudart-faf08d9a.so.13"),
        "it contains demo.libs/libcudart-faf08d9a.so.13",
    ),
}
CPU_BUILDS = {
    "no binaries": Entry("demo/x.py", b""),
    "a module": module("libc.so.6"),
    "a constant": Entry("demo/version.py", b"cuda = None\n"),
    "unreadable": Entry("demo/libx.so", b"\x7fELF" + bytes(60_000), raw=b"\xff" * 9),
}


def built(
    folder: Path, *files: Entry, version: str = "1.0", tags: str = TAGS, requires: tuple[str, ...] = ("numpy", GPU)
) -> Path:
    folder.mkdir(exist_ok=True)
    return write_wheel(folder, WheelSpec(version=version, tags=tags, requires=requires, files=(INIT, *files)))


def dropping(name: str) -> RuleSet:
    return rule_set("mine", (Rule(id="mine", reason="I looked", match=Match(name=(name,)), action="drop"),))


def fix(path: Path, rules: RuleSet | str = "gpu", **options: Any) -> Outcome:
    [outcome] = wheelfix.fix_wheels([path], rules, **values(output_dir=path.parent / "out", **options)).outcomes
    return outcome


def verdict(outcome: Outcome) -> tuple[Verdict | None, str]:
    [change] = [each for each in (*outcome.changes, *outcome.kept) if each.before == GPU]
    return change.verdict, change.evidence or ""


# A label that wheelfix gave.


def test_a_label_that_was_given_is_no_proof(tmp_path: Path) -> None:
    """faiss-gpu-cu12 1.12.0 became 1.12.0+cpu by a rule on numpy, and then lost what it needs."""
    labelled = fix(built(tmp_path, LARGE), dropping("numpy"), local="cpu", force=True).output
    assert labelled is not None
    assert "+cpu" in labelled.name
    outcome = fix(labelled)
    assert (outcome.status, verdict(outcome)) == (
        Status.REFUSED,
        (Verdict.UNSAFE, f"demo/{MODULE} links to libcudart.so.12"),
    )


@pytest.mark.parametrize("sbom", [True, False])
def test_without_a_binary_only_the_provenance_takes_the_label_away(sbom: bool, tmp_path: Path) -> None:
    labelled = fix(built(tmp_path), dropping("numpy"), local="cpu", sbom=sbom).output
    assert labelled is not None
    expected = Verdict.UNPROVEN if sbom else Verdict.SAFE
    assert verdict(fix(labelled, force=True))[0] is expected


def test_so_many_changes_that_provenance_forgets_the_oldest(tmp_path: Path) -> None:
    """A repair of 20,000 stale rows left no room for the change of the version, and the label was evidence again."""
    rows = b"".join(b"gone/%d.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n" % each for each in range(10_001))
    spec = WheelSpec(tags=TAGS, requires=("numpy", GPU), files=(INIT,))
    archive = archive_of(spec)
    record = archive.entries[-1].content
    assert isinstance(record, bytes)
    path = write_wheel(tmp_path, spec, changed(archive, "RECORD", content=rows + record))
    labelled = fix(path, dropping("numpy"), local="cpu").output
    assert labelled is not None
    [repaired] = wheelfix.repair_wheels([labelled], output=tmp_path / "repaired").outcomes
    assert repaired.output is not None
    assert len(repaired.changes) == 10_001
    assert verdict(fix(repaired.output, force=True))[0] is Verdict.UNPROVEN


def test_a_label_of_the_builder_survives_a_correction(tmp_path: Path) -> None:
    path = fix(built(tmp_path, version="1.0+cpu"), dropping("numpy")).output
    assert path is not None
    with Wheel(path) as wheel:
        assert wheel.entry(PROVENANCE) is not None
    assert verdict(fix(path))[0] is Verdict.SAFE


def test_constants_count_whatever_the_label(tmp_path: Path) -> None:
    path = fix(built(tmp_path, CPU_BUILDS["a constant"]), dropping("numpy"), local="cpu").output
    assert path is not None
    assert verdict(fix(path)) == (Verdict.SAFE, "demo/version.py sets cuda = None, and it has no binaries")


@pytest.mark.parametrize(("file", "expected"), [(LARGE, Verdict.UNSAFE), (module("libc.so.6"), Verdict.SAFE)])
def test_a_label_in_the_file_name_alone_is_one(file: Entry, expected: Verdict, tmp_path: Path) -> None:
    """So were the CPU wheels of torch 2.7.0: METADATA said 2.7.0."""
    path = built(tmp_path, file)
    renamed = path.rename(path.with_name(path.name.replace("-1.0-", "-1.0+cpu-")))
    assert verdict(fix(renamed, dry_run=True, force=True))[0] is expected


def provenance(*changes: dict[str, str]) -> bytes:
    """Return provenance as wheelfix writes it, with these changes."""
    properties = [{"name": "wheelfix:change", "value": json.dumps(each)} for each in changes]
    component = {"properties": properties, "pedigree": {"ancestors": []}}
    tools = {"components": [{"version": "1"}]}
    return json.dumps({"metadata": {"component": component, "tools": tools}}).encode()


LABELLED = {"field": "Version", "action": "set-field", "before": "1.0", "after": "1.0+cpu"}
CLAIMS = {
    "of a label": (provenance(LABELLED), Verdict.UNPROVEN),
    "of another label": (provenance(LABELLED | {"after": "1.0+other"}), Verdict.UNPROVEN),
    "of other changes": (provenance({"field": "Requires-Dist", "action": "drop", "before": "triton"}), Verdict.SAFE),
    "of none": (provenance(), Verdict.SAFE),
    "of somebody else": (b'{"bomFormat": "CycloneDX"}', Verdict.UNPROVEN),
    "no JSON": (b"\xff\xfe", Verdict.UNPROVEN),
    "empty": (b"", Verdict.UNPROVEN),
}


@pytest.mark.parametrize(("content", "expected"), CLAIMS.values(), ids=CLAIMS)
def test_provenance_takes_evidence_away(content: bytes, expected: Verdict, tmp_path: Path) -> None:
    file = Entry(f"demo-1.0+cpu.dist-info/{PROVENANCE}", content)
    path = built(tmp_path, file, version="1.0+cpu")
    assert verdict(fix(path, dry_run=True, force=True))[0] is expected


@pytest.mark.parametrize(("content", "_"), CLAIMS.values(), ids=CLAIMS)
def test_and_never_adds_any(content: bytes, _: Verdict, tmp_path: Path) -> None:
    """Whoever forges it can have a wheel refused, and nothing more."""
    path = built(tmp_path, Entry(f"demo-1.0.dist-info/{PROVENANCE}", content))
    assert verdict(fix(path, dry_run=True, force=True))[0] is Verdict.UNPROVEN
    linked = built(tmp_path / "linked", Entry(f"demo-1.0.dist-info/{PROVENANCE}", content), LARGE)
    assert verdict(fix(linked, dry_run=True, force=True))[0] is Verdict.UNSAFE


def test_damaged_provenance_may_speak_of_a_label(tmp_path: Path) -> None:
    spec = WheelSpec(
        version="1.0+cpu",
        tags=TAGS,
        requires=(GPU,),
        files=(INIT, Entry(f"demo-1.0+cpu.dist-info/{PROVENANCE}", provenance())),
    )
    path = write_wheel(tmp_path, spec, to_bytes(changed(archive_of(spec), PROVENANCE, raw=b"\xff" * 9)))
    with Wheel(path) as wheel:
        judgement = wheelfix.gather_evidence(wheel).judge(GPU)
    assert judgement is not None
    assert judgement.verdict is Verdict.UNPROVEN


@pytest.mark.parametrize("where", ["demo-1.0+cpu.dist-info/sboms/other.cdx.json", "demo/sboms/wheelfix.cdx.json"])
def test_only_the_file_in_its_place_counts(where: str, tmp_path: Path) -> None:
    path = built(tmp_path, Entry(where, provenance(LABELLED)), version="1.0+cpu")
    assert verdict(fix(path, dry_run=True))[0] is Verdict.SAFE


# A label for a GPU build.


@pytest.mark.parametrize("label", ["cpu", "cpu.cxx11.abi", "mine.cpu", "CPU"])
@pytest.mark.parametrize("build", GPU_BUILDS)
def test_a_gpu_build_does_not_become_a_cpu_build_by_its_name(build: str, label: str, tmp_path: Path) -> None:
    file, sign = GPU_BUILDS[build]
    outcome = fix(built(tmp_path, file), dropping("numpy"), local=label)
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == (Status.REFUSED, "cpu-local-version")
    assert outcome.problem.message.startswith("the local version ")
    assert outcome.problem.message.endswith(" says that it is a CPU build, and it is a GPU build")
    assert outcome.problem.reason == sign
    assert "--skip-gpu-builds" in outcome.problem.hint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("build", GPU_BUILDS)
def test_force_gives_the_name_all_the_same(build: str, tmp_path: Path) -> None:
    file, sign = GPU_BUILDS[build]
    outcome = fix(built(tmp_path, file), dropping("numpy"), local="cpu", force=True)
    assert outcome.output is not None
    assert outcome.output.name == f"demo-1.0+cpu-{TAGS}.whl"
    assert f"Forced: its local version says that it is a CPU build, but {sign}." in outcome.notes


@pytest.mark.parametrize("build", GPU_BUILDS)
def test_gpu_builds_can_be_skipped(build: str, tmp_path: Path) -> None:
    file, sign = GPU_BUILDS[build]
    path = built(tmp_path, file)
    outcome = fix(path, dropping("numpy"), local="cpu", skip_gpu_builds=True)
    assert outcome.output is not None
    assert (outcome.status, outcome.changes, outcome.output.name) == (Status.UNCHANGED, (), path.name)
    assert outcome.output.read_bytes() == path.read_bytes()
    assert f"Left as it is: it is a GPU build: {sign}." in outcome.notes
    assert [each.before for each in outcome.kept] == ["numpy"]


@pytest.mark.parametrize("label", ["mine1", "cu126", "computer", "cpus"])
@pytest.mark.parametrize("build", GPU_BUILDS)
def test_other_labels_say_nothing_of_the_kind(build: str, label: str, tmp_path: Path) -> None:
    assert fix(built(tmp_path, GPU_BUILDS[build][0]), dropping("numpy"), local=label).status is Status.FIXED


@pytest.mark.parametrize("build", CPU_BUILDS)
def test_what_is_no_gpu_build_gets_it(build: str, tmp_path: Path) -> None:
    """What cannot be read says nothing: the label is the caller's own claim."""
    assert fix(built(tmp_path, CPU_BUILDS[build]), dropping("numpy"), local="cpu").status is Status.FIXED


def test_a_label_of_the_gpu_build_itself_counts(tmp_path: Path) -> None:
    outcome = fix(built(tmp_path, version="1.0+cu126"), dropping("numpy"), local="cpu")
    assert outcome.problem is not None
    assert outcome.problem.reason == "the version is 1.0+cu126"


def test_a_label_that_is_there_already_is_not_given(tmp_path: Path) -> None:
    assert fix(built(tmp_path, LARGE, version="1.0+cpu"), dropping("numpy"), local="cpu").status is Status.FIXED


@pytest.mark.parametrize(("build", "refused"), [("a large module", False), ("a constant", True)])
def test_binaries_that_are_not_to_be_read_say_nothing(build: str, refused: bool, tmp_path: Path) -> None:
    outcome = fix(built(tmp_path, GPU_BUILDS[build][0]), dropping("numpy"), local="cpu", scan=wheelfix.Scan.NEVER)
    assert (outcome.problem is not None) is refused


def test_a_wheel_that_keeps_its_name_is_not_asked(tmp_path: Path) -> None:
    assert fix(built(tmp_path, LARGE), dropping("scipy"), local="cpu").status is Status.UNCHANGED


def test_a_plan_from_python_is_refused_too(tmp_path: Path) -> None:
    with Wheel(built(tmp_path, LARGE)) as wheel:
        naming = Naming(local="cpu", rename_unchanged=True)
        plan = wheelfix.make_plan(wheel, naming=naming)
        assert plan.problem is not None
        assert plan.problem.code == "cpu-local-version"
        edits = [wheelfix.SetField("Summary", "new")]
        assert wheelfix.make_plan(wheel, edits=edits, naming=naming).problem == plan.problem
        assert wheelfix.make_plan(wheel, naming=naming, policy=Policy(force=True)).problem is None
        assert wheelfix.make_plan(wheel, naming=Naming(build_tag="1x", rename_unchanged=True)).problem is None


def test_another_wheel_of_the_release_does_not_go_along(tmp_path: Path) -> None:
    """It says what the corrected one says, and only its binaries say that it is a GPU build."""
    cpu = built(tmp_path, requires=("six", "numpy"))
    cuda = built(tmp_path, LARGE, tags=TAGS.replace("311", "312"), requires=("six",))
    report = wheelfix.fix_wheels(
        [cpu, cuda], dropping("numpy"), output=tmp_path / "out", naming=wheelfix.Naming(local="cpu")
    )
    assert [outcome.status for outcome in report.outcomes] == [Status.FIXED, Status.UNCHANGED]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([f"demo-1.0+cpu-{TAGS}.whl", cuda.name])
