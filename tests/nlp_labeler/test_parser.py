"""The dependency parser: its training sentences, its training, and what the shipped one must get right."""

import gzip
from importlib import resources
from pathlib import Path

import pytest

from nlp_labeler.errors import LabelerError
from nlp_labeler.parser.synthetic import generate_trees
from nlp_labeler.parser.treebank import read_conllu

CONLLU = """# text = No effusion.
1\tNo\tno\tDET\tDT\t_\t2\tdet\t_\t_
2\teffusion\teffusion\tNOUN\tNN\t_\t0\troot\t_\t_
3\t.\t.\tPUNCT\t.\t_\t2\tpunct:x\t_\t_

1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tdo\tdo\tAUX\tVB\t_\t3\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
3\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\t_
"""


def test_conllu_is_read(tmp_path):
    path = tmp_path / "x.conllu.gz"
    path.write_bytes(gzip.compress(CONLLU.encode()))
    first, second = read_conllu(path)
    assert first.words == ("no", "effusion", ".")
    assert first.heads == (1, 1, 1)
    assert first.relations == ("det", "root", "punct")
    assert second.words == ("do", "n't", "go")


def test_bad_treebanks_are_refused(tmp_path):
    path = tmp_path / "x.conllu"
    path.write_text("1\tNo\n")
    with pytest.raises(LabelerError, match="line 1: 2 columns"):
        list(read_conllu(path))
    with pytest.raises(LabelerError, match="not a file"):
        list(read_conllu(tmp_path / "missing.conllu"))


def test_synthetic_trees_are_trees():
    for tree in generate_trees(500, seed=1):
        roots = [index for index, head in enumerate(tree.heads) if head == index]
        assert len(roots) == 1
        assert tree.relations[roots[0]] == "root"
        for index in range(len(tree.words)):
            steps = 0
            while index != roots[0]:
                index, steps = tree.heads[index], steps + 1
                assert steps <= len(tree.words)


def test_synthetic_trees_are_reproducible():
    assert list(generate_trees(50, seed=2)) == list(generate_trees(50, seed=2))
    assert list(generate_trees(50, seed=2)) != list(generate_trees(50, seed=3))


def test_the_shipped_parser_is_small_and_says_where_it_comes_from():
    weights = resources.files("nlp_labeler.parser").joinpath("weights")
    with resources.as_file(weights) as folder:
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in files) < 10_000_000
        assert not [path for path in files if path.suffix in {".pkl", ".pickle"}]
        assert "CC BY-SA 4.0" in (Path(folder) / "NOTICE").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def parser():
    pytest.importorskip("spacy", reason="the parser needs spaCy")
    from nlp_labeler.parser.model import load_parser, parse

    nlp = load_parser()
    return lambda text: next(parse(nlp, [text.split()]))


@pytest.mark.parametrize(
    ("sentence", "word", "relation", "head"),
    [
        ("no effusion or pneumothorax .", "no", "det", "effusion"),
        ("no effusion or pneumothorax .", "pneumothorax", "conj", "effusion"),
        ("negative for pneumothorax .", "pneumothorax", "obl", "negative"),
        ("there is no mass .", "mass", "nsubj", "is"),
        ("no nodule is identified .", "nodule", "nsubj", "identified"),
        ("the lungs are clear without edema .", "without", "case", "edema"),
        ("this may represent pneumonia .", "pneumonia", "obj", "represent"),
        ("no evidence of effusion .", "effusion", "nmod", "evidence"),
    ],
)
def test_the_shipped_parser_knows_telegraphic_style(parser, sentence, word, relation, head):
    token = next(token for token in parser(sentence) if token.text == word)
    assert (token.dep_, token.head.text) == (relation, head)


def test_training_writes_a_model_that_loads(tmp_path):
    spacy = pytest.importorskip("spacy", reason="training needs spaCy")
    from nlp_labeler.parser.training import TrainingPlan, train_parser

    for part in ("train", "dev"):
        (tmp_path / f"{part}.conllu.gz").write_bytes(gzip.compress(((CONLLU + "\n") * 20).encode()))
    lines = []
    plan = TrainingPlan(synthetic=50, minutes=0.05)
    score = train_parser(tmp_path, tmp_path / "out", plan, lines.append)
    assert lines
    assert 0 <= score.las <= score.uas <= 1
    nlp = spacy.load(tmp_path / "out" / "model")
    assert nlp.pipe_names == ["parser"]
    assert (tmp_path / "out" / "training.json").is_file()
