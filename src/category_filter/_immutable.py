"""The base class of `CategoryFilter` and `Categories`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Immutable"]


class Immutable:
    """The base of final classes whose instances never change, so that a copy is the original."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        if Immutable not in cls.__bases__:
            raise TypeError(f"{cls.__bases__[0].__name__} is final: use an attribute instead")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable: cannot delete {name!r}")
