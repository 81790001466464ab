"""One wheel, as bytes and as text: its archive, its file name, its METADATA, RECORD and what they say.

https://packaging.python.org/en/latest/specifications/core-metadata/
"""
