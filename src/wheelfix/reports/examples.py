"""An example of each code that no wheel of the tests shows: what is printed behind the code, for the pages and ``explain``.

``verify/examples`` has those of ``verify``, which are made; tests hold that each of these is what the code can print.
"""

from typing import Final

_TORCH: Final = "torch-2.7.0-cp311-cp311-manylinux_2_28_x86_64.whl"

# fmt: off
OF_ERRORS: Final[dict[str, str]] = {
    "unsafe": f"{_TORCH} not changed: it needs nvidia-cublas-cu12 and 13 more",
    "unproven": f"{_TORCH} not changed: no evidence that triton is unused",
    "cpu-local-version": f"{_TORCH} not changed: the local version cpu says that it is a CPU build, and it is a GPU build",
    "contradicted-tag": "demo-1.0-cp311-cp311-linux_x86_64.whl not changed: its binaries contradict the tag py3-none-any",
    "mixed-release": "torch-2.7.0-cp311-cp311-macosx_11_0_arm64.whl not changed: the wheels of torch 2.7.0 would no longer "
        "agree on triton",
    "new-error": "demo-1.0-py3-none-any.whl not changed: the fixed wheel would have an error that it does not have now",
    "file-needed": "demo-1.0-py3-none-any.whl not changed: it needs demo/tests/helpers.py",
    "file-need-unknown": "demo-1.0-py3-none-any.whl not changed: no evidence that demo/tests/data.py is unused",
    "entry-point-no-module": "demo-1.0-py3-none-any.whl not changed: the wheel has no module demo.cli",
    "damaged-file": "demo-1.0-py3-none-any.whl not changed: entry_points.txt is not what RECORD says",
    "damaged-metadata": "demo-1.0-py3-none-any.whl not changed: METADATA is not what RECORD says",
    "damaged-provenance": "demo-1.0-py3-none-any.whl not changed: sboms/wheelfix.cdx.json is not what RECORD says",
    "damaged-wheel-file": "demo-1.0-py3-none-any.whl not changed: WHEEL is not what RECORD says",
    "contents-in-doubt": "demo-1.0-py3-none-any.whl not changed: RECORD does not confirm all contents of the archive",
    "foreign-provenance": "demo-1.0-py3-none-any.whl not changed: sboms/wheelfix.cdx.json in dist-info is not as wheelfix "
        "writes it, and the provenance would replace it",
    "name-collision": "demo-1.0-py3-none-any.whl not changed: sboms/wheelfix.cdx.json would be added to dist-info, and the "
        "file sboms is in its way",
    "too-many-entries": "big-1.0-py3-none-any.whl not changed: the fixed wheel would have 200001 files, more than are read",
    "action-mismatch": "demo-1.0-py3-none-any.whl not changed: rule limit: 'requests>=2' cannot be changed: set-specifier "
        "does not apply, since no version would be left of >=2,<1",
    "ambiguous-entry-points": "demo-1.0-py3-none-any.whl not changed: entry_points.txt cannot be changed: readers disagree "
        "on [console_scripts] ; demo = demo:main",
    "body-holds-description": "demo-1.0-py3-none-any.whl not changed: the description is the body of METADATA",
    "field-too-new": "demo-1.0-py3-none-any.whl not changed: License-Expression requires Metadata-Version 2.4 (found 2.1)",
    "copies-itself": "demo-1.0-cp311-cp311-win_amd64.whl not changed: a wheel that others copy from copies from another one",
    "copy-source-missing": "demo-1.0-cp311-cp311-win_amd64.whl not changed: no wheel of demo 1.0 to copy from is among the "
        "given ones",
    "copy-source-not-fixed": "demo-1.0-cp311-cp311-win_amd64.whl not changed: it copies from "
        "demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl, which cannot be fixed",
    "copy-sources-differ": "demo-1.0-cp311-cp311-win_amd64.whl not changed: demo-1.0-cp310-cp310-manylinux_2_28_x86_64.whl, "
        "demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl differ on Requires-Dist",
    "ambiguous-pin": "torchvision-0.22.0-cp311-cp311-manylinux_2_28_x86_64.whl not changed: the requirement torch==2.7.0 "
        "could follow in more than one way",
    "pin-not-written": "torchvision-0.22.0-cp311-cp311-manylinux_2_28_x86_64.whl not changed: it would require a version "
        "that is not written: torch 2.7.0+cpu",
    "foreign-plan": "the plan is for demo-1.0-py3-none-any.whl",
    "identity-field": "Version is part of the wheel's identity",
    "invalid-build-tag": "'nogpu' is not a build tag",
    "invalid-entry-point": "demo-1.0-py3-none-any.whl not changed: 'demo cli:main' is not an object reference",
    "invalid-field-name": "'License File' is not a field name",
    "invalid-field-value": "demo-1.0-py3-none-any.whl not changed: the value of License is empty",
    "invalid-local-version": "'cpu_' is not a local version",
    "invalid-name": "'-demo' is not a project name",
    "invalid-path": "'../NOTICE' is no path below dist-info",
    "invalid-post-release": "'one' is not a post-release",
    "invalid-result": "demo-1.0-py3-none-any.whl not changed: rename makes 'six' into 'a b', which is not a requirement",
    "invalid-version": "'new' is not a version (PEP 440)",
    "no-post-release": "demo-1.0.dev1-py3-none-any.whl not changed: 1.0.dev1 cannot have a post-release",
    "no-such-file": "demo-1.0-py3-none-any.whl not changed: there is no licenses/NOTICE in dist-info",
    "invalid-tag": "'py3' is not a tag: a tag has three parts, PYTHON-ABI-PLATFORM",
    "no-tag-left": "demo-1.0-py3-none-any.whl not changed: the wheel would have no tag",
    "tags-not-a-product": "demo-1.0-py3-none-any.whl not changed: no file name says just these tags: it would also say "
        "cp312-none-any",
    "too-many-tags": "demo-1.0-py3-none-any.whl not changed: a wheel would have 20000 tags",
    "no-version": "the index has no wheel of a version that fits torch==9",
    "no-version-to-extend": "demo-1.0.x-py3-none-any.whl not changed: 1.0.x is not a version that can have a local version",
    "no-version-in-directory": "demo-1.0-py3-none-any.whl not changed: the directory demo.dist-info names no version",
    "not-a-local-file": "the wheel is not a local file",
    "other-data-directory": "demo-1.0-py3-none-any.whl not changed: demo-2.0.data would become the .data directory of the "
        "wheel, which it is not now",
    "other-version": "demo-1.0-py3-none-any.whl not changed: METADATA says Version 1.1, the file name 1.0",
    "own-file": "METADATA cannot be replaced or removed as a whole",
    "record-own-row-hash": "demo-1.0-py3-none-any.whl not changed: RECORD has a hash or a size for itself, which would be "
        "wrong afterwards",
    "renamed-url": "demo-1.0-py3-none-any.whl not changed: 'six @ https://example.org/six.whl' has a URL, which would still "
        "be that of six",
    "repeated-field": "demo-1.0-py3-none-any.whl not changed: Classifier may appear many times",
    "required-field": "every METADATA must have Name",
    "same-directory-name": "demo-1.0-py3-none-any.whl not changed: two directories of the wheel would get the same name",
    "sha256-unknown": "demo-1.0-py3-none-any.whl not changed: a rule compares the sha256 of the wheel, which is not known "
        "without reading all of it",
    "single-field": "demo-1.0-py3-none-any.whl not changed: License may appear only once",
    "unknown-field": "there is no field 'Licence'",
    "unreadable-marker": "demo-1.0-py3-none-any.whl not changed: the marker 'python_version' cannot be read, so nothing can "
        "be added to it",
    "output-exists": f"{_TORCH} not changed: fixed/{_TORCH} exists and differs",
    "output-is-input": f"fixed/{_TORCH} not changed: the result would replace the wheel itself",
    "other-name": "the wheel is to be called demo-1.0+cpu-py3-none-any.whl",
    "same-output-name": "b/demo-1.0-py3-none-any.whl not changed: another wheel of this run is called "
        "demo-1.0-py3-none-any.whl too",
    "not-as-planned": "demo-1.0-py3-none-any.whl failed: the new wheel is not what was planned: demo/__init__.py differs",
    "output-changed": "demo-1.0-py3-none-any.whl failed: the new file became shorter while it was written",
    "source-changed": "demo-1.0-py3-none-any.whl failed: the file changed while it was read",
    "no-workers": "64 processes cannot be started: Resource temporarily unavailable",
    "worker-died": "demo-1.0-py3-none-any.whl failed: a worker process ended without a result",
    "no-result": "demo-1.0-py3-none-any.whl failed: the executor gave no result: CancelledError",
    "internal-error": "demo-1.0-py3-none-any.whl failed: KeyError: 'demo'",
    "unknown-rule-set": "the built-in set gpu is damaged",
    "os-error": "demo-1.0-py3-none-any.whl failed: Unknown error 999",
    "not-a-mirror": "downloads is not a mirror (the directory is not empty)",
    "changed-meanwhile": "another process changed public/simple/torch/index.json during the run",
    "bad-page": "the page of torch is damaged: it is empty or cut off",
    "bad-project": "'-torch' is no name of a project",
    "bad-selection": "'torch[' is not a project or requirement",
    "given-twice": "dist/demo-1.0-py3-none-any.whl is the same wheel with other bytes",
    "invalid-wheel": "demo-1.0-py3-none-any.whl not added: `wheelfix verify` finds an error",
    "is-the-original": f"{_TORCH} not added: the mirror serves {_TORCH} fixed, and this is its original",
    "in-the-way": "mirror/private must be a directory",
    "link-outside": "public/files is a link that leads out of the mirror",
    "listed-meanwhile": "another process listed it while it was being deleted",
    "locked": "another process is still writing to torch after 600 seconds",
    "name-taken": f"{_TORCH} not added: the mirror serves {_TORCH} with other bytes",
    "no-metadata-file": f"the metadata file of {_TORCH} is missing",
    "too-many-removals": "the plan would yank or remove more than a third of what the mirror serves",
    "not-deleted": "public/files/demo/2340f0e1af547ce9/demo-1.0-py3-none-any.whl: it could not be deleted",
    "nothing-selected": "no files in the mirror match 'torhc'",
    "bad-mirror-lock": "mirror.lock is no lock of a mirror: Object missing required field `version`",
    "bad-bundle": "new.tar is no bundle that can be used: not all is in it that SHA256SUMS names",
    "bundle-gap": "demo-1.0-py3-none-any.whl not added: neither the bundle nor this mirror has the file",
    "lock-file-gone": "demo-1.0-py3-none-any.whl cannot be listed again: the mirror no longer has its bytes",
    "not-an-sdist-name": "demo.tar.gz is not the name of a source distribution",
    "invalid-manifest": "1 error in the manifest",
    "invalid-rules": "1 error in the rules",
    "strict-rules": "1 warning in the rules",
    "bad-epoch": "SOURCE_DATE_EPOCH is not a time in seconds since 1970: 'tomorrow'",
    "job-file-lost": "public/files/demo/2340f0e1af547ce9/demo-1.0-py3-none-any.whl was put into the mirror, and is gone or "
        "damaged",
    "no-job-result": "demo-1.0-py3-none-any.whl not added: no part of the sync has done it",
    "other-wheelfix": "this worker has wheelfix 1.0.1, and the run was started with 1.0.0",
    "page-not-written": "public/simple/demo/index.json is written, but public/simple/demo/index.html could not "
        "be written: No space left on device",
    "access-denied": "https://wheels.example.org/simple/torch/ answers 403",
    "bad-answer": "https://wheels.example.org/simple/torch/ answers 500",
    "bad-python": "'cp311' is not a version of Python",
    "bad-redirect": "https://wheels.example.org/simple/torch/ redirects from https to "
        "http://wheels.example.org/torch/, where others can read and change what is sent",
    "bad-url": "s3://a:1/b is not the URL of a bucket",
    "bad-wheel": "https://wheels.example.org/demo-1.0-py3-none-any.whl cannot be read as a wheel: the file is not a ZIP "
        "archive",
    "credentials-in-url": "the URL of wheels.example.org contains credentials",
    "limit-reached": "there is no time left for https://wheels.example.org/files/demo-1.0-py3-none-any.whl",
    "no-answer": "https://wheels.example.org/simple/torch/ does not answer",
    "no-hash": f"the index has no sha256 of {_TORCH}",
    "no-index": "https://wheels.example.org/ is not an index: it lists no projects",
    "no-index-extra": "reading an index needs pypi_simple, which is not installed",
    "no-project": "the index has no project trch",
    "no-ranges": "parts of https://wheels.example.org/demo-1.0-py3-none-any.whl cannot be read: no HTTP range support",
    "no-space": "there is not enough space in /srv/wheels",
    "no-wheel": "the index has no wheel of torch==2.7.0 for win_arm64, Python 3.11",
    "not-a-wheel": "https://wheels.example.org/demo-1.0-py3-none-any.whl is a web page, not a wheel",
    "only-sdists": "the index has only source distributions of demo",
    "too-large": "https://wheels.example.org/simple/torch/ has more than 33,554,432 bytes",
    "too-many-projects": "the index lists 500000 projects",
    "wrong-size": f"{_TORCH} has another size than the index says, and was not downloaded",
    "wrong-hash": f"{_TORCH} was downloaded with another sha256 than the index says, and deleted",
    "family-incomplete": "its family is not complete: torchvision cannot be looked at",
    "no-family": "no versions of torch, torchvision fit each other",
    "several-files": f"the index lists {_TORCH} twice, with other bytes",
    "several-local-versions": "torch 2.9.0 has wheels of several local versions, which cannot become one release",
    "too-many-releases": "it takes more than 100,000 comparisons to find which releases of a family fit each other",
    "no-uv": "uv, which resolves dependencies, is not installed",
    "unknown-platform": "uv cannot resolve for the platform 'solaris*'",
    "uv-failed": "uv did not resolve dependencies",
    "bad-key": "s3://wheels/team has an object with a name that nothing can read: public//x",
    "bad-setting": "AWS_ENDPOINT_URL_S3 is not the URL of a server: storage:9000",
    "client-broke": "the client of S3 broke off at s3://wheels/team",
    "interrupted": "the upload was interrupted",
    "no-bucket": "there is no bucket wheels",
    "no-cache-directory": "/nonexistent/.cache cannot be used for the work on s3://wheels/team",
    "no-dask-extra": "a Dask cluster needs distributed, which is not installed",
    "no-dask-workers": "the Dask scheduler at tcp://127.0.0.1:8786 has no workers",
    "no-cloud-extra": "a bucket needs obstore, which is not installed",
    "no-conditional-writes": "s3://wheels/team does not support conditional writes, which several publishers need",
    "no-credentials": "no valid credentials for S3",
    "not-as-sent": f"{_TORCH} did not arrive as it was sent, and was deleted",
    "wrong-region": "the bucket wheels is in another region",
    "lock-damaged": "requirements.txt, line 1 cannot be used as a lock file: this is no requirement",
    "lock-empty": "requirements.txt names no file of an index",
    "lock-file-missing": "torch 2.7.0, which uv.lock names, is not in https://wheels.example.org/simple/",
    "lock-hash-differs": "torch-2.7.0-cp311-cp311-win_amd64.whl has another sha256 than uv.lock says",
    "lock-unknown": "Pipfile cannot be used as a lock file: it is not a lock file of a known kind",
    "lock-unknown-version": "uv.lock cannot be used as a lock file: its version 7 is not supported (supported: 1)",
    "lock-unreadable": "uv.lock cannot be used as a lock file: No such file or directory",
}
OF_MIRRORS: Final[dict[str, str]] = {
    "not-checked": "demo: demo-2.0-py3-none-any.whl: its METADATA was not read: the index has no metadata file, the server "
        "no range support, and --download is none",
    "page-unreadable": "public/simple/demo/index.json: the page of demo is damaged: it is empty or cut off",
    "json-not-offered": "https://wheels.example.org/simple/demo/: it answers with text/html to a request for JSON",
    "content-type-wrong": "https://wheels.example.org/simple/demo/: its Content-Type is application/json, not "
        "application/vnd.pypi.simple.v1+json",
    "cache-unset": "https://wheels.example.org/simple/demo/: it has no Cache-Control",
    "cache-too-long": "https://wheels.example.org/simple/demo/: its Cache-Control is max-age=86400",
    "status-unknown": "https://wheels.example.org/simple/demo/: its project status is 'frozen'",
    "served-differs": "https://wheels.example.org/simple/demo/: not the page of the mirror: lacks demo-3.0-py3-none-any.whl",
    "served-stale": "https://wheels.example.org/simple/demo/: not the page of the mirror: also lists "
        "demo-1.0-py3-none-any.whl",
    "page-missing": "demo: https://wheels.example.org/simple/demo/ answers 404",
    "page-unlisted": "public/simple/demo: the root does not list it",
    "html-differs": "public/simple/demo/index.html: it differs from the JSON page",
    "html-outdated": "public/simple/demo/index.html: clients read the same, and it looks different",
    "file-missing": "demo: demo-1.0-py3-none-any.whl: its URL answers 404",
    "hash-missing": "demo: demo-1.0-py3-none-any.whl: the page has no sha256 for it",
    "plus-in-url": "demo: demo-1.0+cpu-py3-none-any.whl: the server misreads the + in its URL: it answers 404, and has the "
        "file under %2B",
    "ranges-missing": "demo: demo-1.0-py3-none-any.whl: the server does not support range requests",
    "gpu-requirements": "demo: demo-1.0-py3-none-any.whl: it requires nvidia-cudnn-cu12 and does not need it: "
        "demo/version.py sets cuda = None, and it has no binaries",
    "file-elsewhere": "public/files/demo/0000000000000000/demo-1.0-py3-none-any.whl: its URL is "
        "../../files/demo-1.0-py3-none-any.whl",
    "file-differs": "public/files/demo/2340f0e1af547ce9/demo-1.0-py3-none-any.whl: its sha256 is 9ac9290e, the page says "
        "2340f0e1",
    "size-missing": "demo: demo-1.0-py3-none-any.whl: the page does not say its size",
    "size-differs": "demo: demo-1.0-py3-none-any.whl: it has 1205 bytes, the page says 1196",
    "file-of-another-project": "public/files/other/2c4bdc923eb34295/other-1.0-py3-none-any.whl: it is listed for demo",
    "wheel-invalid": "demo: demo-1.0-py3-none-any.whl: the archive is truncated: its end record is missing",
    "metadata-file-missing": "public/files/demo/b40f7686ff05621a/demo-1.0-py3-none-any.whl.metadata: it is announced, and "
        "not there",
    "metadata-file-differs": "demo: demo-1.0-py3-none-any.whl: the sha256 of the metadata file is not what the page says",
    "metadata-file-stale": "demo: demo-1.0-py3-none-any.whl: the metadata file is not the METADATA of the wheel",
    "metadata-file-not-announced": "demo: demo-1.0-py3-none-any.whl: the page announces no metadata file",
    "requires-python-differs": "demo: demo-1.0-py3-none-any.whl: the wheel says nothing, the page >=3.99",
    "release-disagrees": "demo: demo-1.0-py3-none-manylinux_2_28_x86_64.whl: other wheels of the release also require six",
    "local-version-covers-less": "demo 1.0+cpu: it has no wheel for cp311-cp311 manylinux x86_64, and 1.0 has",
    "original-not-yanked": "demo: demo-1.0-py3-none-any.whl: a fixed wheel that was made from it is listed too",
    "not-closed": "app 1.0: it cannot be resolved for Python 3.11 on Linux x86_64: old is not in the mirror and all "
        "versions of app depend on old",
    "dependency-not-closed": "wmi 1.0: it cannot be resolved for Python 3.11 on Linux x86_64: pywin is not in the mirror "
        "and all versions of wmi depend on pywin",
    "lock-not-closed": "app 1.0: it cannot be resolved for Python 3.11 on Linux x86_64: missing is not in the mirror and "
        "all versions of app depend on missing",
    "no-wheel-here": "app: no release has a wheel for Python 3.12 on Linux x86_64",
    "time-missing": "demo: demo-1.0-py3-none-any.whl: the page does not say when it was uploaded",
    "past-missing": "public/files/demo/b40f7686ff05621a/demo-1.0-py3-none-any.whl: demo-1.0-py3-none-any.whl, which was "
        "replaced, has other bytes than it had",
    "unlisted": "public/files/demo/1870c72090416fbf/demo-1.0-py3-none-any.whl: no page lists it; it was removed, or an "
        "interrupted run left it",
    "leftover": "private/scratch: a killed process left it",
    "link-outside": "public/files/demo: it is a link that leads out of the mirror",
    "in-the-way": "public/simple/demo/index.html: it is a directory, and must be a file",
    "unreadable": "public/simple/index.json: Permission denied",
    "ended-early": "another process is still writing to demo after 600 seconds",
}
OF_PLANS: Final[dict[str, str]] = {
    "rules-changed": "The rules correct it differently: no longer triton==3.3.0. The new file is served under the build tag "
        "2rules1a2b3c4d; the old one is yanked.",
    "lock-hash-changes": "The mirror serves it corrected: the hash in the lock fails.",
    "original-gone": "The rules have changed, and its original is gone: the index no longer lists it. It is kept as it is.",
    "too-young": "younger than 7 days; it is added from 2026-12-04 09:30 UTC on",
    "family": "no torchvision fits torch 2.10.0 yet: torchvision 0.24.1 requires torch==2.9.1",
    "yanked-upstream": "The index has yanked it: broken",
    "served-elsewhere": "the index has no such project: the source pypi serves it",
    "lock-entry-skipped": "requirements.txt does not pin it with ==: the source adds nothing for it",
    "changed-by-hand": "changed by hand since the lock was written, and left as it is",
    "lock-not-written": "mirror.lock: not written: the run had problems",
}
# fmt: on
