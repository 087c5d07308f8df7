"""Files to read and to write: regular files, pipes and the standard streams."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import sys
from contextlib import contextmanager
from errno import EACCES, ELOOP, ENOENT
from pathlib import Path
from secrets import token_hex
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import BinaryIO

__all__ = ["STREAM", "open_source", "open_target", "spool"]

STREAM = Path("-")
"""Standard input or output."""


@contextmanager
def open_source(path: Path) -> Generator[Path]:
    """Return the path of a file or folder that can be read more than once.

    Standard input, a pipe or a device is copied to a temporary file.
    """
    if path == STREAM:
        with spool(sys.stdin.buffer) as copy:
            yield copy
    elif stat.S_ISREG(mode := path.stat().st_mode) or stat.S_ISDIR(mode):
        yield path
    else:
        with path.open("rb") as stream, spool(stream) as copy:
            yield copy


@contextmanager
def spool(stream: BinaryIO) -> Generator[Path]:
    """Copy the rest of a stream to a temporary file."""
    with NamedTemporaryFile(prefix="category-filter-") as copy:
        shutil.copyfileobj(stream, copy)
        copy.flush()
        yield Path(copy.name)


@contextmanager
def open_target(path: Path) -> Generator[Path | BinaryIO]:
    """Return a temporary path that replaces the file on success, or a stream to write to.

    The new file gets the mode of the old one. A symbolic link stays, and its target is replaced.
    Standard output, a pipe or a device is returned as a stream.
    """
    if path == STREAM:
        with _exit_on_closed_pipe():
            yield sys.stdout.buffer
        return
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(ELOOP, os.strerror(ELOOP), str(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(path))
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(EACCES, os.strerror(EACCES), str(target.parent))
    mode = target.stat().st_mode if target.exists() else None
    if mode is not None and not stat.S_ISREG(mode):
        with path.open("wb") as stream:  # fails for a folder
            yield stream
        return
    new = target.with_name(f".category-filter-{token_hex(4)}.part")
    try:  # an interruption can come before the file exists
        yield new
        if mode is not None:
            new.chmod(stat.S_IMODE(mode))
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def _exit_on_closed_pipe() -> Generator[None]:
    """Exit with an exception if the reader closes the pipe, so that temporary files are removed."""
    if not hasattr(signal, "SIGPIPE"):  # pragma: no cover - on Windows
        yield
        return
    before = signal.signal(signal.SIGPIPE, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGPIPE, before)
