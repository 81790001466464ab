"""Lock files: what pip, uv, Poetry and PDM wrote down to install again, read as plain data.

Five kinds are one type here. ``read`` tells them apart, and a module of each kind reads its form::

    uv.lock | pylock.toml | poetry.lock | pdm.lock | requirements.txt -> Lock(files, skipped, warnings)
"""
