"""Measurements that were stopped: each is kept at once, and the same command goes on from there."""

import json
from pathlib import Path
from typing import Any

from latentscape.core.files import write_json

Kept = dict[str, Any]


def go_on(file: Path, plan: dict[str, Any], *lists: str) -> Kept:
    """Return what has been measured by the same plan, or empty lists of these names."""
    if file.exists():
        kept: Kept = json.loads(file.read_text("utf-8"))
        if kept["plan"] == plan:
            return kept
    return {"plan": plan, **{name: [] for name in lists}}


def keep(file: Path, kept: Kept) -> None:
    """Keep what has been measured so far."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, kept)
