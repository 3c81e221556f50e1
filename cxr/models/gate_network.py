"""A small convolutional network that looks at a picture as a whole: is it an upright frontal chest?"""

from torch import Tensor, nn

from cxr.models.unet import standardize

__all__ = ["GateNetwork"]


class GateNetwork(nn.Module):
    """Five strided stages, flattened so that positions count: which way is up is a question of where things lie.

    Args:
        outputs: number of logits.
        size: side of the input in pixels, divisible by 32.
        widths: channels per stage.
    """

    def __init__(self, outputs: int, size: int, widths: tuple[int, ...] = (16, 32, 64, 96, 128)) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        for inputs, width in zip((1, *widths[:-1]), widths, strict=True):
            stages += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True)]
            stages += [nn.MaxPool2d(2)]
        self.stages = nn.Sequential(*stages)
        cells = (size // 2 ** len(widths)) ** 2
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(widths[-1] * cells, outputs))

    def forward(self, image: Tensor) -> Tensor:
        """(N, 1, size, size) in [0, 1] -> (N, outputs) logits."""
        return self.head(self.stages(standardize(image)))
