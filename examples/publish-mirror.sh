#!/bin/sh
# A nightly job: fix the wheels in a directory and publish them.
#
#     publish-mirror.sh INCOMING MIRROR
#
# A wheel that is refused ends the job with 3, after the others are published; the reasons are on standard error.
# The report of the run is MIRROR.report.json, beside the mirror.
set -eu
if [ $# -ne 2 ]; then
    echo "usage: publish-mirror.sh INCOMING MIRROR" >&2
    exit 2
fi
incoming=$1
mirror=${2%/}
wheelfix=${WHEELFIX:-wheelfix}

if ! ls "$incoming"/*.whl >/dev/null 2>&1; then
    echo "nothing to do: there is no wheel in $incoming"
    exit 0
fi
code=0
"$wheelfix" strip-gpu --quiet --skip-gpu-builds --build-tag 1nogpu --format json \
    --publish "$mirror" --yank-original 'requires CUDA without need' "$incoming" >"$mirror.report.json" || code=$?
checked=0
"$wheelfix" mirror check --quick "$mirror" || checked=$?
if [ "$checked" -gt "$code" ]; then
    code=$checked
fi
exit "$code"
