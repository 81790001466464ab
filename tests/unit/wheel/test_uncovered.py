"""For which Pythons and platforms one wheel stands in for another."""

import pytest

from wheelfix import WheelFilename
from wheelfix.wheel.environments import uncovered


def names(*tags: str) -> list[WheelFilename]:
    return [WheelFilename.parse(f"demo-1.0-{each}.whl") for each in tags]


@pytest.mark.parametrize(
    ("wheels", "others"),
    [
        (["cp311-cp311-manylinux_2_28_x86_64"], ["cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64"]),
        (["cp311-cp311-manylinux2014_x86_64"], ["cp39-abi3-manylinux2014_x86_64"]),
        (["cp311-cp311-win_amd64"], ["py3-none-win_amd64"]),
        (["cp311-cp311-win_amd64", "py3-none-any"], ["py3-none-any"]),
        (["py2.py3-none-any"], ["py3-none-any"]),
        (["py2-none-any"], ["py2.py3-none-any", "py2-none-any"]),
        (["cp311-cp311-macosx_11_0_arm64", "cp311-cp311-macosx_10_9_x86_64"], ["cp311-cp311-macosx_10_9_universal2"]),
        (["cp311-cp311-macosx_10_9_universal2"], ["cp311-cp311-macosx_11_0_arm64", "cp311-cp311-macosx_10_9_x86_64"]),
        (["cp311-none-win32"], ["cp311-none-win32"]),
        ([], []),
    ],
)
def test_all_is_covered(wheels: list[str], others: list[str]) -> None:
    assert uncovered(names(*wheels), names(*others)) == []


@pytest.mark.parametrize(
    ("wheels", "others", "missing"),
    [
        (["cp311-cp311-manylinux2014_x86_64"], ["cp312-cp312-manylinux2014_x86_64"], ["cp311-cp311 manylinux x86_64"]),
        (["cp311-cp311-musllinux_1_2_x86_64"], ["cp311-cp311-manylinux2014_x86_64"], ["cp311-cp311 musllinux x86_64"]),
        (["cp313-cp313t-win_amd64"], ["cp313-cp313-win_amd64"], ["cp313-cp313t win amd64"]),
        (["cp313-cp313t-win_amd64"], ["cp39-abi3-win_amd64"], ["cp313-cp313t win amd64"]),
        (["cp38-abi3-win_amd64"], ["cp39-abi3-win_amd64"], ["cp38-abi3 win amd64"]),
        (["cp311-cp311-macosx_10_9_universal2"], ["cp311-cp311-macosx_11_0_arm64"], ["cp311-cp311 macosx x86_64"]),
        (["cp311-cp311-win32"], ["cp311-cp311-win_amd64"], ["cp311-cp311 win 32"]),
        (["pp310-pypy310_pp73-win_amd64"], ["cp310-cp310-win_amd64"], ["pp310-pypy310_pp73 win amd64"]),
        (["py3-none-any"], ["cp311-cp311-win_amd64"], ["py3-none any"]),
    ],
)
def test_something_is_not(wheels: list[str], others: list[str], missing: list[str]) -> None:
    assert uncovered(names(*wheels), names(*others)) == missing
