"""The threads that access the database for the event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Workers"]

T = TypeVar("T")


class Workers:
    """Threads that start when they are needed, in the process that needs them.

    >>> workers = Workers(1)
    >>> asyncio.run(workers.run(pow, 2, 3))
    8
    >>> workers.stop()
    >>> asyncio.run(workers.run(pow, 2, 4))  # again, if the application is started again
    16
    >>> workers.stop()

    Args:
        size: The number of threads.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._executor: ThreadPoolExecutor | None = None

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a function in a thread, and return its result."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._size)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, function, *arguments)

    def stop(self) -> None:
        """Stop the threads. Functions that have not started are cancelled."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
