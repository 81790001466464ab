"""Rules: which requirements of which wheels are to be dropped or kept, and why."""
