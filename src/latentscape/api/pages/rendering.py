"""From blocks to HTML, for the page of a report and for the output of a notebook."""

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from latentscape.reporting.blocks import Block


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


def render_blocks(blocks: Sequence[Block]) -> Markup:
    """Set blocks, one below the other."""
    module = environment().get_template("blocks.html").module
    return Markup("").join(module.block(block) for block in blocks)  # type: ignore[attr-defined]


def page_style() -> str:
    """Return the style of a whole page, light or dark as the reader has it."""
    dark = f"@media screen and (prefers-color-scheme: dark) {{\n{dark_colours(':root')}}}\n"
    return resource("reporting", "chart.css") + dark + _template("style.css") + blocks_style()


def blocks_style() -> str:
    """Return the style of blocks, which stands below that of charts."""
    return _template("blocks.css")


def dark_colours(selector: str) -> str:
    """Return the colours of a dark page, for what a selector matches."""
    return _template("dark.css").replace(":root", selector)


def data_uri(image: bytes, kind: str = "png") -> str:
    """Return an image as an address that holds it."""
    return f"data:image/{kind};base64,{b64encode(image).decode()}"


def resource(package: str, name: str) -> str:
    """Read a text file of a package below this one."""
    return resources.files(f"latentscape.{package}").joinpath(name).read_text("utf-8")


def _template(name: str) -> str:
    return resource("api.pages", name)


def _width(svg: str) -> str:
    return svg.partition('viewBox="0 0 ')[2].split()[0]
