"""METADATA that readers read differently, or not at all: RFC 822 line by line, and the core metadata specification."""

from typing import Final

from drafting import Knob, both, fields, head, info, setting
from hostile.kind import Kind, Make, chosen, each, of
from kinds import single

_CORE: Final = "packaging.python.org, Core metadata specifications"
_MAIL: Final = "RFC 5322"
_LEGACY: Final = "pypa/wheel#488, pypa/build#531"
_HIDDEN: Final = "Requires-Dist: evil"
_NEWER: Final = "Metadata-Version: 2.4"


def family(*beginnings: str) -> Make:
    """Return what turns one of the knobs of ``kinds.py`` whose names begin so."""
    return chosen([knob for name, knob in single().items() if name.startswith(beginnings)])


def _ends(*ends: str) -> Make:
    return of(*(setting(metadata_end=end) for end in ends))


def _mixed(*pairs: str) -> Make:
    return each(lambda text: fields(f"Keywords: x{text}"), *pairs)


def _heads(*pairs: tuple[str, str]) -> Make:
    return of(*(head(old, new) for old, new in pairs))


def _bodies(*texts: str) -> Make:
    return each(lambda text: setting(body=text), *texts)


def _newer(*lines: str) -> Knob:
    return both(head("Metadata-Version:", _NEWER), fields(*lines))


def _licences(*names: str) -> Make:
    return of(*(
        both(_newer(f"License-File: {name}"), *knobs)
        for name in names for knobs in ((), (info("licenses/LICENSE", b"MIT"),), (info(f"licenses/{name.strip()}", b"MIT"),))
    ))  # fmt: skip


