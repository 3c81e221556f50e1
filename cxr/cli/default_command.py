"""A command group in which one command is meant when none is named."""

from typing import Any

from typer.core import TyperGroup

__all__ = ["DefaultCommandGroup"]


class DefaultCommandGroup(TyperGroup):
    """``cxr benchmark DATASET`` means ``cxr benchmark run DATASET``: the first command is the default.

    A first argument that names no command, or an option other than --help, belongs to the default command.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the name of the default command where none is given."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)
