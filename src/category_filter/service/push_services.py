"""The allowlist of push services: the hosts that browser endpoints may be at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PushServices"]

_KNOWN = (
    "fcm.googleapis.com",  # Chrome and other browsers on Chromium
    "*.push.services.mozilla.com",  # Firefox
    "*.push.apple.com",  # Safari
    "*.notify.windows.com",  # Edge
)

_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(\*\.)?({_LABEL}\.)*{_LABEL}")


class PushServices:
    """An allowlist of push services. Without it, a client could aim your sender at any address.

    >>> push_services = PushServices(["push.example.com"])
    >>> push_services.allow("https://push.example.com/1")
    True
    >>> push_services.allow("https://push.example.com.evil.example/1")
    False

    Args:
        others: Hosts to allow besides those of Google, Mozilla, Apple and Microsoft.
            `*.example.com` allows the subdomains of example.com.

    Attributes:
        pattern: The regular expression of the endpoint URLs, for `re` and JSON Schema. URLs must be
            written as browsers write them: in lowercase, without the default port.
        description: A sentence that lists the hosts.

    Raises:
        ValueError: If a host is invalid. It has no scheme, port or path.
    """

    def __init__(self, others: Sequence[str] = ()) -> None:
        hosts = [*_KNOWN, *(_normalize(host) for host in others)]
        alternatives = "|".join(map(_host_pattern, hosts))
        self.pattern = f"^https://({alternatives})/[!-~]{{0,3800}}$"
        *first, last = hosts
        self.description = (
            "The endpoint URL of the push subscription: `https://`, one of the hosts"
            f" {', '.join(first)} and {last}, and a path."
        )
        self._match = re.compile(self.pattern).fullmatch

    def allow(self, endpoint: str) -> bool:
        """Return whether an endpoint URL is at one of the push services."""
        return self._match(endpoint) is not None


def _normalize(host: str) -> str:
    lowercase = host.lower()
    if not _HOST.fullmatch(lowercase):
        raise ValueError(
            f"invalid push service {host!r}: expected a host such as push.example.com"
            " or *.example.com"
        )
    return lowercase


def _host_pattern(host: str) -> str:
    is_wildcard = host.startswith("*.")
    subdomains = rf"({_LABEL}\.){{1,4}}" if is_wildcard else ""
    return subdomains + host.removeprefix("*.").replace(".", r"\.")
