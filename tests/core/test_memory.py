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
    monkeypatch.setattr(memory, "_GROUPS", tmp_path / "nothing")
    assert memory.available_memory() == pytest.approx(free, abs=1024)


@pytest.mark.parametrize(
    ("groups", "folder", "names", "free"),
    [
        ("0::/\n", "", ("max", "current", "inactive_file"), 2e9 + 5),
        ("0::/work.slice/mine\n", "work.slice/mine", ("max", "current", "inactive_file"), 2e9 + 5),
        ("0::/work/mine\n", "work", ("max", "current", "inactive_file"), 2e9 + 5),
        (
            "7:cpu,cpuacct:/x\n5:memory:/mine\n0::/\n",
            "memory/mine",
            ("limit_in_bytes", "usage_in_bytes", "total_inactive_file"),
            2e9 + 5,
        ),
        ("5:memory:/mine\n", "memory/other", ("limit_in_bytes", "usage_in_bytes", "x"), 5e9),
    ],
)
def test_groups_of_both_versions_may_get_less(groups, folder, names, free, monkeypatch, tmp_path):
    limit, used, files = names
    (tmp_path / "groups").write_text(groups)
    (tmp_path / "meminfo").write_text(f"MemTotal: 9 kB\nMemAvailable: {5e9 / 1024:.0f} kB\n")
    (tmp_path / "cgroup" / folder).mkdir(parents=True)
    for name, text in ((limit, "3000000000"), (used, "1000000000"), ("stat", f"{files} 5\nanon 1")):
        (tmp_path / "cgroup" / folder / f"memory.{name}").write_text(text)
    monkeypatch.setattr(memory, "CONTAINER", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_GROUPS", tmp_path / "groups")
    assert memory.available_memory() == pytest.approx(free, abs=1024)


def test_where_nothing_is_known_nothing_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "nothing")
    monkeypatch.setattr(memory, "CONTAINER", tmp_path)
    assert memory.available_memory() == math.inf
    memory.check_memory("This", 1e30, "")
