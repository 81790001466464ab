"""METADATA of files that a mirror does not have yet, as the rules will leave it: read without the wheels where possible."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from building import Entry
from closing import LINUX, MACOS, Mirror, mirror_of, reasons, required, source_of, spec
from elfwriter import shared_object
from upstreams import GPU_LINES, Upstream, add_family, pypi, pytorch
from wheelfix.sync.manifest.model import Local

CONSTANTS = Entry("torch/version.py", b"__version__ = '2.9.0'\ncuda = None\nhip = None\n")
X86 = "cp311-cp311-manylinux_2_28_x86_64"


def library(*needed: str) -> Entry:
    return Entry("torch/lib/libtorch_cpu.so", shared_object("x86_64", needed=needed, soname="libtorch_cpu.so"))


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with pypi() as found:
        yield found


def ranges(upstream: Upstream) -> list[str]:
    return [each.path.rpartition("/")[2] for each in upstream.seen if each.part]


def test_no_wheel_is_downloaded_where_the_index_has_metadata_files(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "dep"))
    upstream.add(spec("dep"))
    assert mirror_of(tmp_path, upstream, "app").required() == ["dep-1.0-py3-none-any.whl"]
    assert [each for each in upstream.downloads() if each.endswith(".whl")] == []
    assert ranges(upstream) == []


def test_without_metadata_files_parts_of_the_wheels_are_read(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "dep"), metadata=None)
    upstream.add(spec("dep"), announced=False)
    assert mirror_of(tmp_path, upstream, "app").required() == ["dep-1.0-py3-none-any.whl"]
    assert set(ranges(upstream)) == {"app-1.0-py3-none-any.whl", "dep-1.0-py3-none-any.whl"}
    assert upstream.downloads() == []


def test_a_metadata_file_that_is_not_the_one_that_the_index_lists_is_a_problem(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "dep"))
    upstream.add(spec("dep"))
    answer = upstream.answer
    upstream_file = upstream.file("dep-1.0-py3-none-any.whl")
    original = upstream_file.metadata

    def changed(host: str, path: str, accept: str) -> tuple[str, bytes] | None:
        found = answer(host, path, accept)
        return found if found is None or not path.endswith("dep-1.0-py3-none-any.whl.metadata") else (found[0], b"other")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(upstream), "answer", lambda self, *given: changed(*given))
        found = mirror_of(tmp_path, upstream, "app").close()
    assert original is not None
    assert required(found) == []
    assert "sha256" in str(reasons(found)[0])


def test_what_only_binaries_show_is_found_in_the_whole_wheel(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("torch", "2.9.0", *GPU_LINES, tags=X86, files=(CONSTANTS, library())))
    found = mirror_of(tmp_path, upstream, "torch").close()
    assert (required(found), found.problems) == ([], ())
    assert upstream.downloads() == [f"torch-2.9.0-{X86}.whl"]
    upstream.forget()
    assert mirror_of(tmp_path, upstream, "torch").close().problems == ()
    assert upstream.downloads() == []


def test_a_plan_takes_requirements_as_they_are_where_only_binaries_show_more(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "torch"))
    upstream.add(spec("torch", "2.9.0", *GPU_LINES, tags=X86, files=(CONSTANTS, library())))
    for project, version in (("nvidia-cudnn-cu12", "9.10.2.21"), ("triton", "3.5.0")):
        upstream.add(spec(project, version))
    mirror = Mirror(tmp_path / "mirror", (source_of(upstream, "app"),), dry_run=True)
    found = mirror.close()
    assert f"torch-2.9.0-{X86}.whl" in required(found)
    assert "triton-3.5.0-py3-none-any.whl" in required(found)
    [notes] = [each.notes for each in found.wanted if each.project == "torch"]
    assert "Only the binaries of torch-2.9.0" in notes[0]
    assert upstream.downloads() == []
    mirror.dry_run = False  # what was assumed is not remembered
    assert mirror.required() == [f"torch-2.9.0-{X86}.whl"]


def test_what_cannot_be_resolved_by_what_a_plan_assumes_is_not_remembered(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("torch", "2.9.0", *GPU_LINES, tags=X86, files=(CONSTANTS, library())))
    mirror = Mirror(tmp_path / "mirror", (source_of(upstream, "torch"),), dry_run=True)
    assert [each.problem.code for each in mirror.close().problems] == ["not-closed"]
    mirror.dry_run = False
    assert mirror.close().problems == ()


def test_a_wheel_that_the_rules_refuse_is_not_chosen(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "torch"))
    upstream.add(spec("torch", "2.9.0", tags=X86, files=(CONSTANTS, library())))
    gpu = Entry("torch/version.py", b"__version__ = '2.10.0'\ncuda = '12.8'\nhip = None\n")
    upstream.add(spec("torch", "2.10.0", *GPU_LINES, tags=X86, files=(gpu, library("libcudnn.so.9"))))
    mirror = mirror_of(tmp_path, upstream, "app")
    assert mirror.required() == [f"torch-2.9.0-{X86}.whl"]
    upstream.remove(f"torch-2.9.0-{X86}.whl")
    (reason,) = reasons(mirror_of(tmp_path / "other", upstream, "app").close())
    assert f"torch-2.10.0-{X86}.whl is refused" in str(reason)


def test_own_rules_drop_what_is_unproven_only_once_the_binaries_were_read(upstream: Upstream, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rule = '[[rule]]\nid = "x"\nreason = "r"\naction = "drop"\nmatch.name = "nvidia-*"\n'
    rules.write_text(f"schema = 1\n{rule}")
    line = "nvidia-cudnn-cu12==9.10.2.21"
    binary = shared_object("x86_64", needed=("libcudnn.so.9",), exports=["PyInit__C"])
    extension = Entry("own/_C.cpython-311-x86_64-linux-gnu.so", binary)
    upstream.add(spec("own", "1.0", line, tags=X86, files=(Entry("own/__init__.py", b"from own import _C\n"), extension)))
    upstream.add(spec("own", "0.9", tags=X86, files=(library(),)))
    upstream.add(spec("app", "1.0", "own"))
    mirror = Mirror(tmp_path / "mirror", (source_of(upstream, "app"),), rules=(str(rules),))
    assert mirror.required() == [f"own-0.9-{X86}.whl"]


def test_rules_that_give_another_version_do_not_stop_what_is_required(upstream: Upstream, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rule = '[[rule]]\nid = "x"\nreason = "r"\naction.set-version = "1.0.post1"\nwhen.project = "app"\n'
    rules.write_text(f"schema = 1\n{rule}")
    upstream.add(spec("app", "1.0", "dep"))
    upstream.add(spec("dep"))
    mirror = Mirror(tmp_path / "mirror", (source_of(upstream, "app"),), rules=(str(rules),))
    found = mirror.close()
    assert (required(found), found.problems) == (["dep-1.0-py3-none-any.whl"], ())


def test_stripped_local_versions_are_resolved_without_them(tmp_path: Path) -> None:
    with pytorch() as torch, pypi() as upstream:
        add_family(torch, "2.9.0")
        torch.add(spec("pinned", "1.0+cpu", "torch==2.9.0+cpu", tags=X86))
        for project in ("filelock", "typing-extensions", "sympy", "numpy"):
            upstream.add(spec(project, "5.0"))
        sources = (
            source_of(torch, "torchvision", "pinned", name="torch", platforms=(LINUX, MACOS), local=Local.STRIP),
            source_of(upstream, name="pypi", platforms=(LINUX, MACOS)),
        )
        found = Mirror(tmp_path / "mirror", sources).close()
        assert found.problems == ()
        assert required(found) == [
            "filelock-5.0-py3-none-any.whl",
            "numpy-5.0-py3-none-any.whl",
            "sympy-5.0-py3-none-any.whl",
            "torch-2.9.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl",
            "torch-2.9.0-cp311-none-macosx_11_0_arm64.whl",
            "typing_extensions-5.0-py3-none-any.whl",
        ]
        assert upstream.downloads() == []
