"""The folder for what is made or downloaded once."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return ``$LATENTSCAPE_CACHE``, or the folder that the operating system has for caches."""
    folder = os.environ.get("LATENTSCAPE_CACHE")
    if folder:
        return Path(folder).expanduser()
    import pooch

    return Path(pooch.os_cache("latentscape"))
