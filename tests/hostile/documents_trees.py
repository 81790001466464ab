"""Valid documents of every sort, with each key that it can have: what the damaged ones are made of."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_TESTS: Final = Path(__file__).parents[1]
_ONE, _TWO, _THREE = "a1" * 32, "b2" * 32, "c3" * 32
_TIME: Final = "2026-01-01T00:00:00.000000Z"
WHEEL: Final = "demo-1.0-py3-none-any.whl"
SDIST: Final = "demo-1.0.tar.gz"

MANIFEST: Final[Mapping[str, Any]] = {
    "schema": 1,
    "mirror": {
        "store": "wheels",
        "rules": ["gpu"],
        "on-rules-change": "report",
        "dependencies": False,
        "keep": 3,
        "prune-after": "30 days",
        "min-age": "36h",
        "sdists": "never",
        "platforms": ["manylinux*_x86_64", "macosx*_arm64"],
        "pythons": ["3.11", "3.12"],
        "skip-gpu-builds": True,
        "skip-unproven": False,
        "scan": "auto",
        "repair": True,
    },
    "source": [
        {
            "name": "main",
            "index": "https://packages.example.org/simple/",
            "projects": ["torch>=2.6", "torchvision"],
            "family": True,
            "local": "strip",
            "keep": 2,
            "min-age": "3 days",
            "sdists": "all",
            "platforms": ["win_amd64"],
            "pythons": ["3.12"],
        },
        {"index": "https://wheels.example.org/simple/", "lock": ["uv.lock"]},
    ],
}
SETTINGS: Final[Mapping[str, Any]] = {
    "schema": 1,
    "extends": ["gpu"],
    "options": {
        "jobs": 2,
        "quiet": False,
        "output-dir": "fixed",
        "verify": {"ignore": ["record-hash"], "select": ["record"]},
        "mirror": {"check": {"max-time": 60}, "index": "https://packages.example.org/simple/"},
    },
    "rule": [{"id": "drop-x", "reason": "no need", "match": {"name": "x"}, "action": "drop"}],
}
_FILE: Final[Mapping[str, Any]] = {
    "filename": WHEEL,
    "url": f"../../files/demo/{_ONE[:16]}/{WHEEL}",
    "hashes": {"sha256": _ONE},
    "size": 1234,
    "upload-time": _TIME,
    "yanked": "broken",
    "requires-python": ">=3.9",
    "core-metadata": {"sha256": _TWO},
    "_wheelfix": {
        "original": {"filename": WHEEL, "sha256": _THREE},
        "tool": "0.1.0",
        "rules-sha256": _TWO,
        "corrections": [
            {
                "rule": "gpu/triton",
                "reason": "only a GPU needs it",
                "verdict": "safe",
                "evidence": "no binary links to it",
                "changes": [{"action": "drop", "field": "Requires-Dist", "before": "triton"}],
            }
        ],
        "more-changes": 1,
        "fixed-here": True,
    },
    "_wheelfix-rules": _TWO,
    "_wheelfix-added": _TIME,
    "_wheelfix-upstream": "https://packages.example.org/simple/",
    "_wheelfix-upstream-time": _TIME,
    "_wheelfix-yanked-by": "upstream",
    "_wheelfix-source": "main",
    "_wheelfix-yanked-at": _TIME,
    "_wheelfix-upstream-sha256": _THREE,
    "provenance": None,
}
PAGE: Final[Mapping[str, Any]] = {
    "meta": {"api-version": "1.4"},
    "name": "demo",
    "versions": ["1.0"],
    "files": [
        _FILE,
        {
            "filename": SDIST,
            "url": f"../../files/demo/{_TWO[:16]}/{SDIST}",
            "hashes": {"sha256": _TWO},
            "size": 5,
            "upload-time": _TIME,
            "yanked": False,
        },
    ],
    "_wheelfix-past": [{**_FILE, "filename": "demo-0.9-py3-none-any.whl", "_wheelfix": None}],
    "_wheelfix-status-from": "https://packages.example.org/simple/",
    "project-status": {"status": "archived", "reason": "done"},
}
"""A page of a mirror."""
del PAGE["_wheelfix-past"][0]["_wheelfix"]
ROOT_PAGE: Final[Mapping[str, Any]] = {"meta": {"api-version": "1.4"}, "projects": [{"name": "demo"}, {"name": "other"}]}
SNAPSHOT: Final[Mapping[str, Any]] = {
    "version": 1,
    "command": "mirror list",
    "mirror": "/srv/wheels",
    "projects": [
        {
            "name": "demo",
            "status": {"status": "archived", "reason": "done"},
            "files": [
                {
                    "filename": WHEEL,
                    "url": f"../../files/demo/{_ONE[:16]}/{WHEEL}",
                    "sha256": _ONE,
                    "size": 1234,
                    "upload_time": _TIME,
                    "added": _TIME,
                    "upstream": "https://packages.example.org/simple/",
                    "upstream_time": _TIME,
                    "requires_python": ">=3.9",
                    "metadata_sha256": _TWO,
                    "yanked": "broken",
                    "yanked_by": "upstream",
                    "yanked_at": _TIME,
                    "source": "main",
                    "rules": _TWO,
                    "original": {"filename": WHEEL, "sha256": _THREE, "rules": _TWO},
                }
            ],
        }
    ],
}
UPSTREAM: Final[Mapping[str, Any]] = {
    "meta": {"api-version": "1.4"},
    "name": "demo",
    "versions": ["1.0"],
    "files": [
        {
            "filename": WHEEL,
            "url": f"https://files.example.org/demo/{WHEEL}",
            "hashes": {"sha256": _ONE},
            "size": 1234,
            "upload-time": _TIME,
            "yanked": "broken",
            "requires-python": ">=3.9",
            "core-metadata": {"sha256": _TWO},
            "provenance": "https://files.example.org/demo/provenance",
        },
        {"filename": SDIST, "url": f"../../files/{SDIST}", "hashes": {"sha256": _TWO}, "yanked": False},
    ],
    "project-status": {"status": "active"},
}
"""A page of an index."""
UPSTREAM_ROOT: Final[Mapping[str, Any]] = {
    "meta": {"api-version": "1.1", "_last-serial": 7},
    "projects": [{"name": "demo"}, {"name": "Other_One"}],
}
UPSTREAM_HTML: Final = f"""<!DOCTYPE html>
<html><head>
<meta name="pypi:repository-version" content="1.4">
<meta name="pypi:project-status" content="active">
<base href="https://files.example.org/demo/">
<title>Links for demo</title>
</head><body>
<h1>Links for demo</h1>
<a href="{WHEEL}#sha256={_ONE}" data-requires-python="&gt;=3.9" data-core-metadata="sha256={_TWO}"
 data-yanked="broken" data-upload-time="{_TIME}" data-size="1234">{WHEEL}</a><br/>
<a href="../{SDIST}#sha256={_TWO}">{SDIST}</a><br/>
</body></html>
"""


def rules() -> dict[str, Any]:
    """Return rule files by name: those of the golden cases and the examples, with every action and key."""
    files = [*_TESTS.glob("golden/*/rules.toml"), *_TESTS.parent.glob("examples/rules/*.toml")]
    found = {(each.parent.name if each.stem == "rules" else each.stem): tomllib.loads(each.read_text()) for each in files}
    return {name: {**tree, "rule": tree["rule"][:3]} for name, tree in sorted(found.items()) if "rule" in tree}


def lock(name: str) -> dict[str, Any]:
    """Return the lock file ``name`` of this checkout that is TOML, with no more than a few of its packages."""
    tree = tomllib.loads((_TESTS / "locks" / name).read_text())
    key = "packages" if "packages" in tree else "package"
    return {**tree, key: [each for each in tree[key] if each["name"] in ("torch", "app", "triton")]}


def requirements(name: str) -> str:
    """Return the lock file ``name`` of this checkout that is a list of requirements."""
    return (_TESTS / "locks" / name).read_text()
