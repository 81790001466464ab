"""File names of wheels: parsed, changed, printed back."""

import pytest

from wheelfix.errors import EditError, FilenameError
from wheelfix.wheel.filename import WheelFilename

TORCH = "torch-2.7.0+cpu-cp311-cp311-manylinux_2_28_aarch64.whl"
REAL = [
    TORCH,
    "demo-1.0-py3-none-any.whl",
    "demo-1.0-1-py3-none-any.whl",
    "demo-1.0-2build_x.3-py2.py3-none-any.whl",
    "zope.interface-7.2-cp312-cp312-win_amd64.whl",
    "PyYAML-6.0.2-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "demo-1.0_post1-py3-none-any.whl",
    "demo-unknown.version-py3-none-any.whl",
]


@pytest.mark.parametrize("name", REAL)
def test_a_name_is_printed_back_exactly(name: str) -> None:
    """Pitfall 33: tags keep their order, and a build tag is kept."""
    assert str(WheelFilename.parse(name)) == name


NO_NAMES = [
    "", "demo", "demo.whl", "demo-1.0.whl", "demo-1.0-py3-none.whl", "a-1-b-py3-none-any.whl", "a-1-1-2-py3-none-any.whl",
    "-1.0-py3-none-any.whl", "demo-1.0-py3-none-any.zip", "demo-1.0-py3-none-.whl", "demo-1.0-py3-none-any (1).whl",
    "torch-2.7.0%2Bcpu-cp311-cp311-linux_x86_64.whl", "demo-1.0-py3-none-any.WHL", "demo-1.0\n-py3-none-any.whl",
    "demo-1.0-\u00b2x-py3-none-any.whl", "demo-1.0-\u0661x-py3-none-any.whl", "demo-1.0-1\u00e9-py3-none-any.whl",
    "d\u00e9mo-1.0-py3-none-any.whl", "demo-\u0661.0-py3-none-any.whl", "demo-1.0-p\u00fd3-none-any.whl",
    "demo-1.0-py3-none-\u00e1ny.whl", "demo-+cpu-py3-none-any.whl",
]  # fmt: skip


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_wheel_name_is_refused(name: str) -> None:
    with pytest.raises(FilenameError) as caught:
        WheelFilename.parse(name)
    assert caught.value.code == "not-a-wheel-name"
    assert "\n" not in caught.value.message


def test_parts() -> None:
    name = WheelFilename.parse("Zope.Foo-1.0_rc1-2x-py2.py3-none-any.whl")
    assert (name.project, name.build) == ("zope-foo", "2x")
    assert {str(tag) for tag in name.tags} == {"py2-none-any", "py3-none-any"}
    assert str(WheelFilename.parse(TORCH).parsed_version) == "2.7.0+cpu"
    assert WheelFilename.parse("demo-unknown.version-py3-none-any.whl").parsed_version is None


def test_a_build_tag_is_set() -> None:
    """Pitfall 33: the other parts stay as they are written."""
    assert str(WheelFilename.parse(TORCH).with_build_tag("1nogpu")) == TORCH.replace("cpu-", "cpu-1nogpu-")
    assert str(WheelFilename.parse("d-1-9-py3-none-any.whl").with_build_tag("10")) == "d-1-10-py3-none-any.whl"


@pytest.mark.parametrize("tag", ["", "x1", "1-x", "1 x", "1/../x", "1\n", "\u0661", "1+a"])
def test_build_tags_that_cannot_be(tag: str) -> None:
    with pytest.raises(EditError) as caught:
        WheelFilename.parse(TORCH).with_build_tag(tag)
    assert caught.value.code == "invalid-build-tag"


@pytest.mark.parametrize(("label", "version"), [("cpu", "2.7.0+cpu"), ("NoGPU-1_a", "2.7.0+nogpu.1.a")])
def test_a_local_label_takes_the_place_of_another(label: str, version: str) -> None:
    changed = WheelFilename.parse(TORCH).with_local_version(label)
    assert changed.version == version
    assert WheelFilename.parse(str(changed)) == changed


@pytest.mark.parametrize("label", ["", "+cpu", "a b", "a..b", ".a", "a\n", "\u00e9"])
def test_local_labels_that_cannot_be(label: str) -> None:
    with pytest.raises(EditError) as caught:
        WheelFilename.parse(TORCH).with_local_version(label)
    assert caught.value.code == "invalid-local-version"


@pytest.mark.parametrize(
    ("name", "build", "variant"),
    [
        ("demo-1.0-py3-none-any-null.whl", None, "null"),
        ("demo-1.0-1a-cp313-cp313t-musllinux_1_2_x86_64-x86_64_v3.whl", "1a", "x86_64_v3"),
        ("demo-1.0-py2.py3-none-any-cu12.8.whl", None, "cu12.8"),
        ("demo-1.0-1-py3-none-any.whl", "1", None),
        ("demo-1.0-py3-none-any.whl", None, None),
    ],
)
def test_a_variant_has_a_label_behind_the_platform(name: str, build: str | None, variant: str | None) -> None:
    """PEP 825, a draft."""
    parsed = WheelFilename.parse(name)
    assert (parsed.build, parsed.variant, str(parsed)) == (build, variant, name)
    assert {tag.platform for tag in parsed.tags} == {name.split("-")[-2 if variant else -1].removesuffix(".whl")}
    assert str(parsed.with_build_tag("7x")).endswith(name.split("-", 3 if build else 2)[-1])
    assert WheelFilename.parse(str(parsed.with_local_version("cpu"))).variant == variant


@pytest.mark.parametrize(
    "name", ["demo-1.0-beta-py3-none-any.whl", "demo-1.0-py3-none-any-UPPER.whl", "demo-1.0-x-1-py3-none-any.whl"]
)
def test_what_is_no_variant_is_still_malformed(name: str) -> None:
    with pytest.raises(FilenameError):
        WheelFilename.parse(name)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("Demo.Pkg-1.0.0-py3.py2-none-any.whl", True),
        ("demo_pkg-1.0-1-py2.py3-none-any.whl", False),
        ("demo_pkg-1.0-py2.py3-none-any-cu128.whl", False),
        ("demo_pkg-1.1-py2.py3-none-any.whl", False),
        ("demo_pkg-1.0-py2-none-any.whl", False),
    ],
)
def test_installers_take_names_of_one_identity_for_one_wheel(other: str, same: bool) -> None:
    one = WheelFilename.parse("demo_pkg-1.0-py2.py3-none-any.whl")
    assert (one.identity == WheelFilename.parse(other).identity) is same


@pytest.mark.parametrize(("other", "same"), [("01cpu", True), ("1CPU", False), ("1", False), ("10cpu", False)])
def test_installers_compare_the_number_of_a_build_tag(other: str, same: bool) -> None:
    one, two = (WheelFilename.parse(f"demo-1.0-{build}-py3-none-any.whl") for build in ("1cpu", other))
    assert (one.identity == two.identity) is same
