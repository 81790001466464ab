"""What a sync has to do, what stops it, and what it does with files that the mirror lists."""
