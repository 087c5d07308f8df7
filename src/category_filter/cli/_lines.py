"""The lines of text files, compressed or not, in blocks whose line numbers are known."""

from __future__ import annotations

import codecs
import gzip
import sys
import zlib
from bisect import bisect_left
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

import polars as pl

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

__all__ = ["first_invalid", "open_text", "read_lines"]

_BLOCK_BYTES = 1 << 23

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@contextmanager
def open_text(path: Path, name: str) -> Generator[BinaryIO]:
    """Open a file for reading, decompressed and without a byte order mark.

    Args:
        path: The file.
        name: Its name in messages.

    Raises:
        ValueError: If compressed data is invalid.
    """
    with path.open("rb") as file:
        magic = file.read(4)
    if magic.startswith(_GZIP):
        stream = cast("BinaryIO", gzip.open(path))  # noqa: SIM115 - closed below
    elif magic == _ZSTD:
        stream = cast("BinaryIO", zstd.open(path))
    else:
        stream = path.open("rb")
    try:
        with stream:
            if stream.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
                stream.seek(0)
            yield stream
    except (EOFError, gzip.BadGzipFile, zlib.error, zstd.ZstdError) as error:
        raise ValueError(f"{name}: {error}") from None


def read_lines(path: Path, name: str) -> Iterator[tuple[int, pl.Series]]:
    """Iterate over blocks of lines without line feeds, each with the number of its first line.

    Raises:
        ValueError: If the file is not UTF-8, or its compressed data is invalid.
    """
    number = 1
    try:
        with open_text(path, name) as stream:
            while block := stream.read(_BLOCK_BYTES) + stream.readline():
                text = block.decode().removesuffix("\n")
                yield number, pl.Series([text]).str.split("\n").explode()
                number += block.count(b"\n")
    except UnicodeDecodeError as error:
        line = number + error.object.count(b"\n", 0, error.start)
        raise ValueError(f"{name}:{line}: the line is not UTF-8: save the file as UTF-8") from None


def first_invalid(count: int, is_valid: Callable[[int], bool]) -> int:
    """Return the index of the first invalid row.

    Args:
        count: The number of rows, of which one is invalid.
        is_valid: Returns whether the first `n` rows are valid, given `n`.
    """
    return bisect_left(range(1, count), 1, key=lambda n: not is_valid(n))
