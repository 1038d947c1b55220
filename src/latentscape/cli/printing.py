"""What a command prints: a table for people, or JSON."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latentscape.api.gallery import Sheet


def show_sheet(sheet: "Sheet", as_json: bool) -> None:
    """Print where a picture was written, and what it shows."""
    files = {"picture": sheet.picture, "array": sheet.array}
    named = {kind: None if file is None else str(file) for kind, file in files.items()}
    if as_json:
        print(json.dumps({**named, "about": sheet.about}, indent=2, ensure_ascii=False))
    else:
        print("\n".join([*filter(None, named.values()), sheet.about]))


def show(values: Any, as_json: bool, print_table: Callable[[Any], None]) -> None:
    """Print values by `print_table`, or as JSON."""
    if as_json:
        print(json.dumps(values, indent=2, ensure_ascii=False))
    else:
        print_table(values)
