#!/bin/sh
# The side without a network: import tar files in the order of their names, and check the mirror.
#
#     inside.sh MIRROR INCOMING
#
# What was imported moves to INCOMING/done. A tar file that is damaged is left where it is, and ends the job.
set -eu
if [ $# -ne 2 ]; then
    echo "usage: inside.sh MIRROR INCOMING" >&2
    exit 2
fi
mirror=$1
incoming=$2
wheelfix=${WHEELFIX:-wheelfix}
mkdir -p "$incoming/done"
for bundle in "$incoming"/*.tar; do
    [ -e "$bundle" ] || continue
    "$wheelfix" mirror import "$mirror" "$bundle"
    mv "$bundle" "$incoming/done/"
done
"$wheelfix" mirror check "$mirror"
