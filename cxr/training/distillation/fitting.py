"""Networks that are trained at the same time on films in memory.

A small network leaves most of an accelerator idle: its step is a thousand kernels of a few microseconds. Each step is
therefore recorded once as a CUDA graph, and the graphs of several networks are replayed side by side on streams of
their own. On a processor the networks are trained one after the other by the same steps.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss
from torch.optim import AdamW
from torch.optim.swa_utils import get_ema_multi_avg_fn

from cxr.errors import DatasetError
from cxr.models.classifier import ChestXray8Network, ModelOutput
from cxr.training.distillation.films import plain_views, random_views, shown_maps
from cxr.training.distillation.recipe import NetworkRecipe

__all__ = ["Fit", "NetworkOutputs", "Targets", "fit_together", "predict_films"]

# Steps before a graph is recorded: libraries choose their algorithms in the first.
_WARM_UP = 3


@dataclass(frozen=True)
class Targets:
    """What N films teach, on the device that holds them.

    Attributes:
        findings: (N, C) in [0, 1], NaN where nothing is known.
        maps: (N, C, s, s) class maps of teachers, or None.
    """

    findings: Tensor
    maps: Tensor | None = None


@dataclass(frozen=True)
class NetworkOutputs:
    """What a network says of N films.

    Attributes:
        logits: (N, C).
        maps: (N, C, S, S) float16 class maps, or None.
    """

    logits: Tensor
    maps: Tensor | None


class Fit:
    """One network being trained; :func:`fit_together` takes the steps.

    Args:
        network: with its initial weights; changed in place.
        films: (M, S, S) uint8, where the network is.
        targets: of the M films.
        rows: which of the M films it learns from.
        recipe: how.
        seed: of the order of the films and of all random numbers.
    """

    def __init__(
        self,
        network: ChestXray8Network,
        films: Tensor,
        targets: Targets,
        rows: NDArray[np.int64],
        recipe: NetworkRecipe,
        seed: int,
    ) -> None:
        network.backbone.freeze(recipe.frozen)
        self.network = network.train()
        self.films, self.targets, self.recipe, self.seed = films, targets, recipe, seed
        order = _order(rows, recipe, seed)
        self.steps = len(order)
        self._order = torch.from_numpy(order).to(films.device)
        self._rates = torch.from_numpy(_rates(self.steps, recipe)).to(films.device)
        self._position = torch.zeros(1, dtype=torch.long, device=films.device)
        self._trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self._kept = [*self._trained, *(b for b in network.buffers() if b.is_floating_point())]
        self._averaged = [value.detach().clone() for value in self._kept]
        self._average = get_ema_multi_avg_fn(recipe.ema_decay)
        self._rate = torch.tensor(0.0, device=films.device)
        self._optimizer = AdamW(
            [
                {"params": [p for p in self._trained if (p.ndim > 1) == decayed], "weight_decay": decay}
                for decayed, decay in ((True, recipe.weight_decay), (False, 0.0))
            ],
            lr=self._rate,
            fused=True,
            capturable=films.is_cuda,
        )

    def step(self) -> None:
        """Learn from the next batch. Nothing in it depends on the host, so that it can be recorded and replayed."""
        recipe = self.recipe
        rows = self._order.index_select(0, self._position)[0]
        self._rate.copy_(self._rates.index_select(0, self._position)[0])
        views = random_views(self.films.index_select(0, rows), recipe.image_size, recipe.views)
        output = _output(self.network, views.images)
        loss = _finding_loss(output.logits, self.targets.findings.index_select(0, rows))
        if recipe.map_weight and self.targets.maps is not None:
            maps = shown_maps(self.targets.maps.index_select(0, rows), views.transforms, output.class_maps.shape[-1])
            loss = loss + recipe.map_weight * mse_loss(output.class_maps, maps)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._trained, recipe.gradient_clip, foreach=True)
        self._optimizer.step()
        self._average(self._averaged, [value.detach() for value in self._kept], 0)
        self._position.add_(1)

    def forget_gradients(self) -> None:
        """Before each step that is not a replay."""
        self._optimizer.zero_grad(set_to_none=True)

    def finish(self) -> ChestXray8Network:
        """The network with its averaged weights, in evaluation mode."""
        with torch.no_grad():
            for value, averaged in zip(self._kept, self._averaged, strict=True):
                value.copy_(averaged)
        self.forget_gradients()
        return self.network.eval()


def fit_together(fits: Sequence[Fit], progress: Callable[[int, int], None] = lambda *_: None) -> None:
    """Train all networks to the end.

    Args:
        fits: not started yet, all on one device.
        progress: told after each round of steps how many steps are done, of how many.
    """
    steps = sum(fit.steps for fit in fits)
    done = 0
    for taken in _steps_side_by_side(fits) if fits[0].films.is_cuda else _steps_in_turn(fits):
        done += taken
        progress(done, steps)


def _steps_in_turn(fits: Sequence[Fit]) -> Iterator[int]:
    for fit in fits:
        torch.manual_seed(fit.seed)
        for _ in range(fit.steps):
            fit.forget_gradients()
            fit.step()
            yield 1


def _steps_side_by_side(fits: Sequence[Fit]) -> Iterator[int]:
    """Graphs replayed in rounds; every so often the host waits for the device, so that it tells the truth."""
    streams = [torch.cuda.Stream() for _ in fits]
    graphs = []
    for fit, stream in zip(fits, streams, strict=True):
        torch.manual_seed(fit.seed)
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(min(_WARM_UP, fit.steps)):
                fit.forget_gradients()
                fit.step()
            fit.forget_gradients()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            fit.step()
        graphs.append(graph)
    for step in range(_WARM_UP, max(fit.steps for fit in fits)):
        running = [(g, s) for f, g, s in zip(fits, graphs, streams, strict=True) if step < f.steps]
        for graph, stream in running:
            with torch.cuda.stream(stream):
                graph.replay()
        if step % 20 == 0:
            torch.cuda.synchronize()
        yield len(running)
    torch.cuda.synchronize()


@torch.inference_mode()
def predict_films(
    network: ChestXray8Network, films: Tensor, size: int, *, maps: bool = False, batch_size: int = 32
) -> NetworkOutputs:
    """What a trained network says of films as they are.

    The last batch is filled up with its last film: for every new shape of a batch, libraries choose their algorithms
    anew, which on an accelerator takes longer than all the batches.

    Args:
        network: in evaluation mode.
        films: (N, S, S) uint8, where the network is.
        size: side of its input in pixels.
        maps: whether class maps are wanted.
        batch_size: films at a time.
    """
    logits, shown = [], []
    for batch in films.split(batch_size):
        filled = torch.cat([batch, batch[-1:].expand(batch_size - len(batch), -1, -1)])
        found = _output(network, plain_views(filled, size))
        logits.append(found.logits[: len(batch)])
        if maps:
            shown.append(found.class_maps[: len(batch)].half())
    return NetworkOutputs(torch.cat(logits), torch.cat(shown) if maps else None)


def _output(network: ChestXray8Network, images: Tensor) -> ModelOutput:
    """(N, 1, H, W) in [0, 1] -> ModelOutput. On an accelerator the convolutions work in bfloat16."""
    kind = images.device.type
    with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda", cache_enabled=False):
        features = network.features(images)
    return network.classify(features.float())


def _order(rows: NDArray[np.int64], recipe: NetworkRecipe, seed: int) -> NDArray[np.int64]:
    """(steps, batch size): every epoch in an order of its own, without its last incomplete batch."""
    batches = len(rows) // recipe.batch_size
    if batches == 0:
        raise DatasetError(f"{len(rows)} films are fewer than a batch of {recipe.batch_size}")
    epochs = [
        np.random.default_rng([seed, epoch]).permutation(rows)[: batches * recipe.batch_size]
        for epoch in range(recipe.epochs)
    ]
    return np.concatenate(epochs).reshape(-1, recipe.batch_size)


def _rates(steps: int, recipe: NetworkRecipe) -> NDArray[np.float32]:
    """(steps,) learning rates: a linear rise, then half a cosine down to 0."""
    warm_up = round(recipe.warmup_fraction * steps)
    step = np.arange(steps)
    rise = (step + 1) / max(1, warm_up)
    fall = 0.5 * (1 + np.cos(np.pi * (step - warm_up) / max(1, steps - warm_up)))
    return (recipe.learning_rate * np.where(step < warm_up, rise, fall)).astype(np.float32)


def _finding_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy over the known targets, which may be soft."""
    known = ~torch.isnan(targets)
    losses = binary_cross_entropy_with_logits(logits, targets.nan_to_num(), reduction="none")
    return (losses * known).sum() / known.sum().clamp(min=1)
