"""The scenes of the guides about mirrors: indexes, buckets and servers of this machine, under the names of the pages.

What stands in: upstreams of :mod:`upstreams` for PyPI and PyTorch's index, moto for S3, nginx in front of it for CloudFront,
a static server with a base path for GitHub Pages. All other programs are the real ones.
"""

import functools
import http.server
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

import buckets
import clients
import iam
from book.stage import Scene, Stage
from building import WheelSpec, write_wheel
from clients import PROGRAMS
from places import ROOT
from serving import SERVERS, Server, in_background, nginx, static
from stand_ins import spec, write_others, write_torch
from upstreams import MACOS, Upstream, add_family, pypi, pytorch, torch
from wheelfix import add_wheels, sync_mirror
from wheelfix.mirror.publish import fix_into_mirror

PYPI: Final = "https://pypi.org/simple/"
PYTORCH: Final = "https://download.pytorch.org/whl/cpu/"
SERVED: Final = "https://wheels.example.org"


def by_hand(stage: Stage) -> None:
    """Sample wheels, and PyTorch's index."""
    stage.samples(into="sample_wheels")
    _pytorch(stage, "2.9.0")


def _pytorch(stage: Stage, *versions: str) -> Upstream:
    found = stage.index(PYTORCH, pytorch())
    add_family(found, *versions, pythons=("cp311", "cp312"))
    return found


def checked(stage: Stage) -> None:
    """A mirror of some sample wheels, and a server of it."""
    stage.samples(into="sample_wheels")
    _publish(stage, "xgboost", "networkx", "cleanpkg")
    _serve(stage)


def _serve(stage: Stage, folder: str = "mirror") -> Server:
    """Serve a mirror as nginx does, by the name that the pages have for it."""
    path = stage.directory / folder / "public"
    path.mkdir(parents=True, exist_ok=True)
    server = stage.stack.enter_context(static(path, negotiates=True))
    server.cached = True
    stage.says(SERVED, server.url)
    return server


def _publish(stage: Stage, *names: str) -> None:
    wheels = [path for path in sorted((ROOT / "sample_wheels").glob("*.whl")) if path.name.startswith(names)]
    report, published = fix_into_mirror(stage.directory / "mirror", wheels)
    assert report.ok
    assert published.ok


def nightly(stage: Stage) -> None:
    """PyPI with requests, and PyTorch's index."""
    index = stage.index(PYPI, pypi())
    _requests(index, "2.31.0", "2.32.5")
    _requests(index, "2.33.0", uploaded=datetime.now(UTC).isoformat().replace("+00:00", "Z"))
    _pytorch(stage, "2.8.0", "2.9.0", "2.9.1")
    stage.says("/srv/wheels", str(stage.root / "wheels"))


def _requests(index: Upstream, *versions: str, **settings: str) -> None:
    for version in versions:
        spec = WheelSpec(project="requests", version=version, tags="py3-none-any", requires=())
        index.add(spec, requires_python=">=3.9", **settings)


_MANIFEST: Final = f"""\
schema = 1

[mirror]
store = "{{store}}"

[[source]]
name = "pypi"
index = "{PYPI}"
projects = ["requests>=2.31,<3"]
"""


def _synced(stage: Stage, store: str) -> None:
    """Let there be a manifest and what a sync made of it; then its index has one release more."""
    index = stage.index(PYPI, pypi())
    _requests(index, "2.31.0", "2.32.3", "2.32.4", "2.32.5")
    manifest = stage.directory / "mirror.toml"
    manifest.write_text(stage.here(_MANIFEST.format(store=store)), "utf-8")
    assert sync_mirror(manifest).ok
    _requests(index, "2.33.0")


def reviewed(stage: Stage) -> None:
    """The same, in a repository of Git."""
    _synced(stage, "mirror")
    (stage.home / ".gitconfig").write_text("[user]\nname = You\nemail = you@example.org\n[init]\ndefaultBranch = main\n")
    subprocess.run(["git", "init", "--quiet"], cwd=stage.directory, env=stage.variables, check=True)


def two_sides(stage: Stage) -> None:
    """A mirror that follows its index, and a place for the other one."""
    stage.says("/srv/wheels", str(stage.root / "outside"))
    stage.says("/srv/inside", str(stage.root / "inside"))
    _synced(stage, "/srv/wheels")


def locked(stage: Stage) -> None:
    """An application whose locks name torch as it came, from a mirror that has it."""
    folders = stage.directory / "incoming", stage.root / "others"
    for folder in folders:
        folder.mkdir()
    assert add_wheels(stage.directory / "mirror", [*write_torch(folders[0]), *write_others(folders[1])]).ok
    index = _serve(stage).index
    app = stage.directory / "app"
    clients.uv_lock(app, index)
    (app / "requirements.in").write_text("torch\n")
    compiled = ("--generate-hashes", "--default-index", index, "requirements.in", "-o", "requirements.txt", "--quiet")
    clients.run(*clients.UV, "pip", "compile", *compiled, cwd=app)
    clients.run(*clients.UV, "sync", "--locked", cwd=app, UV_NO_CONFIG="0")


