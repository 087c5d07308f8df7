"""The bindings of a session: the push token of a phone, or the push subscription of a browser."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
)

from category_filter import CategoryFilter
from category_filter.navixy import CATEGORIES
from category_filter.service.push_services import PushServices

__all__ = ["KEY_PATTERN", "BrowserBinding", "DeviceBinding", "Keys"]

KEY_PATTERN = "[A-Za-z0-9_/+-]{1,256}={0,2}"
"""A key in base64, in the standard or the URL-safe alphabet."""


class _Binding(BaseModel, frozen=True, extra="forbid", hide_input_in_errors=True):
    application: str
    token: str
    category_filter: Annotated[CategoryFilter, CATEGORIES] | None = Field(
        default=None, description="A filter of notification categories; `*` if missing."
    )

    @property
    def effective_filter(self) -> CategoryFilter:
        """The filter, or `*` if missing."""
        return self.category_filter or CategoryFilter("*")


_NoKeys = Annotated[
    None,
    BeforeValidator(lambda value: None if value == {} else value),
    WithJsonSchema({"type": ["object", "null"], "maxProperties": 0}),
]


class DeviceBinding(_Binding, frozen=True):
    """The push token of an application on a phone, and its filter.

    >>> DeviceBinding(application="navixy_iphone_viewer", token="740f4707").effective_filter
    CategoryFilter('*')
    """

    application: Literal["navixy_iphone_viewer", "navixy_android_viewer"] = Field(
        description="One of `navixy_iphone_viewer`, `navixy_android_viewer` and `w3c_pushapi`."
    )
    token: str = Field(
        repr=False,
        description="A push token of 1 to 4,096 visible ASCII characters.",
        pattern="^[!-~]{1,4096}$",
    )
    parameters: _NoKeys = Field(
        default=None, description="Null or an empty object, except for `w3c_pushapi`."
    )


class Keys(BaseModel, frozen=True):
    """The keys that encrypt notifications to a browser."""

    p256dh: str = Field(
        repr=False,
        description="The public key of the push subscription in base64.",
        pattern=f"^{KEY_PATTERN}$",
    )
    auth: str = Field(
        repr=False,
        description="The authentication secret of the push subscription in base64.",
        pattern=f"^{KEY_PATTERN}$",
    )


_KNOWN = PushServices()


def _check_push_service(token: str, info: ValidationInfo) -> str:
    push_services: PushServices = info.context or _KNOWN
    if not push_services.allow(token):
        raise ValueError("unknown push service")
    return token


class BrowserBinding(_Binding, frozen=True):
    """The push subscription of a browser, and its filter.

    The endpoint must be at a known push service. To allow others, validate with
    `model_validate(..., context=PushServices([...]))`.

    >>> BrowserBinding(
    ...     application="w3c_pushapi",
    ...     token="https://fcm.googleapis.com/fcm/send/1",
    ...     parameters={"p256dh": "BGEw", "auth": "c2Vj"},
    ...     category_filter="-chat_message",
    ... ).effective_filter
    CategoryFilter('-chat_message')
    """

    application: Literal["w3c_pushapi"] = Field(description="The Push API of browsers.")
    token: Annotated[str, AfterValidator(_check_push_service)] = Field(
        repr=False,
        description=_KNOWN.description,
        json_schema_extra={"pattern": _KNOWN.pattern},
    )
    parameters: Keys = Field(
        description="An object with the keys `p256dh` and `auth` of the push subscription."
    )
