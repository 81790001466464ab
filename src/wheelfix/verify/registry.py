"""What ``verify`` checks: every code, how bad it is, what it means, who refuses the wheel, and how to fix it.

The reference page of the documentation and ``wheelfix explain`` are made from it.
"""

from typing import Final

from msgspec.structs import replace

from wheelfix.codes import EVERYONE, Check, Client, Fix
from wheelfix.results import Severity

_GUIDES: Final = "https://packaging.python.org/en/latest/specifications/"
FORMAT: Final = _GUIDES + "binary-distribution-format/"
RECORD: Final = _GUIDES + "recording-installed-packages/#the-record-file"
CORE: Final = _GUIDES + "core-metadata/"
DEPENDENCY: Final = _GUIDES + "dependency-specifiers/"
VERSIONS: Final = _GUIDES + "version-specifiers/"
ENTRY_POINTS: Final = _GUIDES + "entry-points/"
WINDOWS: Final = "https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file"
APPNOTE: Final = "https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT"
LICENSES: Final = "https://peps.python.org/pep-0639/"
SBOMS: Final = "https://peps.python.org/pep-0770/"
SIGNATURES: Final = "https://peps.python.org/pep-0815/"
VARIANTS: Final = "https://peps.python.org/pep-0825/"
WITHDRAWN: Final = "https://peps.python.org/pep-0426/"

_INSTALLERS: Final = (Client.PIP, Client.UV, Client.INSTALLER)
_STRICT: Final = (Client.UV, Client.PYPI)
_INDEX_AND_RESOLVERS: Final = (Client.PIP, Client.UV, Client.PYPI)


def _error(code: str, meaning: str, specification: str, fix: Fix = Fix.NO, *, by: tuple[Client, ...] = ()) -> Check:
    return Check(code, Severity.ERROR, meaning, specification, fix, by)


def _warning(code: str, meaning: str, specification: str, fix: Fix = Fix.NO) -> Check:
    return Check(code, Severity.WARNING, meaning, specification, fix)


def _note(code: str, meaning: str, specification: str, fix: Fix = Fix.NO) -> Check:
    return Check(code, Severity.NOTE, meaning, specification, fix)


