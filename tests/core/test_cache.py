from pathlib import Path

import pytest

from latentscape.core.cache import cache_folder


def test_the_folder_is_chosen_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("LATENTSCAPE_CACHE")
    assert "latentscape" in cache_folder().parts
