"""Blocks of a report as Markdown."""

from latentscape.api.pages.markdown import escaped, figures, markdown
from latentscape.reporting.blocks import Aside, Cell, Gallery, Prose, Table


def test_text_is_shown_as_it_is():
    assert escaped("a|b *c* [d](e) <f> `g`\n_h") == r"a\|b \*c\* \[d\](e) \<f\> \`g\` \_h"


def test_blocks_without_pictures():
    table = Table("Seen.", [("Model", ""), ("MSE", "per pixel")], [[Cell("a|b"), Cell("1", True)]])
    assert markdown(table) == (
        "| Model | MSE, per pixel |\n| --- | ---: |\n| a\\|b | ★ 1 |\n\nSeen."
    )
    aside = Aside("note", "Beware.", ["One.", "Two."], listed=True)
    assert markdown(aside) == "> **Beware.**\n>\n> - One.\n> - Two."
    assert markdown(Prose(["One.", "Two."])) == "One.\n\nTwo."
    assert list(figures(Gallery([]))) == []
