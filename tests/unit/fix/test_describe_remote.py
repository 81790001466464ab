"""A remote wheel is shown by its directory alone, and never called safe for what only its binaries can show."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import damages
from building import (
    Archive,
    Entry,
    WheelSpec,
    archive_of,
    build_wheel,
    changed,
    metadata_bytes,
    to_bytes,
    with_entries,
    write_wheel,
)
from elfwriter import shared_object
from in_memory import Elsewhere, packed
from places import ROOT
from wheelfix.errors import MirrorError
from wheelfix.evidence.verdict import Evidence
from wheelfix.fix.batch import fix_wheels
from wheelfix.fix.describe import Description, describe, disagreements, explain_wheel
from wheelfix.fix.weigh import gather_evidence
from wheelfix.locations import Url
from wheelfix.options import Scan
from wheelfix.results import Verdict
from wheelfix.rules.load import built_in, rule_set
from wheelfix.rules.model import Action, Match, Rule, RuleSet, When
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip.layout import Directory

GPU = built_in("gpu")
CUBLAS = "nvidia-cublas-cu12==12.6.4.1"
TAGS = "cp311-cp311-manylinux_2_28_x86_64"
MODULE = "demo/_C.cpython-311-x86_64-linux-gnu.so"
DIST_INFO = "demo-1.0.dist-info"


def module(*needed: str) -> Entry:
    content = shared_object("x86_64", needed=needed, exports=["PyInit__C"])
    return Entry(MODULE, content, raw=packed(content))


def constants(text: str) -> Entry:
    return Entry("demo/version.py", text.encode())


CUDA, NO_CUDA = constants("cuda = '12.6'\n"), constants("cuda = None\nhip = None\nxpu = None\n")
CPU_MODULE, CUDA_MODULE = module("libc.so.6"), module("libcublas.so.12")


def spec(*files: Entry, requires: Sequence[str] = (CUBLAS,), **knobs: Any) -> WheelSpec:
    return WheelSpec(**{"tags": TAGS, "files": files, "requires": requires, **knobs})


def elsewhere(built: WheelSpec) -> Elsewhere:
    return Elsewhere(built.filename, build_wheel(built))


def both(built: WheelSpec, folder: Path, rules: RuleSet = GPU) -> tuple[Description, Description]:
    """Return what is known of a wheel that is elsewhere, and of the same one here."""
    return describe(elsewhere(built), rules), describe(write_wheel(folder, built), rules)


def verdicts(found: Description) -> list[tuple[Verdict | None, str | None]]:
    assert found.problem is None, found.problem
    return [(each.verdict, each.evidence) for each in found.requirements]


WHEEL = b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: false\nTag: py3-none-any\n"
UNREAD = "binaries not read (--scan always reads them)"


@pytest.mark.parametrize(
    ("files", "knobs", "remote", "local"),
    [
        ([CPU_MODULE], {}, (Verdict.UNPROVEN, UNREAD), Verdict.UNPROVEN),
        ([CUDA_MODULE], {}, (Verdict.UNPROVEN, UNREAD), Verdict.UNSAFE),
        (
            [NO_CUDA, CPU_MODULE],
            {},
            (Verdict.UNPROVEN, f"demo/version.py sets cuda = None; {UNREAD}"),
            Verdict.SAFE,
        ),
        ([CPU_MODULE], {"version": "1.0+cpu"}, (Verdict.UNPROVEN, f"the version is 1.0+cpu; {UNREAD}"), Verdict.SAFE),
        ([CUDA_MODULE], {"version": "1.0+cpu"}, (Verdict.UNPROVEN, f"the version is 1.0+cpu; {UNREAD}"), Verdict.UNSAFE),
        ([CUDA, CUDA_MODULE], {}, (Verdict.UNSAFE, "demo/version.py sets cuda = '12.6'"), Verdict.UNSAFE),
        ([CPU_MODULE], {"version": "1.0+cu126"}, (Verdict.UNSAFE, "the version is 1.0+cu126"), Verdict.UNSAFE),
        (
            [NO_CUDA, CPU_MODULE],
            {"requires": [f'{CUBLAS}; platform_machine == "aarch64"']},
            (Verdict.SAFE, 'its marker is never true on manylinux_2_28_x86_64: platform_machine == "aarch64"'),
            Verdict.SAFE,
        ),
        ([], {"files": (), "version": "1.0+cpu"}, (Verdict.UNPROVEN, f"the version is 1.0+cpu; {UNREAD}"), Verdict.SAFE),
    ],
)
def test_a_remote_verdict_never_says_more_than_was_read(
    files: list[Entry], knobs: dict[str, Any], remote: tuple[Verdict, str], local: Verdict, tmp_path: Path
) -> None:
    there, here = both(spec(*files, **knobs), tmp_path)
    assert verdicts(there) == [remote]
    assert [verdict for verdict, _ in verdicts(here)] == [local]


def test_scan_never_says_the_same_of_a_file(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, spec(NO_CUDA, CPU_MODULE))
    found = describe(path, GPU, scan=Scan.NEVER)
    assert verdicts(found) == [(Verdict.UNPROVEN, f"demo/version.py sets cuda = None; {UNREAD}")]
    assert found.refusal is not None
    assert "Read the binaries" in found.refusal.hint
    assert (found.url, found.directory_only) == (None, False)


def test_what_else_is_known_is_what_is_known_of_a_file(tmp_path: Path) -> None:
    there, here = both(
        spec(NO_CUDA, CPU_MODULE, dist_info_files={"licenses/LICENSE": b"free\n", "entry_points.txt": b"[x]\ny = demo:z\n"}),
        tmp_path,
    )
    for name in ("project", "version", "size", "files", "tags", "metadata_version", "requires_python", "build", "findings"):
        assert getattr(there, name) == getattr(here, name), name
    assert there.source == Path(here.source.name)
    assert str(there.url) == f"https://example.org/wheels/{here.source.name}"
    assert there.directory_only
    assert not here.directory_only
    [note] = there.notes
    assert note.startswith("Only the directory and dist-info were read: the archive was not checked as a whole")


def test_findings_of_dist_info_are_found_elsewhere_too(tmp_path: Path) -> None:
    """RECORD contradicts a license, WHEEL lists other tags: what can be seen in dist-info is reported as of a file."""
    built = spec(NO_CUDA, CPU_MODULE, dist_info_files={"licenses/LICENSE": b"free\n"}, wheel=WHEEL)
    archive = changed(archive_of(built), "LICENSE", content=b"paid\n")
    path = write_wheel(tmp_path, built, archive=archive)
    there, here = describe(Elsewhere(path.name, path.read_bytes()), GPU), describe(path, GPU)
    assert here.findings
    assert any("LICENSE" in each for each in here.findings)
    assert there.findings == here.findings


def torch_like(count: int = 12_000, *, dist_info_first: bool = False) -> Elsewhere:
    """Return a wheel with the shape of torch: many files in front of dist-info, or behind it, and large binaries."""
    files = [Entry(f"demo/include/some/longer/path/of/headers/header_{number}.h", b"x") for number in range(count)]
    binary = Entry("demo/lib/libdemo_cpu.so", b"\x7fELF" + bytes(5_000_000), method=0)
    built = spec(NO_CUDA, *files, binary, CPU_MODULE, dist_info_first=dist_info_first)
    return elsewhere(built)


@pytest.mark.parametrize("dist_info_first", [False, True])
def test_a_wheel_like_torch_takes_a_handful_of_reads(dist_info_first: bool) -> None:
    remote = torch_like(dist_info_first=dist_info_first)
    found = describe(remote, GPU)
    assert verdicts(found) == [(Verdict.UNPROVEN, f"demo/version.py sets cuda = None; {UNREAD}")]
    assert found.files is not None
    assert found.files > 12_000
    [reads] = remote.reads
    assert len(reads) <= 6, reads
    assert sum(size for _, size in reads) < 5_000_000, reads


def test_many_small_files_of_dist_info_take_no_read_each() -> None:
    """Files of dist-info that lie far from each other are not read at all, and that is said."""
    scattered: list[Entry] = []
    for number in range(30):
        scattered.append(Entry(f"demo/large_{number}", bytes(range(256)) * 1024, method=0))
        scattered.append(Entry(f"{DIST_INFO}/sboms/{number}.json", b"{"))
    remote = elsewhere(spec(*scattered, NO_CUDA))
    found = describe(remote, GPU)
    assert len(remote.reads[0]) <= 6
    [note] = found.notes
    assert f"files of it (such as {DIST_INFO}/sboms/0.json)" in note


def test_many_packages_with_constants_take_no_read_each() -> None:
    """Only those of the project's own package are read, and no more than two of them."""
    large = [Entry(f"big_{number}", bytes(range(256)) * 1024, method=0) for number in range(40)]
    others = [Entry(f"other_{number}/version.py", b"cuda = '12.6'\n") for number in range(20)]
    own = [Entry(f"{name}/version.py", b"cuda = None\n") for name in ("demo", "Demo", "DEMO", "dEmo")]
    files = [each for group in zip(large, [*others, *own], strict=False) for each in group]
    remote = elsewhere(spec(*files))
    found = describe(remote, GPU)
    assert len(remote.reads[0]) <= 6
    assert [each.words for each in found.build if each.uses is None][:1] == ["DEMO/version.py was not read"]
    [(verdict, _)] = verdicts(found)
    assert verdict is Verdict.UNPROVEN


