"""The table of checks: every code, how bad it is, what it means, and whether it can be mended.

The reference page of the documentation is made from it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wheelfix.outcome import Severity

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
WITHDRAWN: Final = "https://peps.python.org/pep-0426/"


class Mend(StrEnum):
    """Whether ``repair`` mends a fault."""

    NO = "no"
    YES = "yes"
    TRUSTED = "with --trust-content"
    """It may mean damage: which of RECORD and content is right, only a person can say."""
    ASKED = "if selected"
    """It may be meant so."""


class Client(StrEnum):
    """Who can refuse a wheel. What one of them refuses today is an error, all else is a warning."""

    PIP = "pip"
    UV = "uv"
    INSTALLER = "installer"
    """The library of this name, by which Poetry and PDM install."""
    PYPI = "PyPI"
    """Its check of an upload."""


EVERYONE: Final = tuple(Client)


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table: ``sentence`` says what is wrong, ``specification`` is the page that says so.

    ``refused_by`` names who refuses such a wheel, in one form of the finding at least; tests run each of them.
    """

    code: str
    severity: Severity
    sentence: str
    specification: str
    mend: Mend = Mend.NO
    refused_by: tuple[Client, ...] = ()


def _error(code: str, sentence: str, specification: str, mend: Mend = Mend.NO, *, by: tuple[Client, ...] = ()) -> Check:
    return Check(code, Severity.ERROR, sentence, specification, mend, by)


def _warning(code: str, sentence: str, specification: str, mend: Mend = Mend.NO) -> Check:
    return Check(code, Severity.WARNING, sentence, specification, mend)


def _note(code: str, sentence: str, specification: str, mend: Mend = Mend.NO) -> Check:
    return Check(code, Severity.NOTE, sentence, specification, mend)


