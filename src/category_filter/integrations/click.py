"""A parameter type for command lines by click, and by Typer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from category_filter import CategoryFilterError
from category_filter.integrations._validation import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from category_filter import Categories, CategoryFilter

    ParamType = click.ParamType[CategoryFilter]
else:
    ParamType = click.ParamType  # generic since 8.4 only

__all__ = ["BadFilter", "CategoryFilterParamType"]


class CategoryFilterParamType(ParamType):
    r"""An option or an argument that is a filter, with completion of the known names.

    >>> from click.testing import CliRunner
    >>> from category_filter.navixy import CATEGORIES
    >>> @click.command
    ... @click.option("--wanted", type=CategoryFilterParamType(CATEGORIES), default="*")
    ... def subscribe(wanted):
    ...     click.echo(repr(wanted))
    >>> CliRunner().invoke(subscribe, ["--wanted=-chat_message"]).output
    "CategoryFilter('-chat_message')\n"

    Typer, which no longer takes the types of click, takes it as a `parser`, and its `complete` as
    the `autocompletion`.

    Args:
        categories: The known set, if names are to be checked and completed.

    Raises:
        BadFilter: From `convert`; its `error` holds the code, the position and the repair.
    """

    name = "filter"

    def __init__(self, categories: Categories | None = None) -> None:
        self.categories = categories

    def convert(
        self,
        value: str | CategoryFilter,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> CategoryFilter:
        """The filter that was typed, or that is the default."""
        try:
            return parse(value, self.categories)
        except CategoryFilterError as error:
            raise BadFilter(error, param, ctx) from error

    def complete(self, incomplete: str) -> list[tuple[str, str]]:
        """What a text may become, with the label of the category that was added.

        >>> from category_filter.navixy import CATEGORIES
        >>> CategoryFilterParamType(CATEGORIES).complete("-history_task,c")
        [('-history_task,chat_message', 'New chat message')]
        """
        *_, begun = re.split(r"[,\s]|^-", incomplete)
        before = incomplete.removesuffix(begun)
        if "*" in before:
            return []
        labels: Mapping[str, str] = self.categories.labels if self.categories else {}
        listed = set(re.split(r"[,\s]|^-", before))
        choices = {"*": "every category"} if not before else {}
        choices |= {name: label for name, label in labels.items() if name not in listed}
        return [
            (before + choice, label)
            for choice, label in choices.items()
            if choice.startswith(begun)
        ]

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click passes it
        param: click.Parameter,  # noqa: ARG002 - likewise
        incomplete: str,
    ) -> list[CompletionItem]:
        """What click asks for when a person presses the tabulator key."""
        return [CompletionItem(text, help=label) for text, label in self.complete(incomplete)]


class BadFilter(click.BadParameter, ValueError):  # noqa: N818 - as click names its own
    """The refusal in click's own shape; also a ValueError, which is what Typer's parsers raise.

    Attributes:
        error: The `CategoryFilterError`, with all its data.
    """

    def __init__(
        self, error: CategoryFilterError, param: click.Parameter | None, ctx: click.Context | None
    ) -> None:
        super().__init__(error.summary(), ctx, param)
        self.error = error
