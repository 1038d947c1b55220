"""README and documents: their blocks run, their links lead somewhere, the reference is complete.

The blocks of a page run from top to bottom in one folder: commands, Python, and files that a block
has as its title. A comment ``<!-- not run: the reason -->`` excepts the next block; its commands
still have to be ones that the command line understands.
"""

import inspect
import logging
import re
import shlex
import sys
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from typer.main import get_command

import latentscape
from latentscape.cli import app, main
from latentscape.config import fitting
from latentscape.data.bundled import load_mnist_5k
from latentscape.data.contents import Contents, Examples, from_arrays
from latentscape.data.sources import SOURCES, Source

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {
    path.relative_to(ROOT).as_posix(): path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md")))
}
BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+) -->\n)?"
    r"^```(?P<language>\w*)(?P<options>[^\n]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
LANGUAGES = {"sh", "python", "yaml", "text"}
OWN_TEST = {"docs/tutorial.md"}  # test_tutorial.py runs its Python, in two frameworks.
WHOLE = {"docs/guide/analyses.md", "docs/guide/data.md", "docs/guide/scikit-learn.md"}
"""Pages whose blocks need all of mnist-5k."""
OTHER_PROGRAMS = {"cd", "git", "mlflow", "pipx", "tensorboard", "uvx"}
PRINTED = {"docs/guide/scikit-learn.md": "{'latent_dim': 32}"}
"""What a page says that one of its blocks prints."""


@dataclass(frozen=True)
class Block:
    """One block of a page."""

    language: str
    text: str
    title: str | None
    reason: str | None

    @property
    def commands(self) -> list[list[str]]:
        """The words of each command, without comments."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [words for line in lines if (words := shlex.split(line, comments=True))]


def blocks_of(path: Path) -> list[Block]:
    matches = BLOCK.finditer(path.read_text(encoding="utf-8"))
    return [
        Block(match["language"], match["text"], title_in(match["options"]), match["reason"])
        for match in matches
    ]


def title_in(options: str) -> str | None:
    match = re.search(r'title="([^"]+)"', options)
    return match and match[1]


BLOCKS = {name: blocks_of(path) for name, path in PAGES.items()}
RUNNING = [
    name
    for name, blocks in BLOCKS.items()
    if any(block.language in ("sh", "python") and not block.reason for block in blocks)
]


def run_command(words: list[str], patch: pytest.MonkeyPatch) -> None:
    """Run a command of the command line in this process."""
    assert words[0] == "latentscape", f"{words} is neither run nor marked as not run"
    patch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code in (0, None), words


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, settings of Keras that are nobody's, no log of each export.

    Recipes are trained for a few steps of large batches, which shows that a command works.
    """
    monkeypatch.setattr(fitting, "STEPS", 10)
    monkeypatch.setattr(fitting, "MIN_BATCH", fitting.MAX_BATCH)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / ".keras"))
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setenv("LATENTSCAPE_TRUST", "")
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "propagate", False)
    return tmp_path


def fewer_digits() -> Contents:
    """An eighth of mnist-5k, which is enough to see that blocks run."""
    whole = load_mnist_5k()
    parts = [Examples(part.values[::8], part.labels[::8]) for part in whole.batches]
    fewer = from_arrays(parts, whole.origin)
    return replace(fewer, value_range=whole.value_range, origin=whole.origin)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras.
@pytest.mark.parametrize("page", RUNNING)
def test_the_blocks_of_a_page_run(page, folder, monkeypatch, capsys):
    if page not in WHOLE:
        monkeypatch.setitem(SOURCES, "mnist-5k", Source("fewer digits", fewer_digits))
    names: dict[str, object] = {}
    for block in BLOCKS[page]:
        if block.reason:
            continue
        if block.title:
            (folder / block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "python" and page not in OWN_TEST:
            exec(compile(block.text, page, "exec"), names)
        elif block.language == "sh":
            for words in block.commands:
                run_command(words, monkeypatch)
    assert PRINTED.get(page, "") in capsys.readouterr().out


def test_every_block_says_its_language():
    for page, blocks in BLOCKS.items():
        assert {block.language for block in blocks} <= LANGUAGES, page
        fences = re.findall(r"^ *```", PAGES[page].read_text(encoding="utf-8"), re.MULTILINE)
        assert len(fences) == 2 * len(blocks), page


def test_commands_that_are_not_run_are_understood():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    unrun = [block for blocks in BLOCKS.values() for block in blocks if block.reason]
    skipped = [words for block in unrun if block.language == "sh" for words in block.commands]
    assert skipped
    for words in skipped:
        program, *arguments = [word for word in words if not re.match(r"[A-Z_]+=", word)]
        if program == "latentscape":
            understand(arguments)
        elif program == "make":
            assert set(arguments) <= targets, words
        elif program == "pip":
            for extra in re.findall(r"\[(\w+)\]", " ".join(arguments)):
                assert extra in project["optional-dependencies"], words
        elif "-m" in arguments:  # Of Python, or of torchrun.
            module, *rest = arguments[arguments.index("-m") + 1 :]
            assert module == "latentscape", words
            understand(rest)
        elif program == "python":
            assert (ROOT / arguments[0]).is_file(), words
        else:
            assert program in ("git", "cd", "kubectl", "mlflow", "tensorboard", "pipx", "uvx"), (
                words
            )


def test_python_that_is_not_run_can_be_read():
    for name, blocks in BLOCKS.items():
        for block in blocks:
            if block.reason and block.language == "python":
                compile(block.text, name, "exec")


def understand(arguments: list[str]) -> None:
    """Parse a command without running it; Click refuses what it does not know."""
    group = get_command(app)
    context = group.make_context("latentscape", arguments[:1])
    name, command, rest = group.resolve_command(context, arguments)
    if hasattr(command, "commands"):
        name, *rest = rest
        command = command.commands[name]
    command.make_context(name, rest)


def test_project_citation_and_changelog_name_one_version():
    texts = [(ROOT / name).read_text() for name in ("pyproject.toml", "CITATION.cff")]
    versions = [re.search(r'^version(?: =|:) "?([\d.]+)', text, re.M)[1] for text in texts]
    released = re.search(
        r"^## \[([\d.]+)\] - ([\d-]+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M
    )
    assert {*versions, released[1]} == {versions[0]}
    assert f"date-released: {released[2]}" in texts[1]


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_of_pages_outside_of_the_documents_lead_somewhere(page):
    """Those of the documents themselves are checked by ``mkdocs build --strict``."""
    for link in re.findall(r"\]\(([^)]+)\)", (ROOT / page).read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if path.startswith("https://"):
            continue
        assert (ROOT / path).exists(), link
        if anchor:
            assert anchor in anchors_of(ROOT / path), link


def anchors_of(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_reference_has_every_public_name_once():
    pages = sorted((DOCS / "reference").glob("*.md"))
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    listed = re.findall(r"^::: latentscape\.(\w+)$", text, re.MULTILINE)
    assert sorted(listed) == sorted(latentscape.__all__)


@pytest.mark.parametrize("name", latentscape.__all__)
def test_every_public_object_has_a_docstring(name):
    """MkDocs would leave it out in silence."""
    value = getattr(latentscape, name)
    assert inspect.getdoc(value), name
    for member, member_value in vars(value).items() if inspect.isclass(value) else ():
        is_documented = inspect.isfunction(member_value) or isinstance(member_value, property)
        if is_documented and not member.startswith("_"):
            assert inspect.getdoc(member_value), f"{name}.{member}"
