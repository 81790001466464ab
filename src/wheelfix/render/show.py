"""Descriptions of wheels to text and JSON."""

from collections.abc import Sequence
from dataclasses import asdict

from wheelfix.description import Description, RequirementLine
from wheelfix.escaping import shown
from wheelfix.render.json import encode
from wheelfix.render.text import render_change


def render_description(description: Description, *, verbose: bool = False) -> str:
    """Return one wheel as a few lines of text."""
    name = shown(description.source.name)
    if description.problem:
        return ""
    lines = [
        name,
        f"  {shown(description.project or '?')} {shown(description.version or '?')}, {_size(description.size or 0)}, "
        f"{description.members} members, Metadata-Version {shown(description.metadata_version or '?')}, "
        f"Python {shown(description.requires_python or 'any')}",
    ]
    trace = description.trace
    if trace:
        lines.append(f"  fixed by wheelfix {shown(trace.tool)}: {len(trace.changes)} changes")
        lines += [f"    from {shown(each.filename)}, sha256 {shown(each.sha256)}" for each in trace.ancestors]
        if verbose:
            lines += [f"    {render_change(each)}" for each in trace.changes]
    plain = [each for each in description.requirements if not each.needs_extra]
    optional = [each for each in description.requirements if each.needs_extra]
    lines.append(f"  requires {len(plain) or 'nothing'}" + (f", and {len(optional)} more by extras" if optional else ""))
    shown_lines = [*plain, *(each for each in optional if verbose or each.action)]
    lines += [f"    {_mark(each)} {shown(each.text)}{_why(each)}" for each in shown_lines]
    if len(shown_lines) < len(description.requirements):
        lines.append(f"    ({len(description.requirements) - len(shown_lines)} by extras not shown; -v shows them)")
    reasons = {each.rule: each.reason for each in shown_lines if each.rule}
    lines += [f"  {rule}: {reason}" for rule, reason in reasons.items()]
    lines += [f"  note: {note}" for note in description.notes]
    dropped = sum(each.action == "drop" for each in description.requirements)
    lines.append(f"  strip-gpu would drop {dropped} of these." if dropped else "  strip-gpu would change nothing.")
    return "".join(f"{line}\n" for line in lines)


def _mark(line: RequirementLine) -> str:
    return {"drop": "-", "keep": "="}.get(line.action or "", " ")


def _why(line: RequirementLine) -> str:
    remarks = [line.rule or "", f"malformed: {line.fault}" if line.fault else ""]
    text = "; ".join(shown(remark) for remark in remarks if remark)
    return f"  [{text}]" if text else ""


def _size(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 100_000 else f"{size / 1000:.1f} kB"


def render_descriptions_json(descriptions: Sequence[Description]) -> str:
    """Return the wheels as JSON, version 1, with a final line end."""
    return encode({"version": 1, "command": "show", "wheels": [asdict(each) for each in descriptions]})
