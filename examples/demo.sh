#!/bin/sh
# The main job on the sample wheels, from the wrong metadata to a fixed wheel that pip installs.
# Run "make demo", or run it with a wheelfix of your own on PATH.
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

# No configuration and no index: pip sees the directory that it is given, and nothing else.
offline_pip() {
    PIP_CONFIG_FILE=/dev/null "$place/venv/bin/python" -m pip --isolated --disable-pip-version-check "$@"
}

rm -rf "$place"
mkdir -p "$place"
"$python" -m venv "$place/venv"

step "1. The problem: a pure Python package requires GPU libraries, so pip cannot install it from this directory alone"
if offline_pip install --no-index --find-links sample_wheels demo_gpu_leak; then
    echo "pip installed the original wheel: the demo has nothing to show" >&2
    exit 1
fi
echo "pip refused it, as expected."

step "2. What would change in a CPU build of torch (nothing is written yet)"
"$wheelfix" strip-gpu --quiet --diff "$torch"

step "3. All sample wheels at once: what a wheel needs is not dropped, and the wheels of a release stay together"
if "$wheelfix" strip-gpu --output-dir "$place/fixed" sample_wheels/*.whl >"$place/written.txt"; then
    echo "wheelfix fixed wheels that need what it dropped" >&2
    exit 1
fi
echo "$(wc -l <"$place/written.txt") wheels are in $place/fixed; the others were refused, as expected."

step "4. The next steps: a local version for the CPU build, and --allow-unproven where there is no evidence"
"$wheelfix" strip-gpu --quiet --local cpu --output-dir "$place/fixed" "$torch"
"$wheelfix" strip-gpu --quiet --allow-unproven --output-dir "$place/fixed" sample_wheels/demo_gpu_leak-*.whl
fixed_torch=$(echo "$place"/fixed/torch-2.7.0+cpu-*aarch64.whl)

step "5. The fixed wheel: what it requires, and what it was made from; a second run has nothing to do"
"$wheelfix" show "$fixed_torch"
"$wheelfix" strip-gpu --quiet --check "$place/fixed"
echo "wheelfix strip-gpu --check exited with 0."

step "6. pip installs the fixed package from the output directory, and Python imports it"
offline_pip install --no-index --find-links "$place/fixed" demo_gpu_leak
offline_pip list
"$place/venv/bin/python" -c "import demo_gpu_leak; print('imported', demo_gpu_leak.__name__)"

step "7. Your own rules: they have tests, --diff shows each distinct change once, and explain says why a line is gone"
"$wheelfix" rules check examples/rules/seed-case.toml
"$wheelfix" rules test examples/rules/seed-case.toml
"$wheelfix" fix --quiet --diff --rules examples/rules/requires-python.toml --rules examples/rules/xgboost-without-nccl.toml sample_wheels
"$wheelfix" rules explain --rules examples/rules/seed-case.toml "$torch" triton
"$wheelfix" rules explain --rules examples/rules/seed-case.toml "$fixed_torch" triton

step "8. A review in one line: nothing but METADATA, RECORD and the provenance differs, and verify has no findings"
"$wheelfix" diff --quiet --expect metadata sample_wheels/demo_gpu_leak-1.0-py3-none-any.whl "$place"/fixed/demo_gpu_leak-*.whl
"$wheelfix" verify --ignore metadata "$place/fixed"
"$wheelfix" repair --quiet --diff "$fixed_torch"

step "9. A mirror: fix and publish in one step, and pip installs from its index"
"$wheelfix" strip-gpu --quiet --allow-unproven --build-tag 1nogpu --yank-original 'requires GPU libraries' --publish "$place/mirror" \
    sample_wheels/demo_gpu_leak-1.0-py3-none-any.whl
"$wheelfix" mirror add "$place/mirror" sample_wheels/cleanpkg-1.0-py3-none-any.whl
"$wheelfix" mirror list "$place/mirror"
"$wheelfix" mirror check --strict "$place/mirror"
offline_pip install --quiet --force-reinstall --index-url "file://$PWD/$place/mirror/public/simple/" demo_gpu_leak
"$place/venv/bin/python" -c "import demo_gpu_leak; print('imported', demo_gpu_leak.__name__, 'from the mirror')"

step "10. The report of a run as a page for people: what was dropped from which wheel and why, before and after"
"$wheelfix" strip-gpu --quiet --skip-gpu-builds --skip-unproven --allow-mixed --output-dir "$place/reported" \
    --report "$place/report.html" sample_wheels >/dev/null

step "Done: problem shown, wheels fixed, result installed. Open the report in a browser:"
echo "$PWD/$place/report.html"
