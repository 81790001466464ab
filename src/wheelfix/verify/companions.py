"""What is wrong with the other files of dist-info: metadata.json, licenses, SBOMs, our own provenance."""

from collections.abc import Iterator
from typing import Final

from wheelfix.text import shown, shown_few
from wheelfix.verify.metadata import LICENSE_FILE, has_license_files, missing_licenses
from wheelfix.verify.subject import RawFinding, Subject
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.edits import RemoveFile
from wheelfix.wheel.requirement import meaning
from wheelfix.wheel.sbom import PROVENANCE, TooManyContainers, read_json, read_provenance
from wheelfix.wheel.wheel import limit_of

_MOST_SBOM: Final = 1 << 25
"""How much of SBOMs is read, in bytes: they are parsed whole."""
_LEGACY: Final = "metadata.json"


def check_companions(subject: Subject) -> Iterator[RawFinding]:
    """Yield the findings on the files beside METADATA."""
    if _LEGACY in subject.dist_info_files:
        message = "it repeats METADATA in a withdrawn format (PEP 426); readers of it may see other requirements"
        yield RawFinding("legacy-metadata-json", _LEGACY, message, (RemoveFile(_LEGACY),))
    yield from _check_licenses(subject)
    yield from _check_sboms(subject)


def _check_licenses(subject: Subject) -> Iterator[RawFinding]:
    document = subject.document
    if document is not None and has_license_files(document):
        for name in missing_licenses(document, subject.dist_info_files):
            message = "licenses/ has no such file; PyPI refuses the wheel"
            yield RawFinding("metadata-license-missing", f"{LICENSE_FILE}: {shown(name)}", message)


def _check_sboms(subject: Subject) -> Iterator[RawFinding]:
    left = _MOST_SBOM
    for file in sorted(file for file in subject.dist_info_files if file.startswith("sboms/") and file.endswith(".json")):
        size = subject.size_of(f"{subject.dist_info}/{file}")
        if size > min(left, limit_of(file)):
            yield RawFinding("sbom-unreadable", shown(file), f"it has {size} bytes, more than any real one; it is not read")
            continue
        left -= size
        data = subject.read(file)
        if data is None:
            continue
        try:
            read_json(data)
        except TooManyContainers as error:
            yield RawFinding("sbom-unreadable", shown(file), f"{error}; it is not read")
            continue
        except (ValueError, RecursionError) as error:
            yield RawFinding("sbom-unreadable", shown(file), f"it is not valid JSON: {shown(str(error))[:200]}")
            continue
        if file == PROVENANCE:
            yield from _check_trace(subject, data)


def _check_trace(subject: Subject, data: bytes) -> Iterator[RawFinding]:
    """Compare what the provenance says of requirements with those that are there; the last word on each counts."""
    provenance = read_provenance(data)
    if provenance is None:
        yield RawFinding("sbom-stale-provenance", PROVENANCE, "it is not in the form that wheelfix writes")
        return
    if subject.document is None:
        return
    present = {meaning(each.value.strip()) for each in subject.document.all(REQUIRES)}
    removed, present_after = dict[object, str](), dict[object, str]()
    for change in provenance.changes:
        if change.field != REQUIRES:
            continue
        if change.before is not None and change.before != change.after:
            present_after.pop(meaning(change.before), None)
            removed[meaning(change.before)] = change.before
        if change.after is not None:
            removed.pop(meaning(change.after), None)
            present_after[meaning(change.after)] = change.after
    wrong = [text for key, text in removed.items() if key in present] + [
        text for key, text in present_after.items() if key not in present
    ]
    if wrong:
        yield RawFinding(
            "sbom-stale-provenance", PROVENANCE, f"METADATA has changed since it was written: {shown_few(wrong)}"
        )
