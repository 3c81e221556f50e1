import tomllib
from importlib.resources import files

import pytest

from nlp_labeler.errors import ConfigError
from nlp_labeler.findings import (
    ANCESTORS,
    CHESTXRAY8,
    FINDINGS,
    LABELS,
    PARENT,
    FindingTable,
    descendants,
    finding_entry,
)

TEXT = files("nlp_labeler").joinpath("findings.toml").read_text(encoding="utf-8")


def without(line):
    """The shipped table without the first line that starts so."""
    lines = TEXT.splitlines()
    del lines[next(n for n, text in enumerate(lines) if text.startswith(line))]
    return "\n".join(lines)


def test_labels_and_findings_are_the_same_and_the_eight_come_first():
    assert set(LABELS) == set(FINDINGS)
    assert LABELS[:8] == CHESTXRAY8


def test_the_ontology_is_one_tree_with_each_node_below_its_parent():
    nodes = list(PARENT)
    assert [node for node in nodes if PARENT[node] is None] == ["Abnormal"]
    assert all(nodes.index(PARENT[node]) < nodes.index(node) for node in nodes if PARENT[node])
    assert ANCESTORS["Pneumonia"] == ("Consolidation", "Lung opacity", "Abnormal")
    assert descendants("Lung lesion") == ("Mass", "Nodule")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (without("colour"), "finding.Atelectasis.colour"),
        (without("code"), "finding.Atelectasis.code"),
        (without("parent"), "finding.Atelectasis.parent"),
        (TEXT.replace('colour = "#4cc9f0"', 'colour = "cyan"'), "finding.Atelectasis.colour"),
        (TEXT.replace('colour = "#4cc9f0"', 'colour = "#ff5d73"'), "Atelectasis and Cardiomegaly have the same colour"),
        (TEXT.replace("zoned = true", "zoned = true\nhue = 3", 1), "finding.Atelectasis.hue"),
        (TEXT.replace('parent = "Chronic lung"', 'parent = "Chronic"', 1), "'Chronic' of Emphysema"),
        (TEXT.replace('parent = "Consolidation"', 'parent = "Hernia"'), "'Hernia' of Pneumonia"),
        (TEXT.replace('"Consolidation", "Edema", ', '"Edema", ', 1), "differ in Consolidation"),
        (TEXT.replace('"Chronic lung" = "Abnormal"', '"Chronic lung" = ""'), "one group must have the parent ''"),
        (TEXT + "\n[group", "not TOML"),
    ],
)
def test_what_is_wrong_with_a_table_is_named(text, named):
    with pytest.raises(ConfigError, match=f"^my.toml.*{named}"):
        FindingTable.parse(text, "my.toml")


def test_the_shipped_table_is_read_as_it_is_written():
    assert FindingTable.parse(TEXT, "findings.toml").labels["all"] == tuple(tomllib.loads(TEXT)["labels"]["all"])


def test_an_unknown_finding_is_named_with_those_that_are_known():
    with pytest.raises(ConfigError, match=r"'Fracture'.*Atelectasis"):
        finding_entry("Fracture")


def test_a_colour_is_three_bytes_and_a_noun_loses_its_article():
    effusion = finding_entry("Effusion")
    assert (effusion.rgb, effusion.bare_noun) == ((0x3A, 0x86, 0xFF), "pleural effusion")
    assert finding_entry("Infiltration").bare_noun == "infiltrate"
