"""PATH... arguments: at least one of them must be there."""

from collections.abc import Sequence
from pathlib import Path

from cxr.errors import ConfigError

__all__ = ["require_paths"]


def require_paths(paths: Sequence[Path]) -> None:
    """Refuse a call none of whose paths exists; where some do, each of the others ends as a refused input.

    Raises:
        ConfigError: naming the first path.
    """
    if not any(path.exists() for path in paths):
        raise ConfigError(f"{paths[0]} does not exist; give files, folders or zip archives that do")
