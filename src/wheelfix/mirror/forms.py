"""The forms in which an index serves the page of a project, JSON and HTML, side by side."""

from collections.abc import Iterator, Mapping
from typing import Final

from wheelfix.escaping import shown, shown_few
from wheelfix.mirror.findings import Finding
from wheelfix.mirror.siblings import unyanked_originals
from wheelfix.upstream.client import HTML, JSON, Answer, sha256_of
from wheelfix.upstream.urls import shown_url

_LONGEST_FRESH: Final = 3600
_RIGHT: Final = {"json": (JSON,), "html": HTML}


def look_at_forms(forms: Mapping[str, Answer]) -> Iterator[Finding]:
    """Yield what is wrong with how a page is served, and where its forms contradict each other."""
    for answer in forms.values():
        right = _RIGHT[answer.form]
        if answer.content_type not in right:
            message = f"its Content-Type is {shown(answer.content_type) or 'missing'}, not {right[0]}"
            yield Finding("content-type-wrong", shown_url(answer.url), message)
        yield from _look_at_cache(answer)
    json, html = forms.get("json"), forms.get("html")
    if json is not None and html is not None:
        one, two = (_by_name(answer) for answer in (json, html))
        differing = sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))
        if differing:
            yield Finding("html-differs", shown_url(html.url), f"JSON says otherwise of {shown_few(differing)}")


def look_at_originals(project: str, answer: Answer) -> Iterator[Finding]:
    """Yield the originals of corrected wheels that are listed as if nothing were wrong with them."""
    listed = ((each.filename, sha256_of(each) or "") for each in answer.wheels if not each.is_yanked)
    yield from unyanked_originals(project, listed, set(_originals(answer.raw)))


def _originals(raw: object) -> Iterator[tuple[str, str]]:
    """Yield file name and sha256 of the originals that a JSON page of wheelfix tells of; others may have anything there."""
    files = raw.get("files") if isinstance(raw, dict) else None
    for file in files if isinstance(files, list) else ():
        ours = file.get("_wheelfix") if isinstance(file, dict) else None
        origin = ours.get("original") if isinstance(ours, dict) else None
        if isinstance(origin, dict):
            yield str(origin.get("filename")), str(origin.get("sha256")).lower()


def _by_name(answer: Answer) -> dict[str, tuple[object, ...]]:
    return {
        each.filename: (sha256_of(each), each.is_yanked, each.requires_python, bool(each.has_metadata))
        for each in answer.page.packages
    }


def _look_at_cache(answer: Answer) -> Iterator[Finding]:
    said = {part.strip().partition("=")[0].lower(): part.partition("=")[2] for part in answer.cache_control.split(",")}
    age = said.get("max-age", "")
    if not answer.cache_control:
        yield Finding("cache-unset", shown_url(answer.url), "it has no Cache-Control")
    elif "immutable" in said or (age.isdecimal() and float(age) > _LONGEST_FRESH):
        yield Finding("cache-too-long", shown_url(answer.url), f"its Cache-Control is {shown(answer.cache_control)}")
