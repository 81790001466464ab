"""One wheel or many, corrected: planned, weighed, written beside the target, proved, and put in place."""
