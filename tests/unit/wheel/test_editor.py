"""Edits of single fields: what METADATA says afterwards, what is noted, and what is refused."""

from collections.abc import Callable

import pytest

from wheelfix.errors import EditError
from wheelfix.results import Change
from wheelfix.wheel.editor import Editor
from wheelfix.wheel.metadata import Document

HEAD = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"


def edit(fields: str = "", body: str = "") -> Editor:
    return Editor(Document.parse(f"{HEAD}{fields}{body}".encode()))


def written(editor: Editor) -> str:
    """Return what stands below the three fields that all METADATA have."""
    text = editor.document.data.decode()
    assert text.startswith(HEAD)
    return text.removeprefix(HEAD)


def noted(editor: Editor) -> list[tuple[str, str, str | None, str | None]]:
    return [(each.field, each.action, each.before, each.after) for each in editor.changes]


SET = [
    pytest.param(
        "", "Summary", "new", "Summary: new\n", [("Summary", "set-field", None, "new")], id="one-that-was-not-there"
    ),
    pytest.param(
        "Summary: old\nLicense: MIT\n", "Summary", "new", "Summary: new\nLicense: MIT\n",
        [("Summary", "set-field", "old", "new")], id="in-its-place",
    ),
    pytest.param(
        "sUMMARY: old\n", "summary", "new", "sUMMARY: new\n", [("Summary", "set-field", "old", "new")], id="in-any-case"
    ),
    pytest.param(
        "", "sUMMARY", "new", "Summary: new\n", [("Summary", "set-field", None, "new")], id="in-its-usual-spelling"
    ),
    pytest.param("Summary:  same \n", "Summary", "same", "Summary:  same \n", [], id="the-same"),
    pytest.param(
        "License: one\n  two\n", "License", "MIT", "License: MIT\n",
        [("License", "set-field", "one\n  two", "MIT")], id="folded",
    ),
    pytest.param(
        "Summary: a\nLicense: MIT\nSummary: b\n", "Summary", "c", "Summary: c\nLicense: MIT\n",
        [("Summary", "set-field", "a", "c"), ("Summary", "remove-field", "b", None)], id="one-that-stood-twice",
    ),
    pytest.param(
        "Summary: a\nSummary: b\n", "Summary", "a", "Summary: a\n",
        [("Summary", "remove-field", "b", None)], id="first-of-two",
    ),
    pytest.param(
        "License: MIT\n", "Classifier", ["b", "a"], "License: MIT\nClassifier: b\nClassifier: a\n",
        [("Classifier", "set-field", None, "b"), ("Classifier", "set-field", None, "a")], id="list-that-was-not-there",
    ),
    pytest.param(
        "Classifier: a\nLicense: MIT\nClassifier: b\n", "Classifier", ["a", "c", "d"],
        "Classifier: a\nLicense: MIT\nClassifier: c\nClassifier: d\n",
        [("Classifier", "set-field", "b", "c"), ("Classifier", "set-field", None, "d")], id="longer-list",
    ),
    pytest.param(
        "Classifier: a\nLicense: MIT\nClassifier: b\nClassifier: c\n", "Classifier", ["x"],
        "Classifier: x\nLicense: MIT\n",
        [
            ("Classifier", "set-field", "a", "x"), ("Classifier", "remove-field", "b", None),
            ("Classifier", "remove-field", "c", None),
        ], id="shorter-list",
    ),
    pytest.param(
        "Classifier: a\nClassifier: b\n", "Classifier", [], "",
        [("Classifier", "remove-field", "a", None), ("Classifier", "remove-field", "b", None)], id="empty-list",
    ),
    pytest.param("", "Classifier", [], "", [], id="empty-list-of-none"),
    pytest.param(
        "Classifier: a\nClassifier: b\n", "Classifier", ["a", "b"], "Classifier: a\nClassifier: b\n", [], id="same-list"
    ),
    pytest.param(
        "Classifier: a\nClassifier: b\n", "Classifier", ["b", "a"], "Classifier: b\nClassifier: a\n",
        [("Classifier", "set-field", "a", "b"), ("Classifier", "set-field", "b", "a")], id="other-order",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("before", "name", "value", "after", "changes"), SET)
@pytest.mark.parametrize("body", ["", "\nAbout demo.\nSummary: no field\n"])
def test_a_field_is_set(
    before: str,
    name: str,
    value: str | list[str],
    after: str,
    changes: list[tuple[str, str, str | None, str | None]],
    body: str,
) -> None:
    editor = edit(before, body)
    editor.set_field(name, value)
    assert written(editor) == after + body
    assert noted(editor) == changes
    editor.set_field(name, value)
    assert (written(editor), noted(editor)) == (after + body, changes)


ADDED = [
    ("", "Classifier", "a", "Classifier: a\n"),
    ("Classifier: a\nLicense: MIT\n", "classifier", "b", "Classifier: a\nClassifier: b\nLicense: MIT\n"),
    ("Requires-Dist: a>=1,<2\n", "Requires-Dist", "a>=2", "Requires-Dist: a>=1,<2\nRequires-Dist: a>=2\n"),
    ("classifier: a\n", "Classifier", "b", "classifier: a\nclassifier: b\n"),
]


@pytest.mark.parametrize(("before", "name", "value", "after"), ADDED)
def test_a_value_is_added_behind_the_last_one_of_its_name(before: str, name: str, value: str, after: str) -> None:
    editor = edit(before)
    editor.add_field(name, value)
    assert written(editor) == after
    assert noted(editor) == [("Classifier" if name == "classifier" else name, "add-field", None, value)]


PRESENT = [
    ("Classifier: a\n", "CLASSIFIER", "a"),
    ("Classifier:   a  \n", "Classifier", "a"),
    ("Requires-Dist: a (<2,>=1) ; os_name=='nt'\n", "requires-dist", 'A>=1,<2; os_name == "nt"'),
    ("Requires-Dist: a;\n  os_name=='nt'\n", "Requires-Dist", "a; os_name == 'nt'"),
]


@pytest.mark.parametrize(("before", "name", "value"), PRESENT)
def test_a_value_that_is_there_is_not_added(before: str, name: str, value: str) -> None:
    editor = edit(before)
    editor.add_field(name, value)
    assert (written(editor), editor.changes) == (before, [])


REMOVED = [
    ("Summary: a\nLicense: MIT\n", "SUMMARY", None, "License: MIT\n", ["a"]),
    ("Classifier: a\nLicense: MIT\nClassifier: b\n", "Classifier", None, "License: MIT\n", ["a", "b"]),
    ("Classifier: a\nClassifier: b\nClassifier: a \n", "Classifier", "a", "Classifier: b\n", ["a", "a"]),
    ("License: one\n two\nSummary: x\n", "License", None, "Summary: x\n", ["one\n two"]),
    ("Classifier: a\n", "Classifier", "A", "Classifier: a\n", []),
    ("Classifier: a\n", "Summary", None, "Classifier: a\n", []),
]


@pytest.mark.parametrize(("before", "name", "value", "after", "gone"), REMOVED)
def test_a_field_is_removed(before: str, name: str, value: str | None, after: str, gone: list[str]) -> None:
    editor = edit(before, "\nbody\n")
    editor.remove_field(name, value)
    assert written(editor) == f"{after}\nbody\n"
    assert noted(editor) == [(name.title(), "remove-field", each, None) for each in gone]


def test_changes_name_the_rule_and_the_reason_of_their_time() -> None:
    editor = edit("License: MIT\n")
    editor.rule, editor.reason = "own/summary", "It was wrong."
    editor.set_field("Summary", "new")
    editor.rule = editor.reason = None
    editor.add_field("Classifier", "a")
    editor.remove_field("License")
    assert editor.changes == [
        Change("Summary", "set-field", None, "new", "own/summary", reason="It was wrong."),
        Change("Classifier", "add-field", None, "a"),
        Change("License", "remove-field", "MIT", None),
    ]


def test_many_fields_are_replaced_at_once() -> None:
    editor = edit("Requires-Dist: a\nLicense: MIT\nRequires-Dist: b\nRequires-Dist: c\n")
    first, second, _ = editor.document.all("Requires-Dist")
    change = Change("Requires-Dist", "drop", "b", None, "own/b")
    editor.replace({second: None, first: "z"}, [change])
    assert written(editor) == "Requires-Dist: z\nLicense: MIT\nRequires-Dist: c\n"
    assert editor.changes == [change]


REFUSED: list[tuple[str, Callable[[Editor], None]]] = [
    ("identity-field", lambda editor: editor.set_field("Name", "other")),
    ("identity-field", lambda editor: editor.set_field("version", "2")),
    ("repeated-field", lambda editor: editor.set_field("Classifier", "a")),
    ("repeated-field", lambda editor: editor.set_field("requires-dist", "a")),
    ("single-field", lambda editor: editor.set_field("Summary", ["a"])),
    ("single-field", lambda editor: editor.set_field("Summary", [])),
    ("single-field", lambda editor: editor.add_field("Summary", "a")),
    ("single-field", lambda editor: editor.add_field("Name", "a")),
    ("required-field", lambda editor: editor.remove_field("Name")),
    ("required-field", lambda editor: editor.remove_field("VERSION", "1.0")),
    ("required-field", lambda editor: editor.remove_field("Metadata-Version")),
    ("body-holds-description", lambda editor: editor.set_field("Description", "a")),
    ("invalid-field-value", lambda editor: editor.set_field("Summary", "")),
    ("invalid-field-value", lambda editor: editor.set_field("Summary", "a\nb")),
    ("invalid-field-value", lambda editor: editor.set_field("Summary", "a\rb")),
    ("invalid-field-value", lambda editor: editor.set_field("Summary", " a")),
    ("invalid-field-value", lambda editor: editor.set_field("Summary", "a\0")),
    ("invalid-field-value", lambda editor: editor.set_field("Classifier", ["a", ""])),
    ("invalid-field-value", lambda editor: editor.set_field("Classifier", ["a", "b\n"])),
    ("invalid-field-value", lambda editor: editor.set_field("Metadata-Version", "2.9")),
    ("invalid-field-value", lambda editor: editor.set_field("Requires-Python", "3.8")),
    ("invalid-field-value", lambda editor: editor.set_field("Requires-Dist", ["a", "b >"])),
    ("invalid-field-value", lambda editor: editor.add_field("Requires-Dist", "a b")),
    ("invalid-field-value", lambda editor: editor.add_field("Requires-Dist", "a; python_verson < '3'")),
    ("invalid-field-value", lambda editor: editor.add_field("Classifier", "a\n")),
    ("invalid-field-value", lambda editor: editor.add_field("Classifier", "")),
    ("invalid-field-name", lambda editor: editor.add_field("X Own", "a")),
    ("invalid-field-name", lambda editor: editor.set_field("X:", "a")),
    ("unknown-field", lambda editor: editor.set_field("X-Own", "a")),
    ("unknown-field", lambda editor: editor.set_field("X-Own", ["a", "b"])),
    ("unknown-field", lambda editor: editor.add_field("X-Own", "a")),
]


@pytest.mark.parametrize(("code", "run"), REFUSED, ids=[f"{index}-{code}" for index, (code, _) in enumerate(REFUSED)])
def test_what_is_refused_changes_nothing_and_notes_nothing(code: str, run: Callable[[Editor], None]) -> None:
    editor = edit("Summary: old\nClassifier: x\n", "\nThe description.\n")
    before = editor.document
    with pytest.raises(EditError) as caught:
        run(editor)
    assert caught.value.code == code
    assert caught.value.hint
    assert (editor.document, editor.changes) == (before, [])


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Tag", "set-tag"), ("root-is-purelib", "set-root-is-purelib"), ("Build", "--build-tag"),
        ("Wheel-Version", "Build the wheel again"), ("Generator", "Build the wheel again"),
        ("Require-Python", "Did you mean Requires-Python?"), ("Zzz", "core metadata"),
    ],
)  # fmt: skip
def test_an_unknown_field_is_refused_with_what_works(name: str, hint: str) -> None:
    """As in rule files: in METADATA no reader would look for a field of WHEEL."""
    for change in (edit().set_field, edit().add_field):
        with pytest.raises(EditError) as caught:
            change(name, "x")
        assert caught.value.code == "unknown-field"
        assert hint in caught.value.hint


