"""What every image classifier returns."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class ModelOutput:
    """Result of one forward pass over N images with C labels.

    Attributes:
        logits: (N, C), one per label, before the sigmoid.
        class_maps: (N, C, S, S), evidence for each label per cell in logit units, before pooling.
        embedding: (N, D), the pooled image features, used for retrieval.
    """

    logits: Tensor
    class_maps: Tensor
    embedding: Tensor
