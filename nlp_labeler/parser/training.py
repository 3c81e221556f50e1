"""Trains the dependency parser: a treebank and synthetic radiology sentences, mixed in every batch.

A small convolutional network with hashed embeddings (spaCy's ``MultiHashEmbed`` and ``MaxoutWindowEncoder``) under a
transition-based parser. Words are lower case throughout, so that a report in capitals parses like any other.
"""

import json
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_labeler.errors import MissingExtraError
from nlp_labeler.parser.synthetic import generate_trees
from nlp_labeler.parser.treebank import Tree, read_conllu

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.training import Example

__all__ = ["ParserScore", "TrainingPlan", "score_parser", "train_parser"]

_WIDTH = 96
_MODEL: dict[str, Any] = {
    "@architectures": "spacy.TransitionBasedParser.v2",
    "state_type": "parser",
    "extra_state_tokens": False,
    "hidden_width": 64,
    "maxout_pieces": 2,
    "use_upper": True,
    "nO": None,
    "tok2vec": {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": {
            "@architectures": "spacy.MultiHashEmbed.v2",
            "width": _WIDTH,
            "attrs": ["NORM", "PREFIX", "SUFFIX"],
            "rows": [4000, 500, 1500],
            "include_static_vectors": False,
        },
        "encode": {
            "@architectures": "spacy.MaxoutWindowEncoder.v2",
            "width": _WIDTH,
            "depth": 3,
            "window_size": 1,
            "maxout_pieces": 3,
        },
    },
}


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What to train on and for how long.

    Attributes:
        synthetic: number of synthetic radiology sentences.
        minutes: stop after the epoch in which this many minutes have passed.
        batch_words: words per batch.
        learning_rate: of Adam.
        seed: of the sentences, the order and the initial weights.
    """

    synthetic: int = 4000
    minutes: float = 20.0
    batch_words: int = 1200
    learning_rate: float = 0.001
    seed: int = 20170705


@dataclass(frozen=True, slots=True)
class ParserScore:
    """Unlabeled and labeled attachment score over all words but punctuation, in [0, 1]."""

    uas: float
    las: float


def train_parser(treebank: Path, out: Path, plan: TrainingPlan, report: Callable[[str], None]) -> ParserScore:
    """Train on ``treebank/train.conllu.gz`` plus synthetic sentences and write the model to ``out``.

    Args:
        treebank: folder with ``train.conllu.gz`` and ``dev.conllu.gz``.
        out: folder for the model; created.
        plan: size and duration.
        report: receives one line per epoch.

    Returns:
        The score on the treebank's development part, also written to ``out/training.json``.

    Raises:
        MissingExtraError: if spaCy is not installed.
        LabelerError: if the treebank cannot be read.
    """
    try:
        import spacy
        from spacy.util import fix_random_seed
    except ImportError as error:
        raise MissingExtraError("training the parser", "label") from error
    fix_random_seed(plan.seed)
    nlp = spacy.blank("xx")
    nlp.add_pipe("parser", config={"model": _MODEL, "min_action_freq": 20})
    trees = [*read_conllu(treebank / "train.conllu.gz"), *generate_trees(plan.synthetic, plan.seed)]
    examples = [_example(nlp, tree) for tree in trees]
    held_out = [_example(nlp, tree) for tree in read_conllu(treebank / "dev.conllu.gz")]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = plan.learning_rate
    order = random.Random(plan.seed)
    deadline = time.monotonic() + 60 * plan.minutes
    best = ParserScore(0.0, 0.0)
    epoch = 0
    while time.monotonic() < deadline:
        epoch += 1
        order.shuffle(examples)
        losses: dict[str, float] = {}
        for batch in _batches(examples, plan.batch_words):
            nlp.update(batch, sgd=optimizer, losses=losses, drop=0.15)
        with nlp.use_params(optimizer.averages):
            score = score_parser(nlp, held_out)
            if score.las > best.las:
                best = score
                _save(nlp, out, plan, epoch, score)
        report(f"epoch {epoch} loss {losses['parser']:.0f} uas {score.uas:.4f} las {score.las:.4f}")
    return best


def score_parser(nlp: "Language", examples: "Iterable[Example]") -> ParserScore:
    """Attachment scores of a pipeline over gold sentences."""
    words = heads = labels = 0
    for example in examples:
        predicted = nlp(_unparsed(nlp, [token.text for token in example.reference]))
        for token, gold in zip(predicted, example.reference, strict=True):
            if gold.dep_ == "punct":
                continue
            words += 1
            if token.head.i == gold.head.i:
                heads += 1
                labels += token.dep_.lower() == gold.dep_.lower()
    return ParserScore(uas=heads / words, las=labels / words)


def _unparsed(nlp: "Language", words: list[str]) -> Any:
    from spacy.tokens import Doc

    doc = Doc(nlp.vocab, words=words)
    for token in doc[1:]:
        token.is_sent_start = False
    return doc


def _example(nlp: "Language", tree: Tree) -> "Example":
    from spacy.tokens import Doc
    from spacy.training import Example

    words = list(tree.words)
    relations = ["ROOT" if relation == "root" else relation for relation in tree.relations]
    reference = Doc(nlp.vocab, words=words, heads=list(tree.heads), deps=relations)
    return Example(_unparsed(nlp, words), reference)


def _batches(examples: "list[Example]", batch_words: int) -> "Iterable[list[Example]]":
    batch: list[Example] = []
    size = 0
    for example in examples:
        batch.append(example)
        size += len(example.reference)
        if size >= batch_words:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _save(nlp: "Language", out: Path, plan: TrainingPlan, epoch: int, score: ParserScore) -> None:
    out.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(out / "model")
    facts = {"epoch": epoch, "synthetic": plan.synthetic, "seed": plan.seed, "uas": score.uas, "las": score.las}
    (out / "training.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
