"""Invalid manifests: every ``invalid_manifests/*.toml`` is refused with what the ``.txt`` beside it says.

Dropping in two files adds a test.
"""

from pathlib import Path

import pytest

import running
from wheelfix.errors import ManifestError
from wheelfix.results import Severity
from wheelfix.rules.registry import RULE_CHECKS
from wheelfix.sync.manifest.read import read_manifest
from wheelfix.sync.manifest.registry import MANIFEST_CHECKS

FOLDER = Path(__file__).with_name("invalid_manifests")
FILES = sorted(FOLDER.glob("*.toml"))


def test_there_are_enough_and_each_has_its_message() -> None:
    assert len(FILES) >= 40
    assert {path.stem for path in FOLDER.glob("*.txt")} == {path.stem for path in FILES}


def test_every_error_of_a_manifest_is_among_them() -> None:
    texts = "".join(path.read_text("utf-8") for path in FOLDER.glob("*.txt"))
    errors = {code for code, check in MANIFEST_CHECKS.items() if check.severity is Severity.ERROR}
    assert {code for code in errors if f"error[{code}]" not in texts} == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_invalid_manifest_is_refused_with_a_message_to_act_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    with pytest.raises(ManifestError) as caught:
        read_manifest(path.name)
    message = str(caught.value) + "\n"
    assert message == path.with_suffix(".txt").read_text("utf-8")
    assert message.isascii()
    assert "secret" not in message
    assert caught.value.code == "invalid-manifest"
    errors = [each for each in caught.value.findings if each.severity is Severity.ERROR]
    assert len(errors) == message.count("\n") - 1
    assert all(each.message and each.hint and each.code in {**MANIFEST_CHECKS, **RULE_CHECKS} for each in errors)
    assert all(each.place.startswith((path.name, "locks/rules.toml")) for each in errors)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_from_another_directory_it_is_the_same_apart_from_paths(path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        read_manifest(path)
    assert str(caught.value).replace(f"{FOLDER}/", "") + "\n" == path.with_suffix(".txt").read_text("utf-8")


def test_no_mirror_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = FOLDER / "everything-at-once.toml"
    (tmp_path / "mirror.toml").write_bytes(path.read_bytes())
    ran = running.wheelfix("mirror", "sync", "mirror.toml")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error[invalid-manifest]: 14 errors in the manifest\n")
    for line in path.with_suffix(".txt").read_text("utf-8").splitlines()[1:]:
        assert line.replace("everything-at-once", "mirror") in ran.err
    assert [each.name for each in tmp_path.iterdir()] == ["mirror.toml"]
