"""Names of files, modes, directories of data, tags, and the name of the wheel itself."""

from typing import Any, Final

from building import Entry
from drafting import INFO, Knob, file, files, info, named, setting, tagged
from hostile.kind import Kind, Make, each, of
from hostile.metadata import family

_FORMAT: Final = "packaging.python.org, Binary distribution format"
_FILENAME: Final = "packaging.python.org, File name convention"
_SLIP: Final = "Snyk, Zip Slip, 2018"
_WINDOWS: Final = "learn.microsoft.com, Naming files"
_UNICODE: Final = "UTS #39"
_ZIPDIFF: Final = "ZipDiff, B"
_DIRECTORY: Final[dict[str, Any]] = {"content": b"", "method": 0, "mode": 0o40755}


def _called(*names: str | bytes) -> Make:
    return of(*(file(name) for name in names))


def _two(*pairs: tuple[str, str]) -> Make:
    """Return what adds two files, in both orders, alike or not."""
    return of(*(files(Entry(one, b"1"), Entry(other, content)) for pair in pairs for one, other in (pair, pair[::-1])
                for content in (b"1", b"2")))  # fmt: skip


def _modes(*modes: int) -> Make:
    return of(*(file(name, mode=mode) for mode in modes for name in ("demo/x", "demo/x.sh")))


def _data(*paths: str) -> Make:
    return each(lambda path: file(path, b"#!python\n", mode=0o100755), *paths)


def _twin(name: str) -> Knob:
    return file(name, b"Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n\n")


def _wheels(*names: str) -> Make:
    return each(lambda name: setting(filename=name), *names)


def _folders(*names: str) -> Make:
    return each(lambda name: named("demo-1.0-py3-none-any.whl", name), *names)


