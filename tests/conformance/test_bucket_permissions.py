"""The policies of docs/guides/buckets.md are enough for what the page says, and no more: moto allows nothing else."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import buckets
import iam
from buckets import Bucket
from building import Entry
from demos import GPU, demo_wheel
from running import Ran, wheelfix

pytestmark = [pytest.mark.slow, pytest.mark.parts]
Does = Callable[..., Ran]


@pytest.fixture
def locked() -> Iterator[tuple[Bucket, dict[str, dict[str, str]]]]:
    """A bucket whose server allows what the policies say, and the environment of a user for each of them."""
    with buckets.moto() as endpoint:
        bucket = buckets.s3_bucket(endpoint)
        users = {name: iam.user(endpoint, iam.policy(f"s3-{name}", bucket.name)) for name in ("read", "publish", "clean")}
        iam.enforce(endpoint)
        yield bucket, users


@pytest.fixture
def does(locked: tuple[Bucket, dict[str, dict[str, str]]]) -> Does:
    """Runs a command as the user of a policy; MIRROR stands for the URL of the mirror."""
    bucket, users = locked

    def run(user: str, *words: object) -> Ran:
        with pytest.MonkeyPatch.context() as patch:
            buckets.use(bucket, patch)
            for name, value in users[user].items():
                patch.setenv(name, value)
            return wheelfix(*(str(word).replace("MIRROR", f"{bucket.url}/team") for word in words))

    return run


def test_each_command_runs_with_its_policy(does: Does, tmp_path: Path) -> None:
    large = Entry("demo/large.bin", random.Random(1).randbytes(40_000_000), method=0)
    wheels = [demo_wheel(tmp_path, "1.0"), demo_wheel(tmp_path, "2.0", files=(large,))]
    leaking = demo_wheel(tmp_path, "3.0+cpu", GPU, files=(Entry("demo/version.py", b"cuda = None\n"),))
    replacement = demo_wheel(tmp_path / "new", "1.0", "six")
    steps: list[tuple[str, tuple[object, ...]]] = [
        ("publish", ("mirror", "add", "MIRROR", *wheels)),
        ("publish", ("mirror", "add", "MIRROR", *wheels)),
        ("publish", ("strip-gpu", "--allow-unproven", "--publish", "MIRROR", leaking)),
        ("publish", ("mirror", "add", "--replace", "MIRROR", replacement)),
        ("publish", ("mirror", "yank", "MIRROR", "demo==1.0", "--reason", "broken")),
        ("publish", ("mirror", "unyank", "MIRROR", "demo==1.0")),
        ("publish", ("mirror", "remove", "MIRROR", "demo==2.0")),
        ("read", ("mirror", "list", "MIRROR")),
        ("read", ("mirror", "check", "MIRROR")),
        ("read", ("mirror", "check", "--quick", "MIRROR")),
        ("clean", ("mirror", "check", "--fix", "MIRROR")),
        ("clean", ("mirror", "prune", "--grace", "0s", "MIRROR")),
        ("clean", ("mirror", "prune", "--grace", "0s", "--replaced", "--all-unlisted", "MIRROR")),
        ("clean", ("mirror", "add", "MIRROR", wheels[1])),
    ]
    for user, words in steps:
        ran = does(user, *words)
        assert ran.code == 0, f"{user}: {words}\n{ran.out}{ran.err}"


@pytest.mark.parametrize(
    ("user", "words", "missing"),
    [
        ("read", ("mirror", "add", "MIRROR", "WHEEL"), "s3:PutObject"),
        ("read", ("mirror", "remove", "MIRROR", "demo==1.0"), "s3:PutObject"),
        ("publish", ("mirror", "prune", "--grace", "0s", "MIRROR"), "s3:DeleteObject"),
    ],
)
def test_what_a_policy_does_not_allow_names_the_permission(
    user: str, words: tuple[str, ...], missing: str, does: Does, tmp_path: Path
) -> None:
    assert does("publish", "mirror", "add", "MIRROR", demo_wheel(tmp_path, "1.0"), demo_wheel(tmp_path, "9.0")).code == 0
    assert does("publish", "mirror", "remove", "MIRROR", "demo==9.0").code == 0
    wheel = demo_wheel(tmp_path, "8.0")
    ran = does(user, *(str(wheel) if word == "WHEEL" else word for word in words))
    assert ran.code in (2, 3), ran.out
    assert missing in ran.err
