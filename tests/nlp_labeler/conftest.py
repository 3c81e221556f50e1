"""Report files for the tests of the labeler's files and commands."""

import csv

import pytest

SENTENCES = (
    "Heart size is normal.",
    "Mild cardiomegaly.",
    "No pleural effusion or pneumothorax.",
    "Small left pleural effusion.",
    "Possible right lower lobe pneumonia.",
    "Lungs are clear.",
)


@pytest.fixture
def report_csv(tmp_path):
    """Writes a CSV of n different reports and returns its path."""

    def write(n, name="reports.csv"):
        path = tmp_path / name
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["id", "text"])
            for i in range(n):
                text = f"Report {i}. {SENTENCES[i % 6]} {SENTENCES[(i // 6) % 6]} {SENTENCES[(i // 36) % 6]}"
                writer.writerow([f"r{i}", text])
        return path

    return write
