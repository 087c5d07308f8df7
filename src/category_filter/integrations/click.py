"""A parameter type for click and Typer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from category_filter import CategoryFilterError
from category_filter._extras import requires
from category_filter.integrations._validation import parse

with requires("click"):
    import click
    from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from category_filter import Categories, CategoryFilter

    ParamType = click.ParamType[CategoryFilter]
else:
    ParamType = click.ParamType  # generic only since click 8.4

__all__ = ["CategoryFilterParamType", "FilterUsageError"]

_DELIMITER = re.compile(r"[,\s]|^-")


class CategoryFilterParamType(ParamType):
    r"""A type for options and arguments, with shell completion of the known names.

    >>> from click.testing import CliRunner
    >>> from category_filter.navixy import CATEGORIES
    >>> @click.command
    ... @click.option("--wanted", type=CategoryFilterParamType(CATEGORIES), default="*")
    ... def subscribe(wanted):
    ...     click.echo(repr(wanted))
    >>> CliRunner().invoke(subscribe, ["--wanted=-chat_message"]).output
    "CategoryFilter('-chat_message')\n"

    Typer does not accept click types: pass the instance as `parser`, and its `complete` method as
    `autocompletion`.

    Args:
        categories: The known set, to validate and complete names.

    Raises:
        FilterUsageError: From `convert`, if the value is not a valid filter.
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
        try:
            return parse(value, self.categories)
        except CategoryFilterError as error:
            raise FilterUsageError(error, param, ctx) from error

    def complete(self, incomplete: str) -> list[tuple[str, str]]:
        """Return the possible completions, each with the label of the added category.

        >>> from category_filter.navixy import CATEGORIES
        >>> CategoryFilterParamType(CATEGORIES).complete("-history_task,c")
        [('-history_task,chat_message', 'New chat message')]
        """
        *listed, prefix = _DELIMITER.split(incomplete)
        before = incomplete.removesuffix(prefix)
        if "*" in before:
            return []
        labels: Mapping[str, str] = self.categories.labels if self.categories else {}
        choices = {"*": "every category"} if not before else {}
        choices |= {name: label for name, label in labels.items() if name not in listed}
        return [
            (before + choice, label)
            for choice, label in choices.items()
            if choice.startswith(prefix)
        ]

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(text, help=label) for text, label in self.complete(incomplete)]


class FilterUsageError(click.BadParameter, ValueError):
    """An invalid filter as a `click.BadParameter`, and as the ValueError that Typer expects.

    Attributes:
        error: The `CategoryFilterError`, with its code, position and suggestions.
    """

    def __init__(
        self, error: CategoryFilterError, param: click.Parameter | None, ctx: click.Context | None
    ) -> None:
        super().__init__(error.summary(), ctx, param)
        self.error = error
