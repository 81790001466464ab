"""Where a page is played: the reader's directory, home and variables, and what stands in for servers that the page names."""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

import tools
from book.shell import COLUMNS
from places import ROOT
from serving import free_port, static

if TYPE_CHECKING:
    from buckets import Bucket, Servers
    from upstreams import Upstream

_KEPT: Final = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "TEST_CLIENTS", "TEST_AZURITE")
"""What a reader's environment takes from ours: how packages are downloaded here, and where other programs are."""
_QUIET: Final = {
    "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": str(COLUMNS), "LC_ALL": "C.UTF-8", "TZ": "UTC", "PAGER": "cat",
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0", "PYTHONUNBUFFERED": "1",
    "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_PROGRESS_BAR": "off",
    "UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": "copy", "UV_NO_PROGRESS": "1",
    "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "",
}  # fmt: skip
"""No colour, no progress, no pager, no question, and lines of one width."""
READER: Final = "/home/you"
"""The home directory of the reader on the pages."""


class Stage(Struct):
    """The place of one page, in a directory of its own: ``directory`` is where the reader begins."""

    root: Path
    cloud: "Servers"
    variables: dict[str, str] = field(default_factory=dict)
    said: list[tuple[str, str]] = field(default_factory=list)
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def directory(self) -> Path:
        """Where the reader begins: a directory in the home."""
        return self.home / "work"

    @property
    def home(self) -> Path:
        """The home directory of the reader."""
        return self.root / "home"

    @property
    def programs(self) -> Path:
        """The directory of programs that come before all others."""
        return self.root / "bin"

    def set_up(self) -> None:
        """Make the directories, and the variables of a reader who has wheelfix installed."""
        for path in (self.directory, self.programs):
            path.mkdir(parents=True)
        # Python's processes talk through a socket in it, and the path of a socket has at most 107 characters.
        temporary = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="book-"))
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        programs = (self.programs, Path(sys.executable).parent, "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin")
        own = {
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "TMPDIR": str(temporary),
            "PATH": os.pathsep.join(map(str, programs)),
        }
        self.variables = {**kept, **_QUIET, **own, "USER": "you", "LOGNAME": "you"}
        self.says(READER, str(self.home))

    def says(self, page: str, here: str) -> None:
        """Let what a page says, such as a URL, be something else here; outputs say again what the page says."""
        self.said.append((page, here))

    def here(self, text: str) -> str:
        """Return a command or a file of the page as it is here."""
        for page, here in self.said:
            text = _replaced(text, page, here)
        return text

    def there(self, text: str) -> str:
        """Return an output as the page shows it."""
        for page, here in sorted(self.said, key=lambda pair: -len(pair[1])):
            text = _replaced(text, here, page)
        return text

    # What a page may need.

    def samples(self, *names: str, into: str = ".") -> None:
        """Copy the sample wheels whose names begin with one of ``names`` (all without any) to the directory ``into``."""
        folder = self.directory / into
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted((ROOT / "sample_wheels").glob("*.whl")):
            if not names or path.name.startswith(names):
                shutil.copy(path, folder)

    def torch(self, into: str = ".") -> None:
        """Copy the sample wheel of torch that most pages name."""
        self.samples("torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64", into=into)

    def clone(self) -> None:
        """Let the reader be in a clone of the repository: its directories are there, except for the hidden ones."""
        for path in ROOT.iterdir():
            if not path.name.startswith(".") and path.name not in ("build", "dist", "fixed", "mirror", "site"):
                (self.directory / path.name).symlink_to(path)

    def port(self, number: int) -> int:
        """Return the free port that is used for one that the page names."""
        for page, here in self.said:
            if page == str(number):
                return int(here)
        found = free_port()
        self.says(str(number), str(found))
        return found

    def serve(self, url: str, folder: Path | str) -> str:
        """Serve a directory of the reader at a URL of the page, without a slash at its end; return the URL that is used."""
        path = self.directory / folder
        path.mkdir(parents=True, exist_ok=True)
        server = self.stack.enter_context(static(path, negotiates=True))
        self.says(url, server.url)
        return server.url

    def index(self, url: str, upstream: "AbstractContextManager[Upstream]", files: str = "") -> "Upstream":
        """Let an index of :mod:`upstreams` be what the page has at ``url``, and its files what it has at ``files``."""
        found = self.stack.enter_context(upstream)
        self.says(url, found.index)
        if files:
            self.says(files, found.files_url)
        return found

    def bucket(self, url: str) -> "Bucket":
        """Let a new bucket be what the page has at ``url``, such as ``s3://wheels``."""
        found = self.cloud.bucket(url.partition(":")[0])
        self.variables.update(found.environment)
        self.says(url, found.url)
        return found

    def quick_start(self) -> None:
        """Let wheelfix, as the reader types it, run in a fork of a process that has imported it."""
        tools.write_stand_in(self.programs / "wheelfix", "wheelfix")

    def program(self, name: str, text: str) -> None:
        """Write a program that stands in for one that cannot run here; ``text`` is a script with its ``#!`` line."""
        path = self.programs / name
        path.write_text(text, "utf-8")
        path.chmod(0o755)


def _replaced(text: str, old: str, new: str) -> str:
    return re.sub(rf"\b{old}\b", new, text) if old.isdigit() else text.replace(old, new)


Prepare = Callable[[Stage], None]


class Scene(Struct, frozen=True):
    """How a page is played.

    ``prepare`` makes what the reader has, ``marks`` are those of the test, ``skips`` is how many blocks are not run.
    """

    prepare: Prepare
    marks: tuple[str, ...] = ()
    skips: int = 0


@contextmanager
def stage(root: Path, cloud: "Servers", scene: Scene) -> Iterator[Stage]:
    """Set up the stage of a page; that of a page without marks starts wheelfix quickly, and the others start the program."""
    found = Stage(root, cloud)
    with found.stack:
        found.set_up()
        if not scene.marks:
            found.quick_start()
        scene.prepare(found)
        yield found