def test_a_requirement_that_nests_without_end_is_refused() -> None:
    editor = edit()
    with pytest.raises(EditError) as caught:
        editor.add_field("Requires-Dist", f"a; {'(' * 3000}os_name == 'nt'{')' * 3000}")
    assert caught.value.code == "invalid-field-value"


def test_a_description_is_a_field_where_there_is_no_body() -> None:
    editor = edit("", "\n\n")
    editor.set_field("Description", "text")
    assert editor.document.first("Description") == "text"


VERSIONED: list[tuple[str, Callable[[Editor], None], str | None]] = [
    ("2.1", lambda editor: editor.set_field("License-Expression", "MIT"), "2.4"),
    ("2.4", lambda editor: editor.set_field("License-Expression", "MIT"), None),
    ("2.5", lambda editor: editor.set_field("License-Expression", "MIT"), None),
    ("2.3", lambda editor: editor.set_field("license-file", ["L"]), "2.4"),
    ("2.1", lambda editor: editor.add_field("Dynamic", "Summary"), "2.2"),
    ("1.2", lambda editor: editor.add_field("Provides-Extra", "a"), "2.1"),
    ("1.1", lambda editor: editor.add_field("requires-dist", "a"), "1.2"),
    ("1.0", lambda editor: editor.add_field("Classifier", "a"), "1.1"),
    ("1.0", lambda editor: editor.set_field("Summary", "a"), None),
    ("1.0", lambda editor: editor.remove_field("License-File"), None),
    ("no version", lambda editor: editor.add_field("Dynamic", "Summary"), None),
]


