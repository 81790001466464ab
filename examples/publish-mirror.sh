#!/bin/sh
# A nightly job: fix the wheels in a directory and publish them.
#
#     publish-mirror.sh INCOMING MIRROR
#
# MIRROR is a directory, or the URL of a bucket such as s3://wheels/team. Wheels that come from an index need no such script:
# "wheelfix mirror sync" downloads, fixes and publishes them by a manifest.
# A wheel that is refused ends the job with 3, after the others are published; the reasons are on standard error.
# The reports of the run are MIRROR.report.html, for people, and MIRROR.report.json, for programs, beside the mirror; for a
# bucket, they are called like the end of its URL, in the working directory.
set -eu
if [ $# -ne 2 ]; then
    echo "usage: publish-mirror.sh INCOMING MIRROR" >&2
    exit 2
fi
incoming=$1
mirror=${2%/}
wheelfix=${WHEELFIX:-wheelfix}
case $mirror in
*://*) report=${mirror##*/}.report ;;
*) report=$mirror.report ;;
esac

if ! ls "$incoming"/*.whl >/dev/null 2>&1; then
    echo "nothing to do: there is no wheel in $incoming"
    exit 0
fi
code=0
"$wheelfix" strip-gpu --quiet --skip-gpu-builds --build-tag 1nogpu --report "$report.html" --report "$report.json" \
    --publish "$mirror" --yank-original 'requires CUDA without need' "$incoming" || code=$?
checked=0
"$wheelfix" mirror check --quick "$mirror" || checked=$?
if [ "$checked" -gt "$code" ]; then
    code=$checked
fi
exit "$code"
