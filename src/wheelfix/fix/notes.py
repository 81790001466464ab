"""What a person should read of a plan: what RECORD said that is not so, and what the wheel requires twice."""

from collections import Counter
from collections.abc import Collection, Iterator

from wheelfix.fix.plan import contradicted_files
from wheelfix.text import shown_few
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.requirement import meaning
from wheelfix.wheel.sbom import PROVENANCE
from wheelfix.wheel.wheel import Wheel


def notes_on_rows(wheel: Wheel, changed: Collection[str]) -> Iterator[str]:
    """Yield what RECORD says of dist-info that is not so, for a wheel whose files ``changed`` get new rows.

    :raises RecordError: if RECORD cannot be read.
    """
    path = f"{wheel.dist_info}/METADATA"
    if "METADATA" in changed and not wheel.record.find(path):
        yield "RECORD had no row for METADATA; the new one has."
    elif "METADATA" in changed and not wheel.record.agrees(path, wheel.document.data):
        yield "The row of METADATA in RECORD was not in the form that tools compare; now it is."
    written = {PROVENANCE, *changed}
    contradicted = [file for file in contradicted_files(wheel) if file not in written]
    if contradicted:
        yield (
            f"RECORD contradicts {shown_few(contradicted)} in dist-info, which is copied as it is and may be damaged: "
            "`wheelfix verify` says what differs."
        )


def notes_on_duplicates(old: Document, new: Document) -> Iterator[str]:
    """Yield a note on the requirements that ``new`` has more often than ``old``."""
    before, after = (Counter(meaning(each.value.strip()) for each in document.all(REQUIRES)) for document in (old, new))
    texts = {meaning(text): text for each in new.all(REQUIRES) if (text := each.value.strip())}
    more = [text for key, text in texts.items() if after[key] > max(1, before[key])]
    if more:
        yield f"Duplicate requirement after these changes: {shown_few(more)}. It is harmless; a rule can drop one of them."