@pytest.mark.parametrize("damage", damages.DAMAGES, ids=lambda damage: damage.name)
def test_a_faulty_archive_is_refused_or_its_directory_is_shown_as_no_more_than_that(damage: damages.Damage) -> None:
    remote = Elsewhere("demo-1.0-py3-none-any.whl", damage.make())
    found = describe(remote, GPU)
    assert len(remote.reads[0]) <= 8
    assert sum(size for _, size in remote.reads[0]) <= 4 * len(remote.data) + 1000
    if found.problem is None:
        assert any("not checked as a whole" in each for each in found.notes)
    else:
        assert found.problem.code != "internal-error", found.problem


def test_a_local_header_that_lies_is_found_where_it_is_read(tmp_path: Path) -> None:
    for file in ("METADATA", "WHEEL", "RECORD", "version.py"):
        data = to_bytes(changed(archive_of(spec(NO_CUDA, CPU_MODULE)), file, local={"crc": 1}))
        found = describe(Elsewhere(f"demo-1.0-{TAGS}.whl", data), GPU)
        assert found.problem is not None
        assert found.problem.code == "local-header-differs"
    data = to_bytes(changed(archive_of(spec(NO_CUDA, CPU_MODULE)), MODULE.rpartition("/")[2], local={"crc": 1}))
    assert describe(Elsewhere(f"demo-1.0-{TAGS}.whl", data), GPU).problem is None


