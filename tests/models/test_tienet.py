import pytest
import torch

from cxr.models.report_decoder import AttentionLSTM
from cxr.models.tienet import AttentionEncodedText, saliency_weighted_pooling
from cxr.models.tienet_factory import LSTMConfig, TieNetConfig, TransformerConfig, build_tienet

DECODERS = {
    "lstm": LSTMConfig(word_size=6, hidden_size=10, attention_size=4),
    "transformer": TransformerConfig(kind="transformer", hidden_size=10, layers=1, heads=2, positions=8),
}


@pytest.fixture(params=DECODERS)
def tienet(request):
    torch.manual_seed(0)
    config = TieNetConfig(channels=8, decoder=DECODERS[request.param], text_rows=3, text_width=7)
    return build_tienet(config, feature_channels=12, vocabulary=20, labels=5, padding=0).eval()


@pytest.fixture
def patch_features(tienet):
    return tienet.patch_features(torch.rand(2, 12, 4, 4, generator=torch.Generator().manual_seed(1)))


WORDS = torch.tensor([[1, 6, 7, 8, 9], [1, 6, 7, 0, 0]])


def test_shapes(tienet, patch_features):
    assert patch_features.shape == (2, 16, 17)
    embedding = tienet.embed(patch_features, WORDS)
    assert embedding.decoder.logits.shape == (2, 5, 20)
    assert embedding.decoder.attention.shape == (2, 5, 16)
    assert (embedding.text.shape, embedding.image.shape) == ((2, 10), (2, 17))
    assert tienet.classify_image(patch_features).shape == (2, 5)
    assert tienet.classify_report(patch_features, WORDS).shape == (2, 5)
    assert tienet.classify_image_and_report(embedding).shape == (2, 5)
    assert tienet.classify_image_and_generated(tienet.ensemble_logits(patch_features, embedding)).shape == (2, 5)


def test_a_cell_says_where_it_lies(tienet, patch_features):
    x, y = patch_features[0, :, 13].view(4, 4), patch_features[0, :, 14].view(4, 4)
    torch.testing.assert_close(x[0], torch.linspace(-1, 1, 4))
    torch.testing.assert_close(x.T, y)
    torch.testing.assert_close(patch_features[0, :, 13:15].square(), patch_features[1, :, 15:])


def test_attention_sums_to_one(tienet, patch_features):
    torch.testing.assert_close(tienet.embed(patch_features, WORDS).decoder.attention.sum(-1), torch.ones(2, 5))


def test_padding_changes_nothing(tienet, patch_features):
    short = tienet.embed(patch_features[1:], WORDS[1:, :3])
    padded = tienet.embed(patch_features[1:], WORDS[1:])
    torch.testing.assert_close(padded.text, short.text)
    torch.testing.assert_close(padded.image, short.image)


def test_stepping_equals_teacher_forcing(tienet, patch_features):
    content_plan = tienet.content_plan(patch_features)
    whole = tienet.decoder(patch_features, WORDS, content_plan)
    state = tienet.decoder.start(patch_features, content_plan)
    for position in range(WORDS.shape[1]):
        step, state = tienet.decoder.step(WORDS[:, position], state, patch_features)
        torch.testing.assert_close(step.logits[:, 0], whole.logits[:, position])
        torch.testing.assert_close(step.attention[:, 0], whole.attention[:, position])


def test_one_image_serves_many_partial_reports(tienet, patch_features):
    decoder, one = tienet.decoder, patch_features[:1]
    content_plan = tienet.content_plan(one)
    state = tuple(part.repeat_interleave(3, 0) for part in decoder.start(one, content_plan))
    step, state = decoder.step(torch.tensor([6, 7, 6]), state, one)
    assert all(len(part) == 3 for part in state)
    alone, _ = decoder.step(torch.tensor([7]), decoder.start(one, content_plan), one)
    torch.testing.assert_close(step.logits[1:2], alone.logits)


@pytest.mark.parametrize("tienet", ["transformer"], indirect=True)
def test_the_transformer_reads_each_word_once(tienet, patch_features):
    decoder, read = tienet.decoder, []
    embedding = decoder.language.transformer.wte
    embedding.register_forward_pre_hook(lambda _, words: read.append(words[0].shape[1]))
    seen = []
    cross = decoder.language.transformer.h[0].crossattention.c_attn
    cross.register_forward_hook(lambda *_: seen.append(1))
    state = decoder.start(patch_features, tienet.content_plan(patch_features))
    for position in range(WORDS.shape[1]):
        _, state = decoder.step(WORDS[:, position], state, patch_features)
    assert read == [1] * WORDS.shape[1]
    assert len(seen) == 1, "the image's keys and values are computed once"


def test_mode_r_does_not_see_the_image(tienet, patch_features):
    torch.testing.assert_close(
        tienet.classify_report(patch_features, WORDS), tienet.classify_report(patch_features.flip(0), WORDS)
    )


