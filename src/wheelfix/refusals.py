"""Why a wheel, a file or a run can be refused: a row for each code of an error that is not about a damaged wheel.

What is wrong with a wheel itself has its row in ``verify/registry``, what is wrong with a rule file in ``rules/registry``.
"""

from typing import Final

from wheelfix.codes import Check
from wheelfix.results import Severity


def _refused(code: str, meaning: str, remedy: str) -> Check:
    return Check(
        code,
        Severity.ERROR,
        meaning,
        consequence="This wheel is left as it is; the others are processed as usual.",
        remedy=remedy,
    )


def _stopped(code: str, meaning: str, remedy: str) -> Check:
    return Check(code, Severity.ERROR, meaning, remedy=remedy)


# fmt: off
_SAFETY: Final = (
    _refused("unsafe",
        "The wheel needs a requirement that would be dropped: a binary links to it, or the build says so.",
        "Copy GPU builds unchanged with `--skip-gpu-builds`, or keep the requirement by a rule. `--force` overrides it."),
    _refused("unproven", "There is no evidence whether the wheel needs a requirement that would be dropped.",
        "Copy such wheels with `--skip-unproven`. If you know that it is unused, use your own rule or `--allow-unproven`."),
    _refused("cpu-local-version", "The new local version says that the wheel is a CPU build, but it is not one.",
        "Choose another local version, or copy GPU builds unchanged with `--skip-gpu-builds`."),
    _refused("mixed-release",
        "The wheels of one release would disagree more than before: resolvers read one and lock that for all.",
        "Fix all wheels of the release together, or give those that change a version of their own with `--local`."),
    _refused("new-error", "The fixed wheel would have an error that the original does not have.",
        "Change the rule or the option that causes it, or build the wheel again."),
    _refused("damaged-metadata", "METADATA is not what RECORD says: a fixed wheel would vouch for what may be damaged.",
        "Download or build the wheel again. If METADATA is right, run `wheelfix repair --trust-content` first."),
    _refused("damaged-provenance", "The provenance of an earlier fix is not what RECORD says.",
        "Download the wheel again. If the file is right, run `wheelfix repair --trust-content` first."),
    _refused("damaged-wheel-file", "The WHEEL file is not what RECORD says.",
        "Download or build the wheel again. If WHEEL is right, run `wheelfix repair --trust-content` first."),
    _refused("foreign-provenance", "The file in which wheelfix writes the provenance was written by another tool.",
        "Write no provenance with `--no-sbom`, or build the wheel again without the file."),
    _refused("name-collision", "A file that would be added to dist-info has the path of another file or directory.",
        "Build the wheel again without it, or leave out the option that adds the file."),
)
_EDITS: Final = (
    _refused("body-holds-description",
        "METADATA has its description in the body, so that a field Description would be a second one.",
        "Build the wheel again with another description."),
    _refused("field-too-new", "A field requires a later Metadata-Version than the wheel has.",
        "Set Metadata-Version as well, or leave such wheels out."),
    _refused("foreign-plan", "A plan was applied to another wheel than the one it was made for.", "Apply it to that one."),
    _refused("identity-field", "Name and Version are the identity of a wheel and cannot be set.",
        "Use `--local` or `--build-tag`, or build the wheel under its new name."),
    _refused("invalid-build-tag",
        "The text cannot be a build tag.", "Begin with a digit, then letters, digits, _ and dots."),
    _refused("invalid-field-name", "The text cannot be the name of a field.", "Use a name such as Classifier."),
    _refused("invalid-field-value", "The value is not possible in this field.", "Correct the value as the message says."),
    _refused("invalid-local-version",
        "The text cannot be a local version.", "Use letters and digits separated by dots, such as cpu."),
    _refused("invalid-path", "The path cannot be that of a file in dist-info.", "Use a path such as licenses/NOTICE."),
    _refused("invalid-result", "A rule would turn a requirement into something that is not a requirement.",
        "Drop the requirement, or write it in full with the action replace."),
    _refused("no-such-file", "A file that was to be removed is not in dist-info.", "Check its spelling."),
    _refused("no-version",
        "The version of the wheel cannot have a local version; or an index has no wheel of a version that fits.",
        "Check the version."),
    _refused("no-version-in-directory", "The dist-info directory names no version.", "Build the wheel again."),
    _refused("not-a-local-file", "The wheel is not a local file, and can only be read.", "Download it first."),
    _refused("other-data-directory",
        "Under its new name the wheel would have another .data directory.", "Choose another local version."),
    _refused("other-version", "METADATA and the file name have different versions.", "Build the wheel again."),
    _refused("own-file", "METADATA, WHEEL, RECORD and the provenance cannot be replaced or removed as a whole.",
        "Change their fields with rules."),
    _refused("record-own-row-hash", "RECORD has a hash or a size for itself, which would be wrong afterwards.",
        "Fix that in the same run with `--repair`."),
    _refused("renamed-url", "A requirement with a URL cannot be renamed: the URL stays that of the other project.",
        "Drop it and add the other one."),
    _refused("repeated-field",
        "The field can appear more than once, so that it cannot be set.", "Add or remove values instead."),
    _refused("required-field", "The field is required and cannot be removed.", "Set it instead."),
    _refused("same-directory-name",
        "Two directories of the wheel would get the same name.", "Build the wheel again with one of them."),
    _refused("single-field", "The field can appear only once.", "Set it instead of adding to it."),
    _refused("unknown-field", "There is no such field of METADATA.", "Check its spelling."),
    _refused("unreadable-marker",
        "The marker cannot be read, so that nothing can be added to it.", "Replace it with set-marker."),
)
_OUTPUT: Final = (
    _stopped("output-exists", "There is another file where the result would be written.",
        "Choose another directory, or replace the file with `--overwrite`. Apply several fixes in one run."),
    _stopped("output-is-input",
        "The result would replace the wheel that is read.", "Choose another directory, or use `--in-place`."),
    _stopped("other-name",
        "The result must have the name that belongs to the wheel.", "Choose a directory, and give it this name."),
    _stopped("same-output-name", "Two wheels of one run would be written to the same path.", "Fix them in two runs."),
    _stopped("not-as-planned",
        "What was written is not what was planned: a bug of wheelfix or a damaged disk. Nothing was published.",
        "Run again. If it persists, report it with the wheel."),
    _stopped("output-changed", "Another process wrote to the new file.", "Run again when nothing else writes there."),
    _stopped("source-changed", "The wheel changed while it was read.", "Run again when nothing writes to it."),
    _stopped("no-workers", "The system does not let wheelfix start so many processes.", "Run with fewer jobs."),
    _stopped("worker-died",
        "A worker process ended without a result, perhaps for lack of memory.", "Run again with fewer jobs."),
    _stopped("no-result", "The executor gave no result for a wheel.", "Run it again, without the executor if it persists."),
    _stopped("internal-error", "wheelfix failed unexpectedly.", "Report it, with the wheel if you can."),
    _stopped("unknown-rule-set", "A rule set that comes with wheelfix cannot be read.", "Install wheelfix again."),
    _stopped("os-error", "The operating system refused something.", "See the message."),
)
_MIRRORS: Final = (
    _stopped("not-a-mirror",
        "The directory is not a wheelfix mirror.", "Check the path; a new mirror needs an empty or missing directory."),
    _stopped("changed-meanwhile", "Another process changed the mirror at the same moment, again and again.", "Run again."),
    _stopped("bad-page",
        "A page of the mirror or index cannot be read.", "Run `wheelfix mirror check --fix`, or restore a backup."),
    _stopped("bad-project", "The text cannot be the name of a project.", "Check its spelling."),
    _stopped("bad-selection", "The text does not name a project, versions or files.", "Examples: torch, torch==2.7.0."),
    _stopped("given-twice",
        "The same wheel was given twice, with different bytes.", "Give only the one to be served."),
    _stopped("invalid-wheel", "The wheel has errors, and a mirror serves no such wheels.",
        "See `wheelfix verify`; `wheelfix repair` can fix some."),
    _stopped("is-the-original", "The mirror serves the fixed wheel, and this is its original.",
        "There is nothing to do. To list it too, fix it with `--build-tag` or `--local`."),
    _stopped("link-outside", "A symbolic link in the mirror leads out of it.", "Remove the link."),
    _stopped("locked", "Another process is writing to the mirror.", "Try again when it has finished."),
    _stopped("name-taken", "The mirror serves another file under this name.",
        "Replace it with `--replace`, or give the wheel a name of its own with `--build-tag` or `--local`."),
    _stopped("no-metadata-file", "The mirror has lost the metadata file of a wheel.", "Run `wheelfix mirror check --fix`."),
    _stopped("nothing-selected", "No file in the mirror matches.", "Run `wheelfix mirror list` to see all files."),
    _stopped("invalid-rules", "The rules have errors, which are listed with a code each. No wheel was touched.",
        "Correct each as its line says; `wheelfix rules check` checks a file without any wheel."),
    _stopped("strict-rules", "The rules have warnings, and `--strict-rules` was given.",
        "Correct the rules as the lines say, or run without `--strict-rules`."),
    _stopped("page-not-written",
        "The change is done, but a page could not be written.", "Run `wheelfix mirror check --fix`."),
)
_INDEXES: Final = (
    _stopped("access-denied", "The index requires credentials, or refuses them.", "Put them into ~/.netrc or into keyring."),
    _stopped("bad-answer", "The index answered with an error, or with something that cannot be read.", "Run again later."),
    _stopped("bad-python", "The text is not a version of Python.", "Give one such as 3.11."),
    _stopped("bad-redirect",
        "The index redirects too often, or to a URL that is not safe.", "Report it to the operator of the index."),
    _stopped("bad-url", "The text is not the URL of an index.", "Give one that begins with https://."),
    _stopped("bad-wheel", "A wheel of the index cannot be read in parts.", "Download it, and run `wheelfix verify`."),
    _stopped("credentials-in-url",
        "The URL contains a password, which others can read among the arguments of a process.",
        "Put credentials into ~/.netrc or into keyring."),
    _stopped("limit-reached",
        "The run has reached its limit of requests or time.", "Check fewer projects, or raise the limit."),
    _stopped("no-answer", "The index does not answer.", "Check the URL and the network, and run again."),
    _stopped("no-hash", "The index has no sha256 of a file, so that it cannot be checked.", "Use another index."),
    _stopped("no-index", "There is no index at this URL.", "Check the URL: most end in /simple/."),
    _stopped("no-index-extra",
        "The packages for talking to an index are not installed.", "Run `pip install 'wheelfix[index]'`."),
    _stopped("no-project", "The index does not have the project.", "Check its spelling, and the URL of the index."),
    _stopped("no-wheel",
        "The index has no wheel that fits, or the mirror has lost one.", "Check the version, --platform and --python."),
    _stopped("only-sdists", "The index has only source distributions of the project.",
        "Build a wheel, and add it with `wheelfix mirror add`."),
    _stopped("too-large",
        "The index sends more than it announced, or more than any real file has.", "Report it to its operator."),
    _stopped("too-many-projects", "The index lists too many projects to check in one run.", "Name the projects to check."),
    _stopped("wrong-hash", "The sha256 of a downloaded file is not the one the index gives; the file was deleted.",
        "Run again, and report it to the operator of the index if it persists."),
)
# fmt: on
REFUSALS: Final = {each.code: each for each in (*_SAFETY, *_EDITS, *_OUTPUT, *_MIRRORS, *_INDEXES)}
"""Every code of an error that refuses a wheel or ends a run, but for those of damaged wheels and of rule files."""
