"""What is called dead, another installer does not ask for either: uv reads markers with code of its own."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from packaging.requirements import InvalidRequirement, Requirement

from building import WheelSpec, write_wheel
from wheelfix.wheel.environments import Environments
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.requirement import read_requirement

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PLATFORM = sysconfig.get_platform().replace("-", "_").replace(".", "_")
TAGS = f"cp{PYTHON.replace('.', '')}-cp{PYTHON.replace('.', '')}-{PLATFORM}"
VALUES = {
    "python_version": [
        "2.7",
        "3",
        "3.1",
        "3.8",
        PYTHON,
        "3.99",
        f"{PYTHON}.*",
        "3.8.*",
        f"{PYTHON}0",
        "3.8, 3.9",
        "2.7 3.8",
    ],
    "python_full_version": ["3.8", "3.8.0", f"{PYTHON}.0", f"{PYTHON}.*", "3.9.0rc1", f"{PYTHON}.200", "4.0.0"],
    "sys_platform": ["linux", "win32", "darwin", "lin"],
    "platform_system": ["Linux", "Windows", "Darwin", ""],
    "os_name": ["posix", "nt", "java"],
    "platform_machine": ["x86_64", "aarch64", "AMD64", "x86"],
    "implementation_name": ["cpython", "pypy", "CPython"],
    "platform_python_implementation": ["CPython", "PyPy", "cpython"],
}
OPERATORS = ["==", "!=", "<", "<=", ">", ">=", "~=", "===", "in", "not in"]


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    variable = draw(st.sampled_from(sorted(VALUES)))
    operator, value = draw(st.sampled_from(OPERATORS)), draw(st.sampled_from(VALUES[variable]))
    return f'"{value}" {operator} {variable}' if draw(st.booleans()) else f'{variable} {operator} "{value}"'


markers = st.recursive(
    comparisons(),
    lambda inner: st.tuples(st.lists(inner, min_size=2, max_size=3), st.sampled_from([" and ", " or "])).map(
        lambda drawn: f"({drawn[1].join(drawn[0])})"
    ),
    max_leaves=4,
)


@pytest.mark.skipif(not PLATFORM.startswith("linux_"), reason="only the tags of Linux are simple enough here")
@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture])
@given(marker=markers)
def test_uv_does_not_ask_for_what_is_dead(tmp_path: Path, marker: str) -> None:
    """The worst error would be a line that is called dead and is not."""
    text = f"no-such-dependency; {marker}"
    try:
        Requirement(text)
    except InvalidRequirement:
        assume(False)
    requirement = read_requirement(text)
    name = WheelFilename.parse(f"demo-1.0-{TAGS}.whl")
    assume(requirement is not None and Environments(name.tags).exclude(requirement))
    path = write_wheel(tmp_path, WheelSpec("demo", "1.0", TAGS, requires=(text,)))
    command = [
        sys.executable,
        "-m",
        "uv",
        "--no-config",
        "pip",
        "install",
        "--dry-run",
        "--offline",
        "--no-index",
        "--no-cache",
    ]
    ran = subprocess.run([*command, "--python", sys.executable, path], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, (marker, ran.stderr)