def four_clients(stage: Stage) -> None:
    """A mirror with a fixed torch and all that it requires, and PyPI with the same and a newer torch as it came."""
    folders = [stage.root / name for name in ("torch", "others", "newer")]
    for folder in folders:
        folder.mkdir()
    torches, others, newer = write_torch(folders[0]), write_others(folders[1]), write_torch(folders[2], "2.8.0")
    assert fix_into_mirror(stage.directory / "mirror", torches)[1].ok
    assert add_wheels(stage.directory / "mirror", others).ok
    assert add_wheels(stage.directory / "pypi", [*newer, *others]).ok
    _serve(stage)
    stage.serve("https://pypi.org", "pypi/public")
    closed = stage.stack.enter_context(static(stage.directory / "mirror/public", negotiates=True))
    closed.password = "you:secret"
    stage.says("https://internal.example.org", closed.url.replace("127.0.0.1", "localhost"))
    stage.says("internal.example.org", "localhost")
    stage.variables |= {"POETRY_VIRTUALENVS_IN_PROJECT": "true", "PDM_CHECK_UPDATE": "0"}
    stage.variables.pop("PIP_FIND_LINKS", None)  # what is installed comes from the indexes of the page
    for name in ("poetry", "pdm"):
        stage.program(name, f'#!/bin/sh\nexec {PROGRAMS / name} "$@"\n')


def old_index(stage: Stage) -> None:
    """An index of a company, a directory of wheels, and a lock that names one of its files."""
    stage.samples("networkx", into="packages")
    index = stage.index("https://old.example.org/simple/", pypi())
    files = [index.add(WheelSpec(project="acme-tools", version=each, requires=())) for each in ("1.0", "1.1", "1.2")]
    index.yank(files[1].name, "broken")
    index.add_sdist("acme-tools", "1.2")
    index.add(torch("2.9.0", MACOS))
    (stage.directory / "app").mkdir()
    pin = f"acme-tools==1.2 --hash=sha256:{files[2].sha256}\n"
    (stage.directory / "app" / "requirements.txt").write_text(pin)


def shared(stage: Stage) -> None:
    """Two manifests for the same wheels: one for a directory, one for a bucket."""
    index = stage.index(PYPI, pypi())
    _requests(index, "2.31.0", "2.32.3", "2.32.4", "2.32.5")
    for project, version in (("idna", "3.10"), ("urllib3", "2.5.0"), ("certifi", "2026.1.4")):
        index.add(WheelSpec(project=project, version=version, tags="py3-none-any", requires=()))
    stage.bucket("s3://wheels")
    text = _MANIFEST.replace('"requests>=2.31,<3"', '"requests", "idna", "urllib3", "certifi"')
    for name, store in (("mirror.toml", "wheels"), ("s3.toml", "s3://wheels/team")):
        (stage.directory / name).write_text(stage.here(text.format(store=store)), "utf-8")


def behind_nginx(stage: Stage) -> None:
    """A server on which nginx runs; sudo and systemctl do here what they do there."""
    stage.samples(into="sample_wheels")
    work = stage.root / "nginx"
    (work / "conf.d").mkdir(parents=True)
    stage.says("/etc/nginx", str(work))
    stage.says("/srv/mirror", str(stage.root / "srv" / "mirror"))
    (stage.root / "srv").mkdir()
    text = (SERVERS / "nginx.conf").read_text()
    stage.port(8080)
    (stage.directory / "wheels.conf").write_text(stage.here(text))
    (work / "nginx.conf").write_text(("user root;\n" if os.geteuid() == 0 else "") + _nginx(work))
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    stage.program("sudo", '#!/bin/sh\nexec "$@"\n')
    stage.program("nginx", f'#!/bin/sh\nexec {program} -c {work}/nginx.conf -e {work}/errors "$@"\n')
    stage.program("systemctl", "#!/bin/sh\nexec nginx\n")


