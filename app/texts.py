"""All words of the page, from one file that can be translated."""

import tomllib
from pathlib import Path

from cxr.errors import ConfigError

__all__ = ["Texts"]

_FOLDER = Path(__file__).parent / "texts"


class Texts:
    """The words of one language: ``texts("worklist.empty")``, ``texts("worklist.more", shown=100, all=340)``.

    Args:
        language: name of a file in app/texts.

    Raises:
        ConfigError: if there is no such language, or it lacks a text that English has.
    """

    def __init__(self, language: str = "en") -> None:
        self._words = _read(language)
        missing = sorted(set(_read("en")) - set(self._words))
        if missing:
            raise ConfigError(f"app/texts/{language}.toml lacks '{missing[0]}'; translate it from en.toml")

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, with its blanks filled."""
        return self._words[key].format(**values) if values else self._words[key]


def _read(language: str) -> dict[str, str]:
    known = sorted(file.stem for file in _FOLDER.glob("*.toml"))
    if language not in known:
        raise ConfigError(f"no texts in '{language}'; there are {', '.join(known)}")
    tables = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return {f"{section}.{key}": text for section, texts in tables.items() for key, text in texts.items()}