def test_mode_i_does_not_see_the_report_and_the_joint_modes_see_both(tienet, patch_features):
    here, there = tienet.embed(patch_features, WORDS), tienet.embed(patch_features, WORDS.roll(1, 0))
    assert not torch.allclose(tienet.classify_image_and_report(here), tienet.classify_image_and_report(there))
    ensemble_logits, others = (
        tienet.ensemble_logits(patch_features, here),
        tienet.ensemble_logits(patch_features, there),
    )
    torch.testing.assert_close(ensemble_logits[:, :2], others[:, :2])  # the classifier's and mode I's
    assert not torch.allclose(ensemble_logits[:, 2], others[:, 2])


def test_a_generated_report_is_trusted_only_as_far_as_fitted(tienet, patch_features):
    ensemble_logits = tienet.ensemble_logits(patch_features, tienet.embed(patch_features, WORDS))
    unfitted = (tienet.classifier_logits(patch_features) + tienet.classify_image(patch_features)) / 2
    torch.testing.assert_close(tienet.classify_image_and_generated(ensemble_logits), unfitted)
    with torch.no_grad():
        tienet.ensemble_weights.copy_(torch.tensor([0.5, 1.0, 2.0]))
        tienet.generated_bias.copy_(torch.arange(5.0))
    expected = 0.5 * ensemble_logits[:, 0] + ensemble_logits[:, 1] + 2 * ensemble_logits[:, 2] + torch.arange(5.0)
    torch.testing.assert_close(tienet.classify_image_and_generated(ensemble_logits), expected)


def test_a_finding_is_planned_from_its_probability_on(tienet):
    odds = torch.tensor([-5.0, 5.0, -5.0, 5.0, -5.0])
    with torch.no_grad():
        tienet.class_maps.weight.zero_()
        tienet.class_maps.bias.copy_(odds)
    assert (tienet.content_plan(tienet.patch_features(torch.rand(2, 12, 4, 4))) == odds.sign()).all()


def test_the_plan_steers_what_is_said(tienet, patch_features):
    present, absent = torch.ones(2, 5), -torch.ones(2, 5)
    here, there = (tienet.decoder(patch_features, WORDS, content_plan).logits for content_plan in (present, absent))
    assert not torch.allclose(here, there)


@pytest.mark.parametrize("tienet", ["lstm"], indirect=True)  # the transformer sees all that it has said
def test_a_word_covers_what_it_says_for_good(tienet, patch_features):
    decoder = tienet.decoder
    with torch.no_grad():
        decoder.coverage.weight[7, 2] = 2.0  # word 7 says label 2
    state = decoder.start(patch_features, torch.ones(2, 5))
    remaining = []
    for position in range(4):
        _, state = decoder.step(WORDS[:, position], state, patch_features)
        remaining.append(state[1][0, decoder.hidden_size :])
    assert torch.stack(remaining)[:, 2].round().tolist() == [1, 1, 0, 0]
    assert (remaining[-1][[0, 1, 3, 4]] > 0.98).all()


def test_word_weights_are_a_softmax_over_the_spoken_words():
    torch.manual_seed(0)
    text = AttentionEncodedText(6, rows=3, width=5)
    hidden = torch.rand(2, 4, 6)
    spoken = torch.tensor([[True] * 4, [True, True, False, False]])
    embedding, weights = text(hidden, spoken)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3))
    assert weights[1, :, 2:].abs().max() == 0
    torch.testing.assert_close(embedding, torch.einsum("nrt,nth->nrh", weights, hidden).amax(1))


def test_pooling_follows_the_words_that_matter():
    patch_features = torch.eye(3)[None]  # cell l has the feature l
    attention = torch.eye(3)[None]  # word t looks at cell t
    weights = torch.tensor([[[0.7, 0.2, 0.1], [0.0, 0.2, 0.8]]])
    expected = torch.tensor([[0.7, 0.2, 0.8]]) / 1.7
    torch.testing.assert_close(saliency_weighted_pooling(patch_features, attention, weights), expected)


def test_the_decoder_learns_to_look():
    """Two images with a mark in another cell are told apart by their words within a few steps."""
    torch.manual_seed(0)
    decoder = AttentionLSTM(
        4, slice(3, 4), labels=1, vocabulary=6, word_size=4, hidden_size=16, attention_size=4, dropout=0.0
    )
    patch_features = torch.zeros(2, 5, 4)
    patch_features[0, 1, 0] = patch_features[1, 3, 1] = 1.0
    words, said, content_plan = torch.tensor([[1], [1]]), torch.tensor([4, 5]), torch.zeros(2, 1)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(decoder(patch_features, words, content_plan).logits[:, 0], said)
        loss.backward()
        optimizer.step()
    assert decoder(patch_features, words, content_plan).logits[:, 0].argmax(-1).tolist() == [4, 5]