# fmt: off
_ARCHIVE: Final = (
    _error("archive-not-a-zip", "The file is not a ZIP archive: often an error page saved under the wheel's name.",
        APPNOTE, by=EVERYONE),
    _error("archive-empty-file", "The file is empty.", APPNOTE, by=EVERYONE),
    _error("archive-truncated", "The archive is cut off.", APPNOTE, by=EVERYONE),
    _error("archive-empty-archive", "The archive holds no entries.", APPNOTE, by=EVERYONE),
    _error("archive-leading-bytes", "There are bytes before the archive, or between the directory and the end record.",
        APPNOTE, Fix.REBUILT, by=EVERYONE),
    _error("archive-trailing-bytes", "There are bytes after the end of the archive.", APPNOTE, Fix.REBUILT, by=_STRICT),
    _error("archive-second-end-record", "The archive comment holds a second end record: readers may choose either.",
        APPNOTE, by=EVERYONE),
    _error("archive-bad-end-record", "The end record is damaged, or contradicts its ZIP64 form.", APPNOTE, by=EVERYONE),
    _error("archive-many-disks", "The archive claims to be one of several disks, or gives two counts of entries.",
        APPNOTE, by=EVERYONE),
    _error("archive-too-many-entries", "The archive claims more entries than any real one; wheelfix does not read them.",
        APPNOTE),
    _error("archive-bad-directory", "The directory does not hold the entries that it announces.", APPNOTE, by=_STRICT),
    _error("archive-bad-local-header", "An entry has no local header where the directory says that it begins.",
        APPNOTE, by=EVERYONE),
    _error("archive-local-header-differs", "A local header contradicts the directory.", APPNOTE, by=EVERYONE),
    _error("archive-bad-data-descriptor", "A data descriptor contradicts the directory, or is ambiguous.",
        APPNOTE, by=_STRICT),
    _error("archive-bad-extra-field", "An extra field runs past its end, is cut off, or appears twice.",
        APPNOTE, Fix.REBUILT, by=EVERYONE),
    _error("archive-bad-zip64-field", "A ZIP64 field does not have the values that the entry needs.",
        APPNOTE, Fix.REBUILT, by=EVERYONE),
    _error("archive-bad-entry-name", "An entry has no name, or one that readers read differently.", APPNOTE, by=EVERYONE),
    _error("archive-duplicate-entry", "Two entries have the same name, or names that some readers treat as the same.",
        APPNOTE, by=EVERYONE),
    _error("archive-gap", "Bytes between entries belong to none of them.", APPNOTE, Fix.REBUILT, by=_STRICT),
    _error("archive-overlap", "An entry runs into another.", APPNOTE, by=EVERYONE),
    _error("archive-encrypted-entry", "An entry is encrypted.", APPNOTE, by=EVERYONE),
    _error("archive-patched-entry", "An entry is compressed patched data.", APPNOTE, by=EVERYONE),
    _error("archive-stored-size-differs",
        "A stored entry takes another number of bytes than its size: uv reads all of them, pip only some.",
        APPNOTE, by=(Client.UV,)),
    _error("archive-entry-too-large", "An entry that must be read is larger than any real one; wheelfix does not read it.",
        APPNOTE),
    _error("archive-too-large", "The entries claim a size out of all proportion; wheelfix does not read them.", APPNOTE),
    _error("archive-compression-ratio",
        "The entries take more than 64 MiB, and more than 50 times the file: PyPI treats it as a ZIP bomb.",
        FORMAT, by=(Client.PYPI,)),
    _error("archive-too-many-directories",
        "The entries are in more directories than those of any real wheel; wheelfix does not check them all.", APPNOTE),
    _error("archive-damaged-entry", "An entry cannot be inflated, or does not match its size or CRC-32.",
        APPNOTE, by=EVERYONE),
    _error("archive-unknown-compression",
        "An entry is neither stored nor deflated: each client reads other methods, and PyPI accepts none.",
        FORMAT, Fix.REBUILT, by=EVERYONE),
    _error("archive-newer-version", "An entry needs a version of the ZIP format that does not exist: above 6.3.",
        APPNOTE, Fix.REBUILT, by=EVERYONE),
    _error("archive-data-descriptor",
        "The sizes of an entry come after its data, as in a ZIP file that was written to a pipe.",
        APPNOTE, Fix.REBUILT, by=_STRICT),
    _error("archive-extra-field-rest", "One to three bytes are left over after the extra fields of a local header.",
        APPNOTE, Fix.REBUILT, by=(Client.PYPI,)),
    _error("archive-odd-zip64-field", "A ZIP64 field has more values than the entry needs, or only one of the two sizes.",
        APPNOTE, Fix.REBUILT, by=_STRICT),
    _error("archive-odd-unicode-path", "A Unicode path in an extra field is not UTF-8, or has control characters.",
        APPNOTE, Fix.REBUILT, by=(Client.PYPI,)),
    _error("archive-name-encoding", "A name is not ASCII and has no UTF-8 flag: pip reads it as code page 437.",
        APPNOTE, by=_STRICT),
    _error("archive-entry-comment", "An entry has a comment.", APPNOTE, Fix.REBUILT, by=_STRICT),
    _error("archive-comment-bytes", "The archive comment has a byte from 1 to 8, as each signature of a ZIP record has.",
        APPNOTE, Fix.REBUILT, by=(Client.UV,)),
    _error("archive-directory-with-content", "A directory has content.", APPNOTE, by=(Client.UV,)),
    _error("archive-unsafe-name",
        "The name of an entry leads out of the directory, means another file on Windows, hides what it is, or is too long "
        "or too deep.",
        FORMAT, Fix.REBUILT, by=EVERYONE),
    _error("archive-file-as-directory", "An entry is a file, and another one is below it.", FORMAT, by=_INSTALLERS),
    _warning("archive-same-name-folded", "Two names are the same on systems that ignore case or Unicode forms.", FORMAT),
    _warning("archive-windows-name", "Windows cannot hold a file of this name.", WINDOWS),
    _warning("archive-odd-path", "A name has an empty part, or a dot for one.", FORMAT),
    _warning("archive-odd-mode", "An entry is a link or a device, or has set-user-id bits; installers ignore that.",
        FORMAT, Fix.REBUILT),
    _warning("archive-mode-no-type",
        "A file is executable but not marked as a regular file: pip and installer install it without the executable bit.",
        FORMAT),
    _warning("archive-odd-attributes",
        "A file is marked as a directory or a volume label, or a directory as a file; installers ignore that.",
        APPNOTE, Fix.REBUILT),
    _warning("archive-odd-flag", "An entry is marked as masked or on another disk, but is not; installers ignore that.",
        APPNOTE, Fix.REBUILT),
    _warning("archive-bad-time", "The date or time of an entry does not exist; some readers fail on it.",
        APPNOTE, Fix.REBUILT),
    _warning("archive-local-time-differs",
        "A local header has another date or time than the directory; no installer reads it.", APPNOTE, Fix.REBUILT),
    _warning("archive-stale-unicode-path",
        "An extra field holds a Unicode path of another name or version; every reader ignores it.", APPNOTE, Fix.REBUILT),
    _warning("archive-needless-zip64", "A small entry has ZIP64 fields that it does not need.", APPNOTE, Fix.REBUILT),
)
_NAMES: Final = (
    _error("file-unreadable", "The file cannot be read, or is not a file.", FORMAT, by=EVERYONE),
    _error("filename-malformed", "The file name is not PROJECT-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl.",
        FORMAT, by=EVERYONE),
    _error("filename-bad-name", "The file name does not begin with the name of a project.",
        FORMAT, by=(Client.PIP, Client.PYPI)),
    _error("filename-tag-digit", "A Python tag in the file name begins with a digit: pip refuses that since version 26.3.",
        FORMAT, by=_INDEX_AND_RESOLVERS),
    _error("filename-tag-case", "A tag in the file name is not in lower case.", FORMAT, by=(Client.UV,)),
    _warning("filename-variant",
        "It is a variant wheel (PEP 825, a draft): tools that do not know the draft refuse or ignore it.", VARIANTS),
    _error("variant-unreadable", "The variant.json of a variant wheel is missing or cannot be read.",
        VARIANTS, by=(Client.UV,)),
    _warning("variant-differs", "variant.json describes other variants than the one in the file name.", VARIANTS),
    _error("filename-bad-version", "The version in the file name is not valid; installers ignore such a wheel.",
        VERSIONS, by=_INDEX_AND_RESOLVERS),
    _error("filename-name-differs", "Name in METADATA differs from the file name.", FORMAT, by=_INDEX_AND_RESOLVERS),
    _error("filename-version-differs", "Version in METADATA differs from the file name.", FORMAT,
        Fix.RENAMED, by=_INDEX_AND_RESOLVERS),
    _error("dist-info-missing", "There is no dist-info directory at the top.", FORMAT, by=EVERYONE),
    _error("dist-info-several", "There is more than one dist-info directory at the top.", FORMAT, by=_INSTALLERS),
    _error("dist-info-no-metadata", "There is no METADATA.", FORMAT, by=_INDEX_AND_RESOLVERS),
    _error("dist-info-no-wheel", "There is no WHEEL.", FORMAT, by=EVERYONE),
    _error("dist-info-no-record", "There is no RECORD.", FORMAT, by=EVERYONE),
    _error("dist-info-name-differs", "The dist-info directory is named for another project or version.",
        FORMAT, Fix.RENAMED, by=EVERYONE),
    _error("dist-info-spelling", "The dist-info directory is not spelled like the file name.", FORMAT,
        Fix.RENAMED, by=(Client.PYPI,)),
    _warning("dist-info-installer-file", "There is a file that only an installer writes.", RECORD),
    _warning("data-name-differs",
        "A .data directory is named for another project or version: pip installs it as data, others install it as it is.",
        FORMAT, Fix.RENAMED),
    _error("data-unknown-scheme", "A .data directory has a subdirectory that installers do not know.",
        FORMAT, by=_INSTALLERS),
    _error("data-script-directory", "There is a directory among the scripts of a .data directory.", FORMAT, by=(Client.UV,)),
    _error("data-same-file", "A file of a .data directory is installed to the same path as another file of the wheel.",
        FORMAT, by=(Client.INSTALLER,)),
    _error("data-script-twice",
        "A script of a .data directory is installed to the same path as the script of an entry point.",
        FORMAT, by=(Client.INSTALLER,)),
    _warning("data-script-wrapper",
        "A script in a .data directory has the name of the Windows launcher of an entry point: pip and uv do not install "
        "it.", FORMAT),
    _error("data-reserved-name", "A script of a .data directory has the name of an interpreter.", FORMAT, by=(Client.UV,)),
    _error("wheel-not-utf8", "WHEEL is not UTF-8; installers refuse it.", FORMAT, by=_INSTALLERS),
    _error("wheel-no-version", "WHEEL has no Wheel-Version that can be read.", FORMAT, by=_INSTALLERS),
    _error("wheel-newer-version", "Wheel-Version in WHEEL is not 1.x; installers refuse it.", FORMAT, by=_INSTALLERS),
    _error("wheel-field-case", "Wheel-Version is spelled in another case, and uv does not find it.",
        FORMAT, Fix.YES, by=(Client.UV,)),
    _warning("wheel-no-root", "Root-Is-Purelib in WHEEL is missing or invalid; installers assume false.", FORMAT, Fix.YES),
    _warning("wheel-bad-tags", "The tags in WHEEL cannot be read.", FORMAT, Fix.YES),
    _warning("wheel-tags-differ", "The tags in WHEEL are not those of the file name.", FORMAT, Fix.YES),
    _warning("wheel-build-differs", "Build in WHEEL differs from the file name.", FORMAT, Fix.YES),
    _warning("wheel-ambiguous", "WHEEL can be read in two ways.", FORMAT),
)
_RECORD: Final = (
    _error("record-unclosed-quote", "A quoted path in RECORD is never closed.", RECORD, by=(Client.UV, Client.INSTALLER)),
    _error("record-too-many-rows", "RECORD is longer than any real one.", RECORD),
    _error("record-bad-row", "A row does not have three columns.", RECORD, by=(Client.UV, Client.INSTALLER)),
    _error("record-byte-order-mark",
        "RECORD begins with a byte order mark, which readers take for a part of the first path.",
        RECORD, Fix.YES, by=(Client.INSTALLER,)),
    _error("record-empty-row", "A line of RECORD is empty; installers fail on it.", RECORD, Fix.YES, by=EVERYONE),
    _error("record-unquoted-path", "A path with a comma is not quoted.", RECORD, Fix.YES, by=(Client.UV, Client.INSTALLER)),
    _error("record-missing-row", "A file has no row.", RECORD, Fix.YES, by=(Client.INSTALLER,)),
    _warning("record-no-such-file", "A row names a file that is not there.", RECORD, Fix.YES),
    _error("record-wrong-hash", "The hash in a row is not that of the file.", RECORD, Fix.TRUSTED, by=(Client.INSTALLER,)),
    _error("record-wrong-size", "The size in a row is not that of the file.",
        RECORD, Fix.TRUSTED, by=(Client.UV, Client.INSTALLER)),
    _warning("record-size-spelling", "A size is right, but not written as a plain number.", RECORD, Fix.YES),
    _error("record-bad-size", "A row for a file that is not there has a size that is not a number.",
        RECORD, Fix.YES, by=(Client.UV,)),
    _error("record-no-hash", "A row has no hash.", RECORD, Fix.YES, by=(Client.INSTALLER,)),
    _error("record-no-size", "A row has no size.", RECORD, Fix.YES, by=(Client.INSTALLER,)),
    _warning("record-weak-hash", "A row has a hash weaker than sha256.", FORMAT, Fix.YES),
    _error("record-unknown-hash", "A row has a hash that not every installer can check.",
        FORMAT, Fix.TRUSTED, by=(Client.INSTALLER,)),
    _error("record-hex-hash", "A hash is right, but in hexadecimal; tools that compare it refuse the wheel.",
        FORMAT, Fix.YES, by=(Client.INSTALLER,)),
    _error("record-hash-spelling", "A hash is right, but not in urlsafe base64 without padding.",
        FORMAT, Fix.YES, by=(Client.INSTALLER,)),
    _warning("record-duplicate-row", "A file has more than one row.", RECORD, Fix.YES),
    _error("record-contradicting-rows", "A file has rows that contradict each other.",
        RECORD, Fix.TRUSTED, by=(Client.INSTALLER,)),
    _warning("record-directory-row", "A row names a directory.", RECORD, Fix.YES),
    _error("record-absolute-path", "A row has an absolute path.", RECORD, Fix.YES, by=(Client.INSTALLER,)),
    _warning("record-backslash", "A row has a path with backslashes.", RECORD, Fix.YES),
    _error("record-path-spelling", "A row has a path with needless parts.", RECORD, Fix.YES, by=(Client.INSTALLER,)),
    _error("record-own-row-missing", "RECORD does not list itself.", RECORD, Fix.YES, by=(Client.INSTALLER,)),
    _error("record-own-row-hash", "The row of RECORD itself has a hash or a size, which cannot be right.",
        RECORD, Fix.YES, by=(Client.INSTALLER,)),
    _error("record-signature-row", "A row lists a signature of RECORD, which cannot be listed.",
        FORMAT, Fix.YES, by=(Client.INSTALLER,)),
    _error("record-not-utf8", "A row is not UTF-8.", RECORD, by=EVERYONE),
    _warning("record-signature", "There is a signature of RECORD, a form that PEP 815 deprecates.", SIGNATURES),
    _warning("record-void-signature", "RECORD.jws signs another RECORD.", SIGNATURES, Fix.YES),
)
_METADATA: Final = (
    _error("metadata-hidden-fields", "Line ends hide fields from some readers.", CORE, Fix.YES),
    _error("metadata-ambiguous", "Readers see different fields.", CORE),
    _error("metadata-too-many-fields", "METADATA has a header longer than any real one.", CORE),
    _error("metadata-missing-field", "A required field is missing.", CORE, by=_INDEX_AND_RESOLVERS),
    _error("metadata-repeated-field", "A field that may appear once appears more often.", CORE, by=(Client.PYPI,)),
    _error("metadata-bad-name", "Name is not a valid project name.", CORE, by=_INDEX_AND_RESOLVERS),
    _error("metadata-bad-version", "Version is not a valid version.", VERSIONS, by=_INDEX_AND_RESOLVERS),
    _error("metadata-unknown-version", "There is no such Metadata-Version.", CORE, Fix.YES, by=(Client.PYPI,)),
    _error("metadata-field-too-new", "A field requires a later Metadata-Version.", CORE, Fix.YES, by=(Client.PYPI,)),
    _note("metadata-license-file-early", "License-File appears before Metadata-Version 2.4, as setuptools wrote it.",
        LICENSES),
    _warning("metadata-unknown-field", "The specification has no such field.", CORE),
    _error("metadata-not-utf8", "METADATA is not UTF-8; pip refuses it.", CORE, by=(Client.PIP, Client.PYPI)),
    _error("metadata-bad-value", "A value is not what the specification allows.", CORE, by=(Client.PYPI,)),
    _error("metadata-two-licenses", "License and License-Expression exclude each other.", LICENSES, by=(Client.PYPI,)),
    _error("metadata-license-missing", "License-File names a file that is not in licenses/.", LICENSES, by=(Client.PYPI,)),
    _error("metadata-bad-requirement", "A requirement cannot be read.", DEPENDENCY, by=_INDEX_AND_RESOLVERS),
    _error("metadata-bad-marker",
        "The marker of a requirement cannot be read, or uses a variable that is not allowed there.",
        DEPENDENCY, by=_INDEX_AND_RESOLVERS),
    _error("metadata-variant-marker", "A marker uses the variant of the wheel, but the wheel is not a variant wheel.",
        VARIANTS, by=_INDEX_AND_RESOLVERS),
    _error("metadata-odd-blanks",
        "A requirement has a line break or an unusual space, or there are spaces around a name or version.",
        DEPENDENCY, Fix.YES, by=_INDEX_AND_RESOLVERS),
    _error("metadata-legacy-requirement", "A requirement is malformed, but its meaning is clear.",
        VERSIONS, Fix.YES, by=_INDEX_AND_RESOLVERS),
    _error("metadata-bad-requires-python", "Requires-Python cannot be read.", VERSIONS, by=_STRICT),
    _error("metadata-legacy-requires-python", "Requires-Python is malformed, but its meaning is clear.",
        VERSIONS, Fix.YES, by=_STRICT),
    _warning("metadata-marker-ambiguous", "Tools evaluate a marker, or Requires-Python, differently.", DEPENDENCY),
    _warning("metadata-local-path", "A requirement names a local path.", DEPENDENCY),
    _warning("metadata-repeated-requirement", "A requirement appears twice.", CORE),
    _warning("metadata-repeated-extra", "An extra is declared twice.", CORE),
    _error("metadata-bad-extra", "Provides-Extra is not a valid extra name.", CORE, by=(Client.PYPI,)),
    _warning("metadata-undeclared-extra", "A marker uses an extra that Provides-Extra does not declare.", CORE, Fix.YES),
    _warning("metadata-empty-extra", "No requirement uses an extra.", CORE, Fix.SELECTED),
    _warning("metadata-no-description", "There is no description.", CORE),
    _warning("metadata-no-content-type", "Description-Content-Type is missing; indexes assume reStructuredText.", CORE),
)
_COMPANIONS: Final = (
    _error("entry-points-unreadable", "entry_points.txt cannot be read.", ENTRY_POINTS, by=EVERYONE),
    _error("entry-points-refused", "pip cannot read a line of entry_points.txt, and fails.", ENTRY_POINTS, by=_INSTALLERS),
    _error("entry-points-bad-value", "A script is not an object reference in the form that pip, uv and installer read.",
        ENTRY_POINTS, by=_INSTALLERS),
    _error("entry-points-unsafe-name",
        "The name of a script leads out of the directory of scripts, or is too long for any system.",
        ENTRY_POINTS, by=EVERYONE),
    _error("entry-points-reserved-name", "A script has the name of an interpreter.", ENTRY_POINTS, by=(Client.UV,)),
    _error("entry-points-same-name", "Two scripts of different groups have the same name.",
        ENTRY_POINTS, by=(Client.INSTALLER,)),
    _error("entry-points-bad-name", "A script's name has characters that PyPI does not allow.",
        ENTRY_POINTS, by=(Client.PIP, Client.PYPI)),
    _warning("entry-points-odd-value", "An entry point is not an object reference; installers accept it.", ENTRY_POINTS),
    _warning("entry-points-no-module", "The module of an entry point is not in the wheel, although its package is.",
        ENTRY_POINTS),
    _warning("entry-points-ambiguous", "Readers see different entry points.", ENTRY_POINTS),
    _warning("legacy-metadata-json", "There is a metadata.json, of a withdrawn format, that repeats METADATA.",
        WITHDRAWN, Fix.YES),
    _warning("sbom-unreadable", "A JSON file in sboms/ cannot be read.", SBOMS),
    _warning("sbom-stale-provenance", "The provenance of wheelfix does not match METADATA.", SBOMS),
    _warning("contents-bytecode",
        "The wheel contains compiled Python, or other files in __pycache__; installers compile it themselves.", FORMAT),
    _warning("contents-common-name", "A top-level directory has a name that many projects would write to.", FORMAT),
    _error("release-requires-python", "Wheels of one release differ in Requires-Python.", CORE, by=(Client.UV,)),
    _warning("release-disagrees", "Wheels of one release differ in requirements or extras; resolvers read one of them.",
        CORE),
)
# fmt: on

