"""The extras: optional dependencies, each for one package or module."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["requires"]


@contextmanager
def requires(extra: str) -> Generator[None]:
    """Import what an extra installs, and name the extra if a package is missing.

    >>> with requires("django"):
    ...     import no_such_package
    Traceback (most recent call last):
        ...
    ModuleNotFoundError: no_such_package is missing: pip install 'category-filter[django]'
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error.name} is missing: pip install 'category-filter[{extra}]'", name=error.name
        ) from None