_ROWS: Final[tuple[tuple[str, str, Make, str], ...]] = (
    ("paths that lead out", "The name of a file leads out of the directory.", _called(
        "../up.py", "../../up.py", "demo/../../up.py", "/etc/up.py", "//up.py", "x/../../y.py", "..", "../", "demo/..",
        "....//up.py", "..\\up.py", "demo\\..\\..\\up.py", "\\up.py", b"..\xc0\xafup.py", "\u2024\u2024/up.py"), _SLIP),
    ("drives", "The name of a file has a drive, or means a device.", _called(
        "C:/x.py", "C:x.py", "c:\\x.py", "\\\\server\\share\\x", "\\\\?\\C:\\x", "//./x", "demo/x:y", "demo/x::$DATA"),
            _WINDOWS),
    ("names that Windows reserves", "Windows has another use for the name, or cannot hold it.", _called(
        *(f"demo/{name}" for name in ("con", "CON.py", "nul", "aux.txt", "com1", "lpt9.x", "conin$", "prn .py", "com\u00b9",
        "x.", "x ", "x?", "x*", "x|", "<x>", 'x"', "x. .", "clock$"))), _WINDOWS),
    ("backslashes", "A name holds backslashes.", _called(
        "demo\\x.py", "demo\\sub\\x.py", "demo/sub\\x.py", "\\", "demo\\", f"{INFO}\\METADATA", f"{INFO}\\x"), _ZIPDIFF),
    ("control characters", "A name holds a control character.", _called(
        *(b"demo/a" + bytes([byte]) + b"b" for byte in (*range(1, 32), 127)), "demo/\x85", "demo/\x9b2J"), _ZIPDIFF),
    ("characters that hide", "A name holds characters that are not seen, or turn the others around.", _called(
        *(f"demo/a{character}b.py" for character in (
        "\u202e", "\u200b", "\u200d", "\ufeff", "\u00ad", "\u2028", "\u2066", "\u061c", "\u3164", "\ue000", "\U000e0041",
        "\u0378",
            "\u00a0"))),
     _UNICODE),
    ("characters that look alike", "A name is another one to the eye.", _two(
        ("demo/x.py", "demo/\u0445.py"), ("demo/a.py", "demo/\u0430.py"), ("demo/x.py", "demo/\uff58.py"),
        ("demo/l.py", "demo/\u2160.py")), _UNICODE),
    ("names in no encoding", "A name has no UTF-8 flag, or is no UTF-8.", of(*(
        file(name, flags=flags) for name in (b"demo/caf\xe9.py", "demo/caf\u00e9.py".encode(), b"demo/\x80",
            b"demo/\xff\xfe",
        b"demo/\xed\xa0\x80", b"demo/\xc0\x80", b"demo/x.py") for flags in (0, 0x800))), "APPNOTE D.1"),
    ("names that are one without case", "Two names differ by case only.", _two(
        ("demo/x.py", "demo/X.py"), ("demo/x.py", "DEMO/x.py"), ("demo/\u00e9", "demo/\u00c9"), ("demo/\u0131", "demo/I"),
        ("demo/\u00df", "demo/SS"), ("demo/\u212a", "demo/k")), _ZIPDIFF),
    ("names that are one in Unicode", "Two names are the same in one Unicode form.", _two(
        ("demo/caf\u00e9", "demo/cafe\u0301"), ("demo/\u212b", "demo/\u00c5"), ("demo/\ufb01", "demo/fi"),
        ("demo/\uac00", "demo/\u1100\u1161")), "UAX #15"),
    ("paths that are one", "Two paths become one when they are put in order.", _two(
        ("demo/x.py", "demo/./x.py"), ("demo/x.py", "demo//x.py"), ("demo/x.py", "./demo/x.py"), ("demo/x.py",
            "x/../demo/x.py"),
        ("demo/x.py", "/demo/x.py"), ("demo/x.py", "demo\\x.py"), ("demo/x.py", "demo/x.py/."), ("demo/x", "demo/x ")),
            _ZIPDIFF),
    ("a file and a directory", "A name is a file and a directory.", of(
        files(Entry("demo/x", b""), Entry("demo/x/", **_DIRECTORY)), files(Entry("demo/x/", **_DIRECTORY), Entry("demo/x",
            b"")),
        files(Entry("demo/x", b"x"), Entry("demo/x/y", b"y")), files(Entry("demo/x/y", b"y"), Entry("demo/x", b"x")),
        files(Entry("demo/X", b"x"), Entry("demo/x/y", b"y")), files(Entry("demo", b"x")), files(Entry(INFO, b"x")),
        files(Entry(f"{INFO}/METADATA/", **_DIRECTORY)), files(Entry(f"{INFO}/WHEEL/x", b"")),
        *(file(name, b"x") for name in ("demo/.", "./demo", ".", "./.", f"{INFO}/.", f"{INFO}/entry_points.txt/x",
            f"{INFO}/INSTALLER/x", f"{INFO}/REQUESTED/x", f"{INFO}/direct_url.json/x")),
        files(Entry("demo/sub/.", b"x"), Entry("demo/sub/x", b"y")), files(Entry("demo/./sub", b"x"), Entry("demo/sub/y",
            b"y"))), _ZIPDIFF),
    ("directories", "A directory has content, or attributes of a file.", of(*(
        file("demo/sub/", content, method=0, mode=mode, directory={"external_attributes": mode << 16 | bits})
        for content in (b"", b"x") for mode in (0o40755, 0o100644, 0) for bits in (0, 0x10))), "ZipDiff, A4"),
    ("files like directories", "A file has the attributes of a directory.", of(*(
        file("demo/x", made_by=made_by, directory={"external_attributes": attributes})
        for made_by in (20, 0x0314, 0x1314, 0x0A14, 0) for attributes in (0x10, 0o40755 << 16, 0o100644 << 16 | 0x10,
            0x4000 << 16,
        0xFFFF_FFFF, 0))), "ZipDiff, A4"),
    ("links and devices", "An entry is a link, a device, a socket or a pipe.", _modes(
        0o120777, 0o20644, 0o60644, 0o10644, 0o140644, 0o160000, 0o40755, 0o30000), _SLIP),
    ("modes", "A file has set-user-id bits, may be written by all, or may not be read.", _modes(
        0, 0o644, 0o755, 0o100000, 0o100777, 0o104755, 0o102755, 0o101777, 0o106777, 0o100200, 0o100111, 0o177777), _FORMAT),
    ("links that lead out", "An entry is a link to a place outside, and a file is below it.", of(*(
        files(Entry("demo/link", target, mode=0o120777), *more) for target in (b"/etc", b"..", b"../..", b"x\0y", b"")
        for more in ((), (Entry("demo/link/x", b"x"),)))), _SLIP),
    ("long names", "A name, or a part of one, is long.", _called(
        *("demo/" + "x" * length for length in (200, 255, 256, 300, 5_000)), "d/" * 120 + "x", "d/" * 300 + "x",
            "\u00e9" * 128,
        "demo/" + "\U0001f600" * 64), _FORMAT),
    ("odd names", "A name is odd in some other way.", family("a file called", "two names", "a file"), _FORMAT),
    ("names at the top", "A file at the top is one that everybody has, or that Python runs.", _called(
        "tests/x.py", "x.pth", "sitecustomize.py", "setup.py", "__init__.py", "python.py", "site.py", "lib/x", "bin/x",
            "x.egg-link",
        "x.dist-info", "x.data", "pip/__init__.py", ".env", "__pycache__/x.pyc", "..pth", "EGG-INFO/x"), _FORMAT),
    ("a second dist-info", "There is a second dist-info, or one that is named otherwise.", of(*map(_twin, (
        "other-1.0.dist-info/METADATA", "demo-2.0.dist-info/METADATA", "Demo-1.0.dist-info/METADATA",
        "demo-1.0.DIST-INFO/METADATA", "demo-1.0.dist-info./METADATA", "demo-1.0.dist-info /METADATA",
        "demo.dist-info/METADATA",
        "sub/demo-1.0.dist-info/METADATA", "demo-1.0.dist-info/METADATA.", "demo-1.0.dist-info/metadata",
        "demo-1.0.dist-info/x/METADATA", "./demo-1.0.dist-info/METADATA", "demo_-1.0.dist-info/METADATA",
        "demo-1.0.egg-info/PKG-INFO", ".dist-info/METADATA", "-.dist-info/METADATA"))), "ZipDiff, B"),
    ("the name of dist-info", "dist-info is not named as the file name says.", _folders(
        "other-1.0.dist-info", "demo-2.0.dist-info", "Demo-1.0.dist-info", "demo-1.dist-info", "demo-1.0.0.dist-info",
        "demo.dist-info", "demo-1.0-py3.dist-info", "demo-1.0.DIST-INFO", "demo--1.0.dist-info", "demo-v1.0.dist-info",
        "demo-1.0+x.dist-info", "d.e.m.o-1.0.dist-info", ".dist-info", "demo-1.0.dist-info ", "d\u00e9mo-1.0.dist-info",
        "demo-01.0.dist-info", "../demo-1.0.dist-info", "x/demo-1.0.dist-info"), _FORMAT),
    ("data", "A file of the data directory goes to an unknown place, or leads out of it.", _data(*(
        f"demo-1.0.data/{path}" for path in (
        "purelib/x.py", "platlib/x.py", "scripts/tool", "data/etc/x", "headers/x.h", "foo/x", "Purelib/x", "purelib", "x",
        "scripts/../x", "data/../../x", "data//etc/x", "data/./x", "data//x", "/x", "./x", "scripts/sub/tool", "data/bin/x",
        "include/x.h", "lib/x", "scripts/python", "scripts/tool.exe", "data/", "scripts/", "purelib/demo/__init__.py",
        "purelib/demo", "purelib/demo/__init__.py/x", f"purelib/{INFO}/METADATA/x", "purelib/./demo/__init__.py",
        "purelib/demo-1.0.data/scripts/x", "data/./bin/python", f"purelib/{INFO}/sboms",
        f"purelib/{INFO}/entry_points.txt"))),
        _FORMAT),
    ("data of others", "The data directory is not that of the wheel.", _data(*(
        f"{folder}/data/x" for folder in ("other-1.0.data", "demo-2.0.data", "Demo-1.0.data", "demo-1.0.DATA",
            "demo-1.0.data.",
        "demo.data", "demo-1.0.0.data", ".data", "sub/demo-1.0.data", "demo-1.0.data "))), _FORMAT),
    ("data that is there already", "A file of the data directory goes where another one is.", of(*(
        files(Entry(f"demo-1.0.data/{one}", b"1"), Entry(other, b"2")) for one, other in (
        ("purelib/x.py", "demo-1.0.data/platlib/x.py"), ("purelib/demo/x.py", "demo/x.py"), ("platlib/demo/turn.py",
            "demo/y.py"),
        (f"purelib/{INFO}/METADATA", "demo/y"), (f"platlib/{INFO}/RECORD", "demo/y"), ("scripts/x",
            "demo-1.0.data/data/bin/x"),
        ("scripts/x", "demo-1.0.data/scripts/X"), ("purelib/x", "demo-1.0.data/purelib/x/y")))), _FORMAT),
    ("more of data", "A file of the data directory is odd in some other way.", family("data", "unknown data"), _FORMAT),
    ("scripts", "A script begins oddly.", family("a script"), _FORMAT),
    ("licences and others", "dist-info holds a file of an odd name.", each(
        lambda name: info(name, b"x"), "licenses/../x", "licenses//x", "LICENSES/x", "licenses", "x/../METADATA",
            "./METADATA", "METADATA.",
        "METADATA ", "metadata", "Record", "wheel", "RECORD/", "METADATA/", "\u202ex", "a\0b", "x" * 300), _FORMAT),
)  # fmt: skip
_WHEEL_NAMES: Final[tuple[tuple[str, str, Make, str], ...]] = (
    ("parts", "The file name has more or fewer parts.", _wheels(
        "demo-1.0.whl", "demo-1.0-py3.whl", "demo-1.0-py3-none.whl", "demo-1.0-1-py3-none-any.whl",
            "demo-1.0-x-py3-none-any.whl",
        "demo-1.0-1-2-py3-none-any.whl", "demo.whl", ".whl", "-----.whl", "demo--py3-none-any.whl", "-1.0-py3-none-any.whl",
        "demo-1.0-py3-none-any-.whl", "demo-1.0--py3-none-any.whl", "demo-1.0-py3-none-any"), _FILENAME),
    ("endings", "The file name ends otherwise.", _wheels(
        "demo-1.0-py3-none-any.WHL", "demo-1.0-py3-none-any.whl.zip", "demo-1.0-py3-none-any.whl ",
            "demo-1.0-py3-none-any (1).whl",
        "demo-1.0-py3-none-any.zip", "demo-1.0-py3-none-any.whl.", "demo-1.0-py3-none-any.\u202elhw"), _FILENAME),
    ("names of projects", "The name in the file name is not that of METADATA, or spelled otherwise.", _wheels(
        *(f"{name}-1.0-py3-none-any.whl" for name in ("Demo", "DEMO", "other", "d.emo", "demo_", "_demo", "d\u00e9mo",
            "de mo",
        "demo\u200b", "\uff44emo", "demo\n", "d__emo", "demo.", "\x1b[2Jdemo", "..", "demo;x", "'demo'", "$demo"))),
        _FILENAME),
    ("versions", "The version in the file name is not that of METADATA, or spelled otherwise.", _wheels(
        *(f"demo-{version}-py3-none-any.whl" for version in ("1", "1.0.0", "v1.0", "2.0", "1.0+x", "1.0_x", "1!1.0",
            "0!1.0", "one",
        "1.0.post0", "1.0.", "01.0", "\u0661.0", "1.0a", "1..0", "1.0 ", "1.0\t", "1.0.dev0", "9" * 150))), _FILENAME),
    ("tags", "The tags of the file name are unknown, or spelled otherwise.", _wheels(
        *(f"demo-1.0-{tag}.whl" for tag in ("PY3-none-any", "py3-None-any", "py2-none-any", "py3.py3-none-any",
            "py3.-none-any",
        ".py3-none-any", "py3-none-", "-none-any", "py3-none-win_amd64", "cp311-cp311-any", "py3 -none-any",
        "\u0440y3-none-any",
        "py3-none-any.any", "..-..-..", "py3-none-manylinux_2_17_x86_64", "py4-none-any", "cp3-abi3-any", "x-y-z"))),
        _FILENAME),
    ("many tags", "The file name has many tags, and WHEEL has them, or not.", of(
        tagged("py2.py3-none-any", "Tag: py2-none-any", "Tag: py3-none-any"), tagged("py3.py2-none-any",
            "Tag: py2-none-any"),
        tagged(".".join(f"py3{number}" for number in range(40)) + "-none-any", "Tag: py3-none-any"),
        tagged("py2.py3-none-any", "Tag: py2.py3-none-any"), tagged("py2.py3-none.abi3-any", "Tag: py3-none-any")),
        _FILENAME),
    ("build tags", "The build tag is odd.", _wheels(
        *(f"demo-1.0-{tag}-py3-none-any.whl" for tag in ("1", "1a", "01", "0", "a", "1.2", "1_x", "-1", "+1", "\u0661",
            "1 ", "9" * 100,
        "1\u202e"))), _FILENAME),
    ("whole names", "File name, dist-info and METADATA agree on an odd name.", of(*(
        named(f"{name}-{version}-py3-none-any.whl", name=project, version=version) for name, project in (
        ("demo_x", "demo-x"), ("demo_x", "demo.x"), ("Demo", "Demo"), ("demo.x", "demo.x"), ("demo__x", "demo-x"), ("con",
            "con"))
        for version in ("1.0", "1!1.0", "1.0+cu118", "1.0.post1", "1.0rc1"))), _FILENAME),
    ("names of wheels", "The name of the wheel is odd in some other way.", family(
        "dist-info ", "a dot", "a name", "a version", "a local", "a build tag", "two Pythons", "tags", "a tag",
            "a file name"), _FILENAME),
)  # fmt: skip

KINDS: Final = tuple(
    Kind(f"{subject}: {name}", wrong, make, source, streamed=subject == "files")
    for subject, table in (("files", _ROWS), ("the wheel's name", _WHEEL_NAMES))
    for name, wrong, make, source in table
)
