"""Weakly supervised chest X-ray screening: from reports and images to a screened radiograph.

``import cxr`` gives the names that most people need, each imported when it is first asked for:

- :class:`Labeler`, :class:`FindingTable`: reports -> labels, of the shipped label space or of one's own
- :func:`build_dataset`, :func:`open_dataset`, :class:`Dataset`: reports and images -> a dataset
- :func:`load_recipe`, :func:`train`, :func:`evaluate`, :func:`export_bundle`: a dataset -> a model, figures, a bundle
- :func:`fit_operating_points`: scores -> thresholds with certificates
- :class:`Bundle`, :class:`Screener`, :class:`ScreeningResult`: a radiograph -> findings and a report

The folders name the pipeline: imaging, datasets, phantom, models, training, localization, evaluation,
operating_points, reporting, export, screening, outputs. The command line is :mod:`cxr.cli`.
Research software, not a medical device.
"""

from importlib import import_module

__version__ = "0.1.0"

# Name -> (module, name there). Types stand in __init__.pyi: a name that only type checkers see imports nothing.
_NAMES = {
    "Bundle": ("cxr.screening", "Bundle"),
    "Dataset": ("cxr.datasets.dataset", "Dataset"),
    "FindingTable": ("nlp_labeler.findings", "FindingTable"),
    "Labeler": ("nlp_labeler.labeler", "Labeler"),
    "Screener": ("cxr.screening", "Screener"),
    "ScreeningResult": ("cxr.screening", "ScreeningResult"),
    "build_dataset": ("cxr.datasets.builder", "build_dataset"),
    "evaluate": ("cxr.training.classifier.evaluate", "evaluate_run"),
    "export_bundle": ("cxr.export.bundle", "export_bundle"),
    "fit_operating_points": ("cxr.operating_points", "fit_operating_points"),
    "load_recipe": ("cxr.training.classifier.recipe", "load_recipe"),
    "open_dataset": ("cxr.datasets.dataset", "open_dataset"),
    "train": ("cxr.training.classifier.train", "train"),
}
# What is not in the base install -> the extra that brings it.
_EXTRAS = {"cxr.datasets": "label", "cxr.training": "train", "cxr.export": "train"}

__all__ = ["__version__", *_NAMES]


def __getattr__(name: str) -> object:
    if name not in _NAMES:
        raise AttributeError(f"module 'cxr' has no attribute {name!r}")
    module, attribute = _NAMES[name]
    try:
        found = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(".".join(module.split(".")[:2]))
        if extra is None or (error.name or "").partition(".")[0] in ("cxr", "nlp_labeler"):
            raise
        from cxr.errors import MissingExtraError

        raise MissingExtraError(f"cxr.{name}", extra) from error
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
