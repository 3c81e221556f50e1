import numpy as np
import pytest

from cxr.reporting.vocabulary import PAD
from cxr.training.report.module import LengthSampler
from cxr.training.report.texts import teachable
from cxr.training.report.tokenizer import encode, train_tokenizer, vocabulary_of


@pytest.mark.parametrize(
    ("text", "taught"),
    [
        ("FINDINGS: A small 2.3 cm mass is seen.", "FINDINGS: A small mass is seen."),
        ("FINDINGS: Large mass measuring approximately 7.1 cm.", "FINDINGS: Large mass."),
        ("FINDINGS: Mass in the left base, 3 x 4.5 cm in diameter.", "FINDINGS: Mass in the left base."),
        ("FINDINGS: Small effusion. New since the prior study.", "FINDINGS: Small effusion."),
        ("FINDINGS: Clear.\nIMPRESSION: Normal chest x-XXXX.", "FINDINGS: Clear.\nIMPRESSION: Normal chest."),
        ("INDICATION: Cough.\nIMPRESSION: 1. Effusion.", "IMPRESSION: 1. Effusion."),
        ("FINDINGS: Unchanged.", ""),
        ("", ""),
    ],
)
def test_only_what_one_image_shows_is_taught(text, taught):
    assert teachable(text) == taught


TEXTS = ["FINDINGS: Small left effusion.\nIMPRESSION: 1. Small effusion.", "FINDINGS: Normal x-ray."] * 3


def test_known_words_survive_the_way_through_numbers():
    tokenizer = train_tokenizer(TEXTS, min_count=2)
    vocabulary = vocabulary_of(tokenizer)
    rows = encode(tokenizer, TEXTS[:2], longest=50)
    assert [vocabulary.render(row.tolist())[0].strip() for row in rows[:, 1:]] == TEXTS[:2]
    assert (rows == vocabulary.number(PAD)).sum(axis=1).tolist() == [0, rows.shape[1] - 6]


def test_rare_words_are_unknown_and_long_reports_are_cut():
    tokenizer = train_tokenizer([*TEXTS, "FINDINGS: Zebra."], min_count=2)
    assert "zebra" not in vocabulary_of(tokenizer).words
    assert encode(tokenizer, TEXTS[:1], longest=4).shape == (1, 6)


def test_every_row_comes_once_in_batches_of_like_length():
    lengths = np.random.default_rng(0).integers(5, 100, 203)
    sampler = LengthSampler(lengths, batch_size=16, seed=1)
    first = [row for _, row in sampler]
    assert sorted(first) == list(range(203))
    assert [row for _, row in sampler] == first
    batches = [lengths[first[i : i + 16]] for i in range(0, 192, 16)]
    shuffled = np.random.default_rng(1).permutation(lengths)[:192].reshape(-1, 16)
    assert sum(b.max() for b in batches) < 0.75 * shuffled.max(axis=1).sum()
    sampler.set_epoch(1)
    assert [row for _, row in sampler] != first
