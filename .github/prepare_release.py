"""Give the package this repository's address, before a release is built from the working tree.

A package index shows README.md without the files beside it, so relative links and images become
absolute, and `[project.urls]` is added. The address comes from the environment of the CI system, as
does the tag, which must be the version that the module and the changelog have.
"""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

_LINK = re.compile(r"""```.*?```|`[^`]*`|(?<=\]\()[^()\s]+|(?<=src=")[^"]+""", re.DOTALL)
"""The target of a link or an image; also whole code spans and blocks, which stay as they are."""

_IMAGES = (".png", ".svg")


def check_version(module: str, changelog: str, tag: str) -> None:
    """Exit with the reason if a tag is not the version, or the changelog calls it unreleased."""
    version = re.search(r'^__version__ = "(.*)"$', module, re.MULTILINE)
    if version is None or tag != f"v{version[1]}":
        sys.exit(f"the tag is {tag}, but the module has {version and version[0]}")
    if not re.search(rf"^## {re.escape(version[1])}, \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE):
        sys.exit(f"the changelog has no line '## {version[1]}, YEAR-MONTH-DAY'")


def replace_links(text: str, replace: Callable[[str], str]) -> str:
    """Replace the targets of the relative links and images of a page."""

    def replaced(match: re.Match[str]) -> str:
        target = match.group()
        return target if target.startswith(("`", "https://")) else replace(target)

    return _LINK.sub(replaced, text)


def address(path: str, repository: str, tag: str) -> str:
    """Return the address of a file at a tag."""
    view = "raw" if path.endswith(_IMAGES) else "blob"
    return f"{repository}/{view}/{tag}/{path}"


def absolute(readme: str, repository: str, tag: str) -> str:
    """Return the README with the addresses of its links and images at a tag."""

    def replace(target: str) -> str:
        path = f"README.md{target}" if target.startswith("#") else target
        return address(path, repository, tag)

    return replace_links(readme, replace)


def urls(repository: str, tag: str) -> str:
    """Return the links that a package index shows beside the description."""
    return f"""
[project.urls]
Documentation = "{repository}/blob/{tag}/README.md"
Source = "{repository}"
Changelog = "{repository}/blob/{tag}/.github/CHANGELOG.md"
Issues = "{repository}/issues"
"""


def main() -> None:
    """Check the version, and prepare the files in the current folder."""
    repository = f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}"
    tag = os.environ["GITHUB_REF_NAME"]
    module, changelog = Path("src/category_filter/__init__.py"), Path(".github/CHANGELOG.md")
    check_version(module.read_text("utf-8"), changelog.read_text("utf-8"), tag)
    readme, pyproject = Path("README.md"), Path("pyproject.toml")
    readme.write_text(absolute(readme.read_text("utf-8"), repository, tag), "utf-8")
    with pyproject.open("a", encoding="utf-8") as file:
        file.write(urls(repository, tag))
    # Without the repository around them, the tests cannot run.
    Path("MANIFEST.in").write_text("prune tests\n", "utf-8")


if __name__ == "__main__":
    main()
