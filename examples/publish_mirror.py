"""A nightly job: fix the wheels in a directory, publish them, and print what happened.

    python publish_mirror.py [--delete] INCOMING MIRROR

MIRROR is a directory, or the URL of a bucket such as s3://wheels/team. The next run finds the same wheels again, and
publishes nothing twice. With --delete it deletes those that are published, once the mirror has been checked and has no
errors; wheels that are refused stay in INCOMING, so that you can look at them.
MIRROR.report.html beside the mirror is a report on the last run. For a bucket, it is written to the working directory and
named after the last part of the URL.
"""

import sys
from pathlib import Path

import wheelfix


def main(incoming: Path, mirror: str, *, delete: bool) -> int:
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
    page = Path((mirror.rsplit("/", 1)[1] if "://" in mirror else mirror) + ".report.html")
    page.write_text(wheelfix.render_html(report, published), encoding="utf-8")
    for outcome in report.outcomes:
        if outcome.problem:
            print(f"{outcome.source.name}: {outcome.problem.message}. {outcome.problem.hint}", file=sys.stderr)
    for each in published.files:
        if each.problem:
            print(f"{each.filename or each.source}: {each.problem.message}. {each.problem.hint}", file=sys.stderr)
        else:
            print(f"{each.status}: {each.filename}")
    print(f"report: {page}")
    checked = wheelfix.check_mirror(mirror, quick=True)
    for finding in checked.findings:
        print(f"{finding.code}: {finding.place}: {finding.message}", file=sys.stderr)
    if delete and checked.complete and checked.passes():
        refused = {each.source for each in published.files if each.problem}
        for wheel in ({each.source for each in published.files} - refused).intersection(wheels):
            wheel.unlink()
    if not (report.ok and published.ok and checked.complete):
        return 3
    return 0 if checked.passes() else 1


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--delete"]
    if len(words) != 2:
        sys.exit("usage: publish_mirror.py [--delete] INCOMING MIRROR")
    sys.exit(main(Path(words[0]), words[1].rstrip("/"), delete="--delete" in sys.argv))
