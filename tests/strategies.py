"""Strategies for hypothesis: METADATA, RECORD, archives and wheels, in the shapes of real ones and of hostile ones."""

from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from building import ALL_WIDE, DEFLATED, STORED, Archive, Descriptor, Entry, RecordStyle, WheelSpec, extra_field

NAMES = ["Requires-Dist", "requires-dist", "Provides-Extra", "License", "Summary", "Author", "X-Own", "Dynamic", "Home-page"]
REQUIREMENTS = ["numpy>=1", "triton", "nvidia-nccl-cu12==2.26", "x (==1) ; os_name == 'nt'", "y; extra == 'z'", "cuda[a]"]
HEAD = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"

values = st.one_of(
    st.sampled_from(REQUIREMENTS).map(str.encode),
    st.binary(max_size=12).map(lambda raw: raw.translate(None, b"\r\n\0")),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=8).map(str.encode),
)
line_ends = st.sampled_from([b"\n", b"\r\n"])


@st.composite
def field_lines(draw: st.DrawFn, ending: bytes) -> bytes:
    """Draw one field, folded or not."""
    name = draw(st.sampled_from(NAMES)).encode()
    folds = draw(st.lists(st.tuples(st.sampled_from([b" ", b"\t", b"        "]), values), max_size=2))
    first = name + b":" + draw(st.sampled_from([b" ", b"", b"\t", b"  "])) + draw(values) + ending
    return first + b"".join(blank + value + ending for blank, value in folds)


@st.composite
def metadata(draw: st.DrawFn) -> bytes:
    """Draw METADATA as a tool could write it: any encoding, line end, folding, order and description."""
    ending = draw(line_ends)
    fields = draw(st.lists(field_lines(ending), max_size=8))
    head = HEAD.replace(b"\n", ending) + b"".join(fields)
    body = draw(st.one_of(st.just(b""), st.binary(max_size=40), st.just(b"Requires-Dist: triton\nFrom here\n>From x\n\n")))
    data = head + ending + body if body or draw(st.booleans()) else head
    return data.removesuffix(ending) if not body and draw(st.booleans()) else data


hostile_pieces = st.one_of(
    field_lines(b"\n"),
    field_lines(b"\r\n"),
    field_lines(b"\r"),
    st.sampled_from(
        [
            b"From x\n", b"From x: y\n", b"no colon\n", b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b": x\n", b":\n",
            b"Name : x\n", b"\xef\xbb\xbf", b"Na\xe9me: x\n", b"\x0b", b"\x0c", b"\x1c", b"\x85", b"\xe2\x80\xa8",
            b"Requires-Dist", b"Requires-Dist: a\0b\n", b"Requires-Dist: a\rRequires-Dist: b\n", b" Requires-Dist: c\n",
            b"A:" + b" x" * 5000 + b"\n", b"\r\r\n", b"From \r", b"X:\r",
        ]
    ),
    st.binary(max_size=6),
)  # fmt: skip
hostile_metadata = st.one_of(
    st.lists(hostile_pieces, max_size=9).map(b"".join),
    st.lists(hostile_pieces, max_size=5).map(lambda pieces: HEAD + b"".join(pieces)),
    st.binary(max_size=40),
)
"""METADATA that two readers could read differently, or not."""

record_paths = st.one_of(
    st.sampled_from(["a,b.py", 'q"q.py', "a b.py", "x\\y.py", "/abs.py", "d/RECORD", "m", "..", "J\u00e9.py"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=8),
)
record_styles = st.builds(
    RecordStyle,
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoted=st.booleans(),
    own_row=st.sampled_from(["first", "middle", "last", "missing"]),
    algorithm=st.sampled_from(["sha256", "sha512", "md5"]),
    final_newline=st.booleans(),
)

extras = st.one_of(
    st.just(b""),
    st.binary(max_size=8).map(lambda data: extra_field(0x5455, data)),
    st.binary(max_size=24).map(lambda data: extra_field(0xCAFE, data)),
)
times = st.tuples(
    st.integers(1980, 2107), st.integers(1, 12), st.integers(1, 28), st.integers(0, 23), st.integers(0, 59),
    st.integers(0, 59),
)  # fmt: skip
member_names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\\/:"), min_size=1, max_size=10
).filter(lambda name: not name.endswith(".dist-info") and name not in (".", ".."))


