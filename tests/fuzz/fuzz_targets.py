"""The fuzz targets: functions of bytes that raise if the library is wrong.

Each has seeds made from the conformance data, and an oracle that is not the library.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import pickle
import sys
import tempfile
import zlib
from functools import cache
from pathlib import Path
from string import ascii_letters
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import csv_oracle
import oracle
import polars as pl
from starlette.requests import Request

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from category_filter import (
    Categories,
    CategoryFilter,
    CategoryFilterError,
    FilterIndex,
    FilterSyntaxError,
    UnknownCategoryError,
)
from category_filter.cli._formats import FileFormat
from category_filter.cli._scan import scan
from category_filter.navixy import CATEGORIES
from category_filter.service.bindings import BrowserBinding, DeviceBinding
from category_filter.service.errors import ApiError
from category_filter.service.parameters import find_session_hash, read_parameters, validate
from category_filter.service.push_services import PushServices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["TARGETS", "Target"]

CONFORMANCE = json.loads(
    (Path(__file__).parents[2] / "grammar" / "conformance.json").read_text("utf-8")
)
TEXTS = [
    case["text"]
    for case in CONFORMANCE["accepted"] + CONFORMANCE["refused"]
    if isinstance(case["text"], str)
]


def decode(data: bytes) -> str:
    """Return any string, even with lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


# ---- the parser and its errors ----


def parser(data: bytes) -> None:
    text = decode(data)
    expected = oracle.parse(text)
    try:
        f = CategoryFilter(text)
    except FilterSyntaxError as error:
        assert (error.code, error.position, error.suggestion) == expected
        check_message(error, text)
        return
    assert isinstance(expected, oracle.Filter)
    assert (f.names, f.allows_unlisted, str(f)) == (*expected[:2], expected.canonical)
    assert CategoryFilter(str(f)) == f


def check_message(error: CategoryFilterError, text: str) -> None:
    assert error.text == text
    assert error.message.isprintable()
    assert error.summary().isprintable()
    assert str(error).replace("\n", "").isprintable()
    restored = pickle.loads(pickle.dumps(error))
    assert vars(restored) == vars(error)


# ---- the known set ----


def known_set(data: bytes) -> None:
    """Parse the rest of the data with the names of its first line."""
    first, _, text = decode(data).partition("\0")
    given = [name for name in first.split(" ") if name]
    try:
        known = Categories(given)
    except ValueError:
        parsed = map(oracle.parse, given)
        valid = [name for name, f in zip(given, parsed, strict=True) if f[0] == {name}]
        assert len({*valid}) < len(given)
        return
    expected = oracle.parse(text)
    try:
        f = known.parse(text)
    except FilterSyntaxError as error:
        assert (error.code, error.position, error.suggestion) == expected
    except UnknownCategoryError as error:
        listed: dict[str, int] = {}
        for name, position in expected.positions:
            if name not in given:
                listed.setdefault(name, position)
        assert [each[:2] for each in error.unknown] == [*listed.items()]
        for name, _, suggestions in error.unknown:
            check_suggestions(name, given, suggestions)
        check_message(error, text)
    else:
        assert (f.names, f.allows_unlisted) == expected[:2]
        assert f.names <= {*given}
        assert [*known.allowed(f)] == [
            name for name in given if (name in expected.names) != expected.allows_unlisted
        ]
        assert known.allowed(known.from_mask(known.mask(f))) == known.allowed(f)


def check_suggestions(name: str, known: list[str], suggestions: tuple[str, ...]) -> None:
    """Compare with the edit distance."""
    near = {each for each in known if is_near(letters(each), letters(name))}
    assert {*suggestions} <= near
    assert len(suggestions) == len({*suggestions}) == min(3, len(near)) or len(known) > 20


def letters(name: str) -> str:
    return "".join(char for char in name.lower() if char not in "_.:/-")


def is_near(a: str, b: str) -> bool:
    """Return True if two strings are one edit apart, and the longer has 4 to 64 letters."""
    if a == b:
        return True
    longer, shorter = (a, b) if len(a) > len(b) else (b, a)
    if not 4 <= len(longer) <= 64:
        return False
    if len(longer) == len(shorter) + 1:
        return any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))
    swaps = (a[:i] + a[i + 1] + a[i] + a[i + 2 :] for i in range(len(a) - 1))
    return len(a) == len(b) and (sum(x != y for x, y in zip(a, b, strict=True)) == 1 or b in swaps)


