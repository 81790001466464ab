"""WHEEL, entry points and other files of dist-info that are wrong, or that readers read differently."""

from typing import Final

from drafting import Knob, both, file, info, scripts, setting, wheel
from hostile.kind import Kind, Make, each, of
from hostile.metadata import family

_FORMAT: Final = "packaging.python.org, Binary distribution format"
_POINTS: Final = "packaging.python.org, Entry points specification"
_KEYS: Final = ("Wheel-Version", "Generator", "Root-Is-Purelib", "Tag")


def _keys(*forms: str) -> Make:
    """Return what spells the name of each field of WHEEL in other ways."""
    values = {"Wheel-Version": "1.0", "Generator": "x", "Root-Is-Purelib": "true", "Tag": "py3-none-any"}
    return of(*(wheel(f"{key}:", form.format(key=key, lower=key.lower(), upper=key.upper(), value=values[key]))
                for form in forms for key in _KEYS))  # fmt: skip


def _lines(key: str, *lines: str) -> Make:
    return each(lambda line: wheel(key, line), *lines)


def _script(text: str) -> Knob:
    return scripts(f"[console_scripts]\n{text}\n")


def _named(*names: str) -> Make:
    return each(lambda name: _script(f"{name} = demo:main"), *names)


def _valued(*values: str) -> Make:
    return each(lambda value: _script(f"demo = {value}"), *values)


