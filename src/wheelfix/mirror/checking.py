"""A mirror is checked, and mended where that is asked for."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from wheelfix.mirror.findings import MIRROR_CHECKS, Survey
from wheelfix.mirror.folder import Folder
from wheelfix.mirror.inspecting import survey_folder
from wheelfix.mirror.mending import mend_folder, settle_folder
from wheelfix.options import listed
from wheelfix.upstream.urls import missing_extra
from wheelfix.verify.found import Choice


def check_mirror(
    mirror: Path | str,
    *,
    quick: bool = False,
    fix: bool = False,
    select: Iterable[str] | str = (),
    ignore: Iterable[str] | str = (),
    timeout: float = 600,
    on_project: Callable[[str], None] | None = None,
) -> Survey:
    """Return what is wrong in the mirror in the folder ``mirror``: its pages, files, sidecars, and what belongs to none.

    Every wheel is read and verified; if ``quick`` only sizes and sidecars are looked at. With ``fix`` what can be made anew
    is, what belongs to nothing is removed, and what is returned was found afterwards. With ``select`` only codes that begin
    with one of its texts are told and mended, with ``ignore`` none of those. ``timeout``, in seconds, is how long to wait
    for another process that writes to the same project. ``on_project`` is called as each project is done.

    :raises MirrorError: if the folder is no mirror, or cannot be mended.
    :raises ValueError: if a text of ``select`` or ``ignore`` begins no code.
    """
    folder, choice = Folder(Path(mirror)), Choice.of(MIRROR_CHECKS, select, ignore)
    survey = survey_folder(folder, quick=quick, on_project=on_project).chosen(choice)
    if fix and choice.includes("unlisted"):
        settle_folder(folder, timeout)
    if not fix or not any(each.mendable for each in survey.findings):
        return survey
    mend_folder(folder, survey.findings, timeout)
    after = survey_folder(folder, quick=quick, on_project=on_project).chosen(choice)
    return replace(after, mended=tuple(each for each in survey.findings if each.mendable and each not in after.findings))


def check_index(
    url: str,
    projects: Iterable[str] | str = (),
    *,
    download: str = "some",
    select: Iterable[str] | str = (),
    ignore: Iterable[str] | str = (),
    timeout: float = 30,
    seconds: float = 3600,
    most_requests: int = 10_000,
    on_project: Callable[[str], None] | None = None,
) -> Survey:
    """Return what is wrong with an index, ours or any other, as its clients see it: ``projects``, or all of them.

    ``url`` is that of the index, mostly ``.../simple/``. ``download`` tells which wheels are loaded whole to compare their
    sha256: none, some (the smallest one of each project) or all. ``select`` and ``ignore`` are those of
    :func:`check_mirror`. ``timeout`` is for each answer, ``seconds`` for all. Credentials come from a netrc file or keyring.

    Where a server falls silent or a bound is reached, what was found so far is returned, with ``not-looked-at``.

    :raises MirrorError: if ``url`` is no index, or does not answer at all.
    :raises ValueError: if there is no such ``download``, or a text of ``select`` or ``ignore`` begins no code.
    """
    if download not in ("none", "some", "all"):
        raise ValueError(f"download must be none, some or all, not {download!r}")
    try:
        from wheelfix.mirror.probing import survey_url  # imported late: it needs what only the extra "index" installs
        from wheelfix.upstream.http import Web
    except ImportError as error:
        raise missing_extra(error) from error
    choice = Choice.of(MIRROR_CHECKS, select, ignore)
    web = Web(timeout=timeout, seconds=seconds, most=most_requests)
    return survey_url(web, url, listed(projects), download=download, on_project=on_project).chosen(choice)
