"""The version of wheelfix, in one place."""

__version__ = "0.1.0"
