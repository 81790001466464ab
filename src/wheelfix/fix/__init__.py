"""One wheel or many, fixed: planned, weighed, written beside the target, proved, and put in place."""