def test_a_directory_that_claims_too_much_is_not_read_ahead() -> None:
    """METADATA that claims 32 MiB, or lies in front of a gap of them, is refused without reading that."""
    padding = Entry("demo/padding", bytes(1 << 25), method=0)
    big = archive_of(spec(padding))
    claims = changed(big, "METADATA", directory={"size": 1 << 25}, local={"size": 1 << 25})
    gap = changed(archive_of(spec()), "WHEEL", gap=bytes(1 << 25))
    for archive in (claims, gap):
        remote = Elsewhere(f"demo-1.0-{TAGS}.whl", to_bytes(archive))
        found = describe(remote, GPU)
        assert found.problem is not None
        assert found.problem.code != "internal-error"
        assert sum(size for _, size in remote.reads[0]) < 1 << 20


def test_a_large_record_takes_one_read() -> None:
    rows = b"".join(b"demo/header_%d.h,sha256=%s,1\n" % (number, b"A" * 43) for number in range(80_000))
    built = spec(NO_CUDA, Entry("demo/padding", bytes(1 << 20), method=0), CPU_MODULE, record=rows, stored=True)
    remote = elsewhere(built)
    found = describe(remote, GPU)
    assert found.problem is None
    assert len(rows) > 1 << 22
    assert len(remote.reads[0]) <= 6


def test_evidence_of_a_directory_never_reads_a_binary() -> None:
    remote = elsewhere(spec(CUDA_MODULE))
    with remote.open() as source, Wheel(remote.url.name, directory=Directory(source)) as wheel:
        evidence = gather_evidence(wheel, Scan.ALWAYS)
        assert evidence.read_all().binaries == ()
        assert not evidence.read_all().complete
        assert evidence.read_targets() == ()
        assert evidence.gpu_evidence() == ""
        assert evidence.with_tags(["cp311-cp311-win_amd64"]).judge(CUBLAS) == evidence.judge(CUBLAS)
        module = wheel.directory.extent_of(MODULE) if wheel.directory else (0, 0)
        assert not any(module[0] < offset < module[1] for offset, _ in source.reads)
        with pytest.raises(TypeError):
            Evidence._layout.fget(evidence)  # type: ignore[attr-defined]


def test_a_server_that_does_not_answer_is_a_problem_of_that_wheel() -> None:
    class Silent(Elsewhere):
        @contextmanager
        def open(self) -> Any:
            raise MirrorError("no-answer", "example.org does not answer", hint="Run again.")
            yield

    found = describe(Silent("demo-1.0-py3-none-any.whl", b""), GPU)
    assert found.problem is not None
    assert (found.problem.code, str(found.url)) == ("no-answer", "https://example.org/wheels/demo-1.0-py3-none-any.whl")
    assert explain_wheel(Silent("demo-1.0-py3-none-any.whl", b""), GPU).problem == found.problem


