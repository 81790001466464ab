"""The version of wheelfix and where it lives, in one place."""

__version__ = "0.1.0"
HOME_PAGE = "https://github.com/wheelfix/wheelfix"
REFERENCE = f"{HOME_PAGE}/blob/main/docs/reference/"
"""The pages of the documentation that explain each command, option and code."""
_INSTALL = f"{HOME_PAGE}/blob/main/docs/start/install.md"


def install_extra(extra: str) -> str:
    """Return how to get the packages of ``extra``; pip, uv and pipx each install it in another way."""
    return f"Install wheelfix with the extra `{extra}`: see {_INSTALL}"
