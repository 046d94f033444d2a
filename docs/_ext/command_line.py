"""The directive ``command-line``: every command of ``skerry`` and its options, from their help."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective
from typer.main import get_command

KEPT = "\b"  # click's mark of a paragraph whose line ends stay


def literal(text: str) -> list[str]:
    """Lines as they are."""
    return ["```text", *text.replace(KEPT, "").strip("\n").splitlines(), "```", ""]


def describe(parameter: Any) -> list[str]:
    """An option or argument: a term and what it means."""
    if parameter.param_type_name == "argument":
        names = f"`{parameter.name.upper()}`"
    else:
        names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    text = (parameter.help or "").strip()
    default = parameter.default
    if isinstance(default, (int, float, str)) and not isinstance(default, bool):
        text += f" Default: {getattr(default, 'value', default)}."
    return [names, f": {text}", ""]


class CommandLine(SphinxDirective):
    """No argument, no content."""

    def run(self) -> list[nodes.Node]:
        """A section for each command."""
        from skerry.cli import _app

        group: Any = get_command(_app.app)
        lines: list[str] = []
        for name, command in group.commands.items():
            lines += [f"## skerry {name}", "", command.help.strip(), ""]
            lines += [line for each in command.params if each.help for line in describe(each)]
            lines += literal(command.epilog) if command.epilog else []
        lines += ["## How a command ends", "", *literal(group.epilog)]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx calls."""
    app.add_directive("command-line", CommandLine)
    return {"parallel_read_safe": True}
