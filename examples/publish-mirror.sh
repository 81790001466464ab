#!/bin/sh
# A nightly job: correct the wheels of a folder and publish them.
#
#     publish-mirror.sh INCOMING MIRROR
#
# A wheel that is refused ends the job with 1, after the others are published; the reasons are on standard error.
set -eu
incoming=$1
mirror=$2
wheelfix=${WHEELFIX:-wheelfix}

code=0
"$wheelfix" strip-gpu --quiet --leave-gpu-builds --build-tag 1nogpu --format json \
    --publish "$mirror" --yank-original 'requires CUDA without need' "$incoming" >"$mirror.report.json" || code=$?
"$wheelfix" mirror check --quick "$mirror" || code=$?
exit "$code"
