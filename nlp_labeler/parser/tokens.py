"""Word boundaries as Universal Dependencies English draws them, with character offsets.

Hyphens and slashes are words of their own ("left - sided"), "cannot" is two words, and a clitic stands apart
("patient 's"): the parser was trained on text cut this way.
"""

import re

__all__ = ["split_words"]

_WORD = re.compile(
    r"""
    can(?=not\b)                      # cannot -> can not
  | \d+(?:[.,:]\d+)*                  # 1.5, 10,000, 10:30
  | [^\W\d_]+(?=n't\b) | n't\b        # isn't -> is n't
  | '(?:s|re|ve|ll|d|m)\b             # patient's -> patient 's
  | [^\W\d_]+                         # letters
  | [^\w\s] | _                       # one mark at a time
  | \w
    """,
    re.VERBOSE | re.IGNORECASE,
)


def split_words(text: str) -> list[tuple[int, int]]:
    """Start and end of every word of a sentence, in order."""
    return [match.span() for match in _WORD.finditer(text)]
