"""Commands whose usage errors say what to do."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand

__all__ = ["Command", "FilterCommand"]


class Command(TyperCommand):
    """A command that explains an unexpected argument."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's class is private
        """Parse the arguments, and fail if some are left over."""
        ctx.allow_extra_args = True
        try:
            extra = super().parse_args(ctx, args)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")  # Pydantic adds it
            raise
        if extra and not ctx.resilient_parsing:
            ctx.fail(f"Unexpected argument {extra[0]!r}: quote an argument that contains spaces")
        return extra


class FilterCommand(Command):
    """A command whose argument `text` is a filter, which may start with a minus.

    No filter starts with two, so an argument that does is an unknown option.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's class is private
        """Parse the arguments, and fail if an option is unknown."""
        ctx.ignore_unknown_options = True
        before_dashes = args[: args.index("--")] if "--" in args else args
        values, extra, _ = self.make_parser(ctx).parse_args([*args])
        for arg in (values["text"], *extra):
            if arg in before_dashes and arg.startswith("--"):
                ctx.ignore_unknown_options = False
                return super().parse_args(ctx, [arg])
        return super().parse_args(ctx, args)