_BUILD_AGAIN: Final = "Build the wheel again with a current build backend"
BY_FIX: Final = {
    Fix.NO: f"{_BUILD_AGAIN}, or download it again if the file may be damaged.",
    Fix.YES: "Run `wheelfix repair`.",
    Fix.TRUSTED: (
        "RECORD or the file is wrong, and only you can say which. Download or build the wheel again; if you know that the "
        "file is right, run `wheelfix repair --trust-content`."
    ),
    Fix.REBUILT: (
        "Run `wheelfix repair --rebuild-archive`, which writes a new container if all readers agree on the contents and "
        "RECORD confirms them. Where it refuses, build the wheel again with a current build backend."
    ),
    Fix.SELECTED: "It may be intended. If it is not, run `wheelfix repair --select {code}`.",
    Fix.RENAMED: (
        "If dist-info alone is wrong, or METADATA or the file name lacks only the local version, run `wheelfix repair "
        "--rename-dist-info`. Otherwise set all of them with `wheelfix edit --name NAME --version VERSION`."
    ),
}
"""What to do about a code that is not in the table below."""
# fmt: off
_REMEDIES: Final = {
    "Download the wheel again, and look at what the server sends.": "archive-not-a-zip",
    "Download the wheel again.": "archive-empty-file",
    "Download the wheel again; the file is not complete.": "archive-truncated",
    "Do not install it until you know who made it: it may be a ZIP bomb.": "archive-too-large",
    "Nothing, if it is for your own index. PyPI does not accept it.": "archive-compression-ratio",
    "Do not install it until you know who made it.": "entry-points-unsafe-name",
    "Do not install it until you know who made it. Backslashes become slashes with `wheelfix repair --rebuild-archive`, "
    "if RECORD confirms the files.": "archive-unsafe-name",
    "Rename the file in the project, or build wheels for other platforms only.": "archive-windows-name",
    "Rename one of the two files in the project.": "archive-same-name-folded",
    "Check the path and its permissions, and run again.": "file-unreadable",
    "Build the wheel again, or rename the file to what its METADATA and its tags say.":
        "filename-malformed filename-bad-name filename-tag-digit filename-tag-case filename-bad-version "
        "filename-name-differs",
    "Nothing, if all your clients know variant wheels.": "filename-variant",
    "Rename the script in the project.":
        "data-reserved-name entry-points-reserved-name entry-points-bad-name",
    "Remove one of the two scripts from the project.": "data-script-twice data-script-wrapper",
    "Run `wheelfix repair`: WHEEL then says what the file name says, by which installers choose. If the file name is wrong, "
    "change both with the actions set-tag and set-build-tag.":
        "wheel-bad-tags wheel-tags-differ wheel-build-differs",
    "Nothing: no installer checks it.": "record-signature",
    "Fix the field in the project's configuration and build again, or set it with `wheelfix fix`.":
        "metadata-missing-field metadata-repeated-field metadata-bad-value metadata-bad-requires-python",
    "Nothing: tools accept it.": "metadata-license-file-early",
    "Remove the field, or ignore it.": "metadata-unknown-field",
    "Remove License; License-Expression replaces it.": "metadata-two-licenses",
    "Add the file to the wheel, or remove the field with `wheelfix fix`.": "metadata-license-missing",
    "Fix the requirement in the project's configuration and build again, or change it with `wheelfix fix`: a rule matches a "
    "malformed line by the name that it begins with, and its action replace writes one requirement for it, or a list.":
        "metadata-bad-requirement",
    "Fix the requirement in the project's configuration and build again, or change it with `wheelfix fix`.":
        "metadata-bad-marker metadata-variant-marker",
    "Write it so that all tools read it alike: with plain versions and names, and one comparison for each.":
        "metadata-marker-ambiguous",
    "Publish that project on your index, then use `wheelfix fix` to require it by name and version.":
        "metadata-local-path",
    "Remove one of the two with `wheelfix fix`, or leave it: it is harmless.":
        "metadata-repeated-requirement",
    "Remove one of the two, or leave it: it is harmless.": "metadata-repeated-extra",
    "Rename the extra in the project.": "metadata-bad-extra",
    "Nothing, if it is for your own index: only the project's page stays empty.": "metadata-no-description",
    "Set Description-Content-Type, for example to text/markdown, with `wheelfix fix`.":
        "metadata-no-content-type",
    "Fix the entry point in the project's configuration, and build the wheel again.":
        "entry-points-unreadable entry-points-refused entry-points-bad-value entry-points-odd-value "
        "entry-points-no-module entry-points-ambiguous",
    "Rename one of the two scripts in the project.": "entry-points-same-name",
    "Build the wheel again with a valid file, or without it.": "sbom-unreadable",
    "Fix the wheel again from its original, which the provenance names.": "sbom-stale-provenance",
    "Leave compiled files out of the wheel: exclude __pycache__ in the build configuration.":
        "contents-bytecode",
    "Leave the directory out of the wheel, or move it into the package.": "contents-common-name",
    "Fix all wheels of the release together, so that they agree.":
        "release-requires-python release-disagrees",
}
# fmt: on
"""What to do about which codes, where that is not what is usual for how a code is fixed."""
_BY_CODE: Final = {code: remedy for remedy, codes in _REMEDIES.items() for code in codes.split()}


