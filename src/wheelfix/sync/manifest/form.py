"""What a manifest is as a file: its tables and keys. They are closed: an unknown key is an error.

The descriptions and examples here are the reference of manifests: the JSON Schema and the documentation are made from
them. A list may be a single value. What the values mean is in :mod:`wheelfix.sync.manifest.model`.
"""

from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

Texts: TypeAlias = tuple[str, ...]
Keep: TypeAlias = int | Literal["all"]
"""How many releases, at least 1, or all of them."""
Time: TypeAlias = str | int
"""A length of time such as ``36h``; the only integer is 0."""
SdistsWord: TypeAlias = Literal["never", "if-no-wheel", "all"]


class MirrorTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """The mirror, and what applies to all sources."""

    store: Annotated[
        str,
        Meta(
            description="Where the mirror is: a directory, relative to that of the manifest, a `file://` URL, or the URL of "
            "a bucket.",
            examples=["wheels", "/srv/wheels", "s3://wheels/team"],
        ),
    ]
    rules: Annotated[
        Texts,
        Meta(
            description="The rules that fix the wheels: rule files and directories, relative to the manifest, built-in "
            "rule sets, and rule packs. With an empty list files are copied unchanged.",
            examples=["wheelfix.toml", ["gpu", "rules/"], []],
        ),
    ] = ("gpu",)
    on_rules_change: Annotated[
        Literal["report", "build-tag", "replace"],
        Meta(
            description="What to do with wheels in the mirror that the rules would now correct differently. `report` lists "
            "them, and changes nothing. `build-tag` serves the new correction beside the old one, under a build tag, and "
            "yanks the old one. `replace` gives the new one the old name: locks with the old hash fail.",
        ),
    ] = "report"
    dependencies: Annotated[
        bool,
        Meta(description="Also add what the files require, from the first source that has it."),
    ] = False
    keep: Annotated[
        Keep,
        Meta(
            description="How many releases of each project to keep: the newest that fit, or `all`.",
            examples=[3, "all"],
        ),
    ] = 3
    prune_after: Annotated[
        Time,
        Meta(
            description="How long a file that no longer fits, and is yanked, is kept before it is removed; or `never`.",
            examples=["30 days", "never"],
        ),
    ] = "30 days"
    min_age: Annotated[
        Time,
        Meta(
            description="How old a file must be before it is added.",
            examples=["3 days", "36h", 0],
        ),
    ] = 0
    sdists: Annotated[
        SdistsWord,
        Meta(
            description="Which source distributions the mirror has: none, those of releases that have no wheel for the "
            "platforms and Pythons, or all. They are copied unchanged.",
        ),
    ] = "never"
    platforms: Annotated[
        Texts,
        Meta(
            description="Patterns for platform tags: only wheels for these, and those for any platform, are added. "
            "`macosx*_arm64` and `macosx*_x86_64` also select `universal2`. Without the key: wheels for all platforms.",
            examples=[["manylinux*_x86_64", "macosx*_arm64"], "win_amd64"],
        ),
    ] = ()
    pythons: Annotated[
        Texts,
        Meta(
            description="Versions of Python: only wheels that one of these can use are added. Without the key: all wheels.",
            examples=[["3.11", "3.12"]],
        ),
    ] = ()
    skip_gpu_builds: Annotated[
        bool,
        Meta(description="Add a wheel unchanged, instead of refusing it, if it needs what a rule would drop."),
    ] = False
    skip_unproven: Annotated[
        bool,
        Meta(
            description="Add a wheel unchanged, instead of refusing it, if there is no evidence whether it needs what a "
            "rule would drop.",
        ),
    ] = False
    scan: Annotated[
        Literal["auto", "always"],
        Meta(description="When the binaries of a wheel are read for what they link to, as with `wheelfix fix --scan`."),
    ] = "auto"
    repair: Annotated[
        bool,
        Meta(description="Also fix what `wheelfix repair` can fix."),
    ] = False


class SourceTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """An index, and what comes from it: either `projects`, or exactly what the files in `lock` name.

    With `dependencies = true` a source may have neither, if another source has one: it then only supplies dependencies.
    The order of the sources counts: the first one that has a project serves it. `keep`, `min-age`, `sdists`, `platforms` and
    `pythons` are those of `[mirror]` unless the source has its own.
    """

    index: Annotated[
        str,
        Meta(
            description="The URL of the index, that of its simple API. Credentials come from `~/.netrc` or keyring.",
            examples=["https://download.pytorch.org/whl/cpu/"],
        ),
    ]
    name: Annotated[
        str | None,
        Meta(
            description="What the source is called in reports and for `--only`; the pages of the mirror record it for each "
            "file. Without the key it is the host and path of the index. If you rename a source, the files that it "
            "still wants get the new name.",
            examples=["pytorch-cpu"],
        ),
    ] = None
    projects: Annotated[
        Texts,
        Meta(
            description="Projects, with a version specifier if you do not want all versions. The newest releases that fit "
            "are added, as many as `keep` says.",
            examples=[["torch>=2.6", "torchvision"], "numpy==1.26.*"],
        ),
    ] = ()
    lock: Annotated[
        Texts,
        Meta(
            description="Lock files, relative to the manifest: uv.lock, pylock.toml, poetry.lock, pdm.lock, "
            "requirements.txt. Exactly the files that they name are added, and never removed while they do. They are yanked "
            'only if a correction is served beside them (`on-rules-change = "build-tag"`): the lock still installs them.',
            examples=[["uv.lock"]],
        ),
    ] = ()
    family: Annotated[
        bool,
        Meta(
            description="The projects belong together: only versions whose requirements fit each other are added.",
        ),
    ] = False
    local: Annotated[
        Literal["keep", "strip"],
        Meta(
            description="`strip` removes local versions, so that 2.9.0+cpu on Linux and 2.9.0 on macOS are one release; "
            "requirements on them are changed, too.",
        ),
    ] = "keep"
    keep: Annotated[Keep | None, Meta(description="Like `keep` in `[mirror]`, for this source.")] = None
    min_age: Annotated[Time | None, Meta(description="Like `min-age` in `[mirror]`, for this source.")] = None
    sdists: Annotated[SdistsWord | None, Meta(description="Like `sdists` in `[mirror]`, for this source.")] = None
    platforms: Annotated[Texts | None, Meta(description="Like `platforms` in `[mirror]`, for this source.")] = None
    pythons: Annotated[Texts | None, Meta(description="Like `pythons` in `[mirror]`, for this source.")] = None


class ManifestFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """A manifest: the mirror, and the sources of its files in their order."""

    schema: Annotated[Literal[1], Meta(description="The version of the manifest format.")]
    mirror: Annotated[MirrorTable, Meta(description="The mirror, and what applies to all sources.")]
    source: Annotated[tuple[SourceTable, ...], Meta(description="The sources, one table each.")]


TABLES: Final = (ManifestFile, MirrorTable, SourceTable)
"""Every table of a manifest."""
