"""Whether a page can list a wheel: what it lists already decides."""

from dataclasses import dataclass, replace
from typing import Final

from wheelfix.errors import MirrorError
from wheelfix.escaping import shown
from wheelfix.mirror.model import ListedFile, Page
from wheelfix.mirror.publication import Published
from wheelfix.mirror.terms import Terms
from wheelfix.mirror.upstream import UpstreamFile, inherited, notes_on, taken_over

SAME_NAME: Final = "The original has the same name, so that it cannot be listed too; --build-tag tells them apart."


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the page is to say of a wheel, what that makes of it, and what a person should know."""

    file: ListedFile
    status: Published
    notes: tuple[str, ...] = ()


def accept(page: Page, new: ListedFile, terms: Terms, upstream: UpstreamFile | None = None) -> Acceptance:
    """Return how ``page`` can list ``new`` on ``terms``; ``upstream`` is what the index says that it was taken from.

    :raises MirrorError: if it serves the same wheel with other bytes, or in another spelling, and is not to serve it so.
    """
    accepted = _accept(page, new, terms)
    if upstream is None:
        return accepted
    file = taken_over(accepted.file, upstream)
    notes = () if accepted.status is Published.UNCHANGED else notes_on(file, upstream)
    return replace(accepted, file=file, notes=(*accepted.notes, *notes))


def _accept(page: Page, new: ListedFile, terms: Terms) -> Acceptance:
    old = page.find_same(new)
    if old is None:
        return Acceptance(replace(inherited(page, new), checked_by=terms.rules), Published.ADDED)
    if old.filename != new.filename:
        raise _spelled_otherwise(old, new)
    stays = (
        () if old.yanked is None else (f"It is yanked, and stays so: `wheelfix mirror unyank` lists {new.filename} again.",)
    )
    if old.sha256 == new.sha256:
        checked_by = old.checked_by if terms.rules is None else terms.rules
        same = replace(
            old, url=new.url, size=new.size, requires_python=new.requires_python, metadata_sha256=new.metadata_sha256,
            origin=new.origin, checked_by=checked_by,
        )  # fmt: skip
        return Acceptance(same, Published.UNCHANGED, stays)
    if old.origin is not None and old.origin.sha256 == new.sha256:
        raise _original_of(old)
    if not terms.replace:
        raise _name_taken(old)
    file = replace(inherited(page, new), checked_by=terms.rules)
    if old.yanked is not None or old.yanked_by is not None:
        file = replace(file, yanked=old.yanked, yanked_by=old.yanked_by)
    return Acceptance(file, Published.REPLACED, (*_what_caches_hold(page, old), *stays))


def _what_caches_hold(page: Page, old: ListedFile) -> tuple[str, ...]:
    project = page.project
    return (
        f"The bytes that were served before stay at their address, for locks that name them: {page.place(old)}.",
        f"Clients may have cached what the name stood for. Clear it with `uv cache clean {project}`, `poetry cache "
        f"clear SOURCE --all -n`, `pdm cache clear`; then lock again, in uv with `--upgrade-package {project}`.",
    )


def _name_taken(old: ListedFile) -> MirrorError:
    return MirrorError(
        "name-taken",
        f"the mirror serves {shown(old.filename)} with other bytes, sha256 {old.sha256}, since {shown(old.upload_time)}",
        hint="Serve these in place of those with --replace, or give the wheel a name of its own when it is corrected: "
        "`wheelfix strip-gpu` and `fix` take --build-tag and --local.",
    )


def _original_of(old: ListedFile) -> MirrorError:
    return MirrorError(
        "is-the-original",
        f"the mirror serves {shown(old.filename)} corrected, and this is the original that it was made from",
        hint="There is nothing to do. To list it too, yanked, correct it with a name of its own: `wheelfix strip-gpu "
        "--publish MIRROR --build-tag 1nogpu --yank-original REASON`. To go back to it, remove the corrected one first.",
    )


def _spelled_otherwise(old: ListedFile, new: ListedFile) -> MirrorError:
    return MirrorError(
        "name-taken",
        f"the mirror serves {shown(old.filename)}, which is the same wheel to installers",
        hint=f"Remove that one first, if {shown(new.filename)} is to be served in its place.",
    )
