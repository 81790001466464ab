"""What the files of a mirror require: resolved by uv on loopback pages, with the metadata that the rules have corrected."""
