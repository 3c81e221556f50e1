"""A dependency tree while a grammar builds it, bottom up."""

from dataclasses import dataclass, field

from nlp_labeler.parser.treebank import Tree

__all__ = ["Node"]


@dataclass(slots=True)
class Node:
    """A word with its dependents on either side, nearest last on the left and nearest first on the right."""

    word: str
    relation: str = "root"
    left: list["Node"] = field(default_factory=list)
    right: list["Node"] = field(default_factory=list)

    def under(self, relation: str) -> "Node":
        """The same node attached by ``relation``."""
        self.relation = relation
        return self

    def before(self, *words: tuple[str, str]) -> "Node":
        """Add left dependents given as (word, relation), outermost first."""
        self.left[:0] = [Node(word, relation) for word, relation in words]
        return self

    def after(self, *nodes: "Node") -> "Node":
        """Add right dependents."""
        self.right.extend(nodes)
        return self

    def to_tree(self) -> Tree:
        """The words in order with heads and relations."""
        words: list[str] = []
        heads: list[int] = []
        relations: list[str] = []

        def visit(node: Node) -> int:
            pending = [visit(child) for child in node.left]
            index = len(words)
            words.append(node.word)
            heads.append(index)
            relations.append(node.relation)
            pending.extend(visit(child) for child in node.right)
            for child in pending:
                heads[child] = index
            return index

        visit(self)
        return Tree(tuple(words), tuple(heads), tuple(relations))
