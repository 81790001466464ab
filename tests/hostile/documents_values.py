"""Wrong values of the sorts that documents hold: URLs, hashes, versions, names, markers, times, paths, patterns."""

import re
from collections.abc import Mapping
from typing import Final

_NINES: Final = "9" * 5000
_PLACES_OF_URLS: Final = frozenset({"url", "index", "registry", "mirror", "upstream"})
_PLACES_OF_PATTERNS: Final = frozenset({"platforms", "match", "pattern", "tag", "python-tag"})
_PLACES_OF_PATHS: Final = frozenset({"store", "rules", "extends", "lock", "path", "output-dir"})
_PLACES_OF_REQUIREMENTS: Final = frozenset({"projects", "add", "replace", "expect", "requires-dist", "dependencies"})
_SHA256: Final = re.compile(r"(?:sha256:)?[0-9a-f]{64}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT.*")
_FILENAME: Final = re.compile(r"[\w.+-]+\.(?:whl|tar\.gz|zip)")
_VERSION: Final = re.compile(r"v?\d+(?:\.\d+)*(?:\+\w+)?")
_SPECIFIER: Final = re.compile(r"[<>=!~]=?.*")
_DURATION: Final = re.compile(r"\d+ ?(?:h|m|days?|weeks?)")


def sort_of(place: tuple[str | int, ...], value: str) -> str | None:
    """Return what sort of value is at ``place``, ``None`` where it is plain text."""
    key = next((each for each in reversed(place) if isinstance(each, str)), "")
    by_value = next((sort for sort, pattern in _BY_VALUE.items() if pattern.fullmatch(value)), None)
    if by_value or "://" in value or value.startswith("../../"):
        return by_value or "url"
    return next((sort for sort, keys in _BY_KEY.items() if key in keys), None)


def wrong_values(sort: str, value: str) -> Mapping[str, str]:
    """Return wrong values of a sort, each with its kind."""
    return {f"{sort}: {kind}": text.replace("@", value) for kind, text in _WRONG[sort].items()}