_ARCHIVE: Final = (
    _error("archive-not-a-zip", "The file is no ZIP archive: often an error page saved under the wheel's name.", APPNOTE),
    _error("archive-empty-file", "The file is empty.", APPNOTE),
    _error("archive-truncated", "The archive is cut off.", APPNOTE),
    _error("archive-empty-archive", "The archive holds no members.", APPNOTE),
    _error("archive-leading-bytes", "Bytes stand before the archive, or between directory and end.", APPNOTE),
    _error("archive-trailing-bytes", "Bytes stand after the end of the archive.", APPNOTE),
    _error("archive-second-end-record", "The archive comment holds a second end: readers could choose either.", APPNOTE),
    _error("archive-bad-end-record", "The end of the archive is damaged, or contradicts its ZIP64 form.", APPNOTE),
    _error("archive-many-disks", "The archive claims to be one of several disks.", APPNOTE),
    _error("archive-too-many-members", "The archive claims more members than any real one.", APPNOTE),
    _error("archive-bad-directory", "The directory does not hold the members that it announces.", APPNOTE),
    _error("archive-bad-local-header", "A member has no local header where the directory says that it begins.", APPNOTE),
    _error("archive-local-header-differs", "A local header contradicts the directory.", APPNOTE),
    _error("archive-bad-data-descriptor", "A data descriptor contradicts the directory, or is ambiguous.", APPNOTE),
    _error("archive-bad-extra-field", "An extra field runs past its end, or stands twice.", APPNOTE),
    _error("archive-bad-zip64-field", "A ZIP64 field does not hold what is called for.", APPNOTE),
    _error("archive-bad-member-name", "A member has no name, or one that readers take differently.", APPNOTE),
    _error("archive-duplicate-member", "Two members have one name, or one that some readers take for the same.", APPNOTE),
    _error("archive-gap", "Bytes between members belong to none of them.", APPNOTE),
    _error("archive-overlap", "A member runs into another.", APPNOTE),
    _error("archive-encrypted-member", "A member is encrypted.", APPNOTE),
    _error("archive-patched-member", "A member is compressed patched data.", APPNOTE),
    _error("archive-member-too-large", "A member that must be read is larger than any real one.", APPNOTE),
    _error("archive-too-large", "The members claim a size out of all proportion; they are not read.", APPNOTE),
    _error("archive-too-many-folders", "The members lie in more folders than those of any real wheel.", APPNOTE),
    _error("archive-damaged-member", "A member cannot be inflated, or does not match its size or CRC-32.", APPNOTE),
    _error("archive-unknown-compression", "A member is neither stored nor deflated; installers do not read it.", FORMAT),
    _error("archive-newer-version", "A member asks for a reader newer than any there is; zipfile refuses it.", APPNOTE),
    _error(
        "archive-unsafe-name", "A member's name leads out of the folder, is for Windows only, or hides what it is.", FORMAT
    ),
    _error("archive-file-as-folder", "A member is a file, and another one lies below it.", FORMAT),
    _warning("archive-same-name-folded", "Two names are one on systems that ignore case or Unicode forms.", FORMAT),
    _warning("archive-windows-name", "Windows cannot hold a file of this name.", WINDOWS),
    _warning("archive-odd-mode", "A member is a link or a device, or has set-user-id bits; installers ignore that.", FORMAT),
    _warning("archive-bad-time", "A member's date or time does not exist; some readers fail on it.", APPNOTE),
    _warning("archive-needless-zip64", "A small member has ZIP64 fields; some readers refuse them.", APPNOTE),
)
_NAMES: Final = (
    _error("file-unreadable", "The file cannot be read, or is none.", FORMAT),
    _error("filename-malformed", "The file name is not PROJECT-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl.", FORMAT),
    _error("filename-bad-version", "The version in the file name is none; installers pass such a wheel over.", VERSIONS),
    _error("filename-name-differs", "METADATA says another Name than the file name.", FORMAT),
    _error("filename-version-differs", "METADATA says another Version than the file name.", FORMAT),
    _error("dist-info-missing", "There is no dist-info folder at the top.", FORMAT),
    _error("dist-info-several", "There is more than one dist-info folder at the top.", FORMAT),
    _error("dist-info-no-metadata", "There is no METADATA.", FORMAT),
    _error("dist-info-no-wheel", "There is no WHEEL.", FORMAT),
    _error("dist-info-no-record", "There is no RECORD.", FORMAT),
    _error("dist-info-name-differs", "The dist-info folder is named for another project or version.", FORMAT),
    _warning("dist-info-installer-file", "A file is there that only an installer writes.", RECORD),
    _warning(
        "data-name-differs",
        "A .data folder is not that of dist-info: pip takes it for one, others install it as it is.",
        FORMAT,
    ),
    _error("data-unknown-scheme", "What lies in a .data folder is for no place that installers know.", FORMAT),
    _error("wheel-not-utf8", "WHEEL is not UTF-8; installers refuse it.", FORMAT),
    _error("wheel-no-version", "WHEEL has no Wheel-Version that can be read.", FORMAT),
    _error("wheel-newer-version", "WHEEL says another format than 1.x; installers refuse it.", FORMAT),
    _error("wheel-no-root", "WHEEL does not say whether Root-Is-Purelib.", FORMAT),
    _error("wheel-bad-tags", "The tags in WHEEL cannot be read.", FORMAT),
    _warning("wheel-tags-differ", "The tags in WHEEL are not those of the file name.", FORMAT),
    _warning("wheel-build-differs", "WHEEL says another Build than the file name.", FORMAT),
    _warning("wheel-ambiguous", "WHEEL can be read in two ways.", FORMAT),
)
_RECORD: Final = (
    _error("record-unclosed-quote", "A quoted path in RECORD is never closed.", RECORD),
    _error("record-too-many-rows", "RECORD is longer than any real one.", RECORD),
    _error("record-bad-row", "A row has not three columns.", RECORD),
    _error("record-empty-row", "A line of RECORD is empty; installers fail on it.", RECORD, Mend.YES),
    _error("record-unquoted-path", "A path with a comma is not quoted.", RECORD, Mend.YES),
    _error("record-missing-row", "A member has no row.", RECORD, Mend.YES),
    _error("record-no-such-file", "A row names a file that is not there.", RECORD, Mend.YES),
    _error("record-wrong-hash", "A member is not what its row says: its hash differs.", RECORD, Mend.TRUSTED),
    _error("record-wrong-size", "A member's size is not what its row says.", RECORD, Mend.TRUSTED),
    _error("record-no-hash", "A row has no hash.", RECORD, Mend.YES),
    _warning("record-no-size", "A row has no size.", RECORD, Mend.YES),
    _error("record-weak-hash", "A row has a hash weaker than sha256.", FORMAT, Mend.YES),
    _error("record-unknown-hash", "A row has a hash that not every installer can compare.", FORMAT, Mend.TRUSTED),
    _error(
        "record-hex-hash", "A hash is right, and in hexadecimal; tools that compare it refuse the wheel.", FORMAT, Mend.YES
    ),
    _warning("record-hash-spelling", "A hash is right, and not in urlsafe base64 without padding.", FORMAT, Mend.YES),
    _warning("record-duplicate-row", "A file has more than one row.", RECORD, Mend.YES),
    _error("record-contradicting-rows", "A file has rows that contradict each other.", RECORD, Mend.TRUSTED),
    _warning("record-directory-row", "A row names a folder.", RECORD, Mend.YES),
    _error("record-absolute-path", "A row has an absolute path.", RECORD, Mend.YES),
    _error("record-backslash", "A row has a path with backslashes.", RECORD, Mend.YES),
    _warning("record-path-spelling", "A row has a path with needless parts.", RECORD, Mend.YES),
    _warning("record-own-row-missing", "RECORD does not list itself.", RECORD, Mend.YES),
    _error("record-own-row-hash", "The row of RECORD itself has a hash or a size, which cannot be right.", RECORD, Mend.YES),
    _warning("record-signature-row", "A row lists a signature of RECORD, which cannot be listed.", FORMAT, Mend.YES),
    _warning("record-not-utf8", "A row is not UTF-8.", RECORD),
    _warning("record-signature", "There is a signature of RECORD, a form that PEP 815 deprecates.", SIGNATURES),
    _error("record-void-signature", "RECORD.jws signs another RECORD.", SIGNATURES, Mend.YES),
)
_METADATA: Final = (
    _error("metadata-hidden-fields", "Line ends hide fields from some readers.", CORE, Mend.YES),
    _error("metadata-ambiguous", "Readers see different fields.", CORE),
    _error("metadata-too-many-fields", "METADATA has a header longer than any real one.", CORE),
    _error("metadata-missing-field", "A required field is missing.", CORE),
    _error("metadata-repeated-field", "A field that may stand once stands more often.", CORE),
    _error("metadata-bad-name", "Name is no name of a project.", CORE),
    _error("metadata-bad-version", "Version is none.", VERSIONS),
    _warning("metadata-unknown-version", "There is no such Metadata-Version.", CORE, Mend.YES),
    _warning("metadata-field-too-new", "A field came with a later Metadata-Version.", CORE, Mend.YES),
    _note(
        "metadata-license-file-early", "License-File is there before Metadata-Version 2.4, as setuptools wrote it.", LICENSES
    ),
    _warning("metadata-unknown-field", "The specification has no such field.", CORE),
    _error("metadata-not-utf8", "METADATA is not UTF-8; pip refuses it.", CORE),
    _warning("metadata-bad-value", "A value is not what the specification allows.", CORE),
    _warning("metadata-two-licenses", "License and License-Expression exclude each other.", LICENSES),
    _error("metadata-license-missing", "License-File names a file that is not in licenses/.", LICENSES),
    _error("metadata-bad-requirement", "A requirement cannot be read.", DEPENDENCY),
    _error("metadata-bad-marker", "A requirement's marker cannot be read, or asks for what is not known of it.", DEPENDENCY),
    _error(
        "metadata-odd-blanks",
        "A requirement has a line break, or a blank that is neither space nor tab.",
        DEPENDENCY,
        Mend.YES,
    ),
    _error("metadata-legacy-requirement", "A specifier is malformed in a way that can be mended.", VERSIONS, Mend.YES),
    _error("metadata-bad-requires-python", "Requires-Python cannot be read.", VERSIONS),
    _error("metadata-legacy-requires-python", "Requires-Python is malformed and can be mended.", VERSIONS, Mend.YES),
    _warning("metadata-repeated-requirement", "A requirement stands twice.", CORE),
    _warning("metadata-repeated-extra", "An extra is declared twice.", CORE),
    _warning("metadata-bad-extra", "Provides-Extra is no name of an extra.", CORE),
    _warning("metadata-undeclared-extra", "A marker asks for an extra that is not provided.", CORE, Mend.YES),
    _warning("metadata-empty-extra", "An extra calls for nothing.", CORE, Mend.ASKED),
    _warning("metadata-no-description", "There is no description.", CORE),
    _warning("metadata-no-content-type", "The description's type is not told.", CORE),
)
_COMPANIONS: Final = (
    _error("entry-points-unreadable", "entry_points.txt cannot be read.", ENTRY_POINTS),
    _error("entry-points-refused", "A line of entry_points.txt is no entry point to pip, which then fails.", ENTRY_POINTS),
    _error("entry-points-bad-value", "An entry point is no reference to an object.", ENTRY_POINTS),
    _error("entry-points-unsafe-name", "A script's name leads out of the folder of scripts.", ENTRY_POINTS),
    _warning("entry-points-ambiguous", "Readers see different entry points.", ENTRY_POINTS),
    _warning("legacy-metadata-json", "metadata.json, of a withdrawn format, repeats METADATA.", WITHDRAWN, Mend.YES),
    _warning("sbom-unreadable", "A JSON file in sboms/ cannot be read.", SBOMS),
    _warning("sbom-stale-trace", "The trace of wheelfix does not fit METADATA.", SBOMS),
    _warning("contents-bytecode", "Compiled Python is in the wheel; installers compile for themselves.", FORMAT),
    _warning("contents-common-name", "A folder at the top has a name that many projects would write to.", FORMAT),
    _warning("siblings-disagree", "Wheels of one release require different things; lockers read one of them.", CORE),
)
CHECKS: Final = {check.code: check for check in (*_ARCHIVE, *_NAMES, *_RECORD, *_METADATA, *_COMPANIONS)}
"""Every check by its code, in the order in which faults are told."""
