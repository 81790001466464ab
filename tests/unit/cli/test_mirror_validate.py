"""``wheelfix mirror validate``: every error of every manifest at once, and nothing else is opened."""

import socket
from pathlib import Path

import pytest

from running import wheelfix

GOOD = 'schema = 1\n[mirror]\nstore = "mirror"\n[[source]]\nindex = "https://example.invalid/simple/"\nprojects = ["demo"]\n'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.toml").write_text(GOOD)
    Path("warning.toml").write_text(GOOD.replace("https:", "http:"))


def test_valid_manifests_are_counted_and_nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", None)
    ran = wheelfix("mirror", "validate", "good.toml", "good.toml")
    assert (ran.code, ran.out, ran.err) == (0, "", "Checked 2 manifests: 0 errors, 0 warnings\n")
    assert not Path("mirror").exists()
    assert wheelfix("mirror", "validate", "-q", "good.toml").err == ""


def test_warnings_fail_with_strict() -> None:
    ran = wheelfix("mirror", "validate", "warning.toml")
    assert ran.code == 0
    assert ran.out.startswith("warning[manifest-insecure-index]: warning.toml:")
    assert ran.err == "Checked 1 manifest: 0 errors, 1 warning\n"
    assert wheelfix("mirror", "validate", "--strict", "warning.toml").code == 1
    assert wheelfix("mirror", "validate", "--strict", "good.toml").code == 0


def test_the_errors_of_all_are_reported_at_once_with_those_of_their_rules() -> None:
    Path("bad.toml").write_text(
        GOOD.replace("demo", "demo ==").replace("[mirror]", '[mirror]\nrules = ["no.toml"]\ntypo = 1')
    )
    ran = wheelfix("mirror", "validate", "good.toml", "bad.toml", "nowhere.toml")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error[invalid-manifest]: 4 errors in the manifest\n")
    for code in ("manifest-invalid-project", "manifest-unknown-key", "manifest-unreadable"):
        assert f"error[{code}]: " in ran.err
    assert "no.toml" in ran.err


def test_no_manifest_is_wrong_usage() -> None:
    assert wheelfix("mirror", "validate").code == 2
