"""What every image classifier returns."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class ModelOutput:
    """Result of one forward pass over N images with C labels.

    Attributes:
        logits: (N, C), one per label, before the sigmoid.
        class_maps: (N, C, S, S), evidence for each label per cell in logit units, before pooling; what is shown.
        embedding: (N, D), the pooled image features, used for retrieval.
        step_logits: (N, T, C), the scores of each step of attention mining; None without it.
        seed_maps: (N, C, S, S), the classification path's own class maps where ``class_maps`` are another path's
            (attention guidance); None otherwise.
        conditional_logits: (N, C), each label's score given that its parent is present; None without an ontology.
        outlines: (N, 3, SIDE, SIDE), where lungs and heart lie, as of cxr.models.outlines.OutlinedChest.logits; None
            from a network that does not look.
    """

    logits: Tensor
    class_maps: Tensor
    embedding: Tensor
    step_logits: Tensor | None = None
    seed_maps: Tensor | None = None
    conditional_logits: Tensor | None = None
    outlines: Tensor | None = None
