"""Tiny trees of every published layout, written as their releases describe them, with pictures in them."""

import json
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
from PIL import Image

from cxr.datasets.published import CHEXPERT_NAMES

PATIENTS = 40
"""Patients of each tree; every second one is ill, and every fourth has a lateral film too where a layout has them."""

Film = Callable[[Path], None]


def _ill(number: int) -> bool:
    return number % 2 == 0


def _has_lateral(number: int) -> bool:
    return number % 4 == 1


def film(path: Path, dicom: Callable[[np.ndarray], bytes]) -> None:
    """Write a picture of 48 x 40 pixels of noise, as the suffix says; without one as DICOM."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(crc32(str(path).encode())).integers(0, 256, (48, 40), dtype=np.uint8)
    if path.suffix in {".png", ".jpg"}:
        Image.fromarray(pixels).save(path)
    else:
        path.write_bytes(dicom(pixels))


def _csv(path: Path, header: str, rows: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join((header, *rows)) + "\n")


def _observations(number: int) -> str:
    return ",".join("1.0" if _ill(number) else "0.0" for _ in CHEXPERT_NAMES)


def built(root: Path, write: Film) -> None:
    """The folder that ``cxr dataset build`` writes."""
    rows = [f"{n}.png,{'Mass' if _ill(n) else ''},0,P{n},050Y,M,PA,40,48,," for n in range(PATIENTS)]
    header = (
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
        "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
    )
    _csv(root / "Data_Entry.csv", header, rows)
    for split, chosen in {"train": range(30), "val": range(30, 35), "test": range(35, 40)}.items():
        (root / f"{split}_list.txt").write_text("".join(f"{n}.png\n" for n in chosen))
    for n in range(PATIENTS):
        write(root / "images" / f"{n}.png")


def nih_official(root: Path, write: Film) -> None:
    """NIH ChestX-ray14 in numbered folders."""
    header = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position"
    names = [f"{n:08d}_000.png" for n in range(PATIENTS)]
    rows = [f"{name},{'Mass' if _ill(n) else 'No Finding'},0,{n},50,M,PA" for n, name in enumerate(names)]
    _csv(root / "Data_Entry_2017_v2020.csv", header, rows)
    (root / "train_val_list.txt").write_text("\n".join(names[:34]) + "\n")
    (root / "test_list.txt").write_text("\n".join(names[34:]) + "\n")
    for n, name in enumerate(names):
        write(root / f"images_{1 + n % 2:03d}" / "images" / name)


def nih_subset(root: Path, write: Film) -> None:
    """A subset with an index.csv."""
    splits = ["train_val"] * 34 + ["test"] * 6
    rows = [
        f"images/{n}.jpg,{n}.png,{n},0,50,M,PA,{'Mass' if _ill(n) else 'No Finding'},{splits[n]}"
        for n in range(PATIENTS)
    ]
    _csv(root / "index.csv", "file,image_index,patient_id,followup,age,sex,view,labels,split", rows)
    for n in range(PATIENTS):
        write(root / "images" / f"{n}.jpg")


def nih_sample(root: Path, write: Film) -> None:
    """Kaggle's sample of it."""
    header = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position"
    rows = [f"{n}.png,{'Mass' if _ill(n) else 'No Finding'},0,{n},060Y,M,PA" for n in range(PATIENTS)]
    _csv(root / "sample_labels.csv", header, rows)
    for n in range(PATIENTS):
        write(root / "sample" / "images" / f"{n}.png")


def rsna(root: Path, write: Film) -> None:
    """RSNA pneumonia."""
    rows = [f"a{n},{'4,5,6,7,1' if _ill(n) else ',,,,0'}" for n in range(PATIENTS)]
    _csv(root / "stage_2_train_labels.csv", "patientId,x,y,width,height,Target", rows)
    for n in range(PATIENTS):
        write(root / "stage_2_train_images" / f"a{n}.dcm")


def vinbigdata(root: Path, write: Film) -> None:
    """VinBigData."""
    found = [f"a{n},Cardiomegaly,3,R{r},4,5,20,30" for n in range(PATIENTS) if _ill(n) for r in range(3)]
    none = [f"a{n},No finding,14,R{r},,,," for n in range(PATIENTS) if not _ill(n) for r in range(3)]
    _csv(root / "train.csv", "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max", found + none)
    for n in range(PATIENTS):
        write(root / "train" / f"a{n}.dicom")


