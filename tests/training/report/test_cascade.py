import numpy as np
import pandas as pd
import pytest
import torch

from cxr.models.annotation_cascade import CONTEXT, WORDS, AnnotationCascade, look_at
from cxr.training.report.cascade import context_words, mined_annotations

SLOTS = list(CONTEXT)


def test_a_mention_becomes_one_word_per_slot():
    words = context_words({"zone": "base", "severity": "mild", "side": "left"})
    assert [WORDS[w] for w in words] == ["base", "mild", "left"]
    assert context_words({"zone": "fissure", "severity": None}) == (0, 0, 0)


def test_of_several_mentions_each_slot_takes_the_first_word(phantom_dataset):
    train = phantom_dataset.subset("train")
    image = train.records["image"].iloc[0]

    def mention(assertion, **context):
        return {"finding": "Effusion", "assertion": assertion, "zone": None, "severity": None, "side": None} | context

    mentions = [
        mention("negated", side="right"),
        mention("affirmed", severity="mild"),
        mention("affirmed", severity="severe", side="left"),
    ]
    reports = pd.DataFrame({"image": [image], "mentions": [mentions]})
    from dataclasses import replace

    found = mined_annotations(replace(train, reports=reports), ["Effusion"])
    assert (found.rows.tolist(), found.findings.tolist()) == ([0], [0])
    assert [WORDS[w] for w in found.words[0]] == ["", "mild", "left"]


def test_real_reports_give_sides(phantom_dataset):
    found = mined_annotations(phantom_dataset.subset("train"), phantom_dataset.label_space)
    sides = {WORDS[w] for w in found.words[:, SLOTS.index("side")]}
    assert sides == {"", "left", "right", "bilateral"}


def test_the_look_follows_the_class_map():
    features = torch.rand(1, 3, 8, 8)
    class_map = torch.full((1, 8, 8), -20.0)
    class_map[0, 6, 1] = 20.0
    look = look_at(features, class_map)
    torch.testing.assert_close(look[0, :3], features[0, :, 6, 1])
    assert int(look[0, 3:].argmax()) == 3 * 4 + 0


def test_words_stay_in_their_slot():
    torch.manual_seed(0)
    cascade = AnnotationCascade(19, findings=3, hidden_size=8).eval()
    said = cascade.annotate(torch.rand(50, 19) * 9, torch.arange(50) % 3)
    for slot, words in enumerate(CONTEXT.values()):
        assert {WORDS[int(w)] for w in said[:, slot]} <= {"", *words}


def test_annotating_is_teacher_forcing_with_its_own_words():
    torch.manual_seed(0)
    cascade = AnnotationCascade(19, findings=3, hidden_size=8).eval()
    look, disease = torch.rand(5, 19), torch.arange(5) % 3
    said = cascade.annotate(look, disease)
    assert (cascade(look, disease, said).argmax(-1) == said).all()


@pytest.mark.parametrize("slot", range(3))
def test_a_cascade_learns_what_the_look_shows(slot):
    """Severity that follows the brightness seen is learned within a few hundred steps."""
    torch.manual_seed(0)
    cascade = AnnotationCascade(19, findings=1, hidden_size=16)
    look = torch.randn(64, 19)
    options = list(CONTEXT.values())[slot][:2]
    words = torch.zeros(64, 3, dtype=torch.long)
    words[:, slot] = torch.tensor([WORDS.index(options[int(x > 0)]) for x in look[:, 0]])
    optimizer = torch.optim.Adam(cascade.parameters(), lr=1e-2)
    disease = torch.zeros(64, dtype=torch.long)
    for _ in range(80):
        optimizer.zero_grad()
        logits = cascade(look, disease, words).transpose(1, 2)
        torch.nn.functional.cross_entropy(logits, words, ignore_index=0).backward()
        optimizer.step()
    accuracy = (cascade.annotate(look, disease)[:, slot] == words[:, slot]).float().mean()
    assert accuracy > 0.95
    assert np.isfinite(accuracy.item())
