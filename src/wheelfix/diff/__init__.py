"""What differs between two wheels: their entries, METADATA, RECORD, and how the archives hold them."""