def test_what_is_no_wheel_is_a_problem() -> None:
    for name, data in (("demo.zip", b"x"), ("demo-1.0-py3-none-any.whl", b"<html>"), ("demo-1.0-py3-none-any.whl", b"")):
        found = describe(Elsewhere(name, data), GPU)
        assert found.problem is not None
        assert found.problem.code != "internal-error"


def test_a_downloaded_wheel_is_described_under_its_url(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, spec(NO_CUDA, CPU_MODULE))
    url = Elsewhere(path.name, b"").url
    found = describe(path, GPU, scan=Scan.ALWAYS, url=url)
    assert (found.source, found.url, found.directory_only) == (Path(path.name), url, False)
    assert [verdict for verdict, _ in verdicts(found)] == [Verdict.SAFE]
    path.write_bytes(b"x")
    broken = describe(path, GPU, url=url)
    assert broken.problem is not None
    assert (broken.source, broken.url) == (Path(path.name), url)


def test_remote_wheels_of_one_release_are_compared(tmp_path: Path) -> None:
    """Each by its URL: two of them can have one file name."""
    one, two = elsewhere(spec(CPU_MODULE)), elsewhere(spec(CPU_MODULE, requires=()))
    two.url = Url(f"https://example.net/{two.url.name}")
    [missing] = disagreements([describe(each, GPU) for each in (one, two)])
    assert (missing.requirement, missing.present, missing.missing) == (CUBLAS, (one.url,), (two.url,))
    path = write_wheel(tmp_path, spec(requires=()))
    [missing] = disagreements([describe(one, GPU), describe(path, GPU)])
    assert (missing.present, missing.missing) == ((one.url,), (path,))


def test_an_earlier_fix_is_shown(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, spec(NO_CUDA, CPU_MODULE))
    [outcome] = fix_wheels([path], GPU, output=tmp_path / "out").outcomes
    assert outcome.output is not None
    remote = Elsewhere(path.name, outcome.output.read_bytes())
    there, here = describe(remote, GPU), describe(outcome.output, GPU)
    assert there.provenance is not None
    assert there.provenance == here.provenance
    assert len(remote.reads[0]) <= 6
    past = explain_wheel(remote, GPU)
    assert [each.before for each in past.past] == [CUBLAS]


def test_rules_are_explained_of_a_remote_wheel(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, spec(NO_CUDA, CPU_MODULE, requires=("numpy", CUBLAS)))
    remote = Elsewhere(path.name, path.read_bytes())
    there, here = explain_wheel(remote, GPU), explain_wheel(path, GPU)
    assert (there.total, there.requirements, there.url) == (here.total, here.requirements, remote.url)
    assert [each.before for each in there.changes] == [CUBLAS]
    assert there.refusal is not None
    assert there.refusal.reason == f"demo/version.py sets cuda = None; {UNREAD}"
    assert here.refusal is None
    assert [each.text for each in explain_wheel(remote, GPU, "numpy").requirements] == ["numpy"]


def test_a_rule_that_compares_the_sha256_needs_all_of_the_wheel() -> None:
    rule = Rule(id="r", reason="why", when=When(sha256=("0" * 64,)), match=Match(("numpy",)), action="drop")
    remote = elsewhere(spec(requires=("numpy",)))
    found = explain_wheel(remote, rule_set("mine", [rule]))
    assert found.problem is not None
    assert found.problem.code == "sha256-unknown"
    assert sum(size for _, size in remote.reads[0]) <= 2 * len(remote.data)


def test_whether_source_needs_a_removed_file_is_not_known_without_reading_it() -> None:
    files = [
        Entry("demo/__init__.py", b"from demo import helpers\n"),
        Entry("demo/helpers.py", b""),
        Entry("demo/data.txt", b""),
    ]
    remote = elsewhere(spec(*files))
    for pattern, code in (("demo/helpers.py", "file-need-unknown"), ("demo/data.txt", None)):
        rule = Rule(id="r", reason="why", action=Action(remove_file=(pattern,)))
        found = explain_wheel(remote, rule_set("mine", [rule]))
        assert found.problem is None
        assert (found.refusal.code if found.refusal else None) == code


def test_new_names_and_tags_are_outlined() -> None:
    rules = rule_set("mine", [
        Rule(id="t", reason="why", action=Action(add_tag="cp311-cp311-win_amd64")),
        Rule(id="v", reason="why", action=Action(set_version="2")),
    ])  # fmt: skip
    found = explain_wheel(elsewhere(spec(CPU_MODULE)), rules)
    assert found.problem is None
    assert {"Tag", "Version"} <= {each.field for each in found.changes}
    assert any("Binaries not read" in each for each in found.notes)


