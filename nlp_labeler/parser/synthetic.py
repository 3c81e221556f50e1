"""Synthetic radiology sentences whose dependency trees are known because a grammar made them.

A newspaper treebank has few telegraphic fragments ("No effusion or pneumothorax."), and a parser trained on it alone
attaches them badly. The grammar builds trees bottom up and then reads the words off them, so every arc is right by
construction.
"""

from collections.abc import Callable, Iterator

from nlp_labeler.parser.node import Node
from nlp_labeler.parser.phrases import Phrases
from nlp_labeler.parser.treebank import Tree

__all__ = ["generate_trees"]


class Sentences(Phrases):
    """Draws radiology sentences; each method returns a root, to which :meth:`sentence` adds the final stop."""

    def fragment_no(self) -> Node:
        """Sentence such as "No effusion, edema or pneumothorax"."""
        return self.coordinated(determiner="no")

    def fragment_no_evidence(self) -> Node:
        """Sentence such as "No evidence of X or Y"."""
        return self.evidence("root", (("no", "det"),))

    def fragment(self) -> Node:
        """Sentence such as "Small left effusion with atelectasis in the left base"."""
        node = self.coordinated(conjunction="and", most=3)
        if self.chance(0.3):
            node.after(self.disorder("nmod").before((self.random.choice(("with", "without", "with")), "case")))
        return node

    def existential(self) -> Node:
        """Sentence such as "There is no X or Y"."""
        verb = Node(self.random.choice(("is", "are"))).before(("there", "expl"))
        if self.chance(0.25):
            return verb.after(self.evidence("nsubj", (("no", "det"),)))
        determiner = self.random.choice(("no", "no", "no", "a", None))
        return verb.after(self.coordinated("nsubj", determiner, conjunction="or" if determiner == "no" else "and"))

    def passive(self) -> Node:
        """Sentence such as "No X, Y or Z is identified"."""
        determiner = self.random.choice(("no", "no", "no", None, "a"))
        subject = self.coordinated("nsubj", determiner, conjunction="or" if determiner == "no" else "and")
        return Node(self.pick("seen"), left=[subject, Node(self.random.choice(("is", "are")), "aux")])

    def passive_negated(self) -> Node:
        """Sentence such as "X is not seen", "X is no longer identified"."""
        node = Node(self.pick("seen"), left=[self.coordinated("nsubj"), Node(self.random.choice(("is", "are")), "aux")])
        if self.chance(0.5):
            node.left.append(Node("not", "advmod"))
        else:
            node.left.append(Node("longer", "advmod", left=[Node("no", "advmod")]))
        return node

    def negative_for(self) -> Node:
        """Sentence such as "Negative for X, Y or Z", "The lungs are free of X"."""
        adjective, preposition = self.random.choice((("negative", "for"), ("free", "of"), ("clear", "of")))
        node = Node(adjective)
        if self.chance(0.6):
            node.left = [self.structure("nsubj"), Node(self.random.choice(("is", "are")), "cop")]
        return node.after(self.coordinated("obl").before((preposition, "case")))

    def without(self) -> Node:
        """Sentence such as "The lungs are clear without X or evidence of Y"."""
        node = Node(self.pick("normals"), left=[self.structure("nsubj"), Node("are", "cop")])
        if self.chance(0.5):
            return node.after(self.coordinated("obl").before(("without", "case")))
        return node.after(self.evidence("obl", (("without", "case"),)))

    def hedged(self) -> Node:
        """Sentence such as "X may represent Y or Z"."""
        modal = self.random.choice(("may", "could", "might"))
        verb = self.pick("hedges")
        left = [self.disorder("nsubj", place=0.3), Node(modal, "aux")]
        if verb == "be":
            node = self.coordinated().before(("be", "cop"))
            node.left[:0] = left
            return node
        return Node(verb, left=left).after(self.coordinated("obj"))

    def suspicious(self) -> Node:
        """Sentence such as "X is concerning for Y", "findings consistent with Y"."""
        word, preposition = self.random.choice(
            ((self.pick("suspicions"), "for"), (self.pick("consistents"), "with"), ("suggestive", "of"))
        )
        object_ = self.coordinated("obl").before((preposition, "case"))
        subject = self.disorder(place=0.3) if self.chance(0.7) else Node("findings")
        if self.chance(0.5):
            return subject.after(Node(word, "amod").after(object_))
        return Node(word, left=[subject.under("nsubj"), Node("is", "cop")]).after(object_)

    def exclude(self) -> Node:
        """Sentence such as "X cannot be excluded", "Cannot exclude X"."""
        negation = [Node("can", "aux"), Node("not", "advmod")]
        if self.chance(0.5):
            left = [self.coordinated("nsubj"), *negation, Node("be", "aux")]
            return Node(self.random.choice(("excluded", "ruled")), left=left)
        return Node("exclude", left=negation).after(self.coordinated("obj"))

    def versus(self) -> Node:
        """Sentence such as "X versus Y in the left base"."""
        node = self.disorder()
        node.after(self.disorder("conj").before((self.random.choice(("versus", "vs", "or")), "cc")))
        return node.after(self.place()) if self.chance(0.4) else node

    def contrast(self) -> Node:
        """Sentence such as "No X, but mild Y is present", "No X. Otherwise Y"."""
        node = self.coordinated(determiner="no", most=2)
        return node.after(self.disorder("conj").before((",", "punct"), (self.random.choice(("but", "however")), "cc")))

    def change(self) -> Node:
        """Sentence such as "No change in X", "Interval resolution of X", "X has resolved"."""
        if self.chance(0.4):
            subject = self.coordinated("nsubj")
            verb = self.random.choice(("resolved", "cleared", "improved", "increased", "decreased", "worsened"))
            return Node(verb, left=[subject, Node("has", "aux")])
        noun = self.random.choice(("change", "resolution", "increase", "decrease", "improvement", "clearing"))
        head = Node(noun).before(self.random.choice((("no", "det"), ("interval", "amod"))))
        return head.after(self.coordinated("nmod", "the").before((self.random.choice(("in", "of")), "case")))

    def normal(self) -> Node:
        """Sentence such as "The heart and lungs are normal", "Heart size is normal and lungs are clear"."""
        node = Node(
            self.pick("normals"), left=[self.structure("nsubj"), Node(self.random.choice(("is", "are")), "cop")]
        )
        if self.chance(0.4):
            other = Node(
                self.pick("normals"), "conj", left=[Node("and", "cc"), self.structure("nsubj"), Node("are", "cop")]
            )
            node.after(other)
        elif self.chance(0.3):
            node.after(self.coordinated("conj", "no", most=2).before((",", "punct")))
        return node

    def hypothesis(self) -> Node:
        """Sentence such as "To exclude X", "If X is suspected, CT is recommended"."""
        if self.chance(0.5):
            return (
                Node(self.random.choice(("exclude", "evaluate", "assess")))
                .before(("to", "mark"))
                .after(self.coordinated("obj"))
            )
        clause = Node(
            "suspected", "advcl", left=[Node("if", "mark"), self.coordinated("nsubj", most=2), Node("is", "aux")]
        )
        clause.after(Node(",", "punct"))
        return Node("recommended", left=[clause, Node("ct", "nsubj"), Node("is", "aux")])

    def suggest(self) -> Node:
        """Sentence such as "No X to suggest Y", "X suggesting Y"."""
        determiner, verb, mark = self.random.choice(
            (("no", "suggest", "to"), (None, "suggesting", None), (None, "representing", None))
        )
        clause = Node(verb, "acl").before(*([(mark, "mark")] if mark else []))
        return self.disorder(determiner=determiner).after(clause.after(self.coordinated("obj", most=2)))

    def likely(self) -> Node:
        """Sentence such as "X, likely Y", "X which likely represents Y"."""
        apposition = self.coordinated("appos", most=2)
        apposition.before((",", "punct"), (self.random.choice(("likely", "probably", "possibly", "perhaps")), "advmod"))
        return self.disorder(place=0.3).after(apposition)

    def sentence(self) -> Tree:
        """One sentence, with or without its final stop."""
        makers: tuple[tuple[Callable[[], Node], int], ...] = (
            (self.fragment_no, 14),
            (self.fragment_no_evidence, 6),
            (self.fragment, 8),
            (self.existential, 12),
            (self.passive, 10),
            (self.passive_negated, 4),
            (self.negative_for, 8),
            (self.without, 8),
            (self.hedged, 6),
            (self.suspicious, 6),
            (self.exclude, 4),
            (self.versus, 4),
            (self.contrast, 4),
            (self.change, 6),
            (self.normal, 8),
            (self.hypothesis, 3),
            (self.suggest, 4),
            (self.likely, 4),
        )
        functions, weights = zip(*makers, strict=True)
        root = self.random.choices(functions, weights)[0]()
        if self.chance(0.9):
            root.after(Node(".", "punct"))
        return root.to_tree()


def generate_trees(count: int, seed: int) -> Iterator[Tree]:
    """Yield ``count`` synthetic sentences, the same for the same seed."""
    grammar = Sentences(seed)
    for _ in range(count):
        yield grammar.sentence()
