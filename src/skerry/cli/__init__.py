"""The command line: ``skerry --help``.

Everything heavy is imported by the command that needs it, so that ``--help`` is quick.
"""

from skerry.cli._app import main

__all__ = ["main"]
