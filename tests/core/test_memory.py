"""How much memory is free, by the machine and by its container."""

import math

import pytest

from latentscape.core import memory


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({"max": "max"}, 5e9),
        (
            {"max": "3000000000", "current": "1000000000", "stat": "anon 1\ninactive_file 5"},
            2e9 + 5,
        ),
        ({"max": "9000000000", "current": "1000000000", "stat": "inactive_file 0"}, 5e9),
        ({"max": "9000000000"}, 5e9),
    ],
)
def test_a_container_may_get_less_than_the_machine_has(files, free, monkeypatch, tmp_path):
    for name, text in files.items():
        (tmp_path / f"memory.{name}").write_text(text)
    (tmp_path / "meminfo").write_text(f"MemTotal: 9 kB\nMemAvailable: {5e9 / 1024:.0f} kB\n")
    monkeypatch.setattr(memory, "CONTAINER", tmp_path)
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    assert memory.available_memory() == pytest.approx(free, abs=1024)


def test_where_nothing_is_known_nothing_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "nothing")
    monkeypatch.setattr(memory, "CONTAINER", tmp_path)
    assert memory.available_memory() == math.inf
    memory.check_memory("This", 1e30, "")