# ---- pickles ----


class TamperedUnpickler(pickle._Unpickler):
    """Loads any pickle that refers to this library's types only. Others can run any code."""

    # A broken pickle could allocate a bytearray of any length. The library pickles none.
    dispatch = {**pickle._Unpickler.dispatch}
    del dispatch[pickle.BYTEARRAY8[0]]

    def find_class(self, module: str, name: str) -> object:
        allowed = (CategoryFilter, Categories, FilterIndex)
        for each in allowed:
            if (module, name) == (each.__module__, each.__qualname__):
                return each
        raise pickle.UnpicklingError(f"{module}.{name}")


def pickles(data: bytes) -> None:
    try:
        loaded = TamperedUnpickler(io.BytesIO(data)).load()
    except Exception:  # noqa: BLE001 - a broken pickle raises anything
        return
    if isinstance(loaded, CategoryFilter):
        check_filter(loaded)
    elif isinstance(loaded, Categories):
        assert all(oracle.parse(name)[0] == {name} for name in loaded)
        assert all(type(label) is str for label in loaded.labels.values())
    elif isinstance(loaded, FilterIndex):
        entries = dict(loaded)
        for f in entries.values():
            check_filter(f)
        for category in {"a", "news"}.union(*(f.names for f in entries.values())):
            matching = {key for key, f in entries.items() if f.allows(category)}
            assert loaded.matching(category) == matching


def check_filter(f: CategoryFilter) -> None:
    expected = oracle.parse(str(f))
    assert (f.names, f.allows_unlisted, str(f)) == (*expected[:2], expected.canonical)
    assert pickle.loads(pickle.dumps(f)) == f


def pickle_seeds() -> Iterable[bytes]:
    known = Categories({"news": "News", "ads": "Offers"})
    index = FilterIndex({"ann": "*", "bob": "-news"})
    yield b"\x80\x05" + pickle.BYTEARRAY8 + b"\xff" * 7 + b"\x0f."
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for value in (known, index, *map(CategoryFilter, ["*", "-*", "a,b", "-news", "a/b"])):
            yield pickle.dumps(value, protocol)


# ---- the files of the batch command ----

FORMATS = [
    FileFormat("csv"),
    FileFormat("csv", separator="\t"),
    FileFormat("ndjson"),
    FileFormat("parquet"),
]


BOM = b"\xef\xbb\xbf"
MAX_DECOMPRESSED = 1 << 20


@cache
def temporary_file() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-"), "table")


def files(data: bytes) -> None:
    """Read a file as the command does; the first byte is its format."""
    file_format, content = FORMATS[data[0] % len(FORMATS) if data else 0], data[1:]
    plain = decompress(content)
    if plain is not None and len(plain) > MAX_DECOMPRESSED:
        return  # too slow
    path = temporary_file()
    path.write_bytes(content)
    try:
        with scan(path, "table", file_format) as rows:
            frame = rows.collect()
    except (ValueError, TypeError) as error:
        assert str(error)
        if file_format.kind == "csv" and is_utf8(plain):
            assert not expected_rows(plain, file_format.separator)
        return
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return  # the command prints its first line
    if file_format.kind == "csv":
        assert is_utf8(plain)
        expected = expected_rows(plain, file_format.separator)
        assert expected is None or frame.rows() == expected


def decompress(content: bytes) -> bytes | None:
    """Return decompressed content, or the content if it is not compressed; None if it is broken."""
    stream = io.BytesIO(content)
    try:
        if content.startswith(b"\x1f\x8b"):
            return gzip.GzipFile(fileobj=stream).read(MAX_DECOMPRESSED + 1)
        if content.startswith(b"\x28\xb5\x2f\xfd"):
            return zstd.ZstdFile(stream).read(MAX_DECOMPRESSED + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error, zstd.ZstdError):
        return None
    return content


def is_utf8(content: bytes | None) -> bool:
    try:
        return content is not None and content.decode() is not None
    except UnicodeDecodeError:
        return False


