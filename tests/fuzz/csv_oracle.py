"""A CSV reader written by hand, which says what the batch command must read from a file.

It reads files whose quotes are correct: a field is quoted as a whole, with the quotes inside it
doubled, or has no quotes.
"""

from __future__ import annotations

import re

__all__ = ["read"]


def read(text: str, separator: str) -> list[list[str | None]] | None:
    r"""Return the fields of the records, the header first, or None if a field is not correct.

    An empty field without quotes is read as None, and a blank line as a record without fields.

    Raises:
        ValueError: If a carriage return is outside quotes, and not before a line feed or the end.

    >>> read('id,filter\r\n1,"a,b"\n\n2,', ",")
    [['id', 'filter'], ['1', 'a,b'], [], ['2', None]]
    >>> read('a"b"', ",")
    >>> read("a\rb", ",")
    Traceback (most recent call last):
    ValueError: a carriage return outside quotes
    """
    field = re.compile(rf'"((?:[^"]|"")*)"|([^"\r\n{separator}]*)')
    end = re.compile(rf"{separator}|\r?\n|\r?\Z")
    records: list[list[str | None]] = []
    record: list[str | None] = []
    position = 0
    while position < len(text) or record:
        content = field.match(text, position)
        ended = content and end.match(text, content.end())
        if not content or not ended:
            if content and text[content.end()] == "\r":
                raise ValueError("a carriage return outside quotes")
            return None
        quoted, plain = content.groups()
        record.append(plain or None if quoted is None else quoted.replace('""', '"'))
        position = ended.end()
        if ended[0] != separator:
            records.append([] if record == [None] else record)
            record = []
    return records
