"""Who refuses which form of what is wrong with an archive; of all other forms the table of checks says it.

Measured with pip 26.3 on Python 3.11 and 3.13, uv 0.13.9 (a file, and a download from an index), installer 1.1.0, and PyPI's
check of uploads (``warehouse/utils/zipfiles.py``, August 2026).
"""

from collections.abc import Mapping
from typing import Final

from wheelfix.checks.codes import EVERYONE, Client
from wheelfix.wheel.zip.inflate import BEHIND

_BUILT_IN: Final = (Client.PIP, Client.INSTALLER)
_STRICT: Final = (Client.UV, Client.PYPI)
_FORMS: Final[Mapping[tuple[str, str], tuple[Client, ...]]] = {
    ("archive-leading-bytes", ""): _STRICT,
    ("archive-second-end-record", ""): (Client.UV,),
    ("archive-bad-end-record", "locator"): (Client.UV,),
    ("archive-bad-end-record", "size"): _STRICT,
    ("archive-many-disks", ""): (Client.UV,),
    ("archive-many-disks", "zip64"): (Client.UV,),
    ("archive-many-disks", "counts"): _STRICT,
    ("archive-many-disks", "two counts"): (Client.PYPI,),
    ("archive-many-disks", "locator"): (Client.PIP, Client.INSTALLER, Client.PYPI),
    ("archive-local-header-differs", "crc"): (Client.UV,),
    ("archive-local-header-differs", "flags"): (Client.UV,),
    ("archive-local-header-differs", "method"): (Client.UV,),
    ("archive-local-header-differs", "size"): _STRICT,
    ("archive-data-descriptor", ""): (Client.PYPI,),
    ("archive-data-descriptor", "other width"): _STRICT,
    ("archive-bad-extra-field", ""): _STRICT,
    ("archive-bad-extra-field", "repeated"): (Client.UV,),
    ("archive-bad-extra-field", "comment"): (Client.UV,),
    ("archive-bad-member-name", "nul"): _STRICT,
    ("archive-bad-member-name", "empty"): (Client.PIP, Client.UV, Client.INSTALLER),
    ("archive-bad-member-name", "second"): (Client.UV,),
    ("archive-bad-member-name", "encoding"): (),
    ("archive-bad-zip64-field", "more"): _STRICT,
    ("archive-bad-zip64-field", "more in the directory"): (Client.UV,),
    ("archive-bad-data-descriptor", "streamed"): (Client.PYPI,),
    ("archive-duplicate-member", "twice"): (Client.INSTALLER, Client.PYPI),
    ("archive-duplicate-member", "encoding"): _STRICT,
    ("archive-damaged-member", "directory"): (Client.UV,),
    ("archive-damaged-member", "behind"): (Client.UV,),
    ("archive-damaged-member", "payload"): (Client.PIP, Client.UV, Client.INSTALLER),
    ("archive-name-encoding", "with a Unicode path"): (Client.PYPI,),
    ("archive-odd-zip64-field", "length"): (Client.UV,),
    ("archive-odd-zip64-field", "one size"): (Client.PYPI,),
    ("archive-newer-version", "local"): (Client.UV,),
    ("archive-unsafe-name", "outside"): _BUILT_IN,
    ("archive-unsafe-name", "up and down"): (Client.INSTALLER,),
    ("archive-unsafe-name", "other on Windows"): (),
    ("archive-unsafe-name", "long"): (Client.PIP, Client.UV, Client.INSTALLER),
    ("archive-unsafe-name", "control"): _STRICT,
    ("archive-unsafe-name", "shows nothing"): (Client.UV,),
    ("archive-entry-comment", ""): (Client.PYPI,),
}
_METHODS: Final = {12: _STRICT, 14: _STRICT, 93: (Client.PIP, Client.INSTALLER, Client.PYPI)}
"""Who does not read a compression method beside stored and deflated: bzip2 and LZMA are known to ``zipfile``, Zstandard to
uv, and to ``zipfile`` only from Python 3.14 on (PEP 784). PyPI takes none of them."""


def refusing(code: str, form: str) -> tuple[Client, ...] | None:
    """Return who refuses this form of a finding, ``None`` where the table of checks says it of all its forms."""
    return _FORMS.get((code, form))


def form_of_damage(name: str, message: str) -> str:
    """Return the form of damage.

    Installers read no content of directories and nothing behind the end of data, and PyPI reads no payload.
    """
    if name.endswith("/"):
        return "directory"
    return "behind" if message.endswith(BEHIND) else "" if ".dist-info/" in name else "payload"


def not_reading(method: int) -> tuple[Client, ...]:
    """Return who does not read entries of a compression method."""
    return _METHODS.get(method, EVERYONE)