def expected_rows(content: bytes, separator: str) -> list[tuple[str | None, ...]] | None:
    """Return the rows of a CSV file with their reasons.

    Return [] if the file is invalid, and None if it may be.
    """
    try:
        records = csv_oracle.read(content.removeprefix(BOM).decode(), separator)
    except ValueError:
        return []
    if not records:
        return None
    header, *records = records
    width = len(header) or 1
    names = [name or "" for name in header]
    if not "".join(names).strip():
        return None
    if len({*names}) < len(names) or any(len(record) > width for record in records):
        return []
    return [(*record, *[None] * (width - len(record)), reason(record, width)) for record in records]


def reason(record: list[str | None], width: int) -> str | None:
    if not record:
        return "blank line"
    if len(record) < width:
        return f"short row: {len(record)} of {width} fields"
    return None


def file_seeds() -> Iterable[bytes]:
    table = io.BytesIO()
    pl.DataFrame({"category_filter": ["*", "a"]}).write_parquet(table)
    yield b"\x03" + table.getvalue()
    yield b"\x00" + zstd.compress(b"category_filter\n-a\n")
    yield b'\x00n,category_filter\n1,"a,b"\n2,*\n3\n\n4,"a\nb"\n'
    yield b"\x02" + BOM + b"\x28\xb5\x2f\xfd{"
    yield b"\x02\x28\xb5\x2f\xfd{not Zstandard}"
    yield b"\x01n\tcategory_filter\r\n1\ta,b\r\n"
    yield b'\x00n,category_filter\r\n\x1e,"\r"\r\n\r,x\r\r\n'
    for text in TEXTS:
        quoted = '"' + text.replace('"', '""') + '"'
        lines = encode(f"category_filter\n{quoted}\n{text}\n")
        yield b"\x00" + lines
        yield b"\x00" + gzip.compress(lines)
        yield b"\x02" + json.dumps({"category_filter": text}).encode() + b"\n{}\n"


# ---- the parameters of the service ----

PUSH_SERVICES = PushServices()
CONTENT_TYPES = [
    b"application/json",
    b"application/x-www-form-urlencoded",
    b"application/json; charset=utf-8",
    b"text/plain",
    b"",
]


def parameters(data: bytes) -> None:
    """Read a POST request: its content type, its query string and its body."""
    content_type = CONTENT_TYPES[data[0] % len(CONTENT_TYPES) if data else 0]
    query, _, body = data[1:].partition(b"\0")

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "method": "POST",
        "query_string": query,
        "headers": [(b"content-type", content_type)],
    }
    try:
        values = asyncio.run(read_parameters(Request(scope, receive)))
        find_session_hash(None, values.pop("hash", "0" * 32))
    except ApiError as error:
        check_response(error)
        return
    assert all(name == "?" or not name.replace("_", "").strip(ascii_letters) for name in values)
    for model in (DeviceBinding, BrowserBinding):
        try:
            binding = validate(model, values, PUSH_SERVICES)
        except ApiError as error:
            check_response(error)
            continue
        wanted = values.get("category_filter")
        expected = oracle.parse("*" if wanted is None else wanted)
        assert str(binding.effective_filter) == expected.canonical
        assert binding.effective_filter.names <= {*CATEGORIES}


def check_response(error: ApiError) -> None:
    body = error.response().body
    assert json.loads(body)["success"] is False
    assert b"Traceback" not in body


def parameter_seeds() -> Iterable[bytes]:
    for text in TEXTS:
        values = {"application": "navixy_iphone_viewer", "token": "a1", "category_filter": text}
        form = "&".join(
            f"{name}={quote(value, errors='surrogatepass')}" for name, value in values.items()
        )
        yield b"\x00\0" + json.dumps(values).encode()
        yield b"\x01\0" + form.encode()
        yield b"\x04" + form.encode()
    keys = {"p256dh": "BGEw", "auth": "c2Vj"}
    values = {
        "application": "w3c_pushapi",
        "token": "https://fcm.googleapis.com/fcm/send/1",
        "parameters": keys,
    }
    yield b"\x00\0" + json.dumps(values).encode()


class Target(NamedTuple):
    """A function of bytes, and its seeds."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]


TARGETS = {
    "parser": Target(parser, lambda: map(encode, TEXTS)),
    "known_set": Target(
        known_set, lambda: (encode(f"news sport chat_message a\0{text}") for text in TEXTS)
    ),
    "pickles": Target(pickles, pickle_seeds),
    "files": Target(files, file_seeds),
    "parameters": Target(parameters, parameter_seeds),
}
