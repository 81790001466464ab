"""The faults that a wheel can have: one table of codes, what finds each of them, and how it can be mended."""
