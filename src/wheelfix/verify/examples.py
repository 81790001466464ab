"""An example of each finding, as reported of a wheel of the tests; docs/write_examples.py writes it."""

from typing import Final

# fmt: off
EXAMPLES: Final[dict[str, str]] = {
    "archive-entry-too-large": "entries with data descriptors claim 4294967294 bytes",
    "archive-bad-extra-field": "demo/version.py: a Unicode comment is cut off",
    "archive-bad-entry-name": "the name b'demo/a\\x00.py' is empty or contains a NUL",
    "archive-bad-local-header": "demo/__init__.py: there is no local header where the directory says",
    "archive-stored-size-differs": "demo/s: it is stored, and has 3 bytes for a size of 2",
    "archive-duplicate-entry": "demo/./x: it is installed as the same file as demo/x",
    "archive-bad-data-descriptor": "demo-1.0.dist-info/METADATA: its data descriptor does not agree with the directory",
    "archive-local-header-differs": "demo-1.0.dist-info/METADATA, local header: the sizes differ from the directory's",
    "archive-patched-entry": "demo-1.0.dist-info/METADATA: it is compressed patched data",
    "archive-encrypted-entry": "demo-1.0.dist-info/METADATA: it is encrypted",
    "archive-overlap": "demo-1.0.dist-info/METADATA: it overlaps what follows it",
    "archive-gap": "demo-1.0.dist-info/METADATA: 4 bytes after it belong to no entry",
    "archive-bad-zip64-field": "demo/x, local header: the ZIP64 extra field holds 3 numbers, and 2 are needed",
    "archive-too-many-entries": "the archive claims 600000 entries in a directory of 337 bytes",
    "archive-many-disks": "the end record gives two counts of entries",
    "archive-bad-end-record": "the directory is not where the end record says",
    "archive-empty-file": "the file is empty",
    "archive-not-a-zip": "the file is not a ZIP archive",
    "archive-truncated": "the archive is truncated: its end record is missing",
    "archive-empty-archive": "the archive has no entries",
    "archive-bad-directory": "the directory lists 5 entries, the end record says 6",
    "archive-leading-bytes": "demo/__init__.py: 10 bytes are before the first entry",
    "archive-second-end-record": "the archive comment contains a second end record",
    "archive-trailing-bytes": "bytes follow the end of the archive, or its end is cut off",
    "archive-too-large": "the entries claim 12884902668 bytes; they are not read",
    "archive-too-many-directories": (
        "000000000000000000000000000000000000084/000000000000000000000000000000000000084/000000000000000000000000000000"
        "000000084/000000000000000000000000000000000000084/000000000000000000000000000000000000084/00000000000000000000"
        "0000000000000000084/000000000000000000000000000000000000084/00000000000000000000..."
    ),
    "archive-damaged-entry": "demo/version.py: it does not match its CRC-32",
    "archive-unknown-compression": "demo/z: it is compressed by method 1",
    "archive-unsafe-name": "../up.py: the name has a part ..",
    "archive-windows-name": "demo/x.: Windows, for which this wheel is too, cannot hold a file of this name",
    "archive-newer-version": "demo/version.py: it needs ZIP version 14.8; the newest is 6.3",
    "archive-data-descriptor": "demo/version.py: its sizes follow its data",
    "archive-extra-field-rest": "demo/version.py, local header: 1 bytes follow its extra fields and belong to none",
    "archive-odd-zip64-field": "demo/version.py: its ZIP64 field has 16 bytes, and 0 are needed",
    "archive-odd-unicode-path": "demo/version.py, local header: the Unicode path is not UTF-8, or has control characters",
    "archive-name-encoding": "demo/café.py: the name is not ASCII, but not marked as UTF-8",
    "archive-entry-comment": "demo/version.py: it has a comment",
    "archive-comment-bytes": "the archive comment could contain a record of another archive",
    "archive-directory-with-content": "demo/d/: it is a directory, but has a size or a CRC-32",
    "archive-odd-path": "demo//x.py: the name has an empty part, or a dot for one",
    "archive-odd-attributes": "demo/d/: it is marked as a file, but is not one",
    "archive-odd-flag": "demo/version.py: its local header is marked as masked",
    "archive-local-time-differs": "demo/version.py, local header: its date or time differs from the directory's",
    "archive-stale-unicode-path": "demo/version.py: the extra field holds a Unicode path of another name",
    "archive-compression-ratio": "the entries take 68162394 bytes, 867 times the file",
    "archive-file-as-directory": "demo/x: other entries are below it, as if it were a directory",
    "archive-same-name-folded": "demo/A.txt: on some systems it is the same file as demo/a.txt",
    "archive-odd-mode": "demo/link: it is marked as a link or a device",
    "archive-mode-no-type": (
        "demo/tool: it is executable but not marked as a regular file; pip and installer install it without the "
        "executable bit"
    ),
    "archive-bad-time": "demo/x: its date is 0x0000 and its time 0x0000",
    "archive-needless-zip64": "demo/x: it has ZIP64 fields, but no number that needs them",
    "file-unreadable": "the file cannot be read: No such file or directory",
    "filename-malformed": "demo-1.0.whl is not the name of a wheel",
    "filename-tag-digit": "the Python tag begins with a digit; pip 26.3 and later refuse that: 3",
    "filename-bad-version": "one is not a valid version (PEP 440)",
    "filename-bad-name": "de__mo is not a valid project name in a file name",
    "filename-tag-case": "uv reads only tags in lower case: PY3-none-any",
    "filename-variant": "it is the variant cu128 (PEP 825, a draft): pip and PyPI refuse or ignore it",
    "variant-unreadable": "variant.json: it is missing, but uv requires it",
    "variant-differs": "variant.json: it describes null, the file name says cu128",
    "filename-name-differs": "Name: METADATA says Name other, the file name demo",
    "filename-version-differs": "Version: METADATA says Version 2.0, the file name 1.0",
    "dist-info-missing": "there is no dist-info directory at the top",
    "dist-info-several": "there are 2 dist-info directories: other-1.0.dist-info, demo-1.0.dist-info",
    "dist-info-no-metadata": "demo-1.0.dist-info: it has no METADATA",
    "dist-info-no-wheel": "demo-1.0.dist-info: it has no WHEEL",
    "dist-info-no-record": "demo-1.0.dist-info: it has no RECORD",
    "dist-info-name-differs": "demo-2.0.dist-info: the directory is demo-2.0.dist-info, the file demo-1.0-py3-none-any.whl",
    "dist-info-spelling": "Demo-1.0.dist-info: PyPI looks for demo-1.0.dist-info, as the file name is spelled",
    "dist-info-installer-file": "INSTALLER: only an installer writes this file",
    "data-name-differs": "Demo-1.0.data: the .data directory of this wheel is demo-1.0.data",
    "data-unknown-scheme": "demo.data: no installer knows where to put demo.data",
    "data-script-directory": (
        "demo-1.0.data/scripts/: uv refuses a wheel with directories among its scripts: demo-1.0.data/scripts/sub/tool"
    ),
    "data-same-file": (
        "demo-1.0.data/data/bin/x: it is installed to the same path as demo-1.0.data/scripts/x; installer refuses that"
    ),
    "data-script-twice": (
        "demo-1.0.data/scripts/tool: [console_scripts] tool also makes a script of this name; installer refuses that"
    ),
    "data-script-wrapper": (
        "demo-1.0.data/scripts/tool.exe: pip and uv take it for the Windows launcher of [console_scripts] tool and do "
        "not install it; installer does"
    ),
    "data-reserved-name": "demo-1.0.data/scripts/python: uv reserves this name for the interpreter and refuses the wheel",
    "wheel-not-utf8": "WHEEL, line 2: it is not UTF-8; installers refuse it",
    "wheel-no-version": "Wheel-Version: it is 'one'",
    "wheel-newer-version": "Wheel-Version: it is '0.1'; installers know 1.x",
    "wheel-field-case": "Wheel-Version: the field is spelled wheel-version, but uv looks for Wheel-Version",
    "wheel-no-root": "Root-Is-Purelib: it is missing; installers assume false",
    "wheel-bad-tags": "Tag: Tag 'py3' must have exactly three components",
    "wheel-tags-differ": "Tag: the tags in WHEEL are not those of the file name: WHEEL lacks py3-none-any",
    "wheel-build-differs": "Build: WHEEL says Build none, the file name 1",
    "wheel-ambiguous": "WHEEL: line 2: it begins with 'From ' inside the header",
    "record-unclosed-quote": "RECORD: it has a quoted path that is never closed",
    "record-too-many-rows": "RECORD: it is longer than any real one",
    "record-bad-row": "row 6: 2 columns instead of three: demo/x,",
    "record-byte-order-mark": "row 1: \\ufeffdemo/__init__.py: the file is called demo/__init__.py",
    "record-empty-row": "row 6: it is empty",
    "record-size-spelling": "row 1: demo/__init__.py: its size is written as +12, not as 12",
    "record-wrong-size": "row 1: demo/__init__.py: its size is 112, that of the file is 12",
    "record-unquoted-path": (
        "row 3: demo/a,b.py: 4 columns instead of three: "
        "demo/a,b.py,sha256=a4ayc_80_OGda4BO_1o_V0etpOqiLx1JwB5S3beHW0s,1"
    ),
    "record-missing-row": "demo/version.py: RECORD has no row for it",
    "record-no-such-file": "row 6: demo/gone.py: there is no such file in the archive",
    "record-bad-size": "row 1: path: size is not a size; uv refuses the wheel",
    "record-wrong-hash": (
        "row 2: demo/version.py: its sha256 is XbAo4nI7yIz1ZX-St4TyhoNlf3RZyvfwxUKZv2y0s_w, that of the file is "
        "LrnRyOISx6Rb6Wrvc6pOV8UXhzMEt9b3fhr8acjvinA"
    ),
    "record-no-hash": "row 1: demo/__init__.py: it has no hash",
    "record-no-size": "row 1: demo/__init__.py: it has no size",
    "record-weak-hash": "row 2: demo/version.py: md5 is weaker than sha256",
    "record-unknown-hash": "row 1: demo/__init__.py: not every installer can check a hash of 'crc32'",
    "record-hex-hash": "row 1: demo/__init__.py: its hash is that of the file, but in hexadecimal",
    "record-hash-spelling": "row 1: demo/__init__.py: its hash is that of the file, but not in plain urlsafe base64",
    "record-duplicate-row": "row 2: demo/__init__.py: row 1 is for the same file",
    "record-contradicting-rows": "row 2: demo/__init__.py: row 1 is for the same file and says something else",
    "record-directory-row": "row 6: demo/: it names a directory, but only files are listed",
    "record-absolute-path": "row 1: /demo/__init__.py: its path is absolute",
    "record-backslash": "row 1: demo\\__init__.py: the file is called demo/__init__.py",
    "record-path-spelling": "row 1: ./demo/__init__.py: the file is called demo/__init__.py",
    "record-own-row-missing": "demo-1.0.dist-info/RECORD: RECORD has no row for itself",
    "record-own-row-hash": "row 5: demo-1.0.dist-info/RECORD: it has a hash or a size, which no file can state of itself",
    "record-signature-row": "row 6: demo-1.0.dist-info/RECORD.p7s: a signature of RECORD cannot be listed in it",
    "record-not-utf8": "row 6: demo/m\\udcfcller.py: the path is not UTF-8",
    "record-signature": "RECORD.p7s: PEP 815 deprecates signatures of RECORD; no installer checks them",
    "record-void-signature": "RECORD.jws: it signs another RECORD",
    "metadata-hidden-fields": "METADATA: around line 8: readers disagree about keywords: x Requires-Dist: triton",
    "metadata-ambiguous": "METADATA: line 7: it begins with 'From ' inside the header",
    "metadata-too-many-fields": "METADATA: it has a header that is longer than any real one",
    "metadata-missing-field": "Name: METADATA does not have it",
    "metadata-repeated-field": "Summary: it appears more than once; readers disagree on which counts",
    "metadata-bad-name": "Name: demo! is not a valid project name",
    "metadata-bad-version": "Version: 1.0.x is not a valid version (PEP 440)",
    "metadata-unknown-version": "Metadata-Version: there is no Metadata-Version 2.0",
    "metadata-field-too-new": "License-Expression: it requires Metadata-Version 2.4 (found 2.1)",
    "metadata-license-file-early": "License-File: it requires Metadata-Version 2.4 (found 2.1); tools accept it",
    "metadata-unknown-field": "Colour: no Metadata-Version has such a field",
    "metadata-not-utf8": "line 7: it is not UTF-8; pip refuses it, other tools guess",
    "metadata-bad-value": "Project-URL: Home: it has no URL",
    "metadata-two-licenses": (
        "License: License and License-Expression exclude each other since Metadata-Version 2.4; PyPI refuses the wheel"
    ),
    "metadata-license-missing": "License-File: LICENSE: licenses/ has no such file; PyPI refuses the wheel",
    "metadata-bad-requirement": "Requires-Dist: !: it does not begin with a name",
    "metadata-bad-marker": "Requires-Dist: six; 'x' == 'x': its marker compares two texts; pip fails on it",
    "metadata-odd-blanks": "Name: there are spaces or line breaks around demo, which some readers take for a part of it",
    "metadata-variant-marker": (
        "Requires-Dist: six; variant_label == 'cu128': its marker uses the variant of the wheel (PEP 825, a draft): pip"
        " and uv refuse it"
    ),
    "metadata-legacy-requirement": "Requires-Dist: six>=1.9<2.0: it means six>=1.9,<2.0",
    "metadata-bad-requires-python": "Requires-Python: one: it is not a valid specifier (PEP 440)",
    "metadata-legacy-requires-python": "Requires-Python: >=3.8.*: it means >=3.8",
    "metadata-marker-ambiguous": 'Requires-Dist: six; extra == "": pip and uv read extra == "" in its marker differently',
    "metadata-local-path": (
        "Requires-Dist: six @ file:///home/me/six.whl: it is a local path, which means something else on each machine"
    ),
    "metadata-repeated-requirement": "Requires-Dist: requests>=2: it is a duplicate",
    "metadata-repeated-extra": "Provides-Extra: X: it is a duplicate",
    "metadata-bad-extra": "Provides-Extra: _x: it is not a valid extra name",
    "metadata-undeclared-extra": 'Provides-Extra: x: it is used by six; extra == "x"',
    "metadata-empty-extra": "Provides-Extra: x: no requirement uses it",
    "metadata-no-description": "Description: it is missing, so an index has nothing to show",
    "metadata-no-content-type": "Description-Content-Type: it is missing; indexes assume reStructuredText",
    "entry-points-unreadable": "entry_points.txt: line 1 comes before the first group",
    "entry-points-refused": (
        "entry_points.txt: pip fails on a line without =: it reads only # as a comment, and no value that continues on "
        "the next line"
    ),
    "entry-points-bad-value": "[DEFAULT] x: 'demo' is not an object reference",
    "entry-points-odd-value": "[demo.plugins] demo: '' is not an object reference",
    "entry-points-reserved-name": "[console_scripts] pypy3: uv reserves this name for the interpreter and refuses the wheel",
    "entry-points-same-name": "[gui_scripts] a: [console_scripts] also has a script of this name; installer refuses that",
    "entry-points-bad-name": (
        "[console_scripts] de mo: PyPI refuses a script name with characters other than letters, digits, _, . and -"
    ),
    "entry-points-no-module": "[console_scripts] demo: the wheel has no module demo.gone",
    "entry-points-unsafe-name": "[console_scripts] ..: installers would write the script to another directory or fail",
    "entry-points-ambiguous": "entry_points.txt: readers disagree on [console_scripts] ; demo = demo:main",
    "legacy-metadata-json": (
        "metadata.json: it repeats METADATA in a withdrawn format (PEP 426); readers of it may see other requirements"
    ),
    "sbom-unreadable": (
        "sboms/demo.cdx.json: it is not valid JSON: Expecting property name enclosed in double quotes: line 1 column 2 "
        "(char 1)"
    ),
    "sbom-stale-provenance": "sboms/wheelfix.cdx.json: it is not in the form that wheelfix writes",
    "contents-bytecode": "demo/x.pyc: compiled Python",
    "contents-common-name": "lib: many projects would write to a directory of this name in site-packages",
    "release-requires-python": (
        "Requires-Python: wheels of the same release say >=3.12; whether uv lock fails depends on which of them it "
        "reads"
    ),
    "release-disagrees": "Provides-Extra: wheels of the same release also provide x",
}
