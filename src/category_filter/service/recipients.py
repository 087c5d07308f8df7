"""The recipients of a category: where to send a notification."""

from __future__ import annotations

import hashlib
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from category_filter.service.database import contains, execute
from category_filter.service.tables import filters, push_tokens

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from enum import Enum

    from sqlalchemy import ColumnElement, Engine

    from category_filter.service.push_services import PushServices

__all__ = [
    "RECIPIENT_COLUMNS",
    "Recipient",
    "Recipients",
    "Selection",
    "StoredRecipients",
    "token_digest",
]

_PAGE_SIZE = 1_000
"""Recipients per transaction."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where to send a notification. Its `repr()` contains no secrets, so you can log it.

    Attributes:
        session_id: The id of the session in the database.
        application: The application that the token belongs to.
        token: The push token. For `w3c_pushapi`, the endpoint URL of the push subscription.
        p256dh: The public key of the push subscription; None except for `w3c_pushapi`.
        auth: The authentication secret of the push subscription; None except for `w3c_pushapi`.
        ends_at: When the session ends, in seconds since 1970.
        owner: The owner of the session, if it has one.
    """

    session_id: int
    application: str
    token: str = field(repr=False)
    p256dh: str | None = field(repr=False)
    auth: str | None = field(repr=False)
    ends_at: int
    owner: str | None = None


RECIPIENT_COLUMNS = [push_tokens.c[each.name] for each in fields(Recipient)]
"""The columns of a `Recipient`, in the order of its fields."""


def token_digest(application: str, token: str) -> bytes:
    """Return the digest that identifies a push token.

    >>> token_digest("navixy_iphone_viewer", "740f4707").hex()[:16]
    'e1d796eaee7feed7'
    """
    return hashlib.sha256(f"{application}\n{token}".encode()).digest()


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection of push tokens by session, as `PushTokens.recipients` takes it.

    Raises:
        ValueError: If the shard is not `(i, n)` with `0 <= i < n`.
    """

    owners: Collection[str] | None = None
    after: int | None = None
    shard: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.owners, str):
            raise TypeError("owners must be a collection of str, not a str")
        if self.shard is not None and not 0 <= self.shard[0] < self.shard[1]:
            raise ValueError(f"shard must be (i, n) with 0 <= i < n, not {self.shard}")

    def __contains__(self, recipient: Recipient) -> bool:
        if self.owners is not None and recipient.owner not in self.owners:
            return False
        if self.after is not None and recipient.session_id <= self.after:
            return False
        return self.shard is None or recipient.session_id % self.shard[1] == self.shard[0]


class Recipients(ABC):
    """The live push tokens whose filter allows a category. Each use reads the current ones."""

    @abstractmethod
    def __iter__(self) -> Iterator[Recipient]:
        """Iterate over the recipients by session id, without loading all of them at once."""

    @abstractmethod
    def count(self) -> int:
        """Return the number of recipients.

        Without an index in memory, the count includes browsers whose push service is not allowed
        any more.
        """


class StoredRecipients(Recipients):
    """Recipients from the database, in pages.

    Each page is one short transaction. While the caller sends, no transaction is open and no
    connection is in use.
    """

    def __init__(
        self,
        database: Engine,
        category: str | Enum,
        selection: Selection,
        push_services: PushServices,
    ) -> None:
        self._database = database
        self._category = category
        self._selection = selection
        self._push_services = push_services

    def __iter__(self) -> Iterator[Recipient]:
        allowing, last_filter_id = self._allowing_filters(after=0)
        after = self._selection.after
        while True:
            page = select(*RECIPIENT_COLUMNS).where(*self._conditions(allowing))
            if after is not None:
                page = page.where(push_tokens.c.session_id > after)
            page = page.order_by(push_tokens.c.session_id).limit(_PAGE_SIZE)
            rows = execute(self._database, page)
            for row in rows:
                recipient = Recipient(*row)
                if self._is_allowed(recipient):
                    yield recipient
            if len(rows) < _PAGE_SIZE:
                return
            after = rows[-1].session_id
            added, last_filter_id = self._allowing_filters(after=last_filter_id)
            allowing += added

    def count(self) -> int:  # noqa: D102 - inherited
        allowing, _ = self._allowing_filters(after=0)
        count = select(func.count()).select_from(push_tokens).where(*self._conditions(allowing))
        if self._selection.after is not None:
            count = count.where(push_tokens.c.session_id > self._selection.after)
        ((number,),) = execute(self._database, count)
        return int(number)

    def _is_allowed(self, recipient: Recipient) -> bool:
        is_browser = recipient.application == "w3c_pushapi"
        return not is_browser or self._push_services.allow(recipient.token)

    def _allowing_filters(self, *, after: int) -> tuple[list[int], int]:
        """Return the ids of the filters that allow the category, and the last id of any filter.

        Python evaluates the distinct filters, which are few, and an index finds the rows.
        """
        statement = select(filters.c.id, filters.c.filter).where(filters.c.id > after)
        rows = execute(self._database, statement)
        allowing = [filter_id for filter_id, f in rows if f.allows(self._category)]
        return allowing, max((filter_id for filter_id, _ in rows), default=after)

    def _conditions(self, allowing: list[int]) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = [
            contains(self._database, allowing, push_tokens.c.filter_id),
            push_tokens.c.ends_at > int(time.time()),
        ]
        if self._selection.owners is not None:
            owners = [*self._selection.owners]
            conditions.append(contains(self._database, owners, push_tokens.c.owner))
        if self._selection.shard is not None:
            shard, shards = self._selection.shard
            conditions.append(push_tokens.c.session_id % shards == shard)
        return conditions
