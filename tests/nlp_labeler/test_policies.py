"""Policies: what counts for what, and files of one's own."""

import pytest

from nlp_labeler import Labeler
from nlp_labeler.errors import ConfigError
from nlp_labeler.policies.schema import POLICIES, load_policy


@pytest.mark.parametrize("name", POLICIES)
def test_shipped_policies_load(name):
    assert load_policy(name).name == name


@pytest.mark.parametrize(
    ("sentence", "finding", "openi", "chestxray8", "chexpert"),
    [
        ("Possible pneumonia.", "Pneumonia", -1, -1, -1),
        ("Atelectasis versus infiltrate.", "Atelectasis", 1, -1, -1),
        ("Probable effusion.", "Effusion", 1, -1, -1),
        ("Findings consistent with pneumonia.", "Pneumonia", 1, 1, 1),
        ("Airspace disease in the left base.", "Infiltration", None, 1, None),
        ("Airspace disease in the left base.", "Consolidation", None, None, 1),
        ("Enlarged cardiac silhouette.", "Cardiomegaly", None, 1, 1),
        ("The heart is enlarged.", "Cardiomegaly", 1, 1, 1),
        ("Nodular opacity in the left base.", "Nodule", None, 1, 1),
        ("Nodule in the left base.", "Nodule", 1, 1, 1),
        ("Granuloma in the left base.", "Nodule", None, None, 1),
        ("Volume loss in the left base.", "Atelectasis", None, 1, 1),
        ("The effusion has resolved.", "Effusion", 0, 0, 0),
        ("History of pneumonia.", "Pneumonia", None, None, None),
        ("Pneumonitis in the left base.", "Pneumonia", 1, None, None),
        ("Upper limits of normal heart size.", "Cardiomegaly", None, None, None),
    ],
)
def test_conventions(sentence, finding, openi, chestxray8, chexpert):
    found = [Labeler.load(name, engine="surface").label(sentence).labels[finding] for name in POLICIES]
    assert found == [openi, chestxray8, chexpert]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No acute disease. Clear lungs.", 1),
        ("Heart size normal. Lungs clear. No effusion or pneumothorax.", 1),
        ("Calcified granuloma.", None),
        ("Mild scoliosis.", None),
        ("Tortuous aorta.", None),
        ("Surgical clips in the right upper quadrant.", None),
        ("Degenerative changes of the spine.", None),
        ("Right PICC with tip in the SVC.", None),
        ("Old healed rib fractures.", None),
        ("Possible pneumonia.", None),
        ("Low lung volumes.", None),
        ("No fracture.", 1),
        ("The pneumothorax has resolved.", 1),
        ("Osteoarthritis of the knee.", 1),
    ],
)
def test_no_finding(text, expected):
    assert Labeler.load("openi", engine="surface").label(text).labels["No Finding"] == expected


def test_an_affirmed_mention_outweighs_doubt_and_doubt_outweighs_negation():
    label = Labeler.load("chexpert", engine="surface").label
    assert label("No effusion. Possible effusion. Small effusion.").labels["Effusion"] == 1
    assert label("No effusion. Possible effusion.").labels["Effusion"] == -1
    assert label("No effusion. Effusion is absent.").labels["Effusion"] == 0


def test_a_policy_of_ones_own(tmp_path):
    path = tmp_path / "ours.toml"
    path.write_text('name = "ours"\n[findings]\ngranuloma = "Nodule"\n[uncertain]\npossible = "positive"\n')
    labeler = Labeler.load(path, engine="surface")
    assert labeler.label("Possible granuloma.").labels["Nodule"] == 1
    assert labeler.label("Possible granuloma.").policy == "ours"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('name = "x"\ncolour = "red"\n', "colour"),
        ('name = "x"\n[findings]\ngranulloma = "Nodule"\n', "unknown concept granulloma"),
        ('name = "x"\n[findings]\ngranuloma = "Nodul"\n', "findings.granuloma"),
        ('name = "x"\n[uncertain]\nperhaps = "positive"\n', "unknown kind of doubt perhaps"),
        ('name = "x"\n[uncertain]\npossible = "maybe"\n', "uncertain.possible"),
        ("name = \n", "is not TOML"),
        ("[findings]\n", "name: Field required"),
    ],
)
def test_invalid_policies_are_refused_with_the_reason(tmp_path, content, message):
    path = tmp_path / "bad.toml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        load_policy(path)


def test_an_unknown_policy_names_the_known_ones():
    with pytest.raises(ConfigError, match="openi, chestxray8, chexpert"):
        load_policy("openly")
