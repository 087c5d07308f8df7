"""Mutants of a module: the changes of one expression or statement that a test should notice."""

from __future__ import annotations

import ast
from collections import Counter
from copy import deepcopy
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

COMPARISONS = {
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}
ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
CONDITIONS = ast.If | ast.IfExp | ast.While
CHANGED_ANYWAY = ast.Compare | ast.BoolOp | ast.UnaryOp
UNTESTED_DECORATORS = {"final", "overload", "contextmanager", "staticmethod", "classmethod"}


class Mutant(NamedTuple):
    """A changed module, with its change."""

    key: str
    """The function and the change; a number tells apart the same changes in one function."""
    line: int
    code: CodeType


def find_mutants(source: str, file: str) -> Iterator[Mutant]:
    """Iterate over the mutants of a module.

    >>> for mutant in find_mutants("def f(x):\\n    return x < 10", "f.py"):
    ...     print(mutant.key)
    f: `return x < 10` -> `return`
    f: `x < 10` -> `x <= 10`
    f: `x < 10` -> `x >= 10`
    f: `10` -> `11`
    """
    tree = ast.parse(source)
    seen: Counter[str] = Counter()
    for place, holder, field, index, node in _nodes(tree, "module"):
        for new in _changes(node):
            before, after = _summary(node), _summary(new)
            if before == after:
                continue
            key = f"{place}: `{before}` -> `{after}`"
            seen[key] += 1
            if seen[key] > 1:
                key += f" ({seen[key]})"
            ast.copy_location(new, node)
            _replace(holder, field, index, new)
            code = compile(ast.fix_missing_locations(tree), file, "exec", dont_inherit=True)
            _replace(holder, field, index, node)
            yield Mutant(key, node.lineno, code)


def _replace(holder: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(holder, field, node)
    else:
        getattr(holder, field)[index] = node


def _summary(node: ast.AST) -> str:
    """Return code in one line; of a compound statement, its first line."""
    text = ast.unparse(node)
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        text = " ".join(f"@{ast.unparse(each)}" for each in node.decorator_list)
        return f"{text} def {node.name}".strip()
    if isinstance(node, ast.If | ast.With) and "\n" in text:
        return text.split("\n")[0]
    return " ".join(text.split("\n"))


def _nodes(
    holder: ast.AST, place: str
) -> Iterator[tuple[str, ast.AST, str, int | None, ast.expr | ast.stmt]]:
    """Iterate over the nodes that run, each with its function and where it hangs in the tree."""
    for field, value in ast.iter_fields(holder):
        if field in {"annotation", "returns", "decorator_list"} or _is_for_types(holder):
            continue
        children = value if isinstance(value, list) else [value]
        for index, child in enumerate(children):
            if not isinstance(child, ast.AST) or _is_docstring(child, field):
                continue
            if isinstance(holder, ast.JoinedStr) and isinstance(child, ast.Constant):
                continue  # the f-string changes as a whole
            if index == 0 and field == "args" and _is_cast(holder):
                continue  # a type
            inner = place
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = child.name if place == "module" else f"{place}.{child.name}"
            if isinstance(child, ast.expr | ast.stmt) and not _is_for_types(child):
                yield inner, holder, field, index if isinstance(value, list) else None, child
            yield from _nodes(child, inner)


def _is_for_types(node: ast.AST) -> bool:
    """Return True for code that only type checkers read."""
    match node:
        case ast.If(test=ast.Name("TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name("__all__" | "__slots__" | "__module__")]):
            return True
        case ast.Assign(value=ast.Call(func=ast.Name("TypeVar"))):
            return True
        case ast.Assign(value=ast.Subscript(value=ast.Name("Literal"))):
            return True
        case ast.FunctionDef():
            return any(ast.unparse(each) == "overload" for each in node.decorator_list)
        case _:
            return False


def _is_cast(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "cast"


def _is_docstring(node: ast.AST, field: str) -> bool:
    return field == "body" and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(node: ast.expr | ast.stmt) -> Iterator[ast.AST]:
    """Iterate over the changes of a node itself, not of what it contains."""
    match node:
        case ast.Compare():
            for index, operator in enumerate(node.ops):
                for new_operator in COMPARISONS[type(operator)]:
                    new = deepcopy(node)
                    new.ops[index] = new_operator()
                    yield new
        case ast.BoolOp():
            swapped = deepcopy(node)
            swapped.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield swapped
            yield from map(deepcopy, node.values)
        case ast.UnaryOp():
            yield deepcopy(node.operand)
        case ast.BinOp() | ast.AugAssign() if type(node.op) in ARITHMETIC:
            new = deepcopy(node)
            new.op = ARITHMETIC[type(node.op)]()
            yield new
        case ast.Constant():
            yield from _constants(node.value)
        case ast.JoinedStr():
            yield ast.Constant("XX")
        case ast.Call():
            yield from _calls(node)
        case ast.Slice():
            for bound in ("lower", "upper"):
                if getattr(node, bound) is not None:
                    new = deepcopy(node)
                    setattr(new, bound, None)
                    yield new
        case ast.Return(value=ast.expr()):
            if ast.unparse(node.value) != "None":
                yield ast.Return()
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case ast.Expr(value=ast.Call()) | ast.Raise() | ast.Delete():
            yield ast.Pass()
        case ast.With():
            new = ast.If(test=ast.Constant(value=True), body=deepcopy(node.body), orelse=[])
            if all(item.optional_vars is None for item in node.items):
                yield new
        case _:
            pass
    if isinstance(node, ast.AugAssign) or (
        isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name | ast.Tuple)
    ):
        yield ast.Pass()
    if isinstance(node, CONDITIONS) and not isinstance(node.test, CHANGED_ANYWAY):
        new = deepcopy(node)
        new.test = ast.UnaryOp(ast.Not(), new.test)
        yield new
    if isinstance(node, ast.FunctionDef):
        for index, decorator in enumerate(node.decorator_list):
            if ast.unparse(decorator).split("(")[0].split(".")[-1] not in UNTESTED_DECORATORS:
                new = deepcopy(node)
                del new.decorator_list[index]
                yield new


def _constants(value: object) -> Iterator[ast.expr]:
    match value:
        case bool():
            yield ast.Constant(not value)
        case int() | float():
            yield ast.Constant(value + 1)
        case str():
            yield ast.Constant(f"XX{value}")
        case bytes():
            yield ast.Constant(b"XX" + value)
        case _:
            pass


def _calls(node: ast.Call) -> Iterator[ast.expr]:
    for index in range(len(node.keywords)):
        new = deepcopy(node)
        del new.keywords[index]
        yield new
