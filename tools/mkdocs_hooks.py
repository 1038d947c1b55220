"""What the site of the documents needs beside Markdown: other pages, notebooks, and formulas.

MkDocs calls these functions (``hooks`` in ``mkdocs.yml``).
"""

import json
import re
from html import unescape
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

# Pages whose files are where GitHub and the benchmarks expect them: place in the site, then path.
ELSEWHERE = {
    "benchmarks/growth.svg": "benchmarks/growth.svg",
    "benchmarks/quality.svg": "benchmarks/quality.svg",
    "benchmarks/results.md": "benchmarks/RESULTS.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
}
FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<latex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)
# Tests of the tutorial tell by the second word which program a block belongs to.
FENCE = re.compile(r"^(```python) (?:both|torch|keras)$", re.MULTILINE)
# Whatever a browser would load by itself from another host.
FOREIGN = re.compile(r'<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)="(?:https?:)?//[^"]*"')

log = get_plugin_logger("latentscape")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are kept outside of the folder of the documents, and notebooks."""
    root = Path(config.config_file_path).parent
    for notebook in sorted((root / "docs" / "notebooks").glob("*.ipynb")):
        place = f"notebooks/{notebook.stem}.md"
        files.append(File.generated(config, place, content=_page_of(notebook)))
    for place, path in ELSEWHERE.items():
        files.append(File.generated(config, place, abs_src_path=str(root / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links from the root of the checkout lead to pages; leave out what only tests read."""
    if page.file.src_uri in ELSEWHERE:
        markdown = markdown.replace("](docs/", "](")
    return FENCE.sub(r"\1", markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Write formulas as MathML, which browsers know without a script."""
    return FORMULA.sub(_mathml, html)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Warn of what comes from another host; a strict build fails on warnings."""
    for foreign in FOREIGN.findall(output):
        log.warning("%s loads %s. Pages must work offline.", page.file.src_uri, foreign)
    return output


def _mathml(formula: re.Match[str]) -> str:
    """Return MathML; a formula in a line of its own can be scrolled on a phone."""
    latex = unescape(formula["latex"]).strip()
    if formula["tag"] == "span":
        return convert(latex)
    return f'<div class="formula">{convert(latex, display="block")}</div>'


def _page_of(notebook: Path) -> str:
    """Return a notebook as Markdown: its texts, and its code in blocks that can be copied.

    Notebooks keep no output: whoever runs one sees their own.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    title, *rest = (_written(cell["cell_type"], "".join(cell["source"])) for cell in cells)
    link = f"[Download this page as a notebook]({notebook.name}), and run it in Jupyter or VS Code."
    return "\n\n".join([title, link, *rest]) + "\n"


def _written(kind: str, text: str) -> str:
    return f"```python\n{text}\n```" if kind == "code" else text
