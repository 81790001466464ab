"""How a file is fixed on its way into the mirror: as its manifest says, or not at all."""

from msgspec.structs import replace

from wheelfix.executors import Workers
from wheelfix.mirror.publish import Fixing
from wheelfix.options import Naming
from wheelfix.rules.model import RuleSet
from wheelfix.sync.manifest.model import Local, Manifest, Source
from wheelfix.sync.model import Reason, WantedFile


def fixing_for(manifest: Manifest, wanted: WantedFile, rules: RuleSet | None, workers: Workers = Workers()) -> Fixing:
    """Return how ``wanted`` is fixed on its way into the mirror of ``manifest``, whose rules are ``rules``.

    A file that a lock names is copied as it is, unless it has a succession: that is its correction, beside it. Wheels of
    one source with the same fixing can be fixed together.
    """
    if wanted.reason is Reason.LOCKED and wanted.succession is None:
        return Fixing(rules=None, workers=workers)
    usual = source_fixing(manifest, wanted.source, rules, workers)
    tag = wanted.succession.build_tag if wanted.succession else None
    if tag is None:
        return usual
    # A wheel that the rules no longer change is served under the tag as well: its own name is that of the old correction.
    naming = replace(usual.naming, build_tag=tag, rename_unchanged=True)
    return replace(usual, naming=naming, usual=usual)


def source_fixing(manifest: Manifest, source: Source, rules: RuleSet | None, workers: Workers = Workers()) -> Fixing:
    """Return how wheels of ``source`` are fixed that are not locked; its identity is what their pages record."""
    strip = source.local is Local.STRIP
    naming = Naming(drop_local=True, rename_unchanged=True, follow_pins=True) if strip else Naming()
    return Fixing(rules=rules, policy=manifest.policy, naming=naming, repair=manifest.repair, workers=workers)
