"""The rule sets that come with wheelfix, in the form in which they are read: JSON.

``docs/write_reference.py`` makes ``builtin/gpu.json`` from ``builtin/gpu.toml``, which people write; a test compares them.
It is read in 0.6 ms instead of 3, and needs neither the parser of TOML nor the modules that check a rule file.
"""

from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from wheelfix.errors import RulesError
from wheelfix.rules.model import RuleSet

_DECODER: Final = msgspec.json.Decoder(RuleSet)
"""Made at import, before there are threads: msgspec 0.22 crashes where two of them prepare it at once."""


@cache
def bundled(name: str) -> RuleSet:
    """Return the whole rule set ``name``, one of :data:`wheelfix.rules.BUILT_IN`.

    :raises RulesError: if the file is not what was installed.
    """
    try:
        data = Path(__file__).with_name("builtin").joinpath(f"{name}.json").read_bytes()
        return _DECODER.decode(data)
    except (OSError, ValueError) as error:
        message = f"the built-in set {name} is damaged"
        raise RulesError("unknown-rule-set", message, hint="Install wheelfix again.") from error
