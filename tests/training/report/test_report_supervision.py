"""What a report teaches beside its words: where they look, what is planned, and how a plan becomes words."""

import numpy as np
import pytest
import torch

from cxr.models.tienet_factory import LSTMConfig, TieNetConfig, build_tienet
from cxr.reporting.vocabulary import END, PAD, START, UNKNOWN
from cxr.training.classifier.report_localization import (
    ANYWHERE,
    LEFT_LOWER,
    LEFT_UPPER,
    RIGHT_LOWER,
    RIGHT_UPPER,
    quadrant_masks,
)
from cxr.training.report.decode import greedy_reports
from cxr.training.report.heads import fit_content_plan, fit_generated_head
from cxr.training.report.recipe import ReportOptimization, TextPretrainingConfig
from cxr.training.report.text_pretraining import content_plan_of, pretrain_on_text
from cxr.training.report.tokenizer import encode, train_tokenizer, vocabulary_of
from cxr.training.report.word_grounding import NOTHING, ground_words, word_grounding_loss

LABELS = ("Effusion", "Pneumothorax", "Mass")
TEXTS = [
    "FINDINGS: There is a left pneumothorax. No pleural effusion.\nIMPRESSION: Left pneumothorax.",
    "FINDINGS: Mass in the right upper lobe.\nIMPRESSION: Bilateral pleural effusions.",
    "FINDINGS: The lungs are clear.\nIMPRESSION: No acute disease.",
]


def tienet(vocabulary: int, labels: int):
    torch.manual_seed(0)
    config = TieNetConfig(
        channels=4, decoder=LSTMConfig(word_size=16, hidden_size=32, attention_size=4, dropout=0.0), text_width=8
    )
    return build_tienet(config, feature_channels=6, vocabulary=vocabulary, labels=labels, padding=0)


def test_the_words_of_a_finding_are_marked_with_the_part_they_name():
    tokenizer = train_tokenizer(TEXTS, min_count=1)
    vocabulary = vocabulary_of(tokenizer)
    words = encode(tokenizer, TEXTS, 40)
    said = ground_words(words, vocabulary, LABELS)
    marked = [
        [
            (vocabulary.words[word], LABELS[label], int(part))
            for word, label, part in zip(*row, strict=True)
            if label != NOTHING
        ]
        for row in zip(words, said.labels, said.quadrants, strict=True)
    ]
    left = LEFT_UPPER + LEFT_LOWER
    assert marked[0] == [("pneumothorax", "Pneumothorax", left)] * 2  # the effusion is denied
    assert marked[1][0] == ("mass", "Mass", RIGHT_UPPER)
    assert marked[1][-1] == ("effusions", "Effusion", ANYWHERE)
    assert marked[2] == []


def test_quarters_of_the_image_are_named_by_the_patients_side():
    patch_features = quadrant_masks(4).reshape(16, 4, 4)
    right, left = RIGHT_UPPER + RIGHT_LOWER, LEFT_UPPER + LEFT_LOWER
    assert patch_features[ANYWHERE].all()
    assert (patch_features[right][:, :2].all(), patch_features[right][:, 2:].any()) == (
        True,
        False,
    )  # on the left of the image
    assert (patch_features[right] ^ patch_features[left]).all()
    assert patch_features[RIGHT_UPPER].nonzero().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert not patch_features[0].any()


def test_looking_at_the_named_half_of_the_class_map_costs_least():
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(1, 16, 3, generator=generator)
    right = RIGHT_UPPER + RIGHT_LOWER
    labels, parts = torch.tensor([[NOTHING, 1]]), torch.tensor([[ANYWHERE, right]])
    inside = quadrant_masks(4)[right]
    best = torch.zeros(1, 2, 16)
    best[0, :, inside] = maps[0, inside, 1].softmax(0)
    least = word_grounding_loss(best, maps, labels, parts)
    assert least == pytest.approx(float(torch.distributions.Categorical(best[0, 1]).entropy()), abs=1e-4)
    for _ in range(20):
        other = torch.rand(1, 2, 16, generator=generator)
        assert word_grounding_loss(other / other.sum(-1, keepdim=True), maps, labels, parts) > least
    assert word_grounding_loss(best, maps, torch.full((1, 2), NOTHING), parts) == 0


