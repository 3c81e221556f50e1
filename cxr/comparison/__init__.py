"""What has changed between two visits of one patient.

- :func:`register`: the earlier film laid over the later one, by lungs and heart
- :func:`compare_films`: new, resolved, larger, smaller, unchanged, or not comparable and why
"""

from cxr.comparison.comparison import Change, FilmComparison, FindingChange, NotComparable, RatioChange, compare_films
from cxr.comparison.registration import Registration, register

__all__ = [
    "Change",
    "FilmComparison",
    "FindingChange",
    "NotComparable",
    "RatioChange",
    "Registration",
    "compare_films",
    "register",
]
