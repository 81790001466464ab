"""The words of ``wheelfix mirror add`` that cannot be meant, and what is said of them."""

import pytest

from running import wheelfix


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("https://example.invalid/simple/", "x.whl"), "A mirror is a directory"),
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
