"""Whatever a server does at each request: all bytes are of one version of the file, or there is an error of wheelfix."""

import gzip
import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from ranging import Ranged
from scripting import Asked, Reply, answering
from wheelfix.errors import WheelfixError
from wheelfix.upstream.http import Session
from wheelfix.upstream.remote_wheel import open_remote
from wheelfix.upstream.whole_file import Wanted, download

VERSIONS = [b"PK\3\4" + random.Random(seed).randbytes(400_000 + extra) for seed, extra in enumerate((0, 0, 5_000))]
SOME = 20


def _cut(right: Reply, chance: random.Random) -> Reply:
    return replace(right, body=right.body[: chance.randrange(len(right.body) + 1)], length=len(right.body))


def _short(right: Reply, chance: random.Random) -> Reply:
    return replace(right, body=right.body[: chance.randrange(len(right.body) + 1)])


def _other_range(right: Reply, chance: random.Random) -> Reply:
    first = chance.randrange(300_000)
    said = f"bytes {first}-{first + len(right.body) - 1}/400004"
    return replace(right, headers={**right.headers, "Content-Range": said})


def _packed(right: Reply, chance: random.Random) -> Reply:
    return replace(right, body=gzip.compress(right.body, 1), headers={**right.headers, "Content-Encoding": "gzip"})


Fault = Callable[[Reply, random.Random], Reply]
UNSEEN: list[Fault] = [
    _short,
    lambda right, chance: replace(right, body=right.body + b"more"),
    lambda right, chance: replace(right, status=200),
]
"""What nobody can tell from a right answer with the whole file, who does not know its sha256."""
FAULTS: list[Fault] = [
    _cut,
    _other_range,
    _packed,
    lambda right, chance: replace(right, headers={}),
    lambda right, chance: Reply(b"busy", chance.choice([404, 403, 416, 500])),
    lambda right, chance: Reply(status=302, headers={"Location": chance.choice(["/x.whl", "/elsewhere"])}),
    lambda right, chance: replace(right, headers={**right.headers, "Content-Encoding": "br"}),
]


def faulty(chance: random.Random, faults: list[Fault]) -> Ranged:
    """Return a server that changes the file now and then, and does one thing or the other wrong, but never its ETag."""
    server = Ranged(VERSIONS[0], {"ETag": '"0"'})

    def spoil(asked: Asked, right: Reply) -> Reply:
        if chance.random() < 0.15:
            number = chance.randrange(len(VERSIONS))
            server.data, server.headers = VERSIONS[number], {"ETag": f'"{number}"'}
        return chance.choice(faults)(right, chance) if chance.random() < 0.3 else right

    server.spoil = spoil
    return server


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wheelfix.upstream.whole_file.sleep", lambda seconds: None)


def test_parts_are_all_of_one_version() -> None:
    """As far as the server says which version it sends: a whole answer without ETag may be any."""
    complete = 0
    for seed in range(SOME):
        chance = random.Random(seed)
        with answering(faulty(chance, FAULTS + UNSEEN)) as running:
            parts: list[tuple[int, bytes]] = []
            try:
                with open_remote(Session(timeout=5), f"{running.url}/x.whl").open() as file:
                    for _ in range(10):
                        offset = chance.randrange(file.size)
                        size = min(chance.choice([10, 5_000, 100_000]), file.size - offset)
                        parts.append((offset, file.read_at(offset, size)))
                complete += 1
            except WheelfixError:
                pass
        assert any(all(data == each[at : at + len(data)] for at, data in parts) for each in VERSIONS), seed
    assert 0 < complete < SOME


@pytest.mark.parametrize("sha256", [None, hashlib.sha256(VERSIONS[0]).hexdigest()])
def test_a_download_is_one_version_or_nothing(sha256: str | None, tmp_path: Path) -> None:
    """With a sum it is the right one."""
    complete = 0
    for seed in range(2 * SOME):
        path = tmp_path / f"{seed}.whl"
        with answering(faulty(random.Random(seed), FAULTS if sha256 is None else FAULTS + UNSEEN)) as running:
            try:
                download(Session(timeout=5), Wanted(f"{running.url}/x.whl", "x.whl", sha256), path)
                complete += 1
            except WheelfixError:
                assert not path.exists()
                continue
            finally:
                assert not path.with_suffix(".part").exists()
        assert path.read_bytes() in (VERSIONS if sha256 is None else VERSIONS[:1]), seed
    assert 0 < complete < 2 * SOME
