"""What is measured: a module for each subject, and in it a function for each section of a run, which returns its figures."""
