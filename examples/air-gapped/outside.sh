#!/bin/sh
# The side with a network: bring the mirror to what its manifest says, and write what is new to a tar file.
#
#     outside.sh MANIFEST MIRROR OUTGOING
#
# OUTGOING is a directory. It keeps the lock of what was exported last, last.lock, and gets a tar file for each day on which
# something was new, named after the time. Import them in the order of their names.
set -eu
if [ $# -ne 3 ]; then
    echo "usage: outside.sh MANIFEST MIRROR OUTGOING" >&2
    exit 2
fi
manifest=$1
mirror=$2
outgoing=$3
wheelfix=${WHEELFIX:-wheelfix}
mkdir -p "$outgoing"

# A source that fails is reported (3), and what the others have is exported all the same.
code=0
"$wheelfix" mirror sync "$manifest" --lock "$outgoing/new.lock" || code=$?
if [ "$code" -ne 0 ] && [ "$code" -ne 3 ]; then
    exit "$code"
fi
"$wheelfix" mirror list --quiet "$mirror" --format json >"$outgoing/new.lock"

set --
if [ -e "$outgoing/last.lock" ]; then
    if "$wheelfix" diff "$outgoing/last.lock" "$outgoing/new.lock"; then
        rm "$outgoing/new.lock"
        exit "$code"
    fi
    set -- --since "$outgoing/last.lock"
fi
bundle=$outgoing/$(date -u +%Y%m%dT%H%M%SZ).tar
"$wheelfix" mirror export "$mirror" -o "$bundle" --lock "$outgoing/new.lock" "$@"
mv "$outgoing/new.lock" "$outgoing/last.lock"
exit "$code"
