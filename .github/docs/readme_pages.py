"""Pages that include the READMEs beside the code: their relative links become links of the site."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from prepare_release import address, replace_links

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]

PAGES = {
    "README.md": "index",
    "grammar/README.md": "language",
    "src/category_filter/integrations/README.md": "integrations",
    "src/category_filter/batch/README.md": "batch",
    "src/category_filter/service/README.md": "service",
    "src/category_filter/cli/README.md": "command-line",
    "benchmarks/README.md": "benchmarks",
    ".github/CHANGELOG.md": "changelog",
    ".github/CONTRIBUTING.md": "contributing",
    ".github/SECURITY.md": "security",
}
"""The page of each file; all pages of READMEs are in the same folder."""

_IMAGES = (".png", ".svg")


def _source(path: Path) -> str:
    """Return the address of a file that has no page: in the repository, or in this working tree."""
    relative = path.relative_to(ROOT).as_posix()
    if "GITHUB_REPOSITORY" not in os.environ:
        return path.as_uri()
    repository = f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}"
    return address(relative, repository, os.environ["GITHUB_REF_NAME"])


def _link(folder: Path, target: str) -> str:
    """Return the target of a README's link, on its page."""
    path, hash_, anchor = target.partition("#")
    if not path:
        return target
    file = (folder / path).resolve()
    if file.suffix in _IMAGES:
        return os.path.relpath(file, Path(__file__).parent)
    page = PAGES.get(file.relative_to(ROOT).as_posix())
    return f"{page}.md{hash_}{anchor}" if page else _source(file)


def _rewrite(_app: Sphinx, path: Path, _page: str, content: list[str]) -> None:
    folder = (Path(__file__).parent / path).resolve().parent
    content[0] = replace_links(content[0], lambda target: _link(folder, target))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("include-read", _rewrite)
    return {"parallel_read_safe": True}