def siim(root: Path, write: Film) -> None:
    """SIIM-ACR pneumothorax, its header and its -1 with the published space."""
    names = [f"1.2.276.{n}" for n in range(PATIENTS)]
    rows = [f"{name},{'2050 10 1014 20' if _ill(n) else ' -1'}" for n, name in enumerate(names)]
    _csv(root / "train-rle.csv", "ImageId, EncodedPixels", rows)
    for n, name in enumerate(names):
        write(root / "dicom-images-train" / f"1.2.{n}.1" / f"1.2.{n}.2" / f"{name}.dcm")


def candid(root: Path, write: Film) -> None:
    """CANDID-PTX; its files have no suffix."""
    names = [f"1.2.826.{n}" for n in range(PATIENTS)]
    rows = [f"{name},{'5 3' if _ill(n) else '-1'},Some text.,P{n // 2:04d}_{n % 2}" for n, name in enumerate(names)]
    _csv(root / "Pneumothorax_reports.csv", "SOPInstanceUID,EncodedPixels,Report,filename", rows)
    for name in names:
        write(root / "dataset" / name)


def openi(root: Path, write: Film) -> None:
    """OpenI by Kaggle."""
    texts = "The lungs are clear.,No acute disease."
    rows = [
        f"{n},{'Cardiomegaly/mild;Thickening/pleura/left' if _ill(n) else 'normal'},x,Xray Chest PA,,,{texts}"
        for n in range(PATIENTS)
    ]
    _csv(root / "indiana_reports.csv", "uid,MeSH,Problems,image,indication,comparison,findings,impression", rows)
    films = [f"{n},{n}_IM-1001.dcm.png,Frontal" for n in range(PATIENTS)]
    films += [f"{n},{n}_IM-2001.dcm.png,Lateral" for n in range(PATIENTS) if _has_lateral(n)]
    _csv(root / "indiana_projections.csv", "uid,filename,projection", films)
    for line in films:
        write(root / "images" / "images_normalized" / line.split(",")[1])


def brax(root: Path, write: Film) -> None:
    """BRAX."""
    about = ("DicomPath", "PngPath", "PatientID", "PatientSex", "PatientAge", "AccessionNumber", "StudyDate")
    header = ",".join(("", *about, *CHEXPERT_NAMES, "ViewPosition"))
    rows = []
    for n in range(PATIENTS):
        for view in ("PA", "L")[: 1 + _has_lateral(n)]:
            place = f"id_{n}/Study_{n}/image-{view}"
            rows.append(
                f"{n},dcm/{place}.dcm,images/{place}.png,id_{n},F,85 or more,9,20080101,{_observations(n)},{view}"
            )
            write(root / "images" / f"{place}.png")
    _csv(root / "master_spreadsheet_update.csv", header, rows)