@pytest.mark.parametrize(("version", "run", "since"), VERSIONED)
def test_a_field_that_is_too_new_is_refused(version: str, run: Callable[[Editor], None], since: str | None) -> None:
    editor = Editor(Document.parse(HEAD.replace("2.1", version).encode()))
    run(editor)
    if since is None:
        editor.check_versions()
        return
    with pytest.raises(EditError, match=rf"Metadata-Version {since} \(found {version}\)") as caught:
        editor.check_versions()
    assert caught.value.code == "field-too-new"
    assert since in caught.value.hint


def test_the_metadata_version_can_be_raised_before_or_after() -> None:
    for order in (1, -1):
        editor = edit()
        edits = {"Metadata-Version": "2.4", "License-Expression": "MIT"}
        for name, value in [*edits.items()][::order]:
            editor.set_field(name, value)
        editor.check_versions()
        assert editor.document.first("Metadata-Version") == "2.4"


def test_a_field_that_was_too_new_already_is_not_of_our_making() -> None:
    editor = edit("License-File: L\n")
    editor.add_field("License-File", "M")
    editor.set_field("License-File", ["N"])
    editor.check_versions()
    assert written(editor) == "License-File: N\n"


UNDONE: list[Callable[[Editor], None]] = [
    lambda editor: editor.remove_field("License-File"),
    lambda editor: editor.remove_field("License-File", "L"),
    lambda editor: editor.set_field("License-File", []),
]


@pytest.mark.parametrize("undo", UNDONE)
def test_a_field_that_is_gone_again_is_not_too_new(undo: Callable[[Editor], None]) -> None:
    editor = edit()
    editor.add_field("License-File", "L")
    undo(editor)
    assert written(editor) == ""
    editor.check_versions()


def test_a_document_without_a_version_is_not_judged() -> None:
    editor = Editor(Document.parse(b"Name: demo\n"))
    editor.add_field("Dynamic", "Summary")
    editor.check_versions()
    assert editor.document.data == b"Name: demo\nDynamic: Summary\n"


def test_crlf_is_kept() -> None:
    editor = Editor(Document.parse(HEAD.replace("\n", "\r\n").encode() + b"Summary: a\r\n\r\nBody\r\n"))
    editor.set_field("Summary", "b")
    editor.add_field("Classifier", "c")
    editor.remove_field("Metadata-Version-X")
    assert editor.document.data.endswith(b"Version: 1.0\r\nSummary: b\r\nClassifier: c\r\n\r\nBody\r\n")
