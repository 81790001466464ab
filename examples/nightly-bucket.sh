#!/bin/sh
# A nightly job for a mirror in a bucket: bring it to what its manifest says, clean up, and compare it with what clients see.
#
#     nightly-bucket.sh MANIFEST MIRROR [SERVED]
#
# MIRROR is the store that MANIFEST names, such as s3://wheels/team (a directory works, too), SERVED the URL at which clients
# see it. The directory OUT, by default the current one, gets three files: sync.html, a report for people; sync.prom, metrics
# for Prometheus; mirror.lock, the state to which "wheelfix mirror sync MANIFEST --to mirror.lock" goes back.
# A wheel that is refused ends the job with 3, after everything else is done. Several of these jobs may run at the same time.
set -u
if [ $# -lt 2 ]; then
    echo "usage: nightly-bucket.sh MANIFEST MIRROR [SERVED]" >&2
    exit 2
fi
manifest=$1
mirror=$2
served=${3:-}
out=${OUT:-.}
wheelfix=${WHEELFIX:-wheelfix}
code=0

# "step COMMAND..." runs one step; the highest exit code of all steps is that of the job.
step() {
    "$wheelfix" "$@" || {
        failed=$?
        if [ "$failed" -gt "$code" ]; then
            code=$failed
        fi
    }
}

step mirror sync "$manifest" --report "$out/sync.html" --metrics "$out/sync.prom" --lock "$out/mirror.lock"
step mirror prune "$mirror"
step mirror check --quick "$mirror"
if [ -n "$served" ]; then
    step mirror check "$mirror" --against "$served"
fi
exit "$code"
