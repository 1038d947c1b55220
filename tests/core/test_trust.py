"""Code that a file names is imported from trusted packages alone."""

import os
import sys
import threading

import pytest

from latentscape.core.errors import CodeError, ConfigError, UntrustedCode
from latentscape.core.trust import (
    VARIABLE,
    import_object,
    is_target,
    is_trusted,
    trust,
    trusting,
)


@pytest.fixture(autouse=True)
def _nobody_is_trusted(monkeypatch):
    monkeypatch.setenv(VARIABLE, "")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package in the working directory whose import leaves a trace; its name."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "traced_pkg"
    folder.mkdir()
    mark = "import pathlib\npathlib.Path('imported').touch()\n"
    (folder / "__init__.py").write_text(mark)
    (folder / "nets.py").write_text(
        mark + "from os import system\nfrom helper_of_traced import helper\nprint('hello')\n"
        "class Encoder: ...\n"
    )
    (tmp_path / "helper_of_traced.py").write_text("def helper(): ...\n")
    (folder / "broken.py").write_text("1 / 0\n")
    (folder / "leaving.py").write_text("raise SystemExit(0)\n")
    (folder / "lacking.py").write_text("import no_such_module_at_all\n")
    yield "traced_pkg"
    for name in [name for name in sys.modules if name.startswith(("traced_pkg", "helper_of"))]:
        del sys.modules[name]


def test_names_are_compared_by_whole_parts():
    with trusting(["mypkg", "other.nets"]):
        assert is_trusted("mypkg")
        assert is_trusted("mypkg.nets.deep")
        assert is_trusted("other.nets")
        assert not any(map(is_trusted, ("mypkgevil", "my", "other", "other.nets2", "")))
    assert not is_trusted("mypkg")


def test_trust_holds_for_the_process_and_within_a_block_for_its_thread_alone():
    trust("mypkg")
    trust("mypkg", "more.nets")
    assert os.environ[VARIABLE] == "mypkg,more.nets"  # Processes that are started have it too.
    seen = []

    def look():
        seen.extend((is_trusted("mypkg"), is_trusted("inner")))

    with trusting(["inner"]):
        assert is_trusted("inner")
        assert is_trusted("mypkg")
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert seen == [True, False]


@pytest.mark.parametrize("name", ["", "*", "my-pkg", "mypkg.", "mypkg:Encoder", ".nets", "a b"])
def test_what_is_no_name_is_refused(name, monkeypatch):
    with pytest.raises(ConfigError, match="not the name of a package"):
        trust(name)
    with pytest.raises(ConfigError, match="mypkg.nets"), trusting([name]):
        pass
    if name:
        monkeypatch.setenv(VARIABLE, name)
        with pytest.raises(ConfigError, match="not the name of a package"):
            is_trusted("mypkg")


def test_targets_name_an_object_in_a_module():
    assert is_target("mypkg.nets:Encoder")
    for text in ("mypkg", ":Encoder", "mypkg:", "mypkg:a.b", "my pkg:E", "mypkg..nets:E", "a:b:c"):
        assert not is_target(text)


def test_nothing_untrusted_is_imported(package, tmp_path):
    for names in ([], ["traced_pkgs", "traced", "nets"]):
        with trusting(names), pytest.raises(UntrustedCode) as error:
            import_object(f"{package}.nets:Encoder", "encoder")
    assert "--trust traced_pkg" in str(error.value)
    assert "latentscape.trust('traced_pkg')" in str(error.value)
    assert f"{VARIABLE}=traced_pkg" in str(error.value)
    assert not (tmp_path / "imported").exists()
    assert package not in sys.modules


def test_a_trusted_object_is_imported_from_the_working_directory(package, tmp_path, capsys):
    path = [*sys.path]
    with trusting([package]):
        assert import_object(f"{package}.nets:Encoder", "encoder").__name__ == "Encoder"
    assert (tmp_path / "imported").exists()
    assert sys.path == path
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "hello\n")  # What it prints is no answer of a command.


def test_what_a_trusted_module_holds_of_others_is_not_trusted(package):
    with trusting([package]):
        for name in ("system", "helper"):
            with pytest.raises(UntrustedCode, match="is code of .*which is not trusted"):
                import_object(f"{package}.nets:{name}", "encoder")


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("nets:Encode", "has no Encode. Did you mean Encoder?"),
        ("net:Encoder", "there is no module traced_pkg.net. Expected a module that is installed"),
        ("broken:Encoder", "ZeroDivisionError: division by zero"),
        ("leaving:Encoder", "SystemExit"),
        ("lacking:Encoder", "No module named 'no_such_module_at_all'"),
    ],
)
def test_what_cannot_be_imported_says_why(package, target, text):
    with trusting([package]), pytest.raises(CodeError) as error:
        import_object(f"{package}.{target}", "encoder")
    assert text in str(error.value)
    assert not isinstance(error.value, UntrustedCode)
