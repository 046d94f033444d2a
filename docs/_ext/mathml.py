"""Formulas as MathML, made when the pages are built: no script, and nothing fetched by a reader."""

from __future__ import annotations

from typing import Any

from latex2mathml.converter import convert
from sphinx.util.math import get_node_equation_number


def inline(self: Any, node: Any) -> None:
    """A formula within a line."""
    from docutils.nodes import SkipNode

    self.body.append(f'<span class="math notranslate">{convert(node.astext())}</span>')
    raise SkipNode


def displayed(self: Any, node: Any) -> None:
    """A formula on a line of its own, with its number if it has a label."""
    from docutils.nodes import SkipNode

    self.body.append(self.starttag(node, "div", CLASS="math notranslate"))
    self.body.append(convert(node.astext(), display="block"))
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>")
    raise SkipNode


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx calls."""
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
