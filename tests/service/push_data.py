"""Bindings for tests, and a clock that they control."""

from types import SimpleNamespace

from category_filter.service import DeviceBinding, indexed, sessions, tokens

DAY_S = 86_400


def phone(number=0, category_filter="*"):
    return DeviceBinding(
        application="navixy_android_viewer",
        token=f"token-{number}",
        category_filter=category_filter,
    )


def install_clock(monkeypatch):
    """Replace the clock of the service, and return it: set `now` to move it."""
    clock = SimpleNamespace(now=1_800_000_000)
    for module in (indexed, sessions, tokens):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: clock.now))
    return clock
