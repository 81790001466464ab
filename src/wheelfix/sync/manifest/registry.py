"""Every code that a manifest can be reported with: what it means, what follows from it, and what to do.

Errors keep a manifest from being used; warnings are about manifests that work, but probably not as intended.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from wheelfix.codes import Check, error_lines, warning_row
from wheelfix.errors import ManifestError
from wheelfix.results import Finding, Severity
from wheelfix.text import counted


def _error(code: str, meaning: str, example: str, remedy: str) -> Check:
    consequence = "The run ends before it sends a request, and the mirror stays as it is."
    return Check(code, Severity.ERROR, meaning, consequence=consequence, example=example, remedy=remedy)


_ALL: Final = (
    _error(
        "manifest-unreadable",
        "The manifest cannot be read, or is not TOML.",
        "mirror.toml: not UTF-8 (byte 13). Save it as UTF-8.",
        "Check the path, or correct the line.",
    ),
    _error(
        "manifest-newer",
        "The manifest is written for a later version of wheelfix.",
        "mirror.toml:1: schema: is 2, and this wheelfix reads 1. Upgrade wheelfix.",
        "Upgrade wheelfix on this machine: what a key of the new form means cannot be guessed.",
    ),
    _error(
        "manifest-unknown-key",
        "A table has a key that manifests do not have.",
        "mirror.toml:9: source pytorch-cpu: projcts: unknown key. Did you mean projects?",
        "Correct the spelling; `wheelfix mirror sync --schema` prints every key.",
    ),
    _error(
        "manifest-command-line-only",
        'A key or value would turn off a safety check, such as `force`, `allow-removals` or `scan = "never"`.',
        "mirror.toml:4: mirror.allow-removals: allowed on the command line only: it would turn off a safety check in every "
        "run. Remove it.",
        "Remove the key. Give `--allow-...` to the run that needs it.",
    ),
    _error(
        "manifest-missing-key",
        "A required key is missing.",
        'mirror.toml:2: mirror.store: missing. Add store = "...".',
        "Add the key.",
    ),
    _error(
        "manifest-invalid-value",
        "A value has the wrong type, or makes no sense for its key.",
        "mirror.toml:5: mirror.keep: must be at least 1, and is 0. Write a number of releases, or \"all\".",
        "Correct the value as the message says.",
    ),
    _error(
        "manifest-empty-list",
        "A list has no items.",
        "mirror.toml:9: source pypi: projects: the list is empty. List at least one, or remove the key.",
        "List at least one item, or remove the key.",
    ),
    _error(
        "manifest-no-sources",
        "The manifest has no source.",
        "mirror.toml: source: the list is empty. Write a table [[source]] with an index.",
        "Write a table `[[source]]` for each index.",
    ),
    _error(
        "manifest-invalid-store",
        "`store` cannot be a mirror: it is a file, a web URL, or a URL that names no bucket.",
        "mirror.toml:3: mirror.store: ftp:// is not supported. Name a directory, or a bucket such as s3://bucket/prefix.",
        "Name a directory, or the URL of a bucket.",
    ),
    _error(
        "manifest-invalid-rules",
        "`rules` names a rule file, a rule set or a rule pack that is not there or cannot be read.",
        "mirror.toml:4: mirror.rules: unknown rule set 'gpus'. Did you mean gpu? File names end with .toml.",
        "Name rule files relative to the manifest, built-in sets, or rule packs that are installed.",
    ),
    _error(
        "manifest-invalid-index",
        "`index` is not an http or https URL of an index.",
        "mirror.toml:9: source number 1: index: 'pypi' is not the URL of an index. Give one that begins with https://.",
        "Give the URL of the simple API, as pip's `--index-url` takes it.",
    ),
    _error(
        "manifest-credentials",
        "A URL contains credentials, which everybody who can read the manifest could use.",
        "mirror.toml:9: source wheels.example.org/simple: index: the URL of wheels.example.org contains credentials. Put "
        "them into ~/.netrc, or into keyring.",
        "Put them into `~/.netrc` or keyring, and revoke those that were shared.",
    ),
    _error(
        "manifest-invalid-name",
        "The name of a source cannot be shown on one line, or is too long.",
        "mirror.toml:8: source number 1: name: empty. Write one line of text, or remove the key.",
        "Write a short name, or remove the key.",
    ),
    _error(
        "manifest-duplicate-name",
        "Two sources have the same name, or would get the same one from their index.",
        "mirror.toml:12: source pypi.org/simple: name: used by another source. Give each source its own name.",
        "Give each source a name of its own: reports, `--only` and the pages of the mirror know sources by it.",
    ),
    _error(
        "manifest-nothing-wanted",
        "A source has neither `projects` nor `lock`. With `dependencies = true` that is allowed if another source has one: "
        "the source then only supplies dependencies.",
        "mirror.toml:8: source pypi: has neither projects nor lock. List what is to come from it.",
        "List the projects, or the lock files; or set `dependencies = true` for an index of dependencies.",
    ),
    _error(
        "manifest-projects-and-lock",
        "A source has both `projects` and `lock`, which are chosen by different rules.",
        "mirror.toml:8: source pypi: has both projects and lock. Write a source for each.",
        "Write two sources with the same index, each with a name.",
    ),
    _error(
        "manifest-invalid-project",
        "An entry of `projects` is not a project with versions.",
        "mirror.toml:9: source pypi: projects[0]: invalid requirement 'numpy 1.26'. For example: numpy==1.26.*.",
        "Write a name, and a version specifier if you do not want all versions: `numpy==1.26.*`.",
    ),
    _error(
        "manifest-url-requirement",
        "An entry of `projects` has a URL.",
        "mirror.toml:9: source pypi: projects[0]: torch has a URL. Add the file once with "
        "wheelfix mirror add; sync leaves it there.",
        "Remove the URL, or add the file by hand with `wheelfix mirror add`: sync never touches what it did not add.",
    ),
    _error(
        "manifest-marker",
        "An entry of `projects` has a marker.",
        "mirror.toml:9: source pypi: projects[0]: \"numpy; os_name == 'posix'\" has a marker. Use platforms and pythons.",
        "Choose wheels by `platforms` and `pythons` of the source.",
    ),
    _error(
        "manifest-no-version-fits",
        "No version can match a requirement.",
        "mirror.toml:9: source pypi: projects[0]: no version matches numpy<1,>2. Correct the versions.",
        "Correct the specifier.",
    ),
    _error(
        "manifest-duplicate-project",
        "A source lists the same requirement twice.",
        "mirror.toml:9: source pypi: projects[1]: 'Requests' is listed already. Remove one.",
        "Remove one of them.",
    ),
    _error(
        "manifest-lock-missing",
        "A lock file is not there, or is a directory.",
        "mirror.toml:9: source app: lock[0]: there is no file uv.lock. Check the path: it is relative to the manifest.",
        "Check the path, which is relative to the directory of the manifest.",
    ),
    _error(
        "manifest-duplicate-lock",
        "A source lists the same lock file twice.",
        "mirror.toml:9: source app: lock[1]: 'uv.lock' is listed already. Remove one.",
        "Remove one of them.",
    ),
    _error(
        "manifest-small-family",
        "`family = true` is in a source that does not list two projects.",
        "mirror.toml:10: source pytorch: family: has 1 project. A family has two projects or more.",
        "List all projects that belong together, or remove the key.",
    ),
    _error(
        "manifest-changes-locked",
        "A source with `lock` has a key that would choose or rename files: a lock names files with their hashes.",
        "mirror.toml:10: source app: keep: has no effect with lock, which names its files exactly. Remove the key.",
        "Remove the key from this source.",
    ),
    _error(
        "manifest-invalid-time",
        "A length of time has no unit, or is not one.",
        "mirror.toml:6: mirror.min-age: '3' is not a time such as 36h or '30 days'. Did you mean '3 days'?",
        "Write a number with a unit: `36h`, `30 days`, `2 weeks`.",
    ),
    _error(
        "manifest-invalid-platform",
        "An entry of `platforms` is not a pattern for platform tags.",
        "mirror.toml:7: mirror.platforms[0]: the pattern is empty. Write * to match anything.",
        "Write patterns such as `manylinux*_x86_64`, `macosx*_arm64` and `win_amd64`.",
    ),
    _error(
        "manifest-invalid-python",
        "An entry of `pythons` is not a version of Python with two numbers.",
        "mirror.toml:7: mirror.pythons[0]: 'cp311' is not a version of Python. Write one such as \"3.11\".",
        "Write versions such as `\"3.11\"`, in quotes.",
    ),
    warning_row(
        "manifest-project-twice",
        "Two sources list the same project.",
        "The first one that has the project serves it, whatever versions the others have.",
        "mirror.toml:14: source pypi: projects[0]: torch is also listed by source cpu, which serves it if it has it. "
        "Remove it from one of them.",
        "Remove it from one of them, unless the second source is for projects that the first may lack.",
    ),
    warning_row(
        "manifest-unlikely-platform",
        "A pattern matches no platform tag that is in use.",
        "The pattern selects no wheels.",
        "mirror.toml:7: mirror.platforms[0]: 'linux' matches no platform tag. Write one such as 'manylinux*_x86_64', "
        "'macosx*_arm64' or 'win_amd64'.",
        "Write patterns such as `manylinux*_x86_64`.",
    ),
    warning_row(
        "manifest-insecure-index",
        "An index is read over http.",
        "Anybody between you and the index can change what you download, hashes included.",
        "mirror.toml:9: source wheels.example.org/simple: index: read over http. Use https.",
        "Use https, if the server has it.",
    ),
    Check(
        "manifest-extra",
        Severity.NOTE,
        "An entry of `projects` has an extra, and `dependencies` is not set.",
        consequence="What the extra requires is not added to the mirror.",
        example="mirror.toml:9: source pypi: projects[0]: the extra of requests[socks] chooses nothing. "
        "Set dependencies = true, or list what it requires.",
        remedy="Set `dependencies = true`, or list what the extra requires.",
    ),
)  # fmt: skip
MANIFEST_CHECKS: Final = {check.code: check for check in _ALL}


class ManifestPlace(Struct, frozen=True):
    """Where a finding is: a manifest and, where it is about one source, what that is called.

    ``line`` is where the key or the table is, counted from 1, ``None`` where that is not known.
    """

    file: str
    source: str = ""
    line: int | None = None

    def finding(self, code: str, message: str, *, key: str = "", hint: str = "") -> Finding:
        """Return the finding with ``code`` here; ``key`` is the path to the key, such as ``mirror.keep``."""
        file = f"{self.file}:{self.line}" if self.line else self.file
        parts = (file, f"source {self.source}" if self.source else "", key)
        return MANIFEST_CHECKS[code].finding(": ".join(filter(None, parts)), message, hint=hint)


def manifest_error(findings: Sequence[Finding]) -> ManifestError:
    """Return the error that reports the errors among ``findings``, at least one; it carries all of them."""
    errors = [each for each in findings if each.severity is Severity.ERROR]
    head = f"{counted(len(errors), 'error')} in the manifest"
    return ManifestError("invalid-manifest", "\n  ".join((head, *error_lines(errors))), hint="", findings=tuple(findings))
