"""The words of ``wheelfix mirror add`` that cannot be meant, and what is said of them."""

from pathlib import Path

import pytest

from building import WheelSpec, write_wheel
from running import wheelfix
from upstreams import sdist


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("https://example.invalid/simple/", "x.whl"), "A mirror is a directory or a bucket"),
        (("x.whl", "y.whl"), "Name the mirror first"),
        (("m", "x.whl", "--build-tag", "1"), "--build-tag is for --from-index"),
        (("m", "x.whl", "--repair"), "--repair is for --from-index"),
        (("m", "x.whl", "--rules", "gpu"), "--rules is for --from-index"),
        (("m", "x.whl", "--force"), "--force is for --from-index"),
        (("m", "x.whl", "--timeout", "nan"), "not a number of seconds"),
        (("m", "x.whl", "--timeout", "inf"), "not a number of seconds"),
        (("m", "--from-index", "http://127.0.0.1:9/", "demo", "--force", "--skip-gpu-builds"), "exclude each other"),
        (("m", "--from-index", "http://127.0.0.1:9/", "demo", "--build-tag", "x"), "is not a build tag"),
        (("m", "--from-index", "http://127.0.0.1:9/", "demo", "--local", "/"), "is not a local version"),
    ],
)
def test_usage(words: tuple[str, ...], told: str) -> None:
    ran = wheelfix("mirror", "add", *words)
    assert ran.code == 2
    assert told in ran.err


@pytest.mark.parametrize("index", ["ftp://who:hidden@example.invalid/", "http://who:hidden@example.invalid/"])
def test_secrets_in_an_address_are_not_reported(index: str) -> None:
    ran = wheelfix("mirror", "add", "m", "--from-index", index, "demo")
    assert ran.code == 2
    assert "hidden" not in ran.err + ran.out


def test_source_distributions_are_added_where_they_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dist").mkdir()
    write_wheel(tmp_path / "dist", WheelSpec(requires=("six",)))
    (tmp_path / "dist" / "demo-1.0.tar.gz").write_bytes(sdist("demo", "1.0"))
    ran = wheelfix("mirror", "add", "m", "dist/demo-1.0.tar.gz", "dist/demo-1.0-py3-none-any.whl")
    assert (ran.code, len(ran.lines)) == (0, 1)
    assert "Skipped dist/demo-1.0.tar.gz" in ran.err
    for given in (["dist/*"], ["dist"], ["dist/demo-1.0.tar.gz"]):
        ran = wheelfix("mirror", "add", "m", "--sdists", *given)
        assert ran.code == 0
        assert ran.lines[-1].endswith("demo-1.0.tar.gz")
    assert wheelfix("mirror", "check", "m").code == 0
    assert "demo-1.0.tar.gz" in wheelfix("mirror", "list", "m").out
    ran = wheelfix("mirror", "add", "m", "--sdists", "--from-index", "http://127.0.0.1:9/", "demo")
    assert (ran.code, "not for --from-index" in ran.err) == (2, True)
