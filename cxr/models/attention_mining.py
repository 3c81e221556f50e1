"""Iterative attention mining (AM, Cai 2018): hide what the network looked at, and make it find further evidence."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from cxr.models.classifier import ChestXray8Network, ModelOutput


def salient_cells(class_maps: Tensor, tau: float) -> Tensor:
    """The cells of each map whose min-max normalised value exceeds ``tau``.

    Args:
        class_maps: (N, C, S, S).
        tau: in (0, 1).

    Returns:
        (N, C, S, S) bool; none of a constant map.
    """
    low, high = class_maps.amin(dim=(2, 3), keepdim=True), class_maps.amax(dim=(2, 3), keepdim=True)
    return class_maps - low > tau * (high - low)


class AttentionMiningNetwork(ChestXray8Network):
    """The unified network with T prediction layers, each scoring what the layers before it did not attend to.

    Pooling acts on the class maps, so that hiding cells of one label leaves the other labels alone at no extra cost:
    for a linear prediction layer, hiding a cell of the features for label c and leaving it out of c's map are the same.
    The label's map is the element-wise maximum over the steps, its score the maximum as well.

    Args:
        steps: T >= 1; 1 is the network with its pooling moved behind the prediction layer.
        tau: saliency above which a cell is hidden from the next step, in (0, 1).
        **parts: as for ChestXray8Network.
    """

    def __init__(self, *, steps: int, tau: float, **parts: object) -> None:
        super().__init__(**parts)  # type: ignore[arg-type]  # passed on as they are
        self.tau = tau
        self.later_predictions = nn.ModuleList(
            nn.Linear(self.prediction.in_features, self.prediction.out_features) for _ in range(steps - 1)
        )

    def start_mining(self) -> None:
        """Let every later step start from what the first has learned."""
        for later in self.later_predictions:
            later.load_state_dict(self.prediction.state_dict())

    def classify(self, features: Tensor) -> ModelOutput:
        """(N, D, S, S) -> ModelOutput with C labels and T steps."""
        embedding = self.pooling(features)
        dropped = self.dropout(features)
        hidden = torch.zeros_like(features[:, :1], dtype=torch.bool)
        steps, maps = [], []
        for prediction in (self.prediction, *self.later_predictions):
            step_map = conv2d(dropped, prediction.weight[:, :, None, None], prediction.bias)
            lowest = step_map.amin(dim=(2, 3), keepdim=True)
            visible = torch.where(hidden, lowest, step_map)
            steps.append(self.pooling(visible))
            maps.append(visible)
            hidden = hidden | salient_cells(visible, self.tau)
        step_logits = torch.stack(steps, dim=1)
        logits, class_maps = step_logits.amax(dim=1), torch.stack(maps, dim=1).amax(dim=1)
        return ModelOutput(
            logits=logits,
            class_maps=class_maps,
            embedding=embedding,
            step_logits=step_logits,
            seed_maps=class_maps,
            conditional_logits=logits,
        )
