"""Sphinx's settings for the documentation site. Build it with `.ci/docs FOLDER`."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / ".github"), str(ROOT / ".github" / "docs")]

from category_filter import __version__  # noqa: E402 - found by the line above

project = "category-filter"
author = copyright = "the category-filter authors"  # noqa: A001 - Sphinx's name for it
release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "readme_pages",
    "api_reference",
]
myst_enable_extensions = ["html_image"]
myst_heading_anchors = 4

autodoc_default_options = {"member-order": "bysource"}
autodoc_preserve_defaults = True
autodoc_inherit_docstrings = False
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"

# Debian's packages have the inventories, so that a build needs no network; without them, it has
# no links to other projects.
intersphinx_mapping = {
    name: (url, str(file))
    for name, url, folder in [
        ("python", "https://docs.python.org/3/", "python3.*"),
        ("django", "https://docs.djangoproject.com/en/stable/", "python-django-doc"),
        ("sqlalchemy", "https://docs.sqlalchemy.org/", "python-sqlalchemy-doc"),
    ]
    for file in Path("/usr/share/doc").glob(f"{folder}/html/objects.inv")
}
nitpick_ignore_regex = [
    ("py:.*", r"(?!category_filter\b).*"),  # other projects have inventories on some machines only
    ("py:.*", r"category_filter\..*\b(_\w+|[A-Z])\b.*"),  # private names, and type variables
]

default_role = "backticks"

html_theme = "furo"
html_title = f"category-filter {release}"
html_favicon = "icon.svg"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_scaled_image_link = False
html_show_sphinx = False
