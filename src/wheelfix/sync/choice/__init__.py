"""Which files of its sources a mirror is to have: what a manifest chooses, and what its locks name."""
