"""A frozen copy of the network that later training is compared with, or guided by."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from cxr.models.output import ModelOutput


class Teacher:
    """Holds a copy that is not a part of the module being trained: no gradient, no averaging, no decay reaches it."""

    def __init__(self) -> None:
        self.model: nn.Module | None = None

    def copy(self, model: nn.Module) -> None:
        """Freeze the model as it now is."""
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> ModelOutput | None:
        """What the frozen copy says of (N, 1, H, W) images in [0, 1]; None before there is one."""
        return None if self.model is None else self.model(images)

    def state(self) -> dict[str, Any]:
        """Weights for a resume file; empty before there is a copy."""
        return {} if self.model is None else self.model.state_dict()

    def restore(self, state: dict[str, Any], like: nn.Module) -> None:
        """The copy that ``state`` came from, in the shape of ``like``."""
        if state:
            self.copy(like)
            assert self.model is not None
            self.model.load_state_dict(state)
