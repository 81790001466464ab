"""Other people's indexes: what they list, and wheels and METADATA from there, within limits."""
