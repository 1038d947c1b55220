"""From blocks to HTML, for the page of a report and for the output of a notebook."""

from base64 import b64encode
from functools import cache
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup


@cache
def environment() -> Environment:
    """Return what knows the templates of this package, and how each kind of block is set."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(_template),
    )
    # Charts escape their text themselves.
    environment.filters |= {"data_uri": data_uri, "width": _width, "svg": Markup}
    return environment


def page_style() -> str:
    """Return the style of a whole page, light or dark as the reader has it."""
    dark = f"@media screen and (prefers-color-scheme: dark) {{\n{_template('dark.css')}}}\n"
    return (
        resource("reporting", "chart.css") + dark + _template("style.css") + _template("blocks.css")
    )


def notebook_style() -> str:
    """Return the style of an output in a notebook, which reaches nothing outside of it.

    What a notebook says of its theme stands above what the reader's system prefers.
    """
    chart = resource("reporting", "chart.css")
    inside = f"{chart}{_template('blocks.css')}{_template('notebook.css')}".replace(":root", "&")
    light, dark, output = ", ".join(_LIGHT), ", ".join(_DARK), ".latentscape"
    preferred = f":root:not({light}, :has({light})) {output}"
    return (
        f"{output} {{\n{inside}}}\n"
        f"@media (prefers-color-scheme: dark) {{\n{_dark_colours(preferred)}}}\n"
        f"{_dark_colours(f':is({dark}) {output}')}"
    )


_LIGHT = (
    '[data-jp-theme-light="true"]',
    ".vscode-light",
    '[data-theme="light"]',
    '[data-md-color-scheme="default"]',
)
_DARK = (
    '[data-jp-theme-light="false"]',
    ".vscode-dark",
    '[data-theme="dark"]',
    '[theme="dark"]',
    '[data-md-color-scheme="slate"]',
)
"""How pages say that they are light or dark: JupyterLab, VS Code, sites, Colab, MkDocs Material."""


def _dark_colours(selector: str) -> str:
    return _template("dark.css").replace(":root", selector)


_KINDS = {b"\xff\xd8": "jpeg", b"RIFF": "webp", b"GIF8": "gif"}
"""How the bytes of pictures begin."""


def data_uri(image: bytes) -> str:
    """Return an image as an address that holds it."""
    kind = next((kind for start, kind in _KINDS.items() if image.startswith(start)), "png")
    return f"data:image/{kind};base64,{b64encode(image).decode()}"


def resource(package: str, name: str) -> str:
    """Read a text file of a package below this one."""
    return resources.files(f"latentscape.{package}").joinpath(name).read_text("utf-8")


def _template(name: str) -> str:
    return resource("api.pages", name)


def _width(svg: str) -> str:
    return svg.partition('viewBox="0 0 ')[2].split()[0]
