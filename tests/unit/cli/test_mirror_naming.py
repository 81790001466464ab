"""What may name a mirror, and what is said of anything else."""

from pathlib import Path

import pytest

from running import wheelfix
from wheelfix.mirror.naming import problem_of_mirror


@pytest.mark.parametrize(
    "text",
    [
        "mirror/",
        "s3://wheels",
        "s3://wheels/team/a",
        "S3://wheels",
        "gs://wheels/",
        "az://container/prefix",
        "file:///srv/mirror",
        "wheels.example.org/simple",
        "c:/mirror",
    ],
)
def test_directories_and_buckets_name_mirrors(text: str) -> None:
    assert not problem_of_mirror(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "(an unset variable?)"),
        ("s3://wheels/x-1-py3-none-any.whl", "Name the mirror first"),
        ("http://example.invalid/simple/", "A mirror is a directory or a bucket. Only --from-index"),
        ("https://wheels.s3.amazonaws.com/team/public/simple/", "Did you mean s3://wheels/team?"),
        ("https://wheels.s3.eu-west-1.amazonaws.com", "Did you mean s3://wheels?"),
        ("HTTPS://s3.eu-west-1.amazonaws.com/wheels/public", "Did you mean s3://wheels?"),
        ("https://storage.googleapis.com/wheels/a/b/", "Did you mean gs://wheels/a/b?"),
        ("https://wheels.storage.googleapis.com/a?x=secret", "Did you mean gs://wheels/a?"),
        ("https://account.blob.core.windows.net/wheels/publicity", "Did you mean az://wheels/publicity?"),
        ("s3a://wheels/x", "Did you mean s3://wheels/x?"),
        ("azure://wheels", "Did you mean az://wheels?"),
        ("ftp://wheels", "ftp:// is not supported. Name a directory, or a bucket such as s3://bucket/prefix."),
        ("s3:wheels/x", "Did you mean s3://wheels/x?"),
        ("s3:/wheels", "Did you mean s3://wheels?"),
        ("file:/srv/mirror", "Did you mean file:///srv/mirror?"),
        ("s3://", "names no bucket"),
        ("s3:///prefix", "names no bucket"),
        ("file://", "names no bucket"),
        ("abfss://wheels@account.dfs.core.windows.net/", "no credentials, no account"),
    ],
)
def test_what_is_meant_is_named(text: str, told: str) -> None:
    assert told in problem_of_mirror(text)


@pytest.mark.parametrize("scheme", ["s3", "gs", "https", "ftp"])
def test_secrets_are_not_shown(scheme: str) -> None:
    ran = wheelfix("mirror", "list", f"{scheme}://key:hidden@wheels/x")
    assert ran.code == 2
    assert "hidden" not in ran.out + ran.err


def test_a_directory_may_be_called_like_half_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s3:").mkdir()
    assert not problem_of_mirror("s3:")
    Path("s3:/wheels").mkdir()
    assert not problem_of_mirror("s3:/wheels")
