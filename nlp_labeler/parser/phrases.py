"""Noun phrases of radiology: disorders, where they are, lists of them, and evidence of them."""

import random
import tomllib
from importlib import resources

from nlp_labeler.parser.node import Node

__all__ = ["Phrases"]


class Phrases:
    """Draws phrases from the vocabulary file.

    Args:
        seed: the same seed draws the same phrases in the same order.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        text = resources.files("nlp_labeler.parser").joinpath("vocabulary.toml").read_text(encoding="utf-8")
        self.vocabulary: dict[str, list[str]] = tomllib.loads(text)

    def pick(self, key: str) -> str:
        """One entry of a vocabulary list."""
        return self.random.choice(self.vocabulary[key])

    def chance(self, probability: float) -> bool:
        """Whether a coin of that bias falls."""
        return self.random.random() < probability

    def flat(self, phrase: str, relation: str = "root") -> Node:
        """A phrase headed by its last word."""
        *modifiers, head = phrase.split()
        return Node(head, relation, left=[Node(word, "amod") for word in modifiers])

    def place(self, relation: str = "nmod") -> Node:
        """A prepositional phrase such as "in the left lung base"."""
        node = self.flat(self.pick("places"), relation)
        words = [(self.random.choice(("in", "of", "at", "within")), "case")]
        return node.before(*words, *([("the", "det")] if self.chance(0.8) else []))

    def disorder(self, relation: str = "root", determiner: str | None = None, place: float = 0.15) -> Node:
        """A noun phrase that names a disorder."""
        node = self.flat(self.pick("disorders"), relation)
        qualities = [(self.pick("qualities"), "amod") for _ in range(self.random.choice((0, 0, 1, 1, 2)))]
        if self.chance(0.06):
            side = [("left", "amod"), ("-", "punct"), ("sided", "amod")]
            qualities = [*side, *qualities]
        node.before(*qualities)
        if determiner:
            node.before((determiner, "det"))
        if self.chance(place):
            node.after(self.place())
        return node

    def coordinated(
        self,
        relation: str = "root",
        determiner: str | None = None,
        conjunction: str = "or",
        most: int = 5,
        least: int = 1,
    ) -> Node:
        """One or more disorders joined by commas and a conjunction; later ones are conj of the first."""
        head = self.disorder(relation, determiner, place=0.05)
        count = self.random.choice([n for n in (1, 1, 2, 2, 2, 3, 3, 4, 5) if least <= n <= most])
        for number in range(1, count):
            conjunct = self.disorder("conj", place=0.05)
            last = number == count - 1
            if last and not self.chance(0.05):
                words = [(conjunction, "cc")]
                if count > 2 and self.chance(0.6):
                    words.insert(0, (",", "punct"))
                if self.chance(0.03):
                    words.append(("no", "det"))
                conjunct.before(*words)
            else:
                conjunct.before((",", "punct"))
            head.after(conjunct)
        return head

    def structure(self, relation: str = "root") -> Node:
        """A noun phrase that names an anatomical structure."""
        return self.flat(self.pick("structures"), relation).before(*([("the", "det")] if self.chance(0.7) else []))

    def evidence(self, relation: str, words: tuple[tuple[str, str], ...]) -> Node:
        """The phrase "evidence of X or Y", headed by "evidence"."""
        noun = self.random.choice(("evidence", "evidence", "sign", "suggestion", "radiographic evidence", "findings"))
        node = self.flat(noun, relation).before(*words)
        return node.after(self.coordinated("nmod").before((self.random.choice(("of", "of", "for")), "case")))
