"""docs/variants.md says what the registries hold."""

import importlib.util
from pathlib import Path

TOOL = Path(__file__).parents[2] / "tools" / "variants.py"


def test_the_document_of_the_variants_is_current():
    spec = importlib.util.spec_from_file_location("variants", TOOL)
    variants = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(variants)
    current = variants.DOCUMENT.read_text(encoding="utf-8") == variants.document()
    assert current, "docs/variants.md is out of date: run python tools/variants.py"
