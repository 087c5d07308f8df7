"""What can be bound to a session: a phone's push token, or a browser's subscription."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from category_filter import CategoryFilter
from category_filter.navixy import CATEGORIES

__all__ = ["BrowserBinding", "DeviceBinding", "Keys"]

KEY = "[A-Za-z0-9_/+-]{1,256}={0,2}"
"""The pattern of a key in base64."""


class _Binding(BaseModel, frozen=True, extra="forbid", hide_input_in_errors=True):
    application: str
    token: str
    category_filter: Annotated[CategoryFilter, CATEGORIES] | None = Field(
        None, description="a filter of notification categories; all of them, `*`, if it is missing"
    )

    @property
    def wanted(self) -> CategoryFilter:
        """The filter, which is `*` for those who give none."""
        return self.category_filter or CategoryFilter("*")


class DeviceBinding(_Binding, frozen=True):
    """A push token of an application on a phone, and what is wanted there.

    >>> DeviceBinding(application="navixy_iphone_viewer", token="740f4707").wanted
    CategoryFilter('*')
    """

    application: Literal["navixy_iphone_viewer", "navixy_android_viewer"] = Field(
        description="navixy_iphone_viewer, navixy_android_viewer or w3c_pushapi"
    )
    token: str = Field(
        repr=False,
        description="the push token, of 1 to 4,096 visible ASCII characters",
        pattern="^[!-~]{1,4096}$",
    )
    parameters: None = Field(None, description="nothing: only w3c_pushapi has parameters")


class Keys(BaseModel, frozen=True):
    """What messages to a browser are encrypted with."""

    p256dh: str = Field(
        repr=False, description="the subscription's public key in base64", pattern=f"^{KEY}$"
    )
    auth: str = Field(
        repr=False, description="the subscription's secret in base64", pattern=f"^{KEY}$"
    )


class BrowserBinding(_Binding, frozen=True):
    """A browser's subscription, and what is wanted there.

    >>> BrowserBinding(
    ...     application="w3c_pushapi",
    ...     token="https://push.example/send/1",
    ...     parameters={"p256dh": "BGEw", "auth": "c2Vj"},
    ...     category_filter="-chat_message",
    ... ).wanted
    CategoryFilter('-chat_message')
    """

    application: Literal["w3c_pushapi"]
    token: str = Field(
        repr=False,
        description="the whole URL of the subscription's endpoint, which begins with https://",
        pattern=r"^https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?/[!-~]{0,3800}$",
    )
    parameters: Keys = Field(description="an object with the subscription's p256dh and auth")
