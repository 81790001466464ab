"""The JSON Schema of manifests: valid, complete, and of one mind with the reader about shapes."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import tomli_w
from hypothesis import given, settings, strategies as st

from places import ROOT
from thorough import examples
from wheelfix.errors import ManifestError
from wheelfix.sync.manifest.form import TABLES
from wheelfix.sync.manifest.read import read_manifest
from wheelfix.sync.manifest.schema import manifest_schema

FAULTY = sorted((ROOT / "tests" / "invalid_manifests").glob("*.toml"))
OF_SHAPE = {
    "empty-lists", "empty-source", "everything-at-once", "guards", "keep-everything", "keep-nothing",
    "keys-in-the-wrong-table", "later-schema", "no-index", "no-mirror", "no-schema", "no-source", "no-store",
    "nothing-wanted", "nothing-wanted-at-all", "projects-and-lock", "python-as-number", "pythons", "schema-is-text",
    "single-source", "sources", "times", "times-too-long", "unknown-keys", "wrong-types", "wrong-words",
}  # fmt: skip
"""The invalid manifests with an error about a key, a type, a word or a number."""


@cache
def validator() -> jsonschema.Draft202012Validator:
    schema = manifest_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def accepts(data: object) -> bool:
    return bool(validator().is_valid(data))


def test_it_says_what_it_is() -> None:
    schema = manifest_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {each.__name__ for each in TABLES} == set(schema["$defs"])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_each_table_is_closed_and_each_key_described(table: type[msgspec.Struct]) -> None:
    found = manifest_schema()["$defs"][table.__name__]
    fields = msgspec.structs.fields(table)
    assert set(found["properties"]) == {field.encode_name for field in fields}
    assert found["additionalProperties"] is False
    assert set(found.get("required", [])) == {field.encode_name for field in fields if field.required}
    for key, each in found["properties"].items():
        assert each["description"], key
        assert "null" not in str(each), key
        validate = jsonschema.Draft202012Validator({**each, "$defs": manifest_schema()["$defs"]})
        for example in (*each.get("examples", ()), *([each["default"]] if "default" in each else ())):
            assert validate.is_valid(example), (key, example)


@pytest.mark.parametrize("dependencies", [True, False])
def test_a_source_that_names_nothing_is_an_index_for_dependencies(dependencies: bool, path: Path) -> None:
    bare, named = {"index": "https://a.example/"}, {"index": "https://b.example/", "projects": ["demo"]}
    mirror = {"store": "wheels", "dependencies": dependencies}
    for sources in ([bare, named], [named, bare]):
        data = {"schema": 1, "mirror": mirror, "source": sources}
        assert accepts(data) is reads(data, path) is dependencies
    alone = {"schema": 1, "mirror": mirror, "source": [bare]}
    assert not accepts(alone)
    assert not reads(alone, path)


@pytest.mark.parametrize("path", FAULTY, ids=lambda path: path.stem)
def test_the_schema_and_the_reader_agree_on_errors_of_shape(path: Path) -> None:
    """Faults of meaning, such as a requirement that is none, are the reader's alone."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return
    assert accepts(data) is (path.stem not in OF_SHAPE | {"a-key-of-many-parts"})


def test_the_files_with_errors_of_shape_are_there() -> None:
    assert {path.stem for path in FAULTY} >= OF_SHAPE


def one_or_more(items: st.SearchStrategy[str]) -> st.SearchStrategy[object]:
    return items | st.lists(items, min_size=1, max_size=3, unique=True)


WORDS = {
    "on-rules-change": ("report", "build-tag", "replace"), "sdists": ("never", "if-no-wheel", "all"),
    "scan": ("auto", "always"), "local": ("keep", "strip"),
}  # fmt: skip
ODD: st.SearchStrategy[object] = st.sampled_from(
    ["", "never", "all", "soon", "3", 0, -1, 3, True, 1.5, [], [1], {}, ["x", 2]]
)
TIMES = st.sampled_from(["36h", "30 days", "1h30m", "1 week 2 days", "0", 0, "0.5h"])
SHARED: dict[str, st.SearchStrategy[object]] = {
    "keep": st.integers(1, 99) | st.just("all"),
    "min-age": TIMES,
    "sdists": st.sampled_from(WORDS["sdists"]),
    "platforms": one_or_more(st.sampled_from(["any", "win_amd64", "manylinux*_x86_64"])),
    "pythons": one_or_more(st.sampled_from(["3.9", "3.11", "3.14"])),
}
MIRROR: dict[str, st.SearchStrategy[object]] = {
    **SHARED,
    "rules": one_or_more(st.sampled_from(["gpu", "gpu/nvidia"])) | st.just([]),
    "on-rules-change": st.sampled_from(WORDS["on-rules-change"]),
    "prune-after": TIMES | st.just("never"),
    "scan": st.sampled_from(WORDS["scan"]),
    **dict.fromkeys(("dependencies", "skip-gpu-builds", "skip-unproven", "repair"), st.booleans()),
}
SOURCE: dict[str, st.SearchStrategy[object]] = {**SHARED, "family": st.booleans(), "local": st.sampled_from(WORDS["local"])}


@st.composite
def manifests(draw: st.DrawFn, odd: st.SearchStrategy[object] | None = None) -> dict[str, Any]:
    """Return a manifest of which only the shape can be wrong: with ``odd`` some values are of those."""

    def table(keys: dict[str, st.SearchStrategy[object]]) -> dict[str, object]:
        chosen = draw(st.lists(st.sampled_from(sorted(keys)), unique=True, max_size=5))
        return {key: draw(odd if odd is not None and draw(st.integers(0, 3)) == 0 else keys[key]) for key in chosen}

    sources = [
        {"index": f"https://example.org/{number}/", "projects": [f"a{number}", f"b{number}>=1"], **table(SOURCE)}
        for number in range(draw(st.integers(1, 2)))
    ]
    if odd is not None and draw(st.booleans()):
        sources.append({"index": "https://example.org/bare/", **table(SHARED)})
    return {"schema": 1, "mirror": {"store": "wheels", **table(MIRROR)}, "source": sources}


def reads(data: dict[str, Any], path: Path) -> bool:
    path.write_text(tomli_w.dumps(data), "utf-8")
    try:
        read_manifest(path)
    except ManifestError:
        return False
    return True


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("manifests") / "mirror.toml"


@settings(max_examples=examples(150))
@given(data=manifests())
def test_both_accept_what_is_right(data: dict[str, Any], path: Path) -> None:
    assert accepts(data)
    assert reads(data, path)


@settings(max_examples=examples(300))
@given(data=manifests(ODD))
def test_what_the_schema_refuses_the_reader_refuses_and_the_other_way_round(data: dict[str, Any], path: Path) -> None:
    """Apart from what only the reader can know: whether a text is a platform, a version, or the name of a rule set."""
    if reads(data, path):
        assert accepts(data)
    texts = {"rules", "platforms", "pythons"}
    plain = [{key: value for key, value in table.items() if key not in texts} for table in (data["mirror"], *data["source"])]
    if accepts(data):
        assert reads({**data, "mirror": plain[0], "source": plain[1:]}, path)
