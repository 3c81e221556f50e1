"""What a newcomer types wrong at `cxr dataset build`: one line each that says what to do, and no traceback."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr.cli.main import main

TEXT = "There is a small left pleural effusion."


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with twelve pictures and some tables that have each a fault."""
    (tmp_path / "img").mkdir()
    for n in range(12):
        pixels = np.random.default_rng(n).integers(0, 256, (32, 32), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "img" / f"f{n}.png")
    tables = {
        "ok": ("id,image,patient_id,study_date,text", f"r{{n}},f{{n}}.png,P{{n}},31.12.200{{d}},{TEXT}"),
        "ambiguous": ("id,image,patient_id,study_date,text", f"r{{n}},f{{n}}.png,P{{n}},0{{d}}/01/2001,{TEXT}"),
        "foreign": ("Nr;PatNr;Befund", f"r{{n}};P{{n}};{TEXT}"),
        "nobody": ("id,image,text", f"r{{n}},f{{n}}.png,{TEXT}"),
        "cp1252": ("id,image,patient_id,text", "r{n},f{n}.png,P{n},Größe é."),
    }
    for name, (header, row) in tables.items():
        lines = [header, *(row.format(n=n, d=1 + n % 9) for n in range(12))]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="cp1252")
    (tmp_path / "header.csv").write_text("id,image,patient_id,text\n")
    (tmp_path / "short").write_text("abc")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--reports nothere.csv", "nothere.csv: no such file or folder"),
        ("--reports header.csv", "header.csv: holds no reports"),
        ("--reports ok.csv --images nodir", "nodir: no such image folder"),
        ("--reports ok.csv --out img", "the images lie inside img"),
        ("--reports nobody.csv", "--columns patient=NAME"),
        ("--reports foreign.csv", "say --columns id=NAME,text=NAME"),
        ("--reports foreign.csv --columns id=Nr,text=Befundtext", "perhaps 'Befund'"),
        ("--reports foreign.csv --columns id:Nr", "say --columns id=NAME,text=NAME"),
        ("--reports foreign.csv --columns foo=Nr", "no such part ['foo']"),
        ("--reports ambiguous.csv", "--date-format '%d/%m/%Y'"),
        ("--reports ok.csv --date-format dd.mm.yyyy", "e.g. %d.%m.%Y for 31.12.2001"),
        ("--reports ok.csv --encoding latin-99", "no encoding 'latin-99'; common ones are"),
        ("--reports cp1252.csv", "not one report of 12 images could be labeled (12 refused: undecodable)"),
        ("--reports ok.csv --link uid", "allowed are file, accession, study"),
        ("--reports ok.csv --link accession", "none of the first 12 reports finds an image"),
        ("--reports ok.csv --val 0.6 --test 0.6", "together they must be below 1"),
        ("--reports ok.csv --salt short", "at least 16 random ones are needed"),
        ("--reports ok.csv --salt nosalt", "nosalt: the salt cannot be read"),
        ("--reports ok.csv --policy nope", "shipped are openi"),
        ("--reports ok.csv --gate", "no report has a usable image (12 not_frontal_chest); see out/refused.csv"),
    ],
)
def test_a_wrong_command_is_told_in_one_line(here: Path, arguments: str, message: str, monkeypatch, capsys):
    given = [
        "--images",
        "img",
        "--out",
        "out",
        "--no-gate",
        *arguments.split(),
    ]  # of an option given twice the last counts
    monkeypatch.setattr("sys.argv", ["cxr", "dataset", "build", *given])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr().err.strip().splitlines()
    assert ended.value.code == 2
    assert message in told[-1]
    assert [line for line in told if line.startswith("cxr: ")] == told[-1:]
    assert not any("Traceback" in line for line in told)
