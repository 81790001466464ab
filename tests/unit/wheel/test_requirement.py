"""One requirement: what real wheels write, well-formed and not."""

import pytest

from wheelfix.wheel.requirement import Requirement, read_requirement


def read(text: str) -> Requirement:
    requirement = read_requirement(text)
    assert requirement is not None
    return requirement


NAMES = [
    ("triton", "triton"),
    ('nvidia-cuda-runtime-cu11 (==11.7.99) ; platform_system == "Linux"', "nvidia-cuda-runtime-cu11"),
    ("nvidia-cublas-cu12==12.6.4.1; platform_system == 'Linux' and platform_machine == 'x86_64'", "nvidia-cublas-cu12"),
    ("name ==1.0", "name"),
    ("x==v1.9.0", "x"),
    ("x==12.*", "x"),
    ('x; "aarch64" not in platform_machine', "x"),
    ("flashinfer_python[cu13]==0.6", "flashinfer-python"),
    ("Nvidia.NCCL__CU12", "nvidia-nccl-cu12"),
    ('cuda-toolkit[cublas,cudart,cufft]==13.0.3; platform_system == "Linux"', "cuda-toolkit"),
    ("x @ https://example.com/x-1.0-py3-none-any.whl ; os_name == 'nt'", "x"),
    ("x @ git+https://example.com/x.git", "x"),
    ("x [ a , B_c ] >= 1", "x"),
    ("  spaced  ", "spaced"),
]


@pytest.mark.parametrize(("text", "name"), NAMES)
def test_names_are_normalised(text: str, name: str) -> None:
    """Pitfall 7: every shape of a requirement. Pitfall 8: names by PEP 503. Pitfall 9: extras in brackets."""
    requirement = read(text)
    assert (requirement.name, requirement.malformed, requirement.text) == (name, None, text)


def test_parts_are_read() -> None:
    requirement = read("Cuda_Toolkit[cublas, CuDart] (==13.0.3) ; platform_system == 'Linux'")
    assert requirement.extras == {"cublas", "cudart"}
    assert requirement.specifier == "==13.0.3"
    assert requirement.marker == 'platform_system == "Linux"'
    assert requirement.url is None
    assert read("x @ https://example.com/a.whl").url == "https://example.com/a.whl"


MALFORMED = [
    ("numpy >= 1.0.*, ; extra == 'all'", "numpy", ">= 1.0.*,", True),
    ("triton (==", "triton", "==", False),
    ("x==1.0; python_verson < '3'", "x", "==1.0", False),
    ("pytz (>dev)", "pytz", ">dev", False),
    ("x[a", "x", "[a", False),
    ("x ==1.0 ; extra == gpu", "x", "==1.0", True),
    ("foo bar", "foo", "bar", False),
]


@pytest.mark.parametrize(("text", "name", "specifier", "needs_extra"), MALFORMED)
def test_malformed_text_still_has_a_name(text: str, name: str, specifier: str, needs_extra: bool) -> None:
    """Pitfall 11: strict validity is not demanded; the finding is reported."""
    requirement = read(text)
    assert requirement.malformed
    assert (requirement.name, requirement.specifier, requirement.needs_extra) == (name, specifier, needs_extra)
    assert requirement.text == text


def test_a_malformed_address_is_kept_as_one() -> None:
    requirement = read("x @ https://example.com/a b.whl; os_name ==")
    assert requirement.malformed
    assert (requirement.url, requirement.specifier) == ("https://example.com/a b.whl", "")


@pytest.mark.parametrize("text", ["", " ", "==1.0", "[x]", ";", "-x", "\u00e9", "@ https://example.com/x"])
def test_text_without_a_name_is_no_requirement(text: str) -> None:
    assert read_requirement(text) is None


EXTRAS = [
    ("extra == 'gpu'", True),
    ("'gpu' == extra", True),
    ("extra == \"gpu\" and os_name == 'nt'", True),
    ("os_name == 'nt' and (extra == 'a' or extra == 'b')", True),
    ("extra == 'gpu' or os_name == 'nt'", False),
    ("(extra == 'a' and os_name == 'nt') or extra == 'b'", True),
    ("extra in 'a b'", True),
    ("extra != 'gpu'", False),
    ("extra != ''", True),
    ("extra == ''", False),
    ("os_name == 'extra'", False),
    ("platform_system == 'Linux'", False),
    ("python_version < '3.9' and extra == 'x'", True),
    ("", False),
]


@pytest.mark.parametrize(("marker", "expected"), EXTRAS)
def test_requirements_that_only_an_extra_calls_for(marker: str, expected: bool) -> None:
    """Pitfall 10: what only an extra calls for is the user's own choice; an ``or`` is not."""
    assert read(f"x; {marker}" if marker else "x").needs_extra is expected


@pytest.mark.parametrize(
    "text",
    [
        "x; " + "(" * 3000 + "os_name == 'a'" + ")" * 3000,
        "x; " + "(" * 3000 + "extra == 'a'" + ")" * 3000,
        "a" + "-" * 200_000,
        "a (" + ">1," * 20_000,
        "a; extra" + " " * 100_000 + "!",
        "x; " + " and ".join(f"(os_name == 'a{index}' or extra == 'b{index}')" for index in range(12)),
    ],
    ids=["nested", "nested-extra", "long-name", "many-specifiers", "blanks", "normal-forms"],
)
def test_hostile_text_is_only_malformed(text: str) -> None:
    assert read_requirement(text) is None or read(text).name


CONSERVATIVE = [
    "extra === 'a'", "extra >= 'a'", "'x' in extras", "(extra == 'a' or os_name == 'b') and extra == 'c'",
    " and ".join(f"(extra == 'a{number}' or os_name == 'b{number}')" for number in range(60)),
]  # fmt: skip


@pytest.mark.parametrize("marker", CONSERVATIVE, ids=lambda marker: marker[:40])
def test_what_is_not_understood_counts_as_behind_an_extra(marker: str) -> None:
    """Pitfall 10: in doubt the requirement stays; and a marker made to explode costs no time."""
    requirement = read_requirement(f"x ; {marker}")
    assert requirement is not None
    assert requirement.needs_extra


def test_an_extra_in_quotes_is_no_extra() -> None:
    requirement = read_requirement("x ; platform_release == 'extra == 1'")
    assert requirement is not None
    assert not requirement.needs_extra


def test_a_number_that_no_version_has_is_an_error() -> None:
    """Python refuses to read so many digits; the requirement is kept as it is."""
    requirement = read_requirement("six<2,>=" + "9" * 5_000)
    assert requirement is not None
    assert (requirement.name, requirement.malformed is None) == ("six", False)
