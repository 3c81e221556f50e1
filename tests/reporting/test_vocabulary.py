import pytest

from cxr.reporting.vocabulary import SPECIAL_WORDS, Vocabulary

VOCABULARY = Vocabulary((*SPECIAL_WORDS, "small", "effusion", ".", ",", "1", "(", ")", "x-ray"))


def render(text):
    return VOCABULARY.render([VOCABULARY.number(word) for word in text.split()])


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("<findings> small effusion . small effusion .", "FINDINGS: Small effusion. Small effusion."),
        ("<findings> effusion . <impression> 1 . small .", "FINDINGS: Effusion.\nIMPRESSION: 1. Small."),
        ("small , small ( x-ray ) .", "Small, small (x-ray)."),
        ("<start> small <unknown> effusion <end> small", "Small effusion"),
        ("", ""),
    ],
)
def test_words_become_a_report(words, text):
    assert render(words)[0] == text


def test_every_word_is_found_at_its_place():
    text, spans = render("<start> <findings> small effusion , small . <end>")
    found = [text[a:b].lower() for a, b in spans]
    assert found == ["", "findings:", "small", "effusion", ",", "small", "."]


@pytest.mark.parametrize("words", [("small",), SPECIAL_WORDS[::-1], (*SPECIAL_WORDS, "a", "a")])
def test_another_beginning_or_a_repeated_word_is_refused(words):
    with pytest.raises(ValueError, match="vocabulary"):
        Vocabulary(tuple(words))
