"""Bindings for tests that do not use HTTP."""

from category_filter.service import DeviceBinding

DAY_S = 86_400


def phone(number=0, category_filter="*"):
    return DeviceBinding(
        application="navixy_android_viewer",
        token=f"token-{number}",
        category_filter=category_filter,
    )
