"""The command line: `category-filter explain`, `check`, `precompute`, `sql`, `serve`, `session`."""

try:
    from category_filter.cli._app import app, main
except ModuleNotFoundError as error:
    raise SystemExit(
        f"category-filter: {error.name} is missing: pip install 'category-filter[cli]'"
    ) from None

__all__ = ["app", "main"]
