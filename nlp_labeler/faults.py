"""What a validated file got wrong, on one line that a person can act on."""

from pydantic import ValidationError

__all__ = ["faults"]

_SHOWN = 5


def faults(error: ValidationError, *, values: bool = True) -> str:
    """The problems of a validation, each with its place in the file; a place that is no key is "the file".

    Args:
        error: what pydantic found.
        values: show what was found there; off where it may be a patient's.
    """
    problems = []
    for item in error.errors(include_url=False):
        place = ".".join(str(part) for part in item["loc"]) or "the file"
        found = f" (found {item['input']!r:.60})" if values and item["type"] != "missing" else ""
        problems.append(f"{place}: {item['msg']}{found}")
    more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    return "; ".join([*problems[:_SHOWN], *more])
