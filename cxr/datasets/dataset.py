"""Open a dataset folder, whatever published layout it has."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cxr.datasets import (
    brax,
    chexpert,
    chexpert_plus,
    folder,
    kaggle,
    mimic_cxr,
    nih,
    openi,
    padchest,
    pneumothorax,
    vindr_cxr,
)
from cxr.datasets.schema import Dataset
from cxr.errors import DatasetError

__all__ = ["LAYOUTS", "Dataset", "Layout", "open_dataset"]


class Layout(NamedTuple):
    """One published layout.

    Attributes:
        recognises: whether a folder has it.
        read: reads such a folder.
        tree: what stands in it.
    """

    recognises: Callable[[Path], bool]
    read: Callable[[Path], Dataset]
    tree: str


LAYOUTS: dict[str, Layout] = {
    "ChestX-ray8-style folder (cxr dataset build)": Layout(
        folder.recognises, folder.read, "Data_Entry.csv BBox_List.csv {train,val,test}_list.txt reports.parquet images/"
    ),
    "NIH subset with index.csv": Layout(nih.recognises_subset, nih.read_subset, "index.csv and the files it names"),
    "NIH ChestX-ray14 as published": Layout(
        nih.recognises_official,
        nih.read_official,
        "Data_Entry_2017_v2020.csv BBox_List_2017.csv {train_val,test}_list.txt images/*.png or images_NNN/images/",
    ),
    "NIH sample (Kaggle)": Layout(
        kaggle.recognises_nih_sample, kaggle.read_nih_sample, "sample_labels.csv images/*.png or sample/images/*.png"
    ),
    "RSNA pneumonia (Kaggle)": Layout(
        kaggle.recognises_rsna, kaggle.read_rsna, "stage_2_train_labels.csv stage_2_train_images/*.dcm"
    ),
    "VinBigData (Kaggle)": Layout(
        kaggle.recognises_vinbigdata, kaggle.read_vinbigdata, "train.csv train/*.dicom or train/*.png"
    ),
    "SIIM-ACR pneumothorax (Kaggle)": Layout(
        pneumothorax.recognises_siim,
        pneumothorax.read_siim,
        "train-rle.csv or stage_2_train.csv, dicom-images-train/*/*/*.dcm",
    ),
    "CANDID-PTX": Layout(
        pneumothorax.recognises_candid,
        pneumothorax.read_candid,
        "Pneumothorax_reports.csv dataset/SOPInstanceUID, with or without .dcm",
    ),
    "OpenI (Kaggle)": Layout(
        openi.recognises, openi.read, "indiana_reports.csv indiana_projections.csv images/images_normalized/*.png"
    ),
    "BRAX": Layout(
        brax.recognises, brax.read, "master_spreadsheet_update.csv and the PNG or DICOM files that it names"
    ),
    "CheXpert Plus": Layout(
        chexpert_plus.recognises,
        chexpert_plus.read,
        "df_chexpert_plus_240401.csv chexbert_labels/impression_fixed.json train/patientNNNNN/studyN/*.jpg, "
        "or PNG/{train,valid}/..., DICOM/{train,valid}/...",
    ),
    "CheXpert": Layout(
        chexpert.recognises,
        chexpert.read,
        "train.csv valid.csv train/patientNNNNN/studyN/*.jpg, or these in CheXpert*/",
    ),
    "MIMIC-CXR-JPG": Layout(
        mimic_cxr.recognises,
        mimic_cxr.read,
        "mimic-cxr-2.*-{chexpert,split,metadata}.csv.gz files/p10/p10000032/s50414267/*.jpg",
    ),
    "PadChest": Layout(
        padchest.recognises,
        padchest.read,
        "PADCHEST_chest_x_ray_images_labels*.csv and *.png, also in numbered folders",
    ),
    "VinDr-CXR": Layout(
        vindr_cxr.recognises,
        vindr_cxr.read,
        "image_labels_{train,test}.csv annotations_{train,test}.csv train/*.dicom test/*.dicom",
    ),
}
"""By name; the first that recognises a folder reads it."""


def open_dataset(path: Path | str) -> Dataset:
    """Read the tables of a dataset; images are not opened.

    Args:
        path: its folder.

    Raises:
        DatasetError: if there is no such folder, its layout is not known, or its tables contradict each other.
    """
    root = Path(path).absolute()
    if not root.is_dir():
        raise DatasetError(f"{path}: no such dataset folder")
    for layout in LAYOUTS.values():
        if layout.recognises(root):
            return layout.read(root)
    known = "; ".join(LAYOUTS)
    raise DatasetError(f"{path}: no known dataset layout; `cxr dataset layouts` shows what each needs: {known}")
