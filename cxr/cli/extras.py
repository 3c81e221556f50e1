"""A command that needs an extra says so before it starts."""

from importlib.util import find_spec

from nlp_labeler.errors import MissingExtraError


def require(feature: str, extra: str, *modules: str) -> None:
    """Check that the modules of an extra are installed.

    Raises:
        MissingExtraError: naming the feature and the install line, if one is missing.
    """
    if any(find_spec(module) is None for module in modules):
        raise MissingExtraError(feature, extra)
