#!/bin/sh
# The main job on the sample wheels, from the wrong metadata to a corrected wheel that pip installs.
# Run it by "make demo", or with a wheelfix of your own on PATH.
set -eu
cd "$(dirname "$0")/.."
exec 2>&1

python=${PYTHON:-python3}
wheelfix=${WHEELFIX:-wheelfix}
place=build/demo
torch=sample_wheels/torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl

step() {
    printf '\n== %s\n' "$1"
}

# No configuration and no index: pip sees the folder that it is given, and nothing else.
offline_pip() {
    PIP_CONFIG_FILE=/dev/null "$place/venv/bin/python" -m pip --isolated --disable-pip-version-check "$@"
}

rm -rf "$place"
mkdir -p "$place"
"$python" -m venv "$place/venv"

step "1. The fault: a pure Python package asks for GPU libraries, so pip cannot install it from this folder alone"
if offline_pip install --no-index --find-links sample_wheels demo_gpu_leak; then
    echo "pip installed the wheel as it came: the demo has nothing to show" >&2
    exit 1
fi
echo "pip refused it, as expected."

step "2. What would be corrected in a CPU build of torch (nothing is written yet)"
"$wheelfix" strip-gpu --quiet --diff "$torch"

step "3. All sample wheels are corrected; those without a fault are copied as they are"
"$wheelfix" strip-gpu --output-dir "$place/fixed" sample_wheels/*.whl >"$place/written.txt"
echo "$(wc -l <"$place/written.txt") wheels are in $place/fixed."

echo "Two of the samples stand for CUDA builds. strip-gpu goes by names and corrects them too: give it CPU builds only."

step "4. A corrected wheel tells what it was made from"
"$wheelfix" show "$place/fixed/${torch##*/}"

step "5. A second run finds nothing left to do"
"$wheelfix" strip-gpu --quiet --check "$place/fixed"
echo "wheelfix strip-gpu --check ended with 0."

step "6. pip installs the corrected package from the output folder, and Python imports it"
offline_pip install --no-index --find-links "$place/fixed" demo_gpu_leak
offline_pip list
"$place/venv/bin/python" -c "import demo_gpu_leak; print('imported', demo_gpu_leak.__name__)"

step "7. Rules of a team: they bring tests along, show each distinct change once, and tell why a line is gone"
"$wheelfix" rules check examples/rules/seed-case.toml
"$wheelfix" rules test examples/rules/seed-case.toml
"$wheelfix" fix --quiet --diff --rules examples/rules/requires-python.toml --rules examples/rules/xgboost-without-nccl.toml sample_wheels
"$wheelfix" rules explain --rules examples/rules/seed-case.toml "$torch" triton
"$wheelfix" rules explain --rules examples/rules/seed-case.toml "$place/fixed/${torch##*/}" triton

step "Done: fault shown, wheels corrected, result installed"
