"""Whole files that are either old or new after a crash, never half written."""

from pathlib import Path

from nlp_labeler.atomic import atomic_writer

__all__ = ["atomic_writer", "write_bytes_atomically", "write_text_atomically"]


def write_bytes_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a whole file of bytes through :func:`atomic_writer`."""
    with atomic_writer(path, durable=durable) as stream:
        stream.write(content)


def write_text_atomically(path: Path, content: str) -> None:
    """Write a whole file of UTF-8 text through :func:`atomic_writer`."""
    write_bytes_atomically(path, content.encode())