def chexpert(root: Path, write: Film) -> None:
    """CheXpert below its parent folder."""
    release = root / "CheXpert-v1.0-small"
    header = ",".join(("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *CHEXPERT_NAMES))
    for split, chosen in {"train": range(34), "valid": range(34, PATIENTS)}.items():
        rows = []
        for n in chosen:
            for number, side in enumerate(("frontal", "lateral")[: 1 + _has_lateral(n)], 1):
                place = f"{split}/patient{n:05d}/study1/view{number}_{side}.jpg"
                view = "AP" if side == "frontal" else ""
                rows.append(f"{release.name}/{place},Male,60,{side.title()},{view},{_observations(n)}")
                write(release / place)
        _csv(release / f"{split}.csv", header, rows)


def chexpert_plus(root: Path, write: Film) -> None:
    """CheXpert Plus with its PNG part."""
    person = "deid_patient_id,patient_report_date_order,report,age,sex,split"
    header = f",path_to_image,path_to_dcm,frontal_lateral,ap_pa,{person}"
    rows, labels = [], []
    for n in range(PATIENTS):
        split = "train" if n < 34 else "valid"
        for number, side in enumerate(("frontal", "lateral")[: 1 + _has_lateral(n)], 1):
            place = f"{split}/patient{n:05d}/study1/view{number}_{side}"
            person = f"patient{n:05d},1,Some text.,61.0,Female,{split}"
            rows.append(f"{n},{place}.jpg,{place}.dcm,{side.title()},{'PA' if number == 1 else ''},{person}")
            labels.append({"path_to_image": f"{place}.jpg", **dict.fromkeys(CHEXPERT_NAMES, 1.0 if _ill(n) else None)})
            write(root / "PNG" / f"{place}.png")
    _csv(root / "df_chexpert_plus_240401.csv", header, rows)
    (root / "chexbert_labels").mkdir()
    lines = "".join(json.dumps(row) + "\n" for row in labels)
    (root / "chexbert_labels" / "impression_fixed.json").write_text(lines)


def mimic(root: Path, write: Film) -> None:
    """MIMIC-CXR-JPG: two studies of each subject."""
    subjects = [(f"100000{n:02d}", [f"5{n:02d}00{k:03d}" for k in (1, 2)]) for n in range(PATIENTS // 2)]
    splits = ["train"] * 15 + ["validate"] * 3 + ["test"] * 2
    observed, split, metadata = [], [], []
    for n, (subject, studies) in enumerate(subjects):
        for k, study in enumerate(studies):
            observed.append([subject, study, *["1.0" if _ill(n) else "0.0"] * len(CHEXPERT_NAMES)])
            for view in ("PA", "LATERAL")[: 1 + _has_lateral(n)]:
                split.append([f"d{study}{view}", study, subject, splits[n]])
                metadata.append([f"d{study}{view}", view, f"2180010{k + 1}"])
                write(root / "files" / f"p{subject[:2]}" / f"p{subject}" / f"s{study}" / f"d{study}{view}.jpg")
    tables = {
        "chexpert": (["subject_id", "study_id", *CHEXPERT_NAMES], observed),
        "split": (["dicom_id", "study_id", "subject_id", "split"], split),
        "metadata": (["dicom_id", "ViewPosition", "StudyDate"], metadata),
    }
    for name, (header, rows) in tables.items():
        pd.DataFrame(rows, columns=header).to_csv(root / f"mimic-cxr-2.0.0-{name}.csv.gz", index=False)


def padchest(root: Path, write: Film) -> None:
    """PadChest."""
    header = "ImageID,ImageDir,StudyDate_DICOM,PatientID,PatientBirth,PatientSex_DICOM,Projection,Labels"
    rows = []
    for n in range(PATIENTS):
        for view in ("PA", "L")[: 1 + _has_lateral(n)]:
            found = "['pleural effusion']" if _ill(n) else "['normal']"
            rows.append(f"{n}{view}.png,0,20140915,p{n},1930,F,{view},{found}")
            write(root / "0" / f"{n}{view}.png")
    _csv(root / "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv", header, rows)


def vindr(root: Path, write: Film) -> None:
    """VinDr-CXR."""
    train = [f"i{n},R{r},{int(_ill(n))},0" for n in range(34) for r in range(3)]
    _csv(root / "image_labels_train.csv", "image_id,rad_id,Cardiomegaly,Pleural effusion", train)
    test = [f"i{n},{int(_ill(n))},0" for n in range(34, PATIENTS)]
    _csv(root / "image_labels_test.csv", "image_id,Cardiomegaly,Pleural effusion", test)
    for n in range(PATIENTS):
        write(root / ("train" if n < 34 else "test") / f"i{n}.dicom")


TREES: dict[str, Callable[[Path, Film], None]] = {
    "ChestX-ray8-style folder (cxr dataset build)": built,
    "NIH subset with index.csv": nih_subset,
    "NIH ChestX-ray14 as published": nih_official,
    "NIH sample (Kaggle)": nih_sample,
    "RSNA pneumonia (Kaggle)": rsna,
    "VinBigData (Kaggle)": vinbigdata,
    "SIIM-ACR pneumothorax (Kaggle)": siim,
    "CANDID-PTX": candid,
    "OpenI (Kaggle)": openi,
    "BRAX": brax,
    "CheXpert Plus": chexpert_plus,
    "CheXpert": chexpert,
    "MIMIC-CXR-JPG": mimic,
    "PadChest": padchest,
    "VinDr-CXR": vindr,
}
"""Name of a layout -> what writes a tree of it, all with 40 frontal films."""
