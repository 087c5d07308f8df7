"""The API reference: what autodoc needs to know about this project's docstrings and types."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from itertools import dropwhile
from typing import TYPE_CHECKING, Any, cast

import django
from django.conf import settings
from docutils import nodes
from pydantic import BaseModel
from sphinx import addnodes
from sphinx.ext.napoleon import Config
from sphinx.ext.napoleon.docstring import GoogleDocstring
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxRole

import category_filter

if TYPE_CHECKING:
    from types import ModuleType

    from docutils.nodes import Element, Node, system_message
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.admin"]

_CODE_BLOCK = re.compile(r"^(\S.*\n)\n(?=    )", re.MULTILINE)
"""The end of the paragraph before an indented block of code."""

_NAPOLEON: Any = Config()
"""The defaults; as an extension, Napoleon would change the docstrings of attributes too."""

_NAME = re.compile(r"[A-Za-z][\w.]*(?:\(\))?")


def public_modules() -> list[ModuleType]:
    """Import every module without an underscore in front of its name."""
    found = pkgutil.walk_packages(category_filter.__path__, "category_filter.")
    names = ["category_filter", *(module.name for module in found)]
    return [importlib.import_module(name) for name in names if "._" not in name]


def define_types(module: ModuleType) -> None:
    """Define what a module imports for type checkers only, so that annotations can be resolved."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            code = compile(ast.Module(node.body, []), str(module.__file__), "exec")
            defined: dict[str, Any] = {}
            exec(code, dict(vars(module)), defined)  # noqa: S102 - the module's own code
            vars(module).update(defined | vars(module))


class Backticks(SphinxRole):
    """Code in single backticks, as in Markdown; a link if it is a name of this project."""

    def run(self) -> tuple[list[Node], list[system_message]]:
        """Return a reference that may lead nowhere, or plain code."""
        code = nodes.literal(self.rawtext, self.text, classes=["py"])
        if not _NAME.fullmatch(self.text):
            return [code], []
        context = {key: self.env.ref_context.get(key) for key in ("py:module", "py:class")}
        reference = addnodes.pending_xref(
            self.rawtext,
            code,
            refdomain="py",
            reftype="obj",
            reftarget=self.text.removesuffix("()"),
            refdoc=self.env.current_document.docname,
            backticks=True,
            **context,
        )
        return [reference], []


def _keep_code(
    _app: Sphinx, _env: BuildEnvironment, node: addnodes.pending_xref, code: Element
) -> Element | None:
    """Return what is in backticks, if it is not a name of this project."""
    return code if node.get("backticks") else None


def _read_docstring(
    app: Sphinx, _kind: str, name: str, described: object, options: object, lines: list[str]
) -> None:
    text = _CODE_BLOCK.sub(r"\1\n::\n\n", "\n".join(lines))
    # Not as an attribute, or Napoleon takes what comes before a colon for a type.
    lines[:] = GoogleDocstring(text, _NAPOLEON, app, "object", name, described, options).lines()


def _shorten_signature(
    _app: Sphinx, _kind: str, _name: str, described: object, *_: object
) -> tuple[str, None] | None:
    """Return the fields of a Pydantic model without their types, which are not meant to be read."""
    if isinstance(described, type) and issubclass(described, BaseModel):
        return f"(*, {', '.join(described.model_fields)})", None
    return None


def _keywords(signature: addnodes.desc_signature) -> list[str]:
    """Return the names of the keyword-only parameters."""
    parameters = [node.astext() for node in signature.findall(addnodes.desc_parameter)]
    rest = dropwhile(lambda parameter: not parameter.startswith("*"), parameters)
    return [found[0] for parameter in rest if (found := re.match(r"\w+", parameter))]


class KeywordIndex(SphinxTransform):
    """Adds `stored=`, as one types it, to the index, which the site's search looks into."""

    default_priority = 800  # before Sphinx collects the index

    def apply(self, **_: object) -> None:
        """Add an entry for each keyword-only parameter."""
        for signature in self.document.findall(addnodes.desc_signature):
            description = signature.parent
            siblings = description.parent.children
            index = cast("Element", siblings[siblings.index(description) - 1])
            for keyword in _keywords(signature):
                for target in signature["ids"]:
                    entry = f"{keyword}=; {signature['fullname']}()"
                    index["entries"].append(("single", entry, target, "", None))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    settings.configure(INSTALLED_APPS=_APPS)
    django.setup()
    for module in public_modules():
        define_types(module)
    app.add_role("backticks", Backticks())
    app.connect("missing-reference", _keep_code)
    app.connect("autodoc-process-docstring", _read_docstring)
    app.connect("autodoc-process-signature", _shorten_signature)
    app.add_transform(KeywordIndex)
    return {"parallel_read_safe": True}
