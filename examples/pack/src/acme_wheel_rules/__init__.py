"""Rule files of wheelfix; there is no code here."""