_BREAKS: Final = ("\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\0", "\x1a")
_ROWS: Final[tuple[tuple[str, str, Make, str], ...]] = (
    ("line ends", "All lines end otherwise than with LF.", _ends("\r\n", "\r", "\n\r", "\r\r\n", "\u2028", "\x0b"), _MAIL),
    ("mixed line ends", "One line ends otherwise than the others.", _mixed("\r", "\r\n", "\r\r\n", "\r\n\n", "\n\r"), _MAIL),
    ("hidden lines", "A requirement stands behind a character that some take for a line end.",
     each(lambda text: fields(f"Keywords: x{text}{_HIDDEN}"), *_BREAKS), _MAIL),
    ("hidden lines in the body", "A requirement stands in the description, behind such a character.",
     _bodies(*(f"\n\nx{text}{_HIDDEN}\n" for text in _BREAKS)), _MAIL),
    ("folding", "A value goes on in the next line, behind a blank or a tab.", each(
        lambda text: fields(f"License: MIT{text}"), "\n and more", "\n\tand more", "\n  \n more", "\n .\n more",
            "\n        |x",
        f"\n {_HIDDEN}", "\n ", "\n\t"), _MAIL),
    ("a folded requirement", "A requirement goes on in the next line.", each(
        lambda text: fields(f"Requires-Dist:{text}"), "\n six", " six\n >=1.9", " six;\n os_name == 'nt'",
            " six\n\t(>=1.9)"),
     _MAIL),
    ("a fold of nothing", "The first line of the headers is a continuation, or a fold comes after an empty field.", of(
        head("Metadata-Version:", " \nMetadata-Version: 2.1"), head("Metadata-Version:", "\tx\nMetadata-Version: 2.1"),
        fields("Keywords:\n x"), fields("Keywords:\n\n x"), fields(" \n")), _MAIL),
    ("a break in the headers", "A line that is no field ends the headers early.", each(
        fields, "no colon here", "From me to you", ">From me", "a b: c", ": x", "\u00e9: x", "x\u00a0: y", "--", "="),
            _MAIL),
    ("an empty line in the headers", "An empty line, or one of blanks, ends the headers early.", each(
        lambda text: fields(f"Keywords: x{text}{_HIDDEN}"), "\n\n", "\n \n", "\n\t\n", "\n\n\n", "\r\n\r\n", "\n\x0c\n"),
            _MAIL),
    ("no empty line", "No empty line stands between headers and description.", _bodies(
        "\n# demo\n", "\ntext\n", "", "\n", "\n \n", "\n\t\nx\n", "\nA: b\ntext\n"), _MAIL),
    ("no end of line", "The last line has no end.", _bodies("", "\n\nx", "\n\n", "\n\nx\r", "\n\nx\n\n\n"), _MAIL),
    ("NUL", "A value holds NUL.", each(fields, "Keywords: a\0b", "Author: \0", "\0: x", "Key\0words: x", "Summary2: x\0"),
     _CORE),
    ("NUL in names", "Name or Version holds NUL, or another character that is no letter.", _heads(
        ("Name:", "Name: de\0mo"), ("Name:", "Name: demo\0"), ("Version:", "Version: 1.0\0"), ("Name:", "Name: demo\x7f"),
        ("Name:", "Name: de\u00admo"), ("Version:", "Version: 1\u202e.0"), ("Name:", "Name: \uff44emo")), _CORE),
    ("a byte order mark", "A byte order mark stands in front, or within.", of(
        head("Metadata-Version:", "\ufeffMetadata-Version: 2.1"), fields("\ufeffKeywords: x"), fields("Keywords: \ufeffx"),
        setting(body="\n\n\ufeffx\n"), head("Name:", "Name: \ufeffdemo")), _CORE),
    ("other encodings", "Bytes are no UTF-8, or UTF-8 in a longer form.", each(
        fields, "Author: M\udcfcller", "Author: \udcff\udcfe", "Author: \udcc0\udc80", "Author: \udced\udca0\udc80",
        "Keywords: \udce2(\udca1", "\udcfc: x", "Requires-Dist: s\udcfcx", "Provides-Extra: \udcff"), _CORE),
    ("a body in other encodings", "The description is no UTF-8.", _bodies(
        "\n\n\udcff\n", "\n\nM\udcfcller\n", "\n\n\udcff\udcfe\0x\0\n", "\n\n\udcc0\udc80\n"), _CORE),
    ("encoded words", "A value is written as an encoded word, or like one.", each(
        fields, "Author: =?utf-8?q?M=C3=BCller?=", "Author: =?utf-8?b?TcO8bGxlcg==?=", "Requires-Dist: =?utf-8?q?evil?=",
        "Author: =?latin-1?q?M=FCller?=", "Author: =?x?q?y?=", "Author: =?utf-8?q?a=0ARequires-Dist:_evil?=",
        "Provides-Extra: =?utf-8?q?x?=", "Keywords: =?utf-8?b?!!!?=", "Requires-Python: =?us-ascii?b?Pj0z?=",
        'Requires-Dist: six; platform_system == "=?utf-8?q?Linux?="', 'Requires-Dist: six; os_name == "=?bad?q?x?="'),
        "RFC 2047"),
    ("MIME", "A field says that the text is encoded, or in parts.", each(
        fields, "Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: quoted-printable",
        "Content-Type: multipart/mixed; boundary=x", "Content-Type: text/plain; charset=utf-16", "MIME-Version: 1.0",
        "Content-Type: message/rfc822", "Content-Type: multipart/mixed"), "RFC 2045"),
    ("MIME with a body", "A field says that the description is in parts, and it is.", of(*(
        both(fields(f"Content-Type: multipart/{kind}; boundary=x"), setting(body=f"\n\n--x\n{inner}\n\ny\n--x--\n"))
        for kind in ("mixed", "alternative") for inner in ("", _HIDDEN, "Content-Type: text/plain"))), "RFC 2046"),
    ("a single field twice", "A field that may stand once stands twice.", each(
        fields, "Name: demo", "Name: other", "Version: 1.0", "Version: 2.0", "Metadata-Version: 2.1",
            "Metadata-Version: 2.4",
        "Summary: Another", "Requires-Python: >=3\nRequires-Python: >=4", "License: a\nLicense: b",
        "Description-Content-Type: text/plain", "name: demo", "VERSION: 2.0"), _CORE),
    ("a requirement twice", "A requirement stands twice, the same or in another form.", each(
        fields, "Requires-Dist: requests>=2", "Requires-Dist: Requests>=2", "Requires-Dist: requests (>=2)",
        "Requires-Dist: requests<1", "Requires-Dist: triton", "requires-dist: triton==3.3.0", "REQUIRES-DIST: triton"),
        _CORE),
    ("names of fields", "The name of a field is spelled otherwise.", each(
        fields, "requires-dist: six", "REQUIRES-DIST: six", "Requires_Dist: six", "RequiresDist: six", "Requires-Dist : six",
        "Requires-Dist\t: six", "Requires-Dist:six", "Requires-Dist:\tsix", " Requires-Dist: six", "Requires\u2010Dist: six",
        "Requires-Dist\u00a0: six", "\u0420equires-Dist: six"), _CORE),
    ("a missing field", "A field that must be there is missing, or empty.", _heads(*(
        (name, new) for name in ("Metadata-Version:", "Name:", "Version:") for new in ("", name, f"{name} ",
            f"X-{name} x"))),
     _CORE),
    ("Metadata-Version", "Metadata-Version is unknown, or spelled otherwise.", each(
        lambda text: head("Metadata-Version:", f"Metadata-Version: {text}"), "0.9", "1.0", "1.1", "1.2", "2.0", "2.2", "2.3",
        "2.10", "2.99", "3.0", "9.9", "02.1", "2", "2.1.0", " 2.1", "2.1 ", "two", "+2.1", "2.1\u0660", "-1", "2,1"), _CORE),
    ("Name", "Name is not what the file name says, or spelled otherwise.", each(
        lambda text: head("Name:", f"Name: {text}"), "Demo", "DEMO", "other", "demo-", "-demo", "_demo", "de mo",
            "d\u00e9mo",
        "demo.", "demo;x", "demo[x]", "../demo", "demo\t", "  demo", "demo\n x", "demo-x", "d.e.m.o"), _CORE),
    ("Version", "Version is not what the file name says, or spelled otherwise.", each(
        lambda text: head("Version:", f"Version: {text}"), "1", "1.0.0", "v1.0", "1.0+x", "2.0", "1.0.post0", "1.0-0",
            "0!1.0",
        "1!1.0", "one", "1.0 ", " 1.0", "1.0\t", "1..0", "\u0661.0", "1.0.dev0", "1.0a", "1.0.*", "01.0"), _CORE),
    ("requirements", "A requirement is spelled oddly, or wrong.", family("requirement "), "PEP 508"),
    ("more requirements", "A requirement is spelled oddly, or wrong.", family("requirement "), "PEP 508"),
    ("markers", "A marker is spelled oddly, or wrong.", family("marker "), "PEP 508"),
    ("more markers", "A marker is spelled oddly, or wrong.", family("marker "), "PEP 508"),
    ("URLs of requirements", "A requirement is a URL, or a path.", each(
        lambda text: fields(f"Requires-Dist: six @ {text}"), "https://a.b/six-1.0.tar.gz", "file:///etc/passwd", "../six",
        "https://a.b/six-1.0-py3-none-any.whl#sha256=x", "git+ssh://git@a.b/c", "${HOME}/six.tar.gz", "http://a b/six.zip",
        "https://[::1/six.zip", "https://u:p@a.b/six.zip ; os_name == 'nt'", "x:y", "https://a.b/;x.zip"), "PEP 508"),
    ("Requires-Python", "Requires-Python is spelled oddly, or wrong.", family("Requires-Python "), _CORE),
    ("extras", "An extra is declared oddly, or not.", of(*(
        fields(*lines) for name in ("x", "X_y", "_x", "x y", "caf\u00e9", "", "x.y--z", "x]", "x\0") for lines in (
            (f"Provides-Extra: {name}",), (f'Requires-Dist: six; extra == "{name}"',),
            (f"Provides-Extra: {name}", f"Provides-Extra: {name.upper()}", f'Requires-Dist: six; extra == "{name}"')))),
     "PEP 685"),
    ("fields of the header", "A field has a value that is odd for it.", family("METADATA with"), _CORE),
    ("more fields of the header", "A field has a value that is odd for it.", family("METADATA with"), _CORE),
    ("fields of other versions", "A field is newer than Metadata-Version, or withdrawn.", family("Metadata-Version "),
        _CORE),
    ("License-File", "License-File names a file that is missing, or elsewhere.", _licences(
        "LICENSE", "../LICENSE", "/LICENSE", "a/b/LICENSE", "a\\LICENSE", "LICENSE ", "license", "L*", ".", "a/../LICENSE",
        "caf\u00e9", "C:LICENSE", "LICENSE/"), "PEP 639"),
    ("License-Expression", "License-Expression is no expression, or stands beside other licences.", of(*(
        _newer(f"License-Expression: {text}", *more) for text in ("MIT", "mit", "MIT OR", "MIT AND (", "LicenseRef-x",
        "MIT+", "Unknown", "MIT WITH x", "", "MIT or GPL-2.0-only") for more in ((), ("License: MIT",)))), "PEP 639"),
    ("Dynamic", "Dynamic names what is static, or nothing.", each(
        lambda text: _newer(f"Dynamic: {text}"), "Name", "Version", "Metadata-Version", "Summary", "requires-dist", "x", ""),
     "PEP 643"),
    ("Import-Name", "Import-Name or Import-Namespace names what is no module.", each(
        lambda text: both(head("Metadata-Version:", "Metadata-Version: 2.5"), fields(text)), "Import-Name: demo",
        "Import-Name: demo ; private", "Import-Name: 1x", "Import-Name:", "Import-Namespace: demo", "Import-Name: a.b.c",
        "Import-Name: demo;x", "Import-Name: class", "Import-Name: \u00e9"), "PEP 794"),
    ("Description-Content-Type", "Description-Content-Type is unknown, or has odd parameters.", each(
        lambda text: setting(fields=(f"Description-Content-Type: {text}", "Requires-Dist: triton")), "text/html", "text",
        "text/markdown; variant=GFM", "text/markdown; variant=x", "text/markdown; charset=latin-1",
        "text/plain; charset=UTF-8",
        "TEXT/MARKDOWN", "text/markdown;", "", "text/x-rst; x", "text/markdown; variant"), "PEP 566"),
    ("descriptions", "The description is empty, or holds what looks like fields.", family("METADATA: "), _CORE),
    ("a description in the headers", "Description is a field, folded or not.", each(
        fields, "Description: x", "Description: x\n  y", "Description: x\n        |y\n        |", "Description:",
        f"Description: x\n {_HIDDEN}", "description: x"), _CORE),
    ("huge values", "A value, or the number of fields, is huge.", of(
        fields("Keywords: " + "x" * 100_000), fields("Requires-Dist: six==" + "9" * 5_000),
            fields(*["Classifier: x"] * 3_000),
        fields("Requires-Dist: six; " + " or ".join(["os_name == 'x'"] * 300)), fields("License: x" + "\n  y" * 5_000),
        fields("Requires-Dist: six[" + ",".join(f"x{number}" for number in range(500)) + "]"), fields("x" * 5_000 + ": y"),
        fields("Requires-Dist: six; " + "(" * 300 + "os_name == 'x'" + ")" * 300), setting(body="\n\n" + "x" * 500_000),
        fields(*[f"Requires-Dist: six{number}" for number in range(500)]), fields("Requires-Dist: " + "x" * 5_000)), _CORE),
    ("blanks", "Blanks of other kinds stand in a value.", of(*(
        fields(f"Requires-Dist: six{blank}>=1.9{more}") for blank in ("\t", "\u00a0", "\u3000", "\u2003", "\x1f", "\x0c",
            "   ")
        for more in ("", " ", "\u00a0", "\t"))), _LEGACY),
    ("Latin-1 and UTF-8", "One value is Latin-1, another UTF-8.", of(*(
        fields(f"Author: {one}", f"Maintainer: {other}") for one in ("M\u00fcller", "M\udcfcller", "\u540d")
        for other in ("M\u00fcller", "M\udcfcller", "\U0001f600"))), _LEGACY),
)  # fmt: skip

KINDS: Final = tuple(Kind(f"METADATA: {name}", wrong, make, source) for name, wrong, make, source in _ROWS)
