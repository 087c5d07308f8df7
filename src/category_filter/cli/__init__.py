"""The command line: `category-filter explain`, `check`, `precompute`, `sql`, `serve`, `session`."""

import sys

from category_filter._extras import requires

try:
    with requires("cli"):
        from category_filter.cli._app import app, main
except ModuleNotFoundError as error:
    sys.stderr.write(f"category-filter: {error.msg}\n")
    raise SystemExit(2) from None

__all__ = ["app", "main"]
