"""Slips of dictation and typing, kept away from the words that carry the diagnosis most of the time."""

import numpy as np

__all__ = ["mistype"]

CARRIERS = (
    "no", "not", "without", "free", "negative", "effusion", "pneumo", "atelect", "cardio", "enlarged", "infiltr",
    "mass", "nodul", "consolid", "edema", "emphys", "fibro", "pleural", "resol", "clear", "left", "right",
)  # fmt: skip


def mistype(text: str, rng: np.random.Generator) -> str:
    """Swap, drop or double a letter in one or two words of a text."""
    words = text.split(" ")
    safe = [i for i, word in enumerate(words) if len(word) > 4 and not word.lower().startswith(CARRIERS)]
    for index in rng.permutation(safe)[: int(rng.integers(1, 3))]:
        word = words[index]
        at = int(rng.integers(1, len(word) - 2))
        slip = int(rng.integers(3))
        if slip == 0:
            word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        elif slip == 1:
            word = word[:at] + word[at + 1 :]
        else:
            word = word[:at] + word[at] + word[at:]
        words[index] = word
    return " ".join(words)