_WHEELS: Final[tuple[tuple[str, str, Make, str], ...]] = (
    ("names of fields", "A field is spelled otherwise.", _keys(
        "{lower}: {value}", "{upper}: {value}", "{key} : {value}", "{key}:{value}", "{key}:\t{value}", " {key}: {value}",
        "{key}\t: {value}", "{key}:\n {value}", "{key}", "{key}:", "X-{key}: {value}"), _FORMAT),
    ("a field twice", "A field stands twice.", _keys(
        "{key}: {value}\n{key}: {value}", "{key}: {value}\n{lower}: x", "{key}: x\n{key}: {value}"), _FORMAT),
    ("Wheel-Version", "Wheel-Version is newer, or no version.", each(
        lambda text: wheel("Wheel-Version:", f"Wheel-Version: {text}"), "2.0", "1.9", "1.1", "1", "1.0.0", "01.0", "0.1",
            "one",
        "", "1.x", "+1.0", "1_0", "-1.0", "\u0661.0", "1.0 ", "1. 0", "1.00", "1,0", "1.0.dev0", "9" * 5_000 + ".0"),
        _FORMAT),
    ("Root-Is-Purelib", "Root-Is-Purelib is neither true nor false, or not as the tags are.", each(
        lambda text: wheel("Root-Is-Purelib:", f"Root-Is-Purelib: {text}"), "false", "True", "FALSE", "yes", "1", "",
            "true ",
        "true\t", "maybe", "true\n", "TRUE", "tru\u200be", "false true"), _FORMAT),
    ("tags", "The tags are not those of the file name.", each(
        lambda text: wheel("Tag:", f"Tag: {text}"), "py2-none-any", "py3", "py2.py3-none-any", "PY3-none-any", "",
            "py3-none",
        "py3-none-any-x", "py3 - none - any", "cp311-cp311-win_amd64", "py3-none-any ", "\u0440y3-none-any",
        "-".join("xyz")),
     _FORMAT),
    ("many tags", "There are many tags, or tags that stand twice.", of(*(
        wheel("Tag:", *lines) for lines in (
            ["Tag: py3-none-any"] * 2, ["Tag: py3-none-any"] * 300, ["Tag: py3-none-any", "Tag: py2-none-any"], [],
            ["Tag: py3-none-any", "", "Tag: py2-none-any"], [f"Tag: py3-none-x{number}" for number in range(300)]))),
            _FORMAT),
    ("Build", "WHEEL has a build tag that the file name has not, or another.", of(*(
        both(setting(filename=name), wheel("", *lines)) for name in ("demo-1.0-py3-none-any.whl",
            "demo-1.0-1-py3-none-any.whl")
        for lines in (["Build: 1"], ["Build: 2"], ["Build:"], ["Build: 1", "Build: 1"], ["build: 1"], ["Build: x"],
            ["Build: 01"]))),
     _FORMAT),
    ("line ends", "The lines of WHEEL end otherwise than with LF.", each(
        lambda end: setting(wheel_end=end), "\r\n", "\r", "\n\r", "\r\r\n", "\n\n", "\u2028", "\x0b", "\x1c"), _FORMAT),
    ("hidden lines", "A field stands behind a character that some take for a line end.", each(
        lambda text: wheel("Generator:", f"Generator: x{text}Root-Is-Purelib: false"),
        "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\0", "\n\n", "\n \n", "\n\t"), _FORMAT),
    ("breaks", "A line that is no field ends the fields early.", each(
        lambda line: wheel("Generator:", line), "no colon", "From me to you", " folded", ": x", "a b: c", "\u00e9: x",
            "\ufeff",
        "\ufeffGenerator: x", "Generator: M\udcfcller", "\udcff: x", "Generator: =?utf-8?q?x?=",
        "Generator: =?koi8-r?q?x?=", "X: =?bad?q?x?=", "Root-Is-Purelib: =?utf-8?q?true?="), _FORMAT),
    ("bodies", "Text stands behind the fields.", each(
        lambda text: wheel("", "", text), "text", "Root-Is-Purelib: false", "Tag: py2-none-any", "\0", "\udcff", "--x--"),
            _FORMAT),
    ("no fields", "WHEEL is empty, or holds no field.", of(*(
        setting(wheel=lines) for lines in ((), ("",), ("x",), ("\0",), ("Generator: x",), ("Wheel-Version: 1.0",)))),
            _FORMAT),
    ("huge", "WHEEL is huge.", of(
        wheel("Generator:", "Generator: " + "x" * 100_000), wheel("", *["X: y"] * 5_000),
        wheel("Generator:", "Generator: x" + "\n y" * 5_000)), _FORMAT),
    ("lines", "A line of WHEEL is odd.", family("WHEEL"), _FORMAT),
)  # fmt: skip
_ENTRY_POINTS: Final[tuple[tuple[str, str, Make, str], ...]] = (
    ("names that lead out", "The name of a script leads out of its directory.", _named(
        "../demo", "../../demo", "/tmp/demo", "x/demo", "x\\demo", "..\\demo", "C:demo", "C:/demo", "\\\\x\\demo", "~/demo",
        ".", "..", "./demo", "demo/"), _POINTS),
    ("odd names", "The name of a script holds what a file name should not.", _named(
        "de mo", "de\tmo", "de\0mo", "caf\u00e9", "de:mo", "de;mo", "'demo'", '"demo"', "de@mo", "-demo", ".demo", "demo.",
        "demo[x]", "%demo", "$demo", "demo\u202egpj", "x" * 300, "\u0441at", "", "#demo", "demo*"), _POINTS),
    ("reserved names", "The name of a script is one of Python's, or of Windows.", _named(
        "python", "python3", "Python", "python.exe", "python3.11", "pypy3", "pip", "con", "nul", "CON.py", "activate", "uv",
        "pythonw", "python3.13t"), "CVE-2025-54368's release notes of uv"),
    ("values", "A script calls what is no function.", _valued(
        "demo", "demo:", ":main", "demo:main:x", "demo:main()", "de-mo:main", "demo:ma-in", ".demo:main", "demo.:main",
        "demo..x:main", "1demo:main", "demo.class:main", "demo:main.", "caf\u00e9:main", "demo : main", "demo:\nmain", "",
        "demo:main;import os", "demo:main\n  import os", "demo:main # x", "demo:main ; x", "demo:__import__"), _POINTS),
    ("extras", "A script asks for extras oddly.", _valued(
        "demo:main [x]", "demo:main[x]", "demo:main []", "demo:main [x", "demo:main x]", "demo:main [x,y]",
            "demo:main [ x ]",
        "demo:main [x] y", "demo:main [[x]]", "demo [x]"), _POINTS),
    ("sections", "A section is spelled oddly, twice, or stands nowhere.", each(
        lambda text: scripts(f"{text}\ndemo = demo:main\n"), "[Console_Scripts]", "[console_scripts ]", "[ console_scripts]",
        "[console_scripts", "console_scripts]", "[console_scripts]]", "[]", "", "[DEFAULT]", "[default]", "[x y]",
        "[console_scripts]\n[console_scripts]", "[console_scripts] x", "[console_scripts] ; x", "[gui_scripts]",
        "[console-scripts]", "[c\u00f6nsole]", "[x]\n[console_scripts]", "\ufeff[console_scripts]", " [console_scripts]"),
        _POINTS),
    ("a name twice", "Two scripts have one name, or one that is the same elsewhere.", each(
        lambda text: scripts(f"[console_scripts]\ndemo = demo:main\n{text}\n"), "demo = demo:other", "Demo = demo:other",
        "[gui_scripts]\ndemo = demo:other", "demo.exe = demo:other", "demo-script.py = demo:other",
        "[console_scripts]\nx = demo:y",
        "demo = demo:main", " demo = demo:other", "demo: demo:other"), _POINTS),
    ("comments and folds", "A line is a comment for one reader and a script for another.", each(
        _script, "; demo = demo:main", "# demo = demo:main", "demo = demo:main\n; x", "demo = demo:main\n  ; x",
            "rem x = demo:y",
        "demo =\n  demo:main", "  demo = demo:main", "demo = demo:main\n  more", "demo = demo:main\n\n\n[x]\n",
        "demo == demo:main",
        "demo demo:main", "demo", "= demo:main", "demo : demo:main", "x=y=demo:main"), _POINTS),
    ("line ends", "The lines of entry_points.txt end otherwise than with LF.", each(
        lambda end: scripts(f"[console_scripts]{end}demo = demo:main{end}"), "\r\n", "\r", "\n\r", "\x0b", "\x0c", "\x1c",
            "\x85",
        "\u2028", "\0", ""), _POINTS),
    ("encodings", "entry_points.txt is no UTF-8, or empty.", of(*(
        info("entry_points.txt", data) for data in (
            b"", b"\n", b"\0", b"\xff\xfe", b"[console_scripts]\ndemo = demo:main\xff\n", b"[x]\na = b\xfc\n",
            "[console_scripts]\ndemo = demo:main\n".encode("utf-16"),
            b"\xef\xbb\xbf[console_scripts]\ndemo = demo:main\n"))), _POINTS),
    ("interpolation", "A value holds what configparser may replace.", _valued(
        "demo:main%s", "demo:main%(here)s", "demo:${x}", "%(demo)s", "demo:main%", "demo:main%%"), _POINTS),
    ("other groups", "An entry point of another group is odd.", each(
        scripts, "[x.y]\na = demo main\n", "[x.y]\na =\n", "[x.y]\na\n", "[x.y]\na = b = c\n", "[x]\n[y]\n",
            "[x.y]\n\u00e9 = demo\n",
        "[x:y]\na = demo\n", "[x.y]\na = demo:b [z]\n", "[.]\na = demo\n", "[x.y]\na b = demo\n"), _POINTS),
    ("texts", "entry_points.txt is odd in some other way.", family("entry points "), _POINTS),
    ("huge", "There are many entry points, or long ones.", of(
        _script("\n".join(f"demo{number} = demo:main" for number in range(500))), _script("x" * 5_000 + " = demo:main"),
        _script("demo = " + "demo." * 2_000 + "x:main"), scripts("[x]\n" * 3_000), scripts("[" + "x" * 50_000 + "]\n")),
        _POINTS),
    ("scripts beside entry points", "A script of the data directory has the name of an entry point.", of(*(
        both(file(f"demo-1.0.data/scripts/{name}", b"#!python\n", mode=0o100755), _script("demo = demo:main"))
        for name in ("demo", "Demo", "demo.exe", "demo.py", "demo-script.py", "demo.pya", "sub/demo"))), _FORMAT),
)  # fmt: skip
_OTHERS: Final[tuple[tuple[str, str, Make, str], ...]] = (
    ("files of installers", "dist-info holds a file that installers write.", each(
        lambda name: info(name, b"x\n"), "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "RECORD.jws",
            "PKG-INFO",
        "top_level.txt", "zip-safe", "uv_build.json"), _FORMAT),
    ("provenance", "An SBOM, or a provenance that looks like ours, lies in dist-info.", of(*(
        info(name, data) for name in ("sboms/wheelfix.cdx.json", "sboms/x.cdx.json", "SBOMS/wheelfix.cdx.json", "sboms",
            "Sboms/x")
        for data in (b"{}", b"{", b"[]", b"null", b"\xff", b'{"bomFormat": "CycloneDX", "components": 1}',
                     b"[" * 5_000 + b"]" * 5_000, b'{"a": 1e999}'))), "PEP 770"),
    ("companions", "dist-info holds another file, or one in another case.", family("dist-info/", "no "), _FORMAT),
)  # fmt: skip

KINDS: Final = tuple(
    Kind(f"{subject}: {name}", wrong, make, source)
    for subject, table in (("WHEEL", _WHEELS), ("entry points", _ENTRY_POINTS), ("dist-info", _OTHERS))
    for name, wrong, make, source in table
)