_BY_VALUE: Final = {
    "hash": _SHA256, "time": _TIME, "file name": _FILENAME, "version": _VERSION, "specifier": _SPECIFIER,
    "duration": _DURATION,
}  # fmt: skip
_BY_KEY: Final = {
    "url": _PLACES_OF_URLS, "pattern": _PLACES_OF_PATTERNS, "path": _PLACES_OF_PATHS,
    "requirement": _PLACES_OF_REQUIREMENTS, "name": frozenset({"name", "project", "id"}),
    "marker": frozenset({"marker", "markers", "set-marker", "and-marker", "resolution-markers"}),
}  # fmt: skip
_WRONG: Final[Mapping[str, Mapping[str, str]]] = {
    "url": {
        "file:": "file:///etc/passwd",
        "ftp:": "ftp://example.org/simple/",
        "javascript:": "javascript:alert(1)",
        "javascript: with a tab": "java\tscript:alert(1)",
        "data:": "data:text/html,x",
        "a scheme in capitals": "JAVASCRIPT:alert(1)",
        "credentials": "https://user:secret@example.org/simple/",
        "a name of a user": "https://user%40@example.org/",
        "no scheme": "//example.org/simple/",
        "no host": "https:///simple/",
        "upwards": "../../../../../../etc/passwd",
        "upwards, quoted": "../../files/%2e%2e/%2e%2e/%2e%2e/private/sync",
        "upwards, quoted slash": "../../files/..%2f..%2f..%2fprivate%2fsync",
        "upwards, quoted twice": "../../files/%252e%252e/x",
        "backslashes": "..\\..\\files\\x",
        "quoted backslashes": "../../files/..%5c..%5cx",
        "NUL": "../../files/demo/%00",
        "a bracket": "https://[::1/simple/",
        "a port too large": "https://example.org:99999/simple/",
        "a port of letters": "https://example.org:http/simple/",
        "a host beyond ASCII": "https://ex\u00e4mple.org/",
        "a host with a blank": "https://exa mple.org/",
        "a query and fragment": "@?token=secret#x",
        "a fragment with a hash": "@#sha256=0",
        "a bucket": "s3://bucket/prefix",
        "a bucket upwards": "s3://bucket/../other",
        "absolute": "/etc/passwd",
        "of this machine": "http://127.0.0.1:1/simple/",
        "long": "https://example.org/" + "a/" * 50_000,
    },
    "hash": {
        "too short": "0123",
        "empty behind its name": "sha256:",
        "too long": "@0",
        "capitals": "A" * 64,
        "no digits": "sha256:" + "g" * 64,
        "another algorithm": "md5:" + "0" * 32,
        "an unknown algorithm": "sha0:" + "0" * 40,
        "a path": "../../../../../../../../../../../../../../../../../../../../../x",
        "other digits": "\uff10" * 64,
        "a line break": "@\n",
    },
    "version": {
        "none": "not-a-version",
        "a star": "1.*",
        "digits without end": f"1.{_NINES}",
        "many parts": "1" + ".0" * 20_000,
        "other digits": "\u0661.\u0660",
        "upwards": "../1.0",
        "an epoch": "999999999999!1",
        "a line break": "1.0\n",
        "two locals": "1.0+a+b",
    },
    "name": {
        "upwards": "../../etc",
        "a slash": "demo/other",
        "absolute": "/demo",
        "dots": "..",
        "not normalized": "De.Mo__X",
        "dash at its end": "demo-",
        "of a device": "CON",
        "a quoted slash": "demo%2fother",
        "extras": "demo[x]",
        "a star": "*",
        "other letters": "d\u0435mo",
    },
    "file name": {
        "upwards": "../../../evil-1.0-py3-none-any.whl",
        "a slash": "sub/@",
        "a backslash": "sub\\@",
        "absolute": "/tmp/@",
        "NUL": "@\0.whl",
        "of another project": "other-1.0-py3-none-any.whl",
        "of another version": "demo-9.9-py3-none-any.whl",
        "no wheel": "demo.exe",
        "an ending in capitals": "demo-1.0-py3-none-any.WHL",
        "too few parts": "demo-1.0.whl",
        "too many parts": "demo-1.0-1-2-3-py3-none-any.whl",
        "no version": "demo-x-py3-none-any.whl",
        "many tags": "demo-1.0-" + ".".join(f"py{each}" for each in range(3000)) + "-none-any.whl",
        "too long": "demo-1.0-py3-none-" + "a" * 400 + ".whl",
        "a quote": 'demo-1.0-py3-none-any".whl',
        "a metadata file": "@.metadata",
        "hidden": ".@",
        "turned around": "demo-1.0-py3-none-any\u202elhw.whl",
    },
    "time": {
        "no zone": "2026-01-01T00:00:00",
        "another zone": "2026-01-01T00:00:00+14:00",
        "no such day": "2026-02-30T00:00:00Z",
        "year 0": "0000-01-01T00:00:00Z",
        "year 9999": "9999-12-31T23:59:59.999999Z",
        "year 10000": "10000-01-01T00:00:00Z",
        "a leap second": "2026-12-31T23:59:60Z",
        "nanoseconds": "2026-01-01T00:00:00.123456789Z",
        "a number": "1767225600",
        "words": "yesterday",
        "other digits": "\u0662\u0660\u0662\u0666-01-01T00:00:00Z",
    },
    "specifier": {
        "no operator": "3.9",
        "empty parts": ">=1,,<2",
        "unknown operator": "=>1",
        "digits without end": f">=1.{_NINES}",
        "many": ",".join(f"!={each}" for each in range(5000)),
        "arbitrary": "===anything goes",
        "a star too much": ">=1.*",
        "a name": "demo>=1",
        "never": ">1,<1",
    },
    "requirement": {
        "a URL": "demo @ file:///etc/passwd",
        "a repository": "demo @ git+https://example.org/x",
        "a path": "../demo",
        "digits without end": f"demo=={_NINES}",
        "a marker": 'demo; os_name == "nt"',
        "a marker of many brackets": f"demo; {'(' * 3000}os_name == 'a'{')' * 3000}",
        "an unknown variable": 'demo; os_nme == "nt"',
        "many specifiers": "demo " + ",".join(f"!={each}" for each in range(5000)),
        "many extras": f"demo[{','.join(f'e{each}' for each in range(5000))}]",
        "several": "demo other",
        "a comment": "demo # x",
        "an option": "--index-url https://example.org",
        "never": "demo>1,<1",
        "arbitrary": "demo===x y",
    },
    "marker": {
        "unknown variable": 'os_nme == "nt"',
        "never closed": '(os_name == "nt"',
        "many brackets": f"{'(' * 3000}os_name == 'a'{')' * 3000}",
        "many parts": " and ".join(['os_name == "nt"'] * 3000),
        "code": "__import__('os').system('x') == 'x'",
        "no operator": "os_name",
        "digits without end": f"python_version >= '3.{_NINES}'",
        "a quote": "os_name == '\"'",
    },
    "pattern": {
        "a star": "*",
        "many stars": "*a" * 2000 + "b",
        "many questions": "a?" * 2000,
        "a bracket": "[a",
        "a range turned": "[z-a]",
        "a regular expression": "(a+)+$",
        "nested brackets": "[" * 2000,
        "empty alternatives": "{,}",
        "a negation": "!demo",
        "a star and dots": "../*",
    },
    "path": {
        "upwards": "../" * 40 + "etc",
        "absolute": "/etc/passwd",
        "a device": "/dev/zero",
        "a directory": "/",
        "itself": ".",
        "home": "~/x",
        "NUL": "a\0b.toml",
        "a name too long": "a" * 300 + ".toml",
        "a path too long": "a/" * 3000 + "x.toml",
        "file:": "file:///etc",
        "of the web": "https://example.org/rules.toml",
        "a bucket": "s3://bucket/../x",
        "of Windows": "C:\\rules.toml",
        "a variable": "$HOME/x.toml",
        "missing": "missing.toml",
    },
    "duration": {
        "negative": "-1 days",
        "huge": f"{_NINES} days",
        "a thousand years": "400000 days",
        "months": "3 months",
        "no unit": "3",
        "a fraction": "1.5h",
        "infinite": "inf days",
        "not a number": "nan h",
        "other digits": "\u0663h",
        "an exponent": "1e9 h",
    },
}
"""Wrong values of each sort by their kinds; ``@`` is the right value."""
