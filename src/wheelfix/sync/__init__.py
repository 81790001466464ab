"""``wheelfix mirror sync``: a manifest says what a mirror has, and a run brings the mirror there.

A run reads the manifest, chooses files of its indexes, adds what they require, compares that with what the mirror lists, and
does what differs. Each step has a room::

    manifest -> choice -> dependencies -> planning -> jobs -> pages

``snapshots`` are locks of mirrors, the way back to one, and bundles for mirrors without a network.
"""
