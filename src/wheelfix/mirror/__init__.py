"""A mirror: a directory that serves the simple repository API, and what is published to it, changed in it and found in it.

The JSON page of a project is the record of truth; all else is made from it and from the files.
"""