def _nginx(work: Path) -> str:
    folders = "".join(f"{kind}_temp_path {work}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"pid {work}/pid;\nevents {{ }}\nhttp {{ access_log off; {folders} include {work}/conf.d/*.conf; }}\n"


class _Pages(http.server.SimpleHTTPRequestHandler):
    """What GitHub Pages is: a directory below a base path, Content-Types by the ends of names."""

    def translate_path(self, path: str) -> str:
        return super().translate_path(path.removeprefix("/wheels"))

    def send_head(self) -> Any:
        if not self.path.startswith("/wheels/"):
            self.send_error(404)
            return None
        return super().send_head()

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "max-age=600")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _pages(folder: Path) -> Iterator[str]:
    handler = functools.partial(_Pages, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, in_background(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


def github_pages(stage: Stage) -> None:
    """PyTorch's index, and a server with the base path of a site on GitHub Pages."""
    _pytorch(stage, "2.9.0", "2.9.1")
    stage.says("https://you.github.io", stage.stack.enter_context(_pages(stage.directory / "mirror/public")))


def others_servers(stage: Stage) -> None:
    """Sample wheels, and the servers of others on PATH."""
    stage.samples(into="sample_wheels")
    for name in ("pypi-server", "devpi", "devpi-init", "devpi-server"):
        stage.program(name, f'#!/bin/sh\nexec {PROGRAMS / name} "$@"\n')


def bucket(stage: Stage) -> None:
    """An empty bucket, sample wheels, and the examples."""
    _samples_and_examples(stage)
    stage.bucket("s3://wheels")


def bucket_of_profiles(stage: Stage) -> None:
    """The same, with credentials in the files of the reader, and an account of R2."""
    _samples_and_examples(stage)
    found = stage.bucket("s3://wheels")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        stage.variables.pop(name, None)
    keys = {name: stage.variables.pop(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    lines = [f"{name.lower()} = {value}" for name, value in keys.items()]
    (stage.home / ".aws").mkdir()
    text = "\n".join(["[default]", *lines, "[publisher]", *lines, ""])
    (stage.home / ".aws" / "credentials").write_text(text, "utf-8")
    stage.says("https://ACCOUNT_ID.r2.cloudflarestorage.com", found.endpoint)


def bucket_and_dist(stage: Stage) -> None:
    """An empty bucket, and a wheel in ``dist``."""
    stage.samples("cleanpkg-", into="dist")
    stage.bucket("s3://wheels")


def _samples_and_examples(stage: Stage) -> None:
    stage.samples(into="sample_wheels")
    (stage.directory / "examples").symlink_to(ROOT / "examples")
    _pytorch(stage, "2.9.0")


def cloudfront(stage: Stage) -> None:
    """The same, and what stands in for CloudFront: nginx as the guides configure it before a bucket."""
    _samples_and_examples(stage)
    found = stage.bucket("s3://wheels")
    allowed = json.dumps(iam.policy("s3-clients", found.name))
    buckets.s3_client(found).put_bucket_policy(Bucket=found.name, Policy=allowed)
    origin = urlsplit(found.endpoint)
    changes = {
        "127.0.0.1:9000": origin.netloc,
        "/wheels/team/public": f"{origin.path}/{found.name}/team/public",
        "/var/cache/nginx/wheels": f"{stage.root}/cache",
    }
    server = stage.stack.enter_context(nginx(stage.root, "nginx-bucket.conf", stage.root / "nginx", changes))
    stage.says(SERVED, server.url)


def private(stage: Stage) -> None:
    """A bucket that nobody may read without credentials, with a mirror of a torch that requires nothing."""
    endpoint = stage.stack.enter_context(buckets.moto())
    found = buckets.s3_bucket(endpoint)
    with pytest.MonkeyPatch.context() as patch:
        buckets.use(found, patch)
        wheel = write_wheel(stage.root, spec("torch", "2.9.0"))
        assert add_wheels(f"{found.url}/team", [wheel]).ok
    stage.variables.update(iam.user(endpoint, iam.policy("s3-read", found.name)))
    iam.enforce(endpoint)
    stage.says("https://s3.eu-central-1.amazonaws.com/wheels", f"{endpoint}/{found.name}")
    stage.says("https://s3.eu-central-1.amazonaws.com", endpoint)
    stage.says("eu-central-1", "us-east-1")


MIRRORS: Final[dict[str, Scene]] = {
    "docs/guides/mirror-pages.md": Scene(Stage.torch),
    "docs/guides/mirror.md": Scene(by_hand),
    "docs/guides/check-mirror.md": Scene(checked),
    "docs/guides/nightly-mirror.md": Scene(nightly, skips=2),
    "docs/guides/configure-clients.md": Scene(four_clients, ("clients",)),
    "docs/guides/migrate-an-index.md": Scene(old_index),
    "docs/guides/move-a-locked-project.md": Scene(locked),
    "docs/guides/scale.md": Scene(shared, ("slow",), skips=3),
    "docs/guides/review-a-mirror.md": Scene(reviewed),
    "docs/guides/air-gapped.md": Scene(two_sides),
    "docs/guides/buckets.md": Scene(bucket_of_profiles, ("slow",)),
    "docs/reference/buckets.md": Scene(bucket_and_dist, ("slow",)),
    "docs/guides/publish-s3-cloudfront.md": Scene(cloudfront, ("clients",), skips=1),
    "docs/guides/private-bucket.md": Scene(private, ("slow",)),
    "docs/guides/publish-nginx.md": Scene(behind_nginx, ("clients",)),
    "docs/guides/publish-pypiserver.md": Scene(others_servers, ("clients",)),
    "docs/guides/publish-devpi.md": Scene(others_servers, ("clients",)),
    "docs/guides/publish-artifactory.md": Scene(others_servers, skips=3),
    "docs/guides/publish-github-pages.md": Scene(github_pages),
}