def _complete(check: Check) -> Check:
    remedy = _BY_CODE.get(check.code) or BY_FIX[check.fix].format(code=check.code)
    return replace(check, remedy=remedy)


FAMILIES: Final = {
    "The archive": tuple(map(_complete, _ARCHIVE)),
    "Names, directories and the WHEEL file": tuple(map(_complete, _NAMES)),
    "RECORD": tuple(map(_complete, _RECORD)),
    "METADATA": tuple(map(_complete, _METADATA)),
    "Other files, and the wheels of one release": tuple(map(_complete, _COMPANIONS)),
}
CHECKS: Final = {each.code: each for family in FAMILIES.values() for each in family}
"""Every check by its code, in the order in which findings are reported."""
BY_ERROR: Final = {
    "no-dist-info": "dist-info-missing",
    "two-dist-infos": "dist-info-several",
    "no-metadata": "dist-info-no-metadata",
    "no-wheel": "dist-info-no-wheel",
    "no-record": "dist-info-no-record",
    "not-a-wheel-name": "filename-malformed",
    "ambiguous-metadata": "metadata-ambiguous",
    "too-many-fields": "metadata-too-many-fields",
    "too-many-rows": "record-too-many-rows",
    "unclosed-quote": "record-unclosed-quote",
    "bad-row": "record-bad-row",
    "bad-path": "file-unreadable",
    "is-a-directory": "file-unreadable",
    "not-a-file": "file-unreadable",
    "too-much-to-read": "archive-entry-too-large",
    "too-many-tags": "wheel-bad-tags",
}
"""The codes of errors of wheels as codes of checks; all others are of the archive, and get archive- in front."""