def test_entries_that_are_added_elsewhere_count(tmp_path: Path) -> None:
    archive: Archive = with_entries(archive_of(spec(NO_CUDA)), Entry("demo/libtorch_cuda.so", b"x"))
    found = describe(Elsewhere(f"demo-1.0-{TAGS}.whl", to_bytes(archive)), GPU)
    [(verdict, reason)] = verdicts(found)
    assert verdict is Verdict.UNPROVEN
    assert reason is not None
    assert "the wheel contradicts itself" in reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: None, ""),
        (lambda data: data, ""),
        (lambda data: data + b"more\n", "it has the same requirements and other bytes"),
        (lambda data: data.replace(b"12.6.4.1", b"12.6.4.2"), "it has other requirements"),
        (lambda data: b"", "it has other requirements"),
        (lambda data: b"\xff\0", "it has other requirements"),
    ],
)
def test_the_metadata_file_beside_it_is_compared(change: Callable[[bytes], bytes | None], words: str) -> None:
    built = spec(NO_CUDA, CPU_MODULE)
    found = describe(Elsewhere(built.filename, build_wheel(built), change(metadata_bytes(built))), GPU)
    assert found.problem is None
    assert [each for each in found.findings if "metadata file" in each] == [each for each in found.findings if words]
    assert all(words in each for each in found.findings)


def test_a_metadata_file_that_cannot_be_read_is_a_finding() -> None:
    class Listed(Elsewhere):
        def metadata_file(self) -> bytes | None:
            raise MirrorError("no-answer", "example.org does not answer", hint="Run again.")

    built = spec(NO_CUDA, CPU_MODULE)
    found = describe(Listed(built.filename, build_wheel(built)), GPU)
    assert found.findings == ("The metadata file beside the wheel cannot be read: example.org does not answer.",)


@pytest.mark.parametrize("is_right", [True, False])
def test_a_metadata_file_whose_sum_the_index_lists_is_not_read(is_right: bool) -> None:
    built = spec(NO_CUDA, CPU_MODULE)
    metadata = metadata_bytes(built)
    remote = Elsewhere(built.filename, build_wheel(built), metadata + b"\n")
    remote.metadata_sha256 = hashlib.sha256(metadata if is_right else metadata + b"\n").hexdigest()
    assert bool(describe(remote, GPU).findings) != is_right


def test_a_wheel_is_called_as_its_index_says_and_not_as_its_url_ends() -> None:
    built = spec(NO_CUDA, CPU_MODULE)
    remote = Elsewhere(built.filename, build_wheel(built))
    remote.url = Url("https://example.org/blobs/123")
    found = describe(remote, GPU)
    assert (found.problem, found.url) == (None, remote.url)
    assert found.tags == describe(Elsewhere(built.filename, build_wheel(built)), GPU).tags


def test_the_sha256_of_a_remote_wheel_is_that_of_its_index() -> None:
    built = spec(NO_CUDA, CPU_MODULE)
    remote = Elsewhere(built.filename, build_wheel(built))
    remote.sha256 = "0" * 64
    rule = Rule(id="r", reason="why", when=When(sha256=("0" * 64,)), match=Match(("numpy",)), action="drop")
    assert explain_wheel(remote, rule_set("mine", [rule])).problem is None


@pytest.mark.parametrize("path", sorted((ROOT / "sample_wheels").glob("*.whl")), ids=lambda path: path.name)
def test_a_sample_wheel_gets_the_verdict_of_the_file_or_none(path: Path) -> None:
    there, here = describe(Elsewhere(path.name, path.read_bytes()), GPU), describe(path, GPU)
    assert (there.problem, here.problem) == (None, None)
    assert (there.build, there.findings, there.tags) == (here.build, here.findings, here.tags)
    for (one, why), (other, known) in zip(verdicts(there), verdicts(here), strict=True):
        assert one in (other, Verdict.UNPROVEN)
        assert one is not Verdict.UNPROVEN or UNREAD in (why or "") or why == known or "contradicts itself" in (why or "")


def test_of_a_wheel_without_binaries_none_is_left_to_be_read() -> None:
    """What strip-gpu will do is known then: it refuses to drop what nothing proves, whoever reads the wheel."""
    built = spec(Entry("demo/x.py", b"x = 1\n"), requires=(CUBLAS, "numpy"))
    there = describe(elsewhere(built), GPU)
    reason = "it has no binaries, and no local version or build constant says whether it is for the CPU or a GPU"
    assert verdicts(there) == [(Verdict.UNPROVEN, reason), (None, None)]
    assert there.refusal is not None
    assert there.refusal.code == "unproven"
