"""The term language, the normal form, misspellings, and the shipped tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_labeler.cues import cue_rules
from nlp_labeler.errors import ConfigError
from nlp_labeler.findings import LABELS
from nlp_labeler.lexicon.tables import PatternIndex, compile_term, validate
from nlp_labeler.mentions import Concept, concepts, find_mentions
from nlp_labeler.spelling import mend
from nlp_labeler.words import normalize

GROUPS = {"heart": ["heart", "cardiac silhouette"], "nested": ["{heart}", "chest"], "loop": ["{loop}"]}


def match(term, text):
    words = normalize(text)
    return [
        words.text[a:b].strip()
        for _, a, b in PatternIndex([("x", compile_term(term, GROUPS))]).find_all(
            words.text, words.tokens, words.starts
        )
    ]


@pytest.mark.parametrize(
    ("term", "text", "expected"),
    [
        ("nodule(s)", "a nodule and nodules", ["nodule", "nodules"]),
        ("nodule(s)", "nodular", []),
        ("opacit(y|ies)", "opacity opacities opacit", ["opacity", "opacities"]),
        ("large? heart", "the large heart, the heart", ["large heart", "heart"]),
        ("very* large", "very very large", ["very very large"]),
        ("{heart} large", "cardiac silhouette large", ["cardiac silhouette large"]),
        ("{nested} large", "chest large heart large", ["chest large", "heart large"]),
        ("collapse ... lobe", "collapse of the left upper lobe", ["collapse of the left upper lobe"]),
        ("collapse ... lobe", "collapse. The lobe", []),
        ("collapse ... lobe", "collapse and no lobe", []),
        ("air space", "Air-space", ["air space"]),
        ("pleural", "subpleural", []),
    ],
)
def test_terms_match_whole_words(term, text, expected):
    assert match(term, text) == expected


@pytest.mark.parametrize(
    ("term", "message"),
    [
        ("... lobe", "begins with"),
        ("large?", "can match nothing"),
        ("{liver} large", "names the word group 'liver'; known groups: heart, loop, nested"),
        ("he[ar]t", "neither a word"),
        ("{loop}", "inside itself"),
    ],
)
def test_malformed_terms_are_refused(term, message):
    with pytest.raises(ConfigError, match=message):
        compile_term(term, GROUPS)


def test_the_longest_term_wins_and_terms_do_not_overlap():
    index = PatternIndex([("short", compile_term("lung", {})), ("long", compile_term("lung mass", {}))])
    words = normalize("lung mass lung")
    assert [key for key, _, _ in index.find_all(words.text, words.tokens, words.starts)] == ["long", "short"]


@given(st.text(max_size=200))
def test_the_normal_form_maps_back_to_the_sentence(text):
    words = normalize(text)
    assert len(words.tokens) == len(words.spans) == len(words.starts) - 1
    assert words.text == "".join(f"{token} " for token in words.tokens)
    for number in range(len(words.tokens)):
        assert words.source(words.starts[number], words.starts[number + 1]) == words.spans[number]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("atelectesis", "atelectasis"),
        ("atelectsis", "atelectasis"),
        ("pneumothroax", "pneumothorax"),
        ("consolidationn", "consolidation"),
        ("diffusion", "diffusion"),
        ("infusion", "infusion"),
        ("nodule", "nodule"),
        ("effusions", "effusions"),
        ("heart", "heart"),
        ("unilateral", "unilateral"),
        ("inspiration", "inspiration"),
    ],
)
def test_misspellings_are_mended_and_words_are_not(word, expected):
    assert mend(word) == expected


def test_every_word_of_the_terms_survives_mending():
    """A term that the mending would change could never match."""
    for concept in concepts().values():
        for term in concept.terms:
            plain = [word for word in term.split() if word.isalpha()]
            assert [mend(word) for word in plain] == plain, term


def test_every_label_has_a_concept_with_an_umls_id():
    named = {concept.finding for concept in concepts().values() if concept.cui}
    assert named >= set(LABELS)


def test_unknown_keys_of_a_concept_are_refused_by_name():
    with pytest.raises(ConfigError, match="terns"):
        validate({"x": {"terms": ["a"], "terns": ["b"]}}, dict[str, Concept], "my.toml")
    with pytest.raises(ConfigError, match="cui"):
        validate({"x": {"terms": ["a"], "cui": "18800"}}, dict[str, Concept], "my.toml")


def test_every_cue_rule_has_an_assertion_or_is_pseudo_or_a_stop():
    for name, cue in cue_rules().items():
        assert (cue.assertion is None) == name.startswith(("pseudo.", "stops.")), name


def test_mentions_are_leftmost_longest():
    words = normalize("Left pleural effusion with compressive atelectasis.")
    found = [(m.concept, words.text[m.start : m.end].strip()) for m in find_mentions(words)]
    assert found == [("pleural_effusion", "pleural effusion"), ("atelectasis", "compressive atelectasis")]
