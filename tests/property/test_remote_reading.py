"""What is said of a wheel by its directory alone agrees with what is said of the file, or says that it is not known."""

from collections import Counter
from pathlib import Path

import pytest

from in_memory import Elsewhere
from kinds import Sample, samples
from wheelfix.fix.describe import Description, describe
from wheelfix.results import Verdict
from wheelfix.rules.load import built_in

GPU = built_in("gpu")
SHARES = 12
DEFAULT = 3
"""Of so many shares one is not slow."""
SAMPLES = [*samples(pairs=300, damaged=300)]
SAME = ("project", "version", "size", "files", "tags", "metadata_version", "requires_python", "provenance")
MOST_READS = 8


def disagreement(there: Description, here: Description) -> str:
    """Return what is said of the wheel elsewhere that is not said of the file here; empty if there is nothing."""
    if there.problem is not None:
        return "" if here.problem is not None else f"refused: {there.problem}"
    if here.problem is not None:  # what was not read is wrong: nobody may think that all is well
        return "" if any("not checked as a whole" in note for note in there.notes) else "nothing is said of the archive"
    different = [name for name in SAME if getattr(there, name) != getattr(here, name)]
    if different or len(there.requirements) != len(here.requirements):
        return f"differs in {different}"
    if not {*there.findings} <= {*here.findings}:
        return f"findings {there.findings} and {here.findings}"
    for one, other in zip(there.requirements, here.requirements, strict=True):
        if one.verdict is not other.verdict and one.verdict is not Verdict.UNPROVEN:
            return f"{one.text}: {one.verdict} and {other.verdict}"
    return ""


def compared(sample: Sample, folder: Path, met: Counter[str]) -> str:
    """Return what is wrong with how a sample is shown from elsewhere, and count what was ``met``."""
    filename, data = sample.make()
    if "/" in filename or "\0" in filename or len(filename) > 200:  # no file can be called so
        return ""
    remote = Elsewhere(filename, data)
    path = folder / filename
    path.write_bytes(data)
    there, here = describe(remote, GPU), describe(path, GPU)
    path.unlink()
    met["refused here"] += here.problem is not None
    met["refused there"] += there.problem is not None
    pairs = zip(there.requirements, here.requirements, strict=False)
    met.update(f"{one.verdict} there, {other.verdict} here" for one, other in pairs if other.verdict)
    if len(remote.reads[0]) > MOST_READS:
        return f"{len(remote.reads[0])} reads"
    return disagreement(there, here)


@pytest.mark.parametrize(
    "share", [pytest.param(each, marks=[pytest.mark.slow] if each % DEFAULT else []) for each in range(SHARES)]
)
def test_a_wheel_of_any_kind_is_never_called_safe_where_the_file_is_not(share: int, tmp_path: Path) -> None:
    met = Counter[str]()
    wrong = {each.kind: said for each in SAMPLES[share::SHARES] if (said := compared(each, tmp_path, met))}
    assert not wrong
    assert met["refused here"] >= met["refused there"] > 0
    assert met["unproven there, safe here"] > 0
