"""The version of wheelfix and where it lives, in one place."""

__version__ = "0.1.0"
HOME_PAGE = "https://github.com/wheelfix/wheelfix"
