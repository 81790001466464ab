"""A nightly job: fix the wheels in a directory, publish them, and print what happened.

    python publish_mirror.py INCOMING MIRROR

MIRROR is a directory, or the URL of a bucket such as s3://wheels/team. Wheels that are refused stay in INCOMING, so that you
can look at them; all others are deleted there once they are published. INCOMING/report.html is a page on the last run.
"""

import sys
from pathlib import Path

import wheelfix


def main(incoming: Path, mirror: str) -> int:
    """Return 0 if every wheel is published and the mirror has no error, else what ``wheelfix`` would exit with."""
    wheels = sorted(incoming.glob("*.whl"))
    if not wheels:
        print(f"nothing to do: there is no wheel in {incoming}")
        return 0
    report, published = wheelfix.fix_into_mirror(
        mirror,
        wheels,
        rules="gpu",
        policy=wheelfix.Policy(skip_gpu_builds=True),
        naming=wheelfix.Naming(build_tag="1nogpu"),
        publishing=wheelfix.Publishing(yank_original="requires CUDA without need"),
    )
    page = incoming / "report.html"
    page.write_text(wheelfix.render_html(report, published), encoding="utf-8")
    for outcome in report.outcomes:
        if outcome.problem:
            print(f"{outcome.source.name}: {outcome.problem.message}. {outcome.problem.hint}", file=sys.stderr)
    for each in published.files:
        if each.problem:
            print(f"{each.filename or each.source}: {each.problem.message}. {each.problem.hint}", file=sys.stderr)
        else:
            print(f"{each.status}: {each.filename}")
    done = {each.source for each in published.files if each.problem is None}
    for wheel in wheels:
        if wheel in done:
            wheel.unlink()
    print(f"report: {page}")
    checked = wheelfix.check_mirror(mirror, quick=True)
    for finding in checked.findings:
        print(f"{finding.code}: {finding.place}: {finding.message}", file=sys.stderr)
    if not (report.ok and published.ok and checked.complete):
        return 3
    return 0 if checked.passes() else 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: publish_mirror.py INCOMING MIRROR")
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
