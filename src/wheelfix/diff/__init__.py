"""What differs between two wheels: files, METADATA, RECORD, and how the archives store them."""
