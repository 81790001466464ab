"""Other indexes: what they list, and wheels and METADATA from there, within limits."""
