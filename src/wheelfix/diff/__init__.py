"""What differs between two wheels: their members, METADATA, RECORD, and how the archives hold them."""
