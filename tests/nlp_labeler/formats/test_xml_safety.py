"""XML that would expand or reach out is refused before it does."""

import pytest

from nlp_labeler.errors import LabelerError
from nlp_labeler.formats.source import read_reports

DOCUMENT = (
    "<collection><document><id>&x;</id><passage><offset>0</offset><text>&x;</text></passage></document></collection>"
)


def billion_laughs():
    entities = "".join(f'<!ENTITY x{i} "{f"&x{i - 1};" * 10}">' for i in range(1, 12))
    return f'<!DOCTYPE collection [<!ENTITY x0 "ha">{entities}<!ENTITY x "&x11;">]>{DOCUMENT}'


def quadratic_blowup():
    return f'<!DOCTYPE collection [<!ENTITY x "{"a" * 100_000}">]>{DOCUMENT}'


def external_file(path):
    return f'<!DOCTYPE collection [<!ENTITY x SYSTEM "{path.as_uri()}">]>{DOCUMENT}'


def parameter_entity(path):
    return f'<!DOCTYPE collection [<!ENTITY % p SYSTEM "{path.as_uri()}"> %p;]>{DOCUMENT}'


@pytest.mark.parametrize("make", [billion_laughs, quadratic_blowup, external_file, parameter_entity])
def test_entities_are_refused(tmp_path, make):
    secret = tmp_path / "secret.dtd"
    secret.write_text('<!ENTITY x "secret">')
    bomb = make(secret) if make in {external_file, parameter_entity} else make()
    path = tmp_path / "bomb.xml"
    path.write_text(bomb)
    with pytest.raises(LabelerError, match="entity declarations is refused"):
        list(read_reports(path))


def test_a_bomb_in_a_folder_is_one_refused_report(tmp_path):
    (tmp_path / "1.xml").write_text(billion_laughs())
    (tmp_path / "2.txt").write_text("Clear lungs.")
    bomb, report = read_reports(tmp_path)
    assert "entity declarations" in bomb.refusal.message
    assert report.text == "Clear lungs."


def test_the_plain_doctype_of_bioc_is_read_and_its_dtd_not_fetched(tmp_path):
    (tmp_path / "BioC.dtd").write_text("this is not a DTD")
    path = tmp_path / "a.xml"
    path.write_text(f'<!DOCTYPE collection SYSTEM "BioC.dtd">{DOCUMENT}'.replace("&x;", "a"))
    (record,) = read_reports(path)
    assert record.text == "a"
