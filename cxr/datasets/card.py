"""The dataset card: what a folder holds and how it came about, for the next person who finds it."""

from dataclasses import dataclass

import pandas as pd

__all__ = ["Origin", "dataset_card"]

_TEXTS = {
    False: "are kept as they were given. Take care that they are de-identified before you pass them on.",
    True: "had dates moved by days of the patient's own, and numbers, places and names that rules know replaced by "
    "XXXX; patients, reports and images carry salted hashes, and ages over 90 are 90. Rules miss names that nothing "
    "marks: read before you pass them on.",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """How a dataset came about.

    Attributes:
        policy: labeling policy.
        engine: labeling engine.
        seed: of the split.
        deidentified: whether identifiers were replaced.
        label_space: label columns.
    """

    policy: str
    engine: str
    seed: int
    deidentified: bool
    label_space: tuple[str, ...]


def dataset_card(table: pd.DataFrame, origin: Origin, *, refused: int) -> str:
    """Markdown text of a dataset card.

    Args:
        table: one row per image with ``patient``, ``split`` and one 0/1 column per label.
        origin: how it came about.
        refused: number of reports and images left out.
    """
    splits = list(dict.fromkeys(table["split"].sort_values()))
    lines = [
        "# Dataset card",
        "",
        f"{len(table)} radiographs of {table['patient'].nunique()} patients in the ChestX-ray8 layout. "
        f"{refused} reports or images were left out; refused.csv says why.",
        "",
        "- **Labels** are mined from free-text reports, not read from the images: expect errors. "
        f"Policy `{origin.policy}`, engine `{origin.engine}`. `Data_Entry.csv` names what a report affirms; "
        "`reports.parquet` also holds what it negates (0) and leaves uncertain (-1), with severity, side, zone and the "
        "sentence behind it.",
        "- **Images** are 8-bit gray in the MONOCHROME2 sense (air dark) at the size of their source; "
        "nothing of a DICOM header is kept but age, sex, view and pixel spacing.",
        f"- **Reports** {_TEXTS[origin.deidentified]}",
        f"- **Splits** are by patient, stratified by label, seed {origin.seed}.",
        "- **Use**: research. Not for diagnosis.",
        "",
        "| label | " + " | ".join(splits) + " |",
        "|---|" + "---|" * len(splits),
    ]
    counts = table.groupby("split")[list(origin.label_space)].sum().astype(int)
    lines += [
        f"| {name} | " + " | ".join(str(counts.loc[split, name]) for split in splits) + " |"
        for name in origin.label_space
    ]
    sizes = table["split"].value_counts()
    lines += ["| all images | " + " | ".join(str(sizes[split]) for split in splits) + " |", ""]
    return "\n".join(lines)
