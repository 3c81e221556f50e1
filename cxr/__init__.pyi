from cxr.datasets.builder import build_dataset as build_dataset
from cxr.datasets.dataset import Dataset as Dataset
from cxr.datasets.dataset import open_dataset as open_dataset
from cxr.export.bundle import export_bundle as export_bundle
from cxr.operating_points import fit_operating_points as fit_operating_points
from cxr.screening import Bundle as Bundle
from cxr.screening import Screener as Screener
from cxr.screening import ScreeningResult as ScreeningResult
from cxr.training.classifier.evaluate import evaluate_run as evaluate
from cxr.training.classifier.recipe import load_recipe as load_recipe
from cxr.training.classifier.train import train as train
from nlp_labeler.findings import FindingTable as FindingTable
from nlp_labeler.labeler import Labeler as Labeler

__version__: str
__all__ = [
    "Bundle",
    "Dataset",
    "FindingTable",
    "Labeler",
    "Screener",
    "ScreeningResult",
    "__version__",
    "build_dataset",
    "evaluate",
    "export_bundle",
    "fit_operating_points",
    "load_recipe",
    "open_dataset",
    "train",
]
