"""Who may use the page from another machine: a file of names and scrypt hashes.

``python -m app.users add NAME --file users.json`` asks for a password and writes the file.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import sys
import threading
import time
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict, ValidationError

from cxr.errors import ConfigError, CxrError
from nlp_labeler.storage import atomic_writer

__all__ = ["MIN_PASSWORD", "Users"]

MIN_PASSWORD = 10
"""Shortest password, in characters."""

# RFC 7914; 16 MiB and some tens of milliseconds for each guess.
_N, _R, _P, _SALT_BYTES = 2**14, 8, 1, 16
_NAME = re.compile(r"^[\w.@-]{1,64}$")
_PAUSE_SECONDS = 30.0
_FAILURES_BEFORE_PAUSE = {"name": 5, "address": 20}
_MOST_REMEMBERED = 10_000  # names and addresses, so that made-up ones fill no memory


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    salt: str
    scrypt: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    users: dict[str, _Entry]


class Users:
    """The users of a file.

    Args:
        path: made by :meth:`add`.

    Raises:
        ConfigError: if it is missing, is no users file, holds nobody, or others can read it.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ConfigError(f"no users file at {path}; make one with 'python -m app.users add NAME --file {path}'")
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"others can read {path}; run 'chmod 600 {path}'")
        self._users = _read(path)
        if not self._users:
            raise ConfigError(f"{path} holds no user; add one with 'python -m app.users add NAME --file {path}'")
        self._failures: dict[tuple[str, str], tuple[int, float]] = {}
        self._lock = threading.Lock()

    def check(self, name: str, password: str, address: str) -> bool:
        """Whether the password is the user's.

        After five failures for a name, or twenty from an address, half a minute must pass before the next is looked
        at. An attempt counts as failed until it has succeeded, so that guesses made at the same time gain nothing.

        Args:
            name: as it was typed.
            password: likewise.
            address: of the visitor's machine.
        """
        keys = (("name", name), ("address", address))
        with self._lock:
            if not self._may_try(keys):
                return False
        entry = self._users.get(name)
        # An unknown name costs as much time as a known one.
        salt = base64.b64decode(entry.salt) if entry else b"\0" * _SALT_BYTES
        expected = base64.b64decode(entry.scrypt) if entry else b""
        right = hmac.compare_digest(_hash(password, salt), expected)
        if right:
            with self._lock:
                self._failures.pop(keys[0], None)
                count, since = self._failures.get(keys[1], (1, 0.0))
                self._failures[keys[1]] = (count - 1, since)
        return right

    def _may_try(self, keys: tuple[tuple[str, str], ...]) -> bool:
        """Whether none of the keys is paused; if so, the attempt is counted for each. The caller holds the lock."""
        now = time.monotonic()
        paused = {key for key, (_, since) in self._failures.items() if now - since < _PAUSE_SECONDS}
        counts = {key: self._failures.get(key, (0, 0.0))[0] for key in keys}
        if any(key in paused and counts[key] >= _FAILURES_BEFORE_PAUSE[key[0]] for key in keys):
            return False
        if len(self._failures) >= _MOST_REMEMBERED:
            self._failures = {key: self._failures[key] for key in paused}
        for key in keys:
            self._failures[key] = (counts[key] + 1, now)
        return True

    @staticmethod
    def add(path: Path, name: str, password: str) -> None:
        """Add a user or replace the password.

        Raises:
            ConfigError: if the name or password is not allowed, or the file is no users file.
        """
        if not _NAME.match(name):
            raise ConfigError(f"the name {name!r} may hold letters, digits and . _ @ - only, at most 64 of them")
        if len(password) < MIN_PASSWORD:
            raise ConfigError(f"the password has {len(password)} characters; at least {MIN_PASSWORD} are needed")
        users = _read(path) if path.exists() else {}
        salt = secrets.token_bytes(_SALT_BYTES)
        users[name] = _Entry(
            salt=base64.b64encode(salt).decode(), scrypt=base64.b64encode(_hash(password, salt)).decode()
        )
        with atomic_writer(path, mode=0o600) as stream:
            stream.write(_File(users=users).model_dump_json(indent=1).encode() + b"\n")


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P)


def _read(path: Path) -> dict[str, _Entry]:
    try:
        return _File.model_validate(json.loads(path.read_text(encoding="utf-8"))).users
    except (OSError, ValueError, ValidationError) as error:
        raise ConfigError(f"{path} is not a users file; make one with 'python -m app.users add'") from error


_command = typer.Typer(help="Keep the users file of the triage page.", add_completion=False, rich_markup_mode=None)


@_command.callback()
def _keep_subcommand() -> None:
    """Keep the users file of the triage page."""


@_command.command()
def add(
    name: Annotated[str, typer.Argument(help="The name to sign in with.")],
    file: Annotated[Path, typer.Option("--file", metavar="FILE", help="Users file; created if missing.")],
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for if not given.")
    ],
) -> None:
    """Add a user, or give one a new password."""
    Users.add(file, name, password)
    typer.echo(f"{name} may sign in; start the page with --users {file}")


if __name__ == "__main__":
    try:
        _command()
    except CxrError as error:
        typer.echo(f"app: {error}", err=True)
        sys.exit(2)