FORMS: list[dict[str, Any]] = [
    {}, {"wide": ALL_WIDE}, {"wide": frozenset({"offset"})}, {"local_wide": True},
    {"descriptor": Descriptor()}, {"descriptor": Descriptor(4, signature=False)},
]  # fmt: skip


@st.composite
def entries(draw: st.DrawFn, name: str) -> Entry:
    """Draw a member called ``name`` in any legal form."""
    return Entry(
        name,
        draw(st.binary(max_size=60)),
        draw(st.sampled_from([STORED, DEFLATED])),
        mode=draw(st.sampled_from([0o100644, 0o100755, 0o100600, 0o120777])),
        time=draw(times),
        made_by=draw(st.sampled_from([0x0314, 0x0014, 0x031E])),
        extra=draw(extras),
        local_extra=draw(st.one_of(st.none(), extras)),
        comment=draw(st.binary(max_size=6)),
        **draw(st.sampled_from(FORMS)),
    )


@st.composite
def payloads(draw: st.DrawFn) -> tuple[Entry, ...]:
    """Draw the members of a wheel outside of dist-info."""
    names = draw(st.lists(member_names, max_size=4, unique_by=str.casefold))
    return tuple(draw(entries(f"demo/{name}")) for name in names)


@st.composite
def archives(draw: st.DrawFn, members: tuple[Entry, ...] | None = None) -> Archive:
    """Draw a valid archive, of ``members`` if they are given."""
    chosen = members or (*draw(payloads()), draw(entries("last")))
    return Archive(
        chosen,
        comment=draw(st.sampled_from([b"", b"a comment", b"\0\xff"])),
        zip64_end=draw(st.booleans()),
        reversed_directory=draw(st.booleans()),
    )


@st.composite
def wheels(draw: st.DrawFn) -> WheelSpec:
    """Draw a wheel."""
    stored = draw(st.booleans())
    names = draw(st.sets(st.sampled_from(["licenses/L", "top.txt", "RECORD.jws"])))
    files = {name: draw(st.binary(max_size=20)) for name in sorted(names)}
    return replace(
        WheelSpec(files=draw(payloads()), dist_info_files=files, style=draw(record_styles), stored=stored),
        metadata=draw(metadata()),
        dist_info_first=draw(st.booleans()),
        folders=draw(st.booleans()),
        extra=draw(extras),
    )


NAMES = ["foo", "Foo", "foo-x", "demo", "bar"]
requirement_texts = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(NAMES),
    st.sampled_from(["", "[x]", " [cuda, x]", "[Y,cuda]"]),
    st.sampled_from([
        "", ">=1", " (>= 1, <3)", "<3,>=1", " @ https://e.com/a.whl", " >=1.0 <2.0", " >=1.0.*", " !=~5.0", " >=1.0'",
        " >dev", "==1.2", " (== 1.2+cu121)", "~=1.4.2, !=1.4.5", "==1.4.*", "===1.2", "===odd",
        " >=1.0,", " >=9.0.0a1.0", " (>=1",
    ]),
    st.sampled_from([
        "", " ; os_name == 'nt'", " ;os_name==\"nt\"  and extra=='x'", " ; extra == 'x' or extra == 'CUDA'",
        " ; extra != 'x'",
        " ; (extra == 'cuda' or os_name == 'nt') and python_version<'3.9'",
        " ; 'x' == extra or (extra == 'y' and os_name != 'nt')",
        " ; python_version >= 3.6", " ;\n   os_name == 'nt'\n\tor extra == 'cuda'",
    ]),
)  # fmt: skip


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Draw METADATA of any shape, with requirements that rules are for among the fields."""
    data = draw(metadata())
    ending = b"\r\n" if b"\r\n" in data[:30] else b"\n"
    lines = draw(st.lists(requirement_texts, max_size=5))
    more = [
        draw(st.sampled_from(["Requires-Dist: ", "requires-dist:  "])) + text.replace("\n", ending.decode())
        for text in lines
    ]
    more += draw(
        st.lists(st.sampled_from(["Provides-Extra: x", "provides-extra:CUDA", "Summary: a", "X-Own: 1"]), max_size=2)
    )
    head, end, rest = data.partition(b"Version: 1.0" + ending)
    return head + end + b"".join(line.encode() + ending for line in draw(st.permutations(more))) + rest
