"""METADATA, edited without disturbing it (core metadata specification).

https://packaging.python.org/en/latest/specifications/core-metadata/
"""
