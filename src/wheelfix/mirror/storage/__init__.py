"""Where the bytes of a mirror lie."""