def test_uncertain_findings_are_planned_and_unknown_ones_are_not():
    content_plan = content_plan_of(torch.tensor([[1.0, 0.0, -1.0, torch.nan]]))
    assert content_plan.tolist() == [[1, -1, 1, -1]]


def test_the_plan_begins_where_its_f1_is_best():
    """Over a classifier whose logits are twice too large and off by one; the best threshold is searched for."""
    model = tienet(8, 2).eval()
    rng = np.random.default_rng(0)
    truth_logits = rng.normal(-1, 2, 4000)
    labels = np.zeros((4000, 2), np.float32)  # of the second nothing can be learned
    labels[:, 0] = rng.random(4000) < 1 / (1 + np.exp(-truth_logits))
    labels[:, 1] = np.nan
    features = np.zeros((4000, 6, 1, 1), np.float16)
    features[:, 0, 0, 0] = 2 * truth_logits + 1
    with torch.no_grad():
        model.class_maps.weight.zero_()
        model.class_maps.bias.zero_()
        model.class_maps.weight[0, 0] = 1.0
    fit_content_plan(model, features, labels)

    def f1(planned):
        return 2 * (planned & (labels[:, 0] == 1)).sum() / (planned.sum() + labels[:, 0].sum())

    with torch.inference_mode():
        planned = model.content_plan(model.patch_features(torch.from_numpy(features).float()))[:, 0].numpy() > 0
    best = max(f1(truth_logits > threshold) for threshold in np.linspace(-3, 3, 200))
    assert f1(planned) > best - 0.005
    begins = truth_logits[planned].min()
    assert 1 / (1 + np.exp(-begins)) == pytest.approx(best / 2, abs=0.03)  # the probabilities are exact here
    assert model.content_plan_slope.tolist() == pytest.approx([0.5, 1], abs=0.05)


def test_the_logits_that_are_right_get_the_weight():
    """Mode I is made to say the contrary of the classifier, which is right about two findings out of two."""
    tokenizer = train_tokenizer(TEXTS, min_count=1)
    vocabulary = vocabulary_of(tokenizer)
    model = tienet(len(vocabulary.words), 2).eval()
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 6, 1, 1)).astype(np.float16)
    with torch.no_grad():
        model.class_maps.weight.zero_()
        model.class_maps.bias.zero_()
        model.class_maps.weight[0, 0] = model.class_maps.weight[1, 1] = 1.0
        model.image_head.weight.neg_()
    labels = (features[:, :2, 0, 0] + rng.normal(scale=0.5, size=(200, 2)) > 0).astype(np.float32)
    fit_generated_head(model, vocabulary, features, labels, 4)
    classifier, image, heard = model.ensemble_weights.tolist()
    assert classifier - image > 0.5  # of x and -x only the difference is determined
    assert abs(heard) < classifier - image
    with torch.inference_mode():
        patch_features = model.patch_features(torch.from_numpy(features).float())
        ensemble_logits = model.ensemble_logits(
            patch_features, model.embed(patch_features, greedy_reports(model, vocabulary, patch_features, 4))
        )
        planned = model.classify_image_and_generated(ensemble_logits).numpy() > 0
    assert (planned == (labels == 1)).mean() > 0.8


def test_a_pretrained_decoder_says_what_is_planned():
    said = {(): "nothing here", (0,): "fluid here", (1,): "air here", (0, 1): "fluid and air here"}
    tokenizer = train_tokenizer(said.values(), min_count=1)
    vocabulary = vocabulary_of(tokenizer)
    words = encode(tokenizer, list(said.values()) * 16, 8)
    labels = torch.tensor([[float(c in planned) for c in range(2)] for planned in said] * 16)
    model = tienet(len(vocabulary), 2)
    pretrain_on_text(
        model,
        words,
        labels,
        TextPretrainingConfig(epochs=30, batch_size=16),
        ReportOptimization(epochs=1, learning_rate=0.02),
        0,
    )
    model.eval()
    for planned, text in said.items():
        model.content_plan_slope.zero_()
        model.content_plan_intercept.copy_(torch.tensor([9.0 if c in planned else -9.0 for c in range(2)]))
        spoken = greedy_reports(model, vocabulary, torch.zeros(1, 1, model.patch_channels), 8)[0].tolist()
        silent = {vocabulary.number(word) for word in (PAD, START, END, UNKNOWN)}
        assert " ".join(vocabulary.words[word] for word in spoken if word not in silent) == text
