"""What the cache holds, printed."""

from collections.abc import Sequence
from datetime import datetime

from latentscape.core.cache import Cached, cache_folder, cached, images_limit
from latentscape.core.findings import Json
from latentscape.core.units import memory_size
from latentscape.terminal.layout import print_line
from latentscape.terminal.records import print_rows


def describe_cache(removed: Sequence[Cached]) -> Json:
    """Return what the cache holds, what was used last first, and the bytes just removed from it."""
    items = [
        {
            "name": item.path.name,
            "kind": item.kind,
            "bytes": item.n_bytes,
            "used": f"{datetime.fromtimestamp(item.used):%Y-%m-%d}",
        }
        for item in reversed(cached())
    ]
    return {
        "folder": str(cache_folder()),
        "bytes": sum(item["bytes"] for item in items),
        "images_limit": int(images_limit()),
        "removed_bytes": sum(item.n_bytes for item in removed),
        "items": items,
    }


def print_cache(cache: Json) -> None:
    """Print what `describe_cache` returns."""
    if cache["removed_bytes"]:
        print_line(f"{memory_size(cache['removed_bytes'])} have been removed.")
    print_line(f"The cache is {cache['folder']}. It takes {memory_size(cache['bytes'])}.")
    print_line(
        f"Packed images take {memory_size(cache['images_limit'])} at most, a quarter of the disk. "
        "Beyond that, what was used least recently goes when others are packed."
    )
    rows = [
        {
            "": item["name"][:40],
            "kind": item["kind"],
            "size": memory_size(item["bytes"]),
            "last used": item["used"],
        }
        for item in cache["items"]
    ]
    if rows:
        print_rows(rows)
